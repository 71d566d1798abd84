// What turns packed bytes into those that were packed: one stream of gzip, Zstandard, xz or bzip2.
//
// Memory is bounded by what the format's own tools take by default: a stream that asks for more is
// refused. Not thread-safe.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "core/result.h"

namespace assay {

enum class Packing { kPlain, kGzip, kZstandard, kXz, kBzip2 };
// "gzip", "Zstandard", ...
const char* packing_name(Packing packing);
// By the first bytes; kPlain if they are no packed stream's.
Packing packing_of(std::string_view first_bytes);
constexpr size_t kPackingMarkBytes = 6;  // as many tell

class Unpacker {
public:
    struct Step {
        size_t taken = 0;    // of `packed`
        size_t made = 0;     // into `into`
        bool ended = false;  // the stream is over; what follows is none of its
    };
    virtual ~Unpacker() = default;
    // Makes as much as fits. `last`: nothing comes behind `packed`. Fails on damage.
    virtual Result<Step> step(std::span<const char> packed, std::span<char> into, bool last) = 0;
};

// For one stream. REQUIRES: not kPlain. Fails where memory does.
Result<std::unique_ptr<Unpacker>> make_unpacker(Packing packing);

}  // namespace assay
