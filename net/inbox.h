// What came over each connection and is not read yet: a queue each, read in turns, so that one who
// sends much holds up nobody else. Pure.

#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/bytes.h"
#include "core/check.h"

namespace assay {

// Of one connection: far above what a peer sends that keeps to its window of pieces.
constexpr size_t kWaitingMessagesMax = 4096;
constexpr uint64_t kWaitingBytesMax = 32U << 20;

template <typename Message>
class Inbox {
public:
    // False: more than may wait; the message is dropped, and the connection should end.
    [[nodiscard]] bool put(const std::string& route, Message message, uint64_t bytes) {
        Queue& queue = queues_[route];
        if (queue.messages.size() >= kWaitingMessagesMax ||
            queue.bytes + bytes > kWaitingBytesMax) {
            return false;
        }
        if (queue.messages.empty()) {
            turns_.push_back(route);
        }
        queue.messages.emplace_back(std::move(message), bytes);
        queue.bytes += bytes;
        return true;
    }

    [[nodiscard]] bool empty() const { return turns_.empty(); }
    // Something of this connection waits.
    [[nodiscard]] bool has(const std::string& route) const {
        const auto queue = queues_.find(route);
        return queue != queues_.end() && !queue->second.messages.empty();
    }

    // The next connection's oldest message. REQUIRES: not empty.
    std::pair<std::string, Message> take() {
        ASSAY_CHECK(!turns_.empty());
        std::string route = std::move(turns_.front());
        turns_.pop_front();
        Queue& queue = queues_.at(route);
        std::pair<Message, uint64_t> first = std::move(queue.messages.front());
        queue.messages.pop_front();
        ASSAY_CHECK_LE(first.second, queue.bytes);
        queue.bytes -= first.second;
        if (!queue.messages.empty()) {
            turns_.push_back(route);
        }
        return {std::move(route), std::move(first.first)};
    }

    // The connection is no more, and nothing of it is read any more.
    void drop(const std::string& route) {
        queues_.erase(route);
        std::erase(turns_, route);
    }

private:
    struct Queue {
        std::deque<std::pair<Message, uint64_t>> messages;
        uint64_t bytes = 0;
    };
    std::unordered_map<std::string, Queue> queues_;
    std::deque<std::string> turns_;  // who has something waiting, in order
};

}  // namespace assay
