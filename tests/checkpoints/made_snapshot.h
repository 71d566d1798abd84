// A tiny model's snapshot for the tests of this folder.

#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "checkpoints/snapshot.h"
#include "core/rng.h"

namespace assay {

inline bool says(const std::string& text, const std::string& part) {
    INFO(text);
    return text.find(part) != std::string::npos;
}

inline Snapshot made_tiny_snapshot(bool tied = true, uint64_t round = 1) {
    Snapshot snapshot;
    snapshot.round.value = round;
    snapshot.run_name = "tiny";
    snapshot.manifest = sha256("manifest", {});
    snapshot.config_text = "a=b\n";
    snapshot.shape.vocab = 300;
    snapshot.shape.width = 16;
    snapshot.shape.layers = 2;
    snapshot.shape.heads = 2;
    snapshot.shape.kv_heads = 1;
    snapshot.shape.head_width = 8;
    snapshot.shape.ffn_width = 24;
    snapshot.shape.context = 16;
    snapshot.shape.tied = tied;
    snapshot.theta = initial_parameters(snapshot.shape, derive_seed(Digest{}, "tiny", {round}));
    snapshot.accumulator = snapshot.theta;
    return snapshot;
}

}  // namespace assay
