// Byte-level BPE: training, encoding, files of Hugging Face and GPT-2, refusals.

#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "core/digest.h"
#include "core/rng.h"
#include "tests/support/bytes_tokenizer.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/shared_text.h"
#include "tokenizer/bpe_trainer.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/utf8.h"

namespace assay {
namespace {

using Ids = std::vector<int32_t>;

const std::string kSample =
    "The quick brown fox jumps over the lazy dog. The dog's friends don't mind: they've seen it.\n"
    "  Two  spaces, a tab\there; 12345 numbers and caf\xc3\xa9 \xe2\x82\xac 99.\n\n\n"
    "The the the there then them these theory. \xf0\x9f\x98\x80 end";

// The definition, in quadratic time: the lowest rank anywhere, leftmost first.
Ids encode_slowly(const Bpe& bpe, std::string_view piece) {
    Ids ids;
    for (const char c : piece) {
        for (size_t id = 0; id < bpe.tokens().size(); ++id) {
            if (bpe.tokens()[id] == std::string(1, c)) {
                ids.push_back(static_cast<int32_t>(id));
                break;
            }
        }
    }
    for (const BpeMerge& merge : bpe.merges()) {
        const auto made = std::find(bpe.tokens().begin(),
                                    bpe.tokens().end(),
                                    bpe.tokens()[static_cast<size_t>(merge.left)] +
                                        bpe.tokens()[static_cast<size_t>(merge.right)]);
        for (size_t i = 0; i + 1 < ids.size(); ++i) {
            if (ids[i] == merge.left && ids[i + 1] == merge.right) {
                ids[i] = static_cast<int32_t>(made - bpe.tokens().begin());
                ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(i) + 1);
            }
        }
    }
    return ids;
}

// Merges by counting all pairs anew each time.
std::vector<BpeMerge> train_slowly(const std::vector<std::string>& words, size_t count) {
    std::vector<Ids> split;
    for (const std::string& word : words) {
        Ids ids;
        for (const char c : word) {
            ids.push_back(static_cast<uint8_t>(c));
        }
        split.push_back(ids);
    }
    std::vector<BpeMerge> merges;
    while (merges.size() < count) {
        std::map<std::pair<int32_t, int32_t>, int> pairs;
        for (const Ids& ids : split) {
            for (size_t i = 0; i + 1 < ids.size(); ++i) {
                ++pairs[{ids[i], ids[i + 1]}];
            }
        }
        auto best = pairs.begin();
        for (auto it = pairs.begin(); it != pairs.end(); ++it) {
            best = it->second > best->second ? it : best;
        }
        const BpeMerge merge{best->first.first, best->first.second};
        for (Ids& ids : split) {
            for (size_t i = 0; i + 1 < ids.size(); ++i) {
                if (ids[i] == merge.left && ids[i + 1] == merge.right) {
                    ids[i] = static_cast<int32_t>(256 + merges.size());
                    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(i) + 1);
                }
            }
        }
        merges.push_back(merge);
    }
    return merges;
}

Tokenizer trained(int32_t vocab_size) {
    std::string text = kSample + "\n" + kSample;
    CounterRng rng(derive_seed({}, "training text"));
    for (int i = 0; i < 300; ++i) {
        text += " ";
        for (uint64_t k = 0; k < 2 + rng.below(8); ++k) {
            text.push_back("etaoinshrdlu"[rng.below(12)]);
        }
    }
    TextSource source = TextSource::from_text(text);
    Result<Tokenizer> out = Tokenizer::train(source, vocab_size);
    REQUIRE(out.ok());
    return *out;
}

std::string refusal_of(const std::string& json) {
    const Result<Tokenizer> parsed = Tokenizer::parse(json);
    REQUIRE_FALSE(parsed.ok());
    return parsed.reason();
}

std::string replaced_once(std::string text, const std::string& from, const std::string& to) {
    const size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

std::optional<Tokenizer> gpt2() {
    const auto vocab = shared_file("gpt2_vocab.json");
    const auto merges = shared_file("gpt2_merges.txt");
    if (!vocab || !merges) {
        return std::nullopt;
    }
    Result<Tokenizer> loaded = Tokenizer::load_gpt2(*vocab, *merges);
    INFO((loaded.ok() ? "" : loaded.reason()));
    REQUIRE(loaded.ok());
    return *loaded;
}

}  // namespace

TEST_CASE("bytes alone encode anything", "[tokenizer]") {
    const Tokenizer bytes = bytes_tokenizer();
    REQUIRE(bytes.vocab_size() == 257);
    REQUIRE(bytes.end_of_text() == 256);
    REQUIRE(bytes.encode("Az") == Ids{65, 122});
    REQUIRE(bytes.decode(bytes.encode(kSample)) == kSample);
    REQUIRE(bytes.encode("").empty());
    REQUIRE(bytes.decode(Ids{72, 256, -5, 1000, 105}) == "Hi");
    REQUIRE(bytes.token_text(256) == kEndOfText);
    REQUIRE(bytes.decode(bytes.encode("a\xff")) == "a\xef\xbf\xbd");
}

TEST_CASE("a trained vocabulary has its size, shortens text and gives it back", "[tokenizer]") {
    const Tokenizer tokenizer = trained(400);
    REQUIRE(tokenizer.vocab_size() == 400);
    REQUIRE(tokenizer.end_of_text() == 399);
    const Ids ids = tokenizer.encode(kSample);
    REQUIRE(ids.size() < kSample.size() * 2 / 3);
    REQUIRE(tokenizer.decode(ids) == kSample);
    REQUIRE(tokenizer.encode(kSample) == ids);  // from the cache
    REQUIRE(tokenizer.encode(" The").size() <= 2);
    for (const int32_t id : tokenizer.encode(std::string(kEndOfText))) {
        REQUIRE(id != 399);  // no special token out of text
    }
}

TEST_CASE("training takes the same merges as counting anew each time", "[tokenizer]") {
    CounterRng rng(derive_seed({}, "trainer"));
    for (int run = 0; run < 20; ++run) {
        std::vector<std::string> words;
        BpeTrainer trainer;
        for (int i = 0; i < 60; ++i) {
            std::string word;
            const uint64_t size = 2 + rng.below(9);
            for (uint64_t k = 0; k < size; ++k) {
                word.push_back(static_cast<char>('a' + rng.below(3)));
            }
            words.push_back(word);
            trainer.add(word);
        }
        const Result<std::vector<BpeMerge>> merges = trainer.train(40, {});
        REQUIRE(merges.ok());
        REQUIRE(*merges == train_slowly(words, 40));
    }
}

TEST_CASE("encoding follows the definition of byte-pair encoding", "[tokenizer]") {
    const Tokenizer tokenizer = trained(420);
    CounterRng rng(derive_seed({}, "encode"));
    for (int run = 0; run < 200; ++run) {
        std::string piece = kSample.substr(rng.below(kSample.size()), 1 + rng.below(40));
        Ids fast;
        tokenizer.parts().bpe.encode(piece, false, fast);
        REQUIRE(fast == encode_slowly(tokenizer.parts().bpe, piece));
    }
}

TEST_CASE("a text too small for its vocabulary is refused", "[tokenizer]") {
    TextSource source = TextSource::from_text("ab ab");
    const Result<Tokenizer> out = Tokenizer::train(source, 1000);
    REQUIRE_FALSE(out.ok());
    REQUIRE_THAT(out.reason(), Catch::Contains("too small"));
    TextSource other = TextSource::from_text("ab ab");
    REQUIRE_THAT(Tokenizer::train(other, 256).reason(), Catch::Contains("257"));
}

// No clock is asked: three million squared would last until ctest's own limit ends the test.
TEST_CASE("long pieces take n log n, not n squared", "[tokenizer]") {
    const Tokenizer tokenizer = trained(400);
    for (const char one : {'e', ' ', '.'}) {
        const std::string text(3'000'000, one);
        REQUIRE((tokenizer.decode(tokenizer.encode(text)) == text));
    }
}

TEST_CASE("tokenizer.json round-trips to the byte", "[tokenizer]") {
    const ScratchFolder scratch;
    const Tokenizer tokenizer = trained(400);
    REQUIRE(tokenizer.save(scratch.file("tokenizer.json")).ok());
    const Result<Tokenizer> loaded = Tokenizer::load(scratch.file("tokenizer.json"));
    INFO((loaded.ok() ? "" : loaded.reason()));
    REQUIRE(loaded.ok());
    REQUIRE((loaded->encode(kSample) == tokenizer.encode(kSample)));
    REQUIRE(loaded->vocab_size() == 400);
    REQUIRE(loaded->end_of_text() == 399);
    REQUIRE((loaded->json() == tokenizer.json()));
    REQUIRE_FALSE(Tokenizer::load(scratch.file("none.json")).ok());
}

TEST_CASE("files of another kind are refused with the reason", "[tokenizer]") {
    const std::string json = bytes_tokenizer().json();
    REQUIRE(Tokenizer::parse(json).ok());
    REQUIRE_THAT(refusal_of("[1, 2"), Catch::Contains("JSON"));
    REQUIRE_THAT(refusal_of("{}"), Catch::Contains("not BPE"));
    REQUIRE_THAT(refusal_of(replaced_once(json, "\"BPE\"", "\"Unigram\"")),
                 Catch::Contains("Unigram"));
    REQUIRE_THAT(
        refusal_of(replaced_once(json, "\"byte_fallback\": false", "\"byte_fallback\": true")),
        Catch::Contains("SentencePiece"));
    REQUIRE_THAT(refusal_of(replaced_once(
                     json, "\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}")),
                 Catch::Contains("normalizer"));
    REQUIRE_THAT(refusal_of(replaced_once(json, "\"ByteLevel\"", "\"Metaspace\"")),
                 Catch::Contains("Metaspace"));
    REQUIRE_THAT(refusal_of(replaced_once(json, "\"A\": 65", "\"A\": 66")),
                 Catch::Contains("two tokens"));
    REQUIRE_THAT(refusal_of(replaced_once(json, "\"A\": 65", "\"A\": 9999999")),
                 Catch::Contains("allowed are 0 to 1048575"));
    REQUIRE_THAT(refusal_of(replaced_once(json, "\"A\": 65", "\"A\": -1")), Catch::Contains("-1"));
    REQUIRE_THAT(refusal_of(replaced_once(json, "\"A\": 65,", "")), Catch::Contains("byte 65"));
    REQUIRE_THAT(refusal_of(replaced_once(json, "\"A\": 65", "\"\xe2\x82\xac\": 65")),
                 Catch::Contains("U+0020ac"));
    REQUIRE_THAT(refusal_of(replaced_once(json, "\"merges\": []", "\"merges\": [\"A Zz\"]")),
                 Catch::Contains("vocabulary lacks"));
    REQUIRE_THAT(refusal_of(replaced_once(json, "\"merges\": []", "\"merges\": [\"A B\"]")),
                 Catch::Contains("makes no token"));
    REQUIRE_THAT(refusal_of(replaced_once(json, "\"merges\": []", "\"merges\": [7]")),
                 Catch::Contains("two tokens with a space"));
    // Written again, the name would come twice, and readers keep one of the two.
    const std::string content = R"("content": "<|endoftext|>")";
    REQUIRE_THAT(refusal_of(replaced_once(json, content, R"("content": "A")")),
                 Catch::Contains("name of another token: A"));
    REQUIRE_THAT(refusal_of(replaced_once(json, content, content + R"(}, {"id": 300, )" + content)),
                 Catch::Contains("name of another token"));
}

TEST_CASE("a damaged tokenizer.json never brings the program down", "[tokenizer]") {
    const std::string json = trained(300).json();
    CounterRng rng(derive_seed({}, "damage"));
    for (int run = 0; run < 500; ++run) {
        std::string damaged = json;
        for (uint64_t k = 0; k < 1 + rng.below(4); ++k) {
            damaged[rng.below(damaged.size())] = static_cast<char>(rng.below(256));
        }
        const Result<Tokenizer> parsed =
            Tokenizer::parse(damaged.substr(0, 1 + rng.below(2 * damaged.size())));
        if (parsed.ok()) {
            static_cast<void>(parsed->decode(parsed->encode(kSample)));
        }
    }
}

TEST_CASE("a Llama 3 style file with its own pattern works", "[tokenizer]") {
    std::string json = bytes_tokenizer().json();
    const size_t at = json.find("\"pre_tokenizer\": {");
    const size_t end = json.find('}', at) + 1;
    json.replace(
        at,
        end - at,
        "\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\","
        "\"pattern\": {\"Regex\": \"\\\\p{N}{1,3}| ?\\\\p{L}+|\\\\s+\"}, \"behavior\": "
        "\"Isolated\", \"invert\": false}, {\"type\": \"ByteLevel\", \"add_prefix_space\": "
        "false, \"use_regex\": false}]}");
    json = replaced_once(json, "\"ignore_merges\": false", "\"ignore_merges\": true");
    json = replaced_once(json, "\"A\": 65,", "\"A\": 65, \"123\": 300,");
    const Result<Tokenizer> parsed = Tokenizer::parse(json);
    INFO((parsed.ok() ? "" : parsed.reason()));
    REQUIRE(parsed.ok());
    REQUIRE(parsed->encode("1234") == Ids{300, 52});  // a whole piece, though no merge makes it
    REQUIRE(parsed->decode(parsed->encode(kSample)) == kSample);
    REQUIRE(Tokenizer::parse(parsed->json())->encode("1234") == Ids{300, 52});
}

TEST_CASE("GPT-2's vocabulary gives GPT-2's ids", "[tokenizer][needs_texts]") {
    const std::optional<Tokenizer> tokenizer = gpt2();
    if (!tokenizer) {
        return;
    }
    REQUIRE(tokenizer->vocab_size() == 50257);
    REQUIRE(tokenizer->end_of_text() == 50256);
    REQUIRE(tokenizer->encode("Hello world") == Ids{15496, 995});
    REQUIRE(tokenizer->encode("Hello, world!") == Ids{15496, 11, 995, 0});
    REQUIRE(tokenizer->encode("The quick brown fox jumps over the lazy dog.") ==
            Ids{464, 2068, 7586, 21831, 18045, 625, 262, 16931, 3290, 13});
    const auto text_file = shared_file("tinyshakespeare.txt");
    if (!text_file) {
        return;
    }
    const Result<std::string> text = read_text_file(*text_file, 10 << 20);
    const Ids ids = tokenizer->encode(*text);
    REQUIRE(ids.size() == 338025);  // as published with llm.c
    REQUIRE((tokenizer->decode(ids) == *text));
    const Result<Tokenizer> again = Tokenizer::parse(tokenizer->json());
    REQUIRE(again.ok());
    REQUIRE((again->encode(*text) == ids));
}

TEST_CASE("blocks give the tokens of the whole text", "[tokenizer][needs_texts]") {
    const auto text_file = shared_file("wikitext2-test.txt");
    if (!text_file) {
        return;
    }
    const Result<std::string> text = read_text_file(*text_file, 10 << 20);
    TextSource learn = TextSource::from_text(*text);
    const Result<Tokenizer> tokenizer = Tokenizer::train(learn, 1024);
    REQUIRE(tokenizer.ok());
    const Ids whole = tokenizer->encode(*text);
    Ids joined;
    TextSource source = TextSource::from_text(*text, 5000);
    for (;;) {
        const Result<std::string> block = source.next();
        if (block->empty()) {
            break;
        }
        const Ids ids = tokenizer->encode(*block);
        joined.insert(joined.end(), ids.begin(), ids.end());
    }
    REQUIRE((joined == whole));
    REQUIRE((tokenizer->decode(whole) == *text));
}

TEST_CASE("printable characters stand for bytes and back", "[tokenizer]") {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) {
        bytes.push_back(static_cast<char>(byte));
    }
    const std::string printable = bytes_to_printable(bytes);
    REQUIRE(is_utf8(printable));
    REQUIRE(*printable_to_bytes(printable) == bytes);
    REQUIRE(bytes_to_printable(" the") == "\xc4\xa0the");
    REQUIRE_FALSE(printable_to_bytes(" ").ok());
    REQUIRE_FALSE(printable_to_bytes("\xff").ok());
}

}  // namespace assay
