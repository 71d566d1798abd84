// Ledgers of a crooked coordinator, for each rule: chained and signed by it, every COMMIT of a peer
// signed over what it was told, so that nothing but the one rule is broken. Each is refused in the
// rule's name, and passes where that rule is left out: no rule is there for nothing.

#include <catch2/catch.hpp>
#include <functional>
#include <set>

#include "tests/ledger/story.h"

namespace assay {
namespace {

using C = Conduct;
using R = LedgerRule;
using K = RecordKind;

struct World {
    World()
        : ledger(Identity::from_seed(test_digest("coordinator"))), run(ledger, 4, short_pay()) {}

    // Rounds in which everybody works and all audits pass.
    void honest(int rounds) {
        for (int i = 0; i < rounds; ++i) {
            run.round({{0, C::kAudited}});
            run.audit(RoundId{run.next_round - 1}, 0, true);
        }
    }
    template <typename Body>
    void edit(RecordKind kind, const std::function<void(Body&)>& change) {
        run.edit_draft = [kind, change](RecordDraft& draft) {
            if (draft.kind == kind) {
                Body body = *Body::decode(draft.body);
                change(body);
                draft.body = body.encode();
            }
            return true;
        };
    }
    void edit_opening(const std::function<void(OpeningNotice&)>& change) {
        edit<OpeningBody>(K::kOpening, [change](OpeningBody& body) {
            OpeningNotice notice = *decode_body<OpeningNotice>(body.notice);
            change(notice);
            body.notice = encode_body(notice);
        });
    }
    void leave_out(RecordKind kind) {
        run.edit_draft = [kind](const RecordDraft& draft) { return draft.kind != kind; };
    }

    // The beacon of this round, as peers know it who ran it in a history that was lost.
    [[nodiscard]] Beacon lost(uint64_t round) const {
        Beacon beacon;
        beacon.round = RoundId{round};
        beacon.chain_element = run.chain.element(round + 1);
        beacon.value = beacon_value(beacon.chain_element, beacon.close_root);
        return beacon;
    }

    MemoryLedger ledger;
    TestRun run;
    // What the verifier knows, where it is not what the run would tell.
    std::function<void(LedgerChecks&)> know = [](LedgerChecks&) {};
};

struct Crooked {
    const char* name = nullptr;
    R rule = R::kChain;
    K kind = K::kRunStart;
    std::function<void(World&)> tell;
};

void flip(Digest& digest) {
    digest.bytes[3] ^= 1;
}

// A plan that is crooked in round 1, and a round behind it.
Crooked plan_row(const char* name, R rule, const std::function<void(RoundPlan&)>& change) {
    return {name, rule, K::kPlan, [change](World& w) {
                w.honest(1);
                w.run.edit_plan = [change](RoundPlan& plan) {
                    change(plan);
                    plan.pool_root = pool_root(plan.pool);
                };
                w.honest(1);
                w.run.edit_plan = nullptr;
                w.honest(1);
            }};
}

// A summary that is crooked in round 1.
Crooked summary_row(const char* name,
                    R rule,
                    bool voided,
                    const std::function<void(RoundSummary&)>& change) {
    return {name, rule, K::kSummary, [voided, change](World& w) {
                w.honest(1);
                w.run.edit_summary = change;
                w.run.round({}, voided);
                w.run.edit_summary = nullptr;
                w.honest(1);
            }};
}

Crooked job_row(const char* name, R rule, const std::function<void(AuditJob&)>& change) {
    return {name, rule, K::kAuditJob, [change](World& w) {
                w.run.edit_job = change;
                w.honest(2);
            }};
}

Crooked commit_row(const char* name, R rule, K kind, const std::function<void(Commit&)>& change) {
    return {name, rule, kind, [change](World& w) {
                w.honest(1);
                w.run.edit_commit = change;
                w.honest(1);
            }};
}

void add_run_rows(std::vector<Crooked>& rows) {
    rows.push_back({"another coordinator's ledger", R::kRunKey, K::kRunStart, [](World& w) {
                        w.honest(1);
                        w.know = [](LedgerChecks& checks) { checks.coordinator = test_peer(9); };
                    }});
    rows.push_back({"another run's ledger", R::kRunManifest, K::kRunStart, [](World& w) {
                        w.honest(1);
                        w.know = [](LedgerChecks& checks) { flip(*checks.manifest_digest); };
                    }});
    rows.push_back({"a tail cut off", R::kRunHead, K::kAuditReport, [](World& w) {
                        w.honest(2);
                        const Digest head = w.ledger.head();
                        w.know = [head](LedgerChecks& checks) { checks.heads = {{head, {}}}; };
                        w.ledger.stored().pop_back();
                    }});
    rows.push_back(
        {"another history up to the same height", R::kRunHead, K::kVerdict, [](World& w) {
             w.honest(1);
             w.know = [](LedgerChecks& checks) { flip(checks.heads.front().hash); };
         }});
    rows.push_back({"other pay than the run file's", R::kRunPay, K::kRunStart, [](World& w) {
                        w.honest(1);
                        w.know = [](LedgerChecks& c) { c.terms->pay.quality_cap_ppm += 1; };
                    }});
    rows.push_back({"a run that ends early", R::kRunLength, K::kRunEnd, [](World& w) {
                        w.run.planned_rounds = 4;
                        w.honest(3);
                        w.run.end();
                    }});
    rows.push_back({"more rounds than planned", R::kRunLength, K::kPlan, [](World& w) {
                        w.run.planned_rounds = 2;
                        w.honest(3);
                    }});
    rows.push_back({"an end that pays nobody", R::kRunSettled, K::kRunEnd, [](World& w) {
                        w.run.planned_rounds = 2;
                        w.honest(2);
                        w.leave_out(K::kVesting);
                        w.run.end();
                    }});
    rows.push_back({"a payload from before the plan", R::kTimeOrder, K::kPayload, [](World& w) {
                        w.edit<PayloadBody>(
                            K::kPayload, [](PayloadBody& body) { body.received_at = Instant{1}; });
                        w.honest(1);
                    }});
    rows.push_back({"an order from before the plan", R::kTimeOrder, K::kOrder, [](World& w) {
                        w.honest(1);
                        w.run.write({make_draft(RecordKind::kOrder,
                                                RoundId{0},
                                                w.run.id(2),
                                                OrderBody{Instant{5}, OrderKind::kExpel, "why"})});
                    }});
    rows.push_back({"a challenge lost before its time", R::kTimeChallenge, K::kPlan, [](World& w) {
                        w.run.round({{2, C::kSilent}});
                        w.edit<DebtBody>(K::kDebt, [](DebtBody& debt) {
                            debt.until = debt.until + DurationMs{1000000};
                        });
                        w.run.round({{3, C::kSilent}});
                        w.run.edit_draft = nullptr;
                        w.run.answer(RoundId{1}, 3, false);
                        w.run.answer(RoundId{0}, 2, true);
                        w.honest(1);
                    }});
}

void add_roster_rows(std::vector<Crooked>& rows) {
    rows.push_back({"an ejected peer let in", R::kRosterMembers, K::kRoster, [](World& w) {
                        w.run.round({{3, C::kCheat}});
                        w.run.roster_also = w.run.id(3);
                        w.run.round({{3, C::kAway}});
                        w.run.round({{3, C::kAway}});
                    }});
    const auto roster =
        [&](const char* name, R rule, const std::function<void(RosterBody&)>& change) {
            rows.push_back({name, rule, K::kRoster, [change](World& w) {
                                w.run.edit_roster = change;
                                w.run.round({{0, C::kAway}, {1, C::kAway}});
                                w.run.edit_roster = nullptr;
                                w.run.round({{0, C::kAway}, {1, C::kAway}});
                                w.run.round();
                            }});
        };
    roster("a newcomer with more work than the base", R::kRosterBounds, [](RosterBody& body) {
        body.lines.front().sequences_per_step = 3;
    });
    roster("a numeric class that is not admitted", R::kRosterClass, [](RosterBody& body) {
        body.lines.front().numeric_class = NumericClass::kBf16;
    });
    rows.push_back({"more peers than may be", R::kRosterBounds, K::kRoster, [](World& w) {
                        w.honest(1);
                        w.know = [](LedgerChecks& checks) { checks.terms->peers_max = 3; };
                    }});
    rows.push_back({"work that is no whole grain", R::kRosterBounds, K::kRoster, [](World& w) {
                        w.run.edit_plan = [](RoundPlan& plan) { plan.grain_sequences = 2; };
                        w.run.edit_roster = [](RosterBody& body) {
                            body.lines.front().sequences_per_step = 2;
                        };
                        w.honest(1);
                        w.know = [](LedgerChecks& checks) { checks.terms->grain_sequences = 2; };
                    }});
    rows.push_back(
        {"joins in a class that is not admitted", R::kRosterClass, K::kJoin, [](World& w) {
             w.honest(1);
             w.run.write({make_draft(
                 K::kJoin,
                 RoundId{0},
                 test_peer(7),
                 JoinBody{
                     Instant{900000}, NumericClass::kTf32, 0, 0, w.run.paid_entry(test_peer(7))})});
         }});
    rows.push_back({"joins without entry work", R::kJoinWork, K::kJoin, [](World& w) {
                        w.honest(1);
                        const auto joins = [&w](const PeerId& peer, uint64_t nonce) {
                            w.run.write({make_draft(
                                K::kJoin,
                                RoundId{0},
                                peer,
                                JoinBody{Instant{900000}, NumericClass::kExact, 0, 0, nonce})});
                        };
                        joins(w.run.id(1), 0);  // a member has paid before
                        joins(test_peer(7), w.run.paid_entry(test_peer(7)));
                        joins(test_peer(8), w.run.paid_entry(test_peer(9)));
                    }});
}

void add_plan_rows(std::vector<Crooked>& rows) {
    rows.push_back(plan_row(
        "theta of its choice", R::kPlanBase, [](RoundPlan& plan) { flip(plan.base_root); }));
    rows.push_back(plan_row(
        "E of its choice", R::kPlanBase, [](RoundPlan& plan) { flip(plan.accumulator_root); }));
    rows.push_back(plan_row("a beacon of its choice", R::kPlanBase, [](RoundPlan& plan) {
        flip(plan.previous_beacon);
    }));
    rows.push_back(plan_row(
        "a head of its choice", R::kPlanBase, [](RoundPlan& plan) { flip(plan.ledger_head); }));
    rows.push_back(plan_row("a height of its choice", R::kHeadHeight, [](RoundPlan& plan) {
        plan.ledger_height += 5;
    }));
    rows.push_back(plan_row(
        "somebody left out", R::kPlanRoster, [](RoundPlan& plan) { plan.peers.pop_back(); }));
    rows.push_back(plan_row("other work than frozen", R::kPlanRoster, [](RoundPlan& plan) {
        plan.peers.back().sequences_per_step ^= 3;
    }));
    rows.push_back(plan_row(
        "another T", R::kPlanConstants, [](RoundPlan& plan) { plan.sequence_tokens *= 2; }));
    rows.push_back(plan_row(
        "another grain", R::kPlanConstants, [](RoundPlan& plan) { plan.grain_sequences += 1; }));
    rows.push_back(plan_row("theta of another size", R::kPlanConstants, [](RoundPlan& plan) {
        plan.theta.size_bytes -= 4;
    }));
    rows.push_back(plan_row("a learning rate of 0", R::kPlanSchedule, [](RoundPlan& plan) {
        plan.learning_rate_bits.assign(plan.learning_rate_bits.size(), 0);
    }));
    rows.push_back(plan_row("other bias corrections", R::kPlanTables, [](RoundPlan& plan) {
        plan.bias2_bits.push_back(0x3f800000);
    }));
    rows.push_back(plan_row("data handed out twice", R::kPlanStream, [](RoundPlan& plan) {
        plan.stream_position -= 1;
    }));
    rows.push_back(plan_row(
        "data passed over", R::kPlanStream, [](RoundPlan& plan) { plan.stream_position += 7; }));
    rows.push_back(plan_row("a pool of its choice", R::kPlanStream, [](RoundPlan& plan) {
        plan.pool.push_back({3, 5});
    }));
    rows.push_back(
        {"what did not count does not come back", R::kPlanStream, K::kPlan, [](World& w) {
             w.run.round({{2, C::kLate}});
             w.run.edit_plan = [](RoundPlan& plan) {
                 plan.pool.clear();
                 plan.pool_root = pool_root(plan.pool);
             };
             w.run.round();
         }});
    rows.push_back({"what was refuted does not come back", R::kPlanStream, K::kPlan, [](World& w) {
                        w.run.round({{1, C::kAudited}});
                        w.run.round();
                        w.run.audit(RoundId{0}, 1, false);
                        w.run.edit_plan = [](RoundPlan& plan) {
                            plan.pool.clear();
                            plan.pool_root = pool_root(plan.pool);
                        };
                        w.run.round();
                    }});
    rows.push_back(plan_row("no time for COMMITs", R::kPlanDeadlines, [](RoundPlan& plan) {
        plan.commit_deadline = plan.opened_at + DurationMs{1};
    }));
    rows.push_back(plan_row("no time for payloads", R::kPlanDeadlines, [](RoundPlan& plan) {
        plan.payload_deadline = plan.commit_deadline;
    }));
    rows.push_back(plan_row("openings for ever", R::kPlanDeadlines, [](RoundPlan& plan) {
        plan.opening_time = DurationMs{1 << 30};
    }));
    rows.push_back(plan_row("moments reset for one", R::kPlanMoments, [](RoundPlan& plan) {
        plan.peers[1].optimiser_steps = 0;
        plan.peers[1].m_root = plan.peers[1].v_root = zero_tiles_root(2);
    }));
    rows.push_back({"one audited more than its price", R::kPlanRate, K::kPlan, [](World& w) {
                        w.honest(5);
                        REQUIRE(w.run.books.audit_rate(w.run.id(1), RoundId{5}, 1, 6) < 1000000);
                        w.run.audited_for_sure = w.run.id(1);
                        w.honest(1);
                    }});
    rows.push_back({"nobody audited towards the end", R::kPlanRate, K::kPlan, [](World& w) {
                        w.honest(5);
                        w.know = [](LedgerChecks& checks) { checks.terms->rounds = 6; };
                    }});
}

void add_work_rows(std::vector<Crooked>& rows) {
    rows.push_back(
        commit_row("a payload that is too large", R::kCommitBounds, K::kCommit, [](Commit& commit) {
            commit.payload_bytes = 10001;
        }));
    rows.push_back({"a round of too few", R::kCommitBounds, K::kCommit, [](World& w) {
                        w.honest(1);
                        w.know = [](LedgerChecks& checks) { checks.terms->peers_min = 5; };
                    }});
    rows.push_back(commit_row("counted from another e", R::kCommitFits, K::kSummary, [](Commit& c) {
        flip(c.e_before_root);
    }));
    rows.push_back(
        commit_row("counted for another plan", R::kCommitFits, K::kSummary, [](Commit& c) {
            flip(c.plan_digest);
        }));
    rows.push_back(
        commit_row("counted in another class", R::kCommitFits, K::kSummary, [](Commit& c) {
            c.numeric_class = NumericClass::kFp32;
        }));
    rows.back().tell = [](World& w) {  // nobody audited: a job names the class too
        w.run.edit_commit = [](Commit& c) { c.numeric_class = NumericClass::kFp32; };
        w.run.round();
    };
    rows.push_back(
        commit_row("counted on other data", R::kCommitAssignment, K::kSummary, [](Commit& c) {
            flip(c.assignment_digest);
        }));
    rows.push_back({"another payload than committed", R::kPayloadBound, K::kPayload, [](World& w) {
                        w.edit<PayloadBody>(K::kPayload,
                                            [](PayloadBody& body) { body.size_bytes += 1; });
                        w.honest(1);
                    }});
    rows.push_back({"a dropped COMMIT", R::kCloseEntries, K::kClose, [](World& w) {
                        w.run.edit_close = [](CloseBody& body) { body.entries.pop_back(); };
                        w.honest(1);
                    }});
    rows.push_back({"a beacon off the chain", R::kBeaconChain, K::kBeacon, [](World& w) {
                        w.run.edit_beacon = [](Beacon& beacon) {
                            flip(beacon.chain_element);
                            beacon.value = beacon_value(beacon.chain_element, beacon.close_root);
                        };
                        w.honest(2);
                    }});
    rows.push_back({"a beacon of its choice", R::kBeaconChain, K::kBeacon, [](World& w) {
                        w.run.edit_beacon = [](Beacon& beacon) { flip(beacon.value); };
                        w.honest(2);
                    }});
    rows.push_back({"a lost round off the chain", R::kBeaconChain, K::kBeacon, [](World& w) {
                        w.honest(1);
                        Beacon lost = w.lost(2);
                        flip(lost.chain_element);
                        w.run.write({{K::kBeacon, lost.round, {}, encode_body(lost)}});
                        w.run.round({}, true);
                        w.run.round({}, true);
                        w.honest(1);
                    }});
    rows.push_back({"an opening of no bytes", R::kOpeningForm, K::kOpening, [](World& w) {
                        w.edit_opening([](OpeningNotice& n) { n.opening.size_bytes = 0; });
                        w.honest(1);
                    }});
    rows.push_back({"a state of another size", R::kOpeningForm, K::kOpening, [](World& w) {
                        w.edit_opening([](OpeningNotice& n) {
                            for (StepStates& step : n.steps) {
                                step.theta.size_bytes -= 4;
                            }
                        });
                        w.honest(1);
                    }});
    rows.push_back({"other steps than drawn", R::kOpeningForm, K::kOpening, [](World& w) {
                        w.edit_opening([](OpeningNotice& n) {
                            n.steps.push_back({2, {test_digest("2"), 32768, {}}, {}, {}});
                        });
                        w.run.round();
                    }});
}

void add_verdict_rows(std::vector<Crooked>& rows) {
    rows.push_back(
        {"a chain refused that nobody opened", R::kVerdictBasis, K::kVerdict, [](World& w) {
             w.honest(1);
             const PeerId victim = w.run.id(3);
             w.run.edit_draft = [victim](const RecordDraft& draft) {
                 return draft.kind != K::kOpening || draft.subject != victim;
             };
             w.run.edit_verdict = [&w, victim](Verdict& verdict) {
                 if (verdict.peer == victim) {
                     verdict.evidence = w.run.evidence(verdict.round, 3, false);
                 }
             };
             w.run.round({{3, C::kCheat}});
         }});
    rows.push_back(
        {"an appeal that there is not", R::kVerdictBasis, K::kVerdict, [](World& w) {
             w.run.round({{1, C::kAudited}});
             Verdict verdict;
             verdict.round = RoundId{0};
             verdict.peer = w.run.id(1);
             verdict.layer = Layer::kAppeal;
             verdict.ruling = Ruling::kAccepted;
             verdict.evidence = w.run.evidence(RoundId{0}, 1, true);
             w.run.write({{K::kVerdict, RoundId{0}, w.run.id(1), encode_verdict(verdict)}});
         }});
    rows.push_back({"evidence of something else", R::kVerdictEvidence, K::kVerdict, [](World& w) {
                        w.run.edit_verdict = [](Verdict& verdict) { flip(verdict.evidence); };
                        w.honest(1);
                    }});
    rows.push_back({"answered late by nobody", R::kVerdictChallenge, K::kVerdict, [](World& w) {
                        w.run.round({{2, C::kSilent}});
                        w.run.write({w.run.challenge_verdict(RoundId{0}, 2, Ruling::kAccepted)});
                        w.honest(1);
                    }});
    rows.push_back({"an answer overlooked", R::kVerdictChallenge, K::kVerdict, [](World& w) {
                        w.run.round({{2, C::kSilent}});
                        w.run.write({w.run.opening(RoundId{0}, 2, true),
                                     w.run.challenge_verdict(RoundId{0}, 2, Ruling::kRejected)});
                        w.run.write(w.run.books.owed_forfeits());
                        w.honest(1);
                    }});
    rows.push_back(
        {"a suspicion overlooked", R::kVerdictFigures, K::kVerdict, [](World& w) {
             w.run.edit_verdict = [](Verdict& verdict) { verdict.figures.energy_ppm = 1500000; };
             w.honest(9);
             w.run.edit_verdict = [](Verdict& verdict) { verdict.figures.energy_ppm = 9000000; };
             w.honest(1);
         }});
    rows.push_back({"likeness overlooked", R::kVerdictFigures, K::kVerdict, [](World& w) {
                        w.run.edit_verdict = [](Verdict& verdict) {
                            verdict.figures.overlap_ppm = 200000;
                            verdict.figures.payload_cosine_ppm = 300000;
                        };
                        w.honest(9);
                        w.run.edit_verdict = [](Verdict& verdict) {
                            verdict.figures.overlap_ppm = 990000;
                        };
                        w.honest(1);
                    }});
    rows.push_back({"a share on other evidence", R::kShareEvidence, K::kPayShare, [](World& w) {
                        w.run.edit_draft = [](RecordDraft& draft) {
                            if (draft.kind == K::kPayShare && draft.subject != PeerId{}) {
                                PayShareBody body = *PayShareBody::decode(draft.body);
                                flip(body.evidence);
                                draft.body = body.encode();
                            }
                            return true;
                        };
                        w.honest(1);
                    }});
}

void add_audit_rows(std::vector<Crooked>& rows) {
    rows.push_back(
        job_row("another trace", R::kAuditState, [](AuditJob& job) { flip(job.trace_root); }));
    rows.push_back(job_row("another class", R::kAuditState, [](AuditJob& job) {
        job.numeric_class = NumericClass::kBf16;
    }));
    rows.push_back(job_row("another step of the optimiser", R::kAuditState, [](AuditJob& job) {
        job.optimiser_steps_before += 1;
    }));
    rows.push_back(
        job_row("another gradient", R::kAuditJob, [](AuditJob& job) { flip(job.leaf.g_root); }));
    rows.push_back(job_row("another state than opened", R::kAuditState, [](AuditJob& job) {
        flip(job.opening.theta.sha256);
    }));
    rows.push_back(
        job_row("another batch", R::kAuditBatch, [](AuditJob& job) { job.samples.front() += 1; }));
    rows.push_back({"a draw that is not audited", R::kAuditDraw, K::kSummary, [](World& w) {
                        w.leave_out(K::kAuditJob);
                        w.run.round({{1, C::kAudited}});
                    }});
    rows.push_back(
        {"an audit by a key that nobody knows", R::kAuditAuditor, K::kAuditReport, [](World& w) {
             w.run.auditor = Identity::from_seed(test_digest("a stranger"));
             w.honest(1);
         }});
    rows.push_back({"a pass with another root", R::kAuditRoot, K::kAuditReport, [](World& w) {
                        w.run.edit_report = [](AuditReport& report) {
                            flip(report.recomputed_root);
                        };
                        w.honest(1);
                    }});
    rows.push_back({"refused by one report a step", R::kAuditVerdict, K::kVerdict, [](World& w) {
                        w.run.failing_reports = 1;
                        w.run.round({{1, C::kAudited}});
                        w.run.audit(RoundId{0}, 1, false);
                        w.honest(1);
                    }});
    rows.push_back({"nothing recomputed and no doubt", R::kAuditVerdict, K::kVerdict, [](World& w) {
                        w.run.edit_report = [](AuditReport& report) {
                            report.recomputed_root = {};
                        };
                        w.honest(1);
                    }});
    rows.push_back({"a doubt of its choice", R::kAuditVerdict, K::kVerdict, [](World& w) {
                        w.run.edit_audit = [](Verdict& verdict) { verdict.suspicious = true; };
                        w.run.round({{1, C::kAudited}});
                        w.run.audit(RoundId{0}, 1, true);
                    }});
    rows.push_back({"passed, and the reports fail", R::kAuditVerdict, K::kVerdict, [](World& w) {
                        w.run.edit_report = [](AuditReport& report) { report.pass = false; };
                        w.run.edit_audit = [](Verdict& verdict) { verdict.suspicious = true; };
                        w.run.round({{1, C::kAudited}});
                        w.run.audit(RoundId{0}, 1, true);
                    }});
}

void add_summary_rows(std::vector<Crooked>& rows) {
    rows.push_back(summary_row(
        "of another plan", R::kSummaryBound, false, [](RoundSummary& s) { flip(s.plan_digest); }));
    rows.push_back(summary_row("of another beacon", R::kSummaryBound, false, [](RoundSummary& s) {
        flip(s.beacon_value);
    }));
    rows.push_back(summary_row("behind another head", R::kSummaryBound, false, [](RoundSummary& s) {
        flip(s.ledger_head);
    }));
    rows.push_back(summary_row(
        "at another height", R::kHeadHeight, false, [](RoundSummary& s) { s.ledger_height = 0; }));
    rows.push_back(summary_row(
        "theta in a voided round", R::kSummaryVoided, true, [](auto& s) { flip(s.theta_root); }));
    rows.push_back(summary_row(
        "E in a voided round", R::kSummaryVoided, true, [](auto& s) { flip(s.accumulator_root); }));
    rows.push_back(summary_row("momentum in a voided round", R::kSummaryVoided, true, [](auto& s) {
        flip(s.momentum_root);
    }));
    rows.push_back(summary_row(
        "no aggregate", R::kSummaryVoided, false, [](RoundSummary& s) { s.aggregate = {}; }));
    rows.push_back({"counted by known draws", R::kSummaryVoided, K::kSummary, [](World& w) {
                        w.honest(1);
                        const Beacon lost = w.lost(1);
                        w.run.write({{K::kBeacon, lost.round, {}, encode_body(lost)}});
                        w.honest(1);
                    }});
    rows.push_back(
        {"late, and its payload was in time", R::kSummaryEntries, K::kSummary, [](World& w) {
             w.run.edit_summary = [](RoundSummary& s) {
                 s.entries[2].outcome = CommitOutcome::kLate;
             };
             w.run.round({{2, C::kGated}});
         }});
}

std::vector<Crooked> crooked_ledgers() {
    std::vector<Crooked> rows;
    add_run_rows(rows);
    add_roster_rows(rows);
    add_plan_rows(rows);
    add_work_rows(rows);
    add_verdict_rows(rows);
    add_audit_rows(rows);
    add_summary_rows(rows);
    return rows;
}

}  // namespace

TEST_CASE("Each crooked ledger is refused in the name of the rule that it breaks, and by it alone",
          "[repeats]") {
    for (const Crooked& row : crooked_ledgers()) {
        const std::string rule = facts_of(row.rule).name;
        INFO(rule << ": " << row.name);
        World world;
        row.tell(world);
        LedgerChecks checks = world.run.checks();
        world.know(checks);
        const VerifyReport refused = verify_ledger(world.ledger, checks);
        INFO(refused.text());
        REQUIRE(refused.bad);
        CHECK(facts_of(refused.bad->rule).name == rule);
        CHECK(record_kind_name(refused.bad->kind) == std::string(record_kind_name(row.kind)));
        CHECK(refused.text().find(rule) != std::string::npos);
        checks.left_out = {row.rule};
        const VerifyReport passed = verify_ledger(world.ledger, checks);
        INFO(passed.text());
        CHECK(passed.ok());
        CHECK_FALSE(passed.complete());
        CHECK(passed.not_checked.front().rule == row.rule);
    }
}

TEST_CASE("No rule is without a crooked ledger that it alone refuses") {
    std::set<LedgerRule> told;
    for (const Crooked& row : crooked_ledgers()) {
        told.insert(row.rule);
    }
    for (const LedgerRuleFacts& facts : ledger_rules()) {
        INFO(facts.name);
        CHECK((told.count(facts.rule) == 1) == facts.optional);
    }
}

TEST_CASE("What a verifier does not know is named with the reason, and the rest is checked") {
    World world;
    world.honest(3);
    const auto lacking = [&](const std::function<void(LedgerChecks&)>& forget) {
        LedgerChecks checks = world.run.checks();
        forget(checks);
        const VerifyReport report = verify_ledger(world.ledger, checks);
        INFO(report.text());
        CHECK(report.ok());
        CHECK(report.complete() == report.not_checked.empty());
        CHECK(report.checked.size() + report.not_checked.size() == ledger_rules().size());
        std::set<std::string> names;
        for (const NotChecked& one : report.not_checked) {
            names.insert(facts_of(one.rule).name);
            CHECK(report.text().find(one.why.substr(0, 20)) != std::string::npos);
        }
        return names;
    };
    using Names = std::set<std::string>;
    CHECK(lacking([](LedgerChecks&) {}).empty());
    CHECK(lacking([](LedgerChecks& c) { c.heads.clear(); }) == Names{"run.head"});
    CHECK(
        lacking([](LedgerChecks& c) { c.coordinator.reset(); }).empty());  // the manifest names it
    CHECK(lacking([](LedgerChecks& c) { c.manifest_digest.reset(); }) == Names{"run.manifest"});
    CHECK(lacking([](LedgerChecks& c) { c.terms->data_known = false; }) ==
          Names{"commit.assignment", "audit.batch"});
    CHECK(lacking([](LedgerChecks& c) { c.left_out = {LedgerRule::kPlanStream}; }) ==
          Names{"plan.stream"});
    const Names without = lacking([](LedgerChecks& c) { c.terms.reset(); });
    CHECK(without.count("plan.schedule") == 1);
    CHECK(without.count("plan.base") == 0);
    CHECK(without.size() > 10);
}

TEST_CASE("Behind the end of a run nothing can have been cut off, so no head is asked for") {
    Story story;
    LedgerChecks checks = story.run.checks();
    checks.heads.clear();
    const VerifyReport report = verify_ledger(story.ledger, checks);
    INFO(report.text());
    CHECK(report.complete());
}

TEST_CASE("A report says whether the run is over, and what is left unvested and why") {
    World world;
    world.run.planned_rounds = 3;
    world.run.round({{0, C::kAudited}, {1, C::kSilent}});
    const std::string running = verify_ledger(world.ledger, world.run.checks()).text();
    CHECK(running.find("the run goes on: round 0 is closed of 3 rounds") != std::string::npos);
    CHECK(running.find("deposit: goes back when the run is over") != std::string::npos);
    world.run.answer(RoundId{0}, 1, true);
    world.run.audit(RoundId{0}, 0, true);
    world.run.round({{0, C::kAudited}, {1, C::kSilent}});
    const std::string owing = verify_ledger(world.ledger, world.run.checks()).text();
    CHECK(owing.find("of round 1: its audit has no verdict yet") != std::string::npos);
    CHECK(owing.find("of round 1: vests in round 3") != std::string::npos);
    for (size_t begin = 0; begin < owing.size();) {
        const size_t end = std::min(owing.find('\n', begin), owing.size());
        CHECK(end - begin <= 100);
        begin = end + 1;
    }
    world.run.answer(RoundId{1}, 1, true);
    world.run.audit(RoundId{1}, 0, true);
    world.honest(1);
    world.run.end();
    const std::string over = verify_ledger(world.ledger, world.run.checks()).text();
    CHECK(over.find("the run is over") != std::string::npos);
    CHECK(over.find("the run ended before round 3, and no audit of it passed") !=
          std::string::npos);
}

}  // namespace assay
