#include "net/tcp_connection.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>

#include <cstring>

#include "core/check.h"

namespace assay {

namespace {

constexpr size_t kSiteBytes = 8;  // of an IPv6 address

bool is_mapped(const in6_addr& address) {
    return IN6_IS_ADDR_V4MAPPED(&address);
}

std::string text_of(int family, const void* address) {
    char text[INET6_ADDRSTRLEN] = {};
    return ::inet_ntop(family, address, text, sizeof(text)) == nullptr ? "" : text;
}

}  // namespace

TcpConnection TcpConnection::of(int fd) {
    TcpConnection connection;
    connection.fd_ = fd;
    connection.size_ = sizeof(connection.address_);
    auto* address = reinterpret_cast<sockaddr*>(&connection.address_);
    if (fd < 0 || ::getpeername(fd, address, &connection.size_) != 0) {
        connection.size_ = 0;
    }
    ASSAY_CHECK_LE(size_t{connection.size_}, sizeof(connection.address_));
    return connection;
}

bool TcpConnection::is_same() const {
    const TcpConnection now = of(fd_);
    return size_ != 0 && size_ == now.size_ && std::memcmp(&address_, &now.address_, size_) == 0;
}

std::string TcpConnection::host() const {
    if (size_ != 0 && address_.ss_family == AF_INET) {
        return text_of(AF_INET, &reinterpret_cast<const sockaddr_in*>(&address_)->sin_addr);
    }
    if (size_ == 0 || address_.ss_family != AF_INET6) {
        return "";
    }
    const in6_addr& address = reinterpret_cast<const sockaddr_in6*>(&address_)->sin6_addr;
    return is_mapped(address) ? text_of(AF_INET, address.s6_addr + 12)
                              : text_of(AF_INET6, &address);
}

std::string TcpConnection::site() const {
    if (size_ == 0 || address_.ss_family != AF_INET6) {
        return host();
    }
    in6_addr address = reinterpret_cast<const sockaddr_in6*>(&address_)->sin6_addr;
    if (is_mapped(address)) {
        return host();
    }
    std::memset(address.s6_addr + kSiteBytes, 0, sizeof(address.s6_addr) - kSiteBytes);
    return text_of(AF_INET6, &address) + "/64";
}

std::optional<TcpConnection::Passed> TcpConnection::passed() const {
    tcp_info info{};
    socklen_t size = sizeof(info);
    if (!is_same() || ::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
        return std::nullopt;
    }
    return Passed{info.tcpi_bytes_received, info.tcpi_bytes_acked};
}

void TcpConnection::end() const {
    if (is_same()) {
        ::shutdown(fd_, SHUT_RDWR);
    }
}

}  // namespace assay
