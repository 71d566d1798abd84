#include "adversaries/stall.h"

#include <utility>

namespace assay {

Result<OpeningNotice> StallPeer::answer(const RoundPlan& plan,
                                        const Commit& commit,
                                        const Digest& commit_hash,
                                        const Digest& beacon) {
    Result<OpeningNotice> notice = Trainer::answer(plan, commit, commit_hash, beacon);
    Result<Bytes> opening = notice ? ports_.get(notice->opening) : Result<Bytes>(notice.error());
    if (!opening || !seen_.after) {
        return notice;
    }
    ports_.drop(notice->opening.sha256);
    seen_.after(seen_.patience.opening,
                [put = ports_.put, bytes = std::move(*opening)] { (void)put(bytes); });
    return notice;
}

}  // namespace assay
