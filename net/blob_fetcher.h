// All blobs that a node is fetching: transfers into its blob store, each from one source.
//
// A source sends one blob after the other, in the order in which they were asked for: together they
// would fill its link, and each would take the others' pieces for lost ones. What it does not have
// holds up nothing. Pure but for the store. One thread, the event loop's, sends the requests, hands
// in the pieces, says who came and left, and asks what is finished. A blob that is asked for twice
// is fetched once.

#pragma once

#include <map>

#include "core/owner_thread.h"
#include "net/transfer.h"
#include "store/blob_store.h"

namespace assay {

class BlobFetcher {
public:
    // What became of a fetch.
    struct Finished {
        BlobRef blob;
        PeerId source;
        Status status;  // else why it was given up
    };
    struct Ask {
        PeerId source;
        BlobRequest request;
    };

    // What a source has sent since it was asked for something with nothing else on its way.
    struct Moved {
        PeerId source;
        uint64_t bytes = 0;
        DurationMs busy;
    };

    // The store must outlive the fetcher.
    BlobFetcher(BlobStore& store, const TransferSettings& settings)
        : store_(store), settings_(settings) {}

    // Begins, or goes on where an earlier attempt ended. A blob that is here is finished at once.
    void fetch(const BlobRef& blob, const PeerId& source, Visibility visibility, Instant now);
    // Drops the transfer; what has arrived stays for a later attempt.
    void cancel(const Digest& sha256);
    // Ends all fetches from this source, with a reason: nothing of its is wanted any more.
    void cancel_source(const PeerId& source);
    // Drops all other transfers.
    void keep_only(const std::set<Digest>& live);
    // The source's connection ended: nothing is asked of it until it is back, or its patience ends.
    void source_left(const PeerId& source);
    // The source has connected again: what was asked of it is asked again at once.
    void source_is_back(const PeerId& source, Instant now);

    // Requests to send now.
    std::vector<Ask> requests(Instant now);
    // A piece that `from` sent. Pieces from others than the blob's source are ignored.
    void take(const PeerId& from, BlobPiece piece, Instant now);
    // Fetches that ended since the last call.
    std::vector<Finished> finished();
    // Of each source that has sent something since the last call. All its transfers share its link:
    // only together they show how fast it is.
    std::vector<Moved> moved();
    [[nodiscard]] bool fetching(const Digest& sha256) const { return active_.count(sha256) == 1; }

private:
    struct Active {
        BlobRef blob;
        PeerId source;
        Visibility visibility = Visibility::kPrivate;
        bool resumed = false;  // on bytes of an earlier attempt, which may be damaged
        Transfer transfer;
        uint64_t number = 0;  // in order of fetch()
        bool has_turn = false;
    };

    struct Meter {
        Instant since;
        Instant last;
        uint64_t bytes = 0;
        bool told = true;
    };

    [[nodiscard]] bool is_busy(const PeerId& source) const;
    // Gives each source's turn to the first of its transfers that is not waiting for a blob which
    // the source does not have.
    void give_turns(Instant now);
    void complete(std::map<Digest, Active>::iterator active, Instant now);
    void end(std::map<Digest, Active>::iterator active, Status status);

    BlobStore& store_;
    TransferSettings settings_;
    std::map<Digest, Active> active_;
    uint64_t fetches_ = 0;
    std::map<PeerId, Meter> meters_;
    std::vector<Finished> finished_;
    OwnerThread owner_;
};

}  // namespace assay
