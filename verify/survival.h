// The chance that a peer with bad steps passes its gradient audits. Pure arithmetic.

#pragma once

#include <cstdint>

namespace assay {

// (C(H - b, q) / C(H, q))^audits: chance that `audits` audits of `audited_steps` distinct uniform
// steps each miss all of `bad_steps` bad steps among `inner_steps`.
// REQUIRES: bad_steps <= inner_steps and audited_steps <= inner_steps.
double lazy_survival(uint32_t inner_steps,
                     uint32_t bad_steps,
                     uint32_t audited_steps,
                     uint32_t audits);

}  // namespace assay
