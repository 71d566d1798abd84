// What a client is told when its request is refused, in OpenAI's shape.

#pragma once

#include <string>

namespace assay {

struct ApiError {
    int status = 400;
    std::string message;
    std::string type = "invalid_request_error";
    std::string param;  // "" becomes null
    std::string code;   // "" becomes null
};
std::string error_json(const ApiError& error);

// What is told who asks for a model that is not served here.
ApiError unknown_model(const std::string& asked, const std::string& served);

}  // namespace assay
