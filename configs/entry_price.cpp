#include "configs/entry_price.h"

#include <cmath>

#include "core/check.h"

namespace assay {

EntryPrice entry_price(const RunConfig& config, double hashes_per_second) {
    ASSAY_CHECK(hashes_per_second > 0);
    EntryPrice price;
    if (config.rounds.entry_work_bits == 0) {
        return price;
    }
    const double tokens = static_cast<double>(config.inner.inner_steps) *
                          static_cast<double>(config.inner.sequences_per_step) *
                          static_cast<double>(config.data.sequence_tokens);
    const double round = tokens / static_cast<double>(config.rounds.default_tokens_per_second);
    ASSAY_CHECK(round > 0);
    price.hashes = std::ldexp(1.0, static_cast<int>(config.rounds.entry_work_bits));
    price.seconds = price.hashes / hashes_per_second;
    price.rounds = price.seconds / round;
    return price;
}

}  // namespace assay
