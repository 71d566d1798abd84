#include "cli/stop_signal.h"

#include <atomic>
#include <csignal>

namespace assay {

namespace {

std::atomic<int> stops{0};
std::atomic<bool> reload_flag{false};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void on_signal(int /*number*/) {
    stops.fetch_add(1);
}

void on_reload(int /*number*/) {
    reload_flag.store(true);
}

}  // namespace

void catch_stop_signals() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    action.sa_handler = on_reload;
    ::sigaction(SIGHUP, &action, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
}

bool stop_requested() {
    return stops.load() > 0;
}

bool stop_insisted() {
    return stops.load() > 1;
}

bool reload_requested() {
    return reload_flag.exchange(false);
}

}  // namespace assay
