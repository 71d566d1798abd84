// Threads that share the parts of one task. Kernels split outputs over parts, never sums, so that
// no result depends on the number of threads.
//
// The caller takes parts too: a pool of one has no thread of its own. One caller at a time owns a
// pool. Workers look for the next task for some microseconds and then sleep: several peers on
// one machine do not take cores from each other by waiting.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace assay {

class ThreadPool {
public:
    // REQUIRES: threads > 0.
    explicit ThreadPool(int threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    [[nodiscard]] int threads() const { return static_cast<int>(helpers_.size()) + 1; }

    // Calls body(part, thread) once for each part of [0, parts), in any order; returns when all
    // are done. thread is in [0, threads()): the index of a scratch buffer. Not to be called from
    // a body. body must not throw.
    template <class Body>
    void run(size_t parts, const Body& body) {
        run_task({&body,
                  [](const void* object, size_t part, size_t thread) {
                      (*static_cast<const Body*>(object))(part, thread);
                  }},
                 parts);
    }

    // Splits [0, count) into at most threads() ranges of multiples of `grain` (the last takes the
    // rest) and calls body(first, last, thread) for each.
    template <class Body>
    void run_ranges(size_t count, size_t grain, const Body& body) {
        const size_t grains = (count + grain - 1) / grain;
        const size_t parts = grains < helpers_.size() + 1 ? grains : helpers_.size() + 1;
        run(parts, [&](size_t part, size_t thread) {
            const size_t first = grains * part / parts * grain;
            const size_t last = grains * (part + 1) / parts * grain;
            body(first, last < count ? last : count, thread);
        });
    }

private:
    struct Task {
        const void* object = nullptr;
        void (*call)(const void* object, size_t part, size_t thread) = nullptr;
    };

    void run_task(const Task& task, size_t parts);
    void work(size_t thread);
    void take_parts(size_t thread);

    std::vector<std::thread> helpers_;
    Task task_;
    size_t parts_ = 0;
    std::atomic<size_t> next_part_{0};
    std::atomic<uint32_t> generation_{0};  // a task is one generation
    std::atomic<uint32_t> busy_{0};        // helpers that have not finished it
    std::atomic<bool> stop_{false};
};

}  // namespace assay
