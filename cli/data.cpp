// `assay data prepare`: text to token shards, streaming, in bounded memory.

#include <cstdio>

#include "cli/commands.h"
#include "cli/corpus_options.h"
#include "cli/progress.h"
#include "data/prepare.h"
#include "tokenizer/added_tokens.h"

namespace assay {

namespace {

struct DataCommand {
    CorpusFlags corpus;
    std::string tokenizer = "tokenizer.json";
    std::string out = "data";
    std::string end_token;
};

int prepare(const DataCommand& command) {
    PrepareOptions options;
    options.corpus = corpus_of(command.corpus);
    options.tokenizer = command.tokenizer;
    options.folder = command.out;
    options.end_token = command.end_token;
    ProgressBar progress("tokenizing");
    Result<PrepareReport> made =
        prepare_data(options, [&progress](double part) { progress.show(part); });
    progress.done();
    if (!made) {
        return failed(made.reason());
    }
    std::printf("%s: %llu tokens to train on, %llu held out, unigram entropy %.4f nats/token\n",
                command.out.c_str(),
                static_cast<unsigned long long>(made->training_tokens),
                static_cast<unsigned long long>(made->held_out_tokens),
                made->manifest.unigram_entropy);
    print_counts(made->corpus);
    if (!made->ends_documents) {
        std::printf(
            "note: %s has no end-of-text token that is known by name: documents run into "
            "one another, and %s is text; name it with --end-token\n",
            command.tokenizer.c_str(),
            std::string(kEndOfText).c_str());
    }
    return kExitOk;
}

}  // namespace

void add_data(CommandLine& line) {
    static DataCommand command;
    Command& prepare_command =
        line.add("data prepare",
                 "Turn text of any size into token shards with a manifest of hashes",
                 "assay data prepare --input corpus.txt --tokenizer tokenizer.json --out data\n"
                 "  assay data prepare --input 'crawl/*.jsonl.zst' --field content --out data",
                 [] { return prepare(command); });
    add_corpus_options(prepare_command, command.corpus)
        .text("--tokenizer", command.tokenizer, "tokenizer.json")
        .text("--out", command.out, "folder to make; a data set there is replaced")
        .text("--end-token", command.end_token, "the added token that ends a text, by its name");
}

}  // namespace assay
