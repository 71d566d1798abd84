#include "cli/link_probe.h"

#include <algorithm>
#include <iterator>

#include "core/check.h"
#include "core/version.h"
#include "protocol/codec.h"
#include "protocol/limits.h"

namespace assay {

namespace {

constexpr DurationMs kAnswer{10000};
constexpr DurationMs kTransfer{30000};
constexpr DurationMs kPoll{20};
constexpr DurationMs kLinger{500};
constexpr uint64_t kPiecesMost = 12;  // 3 MB: seconds on a link that can train at all
constexpr uint64_t kPiecesAtOnce = 4;
constexpr uint64_t kTellingBytes =
    uint64_t{64} * 1024;  // less is the way there and back, not the link

uint64_t rate_of(uint64_t bytes, DurationMs took) {
    return bytes * 1000 / static_cast<uint64_t>(std::max<int64_t>(took.ms, 1));
}

}  // namespace

Result<LinkProbe> LinkProbe::dial(const Identity& identity,
                                  const std::string& endpoint,
                                  const PeerId& coordinator) {
    Result<std::unique_ptr<ZmqClient>> channel = ZmqClient::open(identity, endpoint, coordinator);
    if (!channel) {
        return channel.error();
    }
    (*channel)->set_linger(kLinger);
    return LinkProbe(identity, std::move(*channel));
}

void LinkProbe::say(const Message& message) {
    (void)channel_->send(seal(identity_, message));
}

Status LinkProbe::await_connection() {
    const Instant until = clock_.now() + kAnswer;
    while (clock_.now() < until) {
        for (const ClientEvent& event : channel_->poll(kPoll)) {
            if (std::holds_alternative<Connected>(event)) {
                answered_ = true;
                return {};
            }
            if (const auto* refused = std::get_if<KeyRefused>(&event)) {
                answered_ = true;
                return fail(refused->reason);
            }
            if (const auto* stranger = std::get_if<Refused>(&event)) {
                answered_ = true;
                return fail(stranger->reason);
            }
            if (const auto* nobody = std::get_if<Unreachable>(&event)) {
                return fail(nobody->reason);
            }
        }
    }
    return fail("no answer within " + std::to_string(kAnswer.ms / 1000) + " s");
}

// The next message of this kind; a refusal is the answer too. Others are dropped, those behind it
// wait for the next call.
template <typename T>
Result<T> LinkProbe::await(DurationMs most) {
    const Instant until = clock_.now() + most;
    while (clock_.now() < until) {
        if (heard_.empty()) {
            std::vector<ClientEvent> events = channel_->poll(kPoll);
            std::move(events.begin(), events.end(), std::back_inserter(heard_));
        }
        while (!heard_.empty()) {
            const ClientEvent event = std::move(heard_.front());
            heard_.pop_front();
            const auto* incoming = std::get_if<Incoming>(&event);
            if (incoming == nullptr) {
                continue;
            }
            if (const auto* wanted = std::get_if<T>(&incoming->message)) {
                return *wanted;
            }
            if (const auto* refusal = std::get_if<Refusal>(&incoming->message)) {
                return fail("refused: " + refusal->reason);
            }
        }
    }
    return fail("no answer within " + std::to_string(most.ms / 1000) + " s");
}

Result<LinkProbe::Met> LinkProbe::say_hello() {
    Hello hello;
    hello.protocol_version = limits::kProtocolVersion;
    hello.numeric_class = NumericClass::kExact;
    hello.threads = 1;
    hello.build = std::string("assay ") + assay_version() + " doctor";
    const Instant said = clock_.now();
    say(hello);
    Result<Welcome> welcome = await<Welcome>(kAnswer);
    if (!welcome) {
        return welcome.error();
    }
    Met met;
    met.round_trip = clock_.now() - said;
    // It was said about half of the round trip ago.
    const Instant here = SystemClock().now() - DurationMs{met.round_trip.ms / 2};
    met.clock_ahead = welcome->clock - here;
    met.welcome = std::move(*welcome);
    return met;
}

Result<BlobPiece> LinkProbe::await_piece(const Digest& sha256) {
    const Instant until = clock_.now() + kTransfer;
    while (clock_.now() < until) {
        Result<BlobPiece> piece = await<BlobPiece>(until - clock_.now());
        if (!piece || piece->sha256 == sha256) {
            return piece;
        }
    }
    return fail("the coordinator stopped sending");
}

Result<uint64_t> LinkProbe::downlink(const BlobRef& blob) {
    const uint64_t wanted = std::min(blob.size_bytes, kPiecesMost * limits::kPieceBytes);
    if (wanted < kTellingBytes) {
        return fail("what the run's data has is too small to tell");
    }
    const Instant began = clock_.now();
    uint64_t asked = 0;
    uint64_t came = 0;
    while (came < wanted) {
        for (; asked < wanted && asked - came < kPiecesAtOnce * limits::kPieceBytes;
             asked += limits::kPieceBytes) {
            say(BlobRequest{
                blob.sha256,
                asked,
                static_cast<uint32_t>(std::min(limits::kPieceBytes, blob.size_bytes - asked))});
        }
        const Result<BlobPiece> piece = await_piece(blob.sha256);
        if (!piece) {
            return piece.error();
        }
        if (piece->missing || piece->data.empty()) {
            return fail("the coordinator does not have the run's data any more");
        }
        came += piece->data.size();
    }
    return rate_of(came, clock_.now() - began);
}

// Pieces that nobody asked for are dropped at the other end. Behind them a question, whose answer
// shows that they have all arrived.
Result<uint64_t> LinkProbe::uplink() {
    const Digest nothing = sha256("link probe", identity_.id().span());
    const Bytes bytes(limits::kPieceBytes, 0);
    const Instant began = clock_.now();
    uint64_t sent = 0;
    for (uint64_t i = 0; i < kPiecesMost; ++i) {
        say(BlobPiece{nothing, 0, false, bytes});
        sent += bytes.size();
        say(BlobRequest{nothing, 0, 1});
        // One piece under way while the next is made: the link is full, and no queue is.
        if (i > 0) {
            if (const Result<BlobPiece> answer = await_piece(nothing); !answer) {
                return answer.error();
            }
        }
    }
    if (const Result<BlobPiece> answer = await_piece(nothing); !answer) {
        return answer.error();
    }
    return rate_of(sent, clock_.now() - began);
}

void LinkProbe::leave() {
    say(Goodbye{"only looked"});
}

}  // namespace assay
