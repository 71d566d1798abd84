// One function per subcommand: each adds itself, its options and its action to the command line.

#pragma once

#include "cli/command_line.h"

namespace assay {

// What their options hold lives as long as the command line.
void add_demo(CommandLine& line);
void add_coordinator(CommandLine& line);
void add_peer(CommandLine& line);
void add_demo_adversary(CommandLine& line);
void add_serve(CommandLine& line);
void add_keygen(CommandLine& line);
void add_tokenizer(CommandLine& line);
void add_data(CommandLine& line);
void add_checkpoint(CommandLine& line);
void add_checkpoint_diff(CommandLine& line);
void add_ledger(CommandLine& line);
void add_recompute(CommandLine& line);
void add_dispute(CommandLine& line);
void add_member(CommandLine& line);
void add_simulate(CommandLine& line);
void add_bench(CommandLine& line);
void add_red_team(CommandLine& line);  // behind add_bench
void add_doctor(CommandLine& line);
void add_risk(CommandLine& line);

struct PeerCommand;
// Options that `peer` and `demo-adversary` share.
void add_peer_options(Command& command, PeerCommand& options);

}  // namespace assay
