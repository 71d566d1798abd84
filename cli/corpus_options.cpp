#include "cli/corpus_options.h"

#include <cstdio>

namespace assay {

namespace {

constexpr uint64_t kMegabyte = 1000000;

void print_some(uint64_t count, const char* what) {
    if (count > 0) {
        std::printf("note: %llu %s\n", static_cast<unsigned long long>(count), what);
    }
}

}  // namespace

Command& add_corpus_options(Command& command, CorpusFlags& flags) {
    return command
        .several("--input",
                 flags.corpus.inputs,
                 "file, folder, pattern or - for standard input; may be given again")
        .text("--field", flags.corpus.field, "of JSON Lines: the field that is the text")
        .number("--min-bytes", flags.bytes_min, 0, 1000000000, "of JSON Lines: leave shorter out")
        .toggle("--unique", flags.corpus.unique, "of JSON Lines: leave equal documents out")
        .toggle("--drop-bad-lines",
                flags.corpus.drop_bad,
                "of JSON Lines: leave out what holds no document, and say how many")
        .number("--limit-mb", flags.limit_megabytes, 0, 1000000000, "read no more; 0: all")
        .remark(
            "Inputs are plain text, or JSON Lines (a document a line), each packed with gzip, "
            "Zstandard, xz or bzip2 or not at all; what they are is told by their first bytes.");
}

CorpusOptions corpus_of(const CorpusFlags& flags) {
    CorpusOptions corpus = flags.corpus;
    corpus.limit_bytes = static_cast<uint64_t>(flags.limit_megabytes) * kMegabyte;
    corpus.bytes_min = static_cast<uint64_t>(flags.bytes_min);
    return corpus;
}

void print_counts(const CorpusCounts& counts) {
    std::printf("%llu documents of %llu files, %.1f MB of text\n",
                static_cast<unsigned long long>(counts.documents),
                static_cast<unsigned long long>(counts.files),
                static_cast<double>(counts.bytes) / 1e6);
    print_some(counts.replaced, "ill-formed parts of the text became U+FFFD");
    print_some(counts.short_ones, "documents were left out, for they are too short");
    print_some(counts.equal_ones, "documents were left out, for they are equal to earlier ones");
    print_some(counts.bad_lines, "lines were left out, for they hold no document");
}

}  // namespace assay
