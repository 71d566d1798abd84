// Rotary positions: the tables against the C library in long double, every path bit for bit, and
// the way back.
#include "kernels/rotary.h"

#include <algorithm>
#include <iostream>

#include "tests/kernels/exact_inputs.h"

namespace assay {

namespace {

// Half a unit in the last place of the float x.
double half_ulp(float x) {
    const float size = std::abs(x);
    return static_cast<double>(std::nextafter(size, 2.0F) - size) / 2;
}

// The greatest distance of row `position` from long double, less what rounding to float may cost.
double error_at(const RotaryTables& tables, size_t position, double base) {
    double error = 0;
    for (size_t i = 0; i < tables.half; ++i) {
        const long double share =
            static_cast<long double>(i) / static_cast<long double>(tables.half);
        const long double angle =
            static_cast<long double>(position) * std::pow(static_cast<long double>(base), -share);
        const float cos = tables.cos[position * tables.half + i];
        const float sin = tables.sin[position * tables.half + i];
        const auto cos_error =
            static_cast<double>(std::abs(static_cast<long double>(cos) - std::cos(angle)));
        const auto sin_error =
            static_cast<double>(std::abs(static_cast<long double>(sin) - std::sin(angle)));
        error = std::max({error, cos_error - half_ulp(cos), sin_error - half_ulp(sin)});
    }
    return error;
}

using Rotation = void (*)(ThreadPool&, const RotaryTables&, size_t, size_t, size_t, size_t, float*);

std::vector<float> rotated(ThreadPool& pool, Rotation rotation, size_t width, Inputs inputs) {
    const size_t tokens = 13;
    const size_t rows = 5 * tokens;
    const RotaryTables tables = make_rotary_tables(40, width, 10000);
    std::vector<float> x = exact_inputs(width, rows * 3 * width, inputs);
    rotation(pool, tables, rows, tokens, 3, 27, x.data());
    return x;
}

}  // namespace

TEST_CASE("rotary tables are the sines and cosines rounded to fp32", "[double]") {
    for (const double base : {1.0, 10000.0, 500000.0, 1e7}) {
        for (const size_t width : {2U, 6U, 64U, 256U}) {
            INFO("base " << base << ", W " << width);
            const RotaryTables tables = make_rotary_tables(300, width, base);
            REQUIRE(tables.positions == 300);
            REQUIRE(tables.half == width / 2);
            double error = 0;
            for (size_t position = 0; position < tables.positions; ++position) {
                error = std::max(error, error_at(tables, position, base));
            }
            REQUIRE(error < 1e-12);
        }
    }
}

TEST_CASE("rotary tables hold to positions of a million", "[double]") {
    const size_t positions = size_t{1} << 20U;
    double error = 0;
    for (const double base : {1.5, 7.0, 10000.0}) {  // near 1: angles as large as positions
        const RotaryTables tables = make_rotary_tables(positions, 4, base);
        for (size_t position = positions % 41; position < positions; position += 41) {
            error = std::max(error, error_at(tables, position, base));
        }
        error = std::max(error, error_at(tables, positions - 1, base));
    }
    std::cout << "rotary tables: rounding aside, |error| <= " << error << " up to 2^20\n";
    REQUIRE(error < 1e-12);
}

TEST_CASE("rotations have the scalar bits on every path") {
    for (const Inputs inputs : tested_inputs()) {
        for (const size_t width : {2U, 8U, 16U, 32U, 34U, 64U, 96U}) {
            for (const Rotation rotation : {&rotate, &rotate_back}) {
                require_same_on_all_paths(
                    [&](ThreadPool& pool) { return rotated(pool, rotation, width, inputs); });
            }
        }
    }
}

TEST_CASE("a rotation is what its comment says, and rotate_back its transpose") {
    ThreadPool pool(2);
    const size_t width = 24;
    const size_t half = width / 2;
    const RotaryTables tables = make_rotary_tables(40, width, 10000);
    const std::vector<float> x = exact_inputs(width, size_t{65} * 3 * width, Inputs::kHostile);
    const std::vector<float> there = rotated(pool, &rotate, width, Inputs::kHostile);
    const std::vector<float> back = rotated(pool, &rotate_back, width, Inputs::kHostile);
    for (size_t pair = 0; pair < size_t{65} * 3 * half; ++pair) {
        const size_t at = pair / half * width + pair % half;
        const size_t entry = (27 + pair / half / 3 % 13) * half + pair % half;
        const float a = x[at];
        const float b = x[at + half];
        const float cos = tables.cos[entry];
        const float sin = tables.sin[entry];
        REQUIRE(same_value(there[at], std::fma(-b, sin, a * cos)));
        REQUIRE(same_value(there[at + half], std::fma(a, sin, b * cos)));
        REQUIRE(same_value(back[at], std::fma(b, sin, a * cos)));
        REQUIRE(same_value(back[at + half], std::fma(-a, sin, b * cos)));
    }
}

}  // namespace assay
