#include "cli/http_client.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace assay {

namespace {

constexpr size_t kAnswerBytesMax = 16U << 20;

class Socket {
public:
    explicit Socket(int timeout_ms) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        timeval timeout{timeout_ms / 1000, (timeout_ms % 1000) * 1000L};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    }
    ~Socket() { ::close(fd_); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    [[nodiscard]] int fd() const { return fd_; }

private:
    int fd_;
};

Status connect_to(const Socket& socket, uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket.fd(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
        return fail("cannot reach 127.0.0.1:" + std::to_string(port) + ": " + std::strerror(errno));
    }
    return {};
}

Result<HttpAnswer> parse_answer(const std::string& raw) {
    const size_t header_end = raw.find("\r\n\r\n");
    if (raw.rfind("HTTP/1.", 0) != 0 || header_end == std::string::npos || raw.size() < 12) {
        return fail("the answer is not HTTP");
    }
    return HttpAnswer{std::atoi(raw.c_str() + 9), raw.substr(header_end + 4)};
}

}  // namespace

Result<HttpAnswer> http_request(uint16_t port,
                                const std::string& method,
                                const std::string& path,
                                const std::string& json_body,
                                int timeout_ms) {
    const Socket socket(timeout_ms);
    if (Status connected = connect_to(socket, port); !connected) {
        return connected.error();
    }
    const std::string request = method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
                                "Content-Type: application/json\r\nConnection: close\r\n" +
                                "Content-Length: " + std::to_string(json_body.size()) + "\r\n\r\n" +
                                json_body;
    if (::send(socket.fd(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size())) {
        return fail("cannot send the request");
    }
    std::string raw;
    char buffer[65536];
    ssize_t got = 0;
    while ((got = ::recv(socket.fd(), buffer, sizeof(buffer), 0)) > 0) {
        raw.append(buffer, static_cast<size_t>(got));
        if (raw.size() > kAnswerBytesMax) {
            return fail("the answer is too long");
        }
    }
    if (got < 0) {
        return fail("no complete answer within " + std::to_string(timeout_ms) + " ms");
    }
    return parse_answer(raw);
}

}  // namespace assay
