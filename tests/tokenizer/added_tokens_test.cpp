// Added tokens in text. The ids were made with PyPI's tokenizers 0.23.1 from the same
// tokenizer.json.

#include "tokenizer/added_tokens.h"

#include <catch2/catch.hpp>

#include "core/rng.h"
#include "tests/support/bytes_tokenizer.h"
#include "tokenizer/text_source.h"
#include "tokenizer/tokenizer.h"

namespace assay {
namespace {

using Ids = std::vector<int32_t>;

// Bytes, and tokens of every kind.
Tokenizer marked() {
    AddedTokenMap added;
    const auto add = [&added](AddedToken token) {
        added.emplace(256 + static_cast<int32_t>(added.size()), std::move(token));
    };
    add({std::string(kEndOfText)});
    add({"<end"});
    add({"<endless>"});
    add({.content = "word", .special = false, .single_word = true});
    add({.content = "<l>", .lstrip = true});
    add({.content = "<r>", .rstrip = true});
    add({.content = "<b>", .special = false, .normalized = true, .lstrip = true, .rstrip = true});
    add({.content = "<think>", .special = false, .normalized = true});
    add({.content = "\u65e5\u672c", .special = false, .normalized = true});
    add({.content = "think><r", .special = false});
    add({.content = " x", .special = false});
    add({.content = "caf\u00e9", .special = false});
    return *Tokenizer::from_parts({*Bpe::from_merges({}), PreTokenizer::gpt2(), added});
}

// Bytes as ids, with a number in braces for an added token.
Ids ids_of(const std::string& written) {
    Ids ids;
    for (size_t at = 0; at < written.size(); ++at) {
        if (written[at] != '{') {
            ids.push_back(static_cast<uint8_t>(written[at]));
            continue;
        }
        ids.push_back(std::stoi(written.substr(at + 1)));
        at = written.find('}', at);
    }
    return ids;
}

struct Case {
    std::string text;
    std::string ids;
};

const std::vector<Case> kCases = {
    {"a<|endoftext|>b", "a{256}b"},
    {"<|endoftext|><|endoftext|>", "{256}{256}"},
    {"<endles<endless><end", "{257}les{258}{257}"},
    {"word sword word_ wordy (word) word\u00e9 word",
     "{259} sword word_ wordy ({259}) word\u00e9 {259}"},
    {"a \n <l> \t<l>b", "a{260}{260}b"},
    {"a<r> \u3000\n b <r> x", "a{261}b {261}{266}"},
    {"p <b> q<b><b> ", "p{262}q{262}{262}"},
    {"<think>x</think> \u65e5\u672c\u8a9e", "{263}x</think> {264}\u8a9e"},
    {"<think><r> y", "<{265}> y"},
    {"caf\u00e9 x", "{267}{266}"},
    {"<|endoftext|", "<|endoftext|"},
    {"a\u00a0<l>\u200b<l>", "a{260}\u200b{260}"},
    {"0word word0 _word \u00e9\u0301word \u203fword",
     "0word word0 _word \u00e9\u0301word \u203fword"},
    {"wordword word", "wordword {259}"},
};

}  // namespace

TEST_CASE("added tokens are found in text as Hugging Face finds them", "[added_tokens]") {
    const Tokenizer tokenizer = marked();
    for (const Case& one : kCases) {
        INFO(one.text);
        CHECK(tokenizer.encode_marked(one.text) == ids_of(one.ids));
    }
    // As with its encode_special_tokens: special ones are text, words are found still.
    CHECK(tokenizer.encode("a<|endoftext|>b") == ids_of("a<|endoftext|>b"));
    CHECK(tokenizer.encode("<endles<endless><end") == ids_of("<endles<endless><end"));
    CHECK(tokenizer.encode("a \n <l> \t<l>b") == ids_of("a \n <l> \t<l>b"));
    CHECK(tokenizer.encode("a<r> x word") == ids_of("a<r>{266} {259}"));
}

TEST_CASE("added words are kept when decoding, special ones on request", "[added_tokens]") {
    const Tokenizer tokenizer = marked();
    const Ids ids = tokenizer.encode_marked("a<|endoftext|><think>\u65e5\u672c<end caf\u00e9");
    CHECK(tokenizer.decode(ids) == "a<think>\u65e5\u672c caf\u00e9");
    CHECK(tokenizer.decode_marked(ids) == "a<|endoftext|><think>\u65e5\u672c<end caf\u00e9");
    CHECK(tokenizer.is_special(256));
    CHECK(tokenizer.is_added(263));
    CHECK_FALSE(tokenizer.is_special(263));
}

TEST_CASE("what a tokenizer.json says of added tokens is read and written", "[added_tokens]") {
    const Tokenizer tokenizer = marked();
    const Result<Tokenizer> again = Tokenizer::parse(tokenizer.json());
    INFO((again.ok() ? "" : again.reason()));
    REQUIRE(again.ok());
    CHECK(again->parts().added == tokenizer.parts().added);
    CHECK(again->json() == tokenizer.json());
    for (const Case& one : kCases) {
        CHECK(again->encode_marked(one.text) == ids_of(one.ids));
    }
}

TEST_CASE("an added token may be a word of the vocabulary, and takes part in merges",
          "[added_tokens]") {
    // t+h, th+e; "th" is added too, where it stands alone.
    AddedTokenMap added = {
        {256, {.content = "th", .special = false, .single_word = true}},
    };
    Result<Bpe> bpe = Bpe::from_merges({{'t', 'h'}, {256, 'e'}});
    const Tokenizer tokenizer = *Tokenizer::from_parts({*bpe, PreTokenizer::gpt2(), added});
    const Result<Tokenizer> read = Tokenizer::parse(tokenizer.json());
    INFO((read.ok() ? "" : read.reason()));
    REQUIRE(read.ok());
    CHECK(read->encode_marked("the th") == Ids{257, ' ', 256});
    CHECK(read->encode_marked("thin") == Ids{256, 'i', 'n'});
}

TEST_CASE("the end of text is found under any name, or named", "[added_tokens]") {
    const auto with = [](const std::vector<std::string>& names) {
        AddedTokenMap added;
        for (const std::string& name : names) {
            added.emplace(256 + static_cast<int32_t>(added.size()), AddedToken{name});
        }
        return *Tokenizer::from_parts({*Bpe::from_merges({}), PreTokenizer::gpt2(), added});
    };
    for (const char* name : {"<|endoftext|>",
                             "<|end_of_text|>",
                             "</s>",
                             "<eos>",
                             "<|eos|>",
                             "[EOS]",
                             "<EOS_TOKEN>",
                             "<|im_end|>",
                             "<\uff5cend\u2581of\u2581sentence\uff5c>",
                             "<|eot_id|>",
                             "<end_of_turn>",
                             "<|end|>"}) {
        INFO(name);
        CHECK(with({"<pad>", "<s>", "<unk>", "<|im_start|>", name}).end_of_text() == 260);
    }
    CHECK(with({"<|im_end|>", "<|endoftext|>"}).end_of_text() == 257);
    const Tokenizer nameless = with({"<pad>", "<stop>"});
    CHECK_FALSE(nameless.end_of_text());
    CHECK(nameless.with_end_of_text("<stop>")->end_of_text() == 257);
    CHECK_THAT(nameless.with_end_of_text("<eos>").reason(),
               Catch::Contains("<eos>") && Catch::Contains("<pad>, <stop>"));
}

TEST_CASE("a mark on a block's border stays whole", "[added_tokens][text_source]") {
    const Tokenizer tokenizer = marked();
    CounterRng rng(derive_seed({}, "marks"));
    const std::vector<std::string> parts = {"<|endoftext|>",
                                            "x1y2",
                                            "<end",
                                            "less>",
                                            "word",
                                            "<l>",
                                            "<r>",
                                            "<b>",
                                            "think><r",
                                            "\u20ac",
                                            "<|endof",
                                            "caf\u00e9",
                                            "<<",
                                            "a b",
                                            "  "};
    const auto read = [&](const std::string& text, size_t block) {
        TextSource source = TextSource::from_text(text, block);
        source.keep_whole(tokenizer.parts().added);
        Ids ids;
        std::string all;
        for (;;) {
            const Result<std::string> next = source.next();
            REQUIRE(next.ok());
            if (next->empty()) {
                CHECK(all == text);
                return ids;
            }
            all += *next;
            const Ids more = tokenizer.encode_marked(*next);
            ids.insert(ids.end(), more.begin(), more.end());
        }
    };
    for (size_t before = 80; before < 130; ++before) {
        const std::string text = std::string(before, 'z') + "<|endoftext|>" + std::string(99, 'y');
        CHECK(read(text, 16) == tokenizer.encode_marked(text));
    }
    for (int run = 0; run < 300; ++run) {
        std::string text;
        for (int i = 0; i < 120; ++i) {
            text += parts[rng.below(parts.size())];
        }
        INFO(text);
        REQUIRE(read(text, 16 + rng.below(200)) == tokenizer.encode_marked(text));
    }
}

// Compared at every place one by one, a million would last until ctest's own limit ends the test.
TEST_CASE("many added tokens that begin alike are found quickly", "[added_tokens]") {
    AddedTokenMap added;
    for (int32_t i = 0; i < 100'000; ++i) {
        added.emplace(256 + i, AddedToken{"<<<<<<<<<<<<<<<<" + std::to_string(i) + ">"});
    }
    const Tokenizer tokenizer =
        *Tokenizer::from_parts({*Bpe::from_merges({}), PreTokenizer::gpt2(), added});
    const std::string text(1'000'000, '<');
    CHECK(tokenizer.encode_marked(text + "99999>").back() == 256 + 99'999);
}

}  // namespace assay
