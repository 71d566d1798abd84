#include "serving/api_keys.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <locale>
#include <sstream>

#include "core/check.h"

namespace assay {

namespace {

constexpr std::string_view kBearer = "Bearer ";  // its case means nothing (RFC 9110, 11.1)
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\f\v";
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

// An empty one would be shown by everybody who shows none.
ApiKeys::ApiKeys(std::vector<std::string> keys) : keys_(std::move(keys)) {
    ASSAY_CHECK(!keys_.empty());
    ASSAY_CHECK(std::none_of(
        keys_.begin(), keys_.end(), [](const std::string& key) { return key.empty(); }));
}

Result<ApiKeys> ApiKeys::parse(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) {
        return fail("it is not UTF-8 (UTF-16?): save it as UTF-8 or ASCII");
    }
    if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
        text.remove_prefix(kByteOrderMark.size());
    }
    std::vector<std::string> keys;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        const std::string_view key = without_blanks(line);
        if (!key.empty() && key.front() != '#') {
            keys.emplace_back(key);
        }
    }
    if (keys.empty()) {
        return fail("it has no key: put one on each line");
    }
    return ApiKeys(std::move(keys));
}

bool ApiKeys::know(std::string_view given) const {
    bool known = false;
    for (const std::string& key : keys_) {
        known = equal_in_constant_time(given, key) || known;
    }
    return known;
}

bool ApiKeys::allow(const HttpRequest& request) const {
    if (keys_.empty()) {
        return true;
    }
    const std::string_view shown = request.authorization;
    const bool bearer =
        boost::algorithm::iequals(shown.substr(0, kBearer.size()), kBearer, std::locale::classic());
    const bool by_bearer = bearer && know(without_blanks(shown.substr(kBearer.size())));
    return know(without_blanks(request.api_key)) || by_bearer;
}

}  // namespace assay
