// One thread that runs jobs in order, with a bounded queue, and a mailbox for their results.
//
// How threads talk in Assay: an event loop hands a job to the thread that owns the model or the
// disk, and takes the result out of its mailbox. Jobs never touch what the event loop owns.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace assay {

class JobThread {
public:
    // Starts the thread. `jobs_max` counts those that wait, not the one that runs.
    explicit JobThread(size_t jobs_max);
    // Drops the jobs that have not begun, waits for the one that runs.
    ~JobThread();
    JobThread(const JobThread&) = delete;
    JobThread& operator=(const JobThread&) = delete;

    // False if the queue is full. Urgent jobs go in front of the waiting ones.
    [[nodiscard]] bool submit(std::function<void()> job, bool urgent = false);
    // Drops the jobs that have not begun.
    void clear();

private:
    void run();

    const size_t jobs_max_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> jobs_;
    bool stopping_ = false;
    std::thread thread_;
};

// Runs a job on the thread and waits for it, and asks meanwhile whether to stop. False: it was to
// stop; the job may still run, so what it uses has to live as long as the thread.
// REQUIRES: the queue has room.
bool run_unless_stopped(JobThread& thread,
                        std::function<void()> job,
                        const std::function<bool()>& stop_requested);

// Any thread puts; the owner takes all at once.
template <typename T>
class Mailbox {
public:
    // Has no bound: what is put is bounded by the jobs that were submitted.
    void put(T item) {
        const std::lock_guard<std::mutex> lock(mutex_);
        items_.push_back(std::move(item));
    }
    // In the order in which they were put; empty if there are none. Never waits.
    std::vector<T> take_all() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return std::exchange(items_, {});
    }

private:
    std::mutex mutex_;
    std::vector<T> items_;
};

}  // namespace assay
