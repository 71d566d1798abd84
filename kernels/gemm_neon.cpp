// arm64: the blocked product on four registers a vector of lanes.
#include <arm_neon.h>

#include "kernels/gemm_body.h"
#include "kernels/lanes_neon.h"

namespace assay {

namespace {

struct NeonGemm {
    using Lanes = NeonLanes;
    static constexpr size_t kRows = 6;
    static constexpr size_t kVectors = 1;
    static constexpr size_t kBlockRows = 96;
    static constexpr size_t kBlockDepth = 1024;
    static constexpr size_t kBlockColumns = 1024;
    static constexpr size_t kSquare = 4;
    static constexpr size_t kStreamPanels = 2;

    template <size_t kLine>
    static void copy_line(const float* from, float* to) {
        for (size_t i = 0; i + 4 <= kLine; i += 4) {
            vst1q_f32(to + i, vld1q_f32(from + i));
        }
        if constexpr (kLine % 4 != 0) {
            vst1q_f32(to + kLine - 4, vld1q_f32(from + kLine - 4));
        }
    }

    // to[column * kLine + i] = rows[i][column]
    template <size_t kLine>
    static void transpose_square(const float* const* rows, float* to) {
        const float32x4x2_t even = vtrnq_f32(vld1q_f32(rows[0]), vld1q_f32(rows[1]));
        const float32x4x2_t odd = vtrnq_f32(vld1q_f32(rows[2]), vld1q_f32(rows[3]));
        for (size_t i = 0; i < 2; ++i) {
            vst1q_f32(to + i * kLine,
                      vcombine_f32(vget_low_f32(even.val[i]), vget_low_f32(odd.val[i])));
        }
        for (size_t i = 0; i < 2; ++i) {
            vst1q_f32(to + (2 + i) * kLine,
                      vcombine_f32(vget_high_f32(even.val[i]), vget_high_f32(odd.val[i])));
        }
    }
};

}  // namespace

const GemmPath kGemmNeon = {NeonGemm::kRows, GemmBody<NeonGemm>::scratch, GemmBody<NeonGemm>::run};

}  // namespace assay
