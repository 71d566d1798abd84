// Asks for the next chunk's values while this one is being worked on, a few cache lines at a time:
// memory never rests, and nobody waits for it. Changes no result.

#pragma once

#include <array>
#include <cstddef>

#include "compression/chunk_ops.h"

namespace assay {

class ReadAhead {
public:
    ReadAhead() = default;
    // The 4096 values of each array of `in`.
    explicit ReadAhead(const FeedbackIn& in)
        : arrays_{reinterpret_cast<const char*>(in.theta_start),
                  reinterpret_cast<const char*>(in.theta_end),
                  reinterpret_cast<const char*>(in.e)},
          left_(kLines) {}

    // `lines` more of each array.
    void go(size_t lines) {
        for (; lines > 0 && left_ > 0; --lines, --left_) {
            for (const char*& at : arrays_) {
                __builtin_prefetch(at, 0, 3);
                at += kLineBytes;
            }
        }
    }

private:
    static constexpr size_t kLineBytes = 64;
    static constexpr size_t kLines = 4096 * sizeof(float) / kLineBytes;
    std::array<const char*, 3> arrays_{};
    size_t left_ = 0;
};

}  // namespace assay
