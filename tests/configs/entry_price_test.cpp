// What a new key pays, priced by hand.

#include "configs/entry_price.h"

#include <catch2/catch.hpp>

namespace assay {

TEST_CASE("an entry costs its hashes over a rate, in rounds of the run's own speed") {
    RunConfig config;
    config.inner.inner_steps = 10;
    config.inner.sequences_per_step = 4;
    config.data.sequence_tokens = 100;
    config.rounds.default_tokens_per_second = 200;  // a round takes 20 s
    config.rounds.entry_work_bits = 20;
    const EntryPrice price = entry_price(config, 1024);
    CHECK(price.hashes == 1048576);
    CHECK(price.seconds == 1024);
    CHECK(price.rounds == Approx(51.2));
    config.rounds.entry_work_bits = 0;
    CHECK(entry_price(config, 1024).hashes == 0);
    CHECK(entry_price(config, 1024).rounds == 0);
}

}  // namespace assay
