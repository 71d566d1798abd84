// Functions of sixteen lanes from +, -, *, /, fma and shifts alone: the same bits on every path.
//
// Templates over the lanes type (lanes_scalar.h). No libm. Only kernels/ includes this.

#pragma once

#include <cstdint>

namespace assay {

// e^x, at most 1.02 ulp off for x in [-87, 88]; x is clamped to that range, so that neither a
// denormal nor an infinity comes out; NaN stays NaN. n = round(x / ln 2), r = x - n ln 2
// (Cody-Waite, two parts), e^r as 1 + r + r^2 P(r) with the coefficients of Cephes' expf, times
// 2^n.
template <class L>
[[gnu::always_inline]] inline L exp_of(L x) {
    const L magic = L::broadcast(12582912.0F);  // 1.5 * 2^23: adding it rounds to an integer
    const L clamped = lesser_of(L::broadcast(88.0F), greater_of(L::broadcast(-87.0F), x));
    const L t = fma(clamped, L::broadcast(1.44269504F), magic);
    const L n = t - magic;
    const L r = fma(n, L::broadcast(2.12194440e-4F), fma(n, L::broadcast(-0.693359375F), clamped));
    L p = L::broadcast(1.9875691500e-4F);
    p = fma(p, r, L::broadcast(1.3981999507e-3F));
    p = fma(p, r, L::broadcast(8.3334519073e-3F));
    p = fma(p, r, L::broadcast(4.1665795894e-2F));
    p = fma(p, r, L::broadcast(1.6666665459e-1F));
    p = fma(p, r, L::broadcast(5.0000001201e-1F));
    const L e = fma(p, r * r, r) + L::broadcast(1.0F);
    return e * power_of_two(t);
}

// ln(x) of one normal x > 0, at most 0.83 ulp off; +inf, NaN and x < 0 come back as they are. x =
// 2^n m with m in [sqrt(1/2), sqrt(2)), f = m - 1, ln(m) as f - f^2 / 2 + f^3 P(f) with the
// coefficients of Cephes' logf, n ln 2 in two parts. All lanes compute the same.
template <class L>
float log_of(float x) {
    const uint32_t bits = __builtin_bit_cast(uint32_t, x);
    if (bits >= 0x7F800000U) {
        return x;
    }
    const int32_t exponent = static_cast<int32_t>(bits - 0x3F3504F3U) >> 23;
    const uint32_t mantissa = bits - (static_cast<uint32_t>(exponent) << 23U);
    const L n = L::broadcast(static_cast<float>(exponent));
    const L f = L::broadcast(__builtin_bit_cast(float, mantissa)) - L::broadcast(1.0F);
    const L square = f * f;
    L p = L::broadcast(7.0376836292e-2F);
    p = fma(p, f, L::broadcast(-1.1514610310e-1F));
    p = fma(p, f, L::broadcast(1.1676998740e-1F));
    p = fma(p, f, L::broadcast(-1.2420140846e-1F));
    p = fma(p, f, L::broadcast(1.4249322787e-1F));
    p = fma(p, f, L::broadcast(-1.6668057665e-1F));
    p = fma(p, f, L::broadcast(2.0000714765e-1F));
    p = fma(p, f, L::broadcast(-2.4999993993e-1F));
    p = fma(p, f, L::broadcast(3.3333331174e-1F));
    const L low = fma(f * square, p, n * L::broadcast(-2.12194440e-4F));
    const L middle = fma(square, L::broadcast(-0.5F), low);
    float result = 0;
    fma(n, L::broadcast(0.693359375F), f + middle).store_first(&result, 1);
    return result;
}

}  // namespace assay
