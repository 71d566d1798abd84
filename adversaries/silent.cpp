#include "adversaries/silent.h"

namespace assay {

Result<OpeningNotice> SilentPeer::answer(const RoundPlan&,
                                         const Commit&,
                                         const Digest&,
                                         const Digest&) {
    return fail("stays silent");
}

}  // namespace assay
