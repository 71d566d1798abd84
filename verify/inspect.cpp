#include "verify/inspect.h"

#include <cmath>

#include "core/check.h"
#include "protocol/codec.h"
#include "protocol/plan.h"

namespace assay {

namespace {

template <typename T>
std::string shown(const T& value) {
    return std::to_string(value);
}
std::string shown(const Digest& value) {
    return value.hex();
}
std::string shown(RoundId value) {
    return std::to_string(value.value);
}
std::string shown(NumericClass value) {
    return std::to_string(static_cast<int>(value));
}

// Collects the first field that differs.
class Comparison {
public:
    explicit Comparison(std::string subject) : subject_(std::move(subject)) {}

    template <typename T>
    void equal(const char* what, const T& came, const T& expected) {
        if (status_.ok() && !(came == expected)) {
            status_ = fail(subject_ + ": " + what + " is " + shown(came) + ", expected " +
                           shown(expected));
        }
    }
    void at_most(const char* what, uint64_t came, uint64_t limit) {
        if (status_.ok() && came > limit) {
            status_ = fail(subject_ + ": " + what + " is " + shown(came) + ", at most " +
                           shown(limit) + " is allowed");
        }
    }
    void finite(const char* what, uint64_t step, float came) {
        if (status_.ok() && !std::isfinite(came)) {
            status_ =
                fail(subject_ + ": " + what + " of step " + shown(step) + " is no finite number");
        }
    }
    [[nodiscard]] Status status() const { return status_; }

private:
    std::string subject_;
    Status status_;
};

// Roots recomputed from the opened leaves.
Digest opened_states_root(const PeerId& peer, const Opening& opening) {
    std::vector<Digest> leaves;
    for (size_t t = 0; t < opening.states.size(); ++t) {
        leaves.push_back(state_leaf_digest(peer, t, opening.states[t]));
    }
    leaves.push_back(end_leaf_digest(peer, opening.end));
    return merkle_root(leaves);
}

Digest opened_trace_root(const PeerId& peer, const Opening& opening) {
    std::vector<Digest> leaves;
    for (size_t t = 0; t < opening.trace.size(); ++t) {
        leaves.push_back(trace_leaf_digest(peer, t, opening.trace[t]));
    }
    return merkle_root(leaves);
}

}  // namespace

Status inspect_commit(const Commit& commit, const CommitExpectation& expected) {
    const RoundPlan& plan = expected.plan;
    Comparison form("COMMIT");
    form.equal("manifest digest", commit.manifest_digest, plan.manifest_digest);
    form.equal("round", commit.round, plan.round);
    form.equal("plan digest", commit.plan_digest, expected.plan_digest);
    form.equal("ledger head", commit.ledger_head, plan.ledger_head);
    form.equal("base root", commit.base_root, plan.base_root);
    form.equal("assignment digest", commit.assignment_digest, expected.assignment_digest);
    form.equal("numeric class", commit.numeric_class, expected.peer.numeric_class);
    form.equal("e root before the round", commit.e_before_root, expected.peer.e_root);
    form.equal("number of tokens", commit.tokens, assigned_tokens(plan, expected.peer));
    form.at_most("payload size", commit.payload_bytes, expected.payload_bytes_max);
    return form.status();
}

Result<PeerPayload> inspect_payload(ByteSpan payload,
                                    const Commit& commit,
                                    const ParameterLayout& layout,
                                    const PayloadFormat& format,
                                    ThreadPool* threads) {
    Comparison form("payload");
    form.equal("size", uint64_t{payload.size()}, commit.payload_bytes);
    if (form.status().ok()) {
        form.equal("SHA-256", sha256_plain(payload), commit.payload_hash);
    }
    if (!form.status().ok()) {
        return form.status().error();
    }
    return decode_payload(format.strategy, payload, layout, format.compression, threads);
}

Status inspect_binding(const PeerId& peer, const Opening& opening, const Commit& commit) {
    ASSAY_CHECK_EQ(opening.states.size(), opening.trace.size());
    Comparison form("opening");
    form.equal("states root of its leaves", opened_states_root(peer, opening), commit.states_root);
    form.equal("trace root of its steps", opened_trace_root(peer, opening), commit.trace_root);
    return form.status();
}

Status inspect_opening(const Opening& opening,
                       const RoundPlan& plan,
                       const PlanPeer& peer,
                       const PeerAssignment& assignment) {
    ASSAY_CHECK_EQ(opening.states.size(), size_t{plan.inner_steps});
    ASSAY_CHECK_EQ(opening.trace.size(), size_t{plan.inner_steps});
    Comparison form("opening");
    form.equal("theta root of step 0", opening.states.front().theta_root, plan.base_root);
    form.equal("m root before the round", opening.end.m_before_root, peer.m_root);
    form.equal("v root before the round", opening.end.v_before_root, peer.v_root);
    if (peer.numeric_class != NumericClass::kExact) {
        form.equal("v root of step 0", opening.states.front().v_root, peer.v_root);
    }
    for (uint32_t t = 0; t < plan.inner_steps; ++t) {
        const TraceStep& step = opening.trace[t];
        const std::span<const uint64_t> samples = assignment.step(t, plan.inner_steps);
        const std::string what = "batch id of step " + std::to_string(t);
        form.equal(what.c_str(), step.batch_id, batch_digest({samples.begin(), samples.end()}));
        form.finite("mean loss", t, step.mean_loss);
        form.finite("gradient norm", t, step.gradient_norm);
        for (const float loss : step.sequence_losses) {
            form.finite("a sequence's loss", t, loss);
        }
    }
    return form.status();
}

}  // namespace assay
