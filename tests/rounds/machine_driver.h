// Drives RoundMachine by hand: peers that commit, upload and open without tensors, records in
// memory.
//
// Performs Persist and KeepBlobs as the program does and keeps all other actions for the test to
// look at. Whatever an action needs of the store must lie on the shelf.

#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/identity.h"
#include "ledger/memory_ledger.h"
#include "protocol/beacon_chain.h"
#include "rounds/round_machine.h"

namespace assay {

struct HandPeer {
    Identity identity;
    [[nodiscard]] const PeerId& id() const { return identity.id(); }
};

class MachineDriver {
public:
    explicit MachineDriver(uint32_t peers = 2, uint64_t rounds = 6);

    static Digest digest(uint8_t number);
    // The same of the round that runs: no two rounds hand in the same bytes.
    [[nodiscard]] Digest blob(uint8_t number) const;
    std::vector<Action> start();
    std::vector<Action> step(const Event& event);
    // Loses the machine and restores it from the ledger.
    std::vector<Action> restart();

    std::vector<Action> hello(size_t peer, NumericClass declared = NumericClass::kExact);
    void hello_all();
    // start() and hello_all().
    void begin();
    // A new machine by the manifest and the rules as they are now. Before begin().
    void remake();
    [[nodiscard]] Commit commit_of(size_t peer) const;
    std::vector<Action> commit(size_t peer);
    std::vector<Action> commit(size_t peer, const Commit& commit);
    std::vector<Action> payload(size_t peer);
    std::vector<Action> opening(size_t peer);
    [[nodiscard]] OpeningNotice opening_of(size_t peer) const;
    [[nodiscard]] OpeningNotice opening_of(size_t peer, RoundId round) const;
    // The opening of a round that is over, with its blobs.
    std::vector<Action> late_opening(size_t peer, RoundId round);
    // Up to the summary of the round that runs; `silent` commits, sends and does not open.
    std::vector<Action> run_without_opening(size_t silent);
    // COMMIT and payload of all peers.
    void send_all();
    // Everything up to JudgeRound, from all peers; returns its order.
    JudgeRound run_to_judging();
    // A verdict for each submission: accepted, but for those named here.
    [[nodiscard]] RoundJudged judged(const JudgeRound& order) const;
    std::vector<Action> run_round();
    // One audit job of this peer's work, as the judge would make it.
    [[nodiscard]] AuditJob job(size_t peer, uint32_t step = 0) const;
    std::vector<Action> report(const AuditJob& job, bool pass, uint32_t attempt);

    [[nodiscard]] const RoundPlan& plan() const { return machine->state().current()->plan; }
    [[nodiscard]] std::vector<Record> records() const;
    [[nodiscard]] std::vector<RecordKind> kinds_from(uint64_t height) const;

    Identity coordinator = Identity::from_seed(digest(200));
    std::vector<HandPeer> peers;
    BeaconChain beacons{digest(201), 20};
    RunManifest manifest;
    RoundRules rules;
    std::unique_ptr<MemoryLedger> ledger;
    std::unique_ptr<RoundMachine> machine;
    Instant now{1000000};
    std::set<Digest> shelf;  // the blobs in the coordinator's store

private:
    // The notice, and then each blob that is fetched for it.
    std::vector<Action> noticed(size_t peer, const OpeningNotice& notice);
    std::vector<Action> perform(std::vector<Action> actions);
    void use(const BlobRef& blob) const;
    void use(const StepStates& step) const;
    void use_blobs(const Action& action) const;
};

template <typename T>
std::vector<T> actions_of(const std::vector<Action>& actions) {
    std::vector<T> found;
    for (const Action& action : actions) {
        if (const T* one = std::get_if<T>(&action)) {
            found.push_back(*one);
        }
    }
    return found;
}

// Messages sent to one peer, or to all.
template <typename T>
std::vector<T> sent(const std::vector<Action>& actions) {
    std::vector<T> found;
    for (const Action& action : actions) {
        const Message* message = nullptr;
        if (const Send* send = std::get_if<Send>(&action)) {
            message = &send->message;
        } else if (const Broadcast* cast = std::get_if<Broadcast>(&action)) {
            message = &cast->message;
        }
        const T* one = message == nullptr ? nullptr : std::get_if<T>(message);
        if (one != nullptr) {
            found.push_back(*one);
        }
    }
    return found;
}

// The refusal among the actions; its code, or nothing.
std::optional<RefusalCode> refused(const std::vector<Action>& actions);

}  // namespace assay
