// A service with a tiny random model behind a loopback port, and how tests ask it.

#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "core/rng.h"
#include "serving/service.h"
#include "tests/serving/http_client.h"
#include "tests/support/bytes_tokenizer.h"

namespace assay {

inline Snapshot tiny_snapshot(uint64_t seed, int64_t context = 64) {
    Snapshot snapshot;
    snapshot.shape.vocab = 300;
    snapshot.shape.width = 16;
    snapshot.shape.layers = 1;
    snapshot.shape.heads = 2;
    snapshot.shape.kv_heads = 1;
    snapshot.shape.head_width = 8;
    snapshot.shape.ffn_width = 24;
    snapshot.shape.context = context;
    snapshot.theta = initial_parameters(snapshot.shape, derive_seed(Digest{}, "serve", {seed}));
    for (float& value : snapshot.theta) {
        value *= 4;  // answers that depend on their prompts
    }
    return snapshot;
}

inline ServiceOptions chatting() {
    ServiceOptions options;
    options.chat_template = *ChatTemplate::load("chatml", "");
    return options;
}

inline std::unique_ptr<Service> start_service(ServiceOptions options = {}, int64_t context = 64) {
    Result<std::unique_ptr<Service>> service =
        Service::start(std::move(options),
                       bytes_tokenizer(),
                       std::make_shared<DecoderModel>(tiny_snapshot(1, context), 1));
    REQUIRE(service.ok());
    return std::move(*service);
}

inline HttpAnswer ask(const Service& service,
                      const std::string& method,
                      const std::string& path,
                      const std::string& body = "",
                      const std::string& headers = "") {
    HttpTestClient client(service.port());
    client.request(method, path, body, headers);
    return client.answer();
}

inline HttpAnswer post(const Service& service, const std::string& path, nlohmann::json body) {
    body["model"] = "assay";
    return ask(service, "POST", path, body.dump());
}

inline nlohmann::json complete(const Service& service, const nlohmann::json& body) {
    const HttpAnswer answer = post(service, "/v1/completions", body);
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    return answer.json();
}

inline std::string text_of(const nlohmann::json& answer, size_t choice = 0) {
    return answer["choices"][choice]["text"].get<std::string>();
}

inline bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// As it stands in JSON: what is no UTF-8 is replaced.
inline std::string printable(const std::string& bytes) {
    using nlohmann::json;
    const std::string text = json(bytes).dump(-1, ' ', false, json::error_handler_t::replace);
    return json::parse(text).get<std::string>();
}

}  // namespace assay
