// What a programmer promises of a decoder: broken once, and seen to stop the process.

#include <catch2/catch.hpp>

#include "model/decoder.h"
#include "model/shape.h"
#include "tests/support/check_fires.h"

namespace assay {

TEST_CASE("a step of decoding takes each sequence once, at the next position", "[model]") {
    ModelShape shape;
    shape.vocab = 256;
    shape.width = 16;
    shape.layers = 1;
    shape.heads = 2;
    shape.kv_heads = 1;
    shape.head_width = 8;
    shape.ffn_width = 24;
    shape.context = 4;
    Decoder decoder(shape, initial_parameters(shape, {}), 1);
    const uint64_t sequence = decoder.begin_sequence();
    const std::vector<int32_t> prompt{1, 2, 3};
    (void)decoder.prefill(sequence, prompt);
    const std::vector<uint64_t> twice{sequence, sequence};
    const std::vector<int32_t> tokens{1, 1};
    CHECK_THAT(fired_check([&] { (void)decoder.step(twice, tokens); }),
               Catch::Contains("adjacent_find"));
    CHECK_THAT(fired_check([&] { (void)decoder.prefill(sequence, prompt); }),
               Catch::Contains("length == 0"));
    (void)decoder.step({&sequence, 1}, {&prompt[0], 1});
    CHECK_THAT(fired_check([&] {
                   (void)decoder.step({&sequence, 1}, {&prompt[0], 1});
               }),
               Catch::Contains("context"));
}

}  // namespace assay
