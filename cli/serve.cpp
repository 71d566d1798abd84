// `assay serve`: an OpenAI-compatible API over the newest snapshot of a run.

#include <poll.h>

#include <algorithm>
#include <cstdio>

#include "cli/commands.h"
#include "cli/compute_options.h"
#include "cli/node_commands.h"
#include "cli/progress.h"
#include "cli/snapshot_source.h"
#include "cli/stop_signal.h"
#include "core/files.h"
#include "core/log.h"
#include "serving/service.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

constexpr int kLookEveryMs = 500;
constexpr uint64_t kKeysBytesMax = 1U << 20;

struct ServeCommand {
    SnapshotSource source;
    std::string host = "127.0.0.1";
    std::string port_file;
    std::string api_key_file;
    std::string model_name = "assay";
    std::string chat_template;
    std::string cors_origin;
    bool key_for_metrics = false;
    int64_t port = 8000;
    ComputeOptions compute;
};

Result<ApiKeys> read_keys(const std::string& file) {
    if (file.empty()) {
        return ApiKeys();
    }
    Result<std::string> text = read_text_file(file, kKeysBytesMax);
    if (!text) {
        return text.error();
    }
    Result<ApiKeys> keys = ApiKeys::parse(*text);
    return keys ? std::move(keys) : fail(file + ": " + keys.reason());
}

Result<Tokenizer> tokenizer_of(const ServeCommand& command, const fs::path& file) {
    Result<Tokenizer> tokenizer = Tokenizer::load(file);
    if (!tokenizer) {
        return tokenizer;
    }
    const std::string end_token = end_token_of(command.source, *tokenizer);
    if (!end_token.empty()) {
        return tokenizer->with_end_of_text(end_token);
    }
    if (!tokenizer->end_of_text()) {
        log_warning(file.string() +
                    " has no end-of-text token that is known by name: answers end at max_tokens "
                    "only, and empty prompts are refused; name it with --end-token");
    }
    return tokenizer;
}

// The one that is named, or the one that lies beside the tokenizer.
Result<std::optional<ChatTemplate>> chat_template_of(const ServeCommand& command,
                                                     const fs::path& tokenizer_file,
                                                     const Tokenizer& tokenizer) {
    const std::optional<int32_t> end = tokenizer.end_of_text();
    const std::string end_of_text = end ? std::string(tokenizer.token_text(*end)) : "";
    if (command.chat_template.empty()) {
        return ChatTemplate::find_beside(tokenizer_file, end_of_text);
    }
    Result<ChatTemplate> named = ChatTemplate::load(command.chat_template, end_of_text);
    if (!named) {
        return named.error();
    }
    return std::optional<ChatTemplate>(std::move(*named));
}

// Origins in one option, with commas.
CorsPolicy cors_of(const std::string& list) {
    std::vector<std::string> origins;
    for (size_t from = 0; from < list.size();) {
        const size_t comma = std::min(list.find(',', from), list.size());
        origins.push_back(list.substr(from, comma - from));
        from = comma + 1;
    }
    return CorsPolicy(std::move(origins));
}

// Swaps in what a running coordinator has saved since.
void follow(const ServeCommand& command, Service& service, const fs::path& newest_at_start) {
    fs::path newest = newest_at_start;
    while (!stop_requested()) {
        ::poll(nullptr, 0, kLookEveryMs);
        if (!command.source.snapshot.empty()) {
            continue;
        }
        Result<SnapshotStore> store = open_snapshots(command.source);
        const std::vector<fs::path> files = store ? store->list() : std::vector<fs::path>{};
        if (files.empty() || files.back() == newest) {
            continue;
        }
        newest = files.back();
        Result<Snapshot> snapshot = load_snapshot(newest);
        if (!snapshot) {
            log_warning(snapshot.reason());
            continue;
        }
        const Status replaced = service.replace_model(
            std::make_shared<DecoderModel>(*snapshot, static_cast<int>(command.compute.threads)));
        if (!replaced) {
            log_warning(newest.filename().string() + " is not served: " + replaced.reason());
            continue;
        }
        log_info("now serving " + newest.filename().string());
    }
}

fs::path newest_file(const ServeCommand& command) {
    Result<SnapshotStore> store = open_snapshots(command.source);
    const std::vector<fs::path> files = store ? store->list() : std::vector<fs::path>{};
    return files.empty() ? fs::path() : files.back();
}

Status write_port(const ServeCommand& command, uint16_t port) {
    if (command.port_file.empty()) {
        return {};
    }
    return write_file_atomically(command.port_file, as_bytes(std::to_string(port) + "\n"));
}

Result<ServiceOptions> options_of(const ServeCommand& command,
                                  const fs::path& tokenizer_file,
                                  const Tokenizer& tokenizer) {
    Result<ApiKeys> keys = read_keys(command.api_key_file);
    if (!keys) {
        return keys.error();
    }
    Result<std::optional<ChatTemplate>> chat = chat_template_of(command, tokenizer_file, tokenizer);
    if (!chat) {
        return chat.error();
    }
    ServiceOptions options;
    options.http.host = command.host;
    options.http.port = static_cast<uint16_t>(command.port);
    options.model_name = command.model_name;
    options.api_keys = *keys;
    options.key_for_metrics = command.key_for_metrics;
    options.cors = cors_of(command.cors_origin);
    options.chat_template = *chat;
    return options;
}

int serve(const ServeCommand& command) {
    catch_stop_signals();
    if (Status kernels = use_kernels(command.compute); !kernels) {
        return failed(kernels.reason());
    }
    const fs::path newest = command.source.snapshot.empty() ? newest_file(command) : fs::path();
    Result<Snapshot> snapshot = load_from(command.source);
    if (!snapshot) {
        return failed(snapshot.reason());
    }
    Result<fs::path> tokenizer_file = tokenizer_file_of(command.source);
    if (!tokenizer_file) {
        return failed(tokenizer_file.reason());
    }
    Result<Tokenizer> tokenizer = tokenizer_of(command, *tokenizer_file);
    if (!tokenizer) {
        return failed(tokenizer.reason());
    }
    Result<ServiceOptions> options = options_of(command, *tokenizer_file, *tokenizer);
    if (!options) {
        return failed(options.reason());
    }
    Result<std::unique_ptr<Service>> service = Service::start(
        *options,
        *tokenizer,
        std::make_shared<DecoderModel>(*snapshot, static_cast<int>(command.compute.threads)));
    if (!service) {
        return failed(service.reason());
    }
    if (Status written = write_port(command, (*service)->port()); !written) {
        return failed(written.reason());
    }
    std::printf("serving %s on http://%s:%d/v1\n",
                command.model_name.c_str(),
                command.host.c_str(),
                (*service)->port());
    std::fflush(stdout);
    follow(command, **service, newest);
    leave(kExitOk);
}

}  // namespace

void add_serve(CommandLine& line) {
    static ServeCommand command;
    Command& added =
        line.add("serve",
                 "Serve a trained model over an OpenAI-compatible HTTP API",
                 "assay serve --dir run --port 8000\n"
                 "  curl http://127.0.0.1:8000/v1/completions -H 'Content-Type: application/json' "
                 "\\\n"
                 "       -d '{\"model\":\"assay\",\"prompt\":\"The \",\"max_tokens\":32}'",
                 [] { return serve(command); })
            .text("--dir",
                  command.source.folder,
                  "folder of a coordinator; its newest snapshot is served")
            .text("--snapshot", command.source.snapshot, "one snapshot file instead")
            .text("--tokenizer", command.source.tokenizer, "tokenizer.json; default: the run's")
            .text("--host", command.host, "address to listen on")
            .number("--port", command.port, 0, 65535, "port; 0 takes any free one")
            .text("--port-file", command.port_file, "write the port there once it listens")
            .text("--api-key-file", command.api_key_file, "keys, one a line; without it: no key")
            .toggle("--metrics-need-key", command.key_for_metrics, "/metrics asks for a key too")
            .text("--chat-template",
                  command.chat_template,
                  "chatml, plain, or a file in Jinja; default: the one beside the tokenizer, else "
                  "chats are refused")
            .text("--end-token",
                  command.source.end_token,
                  "the added token that ends a text, by its name; default: as the run's data was "
                  "made")
            .text("--cors-origin",
                  command.cors_origin,
                  "web pages that may ask: origins with commas between, or * for all")
            .text("--model-name", command.model_name, "name under which it is served");
    add_compute_options(added, command.compute, "threads that compute");
}

}  // namespace assay
