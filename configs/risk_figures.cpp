#include "configs/risk_figures.h"

#include <algorithm>

#include "configs/transfers.h"
#include "core/check.h"
#include "ledger/escrow.h"
#include "ledger/pay.h"
#include "verify/survival.h"

namespace assay {

namespace {

// Forward passes that one gradient costs as much as.
constexpr double kGradientPasses = 3;

TenureRisk risk_at(const RunConfig& config, uint64_t rounds, uint32_t ppm, double at_stake) {
    const auto steps = static_cast<uint32_t>(config.inner.inner_steps);
    const auto drawn = std::min(static_cast<uint32_t>(config.verify.audit_steps), steps);
    TenureRisk risk;
    risk.rounds = rounds;
    risk.audited = static_cast<double>(ppm) / kPpm;
    risk.at_stake = at_stake;
    for (uint32_t skipped = 1; skipped <= steps; ++skipped) {
        const double found = risk.audited * (1 - lazy_survival(steps, skipped, drawn, 1));
        const double value = static_cast<double>(skipped) / steps - found * (1 + at_stake);
        if (skipped == 1) {
            risk.found_once = found;
        }
        if (skipped == 1 || value > risk.value) {
            risk.best_skip = skipped;
            risk.value = value;
            risk.found = found;
        }
        risk.found_all = found;
    }
    return risk;
}

// The account of a peer that earns the same in every round, as the books hold it.
void follow_tenure(const RunConfig& config, RiskFigures& figures) {
    const PaySettings& pay = config.pay;
    const int64_t reward =
        std::max<int64_t>(1, pay.pool_per_round / static_cast<int64_t>(figures.peers));
    const int64_t cost = declared_cost(pay, reward);
    const auto full = static_cast<uint64_t>(pay.vest_rounds) + 2;
    Escrow escrow;
    double sum = 0;
    for (uint64_t round = 0; round <= full; ++round) {
        const int64_t stake = escrow.at_stake(RoundId{round}, pay.vest_rounds, pay.verdict_window);
        const uint32_t ppm =
            audit_ppm(pay.audit_min_ppm, pay.audit_margin_ppm, cost, reward, stake);
        figures.tenures.push_back(
            risk_at(config, round, ppm, static_cast<double>(stake) / static_cast<double>(reward)));
        sum += figures.tenures.back().audited;
        ASSAY_CHECK(escrow.earn(RoundId{round}, reward).ok());
        if (round > static_cast<uint64_t>(pay.vest_rounds)) {
            ASSAY_CHECK(escrow.vest(RoundId{round - static_cast<uint64_t>(pay.vest_rounds)}).ok());
        }
    }
    const auto ramp = static_cast<double>(figures.tenures.size());
    const auto rounds = static_cast<double>(config.rounds.rounds);
    figures.mean_audited =
        rounds <= ramp ? 0 : (sum + (rounds - ramp) * figures.tenures.back().audited) / rounds;
    if (rounds <= ramp) {
        const auto whole = static_cast<size_t>(config.rounds.rounds);
        for (size_t i = 0; i < whole; ++i) {
            figures.mean_audited += figures.tenures[i].audited / rounds;
        }
    }
}

void price_checks(const RunConfig& config, RiskFigures& figures) {
    const VerifySettings& verify = config.verify;
    const auto gates = static_cast<double>(verify.gate_groups * verify.gate_group_sequences);
    const auto shares = static_cast<double>(verify.share_sequences);
    const auto nodes = static_cast<double>(verify.share_nodes);
    const double passes = kGradientPasses * (gates + nodes * shares) + 2 * shares +
                          static_cast<double>(config.rounds.loss_sequences);
    const double trained =
        static_cast<double>(config.inner.inner_steps * config.inner.sequences_per_step);
    figures.gates = passes / kGradientPasses / (trained * static_cast<double>(figures.peers));
    figures.audits = figures.mean_audited * static_cast<double>(verify.audit_steps) /
                     static_cast<double>(config.inner.inner_steps);
}

void price_peer(const RunConfig& config, RiskFigures& figures) {
    const ParameterLayout layout = llama_layout(config.model);
    figures.payload = payload_bytes_max(config, layout);
    figures.opening = opening_bytes_max(config, layout);
    figures.audit = audit_bytes_max(config, layout);
    figures.received = received_bytes_max(config, layout);
    figures.sent = static_cast<double>(figures.payload + figures.opening) +
                   figures.mean_audited * static_cast<double>(figures.audit);
    figures.disk = peer_disk_bytes(static_cast<double>(layout.value_count()),
                                   static_cast<double>(config.inner.inner_steps));
    const auto link = static_cast<double>(config.rounds.least_uplink_bytes_per_second);
    ASSAY_CHECK(link > 0);
    figures.seconds_up = static_cast<double>(figures.payload + figures.opening) / link;
    figures.seconds_audited = figures.seconds_up + static_cast<double>(figures.audit) / link;
}

}  // namespace

RiskFigures risk_figures(const RunConfig& config, uint64_t peers) {
    ASSAY_CHECK(peers > 0 && config.inner.inner_steps > 0);
    RiskFigures figures;
    figures.peers = peers;
    figures.half = survival_figures(config);
    follow_tenure(config, figures);
    price_checks(config, figures);
    price_peer(config, figures);
    return figures;
}

}  // namespace assay
