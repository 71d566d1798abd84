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
constexpr uint64_t kJoinRoundMs = 4000;  // joiners come within so much a round of the run
constexpr DurationMs kLateLeak{6000};    // honest peers are seldom audited by then
constexpr Instant kStart{1000000};

struct Money {
    int64_t vested = 0;
    int64_t unvested = 0;
    int64_t deposit = 0;
    int64_t forfeited = 0;
};

// Simulated time after which a run of such rules is stuck.
DurationMs longest_run(const RoundRules& rules) {
    constexpr int64_t kRoundMsMax = 120000;
    const DeadlineRules& deadlines = rules.deadlines;
    const int64_t round = kRoundMsMax + deadlines.commit_floor.ms +
                          2 * deadlines.transfer_floor.ms + 8 * deadlines.grace.ms;
    ASSAY_CHECK_LE(kRoundMsMax, round);
    return DurationMs{round * static_cast<int64_t>(rules.rounds + 1) +
                      2000 * rules.pay.debt_seconds};
}

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

// How often each was counted, and what was said of it last where it was not.
std::map<PeerId, SimulatedPeer> counted_lines(const std::vector<RoundSummary>& summaries) {
    std::map<PeerId, SimulatedPeer> lines;
    for (const RoundSummary& summary : summaries) {
        for (const SummaryEntry& entry : summary.entries) {
            const bool counted = entry.outcome == CommitOutcome::kCounted;
            lines[entry.peer].counted += counted ? 1 : 0;
            if (!counted) {
                lines[entry.peer].verdict = entry.reason;
            }
        }
    }
    return lines;
}

// Of rounds that are over.
std::span<const SimWork> works_until(const SimPeer& peer, uint64_t rounds) {
    const std::span<const SimWork> all = peer.works();
    const auto end = std::find_if(all.begin(), all.end(), [rounds](const SimWork& work) {
        return work.round.value >= rounds;
    });
    return all.first(static_cast<size_t>(end - all.begin()));
}

}  // namespace

SimWorld::SimWorld(const SimulationOptions& options)
    : run_(options),
      clock_(kStart),
      network_(clock_, run_.coordinator, derive_seed(run_.seed, "network"), options.faults),
      coordinator_(run_,
                   clock_,
                   network_.server(),
                   [this](const PeerId& id) {
                       for (const auto& peer : peers_) {
                           if (peer->id() == id && peer->running()) {
                               return PeerLink{&peer->blobs(), peer->bytes_second()};
                           }
                       }
                       return PeerLink{};
                   }),
      strangers_(run_, clock_, network_) {
    for (uint32_t i = 0; i < options.peers; ++i) {
        add_peer(i, std::string());
    }
    for (const std::string& strategy : options.attacks) {
        add_peer(next_cheat_++, strategy);
    }
}

void SimWorld::add_peer(uint64_t number, const std::string& strategy) {
    const bool leaks = run_.options.late_leak && !strategy.empty();
    const Leak leak = leaks ? Leak([this](const PeerId& id) { return leaked(id); }) : Leak();
    peers_.push_back(std::make_unique<SimPeer>(
        run_, clock_, network_, coordinator_.blobs(), number, strategy, leak));
    const SimPeer* added = peers_.back().get();
    peers_.back()->let_see([this, added] { return at_stake(added->id()); });
    checked_.push_back(0);
}

// Unvested and deposit, in what a round pays to each if all count.
double SimWorld::at_stake(const PeerId& peer) const {
    if (!coordinator_.running()) {
        return 0;
    }
    const Money money = money_of(coordinator_.machine().state().books(), peer);
    const double reward = static_cast<double>(run_.rules.pay.pool_per_round) /
                          static_cast<double>(std::max<size_t>(peers_.size(), 1));
    return reward > 0 ? static_cast<double>(money.unvested + money.deposit) / reward : 0;
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
    CounterRng rng(derive_seed(run_.seed, "joiners"));
    const uint64_t stay = run_.options.peers - run_.options.joiners;
    for (size_t i = 0; i < peers_.size(); ++i) {
        if (stay <= i && i < run_.options.peers) {
            const uint64_t latest = kJoinRoundMs * run_.options.rounds;
            peer_restarts_[i] = clock_.now() + DurationMs{static_cast<int64_t>(rng.below(latest))};
        } else if (run_.options.late_joiner && i == 0) {
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
    take(strangers_.next_due());
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
    strangers_.run_due();
    look_at_ejected();
    return check_replicas();
}

void SimWorld::look_at_ejected() {
    if (!coordinator_.running() || looked_at_ == coordinator_.summaries().size()) {
        return;
    }
    looked_at_ = coordinator_.summaries().size();
    if (run_.options.progress) {
        run_.options.progress(static_cast<double>(looked_at_) /
                              static_cast<double>(run_.options.rounds));
    }
    for (const size_t out : note_ejected()) {
        come_back(out);
    }
    for (const size_t out : note_sent_away()) {
        peers_[out]->crash();
        come_back(out);
    }
}

void SimWorld::come_back(size_t out) {
    const CheatStrategy* strategy = peers_[out]->strategy();
    if (strategy != nullptr && strategy->keys == Keys::kFresh) {
        add_peer(next_cheat_++, std::string(strategy->name));
        peer_restarts_[peers_.size() - 1] = clock_.now();
    }
}

// Keys whose place in the roster is gone, of who has others.
std::vector<size_t> SimWorld::note_sent_away() {
    std::vector<size_t> gone;
    for (size_t i = 0; coordinator_.running() && i < peers_.size(); ++i) {
        const CheatStrategy* strategy = peers_[i]->strategy();
        const bool fresh = strategy != nullptr && strategy->keys == Keys::kFresh;
        if (fresh && peers_[i]->running() && peers_[i]->sent_away() &&
            coordinator_.machine().state().member(peers_[i]->id()) == nullptr &&
            sent_away_.insert(i).second) {
            gone.push_back(i);
        }
    }
    return gone;
}

// Those who were not noted before.
std::vector<size_t> SimWorld::note_ejected() {
    std::vector<size_t> fresh;
    for (size_t i = 0; coordinator_.running() && i < peers_.size(); ++i) {
        const Member* member = coordinator_.machine().state().member(peers_[i]->id());
        const uint64_t over = coordinator_.summaries().size();
        if (member != nullptr && member->ejected && ejected_.try_emplace(i, over).second) {
            fresh.push_back(i);
        }
    }
    ASSAY_CHECK_LE(ejected_.size(), peers_.size());
    return fresh;
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

// And what follows from it for the others has happened.
bool SimWorld::cheats_are_out() const {
    constexpr uint64_t kBehind = 2;  // rounds
    if (!run_.options.until_ejected || coordinator_.summaries().empty()) {
        return false;
    }
    for (size_t i = run_.options.peers; i < peers_.size(); ++i) {
        const auto out = ejected_.find(i);
        const bool over =
            out != ejected_.end() && out->second + kBehind <= coordinator_.summaries().size();
        if (!over) {
            return false;
        }
    }
    return true;
}

bool SimWorld::comes_and_goes() const {
    const SimulationOptions& options = run_.options;
    return options.peer_crash > 0 || options.absence > 0 || options.leave > 0 ||
           options.joiners > 0;
}

Status SimWorld::check_honest(const SimPeer& peer, size_t index) const {
    const Money books = money_of(coordinator_.machine().state().books(), peer.id());
    const std::string who = "honest peer " + peer.id().brief();
    if (books.forfeited > 0) {
        return fail(who + " forfeited " + std::to_string(books.forfeited));
    }
    if (peer.finished() && !peer.finished()->ok) {
        return fail(who + " ended: " + peer.finished()->reason);
    }
    if (!peer.untrained().empty()) {
        return fail(who + " could not train " + peer.untrained());
    }
    if (books.unvested > 0 || books.deposit > 0) {
        return fail(who + " is left with " + std::to_string(books.unvested) +
                    " unvested and a deposit of " + std::to_string(books.deposit));
    }
    const bool late = run_.options.late_joiner && index == 0;
    if (books.vested <= 0 && !late && !comes_and_goes()) {
        return fail(who + " was not paid");
    }
    return {};
}

// What must hold of a run that was ended in the middle.
Status SimWorld::check_stopped() {
    for (const auto& peer : peers_) {
        const Money books = money_of(coordinator_.machine().state().books(), peer->id());
        if (peer->honest() && books.forfeited > 0) {
            return fail("honest peer " + peer->id().brief() + " forfeited " +
                        std::to_string(books.forfeited));
        }
    }
    return {};
}

// What a finished run must look like. What a lucky cheat earns on average is measured
// (simulation/red_team.h).
Status SimWorld::check_end() {
    if (Status verified = check_ledger(); !verified) {
        return verified;
    }
    const Books& all = coordinator_.machine().state().books();
    for (size_t i = 0; i < peers_.size(); ++i) {
        const SimPeer& peer = *peers_[i];
        const int64_t vested = money_of(all, peer.id()).vested;
        const bool drawn = peer.strategy() == nullptr || peer.strategy()->sight != Sight::kAlways;
        const bool lucky = drawn && run_.options.luck;
        if (!peer.honest() && !lucky && deciding_layer(peer.attack()) && vested > 0) {
            return fail(peer.attack() + " vested " + std::to_string(vested));
        }
        if (peer.honest()) {
            if (Status held = check_honest(peer, i); !held) {
                return held;
            }
        }
    }
    return check_recomputed();
}

// What a third party finds that judges the last rounds again, as far as evidence of them is kept.
Status SimWorld::check_recomputed() {
    constexpr uint64_t kRounds = 3;
    const uint64_t rounds = coordinator_.summaries().size();
    const auto window = static_cast<uint64_t>(run_.rules.pay.verdict_window);
    for (uint64_t round = rounds - std::min({rounds, kRounds, window}); round < rounds; ++round) {
        const Result<Recomputed> again = coordinator_.recompute_round(RoundId{round});
        // One that died may not have the snapshot that leads there (known defect 58).
        if (!again && coordinator_.restarts() > 0) {
            continue;
        }
        if (!again) {
            return fail("round " + std::to_string(round) +
                        " cannot be recomputed: " + again.reason());
        }
        if (!again->ok()) {
            return fail(again->text(RoundId{round}));
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
    fill_times(report);
    report.misses = coordinator_.misses();
    report.blobs_most = coordinator_.blobs().count_most();
    for (const auto& peer : peers_) {
        report.misses += peer->misses();
        report.peer_blobs_most =
            std::max<uint64_t>(report.peer_blobs_most, peer->blobs().count_most());
    }
    for (const RoundSummary& summary : coordinator_.summaries()) {
        report.voided += summary.voided ? 1 : 0;
        report.losses.push_back(summary.loss_after);
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
    fill_peers(report);
}

void SimWorld::fill_times(SimulationReport& report) const {
    const std::vector<Instant>& opened = coordinator_.opened();
    for (size_t i = 1; i < opened.size(); ++i) {
        const DurationMs took = opened[i] - opened[i - 1];
        report.longest_round_ms = std::max(report.longest_round_ms, took.ms);
    }
    if (opened.size() > 1) {
        report.round_ms = static_cast<double>((opened.back() - opened.front()).ms) /
                          static_cast<double>(opened.size() - 1);
    }
}

void SimWorld::fill_peers(SimulationReport& report) const {
    const auto rejections = last_rejections(coordinator_.ledger());
    auto rejected = rejected_rounds(coordinator_.ledger());
    ASSAY_CHECK_MSG(rejections.ok(), rejections.ok() ? "" : rejections.reason());
    ASSAY_CHECK_MSG(rejected.ok(), rejected.ok() ? "" : rejected.reason());
    const auto audit_steps = static_cast<uint32_t>(run_.rules.verify.audit_steps);
    std::map<PeerId, SimulatedPeer> lines = counted_lines(coordinator_.summaries());
    for (size_t i = 0; i < peers_.size(); ++i) {
        const SimPeer& peer = *peers_[i];
        SimulatedPeer line = lines[peer.id()];
        line.id = peer.id();
        line.attack = peer.attack();
        line.strategy = peer.strategy() == nullptr ? "" : std::string(peer.strategy()->name);
        line.restarts = peer.restarts();
        if (const auto own = rejections->find(peer.id()); own != rejections->end()) {
            line.rejected_by = own->second.layer;
        }
        if (!peer.works().empty()) {
            line.came_in = peer.works().front().round.value;
        }
        if (const auto out = ejected_.find(i); out != ejected_.end()) {
            line.ejected_in = out->second;
        }
        line.cheat = tally_cheat(peer.strategy(),
                                 works_until(peer, report.rounds),
                                 (*rejected)[peer.id()],
                                 line.ejected_in.has_value(),
                                 audit_steps);
        if (coordinator_.running()) {
            const Money books = money_of(coordinator_.machine().state().books(), peer.id());
            line.vested = books.vested;
            line.unvested = books.unvested;
            line.deposit = books.deposit;
            line.forfeited = books.forfeited;
            const Member* member = coordinator_.machine().state().member(peer.id());
            line.ejected = member != nullptr && member->ejected;
            line.verdict = line.ejected ? member->ejected_why : line.verdict;
        }
        report.peers.push_back(std::move(line));
    }
}

SimulationReport SimWorld::run() {
    Status status = boot();
    const Instant give_up = kStart + longest_run(run_.rules);
    while (status.ok() && !coordinator_.finished() && !cheats_are_out()) {
        status = clock_.now() < give_up ? step() : Status(fail("the run takes for ever"));
    }
    if (status.ok() && !coordinator_.held_too_long().empty()) {
        status = fail(coordinator_.held_too_long());
    }
    if (status.ok()) {
        status = coordinator_.finished() ? check_end() : check_stopped();
    }
    (void)note_ejected();
    SimulationReport report;
    fill(report);
    report.ok = status.ok();
    if (!status.ok()) {
        report.failure = "seed " + std::to_string(run_.options.seed) + ": " + status.reason();
    }
    return report;
}

}  // namespace assay
