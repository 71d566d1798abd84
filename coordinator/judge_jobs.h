// The job thread's half of a coordinator: the model, theta, the outer state and the snapshots.
//
// Every function runs on the job thread, but for the constructor.

#pragma once

#include <functional>
#include <memory>
#include <variant>

#include "checkpoints/snapshot_store.h"
#include "coordinator/coordinator.h"
#include "coordinator/run_folder.h"
#include "data/token_shards.h"
#include "rounds/round_events.h"
#include "rounds/run_state.h"
#include "verify/round_judge.h"

namespace assay {

// REQUIRES of an answer what verify/judge_order.h says of it: RoundJudge keeps to it.
void check_answer(const JudgeRound& order, const RoundJudged& judged);

// What the event loop must know besides the machine's events.
struct JudgeTimes {
    RoundId round;
    double seconds = 0;
    double bits_per_kept_value = 0;
};
struct AuditTime {
    double seconds = 0;
};
struct JudgeFailed {
    std::string reason;
};

using JudgeResult = std::variant<Event, JudgeTimes, AuditTime, JudgeFailed>;

class JudgeJobs {
public:
    using Post = std::function<void(JudgeResult)>;

    JudgeJobs(const CoordinatorOptions& options,
              const RunConfig& config,
              const CoordinatorHooks& hooks,
              const RunFolderPaths& paths,
              OpenedRun& run,
              Post post);

    // Data, model, judge, and the state that the ledger ends with: from the newest snapshot that is
    // intact, or the initial one, and the steps recorded since. Fails, saying what is damaged and
    // what is missing, where nothing leads there.
    Status prepare(const RunState& ledger);
    [[nodiscard]] uint64_t sample_count() const { return shards_->sample_count(); }
    // theta as a public blob, for the first plan.
    Result<BlobRef> theta_blob();
    // RoundRules::fresh_moments.
    Result<BlobRef> fresh_moments();

    // Each posts its result, and how long it took; a failure is a JudgeFailed.
    void judge(const JudgeRound& order);
    void judge_debt(const JudgeDebt& order);
    void audit(const RunAudit& order);

private:
    JudgePorts ports();
    [[nodiscard]] double bits_per_value(const JudgeRound& order) const;
    Status load_state(const RunState& ledger);
    Status load_initial();
    Status take_missed_steps(const RunState& ledger);
    Result<BlobRef> keep_blob(std::span<const float> values, Visibility visibility);
    Status keep_state(RoundId round, const std::vector<float>& theta, const OuterState& outer);

    const CoordinatorOptions& options_;
    const RunConfig& config_;
    const CoordinatorHooks& hooks_;
    const RunFolderPaths& paths_;
    OpenedRun& run_;
    Post post_;
    std::vector<Digest> made_;  // put by the judge in the round that it judges
    std::unique_ptr<TokenShards> shards_;
    std::unique_ptr<GradientModel> model_;
    std::unique_ptr<RoundJudge> judge_;
    std::unique_ptr<SnapshotStore> snapshots_;
};

}  // namespace assay
