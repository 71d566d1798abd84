// The OpenAI-compatible service: routes requests of the HTTP server to the engine and back.
//
// Tokenizes on the HTTP thread, generates on the engine's thread. Model weights may be replaced
// while requests run (replace_model): those that run finish with the ones they began with.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serving/api_keys.h"
#include "serving/chat_template.h"
#include "serving/cors_policy.h"
#include "serving/decoder_model.h"
#include "serving/http_server.h"
#include "tokenizer/tokenizer.h"

namespace assay {

struct ServiceOptions {
    HttpOptions http;
    Engine::Settings engine;
    std::string model_name = "assay";
    ApiKeys api_keys;
    bool key_for_metrics = false;  // who collects them seldom has one
    CorsPolicy cors;
    std::optional<ChatTemplate> chat_template;  // none: chats are refused
};

class Service {
public:
    // Fails where the address cannot be bound or the tokenizer has tokens that the model lacks.
    static Result<std::unique_ptr<Service>> start(ServiceOptions options,
                                                  Tokenizer tokenizer,
                                                  std::shared_ptr<DecoderModel> model);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    // The one that is bound, where options said any free one.
    [[nodiscard]] uint16_t port() const;
    // Fails if the tokenizer has tokens that this model does not know; the old one stays then.
    Status replace_model(std::shared_ptr<DecoderModel> model);
    [[nodiscard]] EngineMetrics metrics() const;

private:
    class Impl;
    explicit Service(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace assay
