// The other strategies among real processes: honest peers are paid, a sign flip is found, replicas
// stay equal, the ledger verifies.

#include <algorithm>
#include <catch2/catch.hpp>

#include "adversaries/adversary.h"
#include "tests/process/world.h"

namespace assay {
namespace {

const PeerStatus& status_of(const CoordinatorStatus& status, const PeerId& peer) {
    const auto found = std::find_if(status.peers.begin(),
                                    status.peers.end(),
                                    [&](const PeerStatus& one) { return one.id == peer; });
    REQUIRE(found != status.peers.end());
    return *found;
}

bool is_here(const CoordinatorStatus& status, const PeerId& peer) {
    return std::any_of(status.peers.begin(), status.peers.end(), [&](const PeerStatus& one) {
        return one.id == peer && one.connected;
    });
}

std::vector<Setting> settings_of(const std::string& strategy) {
    std::vector<Setting> settings{{"outer", "strategy", '"' + strategy + '"'}};
    if (strategy == "ddp") {
        settings.push_back({"inner", "inner_steps", "1"});
        settings.push_back({"verify", "audit_steps", "1"});
    }
    return settings;
}

TEST_CASE("each strategy ends with honest peers paid and a sign flip found", "[process]") {
    for (const char* const strategy : {"diloco", "average", "ddp"}) {
        DYNAMIC_SECTION(strategy) {
            ProcessWorld world(4, 2, settings_of(strategy));
            world.start_coordinator();
            const PeerId cheat = world.make_peer("cheat");
            world.start_adversary("cheat", "sign_flip");
            world.await([&](const CoordinatorStatus& s) { return is_here(s, cheat); });
            for (const char* name : {"p1", "p2"}) {
                world.start_peer(name);
            }
            world.await_finish();
            world.check_honest({"p1", "p2"});
            const CoordinatorStatus last =
                world.await([](const CoordinatorStatus& s) { return s.finished; });
            const PeerStatus& found = status_of(last, cheat);
            INFO(found.verdict << ": " << found.reason);
            CHECK(found.vested == 0);
            CHECK(found.verdict == "rejected");
            CHECK(world.rejected_by(cheat) == deciding_layer("sign_flip"));
            for (const RoundStatus& round : world.rounds()) {
                CHECK_FALSE(round.voided);
            }
        }
    }
}

}  // namespace
}  // namespace assay
