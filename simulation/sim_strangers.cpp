#include "simulation/sim_strangers.h"

#include <algorithm>

#include "protocol/codec.h"
#include "protocol/limits.h"

namespace assay {

namespace {

constexpr DurationMs kApart{20};
constexpr uint64_t kFirstStranger = 1000000;  // numbers of their keys

}  // namespace

SimStrangers::SimStrangers(const SimRun& run, const Clock& clock, LoopbackNetwork& network)
    : run_(run), clock_(clock), network_(network), began_(clock.now()) {}

std::optional<Instant> SimStrangers::next_due() const {
    return came_ < run_.options.strangers
               ? std::optional(began_ + DurationMs{kApart.ms * (int64_t{came_} + 1)})
               : std::nullopt;
}

void SimStrangers::run_due() {
    while (next_due() && *next_due() <= clock_.now()) {
        const Identity stranger = run_.peer_identity(kFirstStranger + came_++);
        Hello hello;
        hello.protocol_version = limits::kProtocolVersion;
        hello.manifest_digest = manifest_digest(run_.manifest);
        hello.numeric_class = run_.options.numeric_class;
        hello.tokens_per_second = 1;
        there_.push_back(network_.connect(stranger.id()));
        (void)there_.back()->send(seal(stranger, hello));
    }
    std::erase_if(there_, [](const std::unique_ptr<ClientChannel>& one) {
        const std::vector<ClientEvent> heard = one->poll({});
        return std::any_of(heard.begin(), heard.end(), [](const ClientEvent& event) {
            return std::holds_alternative<Disconnected>(event);
        });
    });
}

}  // namespace assay
