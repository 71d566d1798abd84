// Which part of the API a path means, however clients and proxies have put it together.
//
// /v1 in front may be missing or be there twice, slashes may be doubled or stand at the end, and
// the host may stand in front: base addresses are typed by hand.

#pragma once

#include <cstdint>
#include <string>

namespace assay {

struct ApiRoute {
    enum class Kind : uint8_t {
        kNone,
        kHealth,
        kMetrics,
        kVersion,
        kModels,
        kModel,  // `model`
        kCompletions,
        kChatCompletions,
        kTokenize,
        kDetokenize,
        kTokenizerInfo,
    };
    Kind kind = Kind::kNone;
    std::string model;
    const char* method = "";  // the one it answers
};

// kNone where there is nothing.
ApiRoute route_of(const std::string& path);

}  // namespace assay
