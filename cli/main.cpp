// The `assay` program: builds the command line and runs one subcommand.

#include <cstdio>
#include <exception>

#include "cli/commands.h"
#include "core/version.h"

int main(int argc, char** argv) {
    try {
        assay::CommandLine line(
            "assay",
            "Assay: machines that do not trust each other train one language model; each\n"
            "contribution is verified before it is used and before it is paid for.\n"
            "Start with: assay demo",
            std::string("assay ") + assay::assay_version());
        assay::add_demo(line);
        assay::add_coordinator(line);
        assay::add_peer(line);
        assay::add_demo_adversary(line);
        assay::add_serve(line);
        assay::add_keygen(line);
        assay::add_tokenizer(line);
        assay::add_data(line);
        assay::add_checkpoint(line);
        assay::add_checkpoint_diff(line);
        assay::add_ledger(line);
        assay::add_recompute(line);
        assay::add_dispute(line);
        assay::add_member(line);
        assay::add_simulate(line);
        assay::add_bench(line);
        assay::add_red_team(line);
        assay::add_doctor(line);
        assay::add_risk(line);
        return line.run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "assay: unexpected failure: %s\n", error.what());
        return assay::kExitFailed;
    }
}
