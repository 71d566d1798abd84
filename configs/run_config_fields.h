// Names, units, bounds and help of the settings that configs/run_config.h declares.
//
// Included by run_config.h alone; the other sections' lists stand beside their structs.

#pragma once

#include "configs/run_config.h"
#include "protocol/limits.h"

namespace assay {

template <class V>
void NameSettings::for_each(V& visitor) {
    visitor(Field{"name", "", 0, 0, "name of the run, for people"}, name);
    visitor(Field{"seed", "", 0, 9e15, "data order and initial values follow from it"}, seed);
}

template <class V>
void DataSettings::for_each(V& visitor) {
    visitor(Field{"sequence_tokens",
                  "tokens",
                  1,
                  limits::kSequenceTokensMax,
                  "T: tokens of a training sequence; at most model.context"},
            sequence_tokens);
}

template <class V>
void InnerSettings::for_each(V& visitor) {
    visitor(Field{"numeric_class",
                  "",
                  0,
                  0,
                  "arithmetic in which gradients are compared: bit for bit, or within tolerances",
                  {"exact", "fp32", "tf32", "bf16"}},
            numeric_class);
    visitor(Field{"inner_steps",
                  "steps",
                  1,
                  limits::kInnerStepsMax,
                  "H: optimiser steps of a peer between two outer steps"},
            inner_steps);
    visitor(Field{"sequences_per_step",
                  "sequences",
                  1,
                  limits::kSequencesPerStepMax,
                  "B: batch of a peer of median speed; measured speed scales it"},
            sequences_per_step);
    visitor(Field{"grain_sequences",
                  "sequences",
                  1,
                  limits::kSequencesPerStepMax,
                  "a gradient is summed over grains of this size; divides sequences_per_step"},
            grain_sequences);
    visitor(Field{"learning_rate", "", 0, 10, "highest learning rate of AdamW"}, learning_rate);
    visitor(Field{"warmup_rounds",
                  "rounds",
                  0,
                  100000,
                  "rounds over which the learning rate rises from zero"},
            warmup_rounds);
    visitor(Field{"final_rate",
                  "",
                  0,
                  1,
                  "part of learning_rate that is left when the cosine ends with the last round"},
            final_rate);
    visitor(Field{"beta1", "", 0, kBetaMax, "decay of AdamW's first moment"}, beta1);
    visitor(Field{"beta2", "", 0, kBetaMax, "decay of AdamW's second moment"}, beta2);
    visitor(Field{"epsilon", "", 1e-30, 1, "epsilon of AdamW"}, epsilon);
    visitor(Field{"weight_decay", "", 0, 10, "decoupled weight decay of matrices"}, weight_decay);
    visitor(Field{"clip", "", 0, 1e6, "largest global norm of a gradient; 0: no clipping"}, clip);
    visitor(Field{"state",
                  "",
                  0,
                  0,
                  "AdamW's moments from round to round: carried on, or set to zero",
                  {"carry", "reset"}},
            state);
}

constexpr double kDayMs = 86400000;

// Who takes part, and when the rest of a roster is no longer waited for.
template <class V>
void visit_roster(V& visitor, RoundSettings& settings) {
    visitor(Field{"rounds", "rounds", 1, 10000000, "rounds of the run, voided ones included"},
            settings.rounds);
    visitor(Field{"peers_min", "peers", 1, limits::kPeersMax, "a round waits for so many peers"},
            settings.peers_min);
    visitor(Field{"peers_start",
                  "peers",
                  0,
                  limits::kPeersMax,
                  "the first round waits for so many, if that is more"},
            settings.peers_start);
    visitor(Field{"peers_max",
                  "peers",
                  1,
                  limits::kPeersMax,
                  "largest roster; the longest tenures go first"},
            settings.peers_max);
    visitor(Field{"quorum_percent",
                  "%",
                  1,
                  100,
                  "part of the roster after whose commits only the grace is left"},
            settings.quorum_percent);
    visitor(Field{"speed_span",
                  "",
                  1,
                  1024,
                  "a peer's batch lies within sequences_per_step / span and * span"},
            settings.speed_span);
    visitor(Field{"grace_ms", "ms", 0, kDayMs, "what the rest of the roster gets after a quorum"},
            settings.grace_ms);
}

// How long a phase may take, and what is assumed of a peer that has measured nothing.
template <class V>
void visit_deadlines(V& visitor, RoundSettings& settings) {
    visitor(Field{"slack_percent", "%", 0, 10000, "deadlines: time on top of what was measured"},
            settings.slack_percent);
    visitor(Field{"commit_floor_ms", "ms", 1, kDayMs, "shortest time to train and commit"},
            settings.commit_floor_ms);
    visitor(Field{"commit_ceiling_ms", "ms", 1, kDayMs, "longest time to train and commit"},
            settings.commit_ceiling_ms);
    visitor(
        Field{"transfer_floor_ms", "ms", 1, kDayMs, "shortest time for a payload or an opening"},
        settings.transfer_floor_ms);
    visitor(
        Field{"transfer_ceiling_ms", "ms", 1, kDayMs, "longest time for a payload or an opening"},
        settings.transfer_ceiling_ms);
    visitor(Field{"default_tokens_per_second",
                  "tokens/s",
                  1,
                  1e9,
                  "assumed of a peer that has not measured its speed"},
            settings.default_tokens_per_second);
    visitor(Field{"default_uplink_bytes_per_second",
                  "bytes/s",
                  1,
                  1e12,
                  "assumed of a peer that has not measured its uplink"},
            settings.default_uplink_bytes_per_second);
    visitor(Field{"least_uplink_bytes_per_second",
                  "bytes/s",
                  1,
                  1e12,
                  "what a peer needs: no slower link is planned or waited for"},
            settings.least_uplink_bytes_per_second);
}

template <class V>
void RoundSettings::for_each(V& visitor) {
    visit_roster(visitor, *this);
    visit_deadlines(visitor, *this);
    visitor(Field{"loss_sequences",
                  "sequences",
                  1,
                  1000000,
                  "held-out sequences of the loss that a round reports"},
            loss_sequences);
    visitor(
        Field{"admit",
              "",
              0,
              0,
              "whose keys may connect: those in the file of `assay coordinator --admit`, or any",
              {"list", "any"}},
        admit);
    visitor(Field{"newcomers_max", "peers", 1, limits::kPeersMax, "admit any: new in one roster"},
            newcomers_max);
    visitor(Field{"newcomers_per_minute", "peers", 1, 1e5, "admit any: new from one address"},
            newcomers_per_minute);
    visitor(Field{"entry_work_bits", "bits", 0, 40, "2^bits hashes a new key pays; 0: none"},
            entry_work_bits);
    visitor(Field{"classes",
                  "",
                  0,
                  0,
                  "numeric classes that a peer may declare, as in \"exact,fp32\"; empty: "
                  "inner.numeric_class alone. Each admitted class is as strict as its own bounds"},
            classes);
}

template <class F>
void RunConfig::for_each_section(F&& visit) {
    visit("run", "the run itself", run);
    visit("model", "the Llama-style decoder", model);
    visit("data", "training sequences", data);
    visit("inner", "what a peer does between two outer steps", inner);
    visit("outer", "how the peers' work becomes one step", outer);
    visit("compression", "what travels", compression);
    visit("verify", "how work is checked before it is used and paid", verify);
    visit("pay", "what verified work earns, and when", pay);
    visit("rounds", "how many, with whom, and how long they wait", rounds);
}

}  // namespace assay
