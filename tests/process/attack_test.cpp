// Each attack among real processes: the cheat vests nothing, honest peers are paid, the ledger
// holds.

#include <algorithm>
#include <catch2/catch.hpp>

#include "adversaries/adversary.h"
#include "tests/process/world.h"

namespace assay {
namespace {

const PeerStatus* find(const std::vector<PeerStatus>& peers, const PeerId& id) {
    const auto found = std::find_if(
        peers.begin(), peers.end(), [&id](const PeerStatus& peer) { return peer.id == id; });
    return found == peers.end() ? nullptr : &*found;
}

TEST_CASE("every attack ends without pay among real processes", "[process]") {
    for (const std::string& attack : adversary_names()) {
        DYNAMIC_SECTION(attack) {
            // The first round begins with the cheat there, and no round ends on the two others'
            // quorum.
            ProcessWorld world(6,
                               2,
                               {{"rounds", "peers_start", "3"},
                                {"rounds", "quorum_percent", "100"},
                                {"pay", "debt_seconds", "5"}});
            const PeerId cheat = world.make_peer("cheat");
            world.start_coordinator();
            for (const char* name : {"p1", "p2"}) {
                world.start_peer(name);
            }
            world.start_adversary("cheat", attack);
            world.await_finish();
            world.check_honest({"p1", "p2"});
            const CoordinatorStatus last =
                world.await([](const CoordinatorStatus& s) { return s.finished; });
            const std::vector<RoundStatus> rounds = world.rounds();
            CHECK(std::any_of(rounds.begin(), rounds.end(), [&cheat](const RoundStatus& round) {
                return find(round.peers, cheat) != nullptr;  // it committed
            }));
            const PeerStatus* found = find(last.peers, cheat);
            REQUIRE(found != nullptr);
            INFO(found->verdict << ": " << found->reason);
            CHECK(found->vested == 0);
            CHECK(found->verdict != "counted");
            CHECK(world.rejected_by(cheat) == deciding_layer(attack));
        }
    }
}

}  // namespace
}  // namespace assay
