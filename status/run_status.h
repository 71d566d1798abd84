// What a coordinator tells the people who watch it: values only, made by the event loop after each
// change. Nothing is decided from it.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/ids.h"

namespace assay {

// Amounts are integers of the ledger's smallest unit.
struct PeerStatus {
    PeerId id;
    bool connected = false;
    std::string doing;    // "step 5 of 12", "committed", "opened", ...
    std::string verdict;  // of its last round: "counted", "gated", "rejected", ...
    std::string reason;   // why, in words
    uint64_t payload_bytes = 0;
    uint64_t uploaded_bytes = 0;  // payload, openings and audited states, of its last round
    uint32_t tokens_per_second = 0;
    float loss = 0;  // own training loss, last reported step
    uint32_t tenure_rounds = 0;
    int64_t pay_share_nano_nats = 0;  // Aumann-Shapley share of its last judged round
    int64_t earned = 0;               // of its last settled round
    int64_t unvested = 0;
    int64_t vested = 0;
    int64_t deposit = 0;
    int64_t forfeited = 0;
};

// One finished round.
struct RoundStatus {
    RoundId round;
    bool voided = false;
    float loss_before = 0;  // held-out, nats per token
    float loss_after = 0;
    uint64_t tokens = 0;       // trained on by counted peers
    double seconds = 0;        // plan to summary
    double judge_seconds = 0;  // of the job thread, for the gates and the aggregate
    double audit_seconds = 0;  // for gradient audits, since the round before
    double bits_per_kept_value = 0;
    uint64_t aggregate_bytes = 0;
    double closure_error =
        0;  // sum of pay shares against the measured decrease of the loss, relative
    std::string theta_root;         // hexadecimal
    std::vector<PeerStatus> peers;  // those that submitted in it
};

struct CoordinatorStatus {
    std::string endpoint;
    std::string key;  // coordinator's public key, hexadecimal
    std::string phase;
    RoundId round;
    uint64_t rounds_total = 0;
    bool finished = false;
    std::string theta_root;
    double unigram_entropy = 0;  // nats per token of the held-out text
    uint64_t refused_messages = 0;
    std::vector<PeerStatus> peers;
};

}  // namespace assay
