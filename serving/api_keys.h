// Who may ask: the keys of a service, and what a request shows.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "serving/http_server.h"

namespace assay {

class ApiKeys {
public:
    ApiKeys() = default;  // everybody may ask
    // REQUIRES: no key is empty.
    explicit ApiKeys(std::vector<std::string> keys);

    // One a line; a byte order mark, blanks around a key, empty lines and lines that begin with #
    // are left out. Fails on text without a key, and on UTF-16.
    static Result<ApiKeys> parse(std::string_view text);

    // `Authorization: Bearer KEY`, or the key alone in X-Api-Key. Takes as long for a wrong key as
    // for a right one.
    [[nodiscard]] bool allow(const HttpRequest& request) const;

private:
    [[nodiscard]] bool know(std::string_view given) const;
    std::vector<std::string> keys_;
};

}  // namespace assay
