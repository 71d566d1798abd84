#include "core/fields.h"

#include <algorithm>
#include <bit>

namespace assay {

void CanonicalText::operator()(const Field& field, const int64_t& value) {
    text_ += std::string(field.name) + "=i" + std::to_string(value) + "\n";
}

void CanonicalText::operator()(const Field& field, const double& value) {
    text_ += std::string(field.name) + "=d" + std::to_string(std::bit_cast<uint64_t>(value)) + "\n";
}

void CanonicalText::operator()(const Field& field, const bool& value) {
    text_ += std::string(field.name) + (value ? "=b1\n" : "=b0\n");
}

void CanonicalText::operator()(const Field& field, const std::string& value) {
    text_ += std::string(field.name) + "=s" + std::to_string(value.size()) + ":" + value + "\n";
}

namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
        }
    }
    return row[b.size()];
}

}  // namespace

std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates) {
    std::string best;
    size_t best_distance = std::max<size_t>(2, word.size() / 2) + 1;
    for (const std::string& candidate : candidates) {
        const size_t distance = edit_distance(word, candidate);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

}  // namespace assay
