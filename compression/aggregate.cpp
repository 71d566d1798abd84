#include "compression/aggregate.h"

#include <algorithm>
#include <cmath>

#include "compression/dense_update.h"
#include "compression/error_feedback.h"
#include "core/check.h"
#include "protocol/limits.h"

namespace assay {

namespace {

double lower_median(std::vector<double> values) {
    ASSAY_CHECK(!values.empty());
    std::sort(values.begin(), values.end());
    return values[(values.size() - 1) / 2];
}

void check_contributions(std::span<const Contribution> contributions,
                         const ParameterLayout& layout) {
    ASSAY_CHECK_LE(contributions.size(), limits::kPeersMax);
    for (size_t i = 0; i < contributions.size(); ++i) {
        const Contribution& c = contributions[i];
        ASSAY_CHECK(i == 0 || contributions[i - 1].peer < c.peer);
        ASSAY_CHECK(c.weight > 0 && c.weight <= 1);
        ASSAY_CHECK((c.update == nullptr) != (c.dense == nullptr));
        ASSAY_CHECK(c.update == nullptr || c.update->chunks.size() == layout.tile_count());
        ASSAY_CHECK(c.dense == nullptr || c.dense->size() == layout.value_count());
    }
}

}  // namespace

ShareRule AggregateResult::rule(size_t i, size_t tile) const {
    return {scales_[i * tensors_ + tensor_of_tile_[tile]], weights_[i], caps_[i]};
}

void AggregateResult::share_of(size_t i, std::span<float> out, ThreadPool* threads) const {
    ASSAY_CHECK_LT(i, contributions_.size());
    ASSAY_CHECK_EQ(out.size(), sum.size());
    ThreadPool alone(1);
    ThreadPool& pool = threads == nullptr ? alone : *threads;
    pool.run_ranges(tensor_of_tile_.size(), 1, [&](size_t first, size_t last, size_t) {
        ShareAdder adder;
        for (size_t tile = first; tile < last; ++tile) {
            float* chunk = out.data() + tile * kTileValues;
            std::fill(chunk, chunk + kTileValues, 0.0F);
            adder.begin(contributions_, tile, per_entry_);
            adder.add(contributions_[i], rule(i, tile), chunk, nullptr);
        }
    });
}

// squares_ gets what each chunk adds to each ||q_i||^2.
void AggregateResult::measure_payloads(ThreadPool& threads) {
    const size_t tiles = tensor_of_tile_.size();
    threads.run(contributions_.size(), [&](size_t i, size_t) {
        for (size_t tile = 0; tile < tiles; ++tile) {
            squares_[i * tiles + tile] = contribution_energy(contributions_[i], tile);
        }
    });
}

void AggregateResult::clip_to_median(const ParameterLayout& layout) {
    const size_t tiles = tensor_of_tile_.size();
    ASSAY_CHECK_EQ(squares_.size(), contributions_.size() * tiles);
    std::vector<double> norms(contributions_.size());
    for (size_t t = 0; t < tensors_; ++t) {
        const size_t first = layout.tensors[t].first_tile;
        for (size_t i = 0; i < norms.size(); ++i) {
            double squares = 0;
            for (size_t tile = first; tile < first + layout.tensors[t].tile_count(); ++tile) {
                squares += squares_[i * tiles + tile];
            }
            norms[i] = std::sqrt(squares);
        }
        const double median = lower_median(norms);
        for (size_t i = 0; i < norms.size(); ++i) {
            if (median > 0 && norms[i] > median) {
                scales_[i * tensors_ + t] = static_cast<float>(median / norms[i]);
            }
        }
    }
}

void AggregateResult::set_weights(const AggregateSettings& settings) {
    double total = 0;
    for (const Contribution& c : contributions_) {
        total += c.weight;
    }
    ASSAY_CHECK(total > 0);
    weights_.clear();
    for (const Contribution& c : contributions_) {
        const double weight = settings.alpha * c.weight;
        weights_.push_back(static_cast<float>(per_entry_ ? weight : weight / total));
    }
}

// sum = D_1 + D_2 + ..; if `measure`, squares_ gets what each chunk adds to each ||D_i||^2.
void AggregateResult::add_shares(ThreadPool& threads, bool measure) {
    const size_t tiles = tensor_of_tile_.size();
    threads.run_ranges(tiles, 1, [&](size_t first, size_t last, size_t thread) {
        ShareAdder& adder = adders_[thread];
        for (size_t tile = first; tile < last; ++tile) {
            float* out = sum.data() + tile * kTileValues;
            std::fill(out, out + kTileValues, 0.0F);
            adder.begin(contributions_, tile, per_entry_);
            for (size_t i = 0; i < contributions_.size(); ++i) {
                adder.add(contributions_[i],
                          rule(i, tile),
                          out,
                          measure ? &squares_[i * tiles + tile] : nullptr);
            }
            adder.finish();
        }
    });
}

// Whether any share is above its cap.
bool AggregateResult::cap_shares(double cap) {
    const size_t tiles = tensor_of_tile_.size();
    double total = 0;
    share_norms_.clear();
    for (size_t i = 0; i < contributions_.size(); ++i) {
        double squares = 0;
        for (size_t tile = 0; tile < tiles; ++tile) {
            squares += squares_[i * tiles + tile];
        }
        share_norms_.push_back(std::sqrt(squares));
        total += share_norms_.back();
    }
    ASSAY_CHECK(cap > 0 && !contributions_.empty());
    const double limit = cap / static_cast<double>(contributions_.size()) * total;
    bool capped = false;
    for (size_t i = 0; i < contributions_.size(); ++i) {
        if (share_norms_[i] > limit) {
            caps_[i] = static_cast<float>(limit / share_norms_[i]);
            share_norms_[i] = limit;
            capped = true;
        }
    }
    return capped;
}

void AggregateResult::begin(std::span<const Contribution> contributions,
                            const ParameterLayout& layout,
                            const AggregateSettings& settings) {
    check_contributions(contributions, layout);
    contributions_.assign(contributions.begin(), contributions.end());
    per_entry_ = settings.mean != "per_peer";
    tensors_ = layout.tensors.size();
    sum.resize(layout.value_count());
    if (contributions.empty()) {
        std::fill(sum.begin(), sum.end(), 0.0F);
        return;
    }
    tensor_of_tile_.clear();
    for (size_t t = 0; t < layout.tensors.size(); ++t) {
        tensor_of_tile_.insert(
            tensor_of_tile_.end(), layout.tensors[t].tile_count(), static_cast<uint32_t>(t));
    }
    ASSAY_CHECK_EQ(tensor_of_tile_.size(), layout.tile_count());  // tensors lie without a gap
    squares_.resize(contributions.size() * layout.tile_count());
    scales_.assign(contributions.size() * layout.tensors.size(), 1.0F);
    caps_.assign(contributions.size(), 1.0F);
    set_weights(settings);
}

void aggregate(std::span<const Contribution> contributions,
               const ParameterLayout& layout,
               const AggregateSettings& settings,
               ThreadPool& threads,
               AggregateResult& result) {
    result.begin(contributions, layout, settings);
    if (contributions.empty()) {
        return;
    }
    result.adders_.resize(static_cast<size_t>(threads.threads()));
    if (settings.clip_to_median) {
        result.measure_payloads(threads);
        result.clip_to_median(layout);
    }
    result.add_shares(threads, true);
    if (result.cap_shares(settings.cap)) {
        result.add_shares(threads, false);
    }
}

AggregateResult aggregate(std::span<const Contribution> contributions,
                          const ParameterLayout& layout,
                          const AggregateSettings& settings) {
    AggregateResult result;
    ThreadPool alone(1);
    aggregate(contributions, layout, settings, alone, result);
    return result;
}

Result<QuantisedAggregate> quantise_aggregate(std::span<const float> u,
                                              const ParameterLayout& layout,
                                              const CompressionSettings& settings,
                                              bool dense,
                                              ThreadPool* threads) {
    if (Status finite = check_finite(u, layout); !finite) {
        return fail("the aggregate cannot be encoded: " + finite.reason());
    }
    QuantisedAggregate result;
    if (dense) {
        result.q.assign(u.begin(), u.end());
        result.bytes = encode_dense(u, layout, PayloadKind::kDenseAggregate);
        ASSAY_CHECK_LE(result.bytes.size(), aggregate_bytes_max(layout, settings, dense));
        return result;
    }
    ASSAY_CHECK(settings.downlink_keep > 0);
    const auto keep = static_cast<uint32_t>(settings.downlink_keep);
    std::vector<float> left(u.begin(), u.end());
    const SparseUpdate update = code_values(left, layout, keep, threads);
    result.bytes = encode_sparse(update, layout, PayloadKind::kSparseAggregate, keep, threads);
    ASSAY_CHECK_LE(result.bytes.size(), aggregate_bytes_max(layout, settings, dense));
    result.q.resize(u.size());
    expand_update(update, result.q);
    return result;
}

Result<std::vector<float>> decode_aggregate(ByteSpan bytes,
                                            const ParameterLayout& layout,
                                            const CompressionSettings& settings,
                                            bool dense) {
    if (dense) {
        return decode_dense(bytes, layout, PayloadKind::kDenseAggregate);
    }
    Result<SparseUpdate> update = decode_sparse(bytes,
                                                layout,
                                                PayloadKind::kSparseAggregate,
                                                static_cast<uint32_t>(settings.downlink_keep));
    if (!update) {
        return update.error();
    }
    std::vector<float> q(layout.value_count());
    expand_update(*update, q);
    return q;
}

uint64_t aggregate_bytes_max(const ParameterLayout& layout,
                             const CompressionSettings& settings,
                             bool dense) {
    return dense ? dense_bytes(layout)
                 : sparse_bytes_max(layout, static_cast<uint32_t>(settings.downlink_keep));
}

}  // namespace assay
