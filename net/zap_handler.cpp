#include "net/zap_handler.h"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "core/check.h"
#include "core/log.h"
#include "net/curve_owners.h"
#include "net/zmq_parts.h"

namespace assay {

namespace {

constexpr std::chrono::seconds kTellEvery{2};

// Signals are for the program's main thread.
template <typename F>
std::thread thread_without_signals(F run) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread(run);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

// What a connection key leaves open is a sign: of two keys one is the stranger's.
std::string keys_to_admit(const std::string& key) {
    CurveKey connection{};
    if (key.size() != connection.size()) {
        return "it showed no key";
    }
    std::copy(key.begin(), key.end(), connection.begin());
    const std::vector<PeerId> owners = curve_owners(connection);
    if (owners.size() != 2) {
        return "its key " + to_hex(connection) + " is of no node of Assay";
    }
    return "its key, which is not in the admission list, is " + owners[0].hex() + " or " +
           owners[1].hex() + " (its own log says which)";
}

}  // namespace

ZapHandler::ZapHandler(zmq::context_t& context, std::shared_ptr<AdmissionList> list)
    : list_(std::move(list)),
      questions_(context, zmq::socket_type::rep),
      stop_sender_(context, zmq::socket_type::pair),
      stop_receiver_(context, zmq::socket_type::pair) {
    set_option(questions_, ZMQ_LINGER, 0);
    questions_.bind("inproc://zeromq.zap.01");
    stop_receiver_.bind("inproc://zap-stop");
    stop_sender_.connect("inproc://zap-stop");
    thread_ = thread_without_signals([this] { run(); });
}

ZapHandler::~ZapHandler() {
    ASSAY_CHECK(thread_.joinable() && thread_.get_id() != std::this_thread::get_id());
    (void)send_frame(stop_sender_, as_bytes("stop"), false);
    thread_.join();
}

void ZapHandler::run() {
    while (receive_frames(stop_receiver_).empty()) {
        wait_readable({&questions_, &stop_receiver_}, 1000);
        answer();
    }
}

// Anybody may knock as often as he likes: one line in a while. The address is the system's word,
// keys are in hexadecimal; neither is the stranger's text.
void ZapHandler::tell_refused(const std::string& address, const std::string& key) {
    const auto now = std::chrono::steady_clock::now();
    if (told_at_ && now - *told_at_ < kTellEvery) {
        ++untold_;
        return;
    }
    told_at_ = now;
    const uint64_t more = std::exchange(untold_, 0);
    log_warning("refused a stranger at " + address + ": " + keys_to_admit(key) +
                (more > 0 ? " (and " + std::to_string(more) + " more before it)" : ""));
}

// Frames: version, request id, domain, address, routing id, mechanism, credentials.
void ZapHandler::answer() {
    std::vector<std::string> frames;
    bool more = true;
    while (more) {
        zmq::message_t frame;
        if (zmq_msg_recv(frame.handle(), questions_.handle(), ZMQ_DONTWAIT) < 0) {
            return;
        }
        more = frame.more();
        frames.push_back(frame.to_string());
    }
    CurveKey key{};
    static_assert(sizeof(key) == 32, "what CURVE calls a key");
    bool admitted = frames.size() == 7 && frames[0] == "1.0" && frames[2] == kDomain &&
                    frames[5] == "CURVE" && frames[6].size() == key.size();
    if (admitted) {
        std::copy(frames[6].begin(), frames[6].end(), key.begin());
        admitted = list_->admits(key);
    }
    if (!admitted) {
        const bool shaped = frames.size() == 7;
        tell_refused(shaped ? frames[3] : "", shaped ? frames[6] : "");
    }
    const std::string id = frames.size() > 1 ? frames[1] : "";
    const std::string user = admitted ? to_hex(key) : "";
    for (const std::string& part : {std::string("1.0"),
                                    id,
                                    std::string(admitted ? "200" : "400"),
                                    std::string(admitted ? "OK" : "key not admitted"),
                                    user}) {
        (void)send_frame(questions_, as_bytes(part), true);
    }
    (void)send_frame(questions_, {}, false);
}

}  // namespace assay
