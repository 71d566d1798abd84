// What real clients and proxies send, and what they must get.

#include <filesystem>
#include <fstream>

#include "tests/serving/service_fixture.h"

namespace assay {
namespace {

using nlohmann::json;

TEST_CASE("a client may hang up at every byte of a completion and of its stream", "[serving]") {
    const auto service = start_service();
    for (const char* stream : {"false", "true"}) {
        const std::string body =
            R"({"model":"assay","prompt":"The ","max_tokens":2,"temperature":0,"stream":)" +
            std::string(stream) + "}";
        HttpTestClient whole(service->port());
        whole.request("POST", "/v1/completions", body, "Connection: close\r\n");
        const size_t size = whole.rest().size();
        REQUIRE(size > 300);
        for (size_t bytes = 0; bytes <= size; ++bytes) {
            HttpTestClient client(service->port());
            client.request("POST", "/v1/completions", body, "Connection: close\r\n");
            client.read_exactly(bytes);
            client.hang_up(bytes % 2 == 0);
        }
        CHECK(ask(*service, "GET", "/health").status == 200);
    }
    CHECK(eventually([&] { return service->metrics().running == 0; }));
}

TEST_CASE("API paths are found however a base address was put together", "[serving]") {
    const auto service = start_service(chatting(), 128);
    for (const char* path : {"/v1/models",
                             "/models",
                             "/v1/models/",
                             "//v1//models",
                             "/v1/v1/models",
                             "/v1/models?limit=3",
                             "http://example.org/v1/models"}) {
        INFO(path);
        CHECK(ask(*service, "GET", path).json()["data"][0]["id"] == "assay");
    }
    for (const char* path : {"/v1/models/assay", "/models/assay", "/models/%61ssay"}) {
        INFO(path);
        CHECK(ask(*service, "GET", path).json()["id"] == "assay");
    }
    CHECK(post(*service, "/completions", {{"prompt", "a"}}).status == 200);
    const json messages = json::array({{{"role", "user"}, {"content", "x"}}});
    CHECK(post(*service, "/chat/completions", {{"messages", messages}}).status == 200);
    CHECK(ask(*service, "GET", "/ping").status == 200);
    CHECK(ask(*service, "GET", "/version").status == 200);
    const HttpAnswer nothing = ask(*service, "GET", "/api/generate");
    CHECK(nothing.status == 404);
    CHECK(has(nothing.body, "/v1/completions"));
}

TEST_CASE("clients that tokenize learn what they need", "[serving]") {
    const auto service = start_service(chatting());
    const json info = ask(*service, "GET", "/tokenizer_info").json();
    CHECK(info["eos_token"] == "<|endoftext|>");
    CHECK(has(info["chat_template"], "<|im_start|>"));
    CHECK(ask(*start_service(), "GET", "/tokenizer_info").json()["chat_template"].is_null());
    const json tokens =
        ask(*service, "POST", "/tokenize", R"({"prompt":"ab","return_token_strs":true})").json();
    CHECK(tokens["token_strs"] == json({"a", "b"}));
    CHECK(ask(*service, "POST", "/tokenize", R"({"prompt":"ab"})").json()["token_strs"].is_null());
}

TEST_CASE("128 prompts in one request wait for their turn", "[serving]") {
    const auto service = start_service();
    const std::vector<std::string> prompts(128, "a");
    const json body{{"model", "assay"}, {"prompt", prompts}, {"max_tokens", 2}};
    std::vector<std::unique_ptr<HttpTestClient>> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(std::make_unique<HttpTestClient>(service->port()));
        clients.back()->request("POST", "/v1/completions", body.dump());
    }
    for (auto& client : clients) {
        const HttpAnswer answer = client->answer();
        CHECK(answer.status == 200);
        CHECK(answer.json()["choices"].size() == 128);
    }
}

TEST_CASE("max_tokens is cut to the room there is", "[serving]") {
    const auto service = start_service();
    const json answer =
        complete(*service, {{"prompt", "abcd"}, {"max_tokens", 4096}, {"ignore_eos", true}});
    CHECK(answer["usage"]["completion_tokens"] == 60);
    CHECK(answer["choices"][0]["finish_reason"] == "length");
}

TEST_CASE("chats are refused where no template says how they are written", "[serving]") {
    const json body{{"messages", json::array({{{"role", "user"}, {"content", "x"}}})}};
    const HttpAnswer refused = post(*start_service(), "/v1/chat/completions", body);
    CHECK(refused.status == 400);
    CHECK(refused.json()["error"]["code"] == "chat_template_missing");
    CHECK(post(*start_service(chatting(), 128), "/v1/chat/completions", body).status == 200);
}

TEST_CASE("browsers are told which pages may ask, without a key", "[serving]") {
    ServiceOptions options;
    options.api_keys = ApiKeys({"secret"});
    const std::string asks =
        "Origin: http://localhost:3000\r\nAccess-Control-Request-Method: POST\r\n"
        "Access-Control-Request-Headers: authorization,x-stainless-os\r\n";
    const HttpAnswer closed =
        ask(*start_service(options), "OPTIONS", "/v1/chat/completions", "", asks);
    CHECK(closed.status == 204);
    CHECK(has(closed.head, "Allow: POST, OPTIONS\r\n"));
    CHECK_FALSE(has(closed.head, "Access-Control-Allow-Origin"));
    for (const char* origins : {"*", "http://localhost:3000"}) {
        options.cors = CorsPolicy({"https://example.org", origins});
        const auto service = start_service(options);
        const HttpAnswer open = ask(*service, "OPTIONS", "/v1/chat/completions", "", asks);
        CHECK(open.status == 204);
        for (const char* line : {"Access-Control-Allow-Origin: http://localhost:3000\r\n",
                                 "Access-Control-Allow-Headers: authorization,x-stainless-os\r\n",
                                 "Vary: Origin\r\n"}) {
            CHECK(has(open.head, line));
        }
        const HttpAnswer refused = ask(*service, "GET", "/v1/models", "", asks);
        CHECK(refused.status == 401);
        CHECK(has(refused.head, "Access-Control-Allow-Origin: http://localhost:3000\r\n"));
        const std::string other = "Origin: http://elsewhere\r\n";
        CHECK(has(ask(*service, "GET", "/health", "", other).head, "Allow-Origin: http://else") ==
              (std::string(origins) == "*"));
    }
}

TEST_CASE("a key is read from the header that a client has it in", "[serving]") {
    ServiceOptions options;
    options.api_keys = ApiKeys({"secret"});
    const auto service = start_service(options);
    for (const char* header : {"X-Api-Key: secret",
                               "x-api-key:  secret ",
                               "api-key: secret",
                               "Authorization: Bearer  secret",
                               "Authorization: Basic x\r\nX-Api-Key: secret"}) {
        INFO(header);
        CHECK(ask(*service, "GET", "/v1/models", "", std::string(header) + "\r\n").status == 200);
    }
    CHECK(ask(*service, "GET", "/v1/models", "", "X-Api-Key: secre\r\n").status == 401);
    CHECK(ask(*service, "GET", "/v1/models", "", "X-Api-Key:\r\n").status == 401);
    CHECK(ask(*service, "GET", "/metrics").status == 200);
    CHECK(ask(*service, "GET", "/ping").status == 200);
}

TEST_CASE("key files are read as editors write them", "[serving]") {
    for (const char* text : {"\xEF\xBB\xBFsecret\r\n",
                             "\n \t secret \t\n",
                             "# a comment\r\n\r\nsecret",
                             "secret\r\nother\r\n"}) {
        const Result<ApiKeys> keys = ApiKeys::parse(text);
        REQUIRE(keys.ok());
        HttpRequest request;
        CHECK_FALSE(keys->allow(request));
        request.api_key = "secret";
        CHECK(keys->allow(request));
        request.api_key.clear();
        request.authorization = "Bearer secret";
        CHECK(keys->allow(request));
    }
    CHECK(has(ApiKeys::parse(std::string_view("\xFF\xFEs\0e\0", 6)).reason(), "UTF-16"));
    CHECK(has(ApiKeys::parse("\xEF\xBB\xBF# nothing\n").reason(), "no key"));
}

TEST_CASE("no answer asks a client to wait for longer than two minutes", "[serving]") {
    ServiceOptions options;
    options.engine = {1, 2};
    options.http.connections_max = 1;
    const auto service = start_service(options);
    HttpTestClient first(service->port());
    first.request("POST", "/v1/completions", R"({"model":"assay","prompt":"a","n":3})");
    const HttpAnswer busy = first.answer();
    CHECK(busy.status == 429);
    const HttpAnswer full = ask(*service, "GET", "/v1/models");
    CHECK(full.status == 503);
    for (const HttpAnswer& answer : {busy, full}) {
        const std::string field = "Retry-After: ";
        const size_t at = answer.head.find(field);
        REQUIRE(at != std::string::npos);
        CHECK(std::stoi(answer.head.substr(at + field.size())) <= 120);
    }
}

}  // namespace
}  // namespace assay
