// Every setting of verification: name, unit, default, bounds and help in one place.
//
// Part of the run's manifest: all nodes check with the same numbers. A plain value, owned by
// nobody.

#pragma once

#include <cstdint>
#include <string>

#include "core/fields.h"
#include "protocol/messages.h"

namespace assay {

// Within what a recomputed gradient must agree with the committed one (reference: class table of
// docs/verification.md). Unused in class exact, where roots must be equal.
struct ToleranceBounds {
    double rho = 0;           // ||W (g_p - g_v)|| / ||W g_v||, also without W
    double worst_tensor = 0;  // the same for each tensor, and for each chunk
    double alpha = 0;         // |<g_p, g_v> / <g_v, g_v> - 1|
    double loss = 0;          // |committed - recomputed| / max(1, |recomputed|)
};

struct VerifySettings {
    int64_t compressor_chunks = 16;
    int64_t chain_chunks = 4;
    int64_t audit_steps = 3;
    double gate_t = 2.0;
    int64_t gate_groups = 16;
    int64_t gate_group_sequences = 4;
    int64_t share_sequences = 64;
    int64_t share_nodes = 1;
    int64_t overlap_rounds = 20;
    double overlap_limit = 0.40;
    double cosine_limit = 0.5;
    double mirror_sign_limit = 0.2;
    double tripwire_energy = 1.7;
    double tripwire_cosine = 0.9;
    ToleranceBounds fp32{1e-5, 1e-4, 1e-6, 1e-5};
    ToleranceBounds tf32{4e-3, 8e-3, 5e-5, 1e-3};
    ToleranceBounds bf16{2.5e-2, 5e-2, 1e-3, 5e-3};

    // All settings, in the order of the digest (core/fields.h).
    template <class V>
    void for_each(V& visitor);
    template <class V>
    void for_each(V& visitor) const {
        const_cast<VerifySettings*>(this)->for_each(visitor);
    }
};

// Bounds of a tolerance class. REQUIRES: numeric_class is not kExact.
const ToleranceBounds& tolerance_of(const VerifySettings& settings, NumericClass numeric_class);

// Bounds of a tolerance class as four settings, rho first.
template <class V>
void visit_bounds(V& visitor, ToleranceBounds& bounds, const Field (&fields)[4]) {
    visitor(fields[0], bounds.rho);
    visitor(fields[1], bounds.worst_tensor);
    visitor(fields[2], bounds.alpha);
    visitor(fields[3], bounds.loss);
}

// The bounds of all tolerance classes; class exact has none.
template <class V>
void visit_classes(V& visitor, VerifySettings& settings) {
    visit_bounds(
        visitor,
        settings.fp32,
        {{"fp32_rho", "", 0, 1, "class fp32: preconditioned gradient error"},
         {"fp32_worst_tensor", "", 0, 1, "class fp32: the same of the worst tensor or chunk"},
         {"fp32_alpha", "", 0, 1, "class fp32: error of the gradient's length"},
         {"fp32_loss", "", 0, 1, "class fp32: error of a step's loss"}});
    visit_bounds(
        visitor,
        settings.tf32,
        {{"tf32_rho", "", 0, 1, "class tf32: preconditioned gradient error"},
         {"tf32_worst_tensor", "", 0, 1, "class tf32: the same of the worst tensor or chunk"},
         {"tf32_alpha", "", 0, 1, "class tf32: error of the gradient's length"},
         {"tf32_loss", "", 0, 1, "class tf32: error of a step's loss"}});
    visit_bounds(
        visitor,
        settings.bf16,
        {{"bf16_rho", "", 0, 1, "class bf16: preconditioned gradient error"},
         {"bf16_worst_tensor", "", 0, 1, "class bf16: the same of the worst tensor or chunk"},
         {"bf16_alpha", "", 0, 1, "class bf16: error of the gradient's length"},
         {"bf16_loss", "", 0, 1, "class bf16: error of a step's loss"}});
}

template <class V>
void VerifySettings::for_each(V& visitor) {
    visitor(Field{"compressor_chunks",
                  "chunks",
                  2,
                  4096,
                  "chunks opened for every peer in every round: compressor recomputed bit for bit"},
            compressor_chunks);
    visitor(Field{"chain_chunks",
                  "chunks",
                  2,
                  4096,
                  "of these, chunks opened with the whole gradient chain of the round"},
            chain_chunks);
    visitor(Field{"audit_steps",
                  "steps",
                  1,
                  1024,
                  "q: distinct steps whose gradient an audit recomputes"},
            audit_steps);
    visitor(Field{"gate_t",
                  "",
                  -100,
                  100,
                  "a payload enters the aggregate if its t-value on held-out groups exceeds this"},
            gate_t);
    visitor(Field{"gate_groups", "groups", 2, 1024, "groups of held-out sequences in the t-test"},
            gate_groups);
    visitor(Field{"gate_group_sequences", "sequences", 1, 65536, "sequences in each such group"},
            gate_group_sequences);
    visitor(Field{"share_sequences",
                  "sequences",
                  1,
                  65536,
                  "held-out sequences on which the shares of a round are measured"},
            share_sequences);
    visitor(Field{"share_nodes",
                  "gradients",
                  1,
                  2,
                  "Gauss nodes of the shares: 1 is exact to second order, 2 to fourth"},
            share_nodes);
    visitor(Field{"overlap_rounds",
                  "rounds",
                  0,
                  1000,
                  "rounds of payloads with which new ones are compared"},
            overlap_rounds);
    visitor(Field{"overlap_limit", "", 0, 1, "shared indices over kept indices that flag a pair"},
            overlap_limit);
    visitor(Field{"cosine_limit", "", 0, 1, "cosine of two payloads that flags a pair"},
            cosine_limit);
    visitor(Field{"mirror_sign_limit",
                  "",
                  0,
                  1,
                  "sign agreement at high overlap below which a pair counts as mirrored"},
            mirror_sign_limit);
    visitor(Field{"tripwire_energy",
                  "",
                  1,
                  1000,
                  "a step's mean of g^2 over the second moment is never suspicious below this"},
            tripwire_energy);
    visitor(Field{"tripwire_cosine",
                  "",
                  0,
                  1,
                  "a cosine of two steps' gradients is never suspicious below this"},
            tripwire_cosine);
    visit_classes(visitor, *this);
}

}  // namespace assay
