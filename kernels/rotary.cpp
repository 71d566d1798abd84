#include "kernels/rotary.h"

#include <cmath>
#include <cstdint>
#include <iterator>

#include "core/check.h"
#include "kernels/attention_paths.h"

namespace assay {

namespace {

constexpr size_t kGrainValues = 16384;  // a thread takes at least about so many

// The unevaluated sum of two doubles, high the nearest to it: about 106 bits.
struct Pair {
    double high = 0;
    double low = 0;
};

// REQUIRES: |a| >= |b| or a == 0.
Pair joined(double a, double b) {
    const double high = a + b;
    return {high, b - (high - a)};
}

Pair product(Pair a, Pair b) {
    const double high = a.high * b.high;
    const double error = std::fma(a.high, b.high, -high);
    return joined(high, error + (a.high * b.low + a.low * b.high));
}

Pair power(Pair x, size_t exponent) {
    Pair result{1.0, 0.0};
    for (; exponent > 0; exponent /= 2) {
        if (exponent % 2 == 1) {
            result = product(result, x);
        }
        x = product(x, x);
    }
    return result;
}

// base^(-1 / n): the double by halving [0, 1], then two steps of Newton's method for pairs.
Pair root(double base, size_t n) {
    double low = 0;
    double high = 1;
    for (int i = 0; i < 60; ++i) {
        const double middle = (low + high) / 2;
        (base * power({middle, 0}, n).high > 1 ? high : low) = middle;
    }
    Pair x{high, 0};
    for (int i = 0; i < 2; ++i) {
        const Pair one = product({base, 0}, power(x, n));
        const double short_of_one = (1 - one.high) - one.low;
        x = joined(x.high, x.low + x.high * (short_of_one / static_cast<double>(n)));
    }
    return x;
}

constexpr double kPerQuarter = 0x1.45f306dc9c883p-1;                      // 2 / pi
constexpr Pair kQuarter = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54};  // pi / 2

struct Turn {
    double cos;
    double sin;
};

// Taylor's series, |x| <= pi / 4.
Turn turn_within_quarter(double x) {
    constexpr double kSin[] = {1.0 / 355687428096000.0,
                               -1.0 / 1307674368000.0,
                               1.0 / 6227020800.0,
                               -1.0 / 39916800.0,
                               1.0 / 362880.0,
                               -1.0 / 5040.0,
                               1.0 / 120.0,
                               -1.0 / 6.0};
    constexpr double kCos[] = {1.0 / 20922789888000.0,
                               -1.0 / 87178291200.0,
                               1.0 / 479001600.0,
                               -1.0 / 3628800.0,
                               1.0 / 40320.0,
                               -1.0 / 720.0,
                               1.0 / 24.0,
                               -1.0 / 2.0};
    const double square = x * x;
    double sin = kSin[0];
    double cos = kCos[0];
    for (size_t i = 1; i < std::size(kSin); ++i) {
        sin = std::fma(sin, square, kSin[i]);
        cos = std::fma(cos, square, kCos[i]);
    }
    return {std::fma(cos, square, 1.0), std::fma(sin * square, x, x)};
}

// cos and sin of position * frequency.
Turn turn_of(double position, Pair frequency) {
    const Pair angle = product({position, 0}, frequency);
    const double up = angle.high * kPerQuarter + 0.5;
    const auto quarters = static_cast<uint64_t>(up);
    const Pair whole = product({static_cast<double>(quarters), 0}, kQuarter);
    const double rest = (angle.high - whole.high) + (angle.low - whole.low);
    const Turn turn = turn_within_quarter(rest);
    switch (quarters % 4) {
        case 0:
            return turn;
        case 1:
            return {-turn.sin, turn.cos};
        case 2:
            return {-turn.cos, -turn.sin};
        default:
            return {turn.sin, -turn.cos};
    }
}

void rotate_rows(ThreadPool& pool, const RotaryTables& tables, size_t rows, RotatePart whole) {
    ASSAY_CHECK(whole.first_position + whole.tokens <= tables.positions);
    ASSAY_CHECK(whole.tokens > 0 || rows == 0);
    ASSAY_CHECK(rows == 0 || rows % whole.tokens == 0);  // whole sequences
    ASSAY_CHECK_EQ(tables.cos.size(), tables.positions * tables.half);
    ASSAY_CHECK_EQ(tables.sin.size(), tables.cos.size());
    whole.half = tables.half;
    whole.cos = tables.cos.data();
    whole.sin = tables.sin.data();
    const AttentionPath& path = attention_path(kernel_path());
    const size_t grain = kGrainValues / (whole.heads * whole.half + 1) + 1;
    pool.run_ranges(rows, grain, [&](size_t first, size_t last, size_t /*thread*/) {
        RotatePart part = whole;
        part.first = first;
        part.last = last;
        path.rotate(part);
    });
}

RotatePart rotation(size_t tokens, size_t heads, size_t first_position, float* x) {
    RotatePart part;
    part.tokens = tokens;
    part.heads = heads;
    part.first_position = first_position;
    part.x = x;
    return part;
}

}  // namespace

RotaryTables make_rotary_tables(size_t positions, size_t head_width, double base) {
    ASSAY_CHECK(head_width > 0 && head_width % 2 == 0);
    ASSAY_CHECK(base >= 1);
    RotaryTables tables;
    tables.positions = positions;
    tables.half = head_width / 2;
    tables.cos.resize(positions * tables.half);
    tables.sin.resize(positions * tables.half);
    const Pair step = root(base, tables.half);
    Pair frequency{1.0, 0.0};
    for (size_t i = 0; i < tables.half; ++i) {
        for (size_t position = 0; position < positions; ++position) {
            const Turn turn = turn_of(static_cast<double>(position), frequency);
            tables.cos[position * tables.half + i] = static_cast<float>(turn.cos);
            tables.sin[position * tables.half + i] = static_cast<float>(turn.sin);
        }
        frequency = product(frequency, step);
    }
    return tables;
}

void rotate(ThreadPool& pool,  // NOLINT(readability-function-size)
            const RotaryTables& tables,
            size_t rows,
            size_t tokens,
            size_t heads,
            size_t first_position,
            float* x) {
    RotatePart part = rotation(tokens, heads, first_position, x);
    part.sign = 1.0F;
    rotate_rows(pool, tables, rows, part);
}

void rotate_back(ThreadPool& pool,  // NOLINT(readability-function-size)
                 const RotaryTables& tables,
                 size_t rows,
                 size_t tokens,
                 size_t heads,
                 size_t first_position,
                 float* x) {
    RotatePart part = rotation(tokens, heads, first_position, x);
    part.sign = -1.0F;
    rotate_rows(pool, tables, rows, part);
}

}  // namespace assay
