// Strangers' tokenizer.json, and GPT-2's two files: nothing may crash, and what is accepted writes
// a file that reads back as the same tokenizer and gives the text that was encoded.
//
// An input that begins with `{` is the file; anything else stands behind a vocabulary of all single
// bytes, without which nothing is accepted.
#include <algorithm>

#include "core/bytes.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_json.h"

namespace assay {

namespace {

constexpr const char* kText = "The dog's 2 [dogs]  ran\n\tcaf\xc3\xa9 \xf0\x9f\x98\x80";

std::string behind_all_bytes(std::string_view rest) {
    std::string text = R"({"model":{"type":"BPE","vocab":{)";
    for (int byte = 0; byte < 256; ++byte) {
        const std::string name = bytes_to_printable(std::string(1, static_cast<char>(byte)));
        text += byte == 0 ? "\"" : ",\"";
        text += name == "\"" || name == "\\" ? "\\" + name : name;
        text += "\":" + std::to_string(byte);
    }
    return text + std::string(rest);
}

void check_file(std::string_view json) {
    const Result<Tokenizer> tokenizer = Tokenizer::parse(json);
    if (!tokenizer) {
        return;
    }
    const std::string written = tokenizer->json();
    const Result<Tokenizer> again = Tokenizer::parse(written);
    ASSAY_CHECK(again.ok());
    ASSAY_CHECK(again->json() == written);
    ASSAY_CHECK_EQ(again->vocab_size(), tokenizer->vocab_size());
    const std::vector<int32_t> ids = tokenizer->encode_marked(kText);
    ASSAY_CHECK(again->encode_marked(kText) == ids);
    const AddedTokenMap& added = tokenizer->parts().added;
    const bool keeps_blanks = std::none_of(added.begin(), added.end(), [](const auto& entry) {
        return entry.second.lstrip || entry.second.rstrip;
    });
    ASSAY_CHECK(!keeps_blanks || tokenizer->decode_marked(ids) == kText);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string text = to_text(ByteSpan(data, size));
    check_file(!text.empty() && text.front() == '{' ? text : behind_all_bytes(text));
    const size_t cut = std::min(text.find('\n'), text.size());
    const std::string base = behind_all_bytes("");
    const std::string vocab = base.substr(base.find("\"vocab\":") + 8) + text.substr(0, cut);
    (void)parse_gpt2_files(vocab, std::string_view(text).substr(cut));
    return 0;
}

}  // namespace assay
