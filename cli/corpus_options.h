// The options that name a corpus, for the commands that read one.

#pragma once

#include "cli/command_line.h"
#include "data/corpus.h"

namespace assay {

struct CorpusFlags {
    CorpusOptions corpus;
    int64_t limit_megabytes = 0;
    int64_t bytes_min = 0;
};

// Adds --input and what goes with it; `flags` must outlive the command line.
Command& add_corpus_options(Command& command, CorpusFlags& flags);
// What was asked for.
CorpusOptions corpus_of(const CorpusFlags& flags);
// What was read and left out, on lines of their own.
void print_counts(const CorpusCounts& counts);

}  // namespace assay
