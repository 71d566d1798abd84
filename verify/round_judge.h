// The judge's work on tensors in a round: payloads and openings in, verdicts, aggregate,
// shares and the next theta out; later the gradient audits.
//
// No socket, no clock, no ledger: RoundMachine says what to judge (JudgeRound, JudgeDebt,
// RunAudit). Used by the real coordinator's compute thread and by the simulation. One thread owns
// it.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "compression/aggregate.h"
#include "data/assignment.h"
#include "kernels/adamw.h"
#include "model/gradient_model.h"
#include "model/outer_step.h"
#include "verify/challenge.h"
#include "verify/gradient_audit.h"
#include "verify/judge_order.h"
#include "verify/overlap.h"
#include "verify/peer_payload.h"
#include "verify/recollection.h"
#include "verify/settings.h"

namespace assay {

struct JudgePorts {
    std::function<Result<BlobRef>(ByteSpan bytes)> put;
    std::function<Result<Bytes>(const BlobRef& blob)> get;
    // Tokens of training or held-out samples, in order: (count, T + 1).
    std::function<Result<std::vector<int32_t>>(std::span<const uint64_t> samples)> read_samples;
    std::function<Result<std::vector<int32_t>>(std::span<const uint64_t> samples)> read_held_out;
    // After a round's outer step and before RoundJudged: make the new state durable. May be empty.
    std::function<Status(RoundId round, const std::vector<float>& theta, const OuterState& outer)>
        keep_state;
};

struct JudgeSettings {
    Digest run_seed;
    Digest manifest_digest;
    uint64_t sample_count = 0;
    uint64_t held_out_count = 0;
    AdamSettings adam;
    CompressionSettings compression;
    OuterSettings outer;
    VerifySettings verify;
    uint32_t grain_sequences = 1;
    std::vector<uint32_t> bias2_bits;  // as in every plan of the run
    uint32_t loss_sequences = 0;       // held-out sequences of the reported loss; 0: all
    uint64_t payload_bytes_max = 0;
};

class RoundJudge {
public:
    // REQUIRES: model outlives the judge.
    RoundJudge(JudgeSettings settings, JudgePorts ports, GradientModel& model);

    // theta and the outer state that the next round to be judged starts from.
    [[nodiscard]] Status load(std::vector<float> theta, OuterState outer);
    [[nodiscard]] const std::vector<float>& theta() const { return theta_; }
    [[nodiscard]] const OuterState& outer() const { return outer_; }

    // After a start, before the first order: what earlier rounds left behind. A blob that is lost
    // leaves a gap, which is logged.
    void remember(const Recollection& past);

    // Fails only if the own state or store is not what the plan says (nothing is then changed).
    Result<RoundJudged> judge(const JudgeRound& order);
    // What a challenge that was answered late is worth. Changes no state but that of audits.
    DebtJudged judge(const JudgeDebt& order);
    // Takes an outer step again that the ledger holds. Fails, naming the round, where a payload is
    // gone or the state that comes out is not the recorded one; the state is then of no use.
    Status redo(const OuterStepAgain& step);
    // Recomputes one gradient. What the own store lost blames nobody (not_audited) and is logged.
    AuditReport audit(const AuditJob& job);
    // Its verdict is known: what was kept of the opening for it can go.
    void forget_audit(const AuditJob& job);

private:
    struct Dossier;  // one submission, with what is known of it so far

    static void lost(Dossier& dossier, const char* what, const std::string& reason);
    void read_payload(const JudgeRound& order, const Assignment& dealt, Dossier& dossier) const;
    void read_opening(const JudgeRound& order,
                      const Assignment& dealt,
                      std::span<const float> base,
                      Dossier& dossier);
    [[nodiscard]] Challenge challenge_of(const JudgeRound& order, const Dossier& dossier) const;
    Status keep_base_tiles(const JudgeRound& order, Dossier& dossier) const;
    [[nodiscard]] Result<std::vector<float>> read_base_tiles(const JudgeDebt& order,
                                                             const Challenge& challenge) const;
    void remember(const OldPayload& old);
    void remember(const PendingAudit& open);
    [[nodiscard]] Result<PeerPayload> read_old(const BlobRef& blob) const;
    void find_copies(const JudgeRound& order, std::vector<Dossier>& dossiers);
    void keep_payloads(const JudgeRound& order, const std::vector<Dossier>& dossiers);
    void audit_copies(std::vector<Dossier>& dossiers);
    static std::vector<Verdict> verdicts(const std::vector<Dossier>& dossiers);
    Status run_gate(const JudgeRound& order, std::vector<Dossier>& dossiers);
    Status aggregate_round(const JudgeRound& order,
                           std::vector<Dossier>& dossiers,
                           RoundJudged& judged);
    Status take_out_shares(std::span<const TakeBack> take_backs, OuterState& outer) const;
    Status read_entered(std::span<const ContributionRef> entered,
                        std::vector<PeerPayload>& payloads,
                        std::vector<Contribution>& contributions) const;
    Status measure_pay_shares(const JudgeRound& order,
                              const std::vector<float>& step,
                              const AggregateResult& aggregate,
                              std::vector<Dossier*>& entered,
                              RoundJudged& judged);
    [[nodiscard]] Result<TokenBatch> held_out_batch(std::span<const uint64_t> samples,
                                                    uint32_t tokens) const;
    Result<float> reported_loss(uint32_t sequence_tokens);
    [[nodiscard]] PayloadFormat format() const;

    JudgeSettings settings_;
    JudgePorts ports_;
    GradientModel& model_;
    std::vector<float> theta_;
    OuterState outer_;
    std::optional<float> loss_;  // reported loss of theta_
    PayloadHistory history_;
    std::map<std::pair<RoundId, PeerId>, BlobRef> old_payloads_;  // of the rounds in history_
    std::map<Digest, TraceEvidence> traces_;                      // by digest of the audit job
};

}  // namespace assay
