#include "serving/api_keys.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <locale>
#include <sstream>

#include "core/check.h"
#include "core/text_edges.h"

namespace assay {

namespace {

constexpr std::string_view kBearer = "Bearer ";  // its case means nothing (RFC 9110, 11.1)

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
    if (const std::string why = why_no_text(text); !why.empty()) {
        return fail(why);
    }
    std::vector<std::string> keys;
    std::istringstream lines{std::string(without_byte_order_mark(text))};
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
