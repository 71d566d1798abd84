#include "verify/gradient_audit.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>

#include "core/check.h"
#include "model/inner_loop.h"
#include "protocol/codec.h"

namespace assay {

namespace {

double ratio(double part, double whole) {
    if (part == 0) {
        return 0;
    }
    return whole > 0 ? part / whole : std::numeric_limits<double>::infinity();
}

double square(double x) {
    return x * x;
}

// Sums of squares over one tile; what is not finite becomes infinite, never smaller.
struct ChunkSums {
    double weighted_error = 0;
    double weighted = 0;
    double error = 0;
    double plain = 0;
    double product = 0;

    void add(const ChunkSums& other) {
        weighted_error += other.weighted_error;
        weighted += other.weighted;
        error += other.error;
        plain += other.plain;
        product += other.product;
    }
};

ChunkSums sum_chunk(std::span<const float> committed,
                    std::span<const float> recomputed,
                    std::span<const float> v,
                    float bias2,
                    float epsilon) {
    ChunkSums sums;
    for (size_t i = 0; i < committed.size(); ++i) {
        const auto g_p = static_cast<double>(committed[i]);
        const auto g_v = static_cast<double>(recomputed[i]);
        const double v_hat = std::max(0.0, static_cast<double>(v[i]) * static_cast<double>(bias2));
        const double weight = 1 / (std::sqrt(v_hat) + static_cast<double>(epsilon));
        sums.weighted_error += square(weight * (g_p - g_v));
        sums.weighted += square(weight * g_v);
        sums.error += square(g_p - g_v);
        sums.plain += square(g_v);
        sums.product += g_p * g_v;
    }
    return sums;
}

double median_of(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return values.empty() ? 0 : *middle;
}

Status over_bound(const char* what, double came, double limit) {
    if (came <= limit) {
        return {};
    }
    char text[128];
    std::snprintf(text, sizeof(text), "%s is %.3g, at most %.3g is allowed", what, came, limit);
    return fail(text);
}

// Collects the first fault of an audit.
class Findings {
public:
    void equal(const std::string& what, const Digest& came, const Digest& expected) {
        if (status_.ok() && came != expected) {
            status_ = fail(what + " is " + came.hex() + ", expected " + expected.hex());
        }
    }
    void require(bool holds, const std::string& otherwise) {
        if (status_.ok() && !holds) {
            status_ = fail(otherwise);
        }
    }
    void add(Status status) {
        if (status_.ok()) {
            status_ = std::move(status);
        }
    }
    [[nodiscard]] bool ok() const { return status_.ok(); }
    [[nodiscard]] const Status& status() const { return status_; }

private:
    Status status_;
};

bool all_finite(std::span<const float> values) {
    return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

void check_span(Findings& findings,
                const char* what,
                std::span<const float> values,
                uint64_t expected_size,
                const Digest& root) {
    findings.require(values.size() == expected_size,
                     std::string("opened ") + what + " has " + std::to_string(values.size()) +
                         " values, not " + std::to_string(expected_size));
    if (findings.ok()) {
        findings.equal(std::string("root of the opened ") + what, tiles_root(values), root);
    }
    findings.require(all_finite(values),
                     std::string("opened ") + what + " holds a number that is not finite");
}

void check_states(Findings& findings,
                  const AuditJob& job,
                  const AuditInputs& inputs,
                  const ParameterLayout& layout) {
    const Digest leaf = state_leaf_digest(job.peer, job.step, job.leaf);
    findings.require(
        job.leaf_path.index == job.step && merkle_contains(job.states_root, leaf, job.leaf_path),
        "leaf of step " + std::to_string(job.step) + " is not under the states root " +
            job.states_root.hex());
    check_span(findings, "theta", inputs.theta, layout.value_count(), job.leaf.theta_root);
    if (job.numeric_class != NumericClass::kExact) {
        check_span(findings, "g", inputs.g, layout.value_count(), job.leaf.g_root);
        check_span(findings, "v", inputs.v, layout.value_count(), job.leaf.v_root);
    }
}

void check_trace(Findings& findings, const AuditJob& job, const AuditInputs& inputs) {
    if (!inputs.trace) {
        return;
    }
    const TraceEvidence& trace = *inputs.trace;
    findings.require(
        trace.path.index == job.step &&
            merkle_contains(
                job.trace_root, trace_leaf_digest(job.peer, job.step, trace.step), trace.path),
        "trace of step " + std::to_string(job.step) + " is not under the trace root " +
            job.trace_root.hex());
    findings.equal("batch id in the trace", trace.step.batch_id, batch_digest(job.samples));
}

// What the inner loop computes of a step, once more.
struct Recomputed {
    ClippedGradient step;
    std::vector<float> g;  // after clipping
};

Result<Recomputed> recompute(const AuditInputs& inputs, GradientModel& model) {
    Recomputed result;
    result.g.resize(model.layout().value_count());
    Result<ClippedGradient> step = clipped_gradient(
        model, inputs.theta, inputs.batch, inputs.grain_sequences, inputs.adam.clip, result.g);
    if (!step) {
        return fail("recomputing: " + step.reason());
    }
    result.step = std::move(*step);
    return result;
}

// 1 / (1 - beta2^k) of the moments behind the step; 1 for k = 0 and past the table's end.
float bias_value(std::span<const uint32_t> bits, uint64_t k) {
    return k > 0 && k <= bits.size() ? std::bit_cast<float>(bits[k - 1]) : 1.0F;
}

void check_number(Findings& findings,
                  const std::string& what,
                  float committed,
                  float recomputed,
                  double tolerance) {
    const bool equal = std::bit_cast<uint32_t>(committed) == std::bit_cast<uint32_t>(recomputed);
    const double error = std::abs(static_cast<double>(committed) - static_cast<double>(recomputed));
    const double size = std::max(1.0, std::abs(static_cast<double>(recomputed)));
    char text[128];
    std::snprintf(text,
                  sizeof(text),
                  " is %.9g, recomputed %.9g, tolerance %.3g",
                  static_cast<double>(committed),
                  static_cast<double>(recomputed),
                  tolerance);
    findings.require(equal || error <= tolerance * size, what + text);
}

// Losses of the trace; their tolerance is 0 in class exact.
void check_losses(Findings& findings,
                  const TraceStep& trace,
                  const Recomputed& recomputed,
                  double tolerance) {
    check_number(
        findings, "committed loss", trace.mean_loss, recomputed.step.losses.mean_loss, tolerance);
    check_number(
        findings, "committed gradient norm", trace.gradient_norm, recomputed.step.norm, tolerance);
    findings.require(trace.sequence_losses.size() == recomputed.step.losses.sequence_losses.size(),
                     "the trace has another number of sequences than the batch");
    for (size_t i = 0; findings.ok() && i < trace.sequence_losses.size(); ++i) {
        check_number(findings,
                     "committed loss of sequence " + std::to_string(i),
                     trace.sequence_losses[i],
                     recomputed.step.losses.sequence_losses[i],
                     tolerance);
    }
}

void check_tolerances(Findings& findings,
                      const GradientFigures& figures,
                      const ToleranceBounds& bounds) {
    const std::string tensor = "error of tensor " + figures.worst_tensor;
    const std::string chunk = "error of chunk " + std::to_string(figures.worst_chunk);
    findings.add(over_bound("preconditioned gradient error rho", figures.rho, bounds.rho));
    findings.add(
        over_bound("gradient error without preconditioning", figures.rho_plain, bounds.rho));
    findings.add(over_bound("|alpha - 1|", std::abs(figures.alpha - 1), bounds.alpha));
    findings.add(over_bound(tensor.c_str(), figures.rho_worst_tensor, bounds.worst_tensor));
    findings.add(over_bound(chunk.c_str(), figures.rho_worst_chunk, bounds.worst_tensor));
}

// NOLINTNEXTLINE(readability-function-size)
void compare_in_tolerance(Findings& findings,
                          AuditReport& report,
                          const AuditJob& job,
                          const AuditInputs& inputs,
                          const Recomputed& recomputed,
                          const ParameterLayout& layout,
                          const ToleranceBounds& bounds) {
    const GradientFigures figures =
        compare_gradients(layout,
                          inputs.g,
                          recomputed.g,
                          inputs.v,
                          bias_value(inputs.bias2_bits, job.optimiser_steps_before),
                          inputs.adam.epsilon);
    report.rho = figures.rho;
    report.alpha = figures.alpha;
    report.rho_worst_tensor = figures.rho_worst_tensor;
    report.rho_worst_chunk = figures.rho_worst_chunk;
    check_tolerances(findings, figures, bounds);
}

std::string agreement_in_words(const AuditJob& job, const AuditReport& report) {
    if (job.numeric_class == NumericClass::kExact) {
        return "gradient recomputed bit for bit: " + report.recomputed_root.brief();
    }
    char text[128];
    std::snprintf(text,
                  sizeof(text),
                  "gradient agrees: rho %.3g, alpha - 1 = %.3g, worst tensor "
                  "%.3g, worst chunk %.3g",
                  report.rho,
                  report.alpha - 1,
                  report.rho_worst_tensor,
                  report.rho_worst_chunk);
    return text;
}

void audit_gradient(Findings& findings,
                    AuditReport& report,
                    const AuditJob& job,
                    const AuditInputs& inputs,
                    GradientModel& model,
                    const VerifySettings& settings) {
    const Result<Recomputed> computed = recompute(inputs, model);
    if (!computed) {
        findings.add(computed.error());
        return;
    }
    const Recomputed& recomputed = *computed;
    report.recomputed_root = tiles_root(recomputed.g);
    const bool exact = job.numeric_class == NumericClass::kExact;
    if (exact) {
        report.rho = report.recomputed_root == job.leaf.g_root ? 0 : 1;
        report.alpha = 1;
        findings.equal("committed gradient root", job.leaf.g_root, report.recomputed_root);
    } else {
        compare_in_tolerance(findings,
                             report,
                             job,
                             inputs,
                             recomputed,
                             model.layout(),
                             tolerance_of(settings, job.numeric_class));
    }
    if (inputs.trace) {
        check_losses(findings,
                     inputs.trace->step,
                     recomputed,
                     exact ? 0 : tolerance_of(settings, job.numeric_class).loss);
    }
}

}  // namespace

TraceEvidence trace_evidence(const PeerId& peer, const Opening& opening, uint32_t step) {
    ASSAY_CHECK_LT(size_t{step}, opening.trace.size());
    std::vector<Digest> leaves;
    for (size_t t = 0; t < opening.trace.size(); ++t) {
        leaves.push_back(trace_leaf_digest(peer, t, opening.trace[t]));
    }
    return {opening.trace[step], MerkleTree(std::move(leaves)).path(step)};
}

AuditJob make_audit_job(const RoundPlan& plan,
                        const PlanPeer& peer,
                        const Commit& commit,
                        const Opening& opening,
                        const StepStates& states,
                        std::span<const uint64_t> samples) {
    ASSAY_CHECK_LT(size_t{states.step}, opening.states.size());
    std::vector<Digest> leaves;
    for (size_t t = 0; t < opening.states.size(); ++t) {
        leaves.push_back(state_leaf_digest(peer.id, t, opening.states[t]));
    }
    leaves.push_back(end_leaf_digest(peer.id, opening.end));
    AuditJob job;
    job.round = plan.round;
    job.peer = peer.id;
    job.manifest_digest = plan.manifest_digest;
    job.plan_digest = commit.plan_digest;
    job.states_root = commit.states_root;
    job.trace_root = commit.trace_root;
    job.numeric_class = peer.numeric_class;
    job.step = states.step;
    job.leaf = opening.states[states.step];
    job.leaf_path = MerkleTree(std::move(leaves)).path(states.step);
    job.opening = states;
    job.samples.assign(samples.begin(), samples.end());
    job.optimiser_steps_before = peer.optimiser_steps + states.step;
    return job;
}

GradientFigures compare_gradients(const ParameterLayout& layout,
                                  std::span<const float> committed,
                                  std::span<const float> recomputed,
                                  std::span<const float> v,
                                  float bias2,
                                  float epsilon) {
    ASSAY_CHECK_EQ(committed.size(), layout.value_count());
    ASSAY_CHECK_EQ(recomputed.size(), layout.value_count());
    ASSAY_CHECK_EQ(v.size(), layout.value_count());
    GradientFigures figures;
    ChunkSums all;
    std::vector<double> errors;
    std::vector<double> sizes;
    for (const TensorLayout& tensor : layout.tensors) {
        ChunkSums sums;
        for (uint64_t c = 0; c < tensor.tile_count(); ++c) {
            const uint64_t first = tensor.first_value() + c * kTileValues;
            const ChunkSums chunk = sum_chunk(committed.subspan(first, kTileValues),
                                              recomputed.subspan(first, kTileValues),
                                              v.subspan(first, kTileValues),
                                              bias2,
                                              epsilon);
            errors.push_back(std::sqrt(chunk.weighted_error));
            sizes.push_back(std::sqrt(chunk.weighted));
            sums.add(chunk);
        }
        const double rho = std::sqrt(ratio(sums.weighted_error, sums.weighted));
        if (figures.worst_tensor.empty() || rho > figures.rho_worst_tensor) {
            figures.rho_worst_tensor = rho;
            figures.worst_tensor = tensor.name;
        }
        all.add(sums);
    }
    const double median = median_of(sizes);
    for (size_t c = 0; c < errors.size(); ++c) {
        const double rho = ratio(errors[c], std::max(sizes[c], median));
        if (rho > figures.rho_worst_chunk) {
            figures.rho_worst_chunk = rho;
            figures.worst_chunk = c;
        }
    }
    figures.rho = std::sqrt(ratio(all.weighted_error, all.weighted));
    figures.rho_plain = std::sqrt(ratio(all.error, all.plain));
    figures.alpha = all.plain > 0 ? all.product / all.plain : 1;
    return figures;
}

AuditReport not_audited(const AuditJob& job, std::string reason) {
    AuditReport report;
    report.job = audit_job_digest(job);
    report.round = job.round;
    report.peer = job.peer;
    report.step = job.step;
    report.pass = true;
    report.reason = std::move(reason);
    return report;
}

AuditReport run_audit(const AuditJob& job,
                      const AuditInputs& inputs,
                      GradientModel& model,
                      const VerifySettings& settings) {
    AuditReport report;
    report.job = audit_job_digest(job);
    report.round = job.round;
    report.peer = job.peer;
    report.step = job.step;
    Findings findings;
    check_states(findings, job, inputs, model.layout());
    check_trace(findings, job, inputs);
    findings.require(inputs.batch.sequences == job.samples.size() &&
                         inputs.batch.tokens.size() ==
                             inputs.batch.target_count() + uint64_t{inputs.batch.sequences},
                     "the batch does not hold the job's samples");
    if (findings.ok()) {
        audit_gradient(findings, report, job, inputs, model, settings);
    }
    report.pass = findings.ok();
    report.reason = findings.ok() ? agreement_in_words(job, report) : findings.status().reason();
    return report;
}

}  // namespace assay
