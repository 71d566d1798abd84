// Answers ZeroMQ's question whether a CURVE key may connect (RFC 27, ZAP), in a thread of its own.
//
// Denies by default: another mechanism, domain or shape of the question is a no. The User-Id of an
// admitted connection is the hexadecimal CURVE key. One handler a context.

#pragma once

#include <memory>
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

    std::shared_ptr<AdmissionList> list_;
    zmq::socket_t questions_;
    zmq::socket_t stop_sender_;
    zmq::socket_t stop_receiver_;
    std::thread thread_;
};

}  // namespace assay
