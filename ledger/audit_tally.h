// How often a run audits, how often it planned to, and how often it was suspicious: counted from
// the ledger, for people and tests.

#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"
#include "ledger/books.h"
#include "ledger/ledger.h"
#include "protocol/messages.h"

namespace assay {

class AuditTally {
public:
    // After the books took it in.
    void take(const RoundPlan& plan, const Books& books);
    // Of any layer: those of audits do not count.
    void take(const Verdict& verdict);

    [[nodiscard]] uint64_t verdicts() const { return verdicts_; }
    [[nodiscard]] uint64_t suspicious() const { return suspicious_; }
    // Means over the lines of all plans: what they say, and what they would say without suspicion.
    // 0 before the first plan.
    [[nodiscard]] double rate() const;
    [[nodiscard]] double rate_without_suspicion() const;

private:
    uint64_t verdicts_ = 0;
    uint64_t suspicious_ = 0;
    uint64_t lines_ = 0;
    uint64_t ppm_ = 0;
    uint64_t ppm_without_ = 0;
};

// "audits: ..." with all of these, in one line.
std::string audits_in_words(const AuditTally& tally);

// Folds the whole ledger; fails on a record that does not follow.
Result<AuditTally> tally_audits(const Ledger& ledger);

}  // namespace assay
