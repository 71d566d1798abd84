#include "simulation/sim_world.h"

#include <algorithm>

#include "adversaries/adversary.h"
#include "core/check.h"
#include "core/merkle.h"
#include "ledger/audit_tally.h"
#include "ledger/ledger_verify.h"
#include "ledger/rejections.h"
#include "protocol/codec.h"
#include "rounds/ledger_terms.h"

namespace assay {

namespace {

constexpr DurationMs kCoordinatorDown{400};
constexpr DurationMs kLateJoin{4000};
constexpr DurationMs kLateLeak{6000};    // honest peers are seldom audited by then
constexpr int64_t kRoundMsMax = 120000;  // simulated time after which a run is stuck
constexpr Instant kStart{1000000};

struct Money {
    int64_t vested = 0;
    int64_t unvested = 0;
    int64_t deposit = 0;
    int64_t forfeited = 0;
};

Money money_of(const Books& books, const PeerId& peer) {
    const PeerBook* book = books.find(peer);
    if (book == nullptr) {
        return {};
    }
    return {book->escrow.vested(),
            book->escrow.unvested_total(),
            book->escrow.deposit(),
            book->escrow.forfeited()};
}

}  // namespace

SimWorld::SimWorld(const SimulationOptions& options)
    : run_(options),
      clock_(kStart),
      network_(clock_, run_.coordinator, derive_seed(run_.seed, "network"), options.faults),
      coordinator_(run_, clock_, network_.server(), [this](const PeerId& id) {
          for (const auto& peer : peers_) {
              if (peer->id() == id && peer->running()) {
                  return &peer->blobs();
              }
          }
          return static_cast<const MemoryBlobStore*>(nullptr);
      }) {
    for (uint32_t i = 0; i < options.peers; ++i) {
        peers_.push_back(std::make_unique<SimPeer>(
            run_, clock_, network_, coordinator_.blobs(), i, std::string(), nullptr));
    }
    const Leak leak =
        options.late_leak ? Leak([this](const PeerId& id) { return leaked(id); }) : Leak();
    for (size_t i = 0; i < options.attacks.size(); ++i) {
        peers_.push_back(std::make_unique<SimPeer>(
            run_, clock_, network_, coordinator_.blobs(), 1000 + i, options.attacks[i], leak));
    }
    checked_.assign(peers_.size(), 0);
}

// What a peer that colludes hands over; nothing if it is not running.
const TrainerState* SimWorld::leaked(const PeerId& colluder) const {
    for (const auto& peer : peers_) {
        if (peer->id() == colluder && peer->running()) {
            return &peer->trained();
        }
    }
    return nullptr;
}

Status SimWorld::boot() {
    if (Status booted = coordinator_.boot(); !booted) {
        return booted;
    }
    for (size_t i = 0; i < peers_.size(); ++i) {
        if (run_.options.late_joiner && i == 0) {
            peer_restarts_[i] = clock_.now() + kLateJoin;
        } else if (run_.options.late_leak && !peers_[i]->honest()) {
            peer_restarts_[i] = clock_.now() + kLateLeak;
        } else {
            peers_[i]->boot();
        }
    }
    return {};
}

std::optional<Instant> SimWorld::next_due() const {
    std::optional<Instant> next = network_.next_delivery();
    const auto take = [&](std::optional<Instant> due) {
        next = due && next ? std::min(*due, *next) : (due ? due : next);
    };
    take(coordinator_.next_due());
    take(coordinator_restart_);
    for (const auto& peer : peers_) {
        take(peer->next_due());
    }
    for (const auto& [index, at] : peer_restarts_) {
        take(at);
    }
    return next;
}

Status SimWorld::move_coordinator() {
    if (coordinator_restart_ && *coordinator_restart_ <= clock_.now()) {
        coordinator_restart_.reset();
        for (const auto& peer : peers_) {
            network_.mend(peer->id());
        }
        if (Status booted = coordinator_.boot(); !booted) {
            return booted;
        }
    }
    if (coordinator_.running()) {
        if (Status moved = coordinator_.run_due(); !moved) {
            return moved;
        }
    }
    if (coordinator_.running() && coordinator_.crash_due()) {
        coordinator_.crash();
        coordinator_restart_ = clock_.now() + kCoordinatorDown;
        for (const auto& peer : peers_) {
            network_.cut(peer->id());
        }
        (void)network_.server().poll({});  // what the dead process would have heard
    }
    return {};
}

Status SimWorld::move_peers() {
    for (size_t i = 0; i < peers_.size(); ++i) {
        const auto dead = peer_restarts_.find(i);
        if (dead != peer_restarts_.end()) {
            if (dead->second > clock_.now()) {
                continue;
            }
            peer_restarts_.erase(dead);
            peers_[i]->boot();
        }
        if (Status moved = peers_[i]->run_due(); !moved) {
            return moved;
        }
        if (peers_[i]->crash_due()) {
            peers_[i]->crash();
            peer_restarts_[i] = clock_.now() + peers_[i]->down();
        }
    }
    return {};
}

Status SimWorld::step() {
    const std::optional<Instant> due = next_due();
    if (!due) {
        return fail("nothing is due any more, and the run is not over");
    }
    if (*due > clock_.now()) {
        clock_.set(*due);
    }
    if (Status moved = move_coordinator(); !moved) {
        return moved;
    }
    if (Status moved = move_peers(); !moved) {
        return moved;
    }
    return check_replicas();
}

const RoundSummary* SimWorld::summary_of(RoundId round) const {
    const std::vector<RoundSummary>& all = coordinator_.summaries();  // one a round, in order
    if (round.value >= all.size()) {
        return nullptr;
    }
    ASSAY_CHECK(all[round.value].round == round);
    return &all[round.value];
}

// Every replica that applied a round has the digest that the coordinator announced.
Status SimWorld::check_replicas() {
    for (size_t i = 0; i < peers_.size(); ++i) {
        const auto& applied = peers_[i]->applied();
        ASSAY_CHECK_LE(checked_[i], applied.size());
        for (; checked_[i] < applied.size(); ++checked_[i]) {
            const auto& [round, root] = applied[checked_[i]];
            const RoundSummary* summary = summary_of(round);
            if (summary == nullptr) {
                return fail("a peer applied round " + std::to_string(round.value) +
                            ", whose summary was never durable");
            }
            if (peers_[i]->honest() && summary->theta_root != root) {
                return fail("replica of peer " + peers_[i]->id().brief() + " differs after round " +
                            std::to_string(round.value) + ": " + root.brief() + " against " +
                            summary->theta_root.brief());
            }
        }
        if (peers_[i]->equivocations() > 0) {
            return fail("the coordinator signed two heads for one round");
        }
    }
    return {};
}

// All of it, as anybody could check it, and that a restart would think the same.
Status SimWorld::check_ledger() {
    MemoryLedger& ledger = coordinator_.ledger();
    if (run_.options.sabotage == Sabotage::kForgedRecord) {
        ledger.stored().at(ledger.height() / 2).body.back() ^= 1;
    }
    LedgerChecks checks;
    checks.coordinator = run_.coordinator.id();
    checks.manifest_digest = manifest_digest(run_.manifest);
    checks.terms = ledger_terms(run_.rules, run_.seed, true);
    checks.heads = {{ledger.head(), ledger.height() - 1}};
    const VerifyReport report = verify_ledger(ledger, checks);
    if (!report.ok()) {
        return fail("the ledger does not verify: " + report.text());
    }
    if (!report.complete()) {
        return fail("the ledger was not checked as a whole: " + report.text());
    }
    const Result<std::vector<Record>> records = ledger.read(0, ledger.height());
    if (!records) {
        return records.error();
    }
    const Result<RoundMachine> again =
        RoundMachine::restore(*records, run_.manifest, run_.rules, [this](uint64_t index) {
            return run_.beacons.element(index);
        });
    return again ? Status() : Status(again.error());
}

// What a finished run must look like.
Status SimWorld::check_end() {
    if (Status verified = check_ledger(); !verified) {
        return verified;
    }
    const Books& all = coordinator_.machine().state().books();
    for (const auto& peer : peers_) {
        const Money books = money_of(all, peer->id());
        if (!peer->honest() && deciding_layer(peer->attack()) && books.vested > 0) {
            return fail(peer->attack() + " vested " + std::to_string(books.vested));
        }
        if (peer->honest() && books.forfeited > 0) {
            return fail("honest peer " + peer->id().brief() + " forfeited " +
                        std::to_string(books.forfeited));
        }
        if (peer->honest() && peer->finished() && !peer->finished()->ok) {
            return fail("honest peer " + peer->id().brief() +
                        " ended: " + peer->finished()->reason);
        }
        if (peer->honest() && !peer->untrained().empty()) {
            return fail("honest peer " + peer->id().brief() + " could not train " +
                        peer->untrained());
        }
        if (peer->honest() && (books.unvested > 0 || books.deposit > 0)) {
            return fail("honest peer " + peer->id().brief() + " is left with " +
                        std::to_string(books.unvested) + " unvested and a deposit of " +
                        std::to_string(books.deposit));
        }
        const bool late = run_.options.late_joiner && peer == peers_.front();
        const bool away = run_.options.peer_crash > 0 || run_.options.absence > 0;
        if (peer->honest() && books.vested <= 0 && !late && !away) {
            return fail("honest peer " + peer->id().brief() + " was not paid");
        }
    }
    return {};
}

void SimWorld::fill(SimulationReport& report) const {
    report.seed = run_.options.seed;
    report.rounds = coordinator_.summaries().size();
    report.records = coordinator_.ledger().height();
    report.coordinator_restarts = coordinator_.restarts();
    report.steps_again = coordinator_.steps_again();
    report.simulated_ms = (clock_.now() - kStart).ms;
    report.misses = coordinator_.misses();
    report.blobs_most = coordinator_.blobs().count_most();
    for (const auto& peer : peers_) {
        report.misses += peer->misses();
        report.peer_blobs_most =
            std::max<uint64_t>(report.peer_blobs_most, peer->blobs().count_most());
    }
    std::map<PeerId, SimulatedPeer> lines;
    for (const RoundSummary& summary : coordinator_.summaries()) {
        report.voided += summary.voided ? 1 : 0;
        for (const SummaryEntry& entry : summary.entries) {
            const bool counted = entry.outcome == CommitOutcome::kCounted;
            lines[entry.peer].counted += counted ? 1 : 0;
            if (!counted) {
                lines[entry.peer].verdict = entry.reason;
            }
        }
        report.theta_root = summary.theta_root;
    }
    if (!coordinator_.summaries().empty()) {
        report.loss_first = coordinator_.summaries().front().loss_before;
        report.loss_last = coordinator_.summaries().back().loss_after;
    }
    const Result<AuditTally> tally = tally_audits(coordinator_.ledger());
    ASSAY_CHECK_MSG(tally.ok() || !coordinator_.finished(), tally.ok() ? "" : tally.reason());
    if (tally) {
        report.verdicts = tally->verdicts();
        report.suspicious = tally->suspicious();
        report.audit_rate = tally->rate();
        report.audit_rate_without_suspicion = tally->rate_without_suspicion();
    }
    const auto rejections = last_rejections(coordinator_.ledger());
    ASSAY_CHECK_MSG(rejections.ok(), rejections.ok() ? "" : rejections.reason());
    for (const auto& [id, verdict] : *rejections) {
        lines[id].rejected_by = verdict.layer;
    }
    for (const auto& peer : peers_) {
        SimulatedPeer line = lines[peer->id()];
        line.id = peer->id();
        line.attack = peer->attack();
        line.restarts = peer->restarts();
        if (coordinator_.running()) {
            const Money books = money_of(coordinator_.machine().state().books(), peer->id());
            line.vested = books.vested;
            line.unvested = books.unvested;
            line.deposit = books.deposit;
            line.forfeited = books.forfeited;
            const Member* member = coordinator_.machine().state().member(peer->id());
            line.ejected = member != nullptr && member->ejected;
            if (line.ejected) {
                line.verdict = member->ejected_why;
            }
        }
        report.peers.push_back(std::move(line));
    }
}

SimulationReport SimWorld::run() {
    Status status = boot();
    const Instant give_up =
        kStart + DurationMs{kRoundMsMax * static_cast<int64_t>(run_.options.rounds + 1)};
    while (status.ok() && !coordinator_.finished()) {
        status = clock_.now() < give_up ? step() : Status(fail("the run takes for ever"));
    }
    if (status.ok()) {
        status = check_end();
    }
    SimulationReport report;
    fill(report);
    report.ok = status.ok();
    if (!status.ok()) {
        report.failure = "seed " + std::to_string(run_.options.seed) + ": " + status.reason();
    }
    return report;
}

}  // namespace assay
