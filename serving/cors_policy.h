// Which web pages may ask this service, and how browsers are told.

#pragma once

#include <string>
#include <vector>

#include "serving/http_server.h"

namespace assay {

class CorsPolicy {
public:
    CorsPolicy() = default;  // none: browsers keep answers from pages of other origins
    // Origins as browsers send them, or "*" for all.
    explicit CorsPolicy(std::vector<std::string> origins) : origins_(std::move(origins)) {}

    // What every answer to this request carries.
    [[nodiscard]] HttpHeaders answer_headers(const HttpRequest& request) const;
    // What an answer to OPTIONS carries beside that.
    [[nodiscard]] HttpHeaders preflight_headers(const HttpRequest& request) const;

private:
    [[nodiscard]] bool allows(const HttpRequest& request) const;
    std::vector<std::string> origins_;
};

}  // namespace assay
