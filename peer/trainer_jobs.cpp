#include "peer/trainer_jobs.h"

#include <chrono>
#include <cmath>
#include <cstdio>

#include "configs/transfers.h"
#include "core/check.h"
#include "core/log.h"
#include "protocol/codec.h"
#include "protocol/entry_work.h"
#include "protocol/limits.h"
#include "protocol/plan.h"

namespace assay {

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

constexpr double kTellEntryEvery = 5;  // seconds

std::string entry_in_words(uint64_t tried, uint32_t bits, double seconds) {
    const double mean = std::ldexp(1.0, static_cast<int>(bits));
    char text[160];
    std::snprintf(text,
                  sizeof(text),
                  "entry work: %.4g million hashes tried in %.0f s, %.4g million are needed in the "
                  "mean (rounds.entry_work_bits = %u)",
                  static_cast<double>(tried) / 1e6,
                  seconds,
                  mean / 1e6,
                  bits);
    return text;
}

uint32_t per_second(uint64_t count, double seconds) {
    return static_cast<uint32_t>(static_cast<double>(count) / std::max(seconds, 1e-6));
}

}  // namespace

Result<DataManifest> lay_out_data(const RunManifest& manifest,
                                  BlobStore& store,
                                  const std::filesystem::path& folder) {
    Result<Bytes> text = store.get(manifest.data_manifest.sha256, limits::kDataManifestBytesMax);
    if (!text) {
        return text.error();
    }
    Result<DataManifest> data = parse_data_manifest(to_text(*text));
    if (!data) {
        return data.error();
    }
    for (const ShardEntry& shard : data->shards) {
        const std::filesystem::path file = folder / shard.file;
        std::error_code code;
        if (!std::filesystem::exists(file, code)) {
            if (Status made = store.export_to(shard.sha256, file); !made) {
                return made.error();
            }
        }
    }
    return data;
}

TrainerJobs::TrainerJobs(const PeerOptions& options,
                         const Identity& identity,
                         const PeerHooks& hooks,
                         const PeerFolder& folder,
                         BlobStore& store,
                         Post post)
    : options_(options),
      identity_(identity),
      hooks_(hooks),
      folder_(folder),
      store_(store),
      post_(std::move(post)) {
    ASSAY_CHECK(post_ && hooks_.make_model && hooks_.make_trainer);
}

TrainerPorts TrainerJobs::ports() {
    TrainerPorts ports;
    ports.put = [this](ByteSpan bytes) { return store_.put(bytes, Visibility::kPrivate); };
    ports.get = [this](const BlobRef& blob) { return store_.get(blob.sha256, blob.size_bytes); };
    ports.drop = [this](const Digest& sha256) { (void)store_.remove(sha256); };
    ports.read_samples = [this](std::span<const uint64_t> samples) -> Result<std::vector<int32_t>> {
        std::vector<int32_t> tokens;
        if (Status read = shards_->read_samples(samples, tokens); !read) {
            return read.error();
        }
        return tokens;
    };
    return ports;
}

Result<TrainerSettings> TrainerJobs::settings_of(const RunManifest& manifest,
                                                 const RunConfig& config) const {
    TrainerSettings settings;
    ASSAY_CHECK(shards_ != nullptr && shards_->sample_count() > 0);
    settings.self = identity_.id();
    settings.numeric_class = numeric_class_;
    settings.manifest_digest = manifest_digest(manifest);
    settings.run_seed = manifest.run_seed;
    settings.sample_count = shards_->sample_count();
    settings.chain_place.folder = folder_.blob_folder();
    settings.adam = adam_settings(config.inner);
    settings.compression = config.compression;
    settings.outer = config.outer;
    settings.verify = config.verify;
    return settings;
}

Status TrainerJobs::prepare(const RunManifest& manifest) {
    Result<RunConfig> config = parse_canonical_text(manifest.config_text);
    if (!config) {
        return fail("the run's settings are not valid: " + config.reason());
    }
    run_ = manifest_digest(manifest);
    entry_work_bits_ = static_cast<uint32_t>(config->rounds.entry_work_bits);
    numeric_class_ = options_.numeric_class.value_or(numeric_class_of(config->inner));
    // Of all that a peer stores the run's data alone outlives its process: the rest waits for no
    // disk.
    std::vector<Digest> named{manifest.data_manifest.sha256};
    for (const BlobRef& shard : manifest.shards) {
        named.push_back(shard.sha256);
    }
    if (Status kept = store_.make_durable(named); !kept) {
        return kept;
    }
    Result<DataManifest> data = lay_out_data(manifest, store_, folder_.data_folder());
    if (!data) {
        return data.error();
    }
    if (static_cast<int64_t>(data->vocab_size) > config->model.vocab) {
        return fail("the run's data uses " + std::to_string(data->vocab_size) +
                    " tokens, but its model has " + std::to_string(config->model.vocab));
    }
    Result<TokenShards> shards = TokenShards::open(
        folder_.data_folder(), *data, static_cast<uint32_t>(config->data.sequence_tokens), false);
    if (!shards) {
        return shards.error();
    }
    shards_ = std::make_unique<TokenShards>(std::move(*shards));
    Result<std::unique_ptr<GradientModel>> model =
        hooks_.make_model(*config, numeric_class_, options_.threads);
    if (!model) {
        return model.error();
    }
    model_ = std::move(*model);
    if (model_->layout().digest() != manifest.layout_digest) {
        return fail("this build orders the parameters differently from the coordinator's");
    }
    Result<TrainerSettings> settings = settings_of(manifest, *config);
    if (!settings) {
        return settings.error();
    }
    trainer_ = hooks_.make_trainer(*settings, ports(), *model_);
    log_info(round_bytes_in_words(*config));
    return folder_.save_manifest(manifest);
}

void TrainerJobs::find_entry_work() {
    ASSAY_CHECK(trainer_ != nullptr);
    const auto start = std::chrono::steady_clock::now();
    log_info(entry_in_words(0, entry_work_bits_, 0));
    double told = 0;
    const std::optional<uint64_t> nonce =
        find_entry_nonce(run_, identity_.id(), entry_work_bits_, [&](uint64_t tried) {
            if (seconds_since(start) >= told + kTellEntryEvery) {
                told = seconds_since(start);
                log_info(entry_in_words(tried, entry_work_bits_, told));
            }
            return !stopped_.load();
        });
    if (!nonce) {
        return;
    }
    log_info("entry work: done, with " + std::to_string(*nonce) + " hashes");
    if (const Status kept = folder_.save_entry(run_, identity_.id(), *nonce); !kept) {
        log_warning("the entry work is not kept, a restart will do it again: " + kept.reason());
    }
    post_(EntryWorkFound{*nonce});
}

TrainerJobs::Restored TrainerJobs::restore() {
    ASSAY_CHECK(trainer_ != nullptr);  // prepare() comes first
    const std::optional<RoundId> undecided = restore_next();
    Result<std::optional<TrainerState>> state = folder_.load_state();
    if (!state) {
        log_warning(state.reason() + "; the parameters will be fetched again");
        return {};
    }
    if (!*state) {
        return {};
    }
    if (Status restored = trainer_->restore(std::move(**state)); !restored) {
        log_warning("the stored state does not fit: " + restored.reason());
        return {};
    }
    saved_roots_ = trainer_->roots();
    return {trainer_->theta_root(), undecided};
}

std::optional<RoundId> TrainerJobs::restore_next() {
    Result<std::optional<NextTriple>> next = folder_.load_next();
    Status restored = next ? Status() : Status(next.error());
    std::optional<RoundId> round;
    if (next && *next) {
        round = (*next)->round;
        restored = trainer_->restore_next(std::move(**next));
    }
    if (!restored) {
        log_warning(restored.reason() + "; if its round counted, this peer starts anew");
        return std::nullopt;
    }
    return round;
}

bool TrainerJobs::save() {
    if (!saved(folder_.save_state(trainer_->state()))) {
        return false;
    }
    saved_roots_ = trainer_->roots();
    return true;
}

// Before a COMMIT: what the round started from, and what it leads to.
bool TrainerJobs::save_round(RoundId round) {
    const std::optional<NextTripleView> next = trainer_->next(round);
    return (saved_roots_ == trainer_->roots() || save()) &&
           (!next || saved(folder_.save_next(*next)));
}

bool TrainerJobs::saved(const Status& status) {
    if (!status) {
        post_(StateNotSaved{status.reason()});
    }
    return status.ok();
}

void TrainerJobs::train(const RoundPlan& plan) {
    ASSAY_CHECK(trainer_ != nullptr);
    const auto start = std::chrono::steady_clock::now();
    const PlanPeer* place = find_peer(plan, identity_.id());
    const uint64_t step_tokens =
        place == nullptr ? 0 : uint64_t{place->sequences_per_step} * plan.sequence_tokens;
    const auto hook = [&](uint32_t step, float loss) {
        const bool go_on = !stopped_.load() && abandoned_.load() != plan.round.value + 1;
        const uint32_t speed = step == 0 ? 0 : per_second(step_tokens * step, seconds_since(start));
        post_(TrainingProgress{plan.round, step, loss, speed});
        return go_on;
    };
    Result<TrainedRound> trained = trainer_->train(plan, hook);
    if (!trained) {
        post_(TrainingFailed{plan.round, trained.reason()});
        return;
    }
    if (!save_round(plan.round)) {
        return;
    }
    // What a restart needs is durable before anybody hears of the COMMIT.
    ASSAY_CHECK_EQ(trained->commit.round, plan.round);
    ASSAY_CHECK(saved_roots_ == trainer_->roots());
    Commit commit = trained->commit;
    commit.tokens_per_second = per_second(commit.tokens, seconds_since(start));
    post_(RoundTrained{
        plan.round, commit, make_envelope(identity_, commit), trained->payload, trained->loss});
}

void TrainerJobs::answer(const BuildOpening& order) {
    ASSAY_CHECK(trainer_ != nullptr);
    ASSAY_CHECK_EQ(order.commit.round, order.plan.round);
    Result<OpeningNotice> notice =
        trainer_->holds_chain(order.plan.round)
            ? trainer_->answer(order.plan, order.commit, order.commit_hash, order.beacon)
            : answer_again(order);
    if (notice) {
        post_(OpeningBuilt{*notice});
    } else {
        post_(OpeningFailed{order.plan.round, notice.reason()});
    }
}

// After a crash: from what the round started from, which is durable since before its COMMIT.
Result<OpeningNotice> TrainerJobs::answer_again(const BuildOpening& order) {
    const RoundId round = order.plan.round;
    Result<std::optional<TrainerState>> start = folder_.load_owed(round);
    if (!start) {
        return start.error();
    }
    if (!*start && trainer_->theta_root() == order.plan.base_root) {
        owe(round);
        *start = trainer_->state();
    }
    if (!*start) {
        return fail("what " + in_words(round) + " started from is not in this peer's folder");
    }
    log_info(in_words(round) + ": training again what its challenge asks for");
    trainer_->owe(round);
    const auto hook = [this](uint32_t, float) { return !stopped_.load(); };
    return trainer_->answer_again(
        order.plan, order.commit, order.commit_hash, order.beacon, std::move(**start), hook);
}

// Before the state moves on.
void TrainerJobs::owe(RoundId round) {
    ASSAY_CHECK(trainer_ != nullptr);
    trainer_->owe(round);
    (void)saved(folder_.save_owed(round, trainer_->state()));
}

void TrainerJobs::release(RoundId round) {
    ASSAY_CHECK(trainer_ != nullptr);
    trainer_->release(round);
    folder_.drop_owed(round);
}

void TrainerJobs::apply(const ApplyAggregate& order) {
    ASSAY_CHECK(trainer_ != nullptr);
    Result<Digest> root = trainer_->apply(order.summary, order.counted);
    if (!root) {
        log_error("the aggregate could not be applied: " + root.reason());
        post_(AggregateApplied{order.summary.round, trainer_->theta_root()});
        return;
    }
    if (save()) {
        post_(AggregateApplied{order.summary.round, *root});
    }
}

void TrainerJobs::adopt(const AdoptTheta& order) {
    ASSAY_CHECK(trainer_ != nullptr);
    if (Status adopted = trainer_->adopt_theta_blob(order.blob, order.root); !adopted) {
        (void)store_.remove(order.blob.sha256);  // what is damaged is fetched anew
        post_(BlobMissing{order.blob.sha256, adopted.reason()});
        return;
    }
    if (save()) {
        ASSAY_CHECK_EQ(trainer_->theta_root(), order.root);
        post_(ThetaAdopted{order.root});
    }
}

void TrainerJobs::forget(RoundId round) {
    ASSAY_CHECK(trainer_ != nullptr);
    trainer_->forget(round);
}

}  // namespace assay
