// `assay data prepare`: text to token shards, streaming, in bounded memory.

#include <cstdio>

#include "cli/commands.h"
#include "cli/progress.h"
#include "data/prepare.h"
#include "data/text_source.h"
#include "data/tokenizer.h"

namespace assay {

namespace {

constexpr uint64_t kMegabyte = 1000000;

struct DataCommand {
    std::string text;
    std::string tokenizer = "tokenizer.json";
    std::string out = "data";
    int64_t limit_megabytes = 0;
};

int prepare(const DataCommand& command) {
    Result<Tokenizer> tokenizer = Tokenizer::load(command.tokenizer);
    if (!tokenizer) {
        return failed(tokenizer.reason());
    }
    Result<TextSource> source =
        TextSource::open(command.text, static_cast<uint64_t>(command.limit_megabytes) * kMegabyte);
    if (!source) {
        return failed(source.reason());
    }
    ProgressBar progress("tokenizing");
    Result<DataManifest> made =
        prepare_data(*source, *tokenizer, command.out, PrepareSettings{}, [&progress](double part) {
            progress.show(part);
        });
    progress.done();
    if (!made) {
        return failed(made.reason());
    }
    uint64_t training = 0;
    uint64_t held_out = 0;
    for (const ShardEntry& shard : made->shards) {
        (shard.held_out ? held_out : training) += shard.token_count;
    }
    std::printf("%s: %llu tokens to train on, %llu held out, unigram entropy %.4f nats/token\n",
                command.out.c_str(),
                static_cast<unsigned long long>(training),
                static_cast<unsigned long long>(held_out),
                made->unigram_entropy);
    if (source->replaced() > 0) {
        std::printf("note: %llu ill-formed parts of the text became U+FFFD\n",
                    static_cast<unsigned long long>(source->replaced()));
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
        .text("--out", command.out, "folder to make")
        .number("--limit-mb", command.limit_megabytes, 0, 1000000000, "read no more; 0: all");
}

}  // namespace assay
