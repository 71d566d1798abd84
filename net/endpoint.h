// Where a node listens or dials: tcp://HOST:PORT, HOST a name, an IPv4 address, an IPv6 address in
// brackets, or for listening * (all addresses of this machine).

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"

namespace assay {

class Endpoint {
public:
    enum class Use { kListen, kDial };

    // tcp:// may be left out, and a slash may follow. The reason says what is wrong with it. A port
    // of 0, for any free one, is for listening alone.
    static Result<Endpoint> parse(const std::string& text, Use use);

    [[nodiscard]] uint16_t port() const { return port_; }
    // tcp://HOST:PORT.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] bool is_name() const { return kind_ == Kind::kName; }
    [[nodiscard]] bool is_ipv6() const { return kind_ == Kind::kIpv6; }

    // What to listen on, each tcp://ADDRESS:PORT: all addresses that a name has. May take as long
    // as the resolver does.
    [[nodiscard]] Result<std::vector<Endpoint>> addresses() const;
    // The same with another port.
    [[nodiscard]] Endpoint with_port(uint16_t port) const;

private:
    enum class Kind { kAll, kIpv4, kIpv6, kName };

    std::string host_;  // without brackets
    uint16_t port_ = 0;
    Kind kind_ = Kind::kName;
};

// Those of this endpoint, as its own function gives them.
inline Result<std::vector<Endpoint>> addresses_of(const Endpoint& endpoint) {
    return endpoint.addresses();
}

}  // namespace assay
