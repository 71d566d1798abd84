#include "coordinator/judge_jobs.h"

#include <chrono>
#include <future>
#include <utility>

#include "compression/sparse_update.h"
#include "core/check.h"
#include "core/log.h"
#include "core/merkle.h"
#include "protocol/codec.h"
#include "protocol/plan.h"
#include "rounds/missed_steps.h"
#include "rounds/recollect.h"
#include "rounds/retention.h"
#include "rounds/run_rules.h"

namespace assay {

namespace {

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point start) {
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

}  // namespace

JudgeJobs::JudgeJobs(const CoordinatorOptions& options,
                     const RunConfig& config,
                     const CoordinatorHooks& hooks,
                     const RunFolderPaths& paths,
                     OpenedRun& run,
                     Post post)
    : options_(options),
      config_(config),
      hooks_(hooks),
      paths_(paths),
      run_(run),
      post_(std::move(post)) {
    ASSAY_CHECK(post_ && hooks_.make_model);
}

// Every submission has its verdict, in the order's order; shares are taken out as ordered alone.
void check_answer(const JudgeRound& order, const RoundJudged& judged) {
    ASSAY_CHECK_EQ(judged.round, order.plan.round);
    ASSAY_CHECK_EQ(judged.peers.size(), order.submissions.size());
    for (size_t i = 0; i < judged.peers.size(); ++i) {
        ASSAY_CHECK_EQ(judged.peers[i].verdict.peer, order.submissions[i].expected.id);
    }
    ASSAY_CHECK_LE(judged.taken_back.size(), order.take_backs.size());
    ASSAY_CHECK(judged.voided || judged.theta.size_bytes > 0);
}

JudgePorts JudgeJobs::ports() {
    JudgePorts ports;
    // Aggregates and theta go out to everybody once the summary names them.
    ports.put = [this](ByteSpan bytes) {
        Result<BlobRef> blob = run_.store->put(bytes, Visibility::kPublic);
        if (blob) {
            made_.push_back(blob->sha256);
        }
        return blob;
    };
    ports.get = [this](const BlobRef& blob) {
        return run_.store->get(blob.sha256, blob.size_bytes);
    };
    ports.read_samples = [this](std::span<const uint64_t> samples) -> Result<std::vector<int32_t>> {
        std::vector<int32_t> tokens;
        const Status read = shards_->read_samples(samples, tokens);
        return read ? Result<std::vector<int32_t>>(std::move(tokens)) : read.error();
    };
    ports.read_held_out =
        [this](std::span<const uint64_t> samples) -> Result<std::vector<int32_t>> {
        std::vector<int32_t> tokens;
        const Status read = shards_->read_held_out(samples, tokens);
        return read ? Result<std::vector<int32_t>>(std::move(tokens)) : read.error();
    };
    ports.keep_state = [this](RoundId round,
                              const std::vector<float>& theta,
                              const OuterState& outer) { return keep_state(round, theta, outer); };
    return ports;
}

Status JudgeJobs::prepare(const RunState& ledger) {
    Result<TokenShards> shards = TokenShards::open(
        paths_.data(), run_.data, static_cast<uint32_t>(config_.data.sequence_tokens), run_.fresh);
    if (!shards) {
        return shards.error();
    }
    shards_ = std::make_unique<TokenShards>(std::move(*shards));
    // Exact whatever the peers' classes: bit for bit for its own, inside tolerances for the others.
    Result<std::unique_ptr<GradientModel>> model =
        hooks_.make_model(config_, NumericClass::kExact, options_.threads);
    if (!model) {
        return model.error();
    }
    model_ = std::move(*model);
    judge_ = std::make_unique<RoundJudge>(
        judge_settings(config_, run_.manifest, shards_->sample_count(), shards_->held_out_count()),
        ports(),
        *model_);
    Result<SnapshotStore> snapshots = SnapshotStore::open(paths_.snapshots());
    if (!snapshots) {
        return snapshots.error();
    }
    snapshots_ = std::make_unique<SnapshotStore>(std::move(*snapshots));
    judge_->remember(recollect(ledger, config_.verify));
    return load_state(ledger);
}

// The newest file may be damaged, or one round ahead of the ledger (saved, then killed before the
// record): what counts is which one leads to the root that the ledger ends with.
Status JudgeJobs::load_state(const RunState& ledger) {
    ASSAY_CHECK(judge_ && snapshots_);
    if (ledger.current() == nullptr) {
        return load_initial();
    }
    std::string reasons;
    std::vector<std::filesystem::path> files = snapshots_->list();
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
        Result<Snapshot> snapshot = load_snapshot(*file);
        Status reached =
            snapshot
                ? judge_->load(std::move(snapshot->theta),
                               {std::move(snapshot->accumulator), std::move(snapshot->momentum)})
                : Status(snapshot.error());
        reached = reached ? take_missed_steps(ledger) : reached;
        if (reached) {
            return reached;
        }
        log_warning(reached.reason() + "; trying the one before " + file->filename().string());
        reasons += "; " + reached.reason();
    }
    Status initial = load_initial();
    initial = initial ? take_missed_steps(ledger) : initial;
    return initial
               ? initial
               : fail("nothing leads to the state that the ledger ends with: " + initial.reason() +
                      reasons);
}

Status JudgeJobs::load_initial() {
    std::vector<float> theta = initial_theta(config_);
    if (tiles_root(theta) != run_.manifest.initial_root) {
        return fail("this build makes other initial parameters than the run was started with");
    }
    return judge_->load(std::move(theta), initial_outer_state(config_.outer, model_->layout()));
}

// From the judge's state to the ledger's. What comes out is saved in place of what was damaged.
Status JudgeJobs::take_missed_steps(const RunState& ledger) {
    Result<std::vector<OuterStepAgain>> steps = steps_since(ledger, tiles_root(judge_->theta()));
    if (!steps) {
        return steps.error();
    }
    for (const OuterStepAgain& step : *steps) {
        if (Status done = judge_->redo(step); !done) {
            return done;
        }
        log_warning("took the step of " + in_words(step.round) +
                    " again, from the payloads that the ledger names");
    }
    return steps->empty() ? Status()
                          : keep_state(steps->back().round, judge_->theta(), judge_->outer());
}

Result<BlobRef> JudgeJobs::theta_blob() {
    ASSAY_CHECK_EQ(judge_->theta().size(), model_->layout().value_count());  // prepare() came first
    return keep_blob(judge_->theta(), Visibility::kPublic);
}

Result<BlobRef> JudgeJobs::fresh_moments() {
    if (admitted_classes(config_) == std::set<NumericClass>{NumericClass::kExact}) {
        return BlobRef{};
    }
    const std::vector<float> zeros(judge_->theta().size());
    return keep_blob(zeros, Visibility::kPrivate);
}

Result<BlobRef> JudgeJobs::keep_blob(std::span<const float> values, Visibility visibility) {
    Result<BlobRef> blob = run_.store->put(float_bytes(values), visibility);
    const Status kept =
        blob ? run_.store->make_durable(std::span(&blob->sha256, 1)) : Status(blob.error());
    return kept ? blob : Result<BlobRef>(kept.error());
}

Status JudgeJobs::keep_state(RoundId round,
                             const std::vector<float>& theta,
                             const OuterState& outer) {
    ASSAY_CHECK_EQ(theta.size(), model_->layout().value_count());
    ASSAY_CHECK(outer.accumulator.empty() || outer.accumulator.size() == theta.size());
    Snapshot snapshot;
    snapshot.round = round.next();
    snapshot.shape = config_.model;
    snapshot.theta = theta;
    snapshot.accumulator = outer.accumulator;
    snapshot.momentum = outer.momentum;
    snapshot.config_text = run_.manifest.config_text;
    snapshot.run_name = run_.manifest.run_name;
    snapshot.manifest = manifest_digest(run_.manifest);
    // What was made in this round becomes durable meanwhile: the disk does both at a time.
    std::future<Status> blobs =
        std::async([this, made = made_] { return run_.store->make_durable(made); });
    Status done = snapshots_->save(snapshot);
    const Status kept = blobs.get();
    done = done ? kept : done;
    return done ? snapshots_->prune(kSnapshotsKept, evidence_rounds(config_.pay)) : done;
}

// Of the first payload that decodes; 0 for dense ones.
double JudgeJobs::bits_per_value(const JudgeRound& order) const {
    if (strategy_of(config_.outer) != Strategy::kSparseLoCo) {
        return 0;
    }
    for (const Submission& submission : order.submissions) {
        const BlobRef& blob = submission.payload;
        Result<Bytes> bytes = run_.store->get(blob.sha256, blob.size_bytes);
        Result<SparseUpdate> update =
            bytes ? decode_update(*bytes, model_->layout(), config_.compression)
                  : Result<SparseUpdate>(bytes.error());
        if (update) {
            return bits_per_kept_value(*update, bytes->size());
        }
    }
    return 0;
}

void JudgeJobs::judge(const JudgeRound& order) {
    const auto start = SteadyClock::now();
    Result<RoundJudged> judged = judge_->judge(order);
    if (judged) {  // before a record names them
        const Status kept = run_.store->make_durable(std::exchange(made_, {}));
        judged = kept ? std::move(judged) : Result<RoundJudged>(kept.error());
    }
    if (!judged) {
        post_(JudgeFailed{in_words(order.plan.round) + " cannot be judged: " + judged.reason()});
        return;
    }
    check_answer(order, *judged);
    post_(JudgeTimes{order.plan.round, seconds_since(start), bits_per_value(order)});
    post_(Event(std::move(*judged)));
}

void JudgeJobs::judge_debt(const JudgeDebt& order) {
    DebtJudged judged = judge_->judge(order);
    ASSAY_CHECK(judged.verdict.peer == order.submission.expected.id);
    ASSAY_CHECK_EQ(judged.verdict.round, order.plan.round);
    post_(Event(std::move(judged)));
}

void JudgeJobs::audit(const RunAudit& order) {
    const auto start = SteadyClock::now();
    AuditReport report = judge_->audit(order.job);
    ASSAY_CHECK(order.attempt == 1 || order.attempt == 2);
    ASSAY_CHECK(report.round == order.job.round && report.peer == order.job.peer);
    ASSAY_CHECK_EQ(report.job, audit_job_digest(order.job));
    if (report.pass || order.attempt > 1) {
        judge_->forget_audit(order.job);
    }
    post_(AuditTime{seconds_since(start)});
    CheckedEnvelope envelope = make_envelope(run_.identity, report);
    post_(Event(AuditDone{std::move(report), std::move(envelope), order.attempt}));
}

}  // namespace assay
