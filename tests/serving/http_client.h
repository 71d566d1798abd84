// A client for the tests of the service: one loopback connection, blocking, with a time limit.

#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace assay {

// Waits for something that another thread does. False after half a minute.
template <typename Condition>
bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::yield();
    }
    return true;
}

struct HttpAnswer {
    int status = 0;  // 0: the connection ended without an answer
    std::string head;
    std::string body;  // of a stream: its chunks joined

    [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(body); }
    // The data of each server-sent event.
    [[nodiscard]] std::vector<std::string> events() const {
        std::vector<std::string> all;
        size_t at = 0;
        while ((at = body.find("data: ", at)) != std::string::npos) {
            const size_t end = body.find("\n\n", at);
            all.push_back(body.substr(at + 6, end - at - 6));
            at = end;
        }
        return all;
    }
};

class HttpTestClient {
public:
    explicit HttpTestClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        timeval timeout{30, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    }
    ~HttpTestClient() { hang_up(false); }
    HttpTestClient(const HttpTestClient&) = delete;
    HttpTestClient& operator=(const HttpTestClient&) = delete;

    void send(const std::string& bytes) const {
        REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    // To one who may have hung up by now.
    void send_anyway(const std::string& bytes) const {
        ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    // Says that no more will be sent, and goes on reading.
    void end_input() const { ::shutdown(fd_, SHUT_WR); }
    // Closes; with a reset instead of an orderly end, if wanted.
    void hang_up(bool reset) {
        if (fd_ < 0) {
            return;
        }
        const linger at_once{1, 0};
        if (reset) {
            ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        }
        ::close(fd_);
        fd_ = -1;
    }
    void request(const std::string& method,
                 const std::string& path,
                 const std::string& body,
                 const std::string& headers = "") const {
        send(method + " " + path + " HTTP/1.1\r\nHost: x\r\n" + headers +
             "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    }

    // Reads on until `text` has come. False: the connection ended before.
    bool await(const std::string& text) {
        while (received_.find(text) == std::string::npos) {
            char buffer[4096];
            const ssize_t got = ::recv(fd_, buffer, sizeof(buffer), 0);
            if (got <= 0) {
                return false;
            }
            received_.append(buffer, static_cast<size_t>(got));
        }
        return true;
    }

    // False: the connection ended before so many bytes came. They are dropped.
    bool read_exactly(size_t count) {
        while (received_.size() < count && await_more()) {
        }
        return take(count).size() == count;
    }
    // All until the other side ends the connection.
    std::string rest() {
        while (await_more()) {
        }
        return take(received_.size());
    }

    // The next whole answer; the connection may be used again.
    HttpAnswer answer() {
        HttpAnswer answer;
        if (!await("\r\n\r\n")) {
            return answer;
        }
        answer.head = take(received_.find("\r\n\r\n") + 4);
        answer.status = std::stoi(answer.head.substr(9, 3));
        if (answer.head.find("chunked") != std::string::npos) {
            read_chunks(answer.body);
            return answer;
        }
        const std::string field = "Content-Length: ";
        const size_t length = std::stoul(answer.head.substr(answer.head.find(field) + 16));
        while (received_.size() < length && await_more()) {
        }
        answer.body = take(length);
        return answer;
    }

private:
    bool await_more() {
        char buffer[4096];
        const ssize_t got = ::recv(fd_, buffer, sizeof(buffer), 0);
        received_.append(buffer, static_cast<size_t>(std::max<ssize_t>(got, 0)));
        return got > 0;
    }
    void read_chunks(std::string& body) {
        while (await("\r\n")) {
            const size_t line = received_.find("\r\n") + 2;
            const size_t size = std::stoul(take(line), nullptr, 16);
            while (received_.size() < size + 2 && await_more()) {
            }
            body += take(size);
            take(2);
            if (size == 0) {
                return;
            }
        }
    }
    std::string take(size_t count) {
        std::string taken = received_.substr(0, count);
        received_.erase(0, count);
        return taken;
    }

    int fd_;
    std::string received_;
};

}  // namespace assay
