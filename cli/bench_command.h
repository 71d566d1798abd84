// The subcommand that lists benchmarks or runs one and prints its rows: `assay bench`, and the
// studies' own program.

#pragma once

#include <string>
#include <vector>

#include "benchmarks/bench.h"
#include "cli/command_line.h"

namespace assay {

struct BenchCommand {
    std::string path;  // of the subcommand
    std::string summary;
    std::string example;  // begins with the call: "assay bench ..."
    std::string noun;     // what one of them is called: "benchmark"
    std::vector<Bench> benches;

    // How it is called: "assay bench".
    [[nodiscard]] std::string call() const;
};

// Adds it with the options that at least one of its benches takes.
void add_bench_command(CommandLine& line, BenchCommand command);

}  // namespace assay
