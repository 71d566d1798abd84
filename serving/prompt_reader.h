// From the prompts of a request to what the network reads, or why one cannot be answered.

#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "serving/answer.h"
#include "serving/api_request.h"
#include "tokenizer/tokenizer.h"

namespace assay {

std::variant<std::vector<PromptTokens>, ApiError> read_prompts(const ApiRequest& request,
                                                               const Tokenizer& tokenizer,
                                                               int64_t context_tokens);

}  // namespace assay
