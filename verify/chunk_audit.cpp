#include "verify/chunk_audit.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/check.h"
#include "kernels/feedback.h"

namespace assay {

namespace {

using Values = std::vector<float>;

// Digests of the tiles that an opening shows or leads to, tree by tree, in order of chunk: what the
// proofs are held against.
struct ShownTiles {
    std::vector<Digest> sum, e_before, e_after, theta_end;
    std::vector<Digest> m_before, v_before, m_after, v_after;
    std::vector<std::vector<Digest>> g, theta, v;  // theta and v: from step 1 on
};

// One opened chunk, but for its place in the committed trees. The first thing that does not follow
// is the reason.
class ChunkCheck {
public:
    ChunkCheck(const ChunkAuditJob& job, const ChunkOpening& opened, ShownTiles& shown)
        : job_(job),
          opened_(opened),
          shown_(shown),
          name_("chunk " + std::to_string(opened.chunk)),
          theta_end_(opened.theta_end.values) {}

    // First, where the chunk has a chain: theta_H is what it leads to.
    Status chain(Tripwire& tripwire);
    Status compressor();

private:
    [[nodiscard]] std::span<const float> base() const {
        return job_.base.subspan(opened_.chunk * kTileValues + opened_.strip * kStripValues,
                                 kStripValues);
    }
    [[nodiscard]] Error fault(const std::string& what) const { return fail(name_ + ": " + what); }
    Status finite(const std::string& what, std::span<const float> values) const;
    Status opened_strip(const std::string& what,
                        const OpenedStrip& strip,
                        std::vector<Digest>& into) const;
    [[nodiscard]] Digest tile_of(std::span<const float> strip, const StripPath& path) const {
        return tile_of_strip(opened_.chunk, opened_.strip, strip, path);
    }
    Status sparse_payload(std::span<float> e_after) const;
    Status dense_payload() const;
    Status sum_follows() const;
    [[nodiscard]] AdamScalars scalars(uint32_t t) const;
    [[nodiscard]] bool is_warm(uint32_t t) const;
    Status step(uint32_t t, Values& theta, Values& m, Values& v) const;

    const ChunkAuditJob& job_;
    const ChunkOpening& opened_;
    ShownTiles& shown_;
    std::string name_;
    Values theta_end_;  // the strip, opened or recomputed
};

Status ChunkCheck::finite(const std::string& what, std::span<const float> values) const {
    if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) {
        return fault(what + " holds a number that is not finite");
    }
    return {};
}

Status ChunkCheck::opened_strip(const std::string& what,
                                const OpenedStrip& strip,
                                std::vector<Digest>& into) const {
    if (strip.values.size() != kStripValues) {
        return fault(what + " is no whole strip");
    }
    into.push_back(tile_of(strip.values, strip.path));
    return finite(what, strip.values);
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

// The whole selection, from the whole sum: e_after is what it leaves.
Status ChunkCheck::sparse_payload(std::span<float> e_after) const {
    const uint64_t live = job_.layout.live_in_tile(opened_.chunk);
    std::fill(e_after.begin() + static_cast<std::ptrdiff_t>(live), e_after.end(), 0.0F);
    const auto keep = static_cast<uint32_t>(job_.format.compression.keep);
    const ChunkCode expected = code_chunk(e_after.first(live), keep);
    const ChunkCode& came = job_.payload.sparse.chunks[opened_.chunk];
    return came == expected ? Status() : fault(chunk_difference(came, expected));
}

// e stays, and what is sent is theta_r - theta_H.
Status ChunkCheck::dense_payload() const {
    const uint64_t first = opened_.chunk * kTileValues + opened_.strip * kStripValues;
    for (size_t i = 0; i < kStripValues; ++i) {
        const float expected = base()[i] - theta_end_[i];
        const float came = job_.payload.dense[first + i];
        if (std::bit_cast<uint32_t>(came) != std::bit_cast<uint32_t>(expected)) {
            return fault("value " + std::to_string(opened_.strip * kStripValues + i) +
                         " of the payload is " + std::to_string(came) + ", recomputed " +
                         std::to_string(expected));
        }
    }
    return {};
}

// In the drawn strip, what was selected from is what training and error feedback give.
Status ChunkCheck::sum_follows() const {
    Values expected = opened_.e_before.values;
    if (!is_dense(job_.format.strategy)) {
        const auto beta = static_cast<float>(job_.format.compression.beta);
        feedback_step(base(), theta_end_, opened_.e_before.values, beta, expected);
    }
    const auto sum = std::span(opened_.sum).subspan(opened_.strip * kStripValues, kStripValues);
    for (size_t i = 0; i < kStripValues; ++i) {
        if (std::bit_cast<uint32_t>(sum[i]) != std::bit_cast<uint32_t>(expected[i])) {
            return fault("value " + std::to_string(opened_.strip * kStripValues + i) +
                         " that the compressor selects from is " + std::to_string(sum[i]) +
                         ", recomputed " + std::to_string(expected[i]));
        }
    }
    return {};
}

Status ChunkCheck::compressor() {
    if (opened_.sum.size() != kTileValues) {
        return fault("what the compressor selects from is no whole tile");
    }
    shown_.sum.push_back(tile_digest(opened_.chunk, opened_.sum));
    Status status = finite("what the compressor selects from", opened_.sum);
    if (status.ok()) {
        status = opened_strip("e before the round", opened_.e_before, shown_.e_before);
    }
    if (status.ok()) {
        status = finite("theta_H", theta_end_);
    }
    Values e_after = opened_.sum;  // dense payloads leave e alone
    if (status.ok()) {
        shown_.theta_end.push_back(tile_of(theta_end_, opened_.theta_end.path));
        status = is_dense(job_.format.strategy) ? dense_payload() : sparse_payload(e_after);
    }
    if (status.ok()) {
        shown_.e_after.push_back(tile_digest(opened_.chunk, e_after));
        status = finite("recomputed e after the round", e_after);
    }
    return status.ok() ? sum_follows() : status;
}

AdamScalars ChunkCheck::scalars(uint32_t t) const {
    return adam_scalars(job_.adam,
                        job_.plan.learning_rate_bits[t],
                        job_.plan.bias1_bits,
                        job_.plan.bias2_bits,
                        job_.peer.optimiser_steps + t + 1,
                        job_.layout.tensor_of_tile(opened_.chunk).decayed());
}

// v remembers 1 / (1 - beta2) gradients, and a run's first ones are its largest: it says what is
// usual once these are forgotten, after five times as many.
bool ChunkCheck::is_warm(uint32_t t) const {
    const auto steps = static_cast<double>(job_.peer.optimiser_steps + t + 1);
    return steps * (1.0 - static_cast<double>(job_.adam.beta2)) > 5;
}

Status ChunkCheck::step(uint32_t t, Values& theta, Values& m, Values& v) const {
    const ChainOpening& chain = *opened_.chain;
    const std::string at = " of step " + std::to_string(t);
    Status status = finite("recomputed theta" + at, theta);
    if (t > 0) {
        shown_.theta[t - 1].push_back(tile_of(theta, chain.theta[t - 1]));
    }
    if (t > 0 && job_.peer.numeric_class != NumericClass::kExact) {
        shown_.v[t - 1].push_back(tile_of(v, chain.v[t - 1]));
    }
    if (status.ok()) {
        status = opened_strip("g" + at, chain.g[t], shown_.g[t]);
    }
    if (status.ok()) {
        adamw_step(theta, m, v, chain.g[t].values, scalars(t));
    }
    return status.ok() ? finite("recomputed v behind step " + std::to_string(t), v) : status;
}

Status ChunkCheck::chain(Tripwire& tripwire) {
    const ChainOpening& chain = *opened_.chain;
    Status status = opened_strip("m before the round", chain.m_before, shown_.m_before);
    if (status.ok()) {
        status = opened_strip("v before the round", chain.v_before, shown_.v_before);
    }
    Values theta(base().begin(), base().end());
    Values m = chain.m_before.values;
    Values v = chain.v_before.values;
    for (uint32_t t = 0; status.ok() && t < job_.plan.inner_steps; ++t) {
        status = step(t, theta, m, v);
        if (status.ok()) {
            tripwire.add(t, chain.g[t].values, v, is_warm(t) ? scalars(t).bias2 : 0);
        }
    }
    if (status.ok()) {
        status = finite("recomputed m after the round", m);
    }
    if (status.ok()) {
        shown_.m_after.push_back(tile_of(m, chain.m_after));
        shown_.v_after.push_back(tile_of(v, chain.v_after));
        theta_end_ = std::move(theta);
    }
    return status;
}

// What was shown stands in the committed trees: one proof a tree, and the reason names the first
// that does not hold.
class ProofCheck {
public:
    ProofCheck(const ChunkAuditJob& job, const ShownTiles& shown) : job_(job), shown_(shown) {
        for (const ChunkOpening& opened : job.opening.chunks) {
            all_.push_back(opened.chunk);
            if (opened.chain) {
                chain_.push_back(opened.chunk);
            }
        }
    }

    // Of the gradient chains.
    Status chains() {
        const OpeningProofs& proofs = job_.opening.proofs;
        const EndLeaf& end = job_.opening.end;
        in_chain("m before the round", shown_.m_before, proofs.m_before, end.m_before_root);
        in_chain("v before the round", shown_.v_before, proofs.v_before, end.v_before_root);
        for (size_t t = 0; t < job_.plan.inner_steps; ++t) {
            step(t);
        }
        in_chain("recomputed m after the round", shown_.m_after, proofs.m_after, end.m_after_root);
        in_chain("recomputed v after the round", shown_.v_after, proofs.v_after, end.v_after_root);
        return status_;
    }

    // Of the compressor.
    Status chunks() {
        const OpeningProofs& proofs = job_.opening.proofs;
        const EndLeaf& end = job_.opening.end;
        in_chunks(
            "e before the round", shown_.e_before, proofs.e_before, job_.commit.e_before_root);
        in_chunks("theta_H", shown_.theta_end, proofs.theta_end, end.theta_root);
        in_chunks("what the compressor selects from", shown_.sum, proofs.sum, end.sum_root);
        in_chunks("recomputed e after the round",
                  shown_.e_after,
                  proofs.e_after,
                  job_.commit.e_after_root);
        return status_;
    }

private:
    void step(size_t t) {
        const OpeningProofs& proofs = job_.opening.proofs;
        const StateLeaf& leaf = job_.opening.states[t];
        const std::string at = " of step " + std::to_string(t);
        if (t > 0) {
            in_chain(
                "recomputed theta" + at, shown_.theta[t - 1], proofs.theta[t - 1], leaf.theta_root);
        }
        if (t > 0 && job_.peer.numeric_class != NumericClass::kExact) {
            in_chain("recomputed v" + at, shown_.v[t - 1], proofs.v[t - 1], leaf.v_root);
        }
        in_chain("g" + at, shown_.g[t], proofs.g[t], leaf.g_root);
    }
    void in_chunks(const std::string& what,
                   const std::vector<Digest>& tiles,
                   const std::vector<Digest>& siblings,
                   const Digest& root) {
        holds(what, all_, tiles, siblings, root);
    }
    void in_chain(const std::string& what,
                  const std::vector<Digest>& tiles,
                  const std::vector<Digest>& siblings,
                  const Digest& root) {
        if (!chain_.empty()) {
            holds(what, chain_, tiles, siblings, root);
        }
    }
    void holds(const std::string& what,
               const std::vector<uint64_t>& chunks,
               const std::vector<Digest>& tiles,
               const std::vector<Digest>& siblings,
               const Digest& root) {
        if (status_.ok() &&
            !multi_proof_holds(root, job_.layout.tile_count(), chunks, tiles, siblings)) {
            status_ = fail(what + " is not the committed one in each of the opened chunks (root " +
                           root.brief() + ")");
        }
    }

    const ChunkAuditJob& job_;
    const ShownTiles& shown_;
    std::vector<uint64_t> all_;
    std::vector<uint64_t> chain_;
    Status status_;
};

Status follow_chains(const ChunkAuditJob& job,
                     std::vector<ChunkCheck>& checks,
                     Tripwire& tripwire,
                     ChunkAuditReport& report) {
    for (size_t i = 0; i < checks.size(); ++i) {
        if (!job.opening.chunks[i].chain) {
            continue;
        }
        if (Status status = checks[i].chain(tripwire); !status) {
            return status;
        }
        ++report.chains_checked;
    }
    return {};
}

}  // namespace

ChunkAuditReport audit_chunks(const ChunkAuditJob& job, const TripwireFigures& limits) {
    ASSAY_CHECK_EQ(job.base.size(), job.layout.value_count());
    ASSAY_CHECK_EQ(is_dense(job.format.strategy), job.payload.sparse.chunks.empty());
    ChunkAuditReport report;
    Tripwire tripwire(job.plan.inner_steps);
    tripwire.add_states(job.opening.states);
    ShownTiles shown;
    shown.g.resize(job.plan.inner_steps);
    shown.theta.resize(job.plan.inner_steps - 1);
    shown.v.resize(job.plan.inner_steps - 1);
    std::vector<ChunkCheck> checks;
    for (const ChunkOpening& opened : job.opening.chunks) {
        checks.emplace_back(job, opened, shown);
    }
    ProofCheck proofs(job, shown);
    Status status = follow_chains(job, checks, tripwire, report);
    if (status.ok()) {
        status = proofs.chains();
    }
    for (size_t i = 0; status.ok() && i < checks.size(); ++i) {
        status = checks[i].compressor();
        report.chunks_checked += status.ok() ? 1 : 0;
    }
    if (status.ok()) {
        status = proofs.chunks();
    }
    if (!status.ok()) {
        report.reason = status.reason();
        return report;
    }
    report.pass = true;
    report.tripwire = tripwire.report(limits);
    return report;
}

}  // namespace assay
