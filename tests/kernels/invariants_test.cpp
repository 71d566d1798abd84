// What a programmer promises of the kernels: each kind of promise is broken once, and is seen to
// stop the process. The pool has one thread, so that it may be used in a forked child.

#include <catch2/catch.hpp>

#include "kernels/attention.h"
#include "kernels/embedding.h"
#include "kernels/gemm.h"
#include "kernels/norm.h"
#include "kernels/rotary.h"
#include "tests/support/check_fires.h"

namespace assay {

using Catch::Contains;

TEST_CASE("a product does not overlap its factors", "[kernels]") {
    ThreadPool pool(1);
    std::vector<float> values(64, 1.0F);
    float* const a = values.data();
    const GemmShape shape{GemmLayout::kNN, 4, 4, 4};
    CHECK(fired_check([&] { gemm(pool, shape, a, a + 16, a + 32, false); }).empty());
    CHECK_THAT(fired_check([&] { gemm(pool, shape, a, a + 16, a + 15, false); }),
               Contains("apart"));
    CHECK_THAT(fired_check([&] { gemm(pool, shape, a, a + 16, a + 31, false); }),
               Contains("apart"));
    const PackedMatrix packed(a, 4, 4);
    CHECK_THAT(fired_check([&] { packed_gemm(pool, 4, a, packed, a); }), Contains("apart"));
    CHECK_THAT(fired_check([&] { (void)packed.panel(1); }), Contains("n_"));
}

TEST_CASE("one task of a pool at a time", "[kernels]") {
    CHECK_THAT(fired_check([] {
                   ThreadPool pool(2);
                   pool.run(2, [&pool](size_t, size_t) { pool.run(2, [](size_t, size_t) {}); });
               }),
               Contains("busy_"));
}

TEST_CASE("whole sequences are rotated, by whole tables", "[kernels]") {
    ThreadPool pool(1);
    RotaryTables tables = make_rotary_tables(4, 2, 10000);
    std::vector<float> x(16);
    CHECK(fired_check([&] { rotate(pool, tables, 4, 2, 1, 0, x.data()); }).empty());
    CHECK_THAT(fired_check([&] { rotate(pool, tables, 3, 2, 1, 0, x.data()); }),
               Contains("rows % whole.tokens"));
    tables.cos.pop_back();
    CHECK_THAT(fired_check([&] { rotate(pool, tables, 4, 2, 1, 0, x.data()); }),
               Contains("tables.cos.size()"));
}

TEST_CASE("a clip is of a norm that is a number", "[kernels]") {
    CHECK_THAT(fired_check([] { (void)clip_scale(std::nan(""), 1); }), Contains("squared_norm"));
    CHECK_THAT(fired_check([] { (void)clip_scale(1, -1); }), Contains("clip >= 0"));
}

TEST_CASE("attention writes where nothing is read any more", "[kernels]") {
    ThreadPool pool(1);
    std::vector<float> x(64);
    std::vector<float> rows(8);
    const AttentionShape shape{1, 4, 1, 1, 2};
    CHECK_THAT(fired_check([&] {
                   attention_forward(pool,
                                     shape,
                                     x.data(),
                                     x.data() + 8,
                                     x.data() + 16,
                                     x.data() + 8,
                                     {rows.data(), rows.data() + 4});
               }),
               Contains("out != k"));
    const int32_t token = 0;
    CHECK_THAT(fired_check([&] {
                   embedding_forward(pool, {&token, 1}, 4, x.data(), x.data());
               }),
               Contains("out != table"));
}

}  // namespace assay
