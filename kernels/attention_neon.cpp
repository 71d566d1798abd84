// Attention and rotations of arm64, on four registers a vector of lanes.
#include <arm_neon.h>

#include "kernels/attention_body.h"
#include "kernels/lanes_neon.h"

namespace assay {

namespace {

struct NeonAttention {
    using Lanes = NeonLanes;
    static constexpr size_t kVectors = 1;
    static constexpr size_t kRows = 6;
    static constexpr size_t kSpreadRows = 6;
    static constexpr size_t kSpreadVectors = 1;
    static constexpr size_t kChunk = 96;
    static constexpr size_t kBlocks = 8;
    static constexpr size_t kSquare = 4;

    // to[column * to_row + row] = from[row * from_row + column], 4 x 4
    static void transpose_square(const float* from, size_t from_row, float* to, size_t to_row) {
        const float32x4x2_t even = vtrnq_f32(vld1q_f32(from), vld1q_f32(from + from_row));
        const float32x4x2_t odd =
            vtrnq_f32(vld1q_f32(from + 2 * from_row), vld1q_f32(from + 3 * from_row));
        for (size_t i = 0; i < 2; ++i) {
            vst1q_f32(to + i * to_row,
                      vcombine_f32(vget_low_f32(even.val[i]), vget_low_f32(odd.val[i])));
            vst1q_f32(to + (2 + i) * to_row,
                      vcombine_f32(vget_high_f32(even.val[i]), vget_high_f32(odd.val[i])));
        }
    }
};

}  // namespace

constinit const AttentionPath kAttentionNeon = AttentionBody<NeonAttention>::path();

}  // namespace assay
