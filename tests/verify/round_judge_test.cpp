// Whole rounds before the judge: whose work a copied chain is, and what the coordinator's own disk
// lost, for which no peer answers.

#include "verify/round_judge.h"

#include <catch2/catch.hpp>
#include <set>

#include "core/merkle.h"
#include "protocol/plan.h"
#include "tests/support/verify_world.h"

namespace assay {
namespace {

// Two peers, trained and opened, and a store that can lose things. Honest, if no lie is given.
struct Bench {
    VerifyWorld world;
    RoundPlan plan;
    std::map<Digest, Bytes> store;
    std::set<Digest> lost;
    JudgeRound order;
    std::unique_ptr<RoundJudge> judge;

    explicit Bench(uint32_t audit_ppm = 1000000,
                   const std::function<Lie(const Assignment&)>& lie_of_second = {}) {
        plan = world.plan();
        for (PlanPeer& peer : plan.peers) {
            peer.audit_ppm = audit_ppm;
        }
        plan.accumulator_root = tiles_root(world.theta);  // zeros, both
        order.plan = plan;
        order.plan_digest = plan_digest(plan);
        order.beacon = world.beacon;
        for (size_t i = 0; i < world.peers.size(); ++i) {
            const bool lies = i == 1 && lie_of_second;
            order.submissions.push_back(
                submission(i, lies ? lie_of_second(world.assignment(plan)) : Lie{}));
        }
        judge = std::make_unique<RoundJudge>(settings(), ports(), world.model);
        OuterState outer;
        outer.accumulator.resize(world.theta.size());
        REQUIRE(judge->load(world.theta, outer).ok());
    }

    BlobRef put(ByteSpan bytes) {
        BlobRef blob{sha256_plain(bytes), bytes.size(), {}};
        store[blob.sha256] = Bytes(bytes.begin(), bytes.end());
        return blob;
    }

    Submission submission(size_t i, const Lie& lie) {
        PeerRound work = world.train(plan, i, lie);
        const Challenge drawn = world.challenge(plan, i, work);
        OpeningNotice notice{
            plan.round, put(*work.chain->opening_bytes(plan, plan.peers[i], drawn)), {}};
        for (const uint32_t step : drawn.audited ? drawn.steps : std::vector<uint32_t>{}) {
            const std::vector<float> theta = work.chain->step_state(step)->theta;
            const auto* bytes = reinterpret_cast<const uint8_t*>(theta.data());
            notice.steps.push_back({step, put({bytes, theta.size() * sizeof(float)}), {}, {}});
        }
        return {plan.peers[i], work.commit, work.commit_hash, put(work.payload), notice, 1.0};
    }

    [[nodiscard]] JudgeSettings settings() const {
        JudgeSettings settings;
        settings.run_seed = world.run_seed;
        settings.sample_count = world.sample_count;
        settings.held_out_count = 64;
        settings.adam = world.adam;
        settings.compression = world.format.compression;
        settings.verify = world.settings;
        settings.bias2_bits = world.bias.bias2_bits;
        settings.payload_bytes_max = 1U << 20;
        return settings;
    }

    JudgePorts ports() {
        JudgePorts ports;
        ports.put = [this](ByteSpan bytes) { return Result<BlobRef>(put(bytes)); };
        ports.get = [this](const BlobRef& blob) -> Result<Bytes> {
            if (lost.count(blob.sha256) > 0) {
                return fail("the file " + blob.sha256.hex() + " is damaged");
            }
            return store.at(blob.sha256);
        };
        ports.read_samples = [this](std::span<const uint64_t> samples) {
            return Result<std::vector<int32_t>>(toy_batch(samples, world.sequence_tokens).tokens);
        };
        ports.read_held_out = ports.read_samples;
        return ports;
    }

    RoundJudged judged() {
        Result<RoundJudged> result = judge->judge(order);
        REQUIRE(result.ok());
        REQUIRE(result->peers.size() == 2);
        return *result;
    }
};

// The whole chain of the first peer, in round 0 and so from equal moments.
Lie copy_of_first(const Assignment& deal) {
    Lie lie;
    lie.samples = [samples = deal.peers[0]](uint32_t step, const std::vector<uint64_t>& own) {
        const std::span<const uint64_t> others =
            samples.step(step, static_cast<uint32_t>(samples.samples.size() / own.size()));
        return std::vector<uint64_t>(others.begin(), others.end());
    };
    lie.claim_own_batch = [](uint32_t) { return false; };
    return lie;
}

void check_nobody_is_blamed(const RoundJudged& judged, const char* what) {
    const JudgedPeer& peer = judged.peers[0];
    CHECK(peer.verdict.ruling == Ruling::kGated);
    CHECK_FALSE(peer.entered);
    CHECK(peer.verdict.reason ==
          std::string("not judged, and nobody is blamed: the coordinator's store lost its ") +
              what);
    CHECK(judged.peers[1].verdict.ruling == Ruling::kAccepted);
    CHECK(judged.peers[1].entered);
    CHECK_FALSE(judged.voided);
    for (const AuditJob& job : judged.audits) {
        CHECK(job.peer == judged.peers[1].verdict.peer);
    }
}

}  // namespace

TEST_CASE("whom a refused peer copied goes through the gate and is paid, audited or not") {
    const auto audit_ppm = GENERATE(uint32_t{0}, uint32_t{1000000});
    Bench bench(audit_ppm, copy_of_first);
    REQUIRE(bench.order.submissions[0].commit.payload_hash ==
            bench.order.submissions[1].commit.payload_hash);
    const RoundJudged judged = bench.judged();
    const JudgedPeer& copied = judged.peers[0];
    INFO(copied.verdict.reason);
    CHECK(copied.verdict.ruling == Ruling::kAccepted);
    CHECK_FALSE(copied.verdict.suspicious);
    CHECK(copied.verdict.reason.find("direction t = ") != std::string::npos);
    CHECK(copied.entered);
    CHECK(copied.pay_share_nano > 0);
    CHECK_FALSE(judged.voided);
    const JudgedPeer& copy = judged.peers[1];
    INFO(copy.verdict.reason);
    CHECK(copy.verdict.ruling == Ruling::kRejected);
    CHECK(copy.verdict.layer == Layer::kCopies);
    CHECK_FALSE(copy.entered);
    CHECK(copy.pay_share_nano == 0);
}

TEST_CASE("a payload that the coordinator lost is not judged, and its peer not blamed") {
    Bench bench;
    bench.lost.insert(bench.order.submissions[0].payload.sha256);
    check_nobody_is_blamed(bench.judged(), "payload");
}

TEST_CASE("an opening that the coordinator lost is not judged, and its peer not blamed") {
    Bench bench;
    bench.lost.insert(bench.order.submissions[0].opening->opening.sha256);
    check_nobody_is_blamed(bench.judged(), "opening");
}

TEST_CASE("a COMMIT that is wrong is refused whatever the store lost") {
    Bench bench;
    bench.order.submissions[0].commit.tokens += 1;
    bench.lost.insert(bench.order.submissions[0].payload.sha256);
    CHECK(bench.judged().peers[0].verdict.ruling == Ruling::kRejected);
}

TEST_CASE("a state that the coordinator lost before its audit blames nobody") {
    Bench bench;
    const RoundJudged judged = bench.judged();
    REQUIRE(judged.audits.size() > 1);
    CHECK(judged.peers[0].entered);
    const AuditReport seen = bench.judge->audit(judged.audits[0]);
    CHECK(seen.pass);
    CHECK(is_recomputed(seen));
    bench.lost.insert(judged.audits[1].opening.theta.sha256);
    const AuditReport unseen = bench.judge->audit(judged.audits[1]);
    CHECK(unseen.pass);
    CHECK_FALSE(is_recomputed(unseen));
    CHECK(unseen.reason == "the coordinator's store lost the opened state");
}

// The round after, with the same payloads in it, before another judge over the same store.
struct NextRound {
    Bench bench;
    Recollection past;

    NextRound() {
        (void)bench.judged();
        for (const Submission& one : bench.order.submissions) {
            past.payloads.push_back({bench.plan.round, one.expected.id, one.payload});
        }
        bench.order.plan.round = bench.plan.round.next();
        restart();
    }

    void restart() {
        bench.judge =
            std::make_unique<RoundJudge>(bench.settings(), bench.ports(), bench.world.model);
        OuterState outer;
        outer.accumulator.resize(bench.world.theta.size());
        REQUIRE(bench.judge->load(bench.world.theta, outer).ok());
    }

    bool sees_replay() {
        const Verdict verdict = bench.judged().peers[0].verdict;
        return verdict.suspicious &&
               verdict.reason.find("itself of round " + std::to_string(bench.plan.round.value) +
                                   " have equal payload hashes") != std::string::npos;
    }
};

TEST_CASE("a payload that is handed in again is found by a judge that was restarted in between") {
    NextRound next;
    SECTION("told what the ledger holds") {
        next.bench.judge->remember(next.past);
        CHECK(next.sees_replay());
    }
    SECTION("even where the first one is lost") {
        next.bench.lost.insert(next.past.payloads[0].blob.sha256);
        next.bench.judge->remember(next.past);
        next.bench.lost.clear();
        CHECK(next.sees_replay());
    }
    SECTION("told nothing, it cannot know") {
        CHECK_FALSE(next.sees_replay());
    }
}

TEST_CASE("an audit that was open at a restart still sees the trace of its step") {
    Bench bench;
    const RoundPlan plan = bench.plan;
    const RoundJudged judged = bench.judged();
    REQUIRE_FALSE(judged.audits.empty());
    const AuditJob job = judged.audits[0];
    const Submission& one = bench.order.submissions[0];
    REQUIRE(job.peer == one.expected.id);
    const auto audited = [&](bool remembers, const Digest& opening) {
        RoundJudge judge(bench.settings(), bench.ports(), bench.world.model);
        if (remembers) {
            Recollection past;
            past.audits.push_back(
                {job, &plan, bench.order.beacon, one.commit_hash, one.payload, {opening, 1, {}}});
            judge.remember(past);
        }
        return judge.audit(job);
    };
    const Digest opening = one.opening->opening.sha256;
    CHECK(audited(true, opening).pass);
    // Behind mark, roots and end stands the trace. Another loss there, and the audit sees it.
    const Bytes honest = bench.store.at(opening);
    const size_t trace = 4 + size_t{plan.inner_steps} * 2 * 32 + size_t{5} * 32;
    size_t seen = 0;
    for (size_t i = trace; i < std::min(honest.size(), trace + size_t{plan.inner_steps} * 64);
         i += 4) {
        bench.store[opening][i + 2] ^= 0x40;
        seen += audited(true, opening).pass ? 0 : 1;
        bench.store[opening] = honest;
    }
    CHECK(seen > 0);
    bench.store[opening][trace] ^= 0xff;
    CHECK(audited(false, opening).pass);  // nothing but the trace shows it
}

}  // namespace assay
