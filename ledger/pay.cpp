#include "ledger/pay.h"

#include <algorithm>
#include <numeric>

namespace assay {

namespace {

__extension__ using Wide = __int128;

constexpr Wide kWideMax = (((Wide{1} << 126) - 1) << 1) + 1;
static_assert(Wide{kPhiMax} * kRoundTokensMax < Wide{1} << 87, "what worth_less promises");
static_assert(Wide{kPhiMax} * kRoundTokensMax <= kWideMax / kPpm, "a quality does not overflow");
static_assert(Wide{kQualityMax} * kRoundTokensMax <= kWideMax / kPoolMax, "nor does a product");
static_assert(Wide{kQualityMax} * kRoundTokensMax <= kWideMax / limits::kPeersMax, "nor their sum");
static_assert(kAmountMax <= kWideMax / kQualityMax, "nor a declared cost");

// phi_a / tokens_a < phi_b / tokens_b, exactly: below 2^87 with the bounds of the header.
bool worth_less(const PayShareLine& a, const PayShareLine& b) {
    return static_cast<Wide>(a.phi_nano_nats) * static_cast<Wide>(b.tokens) <
           static_cast<Wide>(b.phi_nano_nats) * static_cast<Wide>(a.tokens);
}

PayShareLine lower_median(std::span<const PayShareLine> shares) {
    ASSAY_CHECK(!shares.empty());
    std::vector<PayShareLine> sorted(shares.begin(), shares.end());
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) / 2);
    std::nth_element(sorted.begin(), middle, sorted.end(), worth_less);
    return *middle;
}

int64_t quality_of(const PayShareLine& share, const PayShareLine& median, int64_t cap_ppm) {
    if (median.phi_nano_nats <= 0) {
        return kPpm;
    }
    if (share.phi_nano_nats <= 0) {
        return 0;
    }
    const Wide above = static_cast<Wide>(share.phi_nano_nats) * static_cast<Wide>(median.tokens);
    const Wide below = static_cast<Wide>(median.phi_nano_nats) * static_cast<Wide>(share.tokens);
    ASSAY_CHECK(below > 0);
    return static_cast<int64_t>(std::min<Wide>(above * kPpm / below, cap_ppm));
}

// Hands the units that rounding left over to the largest remainders.
void deal_leftover(std::vector<Earning>& earnings,
                   const std::vector<Wide>& remainders,
                   int64_t leftover) {
    std::vector<size_t> order(earnings.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return remainders[a] > remainders[b];
    });
    ASSAY_CHECK_LE(static_cast<size_t>(leftover), order.size());
    for (size_t i = 0; i < static_cast<size_t>(leftover); ++i) {
        earnings[order[i]].amount += 1;
    }
}

int64_t sum_of(const std::vector<Earning>& earnings) {
    return std::accumulate(
        earnings.begin(), earnings.end(), int64_t{0}, [](int64_t sum, const Earning& earning) {
            return sum + earning.amount;
        });
}

}  // namespace

std::vector<Earning> settle_round(const PaySettings& settings,
                                  std::span<const PayShareLine> shares) {
    if (shares.empty()) {
        return {};
    }
    ASSAY_CHECK(settings.pool_per_round >= 0 && settings.pool_per_round <= kPoolMax);
    ASSAY_CHECK(settings.quality_cap_ppm >= kPpm && settings.quality_cap_ppm <= kQualityMax);
    ASSAY_CHECK_LE(shares.size(), limits::kPeersMax);
    ASSAY_CHECK(std::adjacent_find(shares.begin(), shares.end(), [](const auto& a, const auto& b) {
                    return !(a.peer < b.peer);
                }) == shares.end());
    const PayShareLine median = lower_median(shares);
    std::vector<Earning> earnings;
    std::vector<Wide> weights;
    Wide total = 0;
    for (const PayShareLine& share : shares) {
        ASSAY_CHECK(share.tokens > 0 && share.tokens <= kRoundTokensMax);
        ASSAY_CHECK(share.phi_nano_nats >= -kPhiMax && share.phi_nano_nats <= kPhiMax);
        const int64_t quality = quality_of(share, median, settings.quality_cap_ppm);
        earnings.push_back({share.peer, quality, 0});
        weights.push_back(static_cast<Wide>(share.tokens) * quality);
        total += weights.back();
    }
    ASSAY_CHECK(total > 0);  // the median itself has quality 1
    int64_t left = settings.pool_per_round;
    std::vector<Wide> remainders;
    for (size_t i = 0; i < earnings.size(); ++i) {
        const Wide product = weights[i] * settings.pool_per_round;
        earnings[i].amount = static_cast<int64_t>(product / total);
        remainders.push_back(product % total);
        left -= earnings[i].amount;
    }
    deal_leftover(earnings, remainders, left);
    ASSAY_CHECK_EQ(sum_of(earnings), settings.pool_per_round);  // no unit is lost or made
    return earnings;
}

uint32_t audit_ppm(int64_t p_min_ppm,
                   int64_t margin_ppm,
                   int64_t cost,
                   int64_t expected_reward,
                   int64_t unvested_plus_deposit) {
    ASSAY_CHECK(p_min_ppm >= 0 && margin_ppm >= 0 && cost >= 0);
    ASSAY_CHECK(expected_reward >= 0 && unvested_plus_deposit >= 0);
    const Wide at_stake = static_cast<Wide>(expected_reward) + unvested_plus_deposit;
    if (at_stake == 0) {
        return static_cast<uint32_t>(kPpm);
    }
    const Wide wanted = static_cast<Wide>(cost) * (kPpm + margin_ppm);
    const Wide rate = (wanted + at_stake - 1) / at_stake;
    return static_cast<uint32_t>(std::min<Wide>(kPpm, std::max<Wide>(p_min_ppm, rate)));
}

int64_t expected_reward(const PaySettings& settings, uint64_t tokens, uint64_t total_tokens) {
    ASSAY_CHECK_LE(tokens, total_tokens);
    if (total_tokens == 0) {
        return 0;
    }
    const Wide product = static_cast<Wide>(settings.pool_per_round) * static_cast<Wide>(tokens);
    return static_cast<int64_t>(product / static_cast<Wide>(total_tokens));
}

int64_t declared_cost(const PaySettings& settings, int64_t reward) {
    ASSAY_CHECK(reward >= 0 && settings.declared_cost_ppm > 0);
    const Wide product = static_cast<Wide>(reward) * settings.declared_cost_ppm;
    return static_cast<int64_t>((product + kPpm - 1) / kPpm);
}

}  // namespace assay
