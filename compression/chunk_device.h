// What the kernels of a GPU do with all chunks of an update: the interface, and plain arrays.
//
// A device gets host memory and fills host memory; how it runs compress_block.h and shares_block.h
// over the chunks is its own affair (chunk_device_cuda.cu; the tests run them on the CPU). Entropy
// coding and everything between chunks stays on the host (device_update.h). Free of CUDA's types.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"

namespace assay {

constexpr uint32_t kBlockThreads = 256;  // of the threads that share a chunk

// One chunk's code without its entries, which stand in two arrays of `keep` places a chunk.
struct ChunkHead {
    uint16_t count = 0;
    uint16_t low_scale = 0;
    uint16_t high_scale = 0;
    uint16_t bad = 0;  // 1: a value is not finite; the rest is unspecified
};

struct CompressGrid {
    uint64_t tiles = 0;
    uint32_t keep = 0;
    float beta = 0;
    const uint16_t* live = nullptr;      // [tile]
    const float* theta_start = nullptr;  // [tile][4096]
    const float* theta_end = nullptr;
    const float* e = nullptr;
    float* e_after = nullptr;  // may be e
    ChunkHead* heads = nullptr;
    uint16_t* indices = nullptr;  // [tile][keep]
    uint8_t* codes = nullptr;
};

// Sparse payloads of all peers, in order of peer.
struct PayloadGrid {
    uint64_t tiles = 0;
    uint32_t peers = 0;
    uint32_t keep = 0;
    const ChunkHead* heads = nullptr;   // [peer][tile]
    const uint16_t* indices = nullptr;  // [peer][tile][keep]
    const uint8_t* codes = nullptr;
};

// As ShareRule of chunk_shares.h.
struct ShareGrid {
    bool per_entry = true;
    const float* clips = nullptr;    // [peer][tile]
    const float* weights = nullptr;  // [peer]
    const float* caps = nullptr;     // [peer]
    float* sum = nullptr;            // [tile][4096]
    double* squares = nullptr;       // [peer][tile]: ||D||^2
};

class ChunkDevice {
public:
    virtual ~ChunkDevice() = default;
    // For people. Each call below returns when its work is done, or fails in the runtime's words.
    [[nodiscard]] virtual std::string name() const = 0;
    virtual Status compress(const CompressGrid& grid) = 0;
    // Payloads for energies and add_shares; they stay on the device until the next.
    virtual Status load(const PayloadGrid& payloads) = 0;
    // ||q||^2, [peer][tile].
    virtual Status energies(double* squares) = 0;
    virtual Status add_shares(const ShareGrid& grid) = 0;
};

// Whether this build has the kernels, and whether a device that runs them is here.
[[nodiscard]] bool cuda_compiled();
[[nodiscard]] bool cuda_available();
// The first device; fails, with the reason in the runtime's own words, where there is none.
Result<std::unique_ptr<ChunkDevice>> open_cuda_device();

}  // namespace assay
