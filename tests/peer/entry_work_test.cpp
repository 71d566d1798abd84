// A peer that pays its entry: when it does, what it says meanwhile, and that it does not pay twice.

#include <catch2/catch.hpp>
#include <memory>

#include "configs/run_config.h"
#include "core/files.h"
#include "peer/peer_folder.h"
#include "tests/peer/peer_fixture.h"
#include "tests/support/scratch_folder.h"

namespace assay {

namespace {

// A peer of a run whose settings ask for entry work.
struct Payer {
    Identity coordinator = Identity::from_seed(digest(1));
    Identity self = Identity::from_seed(digest(2));
    RunManifest manifest;
    Instant now{1000};
    std::unique_ptr<PeerMachine> machine;

    // known: it has the manifest; nonce: and paid before.
    explicit Payer(bool known = false, uint64_t nonce = 0, int64_t bits = 20) {
        RunConfig config;
        config.rounds.entry_work_bits = bits;
        manifest.coordinator = coordinator.id();
        manifest.config_text = canonical_text(config);
        PeerResume resume;
        if (known) {
            resume.manifest = manifest;
        }
        resume.entry_nonce = nonce;
        machine = std::make_unique<PeerMachine>(
            self.id(), coordinator.id(), Hello{}, PeerRules{}, resume);
        (void)machine->start(now);
    }
    std::vector<PeerAction> tell(const Message& message) {
        return machine->step(MessageArrived{message, make_envelope(coordinator, message)}, now);
    }
    std::vector<PeerAction> refuse() {
        return tell(Refusal{RefusalCode::kEntryWork, "a new key pays", {}, {}});
    }
};

}  // namespace

TEST_CASE("a new peer pays before it says Hello to the run", "[peer]") {
    Payer payer;
    (void)payer.machine->step(ChannelUp{}, payer.now);
    const std::vector<PeerAction> met = payer.tell(Welcome{payer.manifest, RoundId{0}, {}, {}});
    CHECK(all_of<PrepareRun>(met).size() == 1);
    CHECK(all_of<FindEntryWork>(met).size() == 1);
    CHECK(said<Hello>(met).empty());
    // Silence does not make it say what would be refused, nor pay twice; nor does a new connection.
    payer.now = payer.now + DurationMs{60000};
    const std::vector<PeerAction> later = payer.machine->step(PeerTick{}, payer.now);
    CHECK(said<Hello>(later).empty());
    (void)payer.machine->step(ChannelDown{"gone"}, payer.now);
    const std::vector<PeerAction> again = payer.machine->step(ChannelUp{}, payer.now);
    CHECK(said<Hello>(again).empty());
    CHECK(all_of<FindEntryWork>(again).empty());
    const std::vector<PeerAction> found = payer.machine->step(EntryWorkFound{77}, payer.now);
    REQUIRE(said<Hello>(found).size() == 1);
    CHECK(said<Hello>(found)[0].entry_nonce == 77);
    CHECK(said<Hello>(found)[0].manifest_digest == manifest_digest(payer.manifest));
}

TEST_CASE("what is found without a connection is said with the next one", "[peer]") {
    Payer payer;
    (void)payer.machine->step(ChannelUp{}, payer.now);
    (void)payer.tell(Welcome{payer.manifest, RoundId{0}, {}, {}});
    (void)payer.machine->step(ChannelDown{"gone"}, payer.now);
    CHECK(said<Hello>(payer.machine->step(EntryWorkFound{78}, payer.now)).empty());
    const std::vector<PeerAction> up = payer.machine->step(ChannelUp{}, payer.now);
    REQUIRE(said<Hello>(up).size() == 1);
    CHECK(said<Hello>(up)[0].entry_nonce == 78);
}

TEST_CASE("a peer that has paid says so, and pays nothing again", "[peer]") {
    Payer payer(true, 99);
    const std::vector<PeerAction> up = payer.machine->step(ChannelUp{}, payer.now);
    REQUIRE(said<Hello>(up).size() == 1);
    CHECK(said<Hello>(up)[0].entry_nonce == 99);
    CHECK(all_of<FindEntryWork>(up).empty());
}

// A member is never asked, so a folder that lost the nonce costs nothing before it is refused.
TEST_CASE("a peer that knows the run and not the nonce pays when it is asked to", "[peer]") {
    Payer payer(true);
    const std::vector<PeerAction> up = payer.machine->step(ChannelUp{}, payer.now);
    CHECK(said<Hello>(up).size() == 1);
    CHECK(all_of<FindEntryWork>(up).empty());
    const std::vector<PeerAction> refused = payer.refuse();
    CHECK(all_of<FindEntryWork>(refused).size() == 1);
    CHECK(all_of<PeerFinished>(refused).empty());
    CHECK(all_of<FindEntryWork>(payer.refuse()).empty());
    const std::vector<PeerAction> found = payer.machine->step(EntryWorkFound{5}, payer.now);
    REQUIRE(said<Hello>(found).size() == 1);
    CHECK(said<Hello>(found)[0].entry_nonce == 5);
    // It has done what it could; the first refusals may answer what it said before.
    CHECK(all_of<PeerFinished>(payer.refuse()).empty());
    CHECK(all_of<PeerFinished>(payer.refuse()).empty());
    const std::vector<PeerAction> last = payer.refuse();
    REQUIRE(all_of<PeerFinished>(last).size() == 1);
    CHECK_FALSE(all_of<PeerFinished>(last)[0].ok);
}

TEST_CASE("a run that asks for nothing is joined as ever", "[peer]") {
    Payer payer(false, 0, 0);
    (void)payer.machine->step(ChannelUp{}, payer.now);
    const std::vector<PeerAction> met = payer.tell(Welcome{payer.manifest, RoundId{0}, {}, {}});
    CHECK(all_of<FindEntryWork>(met).empty());
    REQUIRE(said<Hello>(met).size() == 1);
    CHECK(said<Hello>(met)[0].entry_nonce == 0);
}

TEST_CASE("a folder keeps what was paid, for one run and one key", "[peer]") {
    const ScratchFolder scratch;
    const PeerFolder folder(scratch.path());
    const PeerId self = Identity::from_seed(digest(2)).id();
    CHECK(folder.load_entry(digest(4), self) == 0);
    REQUIRE(folder.save_entry(digest(4), self, UINT64_MAX).ok());
    CHECK(folder.load_entry(digest(4), self) == UINT64_MAX);
    CHECK(folder.load_entry(digest(5), self) == 0);
    CHECK(folder.load_entry(digest(4), Identity::from_seed(digest(3)).id()) == 0);
    REQUIRE(write_file_atomically(scratch.path() / "entry.txt", as_bytes("rubbish")).ok());
    CHECK(folder.load_entry(digest(4), self) == 0);
}

}  // namespace assay
