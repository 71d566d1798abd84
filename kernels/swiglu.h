// SwiGLU: silu(gate) * up, elementwise, forward and backward. silu(x) = x / (1 + e^-x).

#pragma once

#include <cstddef>

#include "kernels/thread_pool.h"

namespace assay {

// out may be gate or up.
void swiglu_forward(ThreadPool& pool, size_t count, const float* gate, const float* up, float* out);

// d_gate, d_up from d_out. In place allowed: d_gate may be gate, d_up may be up or d_out.
void swiglu_backward(ThreadPool& pool,
                     size_t count,
                     const float* gate,
                     const float* up,
                     const float* d_out,
                     float* d_gate,
                     float* d_up);

}  // namespace assay
