#include "ledger/ledger_show.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <vector>

#include "core/check.h"
#include "core/printable.h"
#include "ledger/audit_tally.h"
#include "ledger/books.h"
#include "ledger/event.h"
#include "ledger/ledger.h"
#include "ledger/wrapped_text.h"
#include "protocol/codec.h"
#include "protocol/plan.h"

namespace assay {

namespace {

template <typename... Args>
std::string format(const char* pattern, Args... args) {
    const int size = std::snprintf(nullptr, 0, pattern, args...);
    ASSAY_CHECK(size >= 0);
    std::string text(static_cast<size_t>(size) + 1, '\0');
    const int written = std::snprintf(text.data(), text.size(), pattern, args...);
    ASSAY_CHECK_EQ(written, size);
    text.pop_back();
    return text;
}

long long whole(int64_t value) {
    return value;
}

// No line is wider than kShowColumns; later lines start with `indent`.
std::string wrapped(const std::string& text, size_t indent) {
    return wrapped_text(text, indent, kShowColumns);
}

struct PeerTotals {
    uint64_t commits = 0;
    uint64_t counted = 0;
    uint64_t gated = 0;
    uint64_t late = 0;
    uint64_t voided = 0;
    uint64_t rejected = 0;
    uint64_t owed = 0;
    int64_t quality_sum_ppm = 0;
    uint64_t paid_rounds = 0;
};

class LedgerStory {
public:
    Status take(const Record& record) {
        const Result<LedgerEvent> event = decode_record(record);
        if (!event) {
            return event.error();
        }
        const EventHead head = head_of(record);
        if (Status status = books_.apply(head, *event); !status) {
            return status;
        }
        std::visit([&](const auto& one) { on(head, one); }, *event);
        return {};
    }

    [[nodiscard]] std::string text(const Ledger& ledger) const {
        std::string out = header(ledger) + "\n" + table() + "\n";
        for (const std::string& line : lines_) {
            out += wrapped(line, 18);
        }
        return out;
    }

private:
    void on(const EventHead&, const RunStartEvent& start) { manifest_ = start.manifest; }

    void on(const EventHead& head, const RollbackBody&) {
        lines_.push_back("         " + head.subject.brief() + " share of " + in_words(head.round) +
                         " taken out of E again");
    }

    void on(const EventHead& head, const Verdict& verdict) {
        audits_.take(verdict);
        if (verdict.layer == Layer::kRefusal && verdict.ruling == Ruling::kAccepted) {
            lines_.push_back("         " + head.subject.brief() + " answered for " +
                             in_words(head.round) + ", late");
        }
    }

    void on(const EventHead& head, const OrderBody& order) {
        const bool expelled = order.kind == OrderKind::kExpel;
        lines_.push_back("         " + head.subject.brief() +
                         (expelled ? " is expelled" : " is pardoned") +
                         " by the operator: " + printable(order.reason));
    }

    void on(const EventHead&, const RunEndBody&) { lines_.emplace_back("the run ended"); }

    void on(const EventHead&, const RoundPlan& plan) { audits_.take(plan, books_); }

    // What is told with the round's settlement and summary, or not at all.
    void on(const EventHead&, const JoinBody&) {}
    void on(const EventHead&, const RosterBody&) {}
    void on(const EventHead&, const CommitEvent&) {}
    void on(const EventHead&, const PayloadBody&) {}
    void on(const EventHead&, const CloseEvent&) {}
    void on(const EventHead& head, const Beacon&) {
        if (books_.lost_until() != lost_until_) {
            lost_until_ = books_.lost_until();
            lines_.push_back("the coordinator's folder was an older copy: what the rounds up to " +
                             in_words(head.round) + " draw is known, and they are voided");
        }
    }
    void on(const EventHead&, const OpeningEvent&) {}
    void on(const EventHead&, const DebtBody&) {}
    void on(const EventHead&, const AuditJob&) {}
    void on(const EventHead&, const AuditReportEvent&) {}
    void on(const EventHead&, const PayShareBody&) {}
    void on(const EventHead&, const VestingBody&) {}
    void on(const EventHead&, const FeeBody&) {}

    void on(const EventHead&, const SettlementBody& body) {
        paid_.clear();
        for (const Earning& line : body.lines) {
            paid_[line.peer] = line;
            PeerTotals& totals = totals_[line.peer];
            totals.quality_sum_ppm += line.quality_ppm;
            ++totals.paid_rounds;
        }
    }

    void on(const EventHead& head, const ForfeitBody& body) {
        const char* cause = body.cause == ForfeitCause::kCheat     ? "cheat"
                            : body.cause == ForfeitCause::kRefusal ? "refusal"
                                                                   : "fault";
        lines_.push_back(format("         %s forfeits %lld unvested and %lld deposit (%s in %s): ",
                                head.subject.brief().c_str(),
                                whole(body.unvested),
                                whole(body.deposit),
                                cause,
                                in_words(head.round).c_str()) +
                         printable(body.reason));
    }

    void on(const EventHead&, const RoundSummary& summary) {
        const auto counted = std::count_if(
            summary.entries.begin(), summary.entries.end(), [](const SummaryEntry& entry) {
                return entry.outcome == CommitOutcome::kCounted;
            });
        std::string line = format("%-8s loss %.4f -> %.4f, %lld of %zu COMMITs count",
                                  in_words(summary.round).c_str(),
                                  static_cast<double>(summary.loss_before),
                                  static_cast<double>(summary.loss_after),
                                  static_cast<long long>(counted),
                                  summary.entries.size());
        if (summary.voided) {
            ++voided_;
            line += "; voided: " + printable(summary.reason);
        }
        ++rounds_;
        lines_.push_back(line);
        for (const SummaryEntry& entry : summary.entries) {
            on_entry(entry);
        }
        paid_.clear();
    }

    void on_entry(const SummaryEntry& entry) {
        PeerTotals& totals = totals_[entry.peer];
        ++totals.commits;
        const char* outcome = "";
        switch (entry.outcome) {
            case CommitOutcome::kCounted:
                ++totals.counted;
                break;
            case CommitOutcome::kLate:
                ++totals.late;
                outcome = "late";
                break;
            case CommitOutcome::kGated:
                ++totals.gated;
                outcome = "gated";
                break;
            case CommitOutcome::kRejected:
                ++totals.rejected;
                outcome = "rejected";
                break;
            case CommitOutcome::kOwed:
                ++totals.owed;
                outcome = "owed";
                break;
            case CommitOutcome::kVoided:
                ++totals.voided;
                return;
        }
        const std::string peer = "         " + entry.peer.brief() + " ";
        const auto paid = paid_.find(entry.peer);
        if (paid != paid_.end()) {
            lines_.push_back(peer + format("earned %lld, quality %.3f",
                                           whole(paid->second.amount),
                                           ppm(paid->second.quality_ppm)));
        } else {
            lines_.push_back(peer + "earned 0, " + outcome + ": " + printable(entry.reason));
        }
    }

    [[nodiscard]] std::string header(const Ledger& ledger) const {
        int64_t vested = 0;
        for (const auto& [peer, book] : books_.peers()) {
            vested += book.escrow.vested();
        }
        std::string out;
        out += wrapped("run " + printable(manifest_.run_name) + ", manifest " +
                           manifest_digest(manifest_).brief() + ", coordinator " +
                           manifest_.coordinator.brief() + (books_.ended() ? ", ended" : ""),
                       4);
        out += format("%llu records, head %s; %llu rounds, %llu of them voided\n",
                      static_cast<unsigned long long>(ledger.height()),
                      ledger.head().brief().c_str(),
                      static_cast<unsigned long long>(rounds_),
                      static_cast<unsigned long long>(voided_));
        out += format("bonus: %lld handed out, %lld vested; a round pays %lld, after %lld rounds\n",
                      whole(books_.handed_out()),
                      whole(vested),
                      whole(books_.pay().pool_per_round),
                      whole(books_.pay().vest_rounds));
        out += format(
            "fees:  %lld from %zu accounts\n", whole(books_.fees_total()), books_.fees().size());
        out += audits_in_words(audits_) + "\n";
        return out;
    }

    [[nodiscard]] std::string table() const {
        std::string out = format("%-8s %7s %7s %11s %12s %12s %11s %11s %11s\n",
                                 "peer",
                                 "counted",
                                 "quality",
                                 "tokens",
                                 "earned",
                                 "vested",
                                 "unvested",
                                 "deposit",
                                 "forfeited");
        for (const auto& [peer, book] : books_.peers()) {
            const auto found = totals_.find(peer);
            const PeerTotals totals = found == totals_.end() ? PeerTotals{} : found->second;
            ASSAY_CHECK_LE(totals.counted, totals.paid_rounds);
            ASSAY_CHECK_EQ(totals.commits,
                           totals.counted + totals.gated + totals.late + totals.voided +
                               totals.rejected + totals.owed);
            const Escrow& account = book.escrow;
            const double quality =
                totals.paid_rounds == 0
                    ? 0
                    : ppm(totals.quality_sum_ppm / static_cast<int64_t>(totals.paid_rounds));
            out += format("%-8s %3llu/%-3llu %7.3f %11llu %12lld %12lld %11lld %11lld %11lld\n",
                          peer.brief().c_str(),
                          static_cast<unsigned long long>(totals.counted),
                          static_cast<unsigned long long>(totals.commits),
                          quality,
                          static_cast<unsigned long long>(book.tokens_counted),
                          whole(account.earned()),
                          whole(account.vested()),
                          whole(account.unvested_total()),
                          whole(account.deposit()),
                          whole(account.forfeited()));
            const uint64_t missed = totals.late + totals.gated + totals.rejected + totals.owed;
            if (missed + book.cheats + book.refusals + book.faults > 0) {
                out += format(
                    "         %llu late, %llu gated, %llu owed, %llu rejected; %u cheats, %u "
                    "refusals, %u faults%s\n",
                    static_cast<unsigned long long>(totals.late),
                    static_cast<unsigned long long>(totals.gated),
                    static_cast<unsigned long long>(totals.owed),
                    static_cast<unsigned long long>(totals.rejected),
                    book.cheats,
                    book.refusals,
                    book.faults,
                    book.ejected  ? "; not let in any more"
                    : book.owes() ? "; a challenge is open"
                                  : "");
            }
        }
        return out;
    }

    static double ppm(int64_t value) {
        return static_cast<double>(value) / static_cast<double>(kPpm);
    }

    Books books_;
    std::optional<RoundId> lost_until_;  // as far as it was told
    AuditTally audits_;
    RunManifest manifest_;
    std::map<PeerId, PeerTotals> totals_;
    std::map<PeerId, Earning> paid_;  // by the settlement of the open round
    std::vector<std::string> lines_;
    uint64_t rounds_ = 0;
    uint64_t voided_ = 0;
};

}  // namespace

Result<std::string> describe_ledger(const Ledger& ledger) {
    LedgerStory story;
    const Status told =
        for_each_record(ledger, [&](const Record& record) { return story.take(record); });
    if (!told) {
        return fail(told.reason() + "; run `assay ledger verify`");
    }
    if (ledger.height() == 0) {
        return fail("the ledger is empty");
    }
    return story.text(ledger);
}

}  // namespace assay
