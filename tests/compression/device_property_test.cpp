// The GPU's kernels against the truth: their bodies on the CPU over the same grid, and, where a
// device is present, the kernels themselves.
#include <rapidcheck.h>

#include <catch2/catch.hpp>
#include <limits>

#include "compression/compressor.h"
#include "compression/device_update.h"
#include "compression/error_feedback.h"
#include "tests/compression/host_device.h"
#include "tests/compression/samples.h"
#include "tests/compression/update_cases.h"
#include "tests/support/skip.h"

namespace assay {

namespace {

// By shape: many ties, all exponents, a narrow range, zeros of both signs with denormals.
float device_value(CounterRng& rng, int shape) {
    const auto bits = static_cast<uint32_t>(rng.below(uint64_t{1} << 32));
    switch (shape) {
        case 0:
            return static_cast<float>(bits % 7) - 3.0F;
        case 1:
            return std::bit_cast<float>(bits & 0xbfffffffU);
        case 2:
            return static_cast<float>(rng.unit() - 0.5) * 1e-3F;
        default:
            return std::bit_cast<float>(rng.below(8) == 0 ? bits & 0x803fffffU
                                                          : bits & 0x80000000U);
    }
}

std::vector<float> device_values(const ParameterLayout& layout, uint64_t seed, int shape) {
    CounterRng rng = sample_rng(seed);
    std::vector<float> values(layout.value_count(), 0.0F);
    for (const TensorLayout& tensor : layout.tensors) {
        for (uint64_t i = 0; i < tensor.live(); ++i) {
            values[tensor.first_value() + i] = device_value(rng, shape);
        }
    }
    return values;
}

std::vector<std::unique_ptr<ChunkDevice>> host_devices() {
    std::vector<std::unique_ptr<ChunkDevice>> devices;
    for (const uint32_t size : {kBlockThreads, 32U}) {
        for (const bool backwards : {false, true}) {
            devices.push_back(
                std::make_unique<HostDevice<PhasedGrid>>(PhasedGrid::of(size, backwards)));
        }
    }
    return devices;
}

struct Compression {
    Status status;
    SparseUpdate update;
    std::vector<float> e_after;
};

}  // namespace

TEST_CASE("kernels compress as the truth does, for any values, keeps and sizes of a block") {
    const ParameterLayout layout = awkward_layout();
    CHECK(rc::check([&] {
        CompressionSettings settings;
        settings.keep = *rc::gen::element<int64_t>(1, 64, 257, 1024, 4096);
        const auto shape = *rc::gen::inRange(0, 4);
        const auto seed = *rc::gen::arbitrary<uint64_t>();
        const std::vector<float> start = device_values(layout, seed, shape);
        const std::vector<float> end = device_values(layout, seed + 1, shape);
        const std::vector<float> e = device_values(layout, seed + 2, shape);
        Compression truth;
        truth.e_after.resize(e.size());
        Compressor compressor(layout, settings, 1, KernelPath::kScalar);
        truth.status = compressor.compress(start, end, e, truth.e_after, truth.update);
        for (const auto& device : host_devices()) {
            Compression got;
            got.e_after = e;
            got.status = compress_on(
                *device, start, end, got.e_after, got.e_after, layout, settings, got.update);
            RC_ASSERT(got.status.ok() == truth.status.ok());
            if (truth.status.ok()) {
                RC_ASSERT(got.update == truth.update);
                RC_ASSERT(equal_bits(got.e_after, truth.e_after));
            } else {
                RC_ASSERT(got.status.reason() == truth.status.reason());
            }
        }
    }));
}

TEST_CASE("kernels refuse what is not finite, by tensor and chunk") {
    const ParameterLayout layout = awkward_layout();
    const CompressionSettings settings;
    const std::vector<float> zeros(layout.value_count(), 0.0F);
    for (const float bad :
         {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        std::vector<float> start = zeros;
        start[layout.tensors[3].first_value() + kTileValues + 9] = bad;
        start[layout.tensors[4].first_value()] = bad;
        start[layout.tensors[1].first_value() + 2] = bad;  // padding: nobody looks at it
        for (const auto& device : host_devices()) {
            std::vector<float> e = zeros;
            SparseUpdate update;
            const Status done = compress_on(*device, start, zeros, e, e, layout, settings, update);
            REQUIRE_FALSE(done.ok());
            CHECK(done.reason() == "cannot compress matrix, chunk 1: a value is not finite");
        }
    }
}

TEST_CASE("kernels aggregate as the truth does, with each mean, clip and cap") {
    const ParameterLayout layout = awkward_layout();
    CHECK(rc::check([&] {
        const auto peers = *rc::gen::inRange<size_t>(0, 9);
        const auto shape = *rc::gen::inRange(0, 4);
        const auto seed = *rc::gen::arbitrary<uint64_t>();
        AggregateSettings settings;
        settings.mean = *rc::gen::element<std::string>("per_entry", "per_peer");
        settings.clip_to_median = *rc::gen::arbitrary<bool>();
        settings.cap = *rc::gen::element(1.0, 1.5, 1024.0);
        const auto keep = *rc::gen::element<uint32_t>(64, 1024);
        std::vector<SparseUpdate> updates(peers);
        std::vector<Contribution> contributions;
        for (size_t i = 0; i < peers; ++i) {
            // Every third peer sends the same: entries of several senders.
            std::vector<float> values = device_values(layout, seed + i % 3, shape);
            updates[i] = code_values(values, layout, keep);
            Contribution one;
            one.peer.key[0] = static_cast<uint8_t>(i + 1);
            one.update = &updates[i];
            one.weight = 1.0 / static_cast<double>(1 + i % 4);
            contributions.push_back(one);
        }
        const AggregateResult truth = aggregate(contributions, layout, settings);
        for (const auto& device : host_devices()) {
            AggregateResult got;
            RC_ASSERT(aggregate_on(*device, contributions, layout, settings, got).ok());
            RC_ASSERT(equal_bits(got.sum, truth.sum));
            for (size_t i = 0; i < peers; ++i) {
                RC_ASSERT(got.share_norm(i) == truth.share_norm(i));
            }
        }
    }));
}

TEST_CASE("a device that gives other bits is found") {
    for (const auto& device : host_devices()) {
        CHECK(check_device(*device).ok());
    }
    // Once, for barriers among threads cost milliseconds where other programs are at work.
    HostDevice<ThreadedGrid> threaded(ThreadedGrid{});
    CHECK(check_device(threaded).ok());
    class Broken final : public ChunkDevice {
    public:
        [[nodiscard]] std::string name() const override { return "broken"; }
        Status compress(const CompressGrid& grid) override {
            Status done = host_.compress(grid);
            grid.e_after[5] = -grid.e_after[5];
            return done;
        }
        Status load(const PayloadGrid& payloads) override { return host_.load(payloads); }
        Status energies(double* squares) override { return host_.energies(squares); }
        Status add_shares(const ShareGrid& grid) override { return host_.add_shares(grid); }

    private:
        HostDevice<PhasedGrid> host_{PhasedGrid::of(64, false)};
    };
    Broken broken;
    CHECK_FALSE(check_device(broken).ok());
}

TEST_CASE("a CUDA device, where there is one, gives the truth's bits", "[needs_cuda]") {
    Result<std::unique_ptr<ChunkDevice>> device = open_cuda_device();
    CHECK(device.ok() == cuda_available());
    if (!device) {
        skip_case(device.reason());
        return;
    }
    const Status same = check_device(**device);
    INFO((same.ok() ? std::string() : same.reason()));
    CHECK(same.ok());
}

}  // namespace assay
