// What comes in: messages, blobs, the operator's orders, the judge's results.

#include "coordinator/coordinator_program.h"
#include "coordinator/operator_orders.h"
#include "core/check.h"
#include "core/log.h"
#include "core/printable.h"

namespace assay {

namespace {

constexpr DurationMs kOrdersEvery{1000};

}  // namespace

void Coordinator::Program::feed(const Event& event) {
    ASSAY_CHECK(machine_ && book_);
    storage_.push(machine_->step(event, clock_.now()));
    book_->changed();
}

void Coordinator::Program::on(const Refused& refused) {
    visitors_.log(refused, clock_.now());
    book_->refused(channel_->counters().refused());
}

// What was on its way from this peer goes on at once, whether its end was seen before or not.
void Coordinator::Program::on(const Joined& joined) {
    fetcher_->source_is_back(joined.peer, clock_.now());
}

void Coordinator::Program::on(const Left& left) {
    visitors_.left(left.peer);
    fetcher_->source_left(left.peer);
    feed(PeerGone{left.peer});
}

void Coordinator::Program::on(const Incoming& incoming) {
    visitors_.came(incoming.from);
    std::visit([&](const auto& message) { receive(incoming, message); }, incoming.message);
}

void Coordinator::Program::receive(const Incoming& incoming, const Hello& message) {
    feed(PeerHello{incoming.from, message, channel_->site(incoming.from)});
}

void Coordinator::Program::receive(const Incoming& incoming, const Commit& message) {
    feed(CommitArrived{incoming.from, message, incoming.envelope});
}

void Coordinator::Program::receive(const Incoming& incoming, const PayloadNotice& message) {
    feed(PayloadNoticed{incoming.from, message});
}

void Coordinator::Program::receive(const Incoming& incoming, const OpeningNotice& message) {
    feed(OpeningNoticed{incoming.from, message});
}

void Coordinator::Program::receive(const Incoming& incoming, const Progress& message) {
    feed(ProgressArrived{incoming.from, message});
}

void Coordinator::Program::receive(const Incoming& incoming, const BlobRequest& message) {
    visitors_.ask(incoming.from, message);
}

// What a round was judged by is for those who are in the books: a newcomer may be anybody's key.
bool Coordinator::Program::may_see(const PeerId& peer, const Digest& blob) const {
    return shown_.contains(blob) && machine_->state().member(peer) != nullptr;
}

void Coordinator::Program::receive(const Incoming& incoming, const EvidenceRequest& message) {
    feed(EvidenceAsked{incoming.from, message.round});
}

void Coordinator::Program::receive(const Incoming& incoming, const Beacon& message) {
    feed(BeaconShown{incoming.from, message});
}

void Coordinator::Program::serve_pieces() {
    const auto unread = [this](const PeerId& peer) { return channel_->unacknowledged(peer); };
    for (const PieceServer::Piece& piece : visitors_.due(clock_.now(), unread)) {
        const Digest& wanted = piece.request.sha256;
        send(piece.to, run_->store->answer(piece.request, may_see(piece.to, wanted)));
    }
}

void Coordinator::Program::receive(const Incoming& incoming, const BlobPiece& message) {
    book_->received(incoming.from, message.data.size());
    fetcher_->take(incoming.from, message, clock_.now());
}

void Coordinator::Program::receive(const Incoming& incoming, const Goodbye& message) {
    if (machine_->is_connected(incoming.from)) {
        visitors_.log(LogLevel::kInfo,
                      incoming.from.hex(),
                      "peer " + incoming.from.brief() + " left: " + printable(message.reason),
                      clock_.now());
    }
    visitors_.left(incoming.from);
    feed(PeerGone{incoming.from});
}

// One after the other: the next comes once the ledger holds the one before.
void Coordinator::Program::take_orders() {
    if (clock_.now() < orders_at_ || machine_->orders_wait() || !storage_.is_settled()) {
        return;
    }
    orders_at_ = clock_.now() + kOrdersEvery;
    if (order_taken_) {
        std::error_code code;
        std::filesystem::remove(*order_taken_, code);
        if (code) {
            log_warning(order_taken_->string() +
                        " is obeyed and cannot be removed: " + code.message());
            return;
        }
        order_taken_.reset();
    }
    std::optional<OrderFile> next = oldest_order(paths_.orders());
    if (!next) {
        return;
    }
    order_taken_ = next->file;
    if (next->order) {
        feed(*next->order);
    } else {
        log_warning("the order " + next->file.string() + " is not obeyed: " + next->order.reason());
    }
}

void Coordinator::Program::take_fetched() {
    for (const BlobFetcher::Moved& moved : fetcher_->moved()) {
        feed(BlobsMoved{moved.source, moved.bytes, moved.busy});
    }
    for (const BlobFetcher::Finished& fetched : fetcher_->finished()) {
        if (!fetched.status && !run_->store->disk()) {  // no peer shall answer for that
            end(Ending::kTryAgain,
                "what peers send cannot be stored, so the run stops here and goes on after a "
                "restart: " +
                    run_->store->disk().reason());
            return;
        }
        // A source that was given up may have been followed by another meanwhile: whoever waits for
        // that one still waits.
        const bool goes_on = !fetched.status && fetcher_->fetching(fetched.blob.sha256);
        for (const FetchBlob& want : wants_.take(fetched, goes_on)) {
            const Digest& sha256 = want.blob.sha256;
            if (fetched.status) {
                storage_.arrived(
                    {want.from, want.round, want.purpose, sha256, fetched.blob.size_bytes});
            } else {
                feed(BlobFailed{
                    want.from, want.round, want.purpose, sha256, fetched.status.reason()});
            }
        }
    }
}

void Coordinator::Program::take_computed() {
    for (const JudgeResult& result : computed_.take_all()) {
        std::visit([this](const auto& one) { take(one); }, result);
    }
}

}  // namespace assay
