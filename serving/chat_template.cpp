#include "serving/chat_template.h"

#include "core/check.h"
#include "core/files.h"
#include "serving/jinja_template.h"

namespace assay {

struct ChatTemplate::Body {
    JinjaTemplate jinja;
};

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* kChatMl =
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
constexpr const char* kPlain =
    "{% for message in messages %}"
    "{{ message['role'] | capitalize + ': ' + message['content'] + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}";

json variables_of(const std::vector<ChatMessage>& messages,
                  const std::string& end_of_text,
                  bool opens_answer) {
    json list = json::array();
    for (const ChatMessage& message : messages) {
        list.push_back({{"role", message.role}, {"content", message.content}});
    }
    return {{"messages", std::move(list)},
            {"add_generation_prompt", opens_answer},
            {"bos_token", end_of_text},
            {"eos_token", end_of_text}};
}

// The template in tokenizer_config.json: a string, or the one named default of a list.
std::string template_of(const json& config) {
    if (!config.is_object() || !config.contains("chat_template")) {
        return "";
    }
    const json& value = config["chat_template"];
    if (value.is_string()) {
        return value.get<std::string>();
    }
    for (const json& entry : value.is_array() ? value : json::array()) {
        if (entry.is_object() && entry.value("name", "") == "default") {
            return entry.value("template", "");
        }
    }
    return "";
}

}  // namespace

Result<ChatTemplate> ChatTemplate::parse(std::string source, const std::string& end_of_text) {
    Result<JinjaTemplate> jinja = JinjaTemplate::parse(source);
    if (!jinja) {
        return jinja.error();
    }
    ChatTemplate made;
    made.body_ = std::make_shared<const Body>(Body{std::move(*jinja)});
    made.source_ = std::move(source);
    made.end_of_text_ = end_of_text;
    const std::string end = made.end_of_turn();
    if (!end.empty()) {
        made.stop_.push_back(end);
    }
    return made;
}

Result<ChatTemplate> ChatTemplate::load(const std::string& name, const std::string& end_of_text) {
    if (name == "chatml") {
        return parse(kChatMl, end_of_text);
    }
    if (name == "plain") {
        Result<ChatTemplate> plain = parse(kPlain, end_of_text);
        ASSAY_CHECK_MSG(plain.ok(), plain.reason());
        plain->stop_ = {"\nUser:"};
        return plain;
    }
    Result<std::string> source = read_text_file(name, kFileBytesMax);
    if (!source) {
        return fail("--chat-template " + name +
                    " is neither chatml nor plain, and no file: " + source.reason());
    }
    Result<ChatTemplate> made = parse(*source, end_of_text);
    return made ? std::move(made) : fail(name + ", " + made.reason());
}

Result<std::optional<ChatTemplate>> ChatTemplate::find_beside(const fs::path& tokenizer,
                                                              const std::string& end_of_text) {
    const fs::path folder = tokenizer.parent_path();
    std::error_code code;
    std::string source;
    fs::path file = folder / "chat_template.jinja";
    if (fs::is_regular_file(file, code)) {
        Result<std::string> text = read_text_file(file, kFileBytesMax);
        if (!text) {
            return text.error();
        }
        source = *text;
    } else if (file = folder / "tokenizer_config.json"; fs::is_regular_file(file, code)) {
        Result<std::string> text = read_text_file(file, kFileBytesMax);
        if (!text) {
            return text.error();
        }
        source = template_of(json::parse(*text, nullptr, false));
    }
    if (source.empty()) {
        return std::optional<ChatTemplate>();
    }
    Result<ChatTemplate> made = parse(source, end_of_text);
    if (!made) {
        return fail("the chat template in " + file.string() + ", " + made.reason() +
                    "; name another one with --chat-template");
    }
    return std::optional<ChatTemplate>(std::move(*made));
}

Result<std::string> ChatTemplate::render(const std::vector<ChatMessage>& messages) const {
    return render_with(messages, true);
}

Result<std::string> ChatTemplate::render_with(const std::vector<ChatMessage>& messages,
                                              bool opens_answer) const {
    ASSAY_CHECK(body_ != nullptr);
    return body_->jinja.render(variables_of(messages, end_of_text_, opens_answer));
}

// What the template writes behind an assistant's message, without blanks.
std::string ChatTemplate::end_of_turn() const {
    const std::string answer = "(the answer)";
    const Result<std::string> chat =
        render_with({{"user", "(the question)"}, {"assistant", answer}}, false);
    if (!chat || chat->find(answer) == std::string::npos) {
        return "";
    }
    std::string end = chat->substr(chat->rfind(answer) + answer.size());
    end.erase(0, std::min(end.find_first_not_of(" \t\r\n"), end.size()));
    return end.substr(0, end.find_first_of(" \t\r\n"));
}

}  // namespace assay
