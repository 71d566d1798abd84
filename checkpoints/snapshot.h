// A run as a value: everything that the next round starts from, and whose run it is.
//
// Not a file format (checkpoints/snapshot_store.h) and not what strangers exchange (tiles and
// blobs).

#pragma once

#include <string>
#include <vector>

#include "core/digest.h"
#include "core/ids.h"
#include "model/shape.h"

namespace assay {

struct Snapshot {
    RoundId round;  // the next one to run
    std::string run_name;
    Digest manifest;
    std::string config_text;  // canonical settings of the run
    ModelShape shape;
    std::vector<float> theta;        // llama_layout(shape) order
    std::vector<float> accumulator;  // E, the same order; empty in an imported model
    std::vector<float> momentum;     // outer momentum; empty where there is none
};

// For `assay checkpoint info`: lines for people, one setting of the shape on each; and the same as
// JSON.
std::string describe_snapshot(const Snapshot& snapshot);
std::string snapshot_json(const Snapshot& snapshot);

}  // namespace assay
