// SimPeer, what an attacker's program may do beside a peer's own.

#include <algorithm>

#include "core/check.h"
#include "protocol/codec.h"
#include "rounds/deadlines.h"
#include "rounds/round_plan.h"
#include "simulation/sim_peer.h"

namespace assay {

Patience SimPeer::patience() const {
    const DeadlineRules& rules = run_.rules.deadlines;
    const uint64_t states =
        static_cast<uint64_t>(run_.rules.verify.audit_steps) * theta_bytes(run_.rules);
    Patience patience;
    patience.grace = rules.grace;
    patience.opening = longest_transfer(rules, run_.rules.opening_bytes_max + states, {});
    const uint64_t least = rules.least_uplink_bytes_per_second;
    patience.slowest_bytes_second =
        std::max<uint64_t>(1, least * 102 / (100 + rules.slack_percent));
    ASSAY_CHECK_LE(patience.slowest_bytes_second, least * 2);
    return patience;
}

AdversaryPorts SimPeer::what_it_may() {
    AdversaryPorts ports;
    ports.read_held_out =
        [this](std::span<const uint64_t> samples) -> Result<std::vector<int32_t>> {
        return run_.read("held out", samples);
    };
    ports.at_stake = at_stake_;
    ports.patience = patience();
    let_move_otherwise(ports);
    return ports;
}

void SimPeer::let_move_otherwise(AdversaryPorts& ports) {
    ports.say = [this](const Message& message) {
        if (channel_) {
            (void)channel_->send(seal(identity_, message));
        }
    };
    ports.after = [this](DurationMs time, std::function<void()> act) {
        later(time.ms, [act = std::move(act)]() -> std::optional<PeerEvent> {
            act();
            return std::nullopt;
        });
    };
    ports.come_late = [this](DurationMs by) { late_by_ = by; };
    ports.send_at = [this](uint64_t pace) { pace_ = pace; };
    ports.hang_up = [this] {
        channel_.reset();
        feed(ChannelDown{"hung up"});
    };
    ports.share_machine = [this](uint32_t keys) {
        ASSAY_CHECK_LT(uint32_t{0}, keys);
        machine_keys_ = keys;
    };
}

uint64_t SimPeer::bytes_second() const {
    return run_.options.slow_uplink > 0 && number_ == 0 ? run_.options.slow_uplink : pace_;
}

uint64_t SimPeer::speed() const {
    return std::max<uint64_t>(1, tokens_per_second_ / machine_keys_);
}

std::optional<PeerEvent> SimPeer::when_it_says(const PeerEvent& event) {
    if (late_by_.ms == 0) {
        return event;
    }
    later(late_by_.ms, [event]() -> std::optional<PeerEvent> { return event; });
    return std::nullopt;
}

}  // namespace assay
