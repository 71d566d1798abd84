// Attention and rotations with plain C++: the truth. Compiled for any CPU.
#include "kernels/attention_body.h"
#include "kernels/lanes_scalar.h"

namespace assay {

namespace {

struct ScalarAttention {
    using Lanes = ScalarLanes;
    static constexpr size_t kVectors = 1;
    static constexpr size_t kRows = 2;
    static constexpr size_t kSpreadRows = 2;
    static constexpr size_t kSpreadVectors = 1;
    static constexpr size_t kChunk = 64;
    static constexpr size_t kBlocks = 2;
    static constexpr size_t kSquare = 1;

    static void transpose_square(const float* from, size_t /*from_row*/, float* to, size_t) {
        *to = *from;
    }
};

}  // namespace

constinit const AttentionPath kAttentionScalar = AttentionBody<ScalarAttention>::path();

}  // namespace assay
