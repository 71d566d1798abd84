#include "ledger/round_check.h"

#include <algorithm>

#include "protocol/beacon_chain.h"
#include "protocol/codec.h"
#include "protocol/entry_work.h"
#include "protocol/plan.h"

namespace assay {

Status RoundCheck::check(const Record& record, const LedgerEvent& event, const Books& books) {
    if (!has_subject(record.kind) && record.subject != PeerId{}) {
        return fail("names a subject that its kind does not have");
    }
    const Place at{head_of(record), record.height, record.previous, books};
    return std::visit([&](const auto& one) { return on(at, one); }, event);
}

void RoundCheck::forget(const Books& books) {
    for (auto round = rounds_.begin(); round != rounds_.end();) {
        const bool open = round->first == current_ ||
                          std::any_of(round->second.commits.begin(),
                                      round->second.commits.end(),
                                      [&](const auto& commit) {
                                          return books.find(round->first, commit.first) != nullptr;
                                      });
        ASSAY_CHECK(!round->second.beacon || round->second.close_root);
        ASSAY_CHECK(!round->second.summarised || round->second.beacon);
        round = open ? std::next(round) : rounds_.erase(round);
    }
    ASSAY_CHECK(!current_ || rounds_.count(*current_) == 1);
}

Result<RoundCheck::RoundFacts*> RoundCheck::open_round(const EventHead& head) {
    if (!current_ || head.round != *current_ || rounds_.at(*current_).summarised) {
        return fail(in_words(head.round) + " is not open");
    }
    return &rounds_.at(*current_);
}

RoundCheck::CommitFacts* RoundCheck::find_commit(RoundId round, const PeerId& peer) {
    const auto found = rounds_.find(round);
    if (found == rounds_.end()) {
        return nullptr;
    }
    const auto commit = found->second.commits.find(peer);
    return commit == found->second.commits.end() ? nullptr : &commit->second;
}

Result<RoundCheck::CommitFacts*> RoundCheck::open_commit(const EventHead& head) {
    Result<RoundFacts*> round = open_round(head);
    if (!round) {
        return round.error();
    }
    const auto found = (*round)->commits.find(head.subject);
    if (found == (*round)->commits.end()) {
        return fail("peer " + head.subject.hex() + " sent no COMMIT");
    }
    return &found->second;
}

Result<RoundCheck::CommitFacts*> RoundCheck::challenged_commit(const EventHead& head) {
    if (CommitFacts* owing = find_commit(head.round, head.subject); owing && owing->until) {
        return owing;
    }
    Result<CommitFacts*> facts = open_commit(head);
    if (!facts) {
        return facts;
    }
    if (!rounds_.at(head.round).beacon || !(*facts)->payload) {
        return fail("peer " + head.subject.hex() + " was not challenged");
    }
    return facts;
}

const DealtWork* RoundCheck::work_of(const RoundFacts& round, const PeerId& peer) {
    if (!round.deal) {
        return nullptr;
    }
    const auto found = round.deal->peers.find(peer);
    return found == round.deal->peers.end() ? nullptr : &found->second;
}

Status RoundCheck::mismatch(LedgerRule rule,
                            const char* field,
                            const Digest& expected,
                            const Digest& found) const {
    return expected == found ? Status()
                             : rules_.broken(rule,
                                             std::string(field) + " is " + found.brief() +
                                                 ", it follows to be " + expected.brief());
}

// ---- run, time ----------------------------------------------------------------------------------

Status RoundCheck::on(const Place&, const RunStartEvent& start) {
    manifest_ = start.manifest;
    manifest_digest_ = manifest_digest(manifest_);
    if (checks_.coordinator && manifest_.coordinator != *checks_.coordinator) {
        Status key = rules_.broken(LedgerRule::kRunKey,
                                   "the run belongs to coordinator " + manifest_.coordinator.hex() +
                                       ", expected " + checks_.coordinator->hex());
        if (!key) {
            return key;
        }
    }
    if (checks_.manifest_digest) {
        Status manifest = mismatch(LedgerRule::kRunManifest,
                                   "the manifest's digest",
                                   *checks_.manifest_digest,
                                   manifest_digest_);
        if (!manifest) {
            return manifest;
        }
    }
    theta_root_ = manifest_.initial_root;
    chain_element_ = manifest_.beacon_tail;
    return rules_.must(LedgerRule::kRunPay,
                       terms() == nullptr || start.body.pay == terms()->pay,
                       "the settings of pay are not those of the manifest");
}

Status RoundCheck::stamped(Instant at) {
    if (at < stamp_) {
        return rules_.broken(LedgerRule::kTimeOrder,
                             "says that it was made " + std::to_string((stamp_ - at).ms) +
                                 " ms before a record below it");
    }
    stamp_ = at;
    return {};
}

// Who is a member: the books check it. A member that only changes its class has paid before.
Status RoundCheck::on(const Place& at, const JoinBody& join) {
    const bool admitted = terms() == nullptr || terms()->classes.count(join.numeric_class) > 0;
    const Status of_class = rules_.must(
        LedgerRule::kRosterClass, admitted, "joins in a class that the run does not admit");
    if (!of_class) {
        return of_class;
    }
    const bool paid =
        terms() == nullptr || at.books.find(at.head.subject) != nullptr ||
        is_entry_work(
            manifest_digest_, at.head.subject, join.entry_nonce, terms()->entry_work_bits);
    const Status work = rules_.must(
        LedgerRule::kJoinWork, paid, "joins without the entry work that the run asks for");
    return work ? stamped(join.at) : work;
}

Status RoundCheck::on(const Place&, const OrderBody& order) {
    return stamped(order.at);
}

// What was said never to have been answered had its time, by what the coordinator says of the time.
Status RoundCheck::check_lapsed(Instant now) const {
    return lapsed_ <= now
               ? Status()
               : rules_.broken(LedgerRule::kTimeChallenge,
                               "a challenge was taken for unanswered " +
                                   std::to_string((lapsed_ - now).ms) + " ms before its time");
}

Status RoundCheck::on(const Place&, const RunEndBody& end) {
    const uint64_t done = current_ ? current_->value + 1 : 0;
    if (terms() != nullptr && done != terms()->rounds) {
        Status length = rules_.broken(LedgerRule::kRunLength,
                                      "the run ends after " + std::to_string(done) + " of " +
                                          std::to_string(terms()->rounds) + " rounds");
        if (!length) {
            return length;
        }
    }
    const Status lapsed = check_lapsed(end.at);
    return lapsed ? stamped(end.at) : lapsed;
}

// ---- roster, plan -------------------------------------------------------------------------------

// The roster of a round is fixed before the beacon that deals its data is known.
Status RoundCheck::on(const Place& at, const RosterBody& roster) {
    const RoundId due = current_ ? current_->next() : RoundId{};
    if (at.head.round != due || rosters_.count(due) > 0) {
        return fail("a roster of " + in_words(at.head.round) + ", not due now");
    }
    if (current_ && rounds_.at(*current_).beacon) {
        return fail("the roster comes after the beacon of the round before");
    }
    for (const RosterLine& line : roster.lines) {
        const PeerBook* book = at.books.find(line.peer);
        const auto rounds = static_cast<uint64_t>(at.books.pay().debt_rounds);
        const bool owes =
            book != nullptr && book->owes() && due.value > book->owes_since()->value + rounds;
        if (book == nullptr || (!book->ejected && !owes)) {
            continue;
        }
        Status member = rules_.broken(
            LedgerRule::kRosterMembers,
            "the roster lets in peer " + line.peer.hex() +
                (book->ejected ? ", which was ejected"
                               : ", which owes an answer since " + in_words(*book->owes_since())));
        if (!member) {
            return member;
        }
    }
    if (terms() != nullptr) {
        Status follows = check_roster_terms(*terms(), roster, at.books, rules_);
        if (!follows) {
            return follows;
        }
    }
    rosters_[due] = roster;
    ASSAY_CHECK_EQ(rosters_.size(), size_t{1});  // the one before went into its plan
    return {};
}

Status RoundCheck::check_roster(const RoundPlan& plan) const {
    const auto roster = rosters_.find(plan.round);
    if (roster == rosters_.end()) {
        return fail("the roster of the round was not fixed before");
    }
    const std::vector<RosterLine>& lines = roster->second.lines;
    std::vector<RosterLine> planned;
    for (const PlanPeer& peer : plan.peers) {
        planned.push_back({peer.id, peer.numeric_class, peer.sequences_per_step});
        if (!std::binary_search(lines.begin(), lines.end(), planned.back())) {
            Status known =
                rules_.broken(LedgerRule::kPlanRoster,
                              "peer " + peer.id.hex() + " is not in the roster with this work");
            if (!known) {
                return known;
            }
        }
    }
    return rules_.must(LedgerRule::kPlanRoster,
                       planned.size() == lines.size(),
                       "somebody of the frozen roster is left out of the plan");
}

// Whoever has signed two heads of one height has written two histories.
Status RoundCheck::check_height(const Place& at, uint64_t said) const {
    return said == at.height
               ? Status()
               : rules_.broken(LedgerRule::kHeadHeight,
                               "says that it stands at height " + std::to_string(said) +
                                   ", where height " + std::to_string(at.height) + " is due");
}

Status RoundCheck::check_base(const Place& at, const RoundPlan& plan) const {
    const struct {
        const char* name = nullptr;
        Digest expected;
        Digest found;
    } fields[] = {
        {"the manifest's digest", manifest_digest_, plan.manifest_digest},
        {"the ledger's head", at.previous, plan.ledger_head},
        {"the beacon of the round before", beacon_value_, plan.previous_beacon},
        {"the root of theta", theta_root_, plan.base_root},
        {"the root of E", accumulator_root_, plan.accumulator_root},
        {"the roster's root", roster_root(plan.peers), plan.roster_root},
        {"the pool's root", pool_root(plan.pool), plan.pool_root},
    };
    for (const auto& field : fields) {
        Status same = mismatch(LedgerRule::kPlanBase, field.name, field.expected, field.found);
        if (!same) {
            return same;
        }
    }
    return {};
}

std::vector<SampleRange> RoundCheck::returned_ranges(const RoundFacts& round) const {
    std::vector<SampleRange> returned = taken_out_;
    for (const auto& [peer, work] : round.deal->peers) {
        const auto facts = round.commits.find(peer);
        if (facts == round.commits.end() || !facts->second.counted) {
            returned.insert(returned.end(), work.ranges.begin(), work.ranges.end());
        }
    }
    return returned;
}

// What the run file makes of the plan, and where the stream stands behind the round before.
Status RoundCheck::check_terms(const Place& at, const RoundPlan& plan) {
    if (Status follows = check_plan_terms(*terms(), plan, at.books, rules_); !follows) {
        return follows;
    }
    const RoundFacts* before = current_ ? &rounds_.at(*current_) : nullptr;
    if (before != nullptr && !before->deal) {
        return {};  // it was left out there
    }
    const StreamPlace place = before == nullptr
                                  ? StreamPlace{}
                                  : place_behind(*terms(), *before->deal, returned_ranges(*before));
    if (plan.stream_position != place.position) {
        Status position =
            rules_.broken(LedgerRule::kPlanStream,
                          "the stream stands at " + std::to_string(plan.stream_position) +
                              ", it follows to stand at " + std::to_string(place.position));
        if (!position) {
            return position;
        }
    }
    return rules_.must(LedgerRule::kPlanStream,
                       plan.pool == place.pool,
                       "the pool is not what the rounds before gave back");
}

Status RoundCheck::on(const Place& at, const RoundPlan& plan) {
    if (!current_) {
        accumulator_root_ = at.books.zero_root();
    }
    if (Status height = check_height(at, plan.ledger_height); !height) {
        return height;
    }
    if (Status base = check_base(at, plan); !base) {
        return base;
    }
    if (Status roster = check_roster(plan); !roster) {
        return roster;
    }
    if (Status lapsed = check_lapsed(plan.opened_at); !lapsed) {
        return lapsed;
    }
    std::optional<Deal> dealt;
    if (terms() != nullptr) {
        if (Status follows = check_terms(at, plan); !follows) {
            return follows;
        }
        Result<Deal> deal = deal_of(*terms(), plan);
        if (!deal) {
            Status stream = rules_.broken(LedgerRule::kPlanStream, deal.reason());
            if (!stream) {
                return stream;
            }
        }
        dealt = deal ? std::optional(std::move(*deal)) : std::nullopt;
    }
    // Its roster was due: the round is the next one.
    ASSAY_CHECK(rounds_.empty() || rounds_.rbegin()->first < plan.round);
    rosters_.erase(plan.round);
    if (Status stamp = stamped(plan.opened_at); !stamp) {
        return stamp;
    }
    taken_out_.clear();
    current_ = plan.round;
    RoundFacts& round = rounds_[*current_];
    round.plan_digest = plan_digest(plan);
    round.plan = plan;
    round.deal = std::move(dealt);
    return {};
}

// ---- COMMIT to beacon ---------------------------------------------------------------------------

Status RoundCheck::on(const Place& at, const CommitEvent& event) {
    Result<RoundFacts*> round = open_round(at.head);
    if (!round) {
        return round.error();
    }
    if ((*round)->close_root) {
        return fail("a COMMIT after CLOSE");
    }
    const PlanPeer* line = find_peer((*round)->plan, at.head.subject);
    if (line == nullptr) {
        return fail("peer " + at.head.subject.hex() + " is not in the plan");
    }
    if (terms() != nullptr) {
        const bool room = event.commit.payload_bytes <= terms()->payload_bytes_max;
        Status bounds = rules_.must(LedgerRule::kCommitBounds,
                                    room && (*round)->plan.peers.size() >= terms()->peers_min,
                                    room ? "a COMMIT in a round whose roster is below peers_min"
                                         : "a COMMIT to a payload larger than the run allows");
        if (!bounds) {
            return bounds;
        }
    }
    CommitFacts facts;
    facts.hash = event.hash;
    facts.commit = event.commit;
    facts.line = *line;
    (*round)->commits[at.head.subject] = std::move(facts);
    return {};
}

Status RoundCheck::on(const Place& at, const PayloadBody& payload) {
    Result<CommitFacts*> facts = open_commit(at.head);
    if (!facts) {
        return facts.error();
    }
    if ((*facts)->payload || rounds_.at(at.head.round).close_root) {
        return fail((*facts)->payload ? "a second payload" : "a payload after CLOSE");
    }
    const Commit& commit = (*facts)->commit;
    Status bound = rules_.must(
        LedgerRule::kPayloadBound,
        payload.sha256 == commit.payload_hash && payload.size_bytes == commit.payload_bytes,
        "the payload is not the one that the COMMIT names");
    if (!bound) {
        return bound;
    }
    (*facts)->payload = payload.sha256;
    return stamped(payload.received_at);
}

Status RoundCheck::on(const Place& at, const CloseEvent& event) {
    Result<RoundFacts*> round = open_round(at.head);
    if (!round) {
        return round.error();
    }
    if ((*round)->close_root) {
        return fail("a second CLOSE of the round");
    }
    std::vector<Digest> leaves;
    std::string fault;
    auto entry = event.entries.begin();
    for (const auto& [peer, facts] : (*round)->commits) {
        if (!facts.payload) {
            continue;
        }
        leaves.push_back(close_leaf({peer, facts.hash, *facts.payload}));
        if (entry == event.entries.end() || close_leaf(*entry) != leaves.back()) {
            fault = "the entries do not hold the COMMIT and payload of peer " + peer.hex();
            break;
        }
        ++entry;
    }
    if (fault.empty() && entry != event.entries.end()) {
        fault = "an entry for peer " + entry->peer.hex() + " without COMMIT or payload";
    }
    const Digest root = merkle_root(leaves);
    if (fault.empty() &&
        (event.close.entries_root != root || event.close.entry_count != leaves.size())) {
        fault = "the root of the entries is " + event.close.entries_root.brief() +
                ", it follows to be " + root.brief();
    }
    if (fault.empty() &&
        (event.close.round != at.head.round || event.close.manifest_digest != manifest_digest_ ||
         event.close.plan_digest != (*round)->plan_digest)) {
        fault = "the CLOSE names another round, manifest or plan";
    }
    (*round)->close_root = event.close.entries_root;
    return fault.empty() ? Status() : rules_.broken(LedgerRule::kCloseEntries, std::move(fault));
}

}  // namespace assay
