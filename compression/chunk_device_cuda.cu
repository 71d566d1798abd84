// The kernels on an NVIDIA GPU. Compiled and linked, compared with the truth on a CPU by running
// the same bodies over the same grid; never yet run on a device.
#include <cuda_runtime.h>

#include <algorithm>
#include <vector>

#define ASSAY_DEVICE __device__

#include "compression/chunk_device.h"
#include "compression/compress_block.h"
#include "compression/shares_block.h"

namespace assay {

namespace {

constexpr uint64_t kBatchTiles = 16384;  // of a compression at a time: 800 MB of operands

struct CudaBlock {
    template <class Body>
    __device__ void each(const Body& body) const {
        body(threadIdx.x);
        __syncthreads();
    }
    __device__ uint32_t size() const { return kBlockThreads; }
    __device__ void add(uint32_t* where, uint32_t n) const { atomicAdd(where, n); }
};

__global__ void __launch_bounds__(kBlockThreads) compress_kernel(CompressGrid grid) {
    __shared__ CompressShared shared;
    CudaBlock block;
    compress_block(block, grid, blockIdx.x, shared);
}

__global__ void __launch_bounds__(kBlockThreads)
    energies_kernel(PayloadGrid payloads, double* squares) {
    const uint64_t at = uint64_t{blockIdx.x} * kBlockThreads + threadIdx.x;
    if (at < payloads.peers * payloads.tiles) {
        squares[at] = energy_of(payloads, at);
    }
}

__global__ void __launch_bounds__(kBlockThreads)
    shares_kernel(PayloadGrid payloads, ShareGrid grid) {
    __shared__ SharesShared shared;
    CudaBlock block;
    add_shares_block(block, payloads, grid, blockIdx.x, shared);
}

// The first error of a row of calls; the later ones are not made.
class Calls {
public:
    template <class Call>
    void then(const char* what, const Call& call) {
        if (error_ == cudaSuccess) {
            error_ = call();
            what_ = what;
        }
    }
    [[nodiscard]] bool ok() const { return error_ == cudaSuccess; }
    [[nodiscard]] Status status() const {
        return ok() ? Status()
                    : Status(
                          fail(std::string("CUDA: ") + what_ + ": " + cudaGetErrorString(error_)));
    }

private:
    cudaError_t error_ = cudaSuccess;
    const char* what_ = "";
};

// Memory on the device; grows, never shrinks.
template <class T>
class DeviceArray {
public:
    DeviceArray() = default;
    ~DeviceArray() { cudaFree(data_); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;

    T* data() const { return data_; }
    void resize(Calls& calls, uint64_t count) {
        if (count <= room_) {
            return;
        }
        cudaFree(data_);
        data_ = nullptr;
        room_ = 0;
        calls.then("memory", [&] { return cudaMalloc(&data_, count * sizeof(T)); });
        room_ = calls.ok() ? count : 0;
    }
    void upload(Calls& calls, const T* from, uint64_t count) {
        resize(calls, count);
        calls.then("copy to the device", [&] {
            return cudaMemcpy(data_, from, count * sizeof(T), cudaMemcpyHostToDevice);
        });
    }
    void download(Calls& calls, T* to, uint64_t count) const {
        calls.then("copy from the device", [&] {
            return cudaMemcpy(to, data_, count * sizeof(T), cudaMemcpyDeviceToHost);
        });
    }

private:
    T* data_ = nullptr;
    uint64_t room_ = 0;
};

class CudaDevice final : public ChunkDevice {
public:
    explicit CudaDevice(std::string name) : name_(std::move(name)) {}

    std::string name() const override { return name_; }
    Status compress(const CompressGrid& grid) override;
    Status load(const PayloadGrid& payloads) override;
    Status energies(double* squares) override;
    Status add_shares(const ShareGrid& grid) override;

private:
    void compress_batch(Calls& calls, const CompressGrid& grid, uint64_t first);
    uint64_t payload_chunks() const { return payloads_.peers * payloads_.tiles; }

    const std::string name_;
    DeviceArray<uint16_t> live_;
    DeviceArray<float> theta_start_;
    DeviceArray<float> theta_end_;
    DeviceArray<float> e_;
    DeviceArray<ChunkHead> heads_;
    DeviceArray<uint16_t> indices_;
    DeviceArray<uint8_t> codes_;

    PayloadGrid payloads_;  // in the arrays above
    DeviceArray<float> clips_;
    DeviceArray<float> weights_;
    DeviceArray<float> caps_;
    DeviceArray<float> sum_;
    DeviceArray<double> squares_;
};

void CudaDevice::compress_batch(Calls& calls, const CompressGrid& grid, uint64_t first) {
    CompressGrid batch = grid;
    batch.tiles = std::min(kBatchTiles, grid.tiles - first);
    const uint64_t values = batch.tiles * kBlockValues;
    const uint64_t at = first * kBlockValues;
    live_.upload(calls, grid.live + first, batch.tiles);
    theta_start_.upload(calls, grid.theta_start + at, values);
    theta_end_.upload(calls, grid.theta_end + at, values);
    e_.upload(calls, grid.e + at, values);
    heads_.resize(calls, batch.tiles);
    indices_.resize(calls, batch.tiles * grid.keep);
    codes_.resize(calls, batch.tiles * grid.keep);
    batch.live = live_.data();
    batch.theta_start = theta_start_.data();
    batch.theta_end = theta_end_.data();
    batch.e = e_.data();
    batch.e_after = e_.data();
    batch.heads = heads_.data();
    batch.indices = indices_.data();
    batch.codes = codes_.data();
    calls.then("compression", [&] {
        compress_kernel<<<static_cast<unsigned>(batch.tiles), kBlockThreads>>>(batch);
        return cudaGetLastError();
    });
    e_.download(calls, grid.e_after + at, values);
    heads_.download(calls, grid.heads + first, batch.tiles);
    indices_.download(calls, grid.indices + first * grid.keep, batch.tiles * grid.keep);
    codes_.download(calls, grid.codes + first * grid.keep, batch.tiles * grid.keep);
}

Status CudaDevice::compress(const CompressGrid& grid) {
    payloads_ = PayloadGrid();  // their arrays are written over
    Calls calls;
    for (uint64_t first = 0; first < grid.tiles; first += kBatchTiles) {
        compress_batch(calls, grid, first);
    }
    return calls.status();
}

Status CudaDevice::load(const PayloadGrid& payloads) {
    Calls calls;
    payloads_ = payloads;
    heads_.upload(calls, payloads.heads, payload_chunks());
    indices_.upload(calls, payloads.indices, payload_chunks() * payloads.keep);
    codes_.upload(calls, payloads.codes, payload_chunks() * payloads.keep);
    payloads_.heads = heads_.data();
    payloads_.indices = indices_.data();
    payloads_.codes = codes_.data();
    return calls.status();
}

Status CudaDevice::energies(double* squares) {
    Calls calls;
    squares_.resize(calls, payload_chunks());
    const uint64_t blocks = (payload_chunks() + kBlockThreads - 1) / kBlockThreads;
    calls.then("energies", [&] {
        energies_kernel<<<static_cast<unsigned>(blocks), kBlockThreads>>>(payloads_,
                                                                          squares_.data());
        return cudaGetLastError();
    });
    squares_.download(calls, squares, payload_chunks());
    return calls.status();
}

Status CudaDevice::add_shares(const ShareGrid& grid) {
    Calls calls;
    ShareGrid on_device = grid;
    clips_.upload(calls, grid.clips, payload_chunks());
    weights_.upload(calls, grid.weights, payloads_.peers);
    caps_.upload(calls, grid.caps, payloads_.peers);
    sum_.resize(calls, payloads_.tiles * kBlockValues);
    squares_.resize(calls, payload_chunks());
    on_device.clips = clips_.data();
    on_device.weights = weights_.data();
    on_device.caps = caps_.data();
    on_device.sum = sum_.data();
    on_device.squares = squares_.data();
    calls.then("aggregate", [&] {
        shares_kernel<<<static_cast<unsigned>(payloads_.tiles), kBlockThreads>>>(payloads_,
                                                                                 on_device);
        return cudaGetLastError();
    });
    sum_.download(calls, grid.sum, payloads_.tiles * kBlockValues);
    squares_.download(calls, grid.squares, payload_chunks());
    return calls.status();
}

}  // namespace

bool cuda_compiled() {
    return true;
}

bool cuda_available() {
    int devices = 0;
    return cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0;
}

Result<std::unique_ptr<ChunkDevice>> open_cuda_device() {
    Calls calls;
    int devices = 0;
    cudaDeviceProp properties{};
    calls.then("devices", [&] { return cudaGetDeviceCount(&devices); });
    if (calls.ok() && devices == 0) {
        return fail("CUDA: no device");
    }
    calls.then("device 0", [&] { return cudaGetDeviceProperties(&properties, 0); });
    if (!calls.ok()) {
        return Status(calls.status()).error();
    }
    return std::unique_ptr<ChunkDevice>(new CudaDevice(properties.name));
}

}  // namespace assay
