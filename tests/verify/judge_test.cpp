// Evidence in, verdict out: which layer decides, and in what words.
#include "verify/judge.h"

#include <catch2/catch.hpp>
#include <functional>

#include "core/rng.h"
#include "tests/support/check_fires.h"
#include "tests/support/verify_world.h"
#include "verify/survival.h"

namespace assay {

namespace {

PeerId peer(uint8_t number) {
    PeerId id;
    id.key[0] = number;
    return id;
}

Evidence clean(uint8_t who = 1) {
    Evidence evidence;
    evidence.round = RoundId{3};
    evidence.peer = peer(who);
    evidence.form = Status();
    evidence.opening = Status();
    evidence.chain = ChunkAuditReport{true, "", 16, 4, {}};
    evidence.tripwire = TripwireReport{};
    evidence.direction = DirectionScore{0.1, 8, true};
    evidence.gate_t = 2;
    return evidence;
}

AuditReport report(uint32_t step, bool pass) {
    AuditReport report;
    report.step = step;
    report.pass = pass;
    report.recomputed_root = derive_seed(Digest{}, "recomputed");
    report.reason = pass ? "agrees" : "committed gradient root differs";
    return report;
}

PairFinding equal_states(uint8_t a, uint8_t b) {
    PairFinding finding;
    finding.peer = peer(a);
    finding.other = peer(b);
    finding.round = finding.other_round = RoundId{3};
    finding.sign = CopySign::kEqualStates;
    finding.reason = "equal states roots";
    return finding;
}

}  // namespace

TEST_CASE("clean evidence is accepted, with its figures", "[verify]") {
    const Verdict verdict = judge(clean());
    CHECK(verdict.ruling == Ruling::kAccepted);
    CHECK_FALSE(verdict.suspicious);
    CHECK(verdict.reason.find("direction t = 8.00") != std::string::npos);
    CHECK(verdict.round == RoundId{3});
    CHECK(verdict.peer == peer(1));
}

TEST_CASE("the first layer that refuses decides", "[verify]") {
    Evidence evidence = clean();
    evidence.direction = DirectionScore{-0.1, -3, false};
    CHECK(judge(evidence).layer == Layer::kDirection);
    CHECK(judge(evidence).ruling == Ruling::kGated);
    CHECK(judge(evidence).reason.find("t = -3.00, not over 2.00") != std::string::npos);
    evidence.audits = {report(2, false)};
    CHECK(judge(evidence).layer == Layer::kGradientAudit);
    evidence.chain = ChunkAuditReport{false, "chunk 1: codes differ", 0, 0, {}};
    CHECK(judge(evidence).layer == Layer::kChunkChain);
    CHECK(judge(evidence).reason == "chunk 1: codes differ");
    evidence.opening = Status(fail("trace root"));
    CHECK(judge(evidence).layer == Layer::kForm);
    evidence.unanswered = "the opening did not come in time";
    CHECK(judge(evidence).layer == Layer::kRefusal);
    CHECK(is_unanswered(judge(evidence)));
    evidence.form = Status(fail("base root"));
    CHECK(judge(evidence).reason == "base root");
    CHECK(judge(evidence).ruling == Ruling::kRejected);
}

TEST_CASE("suspicion is said and does not refuse", "[verify]") {
    Evidence evidence = clean();
    evidence.tripwire->suspicious = true;
    evidence.tripwire->reason = "step 2 is zero";
    const Verdict verdict = judge(evidence);
    CHECK(verdict.ruling == Ruling::kAccepted);
    CHECK(verdict.suspicious);
    CHECK(verdict.reason.find("step 2 is zero") != std::string::npos);
    evidence = clean();
    PairFinding overlap = equal_states(1, 2);
    overlap.sign = CopySign::kOverlap;
    evidence.copies = {overlap};
    CHECK(judge(evidence).suspicious);
    CHECK(judge(evidence).ruling == Ruling::kAccepted);
    evidence.copies = {equal_states(2, 3)};  // of others
    CHECK_FALSE(judge(evidence).suspicious);
}

TEST_CASE("of two equal chains that both open nobody is held back, and audits say who it was",
          "[verify]") {
    std::vector<Evidence> round = {clean(1), clean(2), clean(3)};
    for (Evidence& evidence : round) {
        evidence.copies = {equal_states(1, 2)};
    }
    std::vector<Verdict> verdicts = judge_round(round);
    for (size_t i = 0; i < 3; ++i) {
        CHECK(verdicts[i].ruling == Ruling::kAccepted);
        CHECK(verdicts[i].suspicious == (i < 2));
    }
    round[0].audits = {report(1, true)};
    round[1].audits = {report(1, false)};
    verdicts = judge_round(round);
    CHECK(verdicts[0].ruling == Ruling::kAccepted);
    CHECK_FALSE(verdicts[0].suspicious);
    CHECK(verdicts[1].ruling == Ruling::kRejected);
    CHECK(verdicts[1].layer == Layer::kCopies);
    round[0].audits.clear();  // the other's refusal alone also resolves the pair
    CHECK(judge_round(round)[0].ruling == Ruling::kAccepted);
    CHECK_FALSE(judge_round(round)[0].suspicious);
}

TEST_CASE("who does not open and pass L1 and L6 says nothing against another", "[verify]") {
    const std::vector<std::function<void(Evidence&)>> silenced = {
        [](Evidence& e) { e.form = fail("COMMIT: e root before the round"); },
        [](Evidence& e) { e.unanswered = "no opening"; },
        [](Evidence& e) { e.opening = Status(fail("states root")); },
        [](Evidence& e) {
            e.opening.reset();
            e.chain.reset();
        },
        [](Evidence& e) {
            e.chain = ChunkAuditReport{false, "chunk 1", 0, 0, {}};
        },
        [](Evidence& e) { e.store_fault = "the coordinator's store lost its opening"; }};
    for (const auto& silence : silenced) {
        for (const CopySign sign : {CopySign::kEqualStates,
                                    CopySign::kEqualTrace,
                                    CopySign::kEqualPayload,
                                    CopySign::kCosine}) {
            std::vector<Evidence> round = {clean(1), clean(2)};
            PairFinding finding = equal_states(1, 2);
            finding.sign = sign;
            round[0].copies = round[1].copies = {finding};
            silence(round[1]);
            CHECK_FALSE(speaks(round[1]));
            const Verdict framed = judge_round(round)[0];
            CHECK(framed.ruling == Ruling::kAccepted);
            CHECK_FALSE(framed.suspicious);
        }
    }
}

TEST_CASE("a refusal of this round says nothing about whose an earlier round's work is",
          "[verify]") {
    std::vector<Evidence> round = {clean(1), clean(2)};
    PairFinding again = equal_states(1, 2);
    again.sign = CopySign::kEqualPayload;
    again.other_round = RoundId{1};
    round[0].copies = {again};
    round[1].unanswered = "the opening did not come in time";
    const std::vector<Verdict> verdicts = judge_round(round);
    CHECK(verdicts[1].ruling == Ruling::kGated);
    CHECK(verdicts[1].layer == Layer::kRefusal);
    CHECK(verdicts[0].ruling == Ruling::kGated);
    CHECK(verdicts[0].layer == Layer::kCopies);
}

TEST_CASE("a chain that is not opened holds nobody back", "[verify]") {
    std::vector<Evidence> round = {clean(1), clean(2)};
    for (Evidence& evidence : round) {
        evidence.copies = {equal_states(1, 2)};
    }
    round[1].unanswered = "states root of its leaves is another";
    const std::vector<Verdict> verdicts = judge_round(round);
    CHECK(verdicts[0].ruling == Ruling::kAccepted);
    CHECK(is_unanswered(verdicts[1]));
}

TEST_CASE("a peer twice in one round is a defect of the program", "[verify]") {
    const std::vector<Evidence> round = {clean(1), clean(1)};
    CHECK_THAT(fired_check([&] { (void)judge_round(round); }), Catch::Contains("peers.insert"));
}

TEST_CASE("audits: refusal, failure, agreement, disagreement", "[verify]") {
    const Digest evidence = derive_seed(Digest{}, "evidence");
    const auto judged = [&](const std::vector<AuditReport>& reports, bool answered) {
        return judge_audits(RoundId{3}, peer(1), evidence, reports, answered);
    };
    CHECK(judged({}, false).layer == Layer::kRefusal);
    CHECK(judged({}, false).ruling == Ruling::kRejected);
    CHECK(judged({report(0, true), report(4, true)}, true).ruling == Ruling::kAccepted);
    CHECK(judged({report(0, true), report(4, true)}, true).reason == "2 audited steps agree");
    CHECK(judged({report(0, true), report(4, false)}, true).ruling == Ruling::kRejected);
    CHECK(judged({report(4, false), report(4, false)}, true).reason.find("step 4") !=
          std::string::npos);
    const Verdict split = judged({report(4, false), report(4, true)}, true);
    CHECK(split.ruling == Ruling::kAccepted);
    CHECK(split.suspicious);
    CHECK(split.reason.find("auditors disagree about step 4") != std::string::npos);
    CHECK(split.evidence == evidence);
}

TEST_CASE("what the judge's own store lost blames nobody", "[verify]") {
    Evidence evidence = clean(1);
    evidence.store_fault = "the coordinator's store lost its payload";
    const Verdict verdict = judge(evidence);
    CHECK(verdict.ruling == Ruling::kGated);
    CHECK(verdict.reason.find("nobody is blamed: the coordinator's store lost its payload") !=
          std::string::npos);
    evidence.unanswered = "no opening";  // what the peer itself left out is still its own
    CHECK(judge(evidence).layer == Layer::kRefusal);
    evidence.unanswered.clear();
    evidence.form = fail("COMMIT: number of tokens is 7, expected 8");
    CHECK(judge(evidence).ruling == Ruling::kRejected);

    AuditJob job;
    job.step = 4;
    const AuditReport unseen = not_audited(job, "the coordinator's store lost the opened state");
    CHECK_FALSE(is_recomputed(unseen));
    const Verdict late = judge_audits(
        RoundId{3}, peer(1), Digest{}, std::vector<AuditReport>{report(0, true), unseen}, true);
    CHECK(late.ruling == Ruling::kAccepted);
    CHECK(late.suspicious);  // so that its next rounds are audited with certainty
    CHECK(late.reason ==
          "step 4 was not recomputed (the coordinator's store lost the opened "
          "state); 1 audited steps agree");
}

TEST_CASE("a copy under own batch ids is resolved by audits", "[verify]") {
    VerifyWorld world;  // round 0: all moments are zero, so even those roots are equal
    const RoundPlan plan = world.plan();
    const Assignment deal = world.assignment(plan);
    Lie lie;
    lie.samples = [&](uint32_t step, const std::vector<uint64_t>&) {
        const std::span<const uint64_t> others = deal.peers[0].step(step, world.inner_steps);
        return std::vector<uint64_t>(others.begin(), others.end());
    };
    std::vector<PeerRound> rounds;
    rounds.push_back(world.train(plan, 0));
    rounds.push_back(world.train(plan, 1, lie));
    CHECK(rounds[0].commit.payload_hash == rounds[1].commit.payload_hash);
    CHECK(rounds[0].commit.states_root != rounds[1].commit.states_root);  // whose it is is in it
    CHECK(rounds[0].commit.trace_root != rounds[1].commit.trace_root);
    const PayloadEntries entries = payload_entries(world.decoded(rounds[0]));
    std::vector<SubmissionView> views;
    std::vector<Evidence> round;
    for (size_t i = 0; i < 2; ++i) {
        const Commit& commit = rounds[i].commit;
        views.push_back({plan.peers[i].id,
                         plan.round,
                         commit.states_root,
                         commit.trace_root,
                         commit.payload_hash,
                         &entries});
        round.push_back(world.check(plan, i, rounds[i]));
    }
    for (Evidence& evidence : round) {
        evidence.copies = PayloadHistory().find_copies(views,
                                                       compare_payloads(views),
                                                       world.settings,
                                                       tripwire_floor(world.settings),
                                                       nullptr);
    }
    const std::vector<Verdict> verdicts = judge_round(round);
    CHECK(verdicts[0].ruling == Ruling::kAccepted);
    CHECK(verdicts[1].ruling == Ruling::kRejected);
    CHECK(verdicts[1].layer == Layer::kCopies);
}

TEST_CASE("survival of lazy peers is that of the table", "[verify]") {
    CHECK(lazy_survival(8, 4, 3, 1) == Approx(0.0714).epsilon(1e-2));
    CHECK(lazy_survival(12, 6, 3, 2) == Approx(0.0083).epsilon(1e-2));
    CHECK(lazy_survival(20, 10, 5, 2) == Approx(0.00026).epsilon(2e-2));
    CHECK(lazy_survival(30, 8, 3, 1) == Approx(1 - 0.62).epsilon(2e-2));
    CHECK(lazy_survival(12, 0, 3, 5) == 1);
    CHECK(lazy_survival(12, 10, 3, 1) == 0);
    CHECK(lazy_survival(12, 12, 0, 1) == 1);
}

}  // namespace assay
