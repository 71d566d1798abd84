// What differs between two models of one shape: tensor by tensor and in all.
//
// Knows values alone: neither which of the two is right nor where they came from. Plain values.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoints/snapshot.h"
#include "core/result.h"

namespace assay {

struct TensorDiff {
    std::string name;
    uint64_t values = 0;
    uint64_t equal = 0;       // the same bits
    uint64_t not_finite = 0;  // differences that are no number; in no norm, never the largest
    double first_squares = 0;
    double squares = 0;  // of the difference, first - second
    double largest = 0;  // |first - second|
    uint64_t row = 0;    // of the largest, the first of several
    uint64_t column = 0;
    bool digests_equal = true;  // of the tensor's tiles

    // ||first - second||.
    [[nodiscard]] double norm() const;
    // ||first - second|| / ||first||; infinite where only the latter is 0.
    [[nodiscard]] double relative() const;
};

struct SnapshotDiff {
    std::vector<TensorDiff> tensors;  // the model's, then the outer state's where both have one
    TensorDiff model;                 // all the model's; `largest` has no place in it
    std::string largest_tensor;       // where the model's largest difference is; "" if none
    uint64_t first_round = 0;
    uint64_t second_round = 0;

    // Whether every tensor has the same digests: the same bits, not nearly the same values.
    [[nodiscard]] bool equal() const;
};

// Fails where the shapes differ, naming each setting that does.
Result<SnapshotDiff> diff_snapshots(const Snapshot& first, const Snapshot& second);

// For `assay checkpoint diff`: a table of at most 100 columns, and the same as JSON.
std::string describe_diff(const SnapshotDiff& diff);
std::string diff_json(const SnapshotDiff& diff);

}  // namespace assay
