// `assay tokenizer train`: learns a byte-level BPE from text and writes a tokenizer.json.

#include "tokenizer/tokenizer.h"

#include <cstdio>

#include "cli/commands.h"
#include "cli/corpus_options.h"
#include "cli/progress.h"

namespace assay {

namespace {

struct TokenizerCommand {
    CorpusFlags corpus;
    std::string out = "tokenizer.json";
    int64_t vocabulary = 8192;
};

int train_tokenizer(const TokenizerCommand& command) {
    Result<Corpus> corpus = Corpus::open(corpus_of(command.corpus));
    if (!corpus) {
        return failed(corpus.reason());
    }
    ProgressBar progress("training the tokenizer");
    Result<Tokenizer> tokenizer = Tokenizer::train(
        *corpus, static_cast<int32_t>(command.vocabulary), [&progress](double part) {
            progress.show(part);
        });
    if (!tokenizer) {
        return failed(tokenizer.reason());
    }
    if (Status saved = tokenizer->save(command.out); !saved) {
        return failed(saved.reason());
    }
    progress.done();
    std::printf("%s: %d tokens\n", command.out.c_str(), tokenizer->vocab_size());
    print_counts(corpus->counts());
    return kExitOk;
}

}  // namespace

void add_tokenizer(CommandLine& line) {
    static TokenizerCommand command;
    Command& train =
        line.add("tokenizer train",
                 "Learn a byte-level BPE from text; writes Hugging Face's tokenizer.json",
                 "assay tokenizer train --input corpus.txt --vocab 8192 --out tokenizer.json",
                 [] { return train_tokenizer(command); });
    add_corpus_options(train, command.corpus)
        .number("--vocab", command.vocabulary, 257, Bpe::kVocabMax, "tokens in all")
        .text("--out", command.out, "file to write");
}

}  // namespace assay
