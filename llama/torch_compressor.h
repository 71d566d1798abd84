// The published compressor in plain libtorch operations: 64 x 64 blocks, top-k, four codes by
// rounding with a table of bin means, 12-bit indices, scatter-reduced means.
//
// Only for `assay bench compression`, as what Assay's compressor is compared with; the algorithm
// is written from its description (Covenant-72B report, section 2.1). Free of libtorch.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace assay {

class TorchCompressor {
public:
    // For a matrix whose sides are multiples of 64. Sets the threads of libtorch in this process.
    TorchCompressor(int64_t rows, int64_t columns, int64_t keep, int threads);
    ~TorchCompressor();
    TorchCompressor(const TorchCompressor&) = delete;
    TorchCompressor& operator=(const TorchCompressor&) = delete;

    // e <- beta e + start - end, compressed into payload `slot`; then e <- e - what was sent.
    void compress(const std::vector<float>& start,
                  const std::vector<float>& end,
                  std::vector<float>& e,
                  double beta,
                  size_t slot);
    // Of compress, from `values` on: top-k, gather, codes, packing. e is not touched.
    void compress_core(const std::vector<float>& values, size_t slot);
    // Unpacks payload `slot` to a dense matrix, kept inside.
    void decode(size_t slot);
    // The mean over the senders of each entry of all payloads, clipped to the median norm, as a
    // dense matrix, kept inside. Payloads are unpacked beforehand.
    void unpack_all();
    void aggregate();

    // A value of the last decoded or aggregated matrix, so that its work is used.
    [[nodiscard]] float value(int64_t row, int64_t column) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace assay
