// Settings of the compressor and the aggregate: name, unit, default, bounds and help in one place.
//
// Part of the run's manifest: all nodes compute with the same numbers. Plain values.

#pragma once

#include <cstdint>
#include <string>

#include "core/fields.h"

namespace assay {

struct CompressionSettings {
    int64_t keep = 64;             // values a peer keeps of a full chunk
    int64_t downlink_keep = 1024;  // values of Q(u) kept of a full chunk
    double beta = 0.95;            // decay of error feedback; used as fp32

    // All settings, in the order of the digest (core/fields.h).
    template <class V>
    void for_each(V& visitor) {
        visitor(Field{"keep", "values", 1, 4096, "values a peer sends of each chunk of 4096"},
                keep);
        visitor(Field{"downlink_keep",
                      "values",
                      1,
                      4096,
                      "values of the aggregate sent of each chunk of 4096"},
                downlink_keep);
        visitor(Field{"beta", "", 0, 1, "what is left of the error feedback from round to round"},
                beta);
    }
    template <class V>
    void for_each(V& visitor) const {
        const_cast<CompressionSettings*>(this)->for_each(visitor);
    }
};

struct AggregateSettings {
    double alpha = 1.0;              // outer learning rate
    std::string mean = "per_entry";  // or "per_peer" (docs/compression.md)
    double cap = 2.0;                // ||D_i|| <= cap / R of the sum of all ||D_j||
    bool clip_to_median = true;      // per tensor, to the lower median of the norms

    // All settings, in the order of the digest (core/fields.h).
    template <class V>
    void for_each(V& visitor) {
        visitor(Field{"alpha", "", 0, 16, "outer learning rate"}, alpha);
        visitor(Field{"mean",
                      "",
                      0,
                      0,
                      "mean over the senders of an entry, or over the weights of all peers",
                      {"per_entry", "per_peer"}},
                mean);
        visitor(Field{"cap",
                      "",
                      1,
                      1024,
                      "largest share of a peer in the sum of norms, in units of one R-th"},
                cap);
        visitor(Field{"clip_to_median",
                      "",
                      0,
                      1,
                      "scale payloads down, per tensor, to the lower median of their norms"},
                clip_to_median);
    }
    template <class V>
    void for_each(V& visitor) const {
        const_cast<AggregateSettings*>(this)->for_each(visitor);
    }
};

}  // namespace assay
