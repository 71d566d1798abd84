#include "compression/update_model.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

namespace {

constexpr uint32_t kBitFloor = 32;       // of a probability
constexpr uint32_t kBitCountMax = 4096;  // counts are halved beyond
constexpr uint32_t kNumberCountMax = 256;
constexpr uint32_t kNumberTracked = 255;  // greater ones count as this
constexpr uint64_t kGapStart = 1 << 16;
constexpr uint64_t kGapMeanMax = 1 << 24;

}  // namespace

void BitModel::update() {
    const uint32_t all = counts_[0] + counts_[1];
    one_ = std::clamp(counts_[1] * kProbabilityOne / all, kBitFloor, kProbabilityOne - kBitFloor);
    if (all > kBitCountMax) {
        counts_ = {(counts_[0] + 1) / 2, (counts_[1] + 1) / 2};
    }
}

void NumberModel::count(uint32_t number) {
    sum_ += uint64_t{std::min(number, kNumberTracked)} << 6;
    if (++count_ > kNumberCountMax) {
        sum_ /= 2;
        count_ /= 2;
    }
}

GapModel::GapModel() {
    gaps_.fill(kGapStart);
    means_.fill(kGapStart);
    ratios_.fill(1U << kRatioBits);
}

void GapModel::update() {
    for (size_t i = 0; i < kHistories; ++i) {
        if (means_[i] > kGapMeanMax) {
            gaps_[i] /= 2;
            means_[i] /= 2;
        }
        ratios_[i] =
            static_cast<uint32_t>(std::min<uint64_t>(65535, (gaps_[i] << kRatioBits) / means_[i]));
    }
}

void SignModel::begin(uint64_t columns) {
    ASSAY_CHECK(columns > 0);
    columns_.assign(columns, 0);
    models_.fill(BitModel(4, 4));
}

void SignModel::update() {
    for (BitModel& model : models_) {
        model.update();
    }
}

}  // namespace assay
