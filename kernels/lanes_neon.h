// Sixteen fp32 lanes in four 128-bit registers of arm64. The meaning of each function:
// lanes_scalar.h.
//
// Only files compiled for arm64 include this.

#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace assay {

struct NeonLanes {
    float32x4_t value[4];

    // Each does what ScalarLanes does, bit for bit (kernels/lanes_scalar.h).
    static NeonLanes broadcast(float x) {
        return each([&](int) { return vdupq_n_f32(x); });
    }
    static NeonLanes load(const float* from) {
        return each([&](int i) { return vld1q_f32(from + 4 * i); });
    }
    static NeonLanes load_first(const float* from, size_t count) {
        float all[16] = {};
        for (size_t i = 0; i < count; ++i) {
            all[i] = from[i];
        }
        return load(all);
    }
    void store(float* to) const {
        vst1q_f32(to, value[0]);
        vst1q_f32(to + 4, value[1]);
        vst1q_f32(to + 8, value[2]);
        vst1q_f32(to + 12, value[3]);
    }
    void store_first(float* to, size_t count) const {
        float all[16];
        store(all);
        for (size_t i = 0; i < count; ++i) {
            to[i] = all[i];
        }
    }

    friend NeonLanes operator+(NeonLanes a, NeonLanes b) {
        return each([&](int i) { return vaddq_f32(a.value[i], b.value[i]); });
    }
    friend NeonLanes operator-(NeonLanes a, NeonLanes b) {
        return each([&](int i) { return vsubq_f32(a.value[i], b.value[i]); });
    }
    friend NeonLanes operator*(NeonLanes a, NeonLanes b) {
        return each([&](int i) { return vmulq_f32(a.value[i], b.value[i]); });
    }
    friend NeonLanes operator/(NeonLanes a, NeonLanes b) {
        return each([&](int i) { return vdivq_f32(a.value[i], b.value[i]); });
    }
    friend NeonLanes fma(NeonLanes a, NeonLanes b, NeonLanes c) {
        return each([&](int i) { return vfmaq_f32(c.value[i], a.value[i], b.value[i]); });
    }
    friend NeonLanes sqrt(NeonLanes a) {
        return each([&](int i) { return vsqrtq_f32(a.value[i]); });
    }
    // By comparison: the arm64 maximum treats NaN and zeros otherwise.
    friend NeonLanes greater_of(NeonLanes a, NeonLanes b) {
        return each([&](int i) { return greater(a.value[i], b.value[i]); });
    }
    friend NeonLanes lesser_of(NeonLanes a, NeonLanes b) {
        return each([&](int i) {
            return vbslq_f32(vcltq_f32(a.value[i], b.value[i]), a.value[i], b.value[i]);
        });
    }
    friend NeonLanes first_of(size_t count, NeonLanes a, NeonLanes b) {
        return each([&](int i) {
            const uint32_t first = static_cast<uint32_t>(4 * i);
            const uint32_t index[4] = {first, first + 1, first + 2, first + 3};
            const uint32x4_t inside =
                vcltq_u32(vld1q_u32(index), vdupq_n_u32(static_cast<uint32_t>(count)));
            return vbslq_f32(inside, a.value[i], b.value[i]);
        });
    }
    friend NeonLanes power_of_two(NeonLanes t) {
        return each([&](int i) {
            const uint32x4_t bits = vreinterpretq_u32_f32(t.value[i]);
            return vreinterpretq_f32_u32(vshlq_n_u32(vaddq_u32(bits, vdupq_n_u32(127)), 23));
        });
    }

    [[nodiscard]] float sum() const {
        const float32x4_t four =
            vaddq_f32(vaddq_f32(value[0], value[2]), vaddq_f32(value[1], value[3]));
        const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
        return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
    }
    [[nodiscard]] float greatest() const {
        float four[4];
        vst1q_f32(four, greater(greater(value[0], value[2]), greater(value[1], value[3])));
        const float even = four[0] > four[2] ? four[0] : four[2];
        const float odd = four[1] > four[3] ? four[1] : four[3];
        return even > odd ? even : odd;
    }

private:
    static float32x4_t greater(float32x4_t a, float32x4_t b) {
        return vbslq_f32(vcgtq_f32(a, b), a, b);
    }
    template <class F>
    static NeonLanes each(F f) {
        return {{f(0), f(1), f(2), f(3)}};  // no loop: -O2 leaves it, and the lanes in memory
    }
};

}  // namespace assay
