#include "llama/torch_compressor.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

namespace assay {

namespace {

constexpr int64_t kSide = 64;
constexpr int64_t kBins = 4;

struct Payload {
    at::Tensor packed;   // 12-bit indices
    at::Tensor codes;    // a byte each
    at::Tensor lookup;   // mean of each bin
    at::Tensor shift;    // mean of all
    at::Tensor indices;  // unpacked, for the aggregate
};

at::Tensor as_tensor(const std::vector<float>& values, int64_t rows, int64_t columns) {
    return at::from_blob(const_cast<float*>(values.data()), {rows, columns});
}

// [rows, columns] to [blocks, blocks, 4096].
at::Tensor blocks_of(const at::Tensor& matrix) {
    const int64_t down = matrix.size(0) / kSide;
    const int64_t across = matrix.size(1) / kSide;
    return matrix.reshape({down, kSide, across, kSide})
        .permute({0, 2, 1, 3})
        .reshape({down, across, kSide * kSide});
}

at::Tensor matrix_of(const at::Tensor& blocks) {
    const int64_t down = blocks.size(0);
    const int64_t across = blocks.size(1);
    return blocks.reshape({down, across, kSide, kSide})
        .permute({0, 2, 1, 3})
        .reshape({down * kSide, across * kSide});
}

at::Tensor packed_12_bit(const at::Tensor& indices) {
    const at::Tensor pairs = indices.reshape({-1, 2}).to(at::kInt);
    const at::Tensor first = pairs.select(1, 0);
    const at::Tensor second = pairs.select(1, 1);
    return at::stack({first.bitwise_and(0xff),
                      first.bitwise_right_shift(8).bitwise_or(
                          second.bitwise_and(0xf).bitwise_left_shift(4)),
                      second.bitwise_right_shift(4)},
                     1)
        .to(at::kByte);
}

at::Tensor unpacked_12_bit(const at::Tensor& packed, at::IntArrayRef shape) {
    const at::Tensor bytes = packed.to(at::kLong);
    const at::Tensor middle = bytes.select(1, 1);
    const at::Tensor first =
        bytes.select(1, 0).bitwise_or(middle.bitwise_and(0xf).bitwise_left_shift(8));
    const at::Tensor second =
        middle.bitwise_right_shift(4).bitwise_or(bytes.select(1, 2).bitwise_left_shift(4));
    return at::stack({first, second}, 1).reshape(shape);
}

void quantise(const at::Tensor& values, Payload& payload) {
    payload.shift = values.mean();
    const at::Tensor centred = values - payload.shift;
    const double count = static_cast<double>(values.numel());
    const double deviation = centred.norm().item<double>() / std::sqrt(count - 1);
    const double scale = deviation > 0 ? 6 * deviation / static_cast<double>(kBins) : 1;
    const at::Tensor bins = (centred / scale + kBins / 2).round_().clamp_(0, kBins - 1);
    payload.codes = bins.to(at::kByte);
    const at::Tensor flat = bins.to(at::kLong).flatten();
    const at::Tensor sums = at::zeros({kBins}).scatter_add_(0, flat, centred.flatten());
    const at::Tensor counts = at::bincount(flat, {}, kBins);
    payload.lookup = sums / counts.clamp_min(1);
}

at::Tensor dequantised(const Payload& payload) {
    return payload.lookup.take(payload.codes.to(at::kLong)) + payload.shift;
}

at::Tensor scattered(const at::Tensor& indices, const at::Tensor& values) {
    return at::zeros({indices.size(0), indices.size(1), kSide * kSide})
        .scatter_reduce_(2, indices, values, "mean", false);
}

}  // namespace

struct TorchCompressor::State {
    int64_t rows;
    int64_t columns;
    int64_t keep;
    std::vector<Payload> payloads;
    at::Tensor dense;

    Payload& slot(size_t index) {
        if (payloads.size() <= index) {
            payloads.resize(index + 1);
        }
        return payloads[index];
    }
    void pack(const at::Tensor& matrix, Payload& payload) const {
        const at::Tensor blocks = blocks_of(matrix);
        const at::Tensor indices = std::get<1>(at::topk(blocks.abs(), keep, 2, true, false));
        quantise(blocks.gather(2, indices), payload);
        payload.packed = packed_12_bit(indices);
        payload.indices = indices;
    }
};

TorchCompressor::TorchCompressor(int64_t rows, int64_t columns, int64_t keep, int threads)
    : state_(std::make_unique<State>(State{rows, columns, keep, {}, {}})) {
    at::set_num_threads(threads);
}

TorchCompressor::~TorchCompressor() = default;

void TorchCompressor::compress(const std::vector<float>& start,
                               const std::vector<float>& end,
                               std::vector<float>& e,
                               double beta,
                               size_t slot) {
    const at::NoGradGuard no_grad;
    State& s = *state_;
    at::Tensor feedback = as_tensor(e, s.rows, s.columns);
    feedback.mul_(beta).add_(as_tensor(start, s.rows, s.columns) -
                             as_tensor(end, s.rows, s.columns));
    Payload& payload = s.slot(slot);
    s.pack(feedback, payload);
    feedback.sub_(matrix_of(scattered(payload.indices, dequantised(payload))));
}

void TorchCompressor::compress_core(const std::vector<float>& values, size_t slot) {
    const at::NoGradGuard no_grad;
    state_->pack(as_tensor(values, state_->rows, state_->columns), state_->slot(slot));
}

void TorchCompressor::decode(size_t slot) {
    const at::NoGradGuard no_grad;
    const Payload& payload = state_->payloads[slot];
    const at::Tensor indices = unpacked_12_bit(payload.packed, payload.codes.sizes());
    state_->dense = matrix_of(scattered(indices, dequantised(payload)));
}

void TorchCompressor::unpack_all() {
    for (Payload& payload : state_->payloads) {
        payload.indices = unpacked_12_bit(payload.packed, payload.codes.sizes());
    }
}

void TorchCompressor::aggregate() {
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> values;
    std::vector<at::Tensor> norms;
    std::vector<at::Tensor> indices;
    for (const Payload& payload : state_->payloads) {
        values.push_back(dequantised(payload));
        norms.push_back(values.back().norm());
        indices.push_back(payload.indices);
    }
    const at::Tensor all = at::stack(norms);
    const at::Tensor factors = (all.median() / (all + 1e-8)).clamp_max(1);
    for (size_t i = 0; i < values.size(); ++i) {
        values[i].mul_(factors[static_cast<int64_t>(i)]);
    }
    state_->dense = matrix_of(scattered(at::cat(indices, 2), at::cat(values, 2)));
}

float TorchCompressor::value(int64_t row, int64_t column) const {
    return state_->dense.select(0, row).select(0, column).item<float>();
}

}  // namespace assay
