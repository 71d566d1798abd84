// Each attack among real processes: the cheat vests nothing, honest peers are paid, the ledger
// holds.

#include <catch2/catch.hpp>

#include "adversaries/adversary.h"
#include "tests/process/world.h"

namespace assay {
namespace {

TEST_CASE("every attack ends without pay among real processes", "[process]") {
    for (const std::string& attack : adversary_names()) {
        DYNAMIC_SECTION(attack) {
            ProcessWorld world(6, 2);
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
            for (const PeerStatus& peer : last.peers) {
                if (peer.id == cheat) {
                    INFO(peer.reason);
                    CHECK(peer.vested == 0);
                }
            }
        }
    }
}

}  // namespace
}  // namespace assay
