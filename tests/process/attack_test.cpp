// Each attack among real processes: the cheat vests nothing, honest peers are paid, the ledger
// holds.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

#include "adversaries/adversary.h"
#include "tests/process/world.h"

namespace assay {
namespace {

const PeerStatus* find(const std::vector<PeerStatus>& peers, const PeerId& id) {
    const auto found = std::find_if(
        peers.begin(), peers.end(), [&id](const PeerStatus& peer) { return peer.id == id; });
    return found == peers.end() ? nullptr : &*found;
}

// Those that look at who else is in the plan, or that are waited for, have a run for themselves,
// and so has one of the two that send nothing at all (dwarf is the other); of the others four are
// in one. Each names itself by what it does, and no two of a run do the same.
std::vector<std::vector<std::string>> runs() {
    const std::set<std::string> alone{
        "copycat", "disguised", "framer", "sybil", "silent", "old_opening", "replay", "denormal"};
    std::vector<std::vector<std::string>> all;
    for (const std::string& attack : adversary_names()) {
        if (alone.contains(attack)) {
            all.insert(all.begin(), {attack});
        } else if (all.empty() || all.back().size() == 4 || alone.contains(all.back().front())) {
            all.push_back({attack});
        } else {
            all.back().push_back(attack);
        }
    }
    return all;
}

// It committed, and nothing came of it.
void check_cheat(const ProcessWorld& world,
                 const CoordinatorStatus& last,
                 const std::string& attack,
                 const PeerId& cheat) {
    const std::vector<RoundStatus> rounds = world.rounds();
    CHECK(std::any_of(rounds.begin(), rounds.end(), [&cheat](const RoundStatus& round) {
        return find(round.peers, cheat) != nullptr;
    }));
    const PeerStatus* found = find(last.peers, cheat);
    REQUIRE(found != nullptr);
    INFO(attack << ", " << found->verdict << ": " << found->reason);
    CHECK(found->vested == 0);
    CHECK(found->verdict != "counted");
    CHECK(world.rejected_by(cheat) == deciding_layer(attack));
}

TEST_CASE("every attack ends without pay among real processes", "[process]") {
    for (const std::vector<std::string>& attacks : runs()) {
        DYNAMIC_SECTION(attacks.front() << " and " << attacks.size() - 1 << " more") {
            // The first round begins with the cheats there, and no round ends on the others'
            // quorum.
            const std::string all = std::to_string(2 + attacks.size());
            ProcessWorld world(6,
                               2,
                               {{"rounds", "peers_start", all},
                                {"rounds", "quorum_percent", "100"},
                                {"pay", "debt_seconds", "5"}});
            std::map<std::string, PeerId> cheats;
            for (const std::string& attack : attacks) {
                cheats[attack] = world.make_peer(attack);
            }
            world.start_coordinator();
            for (const char* name : {"p1", "p2"}) {
                world.start_peer(name);
            }
            for (const std::string& attack : attacks) {
                world.start_adversary(attack, attack);
            }
            world.await_finish();
            world.check_honest({"p1", "p2"});
            const CoordinatorStatus last =
                world.await([](const CoordinatorStatus& s) { return s.finished; });
            for (const auto& [attack, cheat] : cheats) {
                check_cheat(world, last, attack, cheat);
            }
            // One weight that is not finite would be in every loss.
            for (const RoundStatus& round : world.rounds()) {
                CHECK(std::isfinite(round.loss_after));
            }
        }
    }
}

}  // namespace
}  // namespace assay
