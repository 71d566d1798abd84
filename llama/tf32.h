// Matrix products as tensor cores make them in tf32, on the CPU: operands rounded to 10 mantissa
// bits, sums in fp32, in the backward pass too.
//
// For llama/ alone. What is no product stays fp32.

#pragma once

#include <ATen/ATen.h>

namespace assay {

// Each value of an fp32 tensor to the nearest with 10 mantissa bits, ties to even; past the
// largest, infinity. Infinities stay; a NaN stays a NaN. No gradient passes through.
at::Tensor rounded_to_tf32(const at::Tensor& x);

// x (.., K) times weight (N, K) transposed.
at::Tensor tf32_linear(const at::Tensor& x, const at::Tensor& weight);
// a (.., N, K) times b (.., K, M), the same sizes in front.
at::Tensor tf32_matmul(const at::Tensor& a, const at::Tensor& b);
// Causal, as at::scaled_dot_product_attention but for the operands of its two products.
// q, k, v (B, H, T, W).
at::Tensor tf32_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

}  // namespace assay
