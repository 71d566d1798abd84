// The feedback step: every path against two plain operations, also in place.
#include "kernels/feedback.h"

#include "tests/kernels/exact_inputs.h"

namespace assay {

TEST_CASE("the feedback step has the bits of its formula on every path") {
    const Inputs kinds[] = {
        Inputs::kPlain, Inputs::kWide, Inputs::kHostile, Inputs::kBits, Inputs::kSparse};
    for (const Inputs inputs : kinds) {
        for (const size_t count : {0U, 1U, 7U, 8U, 9U, 15U, 16U, 17U, 31U, 33U, 4095U, 4097U}) {
            const std::vector<float> start = exact_inputs(count, count, inputs);
            const std::vector<float> end = exact_inputs(count + 1, count, inputs);
            const std::vector<float> owed = exact_inputs(count + 2, count, inputs);
            for (const float beta : {0.0F, 0.95F, 1.0F, 1e-30F}) {
                std::vector<float> expected(count);
                for (size_t i = 0; i < count; ++i) {
                    const float moved = start[i] - end[i];
                    expected[i] = std::fma(beta, owed[i], moved);
                }
                for (const KernelPath path : available_kernel_paths()) {
                    const ForcedKernelPath forced(path);
                    INFO(kernel_path_name(path) << ", " << count << " values, beta " << beta);
                    std::vector<float> a(count, -1.0F);
                    feedback_step(start, end, owed, beta, a);
                    require_same(a, expected);
                    std::vector<float> in_place = owed;
                    feedback_step(start, end, in_place, beta, in_place);
                    require_same(in_place, expected);
                }
            }
        }
    }
}

}  // namespace assay
