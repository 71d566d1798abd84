// Whole updates on a device: the same codes, leftovers, shares and sums, bit for bit, as Compressor
// and aggregate give on the CPU. Bytes are made and read on the host (update_codec.h).
//
// No node calls this by itself: theta and e live in host memory, and what goes over the bus
// costs more than the CPU's pass over it. Stateless; one thread owns a device.

#pragma once

#include <span>

#include "compression/aggregate.h"
#include "compression/chunk_device.h"

namespace assay {

// As Compressor::compress. Fails too where the device does.
Status compress_on(ChunkDevice& device,
                   std::span<const float> theta_start,
                   std::span<const float> theta_end,
                   std::span<const float> e,
                   std::span<float> e_after,
                   const ParameterLayout& layout,
                   const CompressionSettings& settings,
                   SparseUpdate& update);

// As aggregate. REQUIRES: sparse contributions.
Status aggregate_on(ChunkDevice& device,
                    std::span<const Contribution> contributions,
                    const ParameterLayout& layout,
                    const AggregateSettings& settings,
                    AggregateResult& result);

// Compresses and aggregates made values on the device and on the CPU; fails where bits differ.
Status check_device(ChunkDevice& device);

}  // namespace assay
