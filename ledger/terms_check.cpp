#include "ledger/terms_check.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "protocol/plan.h"

namespace assay {

namespace {

constexpr uint64_t kDealtMost = uint64_t{1} << 26;  // positions of one round: half a GiB of samples

// B_i of a peer whose speed is not known here, as rounds/roster.h chooses it: what the slowest and
// the fastest would get.
struct WorkBounds {
    uint64_t least = 0;
    uint64_t most = 0;
};

WorkBounds work_bounds(const RunTerms& terms, uint32_t counted_sequences) {
    const uint64_t cap =
        counted_sequences > 0 ? uint64_t{counted_sequences} * 2 : terms.base_sequences;
    const uint64_t grain = std::max<uint32_t>(terms.grain_sequences, 1);
    const auto whole = [&](double wanted) {
        const auto sequences = static_cast<uint64_t>(std::llround(wanted));
        const uint64_t bounded = std::min({sequences, cap, limits::kSequencesPerStepMax});
        return std::max(bounded / grain * grain, grain);
    };
    const double base = terms.base_sequences;
    const double span = std::max<uint32_t>(terms.speed_span, 1);
    return {whole(base * (1.0 / span)), whole(base * span)};
}

std::string in_ms(DurationMs time) {
    return std::to_string(time.ms) + " ms";
}

Status within(const RuleBook& rules,
              const char* what,
              DurationMs time,
              DurationMs floor,
              DurationMs ceiling) {
    if (floor <= time && time <= ceiling) {
        return {};
    }
    return rules.broken(LedgerRule::kPlanDeadlines,
                        std::string("the plan gives ") + what + " " + in_ms(time) +
                            ", the run file allows " + in_ms(floor) + " to " + in_ms(ceiling));
}

Status check_deadlines(const RunTerms& terms, const RoundPlan& plan, const RuleBook& rules) {
    const Status commits = within(rules,
                                  "COMMITs",
                                  plan.commit_deadline - plan.opened_at,
                                  terms.commit_floor,
                                  terms.commit_ceiling);
    const Status payloads = within(rules,
                                   "payloads",
                                   plan.payload_deadline - plan.commit_deadline,
                                   terms.transfer_floor,
                                   terms.transfer_ceiling);
    const Status openings =
        within(rules, "openings", plan.opening_time, terms.transfer_floor, terms.transfer_ceiling);
    return !commits ? commits : !payloads ? payloads : openings;
}

Status check_moments(const RunTerms& terms,
                     const RoundPlan& plan,
                     const Books& books,
                     const RuleBook& rules) {
    for (const PlanPeer& peer : plan.peers) {
        StartState start = books.start_of(peer.id, plan.round);
        if (terms.reset_moments) {
            start.optimiser_steps = 0;
            start.m_root = start.v_root = books.zero_root();
        }
        if (peer.optimiser_steps != start.optimiser_steps || peer.m_root != start.m_root ||
            peer.v_root != start.v_root) {
            return rules.broken(LedgerRule::kPlanMoments,
                                "peer " + peer.id.hex() + " does not start from moments that are " +
                                    (terms.reset_moments ? "reset" : "carried") +
                                    ", as the run file says");
        }
    }
    return {};
}

// Certainty for whoever could not vest before the run ends.
Status check_rates(const RunTerms& terms,
                   const RoundPlan& plan,
                   const Books& books,
                   const RuleBook& rules) {
    uint64_t total = 0;
    for (const PlanPeer& peer : plan.peers) {
        total += assigned_tokens(plan, peer);
    }
    const bool last =
        plan.round.value + static_cast<uint64_t>(terms.pay.vest_rounds) >= terms.rounds;
    for (const PlanPeer& peer : plan.peers) {
        const uint32_t due =
            last ? static_cast<uint32_t>(kPpm)
                 : books.audit_rate(peer.id, plan.round, assigned_tokens(plan, peer), total);
        if (peer.audit_ppm != due) {
            return rules.broken(LedgerRule::kPlanRate,
                                "peer " + peer.id.hex() + " is audited at " +
                                    std::to_string(peer.audit_ppm) + " ppm, it follows to be " +
                                    std::to_string(due));
        }
    }
    return {};
}

Status check_constants(const RunTerms& terms, const RoundPlan& plan, const RuleBook& rules) {
    const struct {
        const char* name = nullptr;
        uint64_t due = 0;
        uint64_t found = 0;
    } constants[] = {
        {"inner steps", terms.inner_steps, plan.inner_steps},
        {"sequences a grain", terms.grain_sequences, plan.grain_sequences},
        {"tokens a sequence", terms.sequence_tokens, plan.sequence_tokens},
        {"bytes of theta", terms.theta_bytes, plan.theta.size_bytes},
    };
    for (const auto& constant : constants) {
        if (constant.due != constant.found) {
            return rules.broken(LedgerRule::kPlanConstants,
                                "the plan has " + std::to_string(constant.found) + " " +
                                    constant.name + ", the run file says " +
                                    std::to_string(constant.due));
        }
    }
    return {};
}

Status check_tables(const RunTerms& terms, const RoundPlan& plan, const RuleBook& rules) {
    if (plan.learning_rate_bits != terms.learning_rates(plan.round)) {
        Status schedule =
            rules.broken(LedgerRule::kPlanSchedule,
                         "the learning rates are not those of the run file's schedule");
        if (!schedule) {
            return schedule;
        }
    }
    return rules.must(LedgerRule::kPlanTables,
                      plan.bias1_bits == terms.bias1_bits && plan.bias2_bits == terms.bias2_bits,
                      "the bias corrections are not those of the run file's betas");
}

}  // namespace

Status check_roster_terms(const RunTerms& terms,
                          const RosterBody& roster,
                          const Books& books,
                          const RuleBook& rules) {
    if (roster.lines.size() > terms.peers_max) {
        Status size =
            rules.broken(LedgerRule::kRosterBounds,
                         "the roster has " + std::to_string(roster.lines.size()) +
                             " peers, the run file allows " + std::to_string(terms.peers_max));
        if (!size) {
            return size;
        }
    }
    for (const RosterLine& line : roster.lines) {
        const PeerBook* book = books.find(line.peer);
        const WorkBounds bounds = work_bounds(terms, book == nullptr ? 0 : book->sequences_most);
        ASSAY_CHECK(0 < bounds.least && bounds.least <= bounds.most);
        const uint64_t work = line.sequences_per_step;
        const uint64_t grain = std::max<uint32_t>(terms.grain_sequences, 1);
        if (work < bounds.least || work > bounds.most || work % grain != 0) {
            Status bound =
                rules.broken(LedgerRule::kRosterBounds,
                             "peer " + line.peer.hex() + " gets " + std::to_string(work) +
                                 " sequences a step, " + std::to_string(bounds.least) + " to " +
                                 std::to_string(bounds.most) + " in grains of " +
                                 std::to_string(grain) + " follow");
            if (!bound) {
                return bound;
            }
        }
        if (terms.classes.count(line.numeric_class) == 0) {
            Status admitted =
                rules.broken(LedgerRule::kRosterClass,
                             "peer " + line.peer.hex() + " is in numeric class " +
                                 class_name(line.numeric_class) + ", which the run does not admit");
            if (!admitted) {
                return admitted;
            }
        }
    }
    return {};
}

Status check_plan_terms(const RunTerms& terms,
                        const RoundPlan& plan,
                        const Books& books,
                        const RuleBook& rules) {
    if (plan.round.value >= terms.rounds) {
        Status length = rules.broken(LedgerRule::kRunLength,
                                     "a plan of " + in_words(plan.round) + " in a run of " +
                                         std::to_string(terms.rounds) + " rounds");
        if (!length) {
            return length;
        }
    }
    for (const auto check : {check_constants, check_tables, check_deadlines}) {
        if (Status status = check(terms, plan, rules); !status) {
            return status;
        }
    }
    const Status moments = check_moments(terms, plan, books, rules);
    return moments ? check_rates(terms, plan, books, rules) : moments;
}

StreamPlace place_behind(const RunTerms& terms,
                         const Deal& deal,
                         std::vector<SampleRange> returned) {
    StreamPlace place{deal.stream_position_after,
                      terms.next_pool(deal.pool_after, std::move(returned))};
    place.pool.resize(std::min<size_t>(place.pool.size(), limits::kPoolRangesMax));
    return place;
}

Result<Deal> deal_of(const RunTerms& terms, const RoundPlan& plan) {
    uint64_t positions = 0;
    for (const PlanPeer& peer : plan.peers) {
        positions += uint64_t{plan.inner_steps} * peer.sequences_per_step;
    }
    if (positions > kDealtMost) {
        return fail("the plan deals " + std::to_string(positions) + " sequences, at most " +
                    std::to_string(kDealtMost) + " are looked up");
    }
    return terms.deal(plan);
}

}  // namespace assay
