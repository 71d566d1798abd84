// One training run of one strategy in one process: inner loops, compressor, aggregate and outer
// step are the real ones, peers take turns, without sockets or checks.
//
// All strategies see the same batches and the same schedule. Plain values but for the run itself.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "benchmarks/bench_text.h"
#include "model/gradient_model.h"
#include "model/outer_step.h"
#include "model/shape.h"
#include "studies/study_coder.h"

namespace assay {

struct StrategySizes {
    ModelShape shape;
    uint32_t peers = 4;
    uint32_t sequence_tokens = 64;
    uint32_t sequences = 8;
    uint32_t inner_steps = 10;
    uint32_t rounds = 30;
    uint64_t held_out = 128;

    [[nodiscard]] uint32_t steps() const { return inner_steps * rounds; }
    // That all peers train together.
    [[nodiscard]] uint64_t tokens() const {
        return uint64_t{steps()} * peers * sequences * sequence_tokens;
    }
};
// 131 k parameters; tiny: seconds.
StrategySizes strategy_sizes(bool tiny);
// The same text and schedule with 1.07 M parameters, those of the demo.
StrategySizes demo_strategy_sizes();

// How the outer step travels down. Only the first is a format of ours; the others show what it
// costs.
enum class Downlink : uint8_t { kTopK, kDense, kBits4, kBits8 };

struct StrategyCase {
    std::string name;
    std::string strategy;
    double learning_rate = 3e-3;
    AggregateSettings aggregate = {};
    double momentum = 0.9;
    CompressionSettings compression = {};
    Downlink downlink = Downlink::kTopK;
    std::optional<StudyCoding> study = {};  // codes the peers' updates instead; sparseloco alone
};

struct StrategyOutcome {
    double loss = 0;
    double bytes_up = 0;    // a peer and round
    double bytes_down = 0;  // a round
    double bits = 0;        // a kept value; counted where a study coder sends
    Digest theta_root;
};

// What a peer's compressor is about to see.
struct CompressorInput {
    uint32_t round = 0;
    uint32_t peer = 0;
    std::span<const float> theta_start, theta_end, e;
};
using CompressorWatch = std::function<void(const CompressorInput&)>;

struct StrategySetup {
    StrategySizes sizes;
    BenchText text;
    std::unique_ptr<GradientModel> model;
};
// Reads the text and makes the model; one setup serves all strategies and seeds.
Result<StrategySetup> strategy_setup(const BenchOptions& options, const StrategySizes& sizes);

// "ddp" is the mean gradient of all peers in every step.
Result<StrategyOutcome> run_strategy(const StrategySetup& setup,
                                     const StrategyCase& one,
                                     uint64_t seed,
                                     const CompressorWatch& watch = {});

struct StrategySeeds {
    uint64_t first = 0;
    int64_t count = 1;
};
// Means over the seeds; the note tells each seed's loss and the last parameters.
Result<StrategyOutcome> run_seeds(const StrategySetup& setup,
                                  const StrategyCase& one,
                                  StrategySeeds seeds,
                                  std::string& note);

}  // namespace assay
