#include "core/worker.h"

namespace assay {

Worker::Worker(size_t jobs_max) : jobs_max_(jobs_max), thread_([this] { run(); }) {}

Worker::~Worker() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopping_ = true;
        jobs_.clear();
    }
    changed_.notify_one();
    thread_.join();
}

bool Worker::submit(std::function<void()> job, bool urgent) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (jobs_.size() >= jobs_max_) {
            return false;
        }
        urgent ? jobs_.push_front(std::move(job)) : jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
    return true;
}

size_t Worker::waiting() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return jobs_.size();
}

void Worker::clear() {
    const std::lock_guard<std::mutex> lock(mutex_);
    jobs_.clear();
}

void Worker::run() {
    while (true) {
        std::function<void()> job;
        {
            std::unique_lock<std::mutex> lock(mutex_);
            changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
            if (stopping_) {
                return;
            }
            job = std::move(jobs_.front());
            jobs_.pop_front();
        }
        job();
    }
}

}  // namespace assay
