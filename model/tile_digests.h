// Hashes of a buffer's tiles on the threads of a pool: the same digests as core/merkle.h's.

#pragma once

#include <span>
#include <vector>

#include "core/merkle.h"
#include "kernels/thread_pool.h"

namespace assay {

// REQUIRES: values.size() is a multiple of kTileValues.
std::vector<Digest> tile_digests(ThreadPool& pool, std::span<const float> values);

}  // namespace assay
