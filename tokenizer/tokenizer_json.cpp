#include "tokenizer/tokenizer_json.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/bytes.h"
#include "core/json_depth.h"
#include "tokenizer/utf8.h"

namespace assay {

namespace {

using Json = nlohmann::json;             // read: keys in a tree
using Written = nlohmann::ordered_json;  // written: keys in the order given

// byte -> code point: printable bytes stand for themselves, the others for U+0100 and up.
std::array<uint32_t, 256> make_printable() {
    std::array<uint32_t, 256> table{};
    uint32_t next = 256;
    for (uint32_t byte = 0; byte < 256; ++byte) {
        const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
        table[byte] = printable ? byte : next++;
    }
    return table;
}

const std::array<uint32_t, 256>& printable_table() {
    static const std::array<uint32_t, 256> kTable = make_printable();
    return kTable;
}

// code point -> byte, -1 where none is meant.
std::array<int, 512> make_inverse() {
    std::array<int, 512> inverse{};
    inverse.fill(-1);
    for (size_t byte = 0; byte < 256; ++byte) {
        inverse[printable_table()[byte]] = static_cast<int>(byte);
    }
    return inverse;
}

// Member access that never throws: null where there is none.
const Json& member(const Json& json, const char* name) {
    static const Json kNull;
    const auto found = json.is_object() ? json.find(name) : json.end();
    return json.is_object() && found != json.end() ? *found : kNull;
}

std::string text_of(const Json& json) {
    return json.is_string() ? json.get<std::string>() : "";
}

bool flag_of(const Json& json, bool otherwise) {
    return json.is_boolean() ? json.get<bool>() : otherwise;
}

Result<Json> parse_json(std::string_view text) {
    if (Status depth = check_json_depth(text); !depth) {
        return depth.error();
    }
    return Json::parse(text, nullptr, false);
}

Result<int32_t> id_of(const Json& json) {
    if (!json.is_number_integer() || json.get<int64_t>() < 0 ||
        json.get<int64_t>() >= Bpe::kVocabMax) {
        return fail("an id is " + json.dump() + "; allowed are 0 to " +
                    std::to_string(Bpe::kVocabMax - 1));
    }
    return static_cast<int32_t>(json.get<int64_t>());
}

// Names and ids as the file has them; merges refer to the names.
struct Vocabulary {
    std::vector<std::string> tokens;  // bytes; empty for special ones and gaps
    std::unordered_map<std::string, int32_t> ids;
    std::vector<BpeMerge> merges;
    std::map<int32_t, std::string> names_of_added;  // as the vocabulary has them
};

Status add_token(Vocabulary& vocabulary,
                 const std::string& name,
                 const Json& id_json,
                 const AddedTokenMap& added) {
    const Result<int32_t> id = id_of(id_json);
    if (!id) {
        return id.error();
    }
    const size_t index = static_cast<size_t>(*id);
    if (index >= vocabulary.tokens.size()) {
        vocabulary.tokens.resize(index + 1);
    }
    Result<std::string> bytes = printable_to_bytes(name);
    if (const auto same = added.find(*id); same != added.end()) {
        vocabulary.names_of_added[*id] = name;
        // A word that is added as well takes part in merges; what marks text does not.
        if (same->second.content != name || same->second.special || !bytes || bytes->empty()) {
            return {};
        }
    }
    if (!bytes || bytes->empty()) {
        return fail("token " + std::to_string(*id) + " is not written in byte-level characters" +
                    (bytes ? "" : ": " + bytes.reason()));
    }
    if (!vocabulary.tokens[index].empty()) {
        return fail("two tokens have the id " + std::to_string(*id));
    }
    vocabulary.tokens[index] = std::move(*bytes);
    vocabulary.ids.emplace(name, *id);
    return {};
}

Status add_merge(Vocabulary& vocabulary, const std::string& left, const std::string& right) {
    const auto left_id = vocabulary.ids.find(left);
    const auto right_id = vocabulary.ids.find(right);
    if (left_id == vocabulary.ids.end() || right_id == vocabulary.ids.end()) {
        return fail("merge " + std::to_string(vocabulary.merges.size()) +
                    " joins a token that the vocabulary lacks");
    }
    vocabulary.merges.push_back({left_id->second, right_id->second});
    return {};
}

// "a b": byte-level names have no space in them.
Status add_merge_line(Vocabulary& vocabulary, std::string_view line) {
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
        return fail("merge " + std::to_string(vocabulary.merges.size()) +
                    " is not two tokens with a space between them");
    }
    return add_merge(
        vocabulary, std::string(line.substr(0, space)), std::string(line.substr(space + 1)));
}

Status read_merges(Vocabulary& vocabulary, const Json& merges) {
    if (!merges.is_array()) {
        return fail("model.merges is no list");
    }
    for (const Json& merge : merges) {
        Status added;
        if (merge.is_array() && merge.size() == 2) {
            added = add_merge(vocabulary, text_of(merge[0]), text_of(merge[1]));
        } else {
            added = add_merge_line(vocabulary, text_of(merge));
        }
        if (!added.ok()) {
            return added;
        }
    }
    return {};
}

Status read_vocabulary(Vocabulary& vocabulary, const Json& vocab, const AddedTokenMap& added) {
    if (!vocab.is_object()) {
        return fail("model.vocab is no object");
    }
    for (const auto& entry : vocab.items()) {
        if (Status read = add_token(vocabulary, entry.key(), entry.value(), added); !read.ok()) {
            return read;
        }
    }
    return {};
}

Result<AddedTokenMap> read_added(const Json& list) {
    AddedTokenMap added;
    for (const Json& token : list.is_array() ? list : Json::array()) {
        const Result<int32_t> id = id_of(member(token, "id"));
        if (!id) {
            return fail("added_tokens: " + id.reason());
        }
        AddedToken read{text_of(member(token, "content")),
                        flag_of(member(token, "special"), true),
                        flag_of(member(token, "normalized"), false),
                        flag_of(member(token, "single_word"), false),
                        flag_of(member(token, "lstrip"), false),
                        flag_of(member(token, "rstrip"), false)};
        if (!added.emplace(*id, std::move(read)).second) {
            return fail("added_tokens: two have the id " + std::to_string(*id));
        }
    }
    return added;
}

// A name that stands for two ids, or an id with two names, would come twice in the file that we
// write.
Status check_added(const Vocabulary& vocabulary, const AddedTokenMap& added) {
    for (const auto& [id, token] : added) {
        const auto same = vocabulary.ids.find(token.content);
        if (same != vocabulary.ids.end() && same->second != id) {
            return fail("the added token " + std::to_string(id) +
                        " has the name of another token: " + token.content.substr(0, 100));
        }
        const auto named = vocabulary.names_of_added.find(id);
        if (named != vocabulary.names_of_added.end() && named->second != token.content) {
            return fail("the added token " + std::to_string(id) + " is " +
                        token.content.substr(0, 100) + ", but " + named->second.substr(0, 100) +
                        " in the vocabulary");
        }
    }
    return {};
}

// The pattern of a ByteLevel pre-tokeniser, alone or behind one Split.
Result<std::string> read_pattern(const Json& pre_tokenizer) {
    const std::string type = text_of(member(pre_tokenizer, "type"));
    if (type == "ByteLevel") {
        if (flag_of(member(pre_tokenizer, "add_prefix_space"), true)) {
            return fail("a ByteLevel pre-tokeniser with add_prefix_space is not supported");
        }
        return flag_of(member(pre_tokenizer, "use_regex"), true) ? std::string(kGpt2Pattern)
                                                                 : std::string("(?s).+");
    }
    const Json& steps = member(pre_tokenizer, "pretokenizers");
    if (type != "Sequence" || !steps.is_array() || steps.size() != 2 ||
        text_of(member(steps[0], "type")) != "Split" ||
        text_of(member(steps[1], "type")) != "ByteLevel" ||
        flag_of(member(steps[1], "use_regex"), true) ||
        flag_of(member(steps[1], "add_prefix_space"), true)) {
        return fail("the pre-tokeniser is neither ByteLevel nor a Split followed by ByteLevel" +
                    (type.empty() ? "" : " but " + type));
    }
    const std::string pattern = text_of(member(member(steps[0], "pattern"), "Regex"));
    if (pattern.empty() || text_of(member(steps[0], "behavior")) != "Isolated" ||
        flag_of(member(steps[0], "invert"), false)) {
        return fail("the pre-tokeniser's Split is not by an isolated regular expression");
    }
    return pattern;
}

Status check_model(const Json& root) {
    const Json& model = member(root, "model");
    const std::string type = text_of(member(model, "type"));
    if (!model.is_object() || (!type.empty() && type != "BPE")) {
        return fail("the model is " + (type.empty() ? "missing" : type) + ", not BPE");
    }
    if (flag_of(member(model, "byte_fallback"), false)) {
        return fail("a SentencePiece vocabulary (byte_fallback) is not byte-level BPE");
    }
    const Json& normalizer = member(root, "normalizer");
    const Json& steps = member(normalizer, "normalizers");
    const bool changes_nothing =
        text_of(member(normalizer, "type")) == "Sequence" && steps.is_array() && steps.empty();
    if (!normalizer.is_null() && !changes_nothing) {
        return fail("a normalizer is not supported: " + text_of(member(normalizer, "type")));
    }
    for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
        if (!text_of(member(model, name)).empty()) {
            return fail(std::string("model.") + name + " is not supported");
        }
    }
    return {};
}

Result<Tokenizer::Parts> assemble(Vocabulary vocabulary,
                                  const std::string& pattern,
                                  AddedTokenMap added,
                                  bool whole_words) {
    Result<PreTokenizer> pre_tokenizer = PreTokenizer::compile(pattern);
    if (!pre_tokenizer) {
        return pre_tokenizer.error();
    }
    while (!vocabulary.tokens.empty() && vocabulary.tokens.back().empty()) {
        vocabulary.tokens.pop_back();
    }
    Result<Bpe> bpe = Bpe::build(std::move(vocabulary.tokens), std::move(vocabulary.merges));
    if (!bpe) {
        return bpe.error();
    }
    return Tokenizer::Parts{
        std::move(*bpe), std::move(*pre_tokenizer), std::move(added), whole_words};
}

Written pre_tokenizer_json(const std::string& pattern) {
    Written byte_level = {{"type", "ByteLevel"},
                          {"add_prefix_space", false},
                          {"trim_offsets", true},
                          {"use_regex", pattern == kGpt2Pattern}};
    if (pattern == kGpt2Pattern) {
        return byte_level;
    }
    Written split = {{"type", "Split"},
                     {"pattern", {{"Regex", pattern}}},
                     {"behavior", "Isolated"},
                     {"invert", false}};
    return {{"type", "Sequence"}, {"pretokenizers", Written::array({split, byte_level})}};
}

Written vocab_json(const Tokenizer::Parts& parts) {
    const std::vector<std::string>& tokens = parts.bpe.tokens();
    std::map<int32_t, std::string> names;
    for (const auto& [id, token] : parts.added) {
        names[id] = token.content;
    }
    for (size_t id = 0; id < tokens.size(); ++id) {
        if (!tokens[id].empty()) {
            names.emplace(static_cast<int32_t>(id), bytes_to_printable(tokens[id]));
        }
    }
    // Filled as the underlying list: one lookup an entry would make this quadratic.
    Written::object_t vocab;
    for (auto& entry : names) {
        vocab.emplace_back(std::move(entry.second), entry.first);
    }
    return vocab;
}

Written added_json(const AddedTokenMap& added) {
    Written list = Written::array();
    for (const auto& [id, token] : added) {
        list.push_back({{"id", id},
                        {"content", token.content},
                        {"single_word", token.single_word},
                        {"lstrip", token.lstrip},
                        {"rstrip", token.rstrip},
                        {"normalized", token.normalized},
                        {"special", token.special}});
    }
    return list;
}

Written model_json(const Tokenizer::Parts& parts) {
    const std::vector<std::string>& tokens = parts.bpe.tokens();
    Written merges = Written::array();
    for (const BpeMerge& merge : parts.bpe.merges()) {
        merges.push_back(bytes_to_printable(tokens[static_cast<size_t>(merge.left)]) + " " +
                         bytes_to_printable(tokens[static_cast<size_t>(merge.right)]));
    }
    return {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", parts.whole_words},
            {"vocab", vocab_json(parts)},
            {"merges", std::move(merges)}};
}

}  // namespace

std::string bytes_to_printable(std::string_view bytes) {
    std::string out;
    for (const char byte : bytes) {
        append_utf8(out, printable_table()[static_cast<uint8_t>(byte)]);
    }
    return out;
}

Result<std::string> printable_to_bytes(std::string_view printable) {
    static const std::array<int, 512> kInverse = make_inverse();
    if (!is_utf8(printable)) {
        return fail("it is no UTF-8");
    }
    std::string out;
    while (!printable.empty()) {
        const uint32_t code_point = take_utf8(printable);
        if (code_point >= kInverse.size() || kInverse[code_point] < 0) {
            return fail("the character U+" +
                        to_hex(Bytes{static_cast<uint8_t>(code_point >> 16),
                                     static_cast<uint8_t>(code_point >> 8),
                                     static_cast<uint8_t>(code_point)}) +
                        " stands for no byte");
        }
        out.push_back(static_cast<char>(kInverse[code_point]));
    }
    return out;
}

Result<Tokenizer::Parts> parse_tokenizer_json(std::string_view text) {
    const Result<Json> parsed = parse_json(text);
    if (!parsed || !parsed->is_object()) {
        return fail("this is no tokenizer.json: " +
                    (parsed ? "not a JSON object" : parsed.reason()));
    }
    const Json& root = *parsed;
    if (Status checked = check_model(root); !checked.ok()) {
        return checked.error();
    }
    Result<AddedTokenMap> added = read_added(member(root, "added_tokens"));
    if (!added) {
        return added.error();
    }
    Result<std::string> pattern = read_pattern(member(root, "pre_tokenizer"));
    if (!pattern) {
        return pattern.error();
    }
    const Json& model = member(root, "model");
    Vocabulary vocabulary;
    Status read = read_vocabulary(vocabulary, member(model, "vocab"), *added);
    if (read.ok()) {
        read = read_merges(vocabulary, member(model, "merges"));
    }
    if (read.ok()) {
        read = check_added(vocabulary, *added);
    }
    if (!read.ok()) {
        return read.error();
    }
    return assemble(std::move(vocabulary),
                    *pattern,
                    std::move(*added),
                    flag_of(member(model, "ignore_merges"), false));
}

Result<Tokenizer::Parts> parse_gpt2_files(std::string_view vocab_text, std::string_view merges) {
    const Result<Json> vocab = parse_json(vocab_text);
    if (!vocab) {
        return vocab.error();
    }
    AddedTokenMap added;
    if (const Result<int32_t> end = id_of(member(*vocab, "<|endoftext|>")); end.ok()) {
        added[*end] = {std::string(kEndOfText)};
    }
    Vocabulary vocabulary;
    if (Status read = read_vocabulary(vocabulary, *vocab, added); !read.ok()) {
        return read.error();
    }
    while (!merges.empty()) {
        const size_t end = std::min(merges.find('\n'), merges.size());
        const std::string_view line = merges.substr(0, end);
        merges.remove_prefix(std::min(end + 1, merges.size()));
        if (line.empty() || line.substr(0, 9) == "#version:") {
            continue;
        }
        if (Status read = add_merge_line(vocabulary, line); !read.ok()) {
            return read.error();
        }
    }
    return assemble(std::move(vocabulary), std::string(kGpt2Pattern), std::move(added), false);
}

std::string write_tokenizer_json(const Tokenizer::Parts& parts) {
    const Written root = {{"version", "1.0"},
                          {"truncation", nullptr},
                          {"padding", nullptr},
                          {"added_tokens", added_json(parts.added)},
                          {"normalizer", nullptr},
                          {"pre_tokenizer", pre_tokenizer_json(parts.pre_tokenizer.pattern())},
                          {"post_processor", nullptr},
                          {"decoder",
                           {{"type", "ByteLevel"},
                            {"add_prefix_space", true},
                            {"trim_offsets", true},
                            {"use_regex", true}}},
                          {"model", model_json(parts)}};
    return root.dump(1, ' ', false, Written::error_handler_t::replace) + "\n";
}

}  // namespace assay
