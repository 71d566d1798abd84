// `assay data prepare`: text to token shards, streaming, in bounded memory.

#include <cstdio>

#include "cli/commands.h"
#include "cli/progress.h"
#include "data/prepare.h"
#include "tokenizer/added_tokens.h"

namespace assay {

namespace {

constexpr uint64_t kMegabyte = 1000000;

struct DataCommand {
    std::string text;
    std::string tokenizer = "tokenizer.json";
    std::string out = "data";
    std::string end_token;
    int64_t limit_megabytes = 0;
};

int prepare(const DataCommand& command) {
    PrepareOptions options;
    options.text = command.text;
    options.tokenizer = command.tokenizer;
    options.folder = command.out;
    options.end_token = command.end_token;
    options.limit_bytes = static_cast<uint64_t>(command.limit_megabytes) * kMegabyte;
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
    if (made->replaced > 0) {
        std::printf("note: %llu ill-formed parts of the text became U+FFFD\n",
                    static_cast<unsigned long long>(made->replaced));
    }
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
    line.add("data prepare",
             "Turn text of any size into token shards with a manifest of hashes",
             "assay data prepare --text corpus.txt --tokenizer tokenizer.json --out data",
             [] { return prepare(command); })
        .required("--text", command.text, "text file, plain or gzip")
        .text("--tokenizer", command.tokenizer, "tokenizer.json")
        .text("--out", command.out, "folder to make; a data set there is replaced")
        .text("--end-token", command.end_token, "the added token that ends a text, by its name")
        .number("--limit-mb", command.limit_megabytes, 0, 1000000000, "read no more; 0: all");
}

}  // namespace assay
