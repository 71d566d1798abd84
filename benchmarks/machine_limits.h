// What this machine could do at best, measured: so that a reader sees how far from it a row is.

#pragma once

#include <string>

namespace assay {

// `tiny` measures all of them in a millisecond and on a block that caches hold: for tests.

// Floating-point operations a second (an fma is two) of independent chains in registers, with the
// kernels' path, on `threads` threads.
double fma_peak_per_second(int threads, bool tiny);

// Bytes a second of reading a block of 256 MiB once, on `threads` threads.
double stream_read_bytes_per_second(int threads, bool tiny);

// Bytes a second, read and written together, of a copy of such a block with memcpy.
double stream_copy_bytes_per_second(int threads, bool tiny);

// "FMA peak 117.0 GFLOP/s, stream read 35.1 GB/s, 1 thread".
std::string describe_limits(int threads, bool tiny);

}  // namespace assay
