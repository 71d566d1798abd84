// The `assay-studies` program: lists the studies of formats and strategies, and runs one.

#include <cstdio>
#include <exception>

#include "cli/bench_command.h"
#include "core/version.h"
#include "studies/all_studies.h"

int main(int argc, char** argv) {
    try {
        assay::CommandLine line(
            "assay-studies",
            "Assay's studies: which settings, formats and strategies of training are best.\n"
            "They train or count for minutes; what they found stands in docs/log.",
            std::string("assay-studies ") + assay::assay_version());
        assay::add_bench_command(line,
                                 {"run",
                                  "List the studies, or run one",
                                  "assay-studies run format --parameters 1M --plot format.svg",
                                  "study",
                                  assay::all_studies()});
        return line.run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "assay-studies: unexpected failure: %s\n", error.what());
        return assay::kExitFailed;
    }
}
