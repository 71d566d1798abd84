// What reader and writer of a segment predict: the next gap, sign, magnitude and scale from those
// that came before in the segment (docs/compression.md, "Models").
//
// Integers only, and never more than what both sides know. Probabilities stay as they are within a
// chunk and follow its counts behind it. One thread owns a model.

#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "compression/symbol_coder.h"

namespace assay {

// Probability of a 1 in units of 1 / 4096, from counts.
class BitModel {
public:
    // Counts to begin with. REQUIRES: not both 0.
    BitModel(uint32_t zeros, uint32_t ones) : counts_{zeros, ones} { update(); }
    [[nodiscard]] uint32_t one() const { return one_; }
    // Counts change the probability at the next update() alone, so that a chunk has one.
    void count(bool bit) { ++counts_[bit ? 1 : 0]; }
    void count(uint32_t ones, uint32_t zeros) {
        counts_[0] += zeros;
        counts_[1] += ones;
    }
    void update();

private:
    std::array<uint32_t, 2> counts_;
    uint32_t one_ = 0;
};

// Numbers around a mean that is tracked.
class NumberModel {
public:
    // Begins with the weight of four numbers of this mean.
    explicit NumberModel(uint32_t mean) : sum_(uint64_t{mean} << 8), count_(4) {}
    [[nodiscard]] NumberClass as() const {
        return number_class(static_cast<uint32_t>(sum_ / count_));
    }
    // Halves the past from time to time, so that the mean follows.
    void count(uint32_t number);

private:
    uint64_t sum_;  // in units of 1 / 64
    uint64_t count_;
};

// floor(a / (left + 1)) = a * kReciprocals[left] >> 32 for a < 2^19, left <= 4096.
constexpr std::array<uint64_t, 4097> make_reciprocals() {
    std::array<uint64_t, 4097> result{};
    for (uint64_t left = 0; left < result.size(); ++left) {
        result[left] = (uint64_t{1} << 32) / (left + 1) + (left == 0 ? 0 : 1);
    }
    return result;
}
inline constexpr std::array<uint64_t, 4097> kReciprocals = make_reciprocals();

// How the gap in front of an index is coded, and what is counted for it.
struct GapPlace {
    NumberClass as;
    uint32_t mean = 0;  // if all places were alike, in units of 1 / 64
    uint32_t history = 0;
};

// Gaps are predicted from the mean of what is left of the chunk and from the last gaps.
class GapModel {
public:
    GapModel();
    // `free` values that are not kept and `left` that are; recent: a decaying mean of the last
    // gaps, in units of 1 / 64. REQUIRES: free + left <= 4096.
    [[nodiscard]] GapPlace first_place(uint32_t free, uint32_t left) const {
        return at(mean_of(free, left), kNoHistory);
    }
    [[nodiscard]] GapPlace place(uint32_t free, uint32_t left, uint32_t recent) const {
        const uint32_t mean = mean_of(free, left);
        const uint32_t log = quarter_log(recent + 64) + 8;
        const uint32_t mean_log = quarter_log(mean + 64);
        const uint32_t ratio = log < mean_log ? 0 : (log - mean_log) / 2;
        return at(mean, ratio < 7 ? ratio : 7);
    }
    static uint32_t first_recent(uint32_t gap) { return gap << 6; }
    static uint32_t next_recent(uint32_t recent, uint32_t gap) {
        return recent - (recent >> 2) + (gap << 4);
    }
    void count(const GapPlace& place, uint32_t gap) {
        gaps_[place.history] += gap << 6;
        means_[place.history] += place.mean;
    }
    void update();

private:
    static constexpr uint32_t kNoHistory = 8;
    static constexpr uint32_t kHistories = 9;  // eight ratios of recent to mean, and no history
    static constexpr uint32_t kRatioBits = 12;
    [[nodiscard]] static uint32_t mean_of(uint32_t free, uint32_t left) {
        return static_cast<uint32_t>(uint64_t{free << 6} * kReciprocals[left] >> 32);
    }
    [[nodiscard]] GapPlace at(uint32_t mean, uint32_t history) const {
        const uint64_t scaled = uint64_t{mean} * ratios_[history] >> kRatioBits;
        const uint64_t within = scaled < kMeanLimit ? scaled : kMeanLimit;
        return {number_class(static_cast<uint32_t>(within)), mean, history};
    }

    std::array<uint64_t, kHistories> gaps_{};
    std::array<uint64_t, kHistories> means_{};
    std::array<uint32_t, kHistories> ratios_{};  // in units of 1 / 4096
};

// Signs repeat in a column, in some tensors almost always.
class SignModel {
public:
    // A new tensor, or a part of one: nothing is known of its columns.
    void begin(uint64_t columns);
    // Negative where the column's last values were; 0 if there was none; at most 3 either way.
    [[nodiscard]] int history(size_t column) const { return columns_[column]; }
    // Probability that the sign is not the predicted one. REQUIRES: |history| <= 3.
    [[nodiscard]] uint32_t surprise(int history) const {
        return models_[static_cast<size_t>(history < 0 ? -history : history)].one();
    }
    void count(size_t column, int history, bool surprise) {
        models_[static_cast<size_t>(history < 0 ? -history : history)].count(surprise);
        const bool negative = surprise != (history < 0);
        const int moved = history + (negative ? -1 : 1);
        const int after = moved == 0 ? (negative ? -1 : 1) : moved;
        columns_[column] = static_cast<int8_t>(after < -3 ? -3 : (after > 3 ? 3 : after));
    }
    void update();

private:
    std::vector<int8_t> columns_;
    std::array<BitModel, 4> models_{BitModel(4, 4), BitModel(4, 4), BitModel(4, 4), BitModel(4, 4)};
};

struct UpdateModel {
    NumberModel missing{0};  // entries below k
    BitModel single{4, 4};   // whether all magnitudes of a chunk are high
    NumberModel high{8};     // distance of the high scale from that of the chunk before, folded
    NumberModel span{4};     // the same of high - low - 1
    GapModel gaps;
    SignModel signs;
    BitModel magnitude{6, 2};  // 1: high
    int32_t last_high = 1920;  // pattern of 2^-7
    int32_t last_span = 8;

    // As new, but for the room that it has for columns. A tensor begins next.
    void restart() {
        SignModel room = std::move(signs);
        *this = UpdateModel();
        signs = std::move(room);
    }
    void update() {
        single.update();
        gaps.update();
        signs.update();
        magnitude.update();
    }
};

// 0, -1, 1, -2, .. as 0, 1, 2, 3, ..
constexpr uint32_t folded(int32_t x) {
    return x < 0 ? 2 * static_cast<uint32_t>(-x) - 1 : 2 * static_cast<uint32_t>(x);
}
constexpr int32_t unfolded(uint32_t x) {
    return (x & 1U) != 0 ? -static_cast<int32_t>(x / 2) - 1 : static_cast<int32_t>(x / 2);
}

}  // namespace assay
