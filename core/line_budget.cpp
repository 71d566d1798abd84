#include "core/line_budget.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace assay {

namespace {

constexpr double kAtOnce = 20;
constexpr double kMsPerLine = 10000;
constexpr size_t kAccountsMax = 4096;
constexpr DurationMs kSweepEvery{1000};
constexpr const char* kOthers = "";  // whoever has no account

}  // namespace

// An account that is full again is as good as none.
LineBudget::Account& LineBudget::account_of(const std::string& who, Instant now) {
    const auto known = accounts_.find(who);
    if (known != accounts_.end()) {
        return known->second;
    }
    if (accounts_.size() >= kAccountsMax && now - swept_ >= kSweepEvery) {
        swept_ = now;
        std::erase_if(accounts_, [&](const auto& entry) {
            const double back = static_cast<double>((now - entry.second.since).ms) / kMsPerLine;
            return entry.second.lines + back >= kAtOnce;
        });
    }
    const std::string name = accounts_.size() < kAccountsMax ? who : kOthers;
    ASSAY_CHECK_LE(accounts_.size(), kAccountsMax + 1);
    return accounts_.try_emplace(name, Account{now, kAtOnce, 0}).first->second;
}

std::optional<std::string> LineBudget::line(const std::string& who,
                                            const std::string& text,
                                            Instant now) {
    Account& account = account_of(who, now);
    const double back = static_cast<double>((now - account.since).ms) / kMsPerLine;
    account.lines = std::clamp(account.lines + back, 0.0, kAtOnce);
    account.since = now;
    if (account.lines < 1) {
        ++account.left_out;
        return std::nullopt;
    }
    account.lines -= 1;
    const uint64_t left_out = std::exchange(account.left_out, 0);
    return left_out == 0
               ? text
               : text + " (and " + std::to_string(left_out) + " lines before it, left out)";
}

}  // namespace assay
