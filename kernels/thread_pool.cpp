#include "kernels/thread_pool.h"

#include "core/check.h"
#include "kernels/cpu_features.h"

namespace assay {

namespace {

// Looks at `value` for a few microseconds until it is no longer `seen`, and only then sleeps: a
// step of training is hundreds of tasks of a millisecond, and waking a thread costs a tenth of one.
template <class T>
void await_change(const std::atomic<T>& value, T seen) {
    constexpr int kLooks = 2000;
    for (int i = 0; i < kLooks; ++i) {
        if (value.load(std::memory_order_acquire) != seen) {
            return;
        }
        pause_cpu();
    }
    value.wait(seen);
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
    ASSAY_CHECK(threads > 0);
    for (int i = 1; i < threads; ++i) {
        helpers_.emplace_back([this, i] { work(static_cast<size_t>(i)); });
    }
}

ThreadPool::~ThreadPool() {
    stop_.store(true);
    generation_.fetch_add(1);
    generation_.notify_all();
    for (std::thread& helper : helpers_) {
        helper.join();
    }
}

void ThreadPool::run_task(const Task& task, size_t parts) {
    if (helpers_.empty() || parts < 2) {
        for (size_t part = 0; part < parts; ++part) {
            task.call(task.object, part, 0);
        }
        return;
    }
    // One caller at a time, and no task out of a body: the last one's helpers are done with it.
    ASSAY_CHECK_EQ(busy_.load(), 0U);
    task_ = task;
    parts_ = parts;
    next_part_.store(0);
    busy_.store(static_cast<uint32_t>(helpers_.size()));
    generation_.fetch_add(1);
    generation_.notify_all();
    take_parts(0);
    for (uint32_t busy = busy_.load(); busy != 0; busy = busy_.load()) {
        await_change(busy_, busy);
    }
}

void ThreadPool::take_parts(size_t thread) {
    for (size_t part = next_part_.fetch_add(1); part < parts_; part = next_part_.fetch_add(1)) {
        task_.call(task_.object, part, thread);
    }
}

void ThreadPool::work(size_t thread) {
    uint32_t seen = 0;
    while (true) {
        await_change(generation_, seen);
        seen = generation_.load();
        if (stop_.load()) {
            return;
        }
        take_parts(thread);
        if (busy_.fetch_sub(1) == 1) {
            busy_.notify_one();
        }
    }
}

}  // namespace assay
