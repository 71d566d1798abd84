// `assay bench [NAME]`: the benchmarks of the product.

#include "benchmarks/bench.h"
#include "cli/bench_command.h"
#include "cli/commands.h"

namespace assay {

void add_bench(CommandLine& line) {
    add_bench_command(line,
                      {"bench",
                       "Measure this machine: list the benchmarks, or run one",
                       "assay bench compression --threads 1 --json rows.json",
                       "benchmark",
                       all_benches()});
}

}  // namespace assay
