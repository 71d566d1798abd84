#include "coordinator/wanted_blobs.h"

namespace assay {

std::vector<FetchBlob> WantedBlobs::take(const BlobFetcher::Finished& fetched, bool goes_on) {
    std::vector<FetchBlob> taken;
    std::erase_if(wants_, [&](const auto& want) {
        const bool ends =
            want.first == fetched.blob.sha256 && (!goes_on || want.second.from == fetched.source);
        if (ends) {
            taken.push_back(want.second);
        }
        return ends;
    });
    return taken;
}

void WantedBlobs::keep_only(const std::set<Digest>& live) {
    std::erase_if(wants_, [&live](const auto& want) { return !live.contains(want.first); });
}

}  // namespace assay
