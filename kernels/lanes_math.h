// Functions of sixteen lanes from +, -, *, /, fma and shifts alone: the same bits on every path.
//
// Templates over the lanes type (lanes_scalar.h). No libm. Only kernels/ includes this.

#pragma once

namespace assay {

// e^x, at most 1 ulp off for x in [-87, 88]; x is clamped to that range, so that neither a denormal
// nor an infinity comes out; NaN stays NaN. n = round(x / ln 2), r = x - n ln 2 (Cody-Waite, two
// parts), e^r as 1 + r + r^2 P(r) with the coefficients of Cephes' expf, times 2^n.
template <class L>
L exp_of(L x) {
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

}  // namespace assay
