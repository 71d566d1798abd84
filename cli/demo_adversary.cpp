// `assay demo-adversary`: a peer that cheats, for the demo and for tests of one's own coordinator.

#include <cstdio>

#include "adversaries/adversary.h"
#include "cli/commands.h"
#include "cli/node_commands.h"

namespace assay {

void add_demo_adversary(CommandLine& line) {
    static PeerCommand options;
    static std::string attack = "lazy";
    Command& command = line.add(
        "demo-adversary",
        "Run a peer that cheats: to see that your coordinator refuses it",
        "assay demo-adversary --attack sign_flip --coordinator tcp://127.0.0.1:7700 "
        "--coordinator-key 9f3c... --dir cheat",
        [] {
            return run_peer_command(
                options, [](TrainerSettings settings, TrainerPorts ports, GradientModel& model) {
                    return make_adversary(attack, std::move(settings), std::move(ports), model);
                });
        });
    add_peer_options(command, options);
    command.choice("--attack", attack, adversary_names(), "what it does");
}

}  // namespace assay
