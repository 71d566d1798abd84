#include "llama/tf32.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <bit>
#include <cmath>
#include <limits>

namespace assay {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The gradients' products round their operands as well: the incoming gradient, and a and b again.
struct Tf32Matmul : public torch::autograd::Function<Tf32Matmul> {
    static at::Tensor forward(AutogradContext* context, const at::Tensor& a, const at::Tensor& b) {
        const at::Tensor left = rounded_to_tf32(a);
        const at::Tensor right = rounded_to_tf32(b);
        context->save_for_backward({left, right});
        return at::matmul(left, right);
    }

    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        const variable_list saved = context->get_saved_variables();
        const at::Tensor pulled = rounded_to_tf32(gradients[0]);
        return {at::matmul(pulled, saved[1].transpose(-2, -1)),
                at::matmul(saved[0].transpose(-2, -1), pulled)};
    }
};

}  // namespace

at::Tensor rounded_to_tf32(const at::Tensor& x) {
    constexpr uint32_t kDropped = 13;  // of fp32's 23 mantissa bits
    constexpr uint32_t kBelowHalf = (1U << (kDropped - 1)) - 1;
    constexpr uint32_t kExponent = 0x7F800000;
    const at::Tensor values = x.detach().contiguous();
    at::Tensor rounded = at::empty_like(values);
    const auto* from = values.const_data_ptr<float>();
    auto* to = rounded.mutable_data_ptr<float>();
    constexpr int64_t kGrain = 1 << 15;
    at::parallel_for(0, values.numel(), kGrain, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            auto bits = std::bit_cast<uint32_t>(from[i]);
            if ((bits & kExponent) != kExponent) {
                // A carry may go into the exponent.
                const uint32_t odd = (bits >> kDropped) & 1U;
                bits = (bits + kBelowHalf + odd) >> kDropped << kDropped;
            }
            to[i] = std::bit_cast<float>(bits);
        }
    });
    return rounded;
}

at::Tensor tf32_matmul(const at::Tensor& a, const at::Tensor& b) {
    return Tf32Matmul::apply(a, b);
}

at::Tensor tf32_linear(const at::Tensor& x, const at::Tensor& weight) {
    const at::Tensor rows = x.reshape({-1, x.size(-1)});
    std::vector<int64_t> sizes = x.sizes().vec();
    sizes.back() = weight.size(0);
    return tf32_matmul(rows, weight.t()).view(sizes);
}

at::Tensor tf32_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    const double scale = 1 / std::sqrt(static_cast<double>(q.size(-1)));
    const at::Tensor scores = tf32_matmul(q, k.transpose(-2, -1)) * scale;
    const at::Tensor later = at::ones({q.size(2), q.size(2)}, at::kBool).triu(1);
    const at::Tensor seen = scores.masked_fill(later, -std::numeric_limits<double>::infinity());
    return tf32_matmul(at::softmax(seen, -1), v);
}

}  // namespace assay
