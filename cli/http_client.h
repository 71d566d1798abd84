// A small blocking HTTP/1.1 client for 127.0.0.1: the demo asks the model that it served.

#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"

namespace assay {

struct HttpAnswer {
    int status = 0;
    std::string body;
};

// One request on a connection of its own; gives up after `timeout_ms`.
Result<HttpAnswer> http_request(uint16_t port,
                                const std::string& method,
                                const std::string& path,
                                const std::string& json_body,
                                int timeout_ms);

}  // namespace assay
