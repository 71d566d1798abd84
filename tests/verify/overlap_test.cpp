// Pairs of payloads: honest ones are none, copies, mirrors and replays are.
#include "verify/overlap.h"

#include <catch2/catch.hpp>

#include "core/rng.h"
#include "verify/tripwire.h"

namespace assay {

namespace {

PeerId peer(uint8_t number) {
    PeerId id;
    id.key[0] = number;
    return id;
}

Digest number(uint64_t n) {
    return derive_seed(Digest{}, "overlap test", {n});
}

// 64 of 4096 values in each of 20 chunks.
PayloadEntries random_entries(uint64_t seed) {
    CounterRng rng(number(seed));
    PayloadEntries entries;
    for (uint64_t c = 0; c < 20; ++c) {
        for (const uint64_t index : rng.distinct(64, 4096)) {
            entries.index.push_back(c * 4096 + index);
            entries.value.push_back(static_cast<float>(rng.normal()));
        }
    }
    return entries;
}

// Keeps a part of the entries of one payload, takes the rest from another.
PayloadEntries mixed(const PayloadEntries& a, const PayloadEntries& b, double part) {
    CounterRng rng(number(99));
    std::vector<std::pair<uint64_t, float>> all;
    for (size_t i = 0; i < a.index.size(); ++i) {
        const PayloadEntries& from = rng.unit() < part ? a : b;
        all.emplace_back(from.index[i], from.value[i]);
    }
    std::sort(all.begin(), all.end());
    PayloadEntries entries;
    for (const auto& [index, value] : all) {
        entries.index.push_back(index);
        entries.value.push_back(value);
    }
    return entries;
}

SubmissionView view(uint8_t who, uint64_t round, const PayloadEntries& entries, uint64_t hash) {
    return {peer(who),
            RoundId{round},
            number(1000 + hash),
            number(2000 + hash),
            number(3000 + hash),
            &entries};
}

const VerifySettings kSettings;

std::vector<PairFinding> copies_in(const PayloadHistory& history,
                                   const std::vector<SubmissionView>& round,
                                   const EntriesLoader& load = nullptr) {
    return history.find_copies(
        round, compare_payloads(round), kSettings, tripwire_floor(kSettings), load);
}

std::vector<PairFinding> found(const PayloadEntries& a, const PayloadEntries& b) {
    const std::vector<SubmissionView> round = {view(1, 5, a, 1), view(2, 5, b, 2)};
    return copies_in(PayloadHistory(), round);
}

}  // namespace

TEST_CASE("independent payloads are not a pair, a payload and itself are", "[verify]") {
    const PayloadEntries a = random_entries(1);
    const PayloadEntries b = random_entries(2);
    CHECK(found(a, b).empty());
    CHECK(compare_entries(a, b).overlap < 0.05);
    const PairFigures same = compare_entries(a, a);
    CHECK(same.overlap == 1);
    CHECK(same.sign_agreement == 1);
    CHECK(same.cosine == Approx(1));
    REQUIRE(found(a, a).size() == 1);
    CHECK(found(a, a)[0].sign == CopySign::kCosine);
    CHECK_FALSE(found(a, a)[0].proves_copy());
}

TEST_CASE("a disguised copy is found while it shares enough", "[verify]") {
    const PayloadEntries a = random_entries(1);
    const PayloadEntries b = random_entries(2);
    PayloadEntries noisy = mixed(a, b, 0.45);
    CounterRng rng(number(7));
    for (float& x : noisy.value) {
        x *= static_cast<float>(3 * rng.unit());
    }
    REQUIRE(found(a, noisy).size() == 1);
    CHECK(found(a, noisy)[0].overlap == Approx(0.45).margin(0.06));
    CHECK(found(a, mixed(a, b, 0.2)).empty());
}

// Peers of a small model that see like text send like payloads: what is much in one run is usual in
// another.
TEST_CASE("payloads are as alike as the run's are before they are suspicious", "[verify]") {
    const PayloadEntries a = random_entries(1);
    const PayloadEntries b = mixed(a, random_entries(2), 0.6);
    const std::vector<SubmissionView> round = {view(1, 5, a, 1), view(2, 5, b, 2)};
    const std::vector<Likeness> alike = compare_payloads(round);
    REQUIRE(alike.size() == 1);
    CHECK(alike[0].figures.overlap == Approx(0.6).margin(0.06));
    TripwireFigures limits = tripwire_floor(kSettings);
    CHECK(PayloadHistory().find_copies(round, alike, kSettings, limits, nullptr).size() == 1);
    limits.overlap_ppm = limits.payload_cosine_ppm = 800000;
    CHECK(PayloadHistory().find_copies(round, alike, kSettings, limits, nullptr).empty());
}

TEST_CASE("mirrored signs are named", "[verify]") {
    const PayloadEntries a = random_entries(1);
    PayloadEntries mirrored = a;
    for (float& x : mirrored.value) {
        x = -x;
    }
    REQUIRE(found(a, mirrored).size() == 1);
    CHECK(found(a, mirrored)[0].sign == CopySign::kMirrored);
    CHECK(found(a, mirrored)[0].reason.find("mirrored") != std::string::npos);
}

TEST_CASE("equal roots prove a copy whatever the payloads are", "[verify]") {
    const PayloadEntries a = random_entries(1);
    const PayloadEntries b = random_entries(2);
    std::vector<SubmissionView> round = {view(1, 5, a, 1), view(2, 5, b, 2)};
    round[1].states_root = round[0].states_root;
    std::vector<PairFinding> findings = copies_in(PayloadHistory(), round);
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].sign == CopySign::kEqualStates);
    CHECK(findings[0].proves_copy());
    CHECK(findings[0].concerns(peer(1)));
    CHECK(findings[0].concerns(peer(2)));
    CHECK_FALSE(findings[0].concerns(peer(3)));
    round[1].states_root = number(5);
    round[1].trace_root = round[0].trace_root;
    findings = copies_in(PayloadHistory(), round);
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].sign == CopySign::kEqualTrace);
}

TEST_CASE("a refused payload has no entries and still takes part by its roots", "[verify]") {
    const PayloadEntries a = random_entries(1);
    std::vector<SubmissionView> round = {view(1, 5, a, 1), view(2, 5, a, 2)};
    round[1].entries = nullptr;
    CHECK(copies_in(PayloadHistory(), round).empty());
    round[1].states_root = round[0].states_root;
    CHECK(copies_in(PayloadHistory(), round).size() == 1);
    PayloadHistory history;
    history.keep(round.front().round, round, kSettings);
    CHECK(history.size() == 2);
}

TEST_CASE("payloads of earlier rounds are found by sketch, then compared exactly", "[verify]") {
    const PayloadEntries old = random_entries(1);
    const PayloadEntries fresh = random_entries(2);
    const PayloadEntries again = mixed(old, fresh, 0.6);
    PayloadHistory history;
    const std::vector<SubmissionView> first = {view(1, 5, old, 1)};
    history.keep(RoundId{5}, first, kSettings);
    int loads = 0;
    const EntriesLoader load = [&](const PeerId& who, RoundId round) {
        ++loads;
        CHECK(who == peer(1));
        CHECK(round == RoundId{5});
        return std::optional(old);
    };
    const std::vector<SubmissionView> honest = {view(2, 7, fresh, 2)};
    CHECK(copies_in(history, honest, load).empty());
    CHECK(loads == 0);
    const std::vector<SubmissionView> stale = {view(2, 7, again, 3)};
    const std::vector<PairFinding> findings = copies_in(history, stale, load);
    CHECK(loads == 1);
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].other_round == RoundId{5});
    CHECK_FALSE(findings[0].concerns(peer(1)));  // the earlier one is no suspect
    const std::vector<SubmissionView> replayed = {view(2, 7, old, 1)};
    REQUIRE(copies_in(history, replayed, load).size() == 1);
    CHECK(copies_in(history, replayed, load)[0].sign == CopySign::kEqualPayload);
}

TEST_CASE("a payload is like its own peer's of before, and equal it may not be", "[verify]") {
    const PayloadEntries old = random_entries(1);
    const PayloadEntries again = mixed(old, random_entries(2), 0.8);
    PayloadHistory history;
    const std::vector<SubmissionView> first = {view(1, 5, old, 1)};
    history.keep(RoundId{5}, first, kSettings);
    const EntriesLoader load = [&](const PeerId&, RoundId) { return std::optional(old); };
    const std::vector<SubmissionView> own = {view(1, 6, again, 2)};
    CHECK(copies_in(history, own, load).empty());
    const std::vector<SubmissionView> others = {view(2, 6, again, 2)};
    CHECK(copies_in(history, others, load).size() == 1);
    const std::vector<SubmissionView> resent = {view(1, 6, old, 1)};
    REQUIRE(copies_in(history, resent, load).size() == 1);
    CHECK(copies_in(history, resent, load)[0].proves_copy());
}

TEST_CASE("history forgets what is older than the window", "[verify]") {
    const PayloadEntries entries = random_entries(1);
    PayloadHistory history;
    for (uint64_t round = 0; round < 50; ++round) {
        const std::vector<SubmissionView> one = {view(1, round, entries, round)};
        history.keep(RoundId{round}, one, kSettings);
    }
    CHECK(history.size() == static_cast<size_t>(kSettings.overlap_rounds));
}

TEST_CASE("sketches estimate similarity", "[verify]") {
    const PayloadEntries a = random_entries(1);
    const PayloadEntries b = random_entries(2);
    CHECK(MinHash(a).similarity(MinHash(a)) == 1);
    CHECK(MinHash(a).similarity(MinHash(b)) < 0.1);
    const double half = MinHash(a).similarity(MinHash(mixed(a, b, 0.5)));
    CHECK(half == Approx(1.0 / 3).margin(0.16));  // 0.5 overlap is Jaccard 1/3
    CHECK(MinHash(PayloadEntries{}).similarity(MinHash(PayloadEntries{})) == 0);
}

}  // namespace assay
