// L5: one step's gradient, recomputed from the committed theta_t on the assigned batch.
//
// An audit is a value: job and inputs in, report out; the same on the coordinator and on any other
// machine. Class exact: the root of the recomputed g_t is the committed one. Tolerance classes: the
// difference is compared in the metric in which AdamW feels it, W = 1 / (sqrt(v_hat_t) + epsilon).
// Nothing here fetches, signs or knows the peer. Uses the model of the thread that calls it.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/adamw.h"
#include "model/gradient_model.h"
#include "protocol/messages.h"
#include "verify/opening.h"
#include "verify/settings.h"

namespace assay {

// One leaf of the trace, to be found under the job's trace_root.
struct TraceEvidence {
    TraceStep step;
    MerklePath path;
};
TraceEvidence trace_evidence(const PeerId& peer, const Opening& opening, uint32_t step);

// What the auditor fetched and read. The spans are the opened blobs, decoded to fp32.
struct AuditInputs {
    std::span<const float> theta;
    std::span<const float> g;  // empty in class exact
    std::span<const float> v;
    TokenBatch batch;  // the tokens of job.samples, in order
    std::optional<TraceEvidence> trace;
    uint32_t grain_sequences = 1;
    AdamSettings adam;  // clip and epsilon
    std::span<const uint32_t> bias2_bits;
};

// The job for one step of an opened chain. REQUIRES: step is one of the opening's.
AuditJob make_audit_job(const RoundPlan& plan,
                        const PlanPeer& peer,
                        const Commit& commit,
                        const Opening& opening,
                        const StepStates& states,
                        std::span<const uint64_t> samples);

// Never fails: whatever is wrong with the inputs is a report with pass = false and its reason.
AuditReport run_audit(const AuditJob& job,
                      const AuditInputs& inputs,
                      GradientModel& model,
                      const VerifySettings& settings);

// Of an auditor whose own store lost what it had accepted for this job: it blames nobody, so it
// passes, and says so by a zero recomputed_root. Nobody else can bring it about.
AuditReport not_audited(const AuditJob& job, std::string reason);
[[nodiscard]] inline bool is_recomputed(const AuditReport& report) {
    return !report.pass || !report.recomputed_root.is_zero();
}

struct GradientFigures {
    double rho = 0;
    double rho_plain = 0;  // without W
    double alpha = 0;
    double rho_worst_tensor = 0;
    double rho_worst_chunk = 0;  // ||W d[c]|| / max(||W g_v[c]||, median chunk's ||W g_v||)
    std::string worst_tensor;
    uint64_t worst_chunk = 0;
};
// committed and recomputed: g_p and g_v; v: v_t; bias2: its correction.
GradientFigures compare_gradients(const ParameterLayout& layout,
                                  std::span<const float> committed,
                                  std::span<const float> recomputed,
                                  std::span<const float> v,
                                  float bias2,
                                  float epsilon);

}  // namespace assay
