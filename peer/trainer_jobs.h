// The job thread's half of a peer: model, data and Trainer behind jobs.
//
// Every function here runs on the peer's job thread, but for abandon(), which any thread may
// call.

#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "core/job_thread.h"
#include "data/token_shards.h"
#include "peer/peer.h"
#include "peer/peer_actions.h"
#include "peer/peer_folder.h"
#include "store/blob_store.h"

namespace assay {

class TrainerJobs {
public:
    // Posts events that result from jobs; called on the job thread.
    using Post = std::function<void(PeerEvent)>;

    TrainerJobs(const PeerOptions& options,
                const Identity& identity,
                const PeerHooks& hooks,
                const PeerFolder& folder,
                BlobStore& store,
                Post post);

    // Opens data and model once all blobs of the manifest lie in the store.
    Status prepare(const RunManifest& manifest);
    struct Restored {
        Digest theta_root;                      // zero: none
        std::optional<RoundId> undecided = {};  // whose triple was stored
    };
    // The stored state, if there is one that fits.
    Restored restore();

    // Tries nonces until one is enough, says how far it is, and keeps what it found. Stopped, it
    // posts nothing. REQUIRES: prepare().
    void find_entry_work();
    // Each posts what came of it. What cannot be computed is an event too, not a return value.
    void train(const RoundPlan& plan);
    void answer(const BuildOpening& order);
    void apply(const ApplyAggregate& order);
    void adopt(const AdoptTheta& order);
    void forget(RoundId round);
    void owe(RoundId round);
    void release(RoundId round);

    // Ends the running training between two steps.
    void abandon(RoundId round) { abandoned_.store(round.value + 1); }
    void stop() { stopped_.store(true); }

private:
    [[nodiscard]] Result<TrainerSettings> settings_of(const RunManifest& manifest,
                                                      const RunConfig& config) const;
    TrainerPorts ports();
    std::optional<RoundId> restore_next();
    Result<OpeningNotice> answer_again(const BuildOpening& order);
    bool save();
    bool save_round(RoundId round);
    bool saved(const Status& status);

    const PeerOptions& options_;
    const Identity& identity_;
    const PeerHooks& hooks_;
    const PeerFolder& folder_;
    BlobStore& store_;
    Post post_;
    std::unique_ptr<TokenShards> shards_;
    std::unique_ptr<GradientModel> model_;
    std::unique_ptr<Trainer> trainer_;
    NumericClass numeric_class_ = NumericClass::kExact;
    Digest run_;  // the manifest's digest
    uint32_t entry_work_bits_ = 0;
    TripleRoots saved_roots_;             // of the stored state
    std::atomic<uint64_t> abandoned_{0};  // round + 1
    std::atomic<bool> stopped_{false};
};

// Puts the blobs of a run's data under their file names. Idempotent.
Result<DataManifest> lay_out_data(const RunManifest& manifest,
                                  BlobStore& store,
                                  const std::filesystem::path& folder);

}  // namespace assay
