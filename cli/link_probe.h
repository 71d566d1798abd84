// One visit to a coordinator: is it there, what does it say, how fast is the link each way.
//
// An object makes one connection and uses it from one thread. Times are of a clock that runs
// evenly.

#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/identity.h"
#include "net/zmq_channel.h"

namespace assay {

class LinkProbe {
public:
    static Result<LinkProbe> dial(const Identity& identity,
                                  const std::string& endpoint,
                                  const PeerId& coordinator);

    // Until the coordinator has let this key in. Fails with what it, or nobody, said.
    Status await_connection();
    // Whether the other end refused the key, or did not prove to be the coordinator.
    [[nodiscard]] bool was_answered() const { return answered_; }

    struct Met {
        Welcome welcome;
        DurationMs round_trip;
        DurationMs clock_ahead;  // the coordinator's wall clock, less this machine's
    };
    Result<Met> say_hello();

    // Bytes a second, measured with at most a few megabytes. Fails where the blob is too small to
    // tell, or the coordinator does not have it any more.
    Result<uint64_t> downlink(const BlobRef& blob);
    Result<uint64_t> uplink();
    void leave();

private:
    LinkProbe(const Identity& identity, std::unique_ptr<ZmqClient> channel)
        : identity_(identity), channel_(std::move(channel)) {}

    void say(const Message& message);
    template <typename T>
    Result<T> await(DurationMs most);
    Result<BlobPiece> await_piece(const Digest& sha256);

    Identity identity_;
    std::unique_ptr<ZmqClient> channel_;
    RunClock clock_;
    bool answered_ = false;
    std::deque<ClientEvent> heard_;  // and not looked at yet
};

}  // namespace assay
