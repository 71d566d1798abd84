// How a chat becomes a prompt: the template that came with a model, or one that is named.
//
// A base model has none, and guessing one gives answers that look right and are not: without a
// template a chat is refused.

#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace assay {

struct ChatMessage {
    std::string role;
    std::string content;
};

class ChatTemplate {
public:
    static constexpr uint64_t kFileBytesMax = 1U << 20;

    // `name`: chatml, plain, or a file with a template in Jinja. `end_of_text` is what the template
    // knows as bos_token and eos_token.
    static Result<ChatTemplate> load(const std::string& name, const std::string& end_of_text);
    // What lies beside a tokenizer.json: chat_template.jinja, or tokenizer_config.json's. None if
    // there is none; fails on one that is not understood.
    static Result<std::optional<ChatTemplate>> find_beside(const std::filesystem::path& tokenizer,
                                                           const std::string& end_of_text);
    static Result<ChatTemplate> parse(std::string source, const std::string& end_of_text);

    // Ends where the assistant's answer begins.
    [[nodiscard]] Result<std::string> render(const std::vector<ChatMessage>& messages) const;
    // What ends an answer.
    [[nodiscard]] const std::vector<std::string>& stop() const { return stop_; }
    [[nodiscard]] const std::string& source() const { return source_; }

private:
    struct Body;
    ChatTemplate() = default;
    [[nodiscard]] Result<std::string> render_with(const std::vector<ChatMessage>& messages,
                                                  bool opens_answer) const;
    [[nodiscard]] std::string end_of_turn() const;

    std::shared_ptr<const Body> body_;
    std::string source_;
    std::string end_of_text_;
    std::vector<std::string> stop_;
};

}  // namespace assay
