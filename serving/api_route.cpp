#include "serving/api_route.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace assay {

namespace {

constexpr std::string_view kPrefix = "/v1/";
constexpr std::string_view kOneModel = "/models/";  // and its name

// Each prefix that is taken off leaves a path that begins with its last slash.
static_assert(kPrefix.front() == '/' && kPrefix.back() == '/' && kPrefix.size() > 1);

struct Entry {
    const char* path;
    const char* method;
    ApiRoute::Kind kind;
};
constexpr std::array<Entry, 10> kRoutes = {
    {{"/health", "GET", ApiRoute::Kind::kHealth},
     {"/ping", "GET", ApiRoute::Kind::kHealth},
     {"/metrics", "GET", ApiRoute::Kind::kMetrics},
     {"/version", "GET", ApiRoute::Kind::kVersion},
     {"/models", "GET", ApiRoute::Kind::kModels},
     {"/completions", "POST", ApiRoute::Kind::kCompletions},
     {"/chat/completions", "POST", ApiRoute::Kind::kChatCompletions},
     {"/tokenize", "POST", ApiRoute::Kind::kTokenize},
     {"/detokenize", "POST", ApiRoute::Kind::kDetokenize},
     {"/tokenizer_info", "GET", ApiRoute::Kind::kTokenizerInfo}}};

int digit_of(char c) {
    const int low = std::tolower(static_cast<unsigned char>(c));
    return low >= '0' && low <= '9' ? low - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// %2F is /: models are named ORGANISATION/NAME.
std::string decoded(std::string_view text) {
    std::string plain;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '%' && i + 2 < text.size() && digit_of(text[i + 1]) >= 0 &&
                            digit_of(text[i + 2]) >= 0;
        plain += escape ? static_cast<char>(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2]))
                        : text[i];
        i += escape ? 2 : 0;
    }
    return plain;
}

std::string plain_path(const std::string& asked) {
    const bool whole_address = asked.rfind("http://", 0) == 0 || asked.rfind("https://", 0) == 0;
    const size_t start = whole_address ? asked.find('/', asked.find("//") + 2) : 0;
    std::string path;
    for (const char c : start == std::string::npos ? std::string("/") : asked.substr(start)) {
        if (c != '/' || path.empty() || path.back() != '/') {
            path += c;
        }
    }
    while (path.compare(0, kPrefix.size(), kPrefix) == 0) {
        path.erase(0, kPrefix.size() - 1);
    }
    if (path.size() > 1 && path.back() == '/') {
        path.pop_back();
    }
    return path;
}

}  // namespace

ApiRoute route_of(const std::string& asked) {
    const std::string path = plain_path(asked);
    if (path.rfind(kOneModel, 0) == 0) {
        return {ApiRoute::Kind::kModel, decoded(path.substr(kOneModel.size())), "GET"};
    }
    const auto* const found = std::find_if(
        kRoutes.begin(), kRoutes.end(), [&path](const Entry& known) { return path == known.path; });
    return found == kRoutes.end() ? ApiRoute{} : ApiRoute{found->kind, "", found->method};
}

}  // namespace assay
