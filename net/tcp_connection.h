// A TCP connection that ZeroMQ owns, seen from outside by its file descriptor: who is at the other
// end, what has passed over it, and its end. ZeroMQ says none of this of a single connection.
//
// A descriptor's number is used again once ZeroMQ has closed it: nothing here acts on a descriptor
// that leads to another address than at first.

#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

namespace assay {

class TcpConnection {
public:
    // The connection that this descriptor stands for now.
    static TcpConnection of(int fd);

    [[nodiscard]] int fd() const { return fd_; }
    // The other machine: "192.0.2.1", "2001:db8::1"; "" if it is gone already.
    [[nodiscard]] std::string host() const;
    // What counts as one neighbour: an IPv4 address, or the 64 bits that an IPv6 site has.
    [[nodiscard]] std::string site() const;

    // Bytes that came over it, read by anybody yet or not, and bytes that the other machine has
    // acknowledged.
    struct Passed {
        uint64_t received = 0;
        uint64_t acknowledged = 0;
    };
    // None: it has ended.
    [[nodiscard]] std::optional<Passed> passed() const;
    // Shuts it down; ZeroMQ's thread then finds it closed.
    void end() const;

private:
    [[nodiscard]] bool is_same() const;

    int fd_ = -1;
    sockaddr_storage address_{};
    socklen_t size_ = 0;
};

// What a message of so many bytes is on the wire: ZMTP's frame around CURVE's.
constexpr uint64_t wire_size(uint64_t message) {
    constexpr uint64_t kCurve = 8 + 8 + 16 + 1;  // name, nonce, tag, flags
    return message + kCurve + (message + kCurve > 255 ? 9 : 2);
}

}  // namespace assay
