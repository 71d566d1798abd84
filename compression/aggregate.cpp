#include "compression/aggregate.h"

#include <algorithm>
#include <cmath>

#include "compression/dense_update.h"
#include "compression/error_feedback.h"
#include "protocol/limits.h"

namespace assay {

namespace {

constexpr double kRampRounds = 10;

// visit(tile, index in the buffer, value) for each non-zero value, in index order.
template <typename Visit>
void for_each_value(const Contribution& contribution, const Visit& visit) {
    if (contribution.dense != nullptr) {
        for (size_t c = 0; c < contribution.dense->size(); ++c) {
            const float value = (*contribution.dense)[c];
            if (value != 0) {
                visit(c / kTileValues, c, value);
            }
        }
        return;
    }
    for (size_t tile = 0; tile < contribution.update->chunks.size(); ++tile) {
        const ChunkCode& chunk = contribution.update->chunks[tile];
        for (size_t at = 0; at < chunk.indices.size(); ++at) {
            visit(tile, tile * kTileValues + chunk.indices[at], chunk.value(at));
        }
    }
}

double lower_median(std::vector<double> values) {
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

std::vector<size_t> tensors_of_tiles(const ParameterLayout& layout) {
    std::vector<size_t> tensor_of_tile;
    tensor_of_tile.reserve(layout.tile_count());
    for (size_t t = 0; t < layout.tensors.size(); ++t) {
        tensor_of_tile.insert(tensor_of_tile.end(), layout.tensors[t].tile_count(), t);
    }
    return tensor_of_tile;
}

}  // namespace

double contribution_weight(uint64_t tenure_rounds, uint64_t tokens, uint64_t tokens_max) {
    ASSAY_CHECK(tokens > 0 && tokens <= tokens_max);
    const double ramp = std::min(1.0, (static_cast<double>(tenure_rounds) + 1) / kRampRounds);
    return ramp * (static_cast<double>(tokens) / static_cast<double>(tokens_max));
}

// visit(index, D_i[index]) in index order.
template <typename Visit>
void AggregateResult::for_each_share_value(size_t i, const Visit& visit) const {
    for_each_value(contributions_[i], [&](size_t tile, size_t c, float q) {
        const float clipped = q * scales_[i][tensor_of_tile_[tile]];
        const float weighted = clipped * weights_[i];
        const float mean = senders_.empty() ? weighted : weighted / static_cast<float>(senders_[c]);
        visit(c, mean * caps_[i]);
    });
}

void AggregateResult::share_of(size_t i, std::span<float> out) const {
    ASSAY_CHECK_LT(i, contributions_.size());
    ASSAY_CHECK_EQ(out.size(), sum.size());
    std::fill(out.begin(), out.end(), 0.0F);
    for_each_share_value(i, [&](size_t c, float value) { out[c] = value; });
}

void AggregateResult::clip_to_median(const ParameterLayout& layout) {
    std::vector<std::vector<double>> norms(contributions_.size());
    for (size_t i = 0; i < contributions_.size(); ++i) {
        norms[i].assign(layout.tensors.size(), 0.0);
        for_each_value(contributions_[i], [&](size_t tile, size_t, float q) {
            const auto wide = static_cast<double>(q);
            norms[i][tensor_of_tile_[tile]] += wide * wide;
        });
    }
    std::vector<double> column(contributions_.size());
    for (size_t t = 0; t < layout.tensors.size(); ++t) {
        for (size_t i = 0; i < norms.size(); ++i) {
            norms[i][t] = std::sqrt(norms[i][t]);
            column[i] = norms[i][t];
        }
        const double median = lower_median(column);
        for (size_t i = 0; i < norms.size(); ++i) {
            if (median > 0 && norms[i][t] > median) {
                scales_[i][t] = static_cast<float>(median / norms[i][t]);
            }
        }
    }
}

void AggregateResult::set_weights(const AggregateSettings& settings) {
    double total = 0;
    for (const Contribution& c : contributions_) {
        total += c.weight;
    }
    const bool per_peer = settings.mean == "per_peer";
    for (const Contribution& c : contributions_) {
        const double weight = settings.alpha * c.weight;
        weights_.push_back(static_cast<float>(per_peer ? weight / total : weight));
    }
}

void AggregateResult::count_senders() {
    senders_.assign(sum.size(), 0);
    for (const Contribution& contribution : contributions_) {
        for_each_value(contribution, [&](size_t, size_t c, float) { ++senders_[c]; });
    }
}

void AggregateResult::cap_shares(double cap) {
    double total = 0;
    for (size_t i = 0; i < contributions_.size(); ++i) {
        double squares = 0;
        for_each_share_value(i, [&](size_t, float d) {
            squares += static_cast<double>(d) * static_cast<double>(d);
        });
        share_norms_.push_back(std::sqrt(squares));
        total += share_norms_.back();
    }
    const double limit = cap / static_cast<double>(contributions_.size()) * total;
    for (size_t i = 0; i < contributions_.size(); ++i) {
        if (share_norms_[i] > limit) {
            caps_[i] = static_cast<float>(limit / share_norms_[i]);
            share_norms_[i] = limit;
        }
    }
}

AggregateResult aggregate(std::span<const Contribution> contributions,
                          const ParameterLayout& layout,
                          const AggregateSettings& settings) {
    check_contributions(contributions, layout);
    AggregateResult result;
    result.sum.assign(layout.value_count(), 0.0F);
    if (contributions.empty()) {
        return result;
    }
    result.contributions_.assign(contributions.begin(), contributions.end());
    result.tensor_of_tile_ = tensors_of_tiles(layout);
    result.scales_.assign(contributions.size(), std::vector<float>(layout.tensors.size(), 1.0F));
    result.caps_.assign(contributions.size(), 1.0F);
    if (settings.clip_to_median) {
        result.clip_to_median(layout);
    }
    result.set_weights(settings);
    if (settings.mean != "per_peer") {
        result.count_senders();
    }
    result.cap_shares(settings.cap);
    for (size_t i = 0; i < contributions.size(); ++i) {
        result.for_each_share_value(i, [&](size_t c, float d) { result.sum[c] += d; });
    }
    return result;
}

Result<QuantisedAggregate> quantise_aggregate(std::span<const float> u,
                                              const ParameterLayout& layout,
                                              const CompressionSettings& settings,
                                              bool dense) {
    if (Status finite = check_finite(u, layout); !finite) {
        return fail("the aggregate cannot be encoded: " + finite.reason());
    }
    QuantisedAggregate result;
    if (dense) {
        result.q.assign(u.begin(), u.end());
        result.bytes = encode_dense(u, layout, PayloadKind::kDenseAggregate);
        return result;
    }
    const auto keep = static_cast<uint32_t>(settings.downlink_keep);
    std::vector<float> left(u.begin(), u.end());
    const SparseUpdate update = code_values(left, layout, keep);
    result.bytes = encode_sparse(update, layout, PayloadKind::kSparseAggregate, keep);
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
