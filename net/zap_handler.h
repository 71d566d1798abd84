// Answers ZeroMQ's question whether a CURVE key may connect (RFC 27, ZAP), in a thread of its own.
//
// Denies by default: another mechanism, domain or shape of the question is a no. The User-Id of an
// admitted connection is the hexadecimal CURVE key. One handler a context.

#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <zmq.hpp>

#include "net/admission_list.h"

namespace assay {

class ZapHandler {
public:
    static constexpr const char* kDomain = "assay";

    // Binds at once: connections that come later find it.
    ZapHandler(zmq::context_t& context, std::shared_ptr<AdmissionList> list);
    ~ZapHandler();
    ZapHandler(const ZapHandler&) = delete;
    ZapHandler& operator=(const ZapHandler&) = delete;

private:
    void run();
    void answer();
    void tell_refused(const std::string& address, const std::string& key);

    std::shared_ptr<AdmissionList> list_;
    zmq::socket_t questions_;
    zmq::socket_t stop_sender_;
    zmq::socket_t stop_receiver_;
    // The thread's own: what was said last of strangers, and how many were not told of since.
    std::optional<std::chrono::steady_clock::time_point> told_at_;
    uint64_t untold_ = 0;
    std::thread thread_;
};

}  // namespace assay
