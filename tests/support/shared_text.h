// The folder of public texts that some tests read, and how a test writes one of its own.

#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "core/files.h"
#include "tests/support/skip.h"

namespace assay {

inline void write_text(const std::filesystem::path& file, const std::string& text) {
    REQUIRE(write_file_atomically(file, as_bytes(text)).ok());
}

// A file of the shared texts, for cases tagged [needs_texts]; without it the case is skipped.
inline std::optional<std::filesystem::path> shared_file(const std::string& name) {
    const char* given = std::getenv("ASSAY_TEST_DATA");
    const std::filesystem::path folder =
        given != nullptr ? std::filesystem::path(given)
                         : std::filesystem::path(ASSAY_SOURCE_DIR) / "../shared/data";
    if (!std::filesystem::exists(folder / name)) {
        skip_case((folder / name).string() + " is not there (set ASSAY_TEST_DATA)");
        return std::nullopt;
    }
    return folder / name;
}

}  // namespace assay
