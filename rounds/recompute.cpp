#include "rounds/recompute.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "core/check.h"
#include "core/merkle.h"
#include "ledger/books.h"
#include "protocol/codec.h"
#include "protocol/plan.h"
#include "rounds/judge_orders.h"
#include "rounds/missed_steps.h"
#include "verify/gradient_audit.h"
#include "verify/judge.h"

namespace assay {

namespace {

using GetBlob = std::function<Result<Bytes>(const BlobRef& blob)>;

const char* in_words(Ruling ruling) {
    switch (ruling) {
        case Ruling::kAccepted:
            return "accepted";
        case Ruling::kGated:
            return "gated";
        case Ruling::kRejected:
            return "rejected";
    }
    return "unknown";
}

std::string in_words(const Verdict& verdict) {
    return std::string(in_words(verdict.ruling)) + " by layer " +
           std::to_string(static_cast<int>(verdict.layer)) +
           (verdict.suspicious ? ", suspicious" : "") + " (" + verdict.reason + ")";
}

std::string in_words(const BlobRef& blob) {
    return blob.size_bytes == 0
               ? "none"
               : blob.sha256.brief() + ", " + std::to_string(blob.size_bytes) + " bytes";
}

std::string of_peer(const PeerId& peer) {
    return peer == PeerId{} ? std::string("the encoding") : "peer " + peer.brief();
}

std::string of_step(const AuditJob& job) {
    return of_peer(job.peer) + ", audit of step " + std::to_string(job.step);
}

// What of a verdict is compared: its words may be another build's.
bool same_verdict(const Verdict& a, const Verdict& b) {
    return a.ruling == b.ruling && a.layer == b.layer && a.evidence == b.evidence &&
           a.suspicious == b.suspicious && a.figures == b.figures;
}

std::string figures_of(const Verdict& verdict) {
    const TripwireFigures& seen = verdict.figures;
    return "evidence " + verdict.evidence.brief() + ", figures " + std::to_string(seen.energy_ppm) +
           ", " + std::to_string(seen.cosine_ppm) + ", " + std::to_string(seen.overlap_ppm) +
           " and " + std::to_string(seen.payload_cosine_ppm);
}

class Comparison {
public:
    Comparison(const RoundAgain& again, RoundJudge& judge, const GetBlob& get)
        : again_(again), judge_(judge), get_(get) {}

    Recomputed run() {
        if (again_.order.submissions.empty()) {
            compare_unjudged();
            return std::move(out_);
        }
        look_for_blobs();
        if (!out_.missing.empty()) {
            return std::move(out_);
        }
        look_for_old_payloads();
        judge_.remember(again_.past);
        const Result<RoundJudged> judged = judge_.judge(again_.order);
        if (!judged) {
            out_.missing.push_back(judged.reason());
            return std::move(out_);
        }
        compare(*judged);
        return std::move(out_);
    }

private:
    // ---- what it takes -----------------------------------------------------------------

    void need(const std::string& what, const BlobRef& blob) {
        const Result<Bytes> bytes = get_(blob);
        if (!bytes) {
            out_.missing.push_back(what + ": " + bytes.reason());
        }
    }

    void look_for_blobs() {
        for (const Submission& one : again_.order.submissions) {
            need(of_peer(one.expected.id) + ", payload", one.payload);
            if (one.opening) {
                need(of_peer(one.expected.id) + ", opening", one.opening->opening);
            }
        }
        for (const TakeBack& back : again_.order.take_backs) {
            for (const ContributionRef& entered : back.entered) {
                need(of_peer(entered.peer) + ", payload of " + assay::in_words(back.round),
                     entered.payload);
            }
        }
    }

    // Without one of them its copies are found by their hash alone.
    void look_for_old_payloads() {
        for (const OldPayload& old : again_.past.payloads) {
            need(of_peer(old.peer) + ", payload of " + assay::in_words(old.round) +
                     ", with which this round's were compared",
                 old.blob);
        }
    }

    // ---- the round ---------------------------------------------------------------------

    template <typename T, typename Words>
    void equal(const std::string& what, const T& ledger, const T& ours, const Words& words) {
        if (!(ledger == ours)) {
            out_.differs.push_back(what + ": the ledger says " + words(ledger) + ", recomputed " +
                                   words(ours));
        }
    }
    void equal(const std::string& what, const Digest& ledger, const Digest& ours) {
        equal(what, ledger, ours, [](const Digest& digest) { return digest.brief(); });
    }
    void equal(const std::string& what, int64_t ledger, int64_t ours) {
        equal(what, ledger, ours, [](int64_t number) { return std::to_string(number); });
    }
    void equal(const std::string& what, bool ledger, bool ours) {
        equal(what, ledger, ours, [](bool yes) { return yes ? "yes" : "no"; });
    }
    void equal(const std::string& what, float ledger, float ours) {
        if (std::bit_cast<uint32_t>(ledger) != std::bit_cast<uint32_t>(ours)) {
            out_.differs.push_back(what + ": the ledger says " + std::to_string(ledger) +
                                   ", recomputed " + std::to_string(ours));
        }
    }
    void equal(const std::string& what, const BlobRef& ledger, const BlobRef& ours) {
        if (ledger.sha256 != ours.sha256 || ledger.size_bytes != ours.size_bytes) {
            out_.differs.push_back(what + ": the ledger says " + in_words(ledger) +
                                   ", recomputed " + in_words(ours));
        }
    }

    // Says that something was compared, where nothing of it differs.
    void compared(size_t differences_before, std::string what) {
        if (out_.differs.size() == differences_before) {
            out_.same.push_back(std::move(what));
        }
    }

    void compare_verdict(const std::string& what, const Verdict& ledger, const Verdict& ours) {
        const bool words = ledger.ruling != ours.ruling || ledger.layer != ours.layer ||
                           ledger.suspicious != ours.suspicious;
        if (!same_verdict(ledger, ours)) {
            out_.differs.push_back(what + ": the ledger says " +
                                   (words ? in_words(ledger) : figures_of(ledger)) +
                                   ", recomputed " + (words ? in_words(ours) : figures_of(ours)));
        }
    }

    // Who may have been ejected between COMMIT and judgement has a verdict without having been
    // judged.
    void compare_unasked() {
        const auto asked = [&](const PeerId& peer) {
            const auto& all = again_.order.submissions;
            return std::any_of(all.begin(), all.end(), [&](const Submission& one) {
                return one.expected.id == peer;
            });
        };
        for (const auto& [peer, verdict] : again_.verdicts) {
            const Member* member = again_.before->member(peer);
            const bool ejected = member != nullptr && member->ejected;
            if (!asked(peer) && !(ejected && verdict.layer == Layer::kIdentity)) {
                out_.differs.push_back(of_peer(peer) + ", verdict: the ledger says " +
                                       in_words(verdict) +
                                       ", recomputed none: it handed nothing in");
            }
        }
    }

    // Nobody's work was here: the round is void and leaves everything as it was.
    void compare_unjudged() {
        const RoundPlan& plan = again_.order.plan;
        compare_unasked();
        equal("voided", again_.summary.voided, true);
        equal("theta", again_.summary.theta_root, plan.base_root);
        equal("accumulator", again_.summary.accumulator_root, plan.accumulator_root);
        compared(0, "a round in which nobody was judged");
    }

    void compare(const RoundJudged& judged) {
        compare_unasked();
        for (const JudgedPeer& peer : judged.peers) {
            compare(judged, peer);
        }
        compared(0, std::to_string(judged.peers.size()) + " verdicts with their shares");
        compare_step(judged);
        std::set<Digest> jobs;
        for (const AuditJob& job : judged.audits) {
            jobs.insert(audit_job_digest(job));
        }
        compare_late(jobs);
        compare_jobs(jobs);
        compare_audits();
    }

    void compare(const RoundJudged& judged, const JudgedPeer& peer) {
        const PeerId& id = peer.verdict.peer;
        const auto verdict = again_.verdicts.find(id);
        if (verdict == again_.verdicts.end()) {
            out_.differs.push_back(of_peer(id) + ", verdict: the ledger has none, recomputed " +
                                   in_words(peer.verdict));
            return;
        }
        compare_verdict(of_peer(id) + ", verdict", verdict->second, peer.verdict);
        equal(of_peer(id) + ", in the aggregate", is_counted(again_.summary, id), peer.entered);
        const auto debt = again_.debts.find(id);
        if (debt != again_.debts.end()) {
            equal(of_peer(id) + ", base of its late answer",
                  BlobRef{debt->second.base_tiles, debt->second.base_tiles_bytes, {}},
                  peer.base_tiles);
        }
        if (!peer.entered || judged.voided) {
            return;
        }
        const auto share = again_.shares.find(id);
        if (share == again_.shares.end()) {
            out_.differs.push_back(of_peer(id) + ", share: the ledger has none, recomputed " +
                                   std::to_string(peer.pay_share_nano));
            return;
        }
        const PayShareBody& body = share->second;
        equal(of_peer(id) + ", share in 1e-9 nat",
              body.phi_nano_nats,
              clamp_phi(peer.pay_share_nano));
        equal(of_peer(id) + ", m after", body.m_root, peer.m_after_root);
        equal(of_peer(id) + ", v after", body.v_root, peer.v_after_root);
        equal(of_peer(id) + ", e after", body.e_root, peer.e_after_root);
    }

    void compare_step(const RoundJudged& judged) {
        const size_t before = out_.differs.size();
        const RoundSummary& summary = again_.summary;
        equal("voided", summary.voided, judged.voided);
        equal("aggregate", summary.aggregate, judged.voided ? BlobRef{} : judged.aggregate);
        equal("theta", summary.theta_root, judged.theta_root);
        equal("accumulator", summary.accumulator_root, judged.accumulator_root);
        equal("momentum", summary.momentum_root, judged.momentum_root);
        equal("loss before", summary.loss_before, judged.loss_before);
        equal("loss after", summary.loss_after, judged.loss_after);
        std::set<TakenShare> taken;
        for (const auto& [round, peer] : judged.taken_back) {
            taken.insert({round, peer});
        }
        equal("shares taken out again",
              static_cast<int64_t>(again_.taken_back.size()),
              static_cast<int64_t>(taken.size()));
        if (again_.taken_back.size() == taken.size() && again_.taken_back != taken) {
            out_.differs.emplace_back("shares taken out again: others than are due");
        }
        const auto encoding = again_.shares.find(PeerId{});
        if (encoding != again_.shares.end()) {
            equal("share of the encoding in 1e-9 nat",
                  encoding->second.phi_nano_nats,
                  clamp_phi(judged.encoding_pay_share_nano));
        }
        compared(before, "aggregate, theta, accumulator, momentum and losses");
    }

    // ---- behind the round --------------------------------------------------------------

    void compare_late(std::set<Digest>& jobs) {
        const RoundState& round = *again_.before->current();
        for (const auto& [peer, answer] : again_.late) {
            const std::string what = of_peer(peer) + ", late answer";
            const auto debt = again_.debts.find(peer);
            if (!answer.verdict || debt == again_.debts.end()) {
                out_.differs.push_back(what + ": the ledger has no verdict on it, or no debt");
                continue;
            }
            const BlobRef tiles{debt->second.base_tiles, debt->second.base_tiles_bytes, {}};
            const size_t before = out_.missing.size();
            need(what, answer.notice.opening);
            need(what + ", base", tiles);
            if (out_.missing.size() > before) {
                continue;
            }
            const size_t differences = out_.differs.size();
            const DebtJudged judged = judge_.judge(judge_order(round, peer, answer.notice, tiles));
            compare_verdict(what, *answer.verdict, judged.verdict);
            for (const AuditJob& job : judged.audits) {
                jobs.insert(audit_job_digest(job));
            }
            compared(differences, what);
        }
    }

    void compare_jobs(const std::set<Digest>& ours) {
        for (const auto& [digest, audit] : again_.audits) {
            if (!ours.contains(digest)) {
                out_.differs.push_back("audit " + digest.brief() + " of " +
                                       of_peer(audit.job.peer) +
                                       ": it does not follow from what was opened");
            }
        }
        for (const Digest& digest : ours) {
            if (!again_.audits.contains(digest)) {
                out_.differs.push_back("audit " + digest.brief() + ": the ledger has no such job");
            }
        }
    }

    void compare_audits() {
        std::map<PeerId, std::vector<AuditReport>> ours;
        std::set<PeerId> unknown;
        const size_t before = out_.differs.size();
        size_t count = 0;
        for (const auto& [digest, audit] : again_.audits) {
            if (audit.job.round != again_.order.plan.round || audit.reports.empty()) {
                unknown.insert(audit.job.peer);  // nobody has said anything yet
                continue;
            }
            const AuditReport report = judge_.audit(audit.job);
            if (!is_recomputed(report)) {
                unknown.insert(audit.job.peer);
                out_.missing.push_back(of_step(audit.job) + ": " + report.reason);
                continue;
            }
            ++count;
            compare(audit, report);
            // Who is refused is refused twice.
            ours[audit.job.peer].insert(ours[audit.job.peer].end(), report.pass ? 1 : 2, report);
        }
        for (const auto& [peer, reports] : ours) {
            if (!unknown.contains(peer)) {
                compare_audited(peer, reports);
            }
        }
        if (count > 0) {
            compared(before, std::to_string(count) + " audits");
        }
    }

    void compare(const RecordedAudit& audit, const AuditReport& ours) {
        for (const AuditReport& ledger : audit.reports) {
            equal(of_step(audit.job) + ", passes", ledger.pass, ours.pass);
            equal(of_step(audit.job) + ", gradient", ledger.recomputed_root, ours.recomputed_root);
        }
    }

    void compare_audited(const PeerId& peer, const std::vector<AuditReport>& reports) {
        const auto verdict = again_.audited.find(peer);
        if (verdict == again_.audited.end()) {
            return;  // not all reports were in when the ledger ended
        }
        const Verdict ours =
            judge_audits(again_.order.plan.round, peer, verdict->second.evidence, reports, true);
        const Verdict& ledger = verdict->second;
        if (ledger.ruling != ours.ruling || ledger.layer != ours.layer ||
            ledger.suspicious != ours.suspicious) {
            out_.differs.push_back(of_peer(peer) + ", verdict of its audits: the ledger says " +
                                   in_words(ledger) + ", recomputed " + in_words(ours));
        }
    }

    const RoundAgain& again_;
    RoundJudge& judge_;
    const GetBlob& get_;
    Recomputed out_;
};

}  // namespace

Status lead_to(const RoundAgain& again, RoundJudge& judge) {
    const Result<std::vector<OuterStepAgain>> steps =
        steps_since(*again.before, tiles_root(judge.theta()));
    if (!steps) {
        return steps.error();
    }
    for (const OuterStepAgain& step : *steps) {
        if (Status done = judge.redo(step); !done) {
            return done;
        }
    }
    return {};
}

Recomputed recompute(const RoundAgain& again, RoundJudge& judge, const GetBlob& get) {
    ASSAY_CHECK(again.before != nullptr && again.before->current() != nullptr);
    return Comparison(again, judge, get).run();
}

std::string Recomputed::text(RoundId round) const {
    std::string out;
    for (const std::string& one : same) {
        out += "equal:   " + one + "\n";
    }
    for (const std::string& one : differs) {
        out += "DIFFERS: " + one + "\n";
    }
    for (const std::string& one : missing) {
        out += "MISSING: " + one + "\n";
    }
    if (ok()) {
        return out + assay::in_words(round) + " recomputes: the ledger says what comes out";
    }
    return out + assay::in_words(round) + " does NOT recompute: " + std::to_string(differs.size()) +
           " differences, " + std::to_string(missing.size()) + " things that are missing";
}

}  // namespace assay
