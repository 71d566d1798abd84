#include "net/blob_fetcher.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

void BlobFetcher::fetch(const BlobRef& blob,
                        const PeerId& source,
                        Visibility visibility,
                        Instant now) {
    ASSAY_CHECK(owner_.is_here());
    if (fetching(blob.sha256)) {
        return;
    }
    if (store_.has(blob.sha256)) {
        const Status shown =
            visibility == Visibility::kPublic ? store_.make_public(blob.sha256) : Status();
        finished_.push_back({blob, source, shown});
        return;
    }
    const Result<uint64_t> here = store_.begin(blob);
    if (!here) {
        finished_.push_back({blob, source, here.error()});
        return;
    }
    if (!is_busy(source)) {
        meters_[source] = Meter{now, now};
    }
    const auto active = active_.emplace(blob.sha256,
                                        Active{blob,
                                               source,
                                               visibility,
                                               *here > 0,
                                               Transfer(blob, *here, settings_, now),
                                               ++fetches_});
    ASSAY_CHECK(active.second);
    if (active.first->second.transfer.complete()) {
        complete(active.first, now);
    }
}

// What was left of an earlier attempt may be damaged (a crash before it was synced): then all of it
// is fetched once more.
void BlobFetcher::complete(std::map<Digest, Active>::iterator active, Instant now) {
    Active& fetch = active->second;
    ASSAY_CHECK(fetch.transfer.complete());
    const Status status = store_.finish(fetch.blob.sha256, fetch.visibility);
    if (status || !fetch.resumed) {
        end(active, status);
        return;
    }
    const Result<uint64_t> begun = store_.begin(fetch.blob);
    if (!begun) {
        end(active, begun.error());
        return;
    }
    fetch.resumed = false;
    fetch.transfer = Transfer(fetch.blob, *begun, settings_, now);
}

void BlobFetcher::end(std::map<Digest, Active>::iterator active, Status status) {
    finished_.push_back({active->second.blob, active->second.source, std::move(status)});
    active_.erase(active);
}

void BlobFetcher::cancel(const Digest& sha256) {
    ASSAY_CHECK(owner_.is_here());
    active_.erase(sha256);
}

void BlobFetcher::cancel_source(const PeerId& source) {
    ASSAY_CHECK(owner_.is_here());
    for (auto active = active_.begin(); active != active_.end();) {
        const auto current = active++;
        if (current->second.source == source) {
            end(current,
                fail("blob " + current->first.brief() + ": nothing more is taken from its source"));
        }
    }
    ASSAY_CHECK(!is_busy(source));
}

void BlobFetcher::keep_only(const std::set<Digest>& live) {
    ASSAY_CHECK(owner_.is_here());
    for (auto active = active_.begin(); active != active_.end();) {
        active = live.count(active->first) == 0 ? active_.erase(active) : std::next(active);
    }
    ASSAY_CHECK_LE(active_.size(), live.size());
}

void BlobFetcher::source_left(const PeerId& source) {
    ASSAY_CHECK(owner_.is_here());
    for (auto& entry : active_) {
        if (entry.second.source == source) {
            entry.second.transfer.source_left();
        }
    }
}

void BlobFetcher::source_is_back(const PeerId& source, Instant now) {
    ASSAY_CHECK(owner_.is_here());
    for (auto& entry : active_) {
        if (entry.second.source == source) {
            entry.second.transfer.ask_again(now);
        }
    }
}

void BlobFetcher::give_turns(Instant now) {
    std::map<PeerId, Active*> first;
    for (auto& entry : active_) {
        Active& active = entry.second;
        if (active.transfer.is_paused(now)) {
            continue;
        }
        Active*& turn = first[active.source];
        if (turn == nullptr || active.number < turn->number) {
            turn = &active;
        }
    }
    for (auto& entry : active_) {
        Active& active = entry.second;
        // A paused one is asked what it has to do as well: its patience ends too.
        const bool turn = active.transfer.is_paused(now) || first.at(active.source) == &active;
        if (turn && !active.has_turn) {
            active.transfer.begin_turn(now);
        }
        active.has_turn = turn;
    }
}

std::vector<BlobFetcher::Ask> BlobFetcher::requests(Instant now) {
    ASSAY_CHECK(owner_.is_here());
    give_turns(now);
    std::vector<Ask> asks;
    for (auto active = active_.begin(); active != active_.end();) {
        const auto current = active++;
        if (!current->second.has_turn) {
            continue;
        }
        for (const BlobRequest& request : current->second.transfer.requests(now)) {
            asks.push_back({current->second.source, request});
        }
        if (current->second.transfer.failure()) {
            end(current, fail(*current->second.transfer.failure()));
        }
    }
    return asks;
}

void BlobFetcher::take(const PeerId& from, BlobPiece piece, Instant now) {
    ASSAY_CHECK(owner_.is_here());
    const auto active = active_.find(piece.sha256);
    if (active == active_.end() || active->second.source != from) {
        return;
    }
    const Digest sha256 = piece.sha256;
    const uint64_t before = active->second.transfer.received();
    const std::vector<Bytes> in_order = active->second.transfer.take(std::move(piece), now);
    if (const uint64_t came = active->second.transfer.received() - before; came > 0) {
        Meter& meter = meters_[from];
        meter.bytes += came;
        meter.last = now;
        meter.told = false;
    }
    for (const Bytes& bytes : in_order) {
        const Status kept = store_.append(sha256, bytes);
        if (!kept) {
            // It may have been put here by another way meanwhile.
            end(active, store_.has(sha256) ? Status() : kept);
            return;
        }
    }
    if (active->second.transfer.complete()) {
        complete(active, now);
    }
}

bool BlobFetcher::is_busy(const PeerId& source) const {
    return std::any_of(active_.begin(), active_.end(), [&](const auto& entry) {
        return entry.second.source == source;
    });
}

std::vector<BlobFetcher::Moved> BlobFetcher::moved() {
    std::vector<Moved> moved;
    for (auto meter = meters_.begin(); meter != meters_.end();) {
        if (!meter->second.told) {
            meter->second.told = true;
            moved.push_back(
                {meter->first, meter->second.bytes, meter->second.last - meter->second.since});
        }
        meter = is_busy(meter->first) ? std::next(meter) : meters_.erase(meter);
    }
    return moved;
}

std::vector<BlobFetcher::Finished> BlobFetcher::finished() {
    return std::exchange(finished_, {});
}

}  // namespace assay
