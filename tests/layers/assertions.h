// How densely invariants stand beside the code: assertions in a hundred lines, folder by folder.
//
// Counts ASSAY_CHECK* and static_assert where they are used; neither their definitions nor what a
// comment or a text says. Reads lines, as the house rules do.

#pragma once

#include <cstddef>
#include <string>

namespace assay {

struct AssertionCount {
    size_t lines = 0;
    size_t assertions = 0;

    void add(const AssertionCount& other);
    [[nodiscard]] double in_100_lines() const;
};

AssertionCount count_assertions(const std::string& text);

/// The folder that a source file of the product lies in; empty for another file, and for folders
/// that the product does without: tests, fuzz, studies, benchmarks.
std::string product_folder(const std::string& path);

}  // namespace assay
