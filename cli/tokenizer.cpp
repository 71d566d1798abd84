// `assay tokenizer train`: learns a byte-level BPE from text and writes a tokenizer.json.

#include "tokenizer/tokenizer.h"

#include <cstdio>

#include "cli/commands.h"
#include "cli/progress.h"
#include "tokenizer/text_source.h"

namespace assay {

namespace {

constexpr uint64_t kMegabyte = 1000000;

struct TokenizerCommand {
    std::string text;
    std::string out = "tokenizer.json";
    int64_t vocabulary = 8192;
    int64_t limit_megabytes = 0;
};

int train_tokenizer(const TokenizerCommand& command) {
    Result<TextSource> source =
        TextSource::open(command.text, static_cast<uint64_t>(command.limit_megabytes) * kMegabyte);
    if (!source) {
        return failed(source.reason());
    }
    ProgressBar progress("training the tokenizer");
    Result<Tokenizer> tokenizer = Tokenizer::train(
        *source, static_cast<int32_t>(command.vocabulary), [&progress](double part) {
            progress.show(part);
        });
    if (!tokenizer) {
        return failed(tokenizer.reason());
    }
    if (Status saved = tokenizer->save(command.out); !saved) {
        return failed(saved.reason());
    }
    progress.done();
    std::printf("%s: %d tokens from %.1f MB of text\n",
                command.out.c_str(),
                tokenizer->vocab_size(),
                static_cast<double>(source->bytes_read()) / 1e6);
    if (source->replaced() > 0) {
        std::printf("note: %llu bytes were not UTF-8 and became U+FFFD\n",
                    static_cast<unsigned long long>(source->replaced()));
    }
    return kExitOk;
}

}  // namespace

void add_tokenizer(CommandLine& line) {
    static TokenizerCommand command;
    line.add("tokenizer train",
             "Learn a byte-level BPE from text; writes Hugging Face's tokenizer.json",
             "assay tokenizer train --text corpus.txt --vocab 8192 --out tokenizer.json",
             [] { return train_tokenizer(command); })
        .required("--text", command.text, "text file, plain or gzip")
        .number("--vocab", command.vocabulary, 257, Bpe::kVocabMax, "tokens in all")
        .number("--limit-mb", command.limit_megabytes, 0, 1000000000, "read no more; 0: all")
        .text("--out", command.out, "file to write");
}

}  // namespace assay
