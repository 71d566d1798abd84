#include "compression/chunk_coder.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/check.h"

namespace assay {

namespace {

constexpr uint32_t kFractionBits = 23;
// The k-th greatest of 256 groups is a bound of the k-th greatest value; it is a close one while
// few values share a group.
constexpr uint32_t kKeptByGroups = 128;
constexpr uint32_t kGroupZeroBits = 12;

constexpr size_t kUsualBits = 3;

// 63 where there is none.
size_t lowest_bit(uint64_t word) {
    return static_cast<size_t>(__builtin_ctzll(word | uint64_t{1} << 63));
}

// Whether sums of `count` magnitudes between `least` and `most` (bits) are exact in double, so that
// their order does not matter: all are multiples of one power of two, and fewer than 2^53 of it.
bool sums_are_exact(uint32_t least, uint32_t most, size_t count) {
    const uint32_t low = std::max(1U, least >> kFractionBits);
    const uint32_t high = std::max(1U, most >> kFractionBits);
    return high - low + static_cast<uint32_t>(std::bit_width(count)) <= 52 - kFractionBits;
}

}  // namespace

ChunkCoder::ChunkCoder(KernelPath path) : ops_(chunk_ops(path)) {}

bool ChunkCoder::compress(const FeedbackIn& in,
                          uint64_t live,
                          uint32_t keep,
                          std::span<float> e_after,
                          ChunkCode& out,
                          ReadAhead& ahead) {
    ASSAY_CHECK(live > 0 && live <= kTileValues);
    ASSAY_CHECK_EQ(e_after.size(), kTileValues);
    if (ops_ == nullptr) {
        Result<ChunkCode> chunk = compress_chunk({in.theta_start, kTileValues},
                                                 {in.theta_end, kTileValues},
                                                 {in.e, kTileValues},
                                                 live,
                                                 in.beta,
                                                 keep,
                                                 e_after);
        if (chunk) {
            out = std::move(*chunk);
        }
        return chunk.ok();
    }
    uint32_t most = ops_->feedback(in, e_after.data(), groups_.data());
    if (live < kTileValues) {
        std::fill(e_after.begin() + static_cast<std::ptrdiff_t>(live), e_after.end(), 0.0F);
        most = ops_->group_maxima(e_after.data(), groups_.data());
    }
    if (most >= kInfinity) {
        return false;
    }
    select(e_after.data(), kept_count(live, keep), ahead);
    finish(e_after.data(), split_rule(keep), out, ahead);
    return true;
}

void ChunkCoder::code(std::span<float> values, uint64_t live, uint32_t keep, ChunkCode& out) {
    ASSAY_CHECK_EQ(values.size(), kTileValues);
    ASSAY_CHECK(live > 0 && live <= kTileValues);
    if (ops_ == nullptr) {
        out = code_chunk(values.first(live), keep);
        return;
    }
    ASSAY_CHECK_LT(ops_->group_maxima(values.data(), groups_.data()), kInfinity);
    ReadAhead none;
    select(values.data(), kept_count(live, keep), none);
    finish(values.data(), split_rule(keep), out, none);
}

// The k greatest magnitudes that are not zero; groups_ holds the maxima of `a`.
void ChunkCoder::select(const float* a, uint32_t k, ReadAhead& ahead) {
    const uint32_t bound = k <= kKeptByGroups
                               ? ops_->threshold(groups_.data(), kChunkGroups, k, kGroupZeroBits)
                               : ops_->threshold(a, kTileValues, k, 0);
    ops_->bitmap(a, std::max(1U, bound), words_.data());
    count_ = 0;
    for (size_t w = 0; w < kChunkBitmapWords; ++w) {
        ahead.go(1);
        uint64_t word = words_[w];
        const auto found = static_cast<size_t>(std::popcount(word));
        // Nobody can foresee how many there are: as many as usual without asking, then the rest.
        size_t at = count_;
        for (size_t i = 0; i < kUsualBits || i < found; ++i, ++at, word &= word - 1) {
            const size_t index = (w * 64 + lowest_bit(word)) % kTileValues;
            indices_[at] = static_cast<uint16_t>(index);
            magnitudes_[at] = std::fabs(a[index]);
        }
        count_ += found;
    }
    if (count_ > k) {
        narrow(k);
    }
    ASSAY_CHECK_LE(count_, size_t{k});
}

// From more than k candidates to the k greatest; of equal ones those of lower index.
void ChunkCoder::narrow(uint32_t k) {
    const size_t padded = (count_ + 15) / 16 * 16;
    std::fill(magnitudes_.begin() + static_cast<std::ptrdiff_t>(count_),
              magnitudes_.begin() + static_cast<std::ptrdiff_t>(padded),
              0.0F);
    // Magnitudes compare as their bits do.
    const float bound = std::bit_cast<float>(ops_->threshold(magnitudes_.data(), padded, k, 0));
    size_t above = 0;
    for (size_t i = 0; i < count_; ++i) {
        above += magnitudes_[i] > bound ? 1 : 0;
    }
    ASSAY_CHECK_LE(above, size_t{k});  // or the threshold is not the k-th greatest
    size_t equal = k - above;          // as many of those at the bound
    size_t kept = 0;
    for (size_t i = 0; i < count_; ++i) {
        const bool at_bound = magnitudes_[i] == bound;
        const bool take = magnitudes_[i] > bound || (at_bound && equal > 0);
        equal -= take && at_bound ? 1 : 0;
        indices_[kept] = indices_[i];
        magnitudes_[kept] = magnitudes_[i];
        kept += take ? 1 : 0;
    }
    count_ = kept;
}

// As split_classes of the selected magnitudes.
ClassSplit ChunkCoder::split(SplitRule rule) const {
    const float* magnitudes = magnitudes_.data();
    float least = magnitudes[0];
    float most = magnitudes[0];
    for (size_t i = 0; i < count_; ++i) {
        least = std::min(least, magnitudes[i]);
        most = std::max(most, magnitudes[i]);
    }
    if (!sums_are_exact(std::bit_cast<uint32_t>(least), std::bit_cast<uint32_t>(most), count_)) {
        std::array<double, kTileValues> wide{};
        std::copy(magnitudes, magnitudes + count_, wide.begin());
        return split_classes({wide.data(), count_}, rule);
    }
    const double total = ops_->low_sum(magnitudes, count_, HUGE_VAL).sum;
    double split = total / static_cast<double>(count_);
    for (int move = 0;; ++move) {
        const LowSum low = ops_->low_sum(magnitudes, count_, split);
        const double high_mean = (total - low.sum) / static_cast<double>(count_ - low.count);
        const double low_mean = low.count > 0 ? low.sum / static_cast<double>(low.count) : 0;
        if (move == split_moves(rule) || low.count == 0) {
            return {split, low_mean, high_mean};
        }
        split = moved_split(rule, low_mean, high_mean);
    }
}

// Codes of the selected entries; takes what they stand for out of `a`.
void ChunkCoder::finish(float* a, SplitRule rule, ChunkCode& out, ReadAhead& ahead) {
    const ChunkScales scales = count_ == 0 ? ChunkScales{} : chunk_scales(split(rule));
    out.low_scale = scales.low;
    out.high_scale = scales.high;
    const size_t count = scales.high == 0 ? 0 : count_;
    out.indices.resize(count);
    out.codes.resize(count);
    // By code: sign, magnitude.
    const float low = magnitude_from_scale(scales.low);
    const float high = magnitude_from_scale(scales.high);
    const float values[4] = {low, high, -low, -high};
    size_t kept = 0;
    for (size_t i = 0; i < count; ++i) {
        ahead.go(1);
        const uint16_t index = indices_[i];
        const bool is_high = static_cast<double>(magnitudes_[i]) >= scales.split;
        if (!is_high && scales.low == 0) {
            continue;
        }
        const uint32_t sign = std::bit_cast<uint32_t>(a[index]) >> 31;
        const uint32_t code = sign << 1 | (is_high ? 1U : 0U);
        a[index] -= values[code];
        out.indices[kept] = index;
        out.codes[kept] = static_cast<uint8_t>(code);
        ++kept;
    }
    out.indices.resize(kept);
    out.codes.resize(kept);
}

}  // namespace assay
