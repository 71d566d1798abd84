#include "serving/cors_policy.h"

#include <algorithm>

namespace assay {

namespace {

constexpr const char* kDayOfSeconds = "86400";

}  // namespace

bool CorsPolicy::allows(const HttpRequest& request) const {
    return !request.origin.empty() &&
           std::any_of(origins_.begin(), origins_.end(), [&request](const std::string& origin) {
               return origin == "*" || origin == request.origin;
           });
}

HttpHeaders CorsPolicy::answer_headers(const HttpRequest& request) const {
    if (origins_.empty()) {
        return {};
    }
    HttpHeaders headers = {{"Vary", "Origin"}};
    if (allows(request)) {
        headers.emplace_back("Access-Control-Allow-Origin", request.origin);
    }
    return headers;
}

HttpHeaders CorsPolicy::preflight_headers(const HttpRequest& request) const {
    if (!allows(request)) {
        return {};
    }
    return {{"Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS"},
            {"Access-Control-Allow-Headers",
             request.asked_headers.empty() ? "Authorization, Content-Type, X-Api-Key"
                                           : request.asked_headers},
            {"Access-Control-Max-Age", kDayOfSeconds}};
}

}  // namespace assay
