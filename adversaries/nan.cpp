#include "adversaries/nan.h"

#include <iterator>

namespace assay {

namespace {

constexpr uint32_t kPatterns[] = {0x7FC00000U, 0x7F800000U, 0xFF800000U, 0x00000001U};

Bytes poisoned(size_t size) {
    Bytes bytes(size);
    for (size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<uint8_t>(kPatterns[i / 4 % std::size(kPatterns)] >> (8 * (i % 4)));
    }
    return bytes;
}

}  // namespace

Result<TrainedRound> NanPeer::train(const RoundPlan& plan, const StepHook& hook) {
    Result<TrainedRound> done = Trainer::train(plan, hook);
    if (!done) {
        return done;
    }
    const Result<BlobRef> sent = ports_.put(poisoned(done->payload.size_bytes));
    if (!sent) {
        return sent.error();
    }
    honest_payload_ = done->commit.payload_hash;
    done->commit.payload_hash = sent->sha256;
    done->payload = *sent;
    return done;
}

Result<OpeningNotice> NanPeer::answer(const RoundPlan& plan,
                                      const Commit& commit,
                                      const Digest& commit_hash,
                                      const Digest& beacon) {
    Commit honest = commit;
    honest.payload_hash = honest_payload_;
    return Trainer::answer(plan, honest, commit_hash, beacon);
}

}  // namespace assay
