// What each fetch is for: several submissions may name the same bytes.

#pragma once

#include <map>
#include <set>
#include <vector>

#include "net/blob_fetcher.h"
#include "rounds/round_events.h"

namespace assay {

class WantedBlobs {
public:
    // What is fetched by this order.
    void add(const FetchBlob& order) { wants_.emplace(order.blob.sha256, order); }
    // The orders that a fetch which has ended answers: they are not wanted any more. `goes_on`:
    // another source sends the blob still, and whoever waits for that one waits on.
    std::vector<FetchBlob> take(const BlobFetcher::Finished& fetched, bool goes_on);
    // All others are not wanted any more.
    void keep_only(const std::set<Digest>& live);

private:
    std::multimap<Digest, FetchBlob> wants_;
};

}  // namespace assay
