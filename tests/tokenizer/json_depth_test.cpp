// JSON that nests too deeply is refused before a parser or a printer can recurse into it.

#include "core/json_depth.h"

#include <catch2/catch.hpp>

#include "tests/support/bytes_tokenizer.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_json.h"

namespace assay {
namespace {

std::string nested(int depth) {
    const auto count = static_cast<size_t>(depth);
    return std::string(count, '[') + std::string(count, ']');
}

bool is_refused(std::string_view text) {
    const Status status = check_json_depth(text);
    return !status.ok() && status.reason().find("nests") != std::string::npos;
}

TEST_CASE("lists and objects count towards the depth, siblings do not", "[data]") {
    CHECK(check_json_depth(nested(kJsonDepthMax)).ok());
    CHECK(is_refused(nested(kJsonDepthMax + 1)));
    std::string objects;
    for (int i = 0; i <= kJsonDepthMax; ++i) {
        objects += R"({"a":)";
    }
    CHECK(is_refused(objects));
    std::string siblings = "[";
    for (int i = 0; i < 1000; ++i) {
        siblings += "[{}],";
    }
    CHECK(check_json_depth(siblings).ok());
    CHECK(check_json_depth("").ok());
}

TEST_CASE("brackets in text do not count, and text ends where the parser says so", "[data]") {
    const std::string open(100, '[');
    CHECK(check_json_depth("[\"" + open + "\"]").ok());
    CHECK(check_json_depth(R"(["\")" + open + "\"]").ok());
    CHECK(is_refused(R"(["\\")" + open));
    CHECK(check_json_depth("\"" + open).ok());
    CHECK(check_json_depth("\"\\").ok());
}

TEST_CASE("a tokenizer file that nests deeply is refused", "[data]") {
    // Printed in a message, or copied, half a million levels overflow the stack.
    const std::string deep = nested(500000);
    const auto refusal = [](const Result<Tokenizer::Parts>& parts) {
        return parts ? "accepted" : parts.reason();
    };
    const std::string json =
        R"({"model":{"type":"BPE"},"added_tokens":[{"id":)" + deep + R"(,"content":"x"}]})";
    CHECK(refusal(parse_tokenizer_json(json)).find("nests") != std::string::npos);
    CHECK(refusal(parse_gpt2_files(R"({"a":)" + deep + "}", "")).find("nests") !=
          std::string::npos);
    CHECK(Tokenizer::parse(bytes_tokenizer().json()).ok());
}

}  // namespace
}  // namespace assay
