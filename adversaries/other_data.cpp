#include "adversaries/other_data.h"

namespace assay {

std::vector<uint64_t> OtherDataPeer::choose_samples(const RoundPlan&,
                                                    uint32_t,
                                                    std::span<const uint64_t> assigned) {
    std::vector<uint64_t> chosen;
    for (size_t i = 0; i < assigned.size(); ++i) {
        chosen.push_back(i % settings_.sample_count);  // the same few, again and again
    }
    return chosen;
}

}  // namespace assay
