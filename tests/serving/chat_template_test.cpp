// Chat templates: those that have names, those that models ship, and what is not understood.

#include "serving/chat_template.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/scratch_folder.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

const std::vector<ChatMessage> kChat = {
    {"system", "Be brief."}, {"user", " hi "}, {"assistant", "ho"}, {"user", "x"}};

std::string rendered(const std::string& source, const std::vector<ChatMessage>& chat = kChat) {
    const Result<ChatTemplate> made = ChatTemplate::parse(source, "<|end|>");
    if (!made.ok()) {
        return "not read: " + made.reason();
    }
    const Result<std::string> text = made->render(chat);
    return text.ok() ? *text : "refused: " + text.reason();
}

void write(const fs::path& file, const std::string& text) {
    std::ofstream(file) << text;
}

TEST_CASE("chatml and plain are what their names say", "[serving]") {
    const ChatTemplate chatml = *ChatTemplate::load("chatml", "");
    CHECK(*chatml.render({{"user", "hi"}}) ==
          "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
    CHECK(chatml.stop() == std::vector<std::string>{"<|im_end|>"});
    const ChatTemplate plain = *ChatTemplate::load("plain", "");
    CHECK(*plain.render({{"user", "hi"}, {"assistant", "ho"}, {"user", "x"}}) ==
          "User: hi\nAssistant: ho\nUser: x\nAssistant:");
    CHECK(plain.stop() == std::vector<std::string>{"\nUser:"});
    CHECK_FALSE(ChatTemplate::load("no such file", "").ok());
}

// Written in the ways of the families that ship them.
TEST_CASE("templates as models ship them are understood", "[serving]") {
    const std::string headers =
        "{% set loop_messages = messages %}{% for message in loop_messages %}"
        "{% set content = '<|start|>' + message['role'] + '<|stop|>\\n\\n'+ "
        "message['content'] | trim + '<|eot|>' %}"
        "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}"
        "{{ content }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start|>assistant<|stop|>\\n\\n' }}{% endif %}";
    CHECK(rendered(headers) ==
          "<|end|><|start|>system<|stop|>\n\nBe brief.<|eot|><|start|>user<|stop|>\n\nhi<|eot|>"
          "<|start|>assistant<|stop|>\n\nho<|eot|><|start|>user<|stop|>\n\nx<|eot|>"
          "<|start|>assistant<|stop|>\n\n");
    CHECK(ChatTemplate::parse(headers, "")->stop() == std::vector<std::string>{"<|eot|>"});
    const std::string brackets =
        "{%- if messages[0]['role'] == 'system' -%}\n"
        "    {%- set system = '<<SYS>>' ~ messages[0].content ~ '<</SYS>>' -%}\n"
        "    {%- set rest = messages[1:] -%}\n"
        "{%- else -%}\n"
        "    {%- set system = '' -%}{%- set rest = messages -%}\n"
        "{%- endif -%}\n"
        "{% set ns = namespace(count=0) %}\n"
        "{%- for message in rest %}\n"
        "    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}\n"
        "        {{- raise_exception('roles must alternate') }}\n"
        "    {%- elif message.role == 'user' %}\n"
        "        {%- set ns.count = ns.count + 1 %}\n"
        "        {{- '[INST] ' + (system if loop.first else '') + message.content.strip() }}\n"
        "        {{- ' [/INST]' }}\n"
        "    {%- elif not loop.last and message.role not in ['tool', 'system'] %}\n"
        "        {{- ' ' + message.content + eos_token }}\n"
        "    {%- endif %}\n"
        "{%- endfor %}\n"
        "{{- ns.count if tools is not defined else tools | tojson }}";
    CHECK(rendered(brackets) ==
          "[INST] <<SYS>>Be brief.<</SYS>>hi [/INST] ho<|end|>[INST] x [/INST]2");
    CHECK(rendered(brackets, {{"assistant", "a"}}) == "refused: roles must alternate");
}

TEST_CASE("blocks take the newline behind them and the blanks before them", "[serving]") {
    CHECK(rendered("a\n  {% if true %}\nb\n  {% endif %}\nc {{ 'd' }}\n") == "a\nb\nc d\n");
    CHECK(rendered("a {#- none -#} b{# } #}") == "ab");
    CHECK(rendered("{% for k, v in {}.items() %}{% endfor %}").rfind("not read: line 1", 0) == 0);
    CHECK(rendered("{{ '%}' ~ \"}}\" }}") == "%}}}");
}

TEST_CASE("what a template says and is not understood is refused with its line", "[serving]") {
    for (const char* source : {"\n{% macro x() %}",
                               "\n{{ strftime_now('%Y') }}",
                               "\n{{ messages | groupby('role') }}",
                               "\n{{ messages.pop() }}",
                               "\n{% if true %}",
                               "\n{{ 'open }}",
                               "\n{{ 1 +",
                               "\n{% for x messages %}{% endfor %}",
                               "\n{{ a b }}",
                               "\n{{ 99999999999999999999 }}"}) {
        INFO(source);
        CHECK(rendered(source).rfind("not read: line 2", 0) == 0);
    }
    CHECK(rendered("{{ " + std::string(5000, '(')).rfind("not read:", 0) == 0);
    CHECK(rendered("{{ " + std::string(5000, '[')).rfind("not read:", 0) == 0);
    std::string nested;
    for (int i = 0; i < 5000; ++i) {
        nested += "{% if x %}";
    }
    CHECK(rendered(nested).rfind("not read:", 0) == 0);
    CHECK(rendered("{% for a in range(999999) %}{% for b in range(999999) %}{% endfor %}"
                   "{% endfor %}") == "refused: the template takes too many steps");
    CHECK(rendered("{{ messages[9].content.x[0] }}{{ none.y }}{{ nothing | length }}") == "0");
    CHECK(rendered("{{ 1 // 0 }}").rfind("refused:", 0) == 0);
    CHECK(rendered("{{ -7 // 2 }} {{ -7 % 2 }} {{ 7 // 2 }} {{ 7 % 2 }}") == "-4 1 3 1");
}

TEST_CASE("no chain in a template is walked deeper than it may nest", "[serving]") {
    const auto chain = [](int links, const std::string& link) {
        std::string text;
        for (int i = 0; i < links; ++i) {
            text += link;
        }
        return text;
    };
    const auto sum = [&](int links) { return "{{ 1" + chain(links, "+1") + " }}"; };
    const auto choice = [&](int links) {
        return "{% if 0 %}a" + chain(links, "{% elif 0 %}b") + "{% else %}c{% endif %}";
    };
    CHECK(rendered(sum(900)) == "901");
    CHECK(rendered(sum(200000)) == "not read: line 1: an expression is too long");
    CHECK(rendered("{{ m" + chain(200000, ".a") + " }}") ==
          "not read: line 1: an expression is too long");
    CHECK(rendered("{{ [1" + chain(5000, ",1") + "] | length }}") == "5001");
    CHECK(rendered(choice(40)) == "c");
    CHECK(rendered(choice(50000)) == "not read: line 1: blocks nest too deeply");
}

TEST_CASE("the template beside a tokenizer is found, in either file", "[serving]") {
    const ScratchFolder scratch;
    const fs::path& folder = scratch.path();
    const fs::path tokenizer = folder / "tokenizer.json";
    CHECK_FALSE(ChatTemplate::find_beside(tokenizer, "")->has_value());
    write(folder / "tokenizer_config.json", R"({"eos_token":"x"})");
    CHECK_FALSE(ChatTemplate::find_beside(tokenizer, "")->has_value());
    write(
        folder / "tokenizer_config.json",
        R"({"chat_template":[{"name":"rag","template":"no"},{"name":"default","template":"A"}]})");
    CHECK((*ChatTemplate::find_beside(tokenizer, ""))->source() == "A");
    write(folder / "tokenizer_config.json", R"({"chat_template":"B"})");
    CHECK((*ChatTemplate::find_beside(tokenizer, ""))->source() == "B");
    write(folder / "chat_template.jinja", "C");
    CHECK((*ChatTemplate::find_beside(tokenizer, ""))->source() == "C");
    write(folder / "chat_template.jinja", "{% macro %}");
    const auto refused = ChatTemplate::find_beside(tokenizer, "");
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.reason().find("--chat-template") != std::string::npos);
}

}  // namespace
}  // namespace assay
