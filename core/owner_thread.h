// The one thread that may use a thing: the first that does. For assertions about who calls.
//
//     ASSAY_CHECK(owner_.is_here());

#pragma once

#include <atomic>
#include <thread>

namespace assay {

class OwnerThread {
public:
    OwnerThread() = default;
    // Whoever has the thing afterwards owns it anew.
    OwnerThread(OwnerThread&&) noexcept {}
    OwnerThread& operator=(OwnerThread&&) noexcept {
        owner_.store({});
        return *this;
    }

    // Whether this thread owns the thing; the first one that asks does from then on.
    [[nodiscard]] bool is_here() {
        std::thread::id nobody;
        const std::thread::id self = std::this_thread::get_id();
        return owner_.compare_exchange_strong(nobody, self) || nobody == self;
    }
    // Whether no other thread owns it.
    [[nodiscard]] bool is_not_elsewhere() const {
        const std::thread::id owner = owner_.load();
        return owner == std::thread::id() || owner == std::this_thread::get_id();
    }

private:
    std::atomic<std::thread::id> owner_{std::thread::id()};
};

}  // namespace assay
