#include "verify/chunk_audit.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/check.h"

namespace assay {

namespace {

using Tile = std::vector<float>;

// One opened chunk against the committed roots. The first thing that differs is the reason.
class ChunkCheck {
public:
    ChunkCheck(const ChunkAuditJob& job, const ChunkOpening& opened)
        : job_(job), opened_(opened), name_("chunk " + std::to_string(opened.chunk)) {}

    Status compressor();
    Status chain(Tripwire& tripwire);

private:
    [[nodiscard]] std::span<const float> base() const {
        return job_.base.subspan(opened_.chunk * kTileValues, kTileValues);
    }
    [[nodiscard]] Error fault(const std::string& what) const { return fail(name_ + ": " + what); }
    // The tile stands at this chunk's place under `root`, and is finite.
    Status stands(const std::string& what,
                  std::span<const float> tile,
                  const MerklePath& path,
                  const Digest& root) const;
    Status opened_tile(const std::string& what, const OpenedTile& tile, const Digest& root) const;
    Status sparse_payload(std::span<const float> theta_end, std::span<float> e_after) const;
    Status dense_payload(std::span<const float> theta_end) const;
    [[nodiscard]] AdamScalars scalars(uint32_t t) const;
    Status step(uint32_t t, Tile& theta, Tile& m, Tile& v) const;

    const ChunkAuditJob& job_;
    const ChunkOpening& opened_;
    std::string name_;
};

Status ChunkCheck::stands(const std::string& what,
                          std::span<const float> tile,
                          const MerklePath& path,
                          const Digest& root) const {
    if (!std::all_of(tile.begin(), tile.end(), [](float x) { return std::isfinite(x); })) {
        return fault(what + " holds a number that is not finite");
    }
    const bool in_place = path.index == opened_.chunk && path.count == job_.layout.tile_count();
    if (!in_place || !merkle_contains(root, tile_digest(opened_.chunk, tile), path)) {
        return fault(what + " is not the committed one (root " + root.brief() + ")");
    }
    return {};
}

Status ChunkCheck::opened_tile(const std::string& what,
                               const OpenedTile& tile,
                               const Digest& root) const {
    if (tile.values.size() != kTileValues) {
        return fault(what + " is no whole tile");
    }
    return stands(what, tile.values, tile.path, root);
}

std::string chunk_difference(const ChunkCode& came, const ChunkCode& expected) {
    if (came.indices != expected.indices) {
        return "indices of the payload differ from the recomputed ones";
    }
    if (came.codes != expected.codes) {
        return "codes of the payload differ from the recomputed ones";
    }
    return "scales of the payload are " + std::to_string(magnitude_from_scale(came.low_scale)) +
           " and " + std::to_string(magnitude_from_scale(came.high_scale)) + ", recomputed " +
           std::to_string(magnitude_from_scale(expected.low_scale)) + " and " +
           std::to_string(magnitude_from_scale(expected.high_scale));
}

Status ChunkCheck::sparse_payload(std::span<const float> theta_end,
                                  std::span<float> e_after) const {
    const CompressionSettings& settings = job_.format.compression;
    const Result<ChunkCode> expected = compress_chunk(base(),
                                                      theta_end,
                                                      opened_.e_before.values,
                                                      job_.layout.live_in_tile(opened_.chunk),
                                                      static_cast<float>(settings.beta),
                                                      static_cast<uint32_t>(settings.keep),
                                                      e_after);
    if (!expected) {
        return fault("compressor: " + expected.reason());
    }
    const ChunkCode& came = job_.payload.sparse.chunks[opened_.chunk];
    return came == *expected ? Status() : fault(chunk_difference(came, *expected));
}

Status ChunkCheck::dense_payload(std::span<const float> theta_end) const {
    const std::vector<float>& payload = job_.payload.dense;
    for (size_t i = 0; i < kTileValues; ++i) {
        const float expected = base()[i] - theta_end[i];
        const float came = payload[opened_.chunk * kTileValues + i];
        if (std::bit_cast<uint32_t>(came) != std::bit_cast<uint32_t>(expected)) {
            return fault("value " + std::to_string(i) + " of the payload is " +
                         std::to_string(came) + ", recomputed " + std::to_string(expected));
        }
    }
    return {};
}

Status ChunkCheck::compressor() {
    Status status = opened_tile("e before the round", opened_.e_before, job_.commit.e_before_root);
    if (status.ok()) {
        status = opened_tile("theta_H", opened_.theta_end, job_.opening.end.theta_root);
    }
    Tile e_after = opened_.e_before.values;  // dense payloads leave e alone
    if (status.ok()) {
        status = is_dense(job_.format.strategy) ? dense_payload(opened_.theta_end.values)
                                                : sparse_payload(opened_.theta_end.values, e_after);
    }
    if (status.ok()) {
        status = stands(
            "recomputed e after the round", e_after, opened_.e_after, job_.commit.e_after_root);
    }
    return status;
}

AdamScalars ChunkCheck::scalars(uint32_t t) const {
    return adam_scalars(job_.adam,
                        job_.plan.learning_rate_bits[t],
                        job_.plan.bias1_bits,
                        job_.plan.bias2_bits,
                        job_.peer.optimiser_steps + t + 1,
                        job_.layout.tensor_of_tile(opened_.chunk).decayed());
}

Status ChunkCheck::step(uint32_t t, Tile& theta, Tile& m, Tile& v) const {
    const ChainOpening& chain = *opened_.chain;
    const StateLeaf& leaf = job_.opening.states[t];
    const std::string at = " of step " + std::to_string(t);
    Status status = stands("recomputed theta" + at, theta, chain.theta[t], leaf.theta_root);
    if (status.ok() && job_.peer.numeric_class != NumericClass::kExact) {
        status = stands("recomputed v" + at, v, chain.v[t], leaf.v_root);
    }
    if (status.ok()) {
        status = opened_tile("g" + at, chain.g[t], leaf.g_root);
    }
    if (status.ok()) {
        adamw_step(theta, m, v, chain.g[t].values, scalars(t));
    }
    return status;
}

Status ChunkCheck::chain(Tripwire& tripwire) {
    const ChainOpening& chain = *opened_.chain;
    const EndLeaf& end = job_.opening.end;
    Status status = opened_tile("m before the round", chain.m_before, end.m_before_root);
    if (status.ok()) {
        status = opened_tile("v before the round", chain.v_before, end.v_before_root);
    }
    Tile theta(base().begin(), base().end());
    Tile m = chain.m_before.values;
    Tile v = chain.v_before.values;
    for (uint32_t t = 0; status.ok() && t < job_.plan.inner_steps; ++t) {
        status = step(t, theta, m, v);
        if (status.ok()) {
            tripwire.add(t, chain.g[t].values, v, scalars(t).bias2);
        }
    }
    if (status.ok()) {
        status = stands("recomputed theta_H", theta, opened_.theta_end.path, end.theta_root);
    }
    if (status.ok()) {
        status = stands("recomputed m after the round", m, chain.m_after, end.m_after_root);
    }
    if (status.ok()) {
        status = stands("recomputed v after the round", v, chain.v_after, end.v_after_root);
    }
    return status;
}

}  // namespace

ChunkAuditReport audit_chunks(const ChunkAuditJob& job, const VerifySettings& settings) {
    ASSAY_CHECK_EQ(job.base.size(), job.layout.value_count());
    ASSAY_CHECK_EQ(is_dense(job.format.strategy), job.payload.sparse.chunks.empty());
    ChunkAuditReport report;
    Tripwire tripwire(job.plan.inner_steps);
    tripwire.add_states(job.opening.states);
    for (const ChunkOpening& opened : job.opening.chunks) {
        ChunkCheck check(job, opened);
        Status status = check.compressor();
        if (status.ok() && opened.chain) {
            status = check.chain(tripwire);
            report.chains_checked += status.ok() ? 1 : 0;
        }
        if (!status.ok()) {
            report.reason = status.reason();
            return report;
        }
        ++report.chunks_checked;
    }
    report.pass = true;
    report.tripwire = tripwire.report(settings);
    return report;
}

}  // namespace assay
