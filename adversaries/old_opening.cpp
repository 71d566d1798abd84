#include "adversaries/old_opening.h"

#include <utility>

namespace assay {

Result<OpeningNotice> OldOpeningPeer::answer(const RoundPlan& plan,
                                             const Commit& commit,
                                             const Digest& commit_hash,
                                             const Digest& beacon) {
    if (beacon != last_) {  // asked again, it says the same again
        old_ = std::exchange(last_, beacon);
    }
    return Trainer::answer(plan, commit, commit_hash, old_);
}

}  // namespace assay
