// The first line of the compressor: what a peer owes, a = beta * e + (theta_start - theta_end).
//
// Fixed order, the same bits on every machine. Selection and codes are in compression/. Stateless.

#pragma once

#include <span>

namespace assay {

// For each i: d = theta_start - theta_end; a = fma(beta, e, d). `a` may be `e`.
// REQUIRES: equal sizes.
void feedback_step(std::span<const float> theta_start,
                   std::span<const float> theta_end,
                   std::span<const float> e,
                   float beta,
                   std::span<float> a);

}  // namespace assay
