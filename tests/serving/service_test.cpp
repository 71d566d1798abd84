// The HTTP service over loopback sockets, with a tiny random model.

#include <algorithm>

#include "tests/serving/service_fixture.h"

namespace assay {
namespace {

using nlohmann::json;

TEST_CASE("the small routes answer", "[serving]") {
    const auto service = start_service();
    CHECK(ask(*service, "GET", "/health").json()["status"] == "ok");
    const json models = ask(*service, "GET", "/v1/models").json();
    CHECK(models["object"] == "list");
    CHECK(models["data"][0]["id"] == "assay");
    CHECK(models["data"][0]["max_model_len"] == 64);
    CHECK(ask(*service, "GET", "/v1/models/assay").json() == models["data"][0]);
    CHECK(ask(*service, "GET", "/version").json().contains("version"));
    const json tokens = ask(*service, "POST", "/tokenize", R"({"prompt":"h\u00e9"})").json();
    CHECK(tokens["count"] == 3);
    const json back = ask(*service, "POST", "/detokenize", tokens.dump()).json();
    CHECK(back["prompt"] == "h\u00e9");
}

TEST_CASE("a completion has OpenAI's shape and its numbers agree", "[serving]") {
    const auto service = start_service();
    const json answer = complete(
        *service,
        {{"prompt", {"abc", "de"}}, {"max_tokens", 8}, {"seed", 3}, {"n", 2}, {"logprobs", 2}});
    CHECK(answer["object"] == "text_completion");
    CHECK(answer["id"].get<std::string>().rfind("cmpl-", 0) == 0);
    CHECK(answer["system_fingerprint"] == DecoderModel(tiny_snapshot(1), 1).root().substr(0, 12));
    REQUIRE(answer["choices"].size() == 4);
    size_t generated = 0;
    for (size_t i = 0; i < 4; ++i) {
        const json& choice = answer["choices"][i];
        CHECK(choice["index"] == i);
        const size_t count = choice["logprobs"]["tokens"].size();
        CHECK(choice["logprobs"]["token_logprobs"].size() == count);
        CHECK(choice["logprobs"]["token_logprobs"][0].get<double>() <= 0);
        CHECK(choice["finish_reason"] == (count == 8 ? "length" : "stop"));
        generated += count;
    }
    CHECK(text_of(answer, 0) != text_of(answer, 1));
    CHECK(answer["usage"]["prompt_tokens"] == 5);
    CHECK(answer["usage"]["completion_tokens"] == generated);
    CHECK(answer["usage"]["total_tokens"] == 5 + generated);
}

TEST_CASE("echo gives the prompt back, and stop cuts before its string", "[serving]") {
    const auto service = start_service();
    const json body{
        {"prompt", "stop"}, {"max_tokens", 50}, {"temperature", 0.7}, {"ignore_eos", true}};
    json seeded = body;
    seeded["seed"] = 11;
    const std::string whole = text_of(complete(*service, seeded));
    const auto letter = std::find_if(
        whole.begin() + 1, whole.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == 'e'; });
    REQUIRE(letter != whole.end());
    const std::string stop(1, *letter);
    seeded["stop"] = {stop, "nothing like this"};
    const json cut = complete(*service, seeded);
    CHECK(text_of(cut) == whole.substr(0, whole.find(stop)));
    CHECK(cut["choices"][0]["finish_reason"] == "stop");
    const json echoed = complete(*service, {{"prompt", "stop"}, {"max_tokens", 0}, {"echo", true}});
    CHECK(text_of(echoed) == "stop");
    CHECK(echoed["usage"]["completion_tokens"] == 0);
    CHECK(text_of(complete(*service, body)) != text_of(complete(*service, body)));
}

TEST_CASE("a stream says what the whole answer says, and ends as clients expect", "[serving]") {
    const auto service = start_service();
    json body{{"prompt", "stream"}, {"max_tokens", 40}, {"seed", 5}, {"n", 3}};
    const json whole = complete(*service, body);
    body["stream"] = true;
    body["stream_options"] = {{"include_usage", true}};
    const HttpAnswer stream = post(*service, "/v1/completions", body);
    CHECK(has(stream.head, "text/event-stream"));
    std::vector<std::string> events = stream.events();
    REQUIRE(events.size() > 3);
    CHECK(events.back() == "[DONE]");
    events.pop_back();
    const json last = json::parse(events.back());
    CHECK(last["choices"].empty());
    CHECK(last["usage"] == whole["usage"]);
    events.pop_back();
    std::vector<std::string> texts(3);
    std::vector<std::string> ends(3);
    for (const std::string& event : events) {
        const json choice = json::parse(event)["choices"][0];
        const auto index = choice["index"].get<size_t>();
        CHECK(ends.at(index).empty());
        texts[index] += choice["text"].get<std::string>();
        ends[index] = choice["finish_reason"].is_null() ? "" : choice["finish_reason"];
    }
    for (size_t i = 0; i < 3; ++i) {
        CHECK(texts[i] == text_of(whole, i));
        CHECK(ends[i] == whole["choices"][i]["finish_reason"]);
    }
}

TEST_CASE("a chat stream opens with the role and joins to the message", "[serving]") {
    const auto service = start_service(chatting(), 128);
    json body{{"messages", json::array({{{"role", "user"}, {"content", "x"}}})},
              {"max_tokens", 12},
              {"seed", 2},
              {"logprobs", true},
              {"top_logprobs", 2}};
    const json whole = post(*service, "/v1/chat/completions", body).json();
    CHECK(whole["object"] == "chat.completion");
    CHECK(whole["choices"][0]["message"]["role"] == "assistant");
    const json& first = whole["choices"][0]["logprobs"]["content"][0];
    CHECK(first["top_logprobs"].size() == 2);
    CHECK(first["top_logprobs"][0]["logprob"] >= first["top_logprobs"][1]["logprob"]);
    body["stream"] = true;
    const std::vector<std::string> events = post(*service, "/v1/chat/completions", body).events();
    REQUIRE(events.size() > 2);
    CHECK(events.back() == "[DONE]");
    std::string text;
    for (size_t i = 0; i + 1 < events.size(); ++i) {
        const json chunk = json::parse(events[i]);
        const json& delta = chunk["choices"][0]["delta"];
        CHECK(chunk["object"] == "chat.completion.chunk");
        CHECK(delta.contains("role") == (i == 0));
        CHECK(chunk["choices"][0]["finish_reason"].is_null() == (i + 2 < events.size()));
        text += delta.value("content", "");
    }
    CHECK(text == whole["choices"][0]["message"]["content"]);
}

TEST_CASE("the most likely continuation is the decoder's own", "[serving]") {
    const auto service = start_service();
    Snapshot snapshot = tiny_snapshot(1);
    Decoder decoder(snapshot.shape, snapshot.theta, 1);
    const Tokenizer tokenizer = bytes_tokenizer();
    const uint64_t sequence = decoder.begin_sequence();
    const std::vector<int32_t> prompt = {72, 105, 33, 200};
    std::vector<float> logits = decoder.prefill(sequence, prompt);
    std::vector<int32_t> tokens;
    while (tokens.size() < 30) {
        tokens.push_back(
            static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
        logits = decoder.step(std::vector<uint64_t>{sequence}, std::span(tokens).last(1)).front();
    }
    const json answer = complete(
        *service,
        {{"prompt", prompt}, {"max_tokens", 30}, {"temperature", 0}, {"ignore_eos", true}});
    CHECK(text_of(answer) == printable(tokenizer.decode(tokens)));
    CHECK(answer["usage"]["completion_tokens"] == 30);
}

TEST_CASE("a seed gives the same text alone and among others", "[serving]") {
    const auto service = start_service();
    const json body{{"prompt", "seed"}, {"max_tokens", 24}, {"seed", 5}, {"logprobs", 0}};
    const json first = complete(*service, body)["choices"];
    HttpTestClient busy(service->port());
    busy.request("POST",
                 "/v1/completions",
                 R"({"model":"assay","prompt":"zz","max_tokens":60,"n":8,"ignore_eos":true})");
    CHECK(complete(*service, body)["choices"] == first);
    CHECK(busy.answer().status == 200);
    json other = body;
    other["seed"] = 6;
    CHECK(complete(*service, other)["choices"] != first);
    other["n"] = 2;
    other["seed"] = 4;
    CHECK(complete(*service, other)["choices"][1]["logprobs"] == first[0]["logprobs"]);
}

TEST_CASE("what is wrong is refused by name, in OpenAI's shape", "[serving]") {
    const auto service = start_service();
    const auto refused = [&](const HttpAnswer& answer, int status) {
        INFO(answer.body);
        CHECK(answer.status == status);
        json error = answer.json()["error"];
        CHECK(error["message"].is_string());
        CHECK(error["type"].is_string());
        CHECK((error.contains("param") && error.contains("code")));
        return error;
    };
    refused(ask(*service, "GET", "/nothing"), 404);
    refused(ask(*service, "GET", "/%ff/\xff"), 404);
    const HttpAnswer method = ask(*service, "GET", "/v1/completions");
    refused(method, 405);
    CHECK(has(method.head, "Allow: POST"));
    refused(ask(*service, "DELETE", "/v1/models"), 405);
    refused(ask(*service, "POST", "/v1/completions", "{"), 400);
    refused(ask(*service, "POST", "/v1/completions", "\xff\xfe"), 400);
    refused(ask(*service, "POST", "/tokenize", R"({"prompt":7})"), 400);
    refused(ask(*service, "POST", "/detokenize", R"({"tokens":[300]})"), 400);
    const json model =
        refused(ask(*service, "POST", "/v1/completions", R"({"model":"x","prompt":"a"})"), 404);
    CHECK(model["code"] == "model_not_found");
    const json absent = refused(ask(*service, "GET", "/v1/models/x"), 404);
    CHECK(absent["code"] == "model_not_found");
    const json range =
        refused(post(*service, "/v1/completions", {{"prompt", "a"}, {"temperature", 3}}), 400);
    CHECK(range["param"] == "temperature");
    const json length =
        refused(post(*service, "/v1/completions", {{"prompt", std::string(64, 'a')}}), 400);
    CHECK(length["code"] == "context_length_exceeded");
    CHECK(complete(*service, {{"prompt", std::string(63, 'a')}})["choices"].size() == 1);
}

TEST_CASE("deeply nested and malformed requests do no harm", "[serving]") {
    const auto service = start_service();
    const std::string deep(500000, '[');
    for (const char* start : {R"({"prompt":[0,)", R"({"stop":)", R"({"messages":)"}) {
        const HttpAnswer cut = ask(*service, "POST", "/v1/completions", start + deep);
        CHECK(cut.status == 400);
        const HttpAnswer whole =
            ask(*service,
                "POST",
                "/v1/completions",
                start + deep + std::string(500000, ']') + R"(,"model":"assay"})");
        CHECK(whole.status == 400);
        CHECK(has(whole.body, "nests"));
    }
    HttpTestClient garbage(service->port());
    garbage.send("no request at all\r\n\r\n");
    CHECK(garbage.answer().status == 400);
    CHECK(ask(*service, "GET", "/health").status == 200);
}

TEST_CASE("only who has a key may ask; health is public", "[serving]") {
    ServiceOptions options;
    options.api_keys = ApiKeys({"first", "second"});
    options.key_for_metrics = true;
    const auto service = start_service(options);
    const HttpAnswer none = ask(*service, "GET", "/v1/models");
    CHECK(none.status == 401);
    CHECK(has(none.head, "WWW-Authenticate: Bearer"));
    CHECK(none.json()["error"]["code"] == "invalid_api_key");
    for (const char* wrong : {"Bearer firs", "Bearer firstx", "Bearer ", "first", "Basic first"}) {
        const std::string header = std::string("Authorization: ") + wrong + "\r\n";
        CHECK(ask(*service, "GET", "/v1/models", "", header).status == 401);
    }
    for (const char* right : {"Bearer first", "Bearer second", "bearer first", "BEARER second"}) {
        const std::string header = std::string("Authorization: ") + right + "\r\n";
        CHECK(ask(*service, "GET", "/v1/models", "", header).status == 200);
    }
    CHECK(ask(*service, "GET", "/metrics").status == 401);
    CHECK(ask(*service, "GET", "/health").status == 200);
}

TEST_CASE("too much at once is refused: queue and body", "[serving]") {
    ServiceOptions options;
    options.engine = {1, 2};
    options.http.body_bytes_max = 1000;
    const auto service = start_service(options);
    const HttpAnswer many =
        post(*service, "/v1/completions", {{"prompt", "a"}, {"max_tokens", 2}, {"n", 3}});
    CHECK(many.status == 429);
    CHECK(has(many.head, "Retry-After: 1"));
    CHECK(many.json()["error"]["type"] == "rate_limit_error");
    CHECK(complete(*service, {{"prompt", "a"}, {"max_tokens", 2}, {"n", 2}})["choices"].size() ==
          2);
    HttpTestClient large(service->port());
    large.send("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n");
    CHECK(large.answer().status == 413);
}

TEST_CASE("a client that goes away frees its place", "[serving]") {
    const auto service = start_service({}, 8192);
    const std::string body =
        R"({"model":"assay","prompt":"a","max_tokens":8000,"n":2,"stream":true,"ignore_eos":true})";
    {
        HttpTestClient client(service->port());
        client.request("POST", "/v1/completions", body);
        REQUIRE(client.await("data: "));
        CHECK(service->metrics().running > 0);
    }
    CHECK(eventually([&] { return service->metrics().cancelled == 2; }));
    const EngineMetrics metrics = service->metrics();
    CHECK(metrics.running == 0);
    CHECK(metrics.waiting == 0);
    CHECK(metrics.generated_tokens < 16000);
    CHECK(complete(*service, {{"prompt", "a"}, {"max_tokens", 1}})["choices"].size() == 1);
}

TEST_CASE("a connection serves one request after another", "[serving]") {
    const auto service = start_service();
    HttpTestClient client(service->port());
    for (int turn = 0; turn < 3; ++turn) {
        client.request("POST",
                       "/v1/completions",
                       R"({"model":"assay","prompt":"a","max_tokens":2,"stream":true})",
                       "X-Request-Id: turn-" + std::to_string(turn) + "\r\n");
        const HttpAnswer stream = client.answer();
        CHECK(stream.events().back() == "[DONE]");
        CHECK(has(stream.body, "cmpl-turn-" + std::to_string(turn)));
        client.request("GET", "/health", "");
        CHECK(client.answer().status == 200);
    }
}

TEST_CASE("a service that stops ends its streams", "[serving]") {
    auto service = start_service({}, 8192);
    HttpTestClient client(service->port());
    client.request(
        "POST",
        "/v1/completions",
        R"({"model":"assay","prompt":"a","max_tokens":8000,"stream":true,"ignore_eos":true})");
    REQUIRE(client.await("data: "));
    service.reset();
    CHECK_FALSE(client.await("nothing ever says this"));
}

TEST_CASE("metrics count what was asked and answered", "[serving]") {
    const auto service = start_service();
    const json body{{"prompt", "abc"}, {"max_tokens", 7}, {"ignore_eos", true}, {"n", 2}};
    complete(*service, body);
    ask(*service, "GET", "/nothing");
    const std::string page = ask(*service, "GET", "/metrics").body;
    for (const char* line : {"assay_num_requests_running 0\n",
                             "assay_num_requests_waiting 0\n",
                             "assay_prompt_tokens_total 6\n",
                             "assay_generation_tokens_total 14\n",
                             "assay_request_success_total{finished_reason=\"length\"} 1\n",
                             "assay_request_refused_total{status=\"404\"} 1\n",
                             "assay_e2e_request_latency_seconds_count 1\n",
                             "# TYPE assay_generation_tokens_total counter"}) {
        INFO(page);
        CHECK(has(page, line));
    }
}

TEST_CASE("new parameters are swapped in while the service runs", "[serving]") {
    const auto service = start_service();
    const json body{{"prompt", "a"}, {"max_tokens", 20}, {"temperature", 0}};
    const json before = complete(*service, body);
    REQUIRE(service->replace_model(std::make_shared<DecoderModel>(tiny_snapshot(2), 1)).ok());
    const json after = complete(*service, body);
    CHECK(after["system_fingerprint"] != before["system_fingerprint"]);
    CHECK(text_of(after) != text_of(before));
    Snapshot small = tiny_snapshot(3);
    small.shape.vocab = 256;
    small.theta = initial_parameters(small.shape, derive_seed(Digest{}, "small"));
    const Status refused = service->replace_model(std::make_shared<DecoderModel>(small, 1));
    REQUIRE_FALSE(refused.ok());
    CHECK(has(refused.reason(), "257"));
    CHECK(complete(*service, body)["system_fingerprint"] == after["system_fingerprint"]);
}

TEST_CASE("an answer that waited through a swap is the model's that its fingerprint names",
          "[serving]") {
    const json body{{"model", "assay"}, {"prompt", "a"}, {"max_tokens", 20}, {"temperature", 0}};
    const json old = complete(*start_service({}, 8192), body);
    ServiceOptions options;
    options.engine = {1, 8};
    const auto service = start_service(options, 8192);
    HttpTestClient waiting(service->port());
    {
        HttpTestClient running(service->port());  // takes the only place until it goes away
        running.request("POST",
                        "/v1/completions",
                        R"({"model":"assay","prompt":"a","max_tokens":8000,"stream":true,)"
                        R"("ignore_eos":true})");
        REQUIRE(running.await("data: "));
        waiting.request("POST", "/v1/completions", body.dump());
        REQUIRE(eventually([&] { return service->metrics().waiting == 1; }));
        REQUIRE(
            service->replace_model(std::make_shared<DecoderModel>(tiny_snapshot(2, 8192), 1)).ok());
    }
    const json answer = waiting.answer().json();
    CHECK(answer["system_fingerprint"] == old["system_fingerprint"]);
    CHECK(text_of(answer) == text_of(old));
    CHECK(text_of(complete(*service, body)) != text_of(old));
}

TEST_CASE("a service listens on a name of this machine, and says what is none", "[serving]") {
    ServiceOptions options;
    options.http.host = "localhost";
    CHECK(ask(*start_service(options), "GET", "/health").status == 200);
    options.http.host = "no such host";
    const auto refused = Service::start(
        options, bytes_tokenizer(), std::make_shared<DecoderModel>(tiny_snapshot(1), 1));
    REQUIRE_FALSE(refused.ok());
    CHECK(has(refused.reason(), "--host no such host"));
}

}  // namespace
}  // namespace assay
