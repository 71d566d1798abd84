#include "core/job_thread.h"

#include <chrono>
#include <future>
#include <memory>

#include "core/check.h"

namespace assay {

JobThread::JobThread(size_t jobs_max) : jobs_max_(jobs_max), thread_([this] { run(); }) {
    ASSAY_CHECK(jobs_max > 0);
}

JobThread::~JobThread() {
    ASSAY_CHECK(std::this_thread::get_id() != thread_.get_id());  // a job cannot end its own thread
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopping_ = true;
        jobs_.clear();
    }
    changed_.notify_one();
    thread_.join();
}

bool JobThread::submit(std::function<void()> job, bool urgent) {
    ASSAY_CHECK(job != nullptr);
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        ASSAY_CHECK_LE(jobs_.size(), jobs_max_);
        if (jobs_.size() >= jobs_max_) {
            return false;
        }
        urgent ? jobs_.push_front(std::move(job)) : jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
    return true;
}

void JobThread::clear() {
    const std::lock_guard<std::mutex> lock(mutex_);
    jobs_.clear();
}

void JobThread::run() {
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

bool run_unless_stopped(JobThread& thread,
                        std::function<void()> job,
                        const std::function<bool()>& stop_requested) {
    constexpr std::chrono::milliseconds kAskEvery{20};
    const auto done = std::make_shared<std::promise<void>>();
    const std::future<void> waited = done->get_future();
    ASSAY_CHECK(thread.submit([job = std::move(job), done] {
        job();
        done->set_value();
    }));
    while (waited.wait_for(kAskEvery) != std::future_status::ready) {
        if (stop_requested()) {
            return false;
        }
    }
    return !stop_requested();
}

}  // namespace assay
