// Settings as data: name, unit, default, bounds and help of each setting stand in one place.
//
// An options struct has `template <class V> void for_each(V& visitor)` that calls
// visitor(Field{...}, member) once per setting. Defaults, parsing, --help, printing and the digest
// all follow from that list, so they cannot drift apart.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"

namespace assay {

struct Field {
    std::string_view name;
    std::string_view unit;  // "" for none
    double low = 0;         // bounds of numbers, both included
    double high = 0;
    std::string_view help;
    std::vector<std::string_view> choices = {};  // for strings; empty: anything
};

// Appends `name = value` of each field in order: the canonical text from which a digest is made.
// Doubles and floats are written as their bit patterns, so that no printing rule matters.
class CanonicalText {
public:
    void operator()(const Field& field, const int64_t& value);
    void operator()(const Field& field, const double& value);
    void operator()(const Field& field, const bool& value);
    void operator()(const Field& field, const std::string& value);
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string text_;
};

// The candidate nearest to `word` by edit distance; "" if none is near.
std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace assay
