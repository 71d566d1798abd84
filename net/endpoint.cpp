#include "net/endpoint.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "core/check.h"
#include "core/printable.h"

namespace assay {

namespace {

constexpr std::string_view kScheme = "tcp://";

Error unfit(const std::string& text, const std::string& why) {
    return fail("`" + printable(text) + "` is no address of the form tcp://HOST:PORT: " + why);
}

bool is_address(int family, const std::string& host) {
    in6_addr ignored{};
    return ::inet_pton(family, host.c_str(), &ignored) == 1;
}

Result<uint16_t> port_in(const std::string& digits) {
    uint16_t port = 0;
    const char* const end = digits.data() + digits.size();
    const auto [last, code] = std::from_chars(digits.data(), end, port);
    if (digits.empty() || code != std::errc() || last != end) {
        return fail("the port is a number from 1 to 65535");
    }
    return port;
}

bool is_host_name(const std::string& host) {
    return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
        return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
               c == '-' || c == '.' || c == '_';
    });
}

}  // namespace

Result<Endpoint> Endpoint::parse(const std::string& text, Use use) {
    std::string rest = text;
    if (rest.rfind(kScheme, 0) == 0) {
        rest.erase(0, kScheme.size());
    } else if (const size_t scheme = rest.find("://"); scheme != std::string::npos) {
        return unfit(text, "tcp:// is spoken, " + printable(rest.substr(0, scheme)) + ":// is not");
    }
    if (!rest.empty() && rest.back() == '/') {
        rest.pop_back();
    }
    const size_t colon = rest.rfind(':');
    const size_t bracket = rest.rfind(']');
    if (colon == std::string::npos || (bracket != std::string::npos && bracket > colon)) {
        return unfit(text, "the port is missing");
    }
    const Result<uint16_t> port = port_in(rest.substr(colon + 1));
    if (!port) {
        return unfit(text, port.reason());
    }
    if (*port == 0 && use == Use::kDial) {
        return unfit(text, "port 0 is for listening alone");
    }
    Endpoint endpoint;
    endpoint.port_ = *port;
    endpoint.host_ = rest.substr(0, colon);
    std::string& host = endpoint.host_;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
        endpoint.kind_ = Kind::kIpv6;
        return is_address(AF_INET6, host) ? Result<Endpoint>(endpoint)
                                          : unfit(text, "in the brackets is no IPv6 address");
    }
    if (host.find(':') != std::string::npos) {
        return unfit(text, "an IPv6 address stands in brackets, as in tcp://[::1]:7700");
    }
    if (host == "*" && use == Use::kListen) {
        endpoint.kind_ = Kind::kAll;
        return endpoint;
    }
    if (!is_host_name(host)) {
        return unfit(text, "HOST is a name or an address");
    }
    endpoint.kind_ = is_address(AF_INET, host) ? Kind::kIpv4 : Kind::kName;
    return endpoint;
}

std::string Endpoint::text() const {
    const std::string host = kind_ == Kind::kIpv6 ? "[" + host_ + "]" : host_;
    return std::string(kScheme) + host + ":" + std::to_string(port_);
}

Endpoint Endpoint::with_port(uint16_t port) const {
    Endpoint other = *this;
    other.port_ = port;
    return other;
}

Result<std::vector<Endpoint>> Endpoint::addresses() const {
    const auto make = [this](const std::string& host, Kind kind) {
        Endpoint one = *this;
        one.host_ = host;
        one.kind_ = kind;
        return one;
    };
    if (kind_ == Kind::kAll) {  // a socket of :: takes IPv4 too, where the machine has both
        return std::vector<Endpoint>{make("::", Kind::kIpv6), make("0.0.0.0", Kind::kIpv4)};
    }
    if (kind_ != Kind::kName) {
        return std::vector<Endpoint>{*this};
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int code = ::getaddrinfo(host_.c_str(), nullptr, &hints, &found); code != 0) {
        return fail("the name " + host_ + " has no address: " + ::gai_strerror(code));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
    std::vector<Endpoint> all;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
        char host[INET6_ADDRSTRLEN] = {};
        const bool six = one->ai_family == AF_INET6;
        const void* address =
            six ? static_cast<const void*>(
                      &reinterpret_cast<const sockaddr_in6*>(one->ai_addr)->sin6_addr)
                : &reinterpret_cast<const sockaddr_in*>(one->ai_addr)->sin_addr;
        if ((six || one->ai_family == AF_INET) &&
            ::inet_ntop(one->ai_family, address, host, sizeof(host)) != nullptr) {
            all.push_back(make(host, six ? Kind::kIpv6 : Kind::kIpv4));
        }
    }
    ASSAY_CHECK(!all.empty());  // or the resolver would have said so
    return all;
}

}  // namespace assay
