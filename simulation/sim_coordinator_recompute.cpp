// SimCoordinator, what a third party makes of its disk.

#include "protocol/plan.h"
#include "simulation/sim_coordinator.h"

namespace assay {

// Of another process, that has a copy of the disk.
Result<Recomputed> SimCoordinator::recompute_round(RoundId round) {
    const Result<RoundAgain> again =
        RoundAgain::read(ledger_, run_.manifest, run_.rules.pay, run_.rules.verify, round);
    if (!again) {
        return again.error();
    }
    JudgePorts ports = judge_ports();
    ports.put = [](ByteSpan bytes) {
        return Result<BlobRef>(BlobRef{sha256_plain(bytes), bytes.size(), {}});
    };
    ports.get = [this](const BlobRef& blob) { return blobs_.get(blob.sha256, blob.size_bytes); };
    ports.keep_state = nullptr;
    RoundJudge judge(run_.judge_settings(), ports, model_);
    std::string reasons;
    for (const auto& [root, kept] : snapshots_) {
        Status there = judge.load(kept.theta, kept.outer);
        there = there ? lead_to(*again, judge) : there;
        if (there) {
            return recompute(*again, judge, ports.get);
        }
        reasons += "; " + there.reason();
    }
    return fail("no snapshot leads to the start of the round" + reasons);
}

}  // namespace assay
