// The deal of a round: recomputable, disjoint, nothing lost.

#include "data/assignment.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "core/rng.h"

namespace assay {
namespace {

Digest seed_of(uint64_t number) {
    return derive_seed({}, "assignment test", {number});
}

PlanPeer peer_of(uint64_t number, uint32_t sequences) {
    PlanPeer peer;
    peer.id.key = seed_of(1000 + number).bytes;
    peer.sequences_per_step = sequences;
    return peer;
}

RoundPlan plan_of(uint64_t round, const std::vector<PlanPeer>& peers, uint32_t inner_steps) {
    RoundPlan plan;
    plan.round = {round};
    plan.previous_beacon = seed_of(2000 + round);
    plan.roster_root = seed_of(3000);
    plan.pool_root = seed_of(4000);
    plan.inner_steps = inner_steps;
    plan.peers = peers;
    return plan;
}

// The sample at one position of the stream: what a lone peer gets for one sequence from there on.
uint64_t sample_at(const Digest& run_seed, uint64_t position, uint64_t sample_count) {
    RoundPlan plan = plan_of(0, {peer_of(1, 1)}, 1);
    plan.stream_position = position;
    return assign(run_seed, plan, sample_count).peers.at(0).samples.at(0);
}

bool same(const Assignment& a, const Assignment& b) {
    if (a.peers.size() != b.peers.size() || a.stream_position_after != b.stream_position_after ||
        a.pool_after != b.pool_after) {
        return false;
    }
    for (size_t i = 0; i < a.peers.size(); ++i) {
        if (assignment_digest(a.peers[i]) != assignment_digest(b.peers[i])) {
            return false;
        }
    }
    return true;
}

}  // namespace

TEST_CASE("an assignment can be recomputed and ignores the order of the roster", "[assignment]") {
    std::vector<PlanPeer> peers = {peer_of(1, 4), peer_of(2, 7), peer_of(3, 2)};
    const RoundPlan plan = plan_of(5, peers, 12);
    const Assignment first = assign(seed_of(0), plan, 1000);
    REQUIRE(same(first, assign(seed_of(0), plan, 1000)));
    std::swap(peers[0], peers[2]);
    REQUIRE(same(first, assign(seed_of(0), plan_of(5, peers, 12), 1000)));
    REQUIRE(std::is_sorted(first.peers.begin(),
                           first.peers.end(),
                           [](const auto& a, const auto& b) { return a.peer < b.peer; }));
}

TEST_CASE("every input of the deal changes it", "[assignment]") {
    const RoundPlan plan = plan_of(5, {peer_of(1, 8), peer_of(2, 8), peer_of(3, 8)}, 30);
    const Assignment base = assign(seed_of(0), plan, 100000);
    REQUIRE_FALSE(same(base, assign(seed_of(9), plan, 100000)));
    RoundPlan other = plan;
    other.previous_beacon = seed_of(77);
    REQUIRE_FALSE(same(base, assign(seed_of(0), other, 100000)));
    other = plan;
    other.roster_root = seed_of(78);
    REQUIRE_FALSE(same(base, assign(seed_of(0), other, 100000)));
    other = plan;
    other.pool_root = seed_of(79);
    REQUIRE_FALSE(same(base, assign(seed_of(0), other, 100000)));
    other = plan;
    other.round = {6};
    REQUIRE_FALSE(same(base, assign(seed_of(0), other, 100000)));
}

TEST_CASE("each peer gets H * B_i samples, in steps of B_i", "[assignment]") {
    const std::vector<PlanPeer> peers = {peer_of(1, 4), peer_of(2, 7), peer_of(3, 1)};
    const Assignment assignment = assign(seed_of(0), plan_of(0, peers, 12), 500);
    for (const PlanPeer& peer : peers) {
        const PeerAssignment* own = assignment.find(peer.id);
        REQUIRE(own != nullptr);
        REQUIRE(own->samples.size() == uint64_t{12} * peer.sequences_per_step);
        REQUIRE(own->step(11, 12).size() == peer.sequences_per_step);
        REQUIRE(own->step(1, 12)[0] == own->samples[peer.sequences_per_step]);
    }
    REQUIRE(assignment.find(peer_of(4, 1).id) == nullptr);
}

TEST_CASE("shards are disjoint but for about two in a hundred", "[assignment]") {
    std::vector<PlanPeer> peers;
    for (uint64_t i = 0; i < 10; ++i) {
        peers.push_back(peer_of(i, 20));
    }
    const Assignment assignment = assign(seed_of(0), plan_of(3, peers, 50), 1000000);
    std::map<uint64_t, std::set<PeerId>> holders;
    uint64_t unique = 0;
    for (const PeerAssignment& peer : assignment.peers) {
        REQUIRE(peer.samples.size() - position_count(peer.ranges) == 20);  // 2 % of 1000
        unique += position_count(peer.ranges);
        for (const uint64_t sample : peer.samples) {
            holders[sample].insert(peer.peer);
        }
    }
    REQUIRE(holders.size() == unique);
    uint64_t shared = 0;
    for (const auto& holder : holders) {
        shared += holder.second.size() > 1 ? 1 : 0;
    }
    REQUIRE(shared > 180);  // 200 copies, a few of the same sample
    REQUIRE(shared <= 200);
}

TEST_CASE("small peers overlap by two in a hundred on average", "[assignment]") {
    uint64_t copies = 0;
    for (uint64_t round = 0; round < 500; ++round) {
        const RoundPlan plan = plan_of(round, {peer_of(1, 2), peer_of(2, 3)}, 4);
        for (const PeerAssignment& peer : assign(seed_of(0), plan, 10000).peers) {
            copies += peer.samples.size() - position_count(peer.ranges);
        }
    }
    REQUIRE(copies > 150);  // 200 expected, standard deviation 14
    REQUIRE(copies < 250);
}

TEST_CASE("a peer alone has no copies", "[assignment]") {
    const Assignment assignment = assign(seed_of(0), plan_of(0, {peer_of(1, 50)}, 20), 1000);
    REQUIRE(position_count(assignment.peers[0].ranges) == 1000);
    const std::set<uint64_t> all(assignment.peers[0].samples.begin(),
                                 assignment.peers[0].samples.end());
    REQUIRE(all.size() == 1000);  // one epoch: each sample once
    REQUIRE(assignment.stream_position_after == 1000);
}

TEST_CASE("the pool is served first, in order", "[assignment]") {
    RoundPlan plan = plan_of(1, {peer_of(1, 5)}, 4);
    plan.stream_position = 1000;
    plan.pool = {{40, 46}, {10, 18}, {60, 90}};
    const Assignment assignment = assign(seed_of(0), plan, 300);
    REQUIRE(assignment.peers[0].ranges == std::vector<SampleRange>{{40, 46}, {10, 18}, {60, 66}});
    REQUIRE(assignment.pool_after == std::vector<SampleRange>{{66, 90}});
    REQUIRE(assignment.stream_position_after == 1000);
    REQUIRE(assignment.peers[0].samples[6] == sample_at(seed_of(0), 10, 300));
}

TEST_CASE("a peer without slots, and an empty roster, are dealt nothing", "[assignment]") {
    const RoundPlan plan = plan_of(0, {peer_of(1, 0), peer_of(2, 90)}, 9);
    const Assignment assignment = assign(seed_of(0), plan, 99);
    REQUIRE(assignment.find(peer_of(1, 0).id)->samples.empty());
    REQUIRE(assignment.find(peer_of(2, 90).id)->samples.size() == 810);
    REQUIRE(assign(seed_of(0), plan_of(0, {}, 9), 99).stream_position_after == 0);
}

TEST_CASE("peers of a single slot keep it", "[assignment]") {
    for (uint64_t round = 0; round < 2000; ++round) {
        const RoundPlan plan = plan_of(round, {peer_of(1, 1), peer_of(2, 1)}, 1);
        REQUIRE(assign(seed_of(0), plan, 50).stream_position_after == 2);
    }
}

TEST_CASE("returned ranges join their neighbours", "[assignment]") {
    const std::vector<SampleRange> pool =
        pool_with_returns({{5, 9}}, {{30, 40}, {20, 30}, {9, 12}});
    REQUIRE(pool == std::vector<SampleRange>{{5, 12}, {20, 40}});
}

TEST_CASE("no sample is lost over many rounds with drops, and none is served twice",
          "[assignment]") {
    constexpr uint64_t kSamples = 701;
    const Digest run_seed = seed_of(0);
    CounterRng rng(seed_of(42));
    uint64_t stream_position = 0;
    std::vector<SampleRange> pool;
    std::map<uint64_t, int> counted;  // position -> times its work counted
    size_t longest_pool = 0;
    for (uint64_t round = 0; round < 300; ++round) {
        std::vector<PlanPeer> peers;
        const uint64_t peer_count = 1 + rng.below(8);
        for (uint64_t i = 0; i < peer_count; ++i) {
            peers.push_back(peer_of(i, static_cast<uint32_t>(1 + rng.below(6))));
        }
        RoundPlan plan = plan_of(round, peers, 6);
        plan.stream_position = stream_position;
        plan.pool = pool;
        const Assignment assignment = assign(run_seed, plan, kSamples);
        std::vector<SampleRange> returned;
        const bool voided = rng.below(10) == 0;
        for (const PeerAssignment& peer : assignment.peers) {
            if (voided || (round < 299 && rng.below(3) == 0)) {
                const auto back = ranges_to_return(assignment, peer.peer);
                returned.insert(returned.end(), back.begin(), back.end());
                continue;
            }
            for (const SampleRange& range : peer.ranges) {
                for (uint64_t p = range.begin; p < range.end; ++p) {
                    ++counted[p];
                }
            }
        }
        pool = pool_with_returns(assignment.pool_after, returned);
        longest_pool = std::max(longest_pool, pool.size());
        stream_position = assignment.stream_position_after;
    }
    for (const SampleRange& range : pool) {
        for (uint64_t p = range.begin; p < range.end; ++p) {
            ++counted[p];
        }
    }
    REQUIRE(counted.size() == stream_position);
    REQUIRE(counted.rbegin()->first == stream_position - 1);
    for (const auto& entry : counted) {
        REQUIRE(entry.second == 1);
    }
    REQUIRE(longest_pool < 40);
    std::set<uint64_t> epoch;
    for (uint64_t p = kSamples; p < 2 * kSamples; ++p) {
        epoch.insert(sample_at(run_seed, p, kSamples));
    }
    REQUIRE(epoch.size() == kSamples);
}

}  // namespace assay
