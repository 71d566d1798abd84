// The kernels' bodies on the CPU, over the same grid: each block's threads one after the other in
// phases between barriers, or as threads of the system that meet at barriers.

#pragma once

#include <algorithm>
#include <atomic>
#include <barrier>
#include <numeric>
#include <thread>
#include <vector>

#define ASSAY_DEVICE

#include "compression/compress_block.h"
#include "compression/shares_block.h"

namespace assay {

// The threads of a block in any order within a phase: no result may depend on it.
class PhasedBlock {
public:
    explicit PhasedBlock(const std::vector<uint32_t>& order) : order_(order) {}
    [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(order_.size()); }
    template <class Body>
    void each(const Body& body) const {
        for (const uint32_t thread : order_) {
            body(thread);
        }
    }
    void add(uint32_t* where, uint32_t n) const { *where += n; }

private:
    const std::vector<uint32_t>& order_;
};

// One of the threads of a block. The thread sanitizer sees what a missing barrier would do.
class ThreadedBlock {
public:
    ThreadedBlock(uint32_t thread, uint32_t size, std::barrier<>& barrier)
        : thread_(thread), size_(size), barrier_(barrier) {}
    [[nodiscard]] uint32_t size() const { return size_; }
    template <class Body>
    void each(const Body& body) const {
        body(thread_);
        barrier_.arrive_and_wait();
    }
    void add(uint32_t* where, uint32_t n) const {
        std::atomic_ref<uint32_t>(*where).fetch_add(n, std::memory_order_relaxed);
    }

private:
    const uint32_t thread_;
    const uint32_t size_;
    std::barrier<>& barrier_;
};

// A ChunkDevice without a device.
template <class Grid>
class HostDevice final : public ChunkDevice {
public:
    explicit HostDevice(Grid grid) : grid_(std::move(grid)) {}

    [[nodiscard]] std::string name() const override { return "host"; }
    Status compress(const CompressGrid& grid) override {
        CompressShared shared;  // NOLINT(cppcoreguidelines-pro-type-member-init): as on a device
        grid_.run(grid.tiles,
                  [&](auto& block, uint64_t tile) { compress_block(block, grid, tile, shared); });
        return {};
    }
    Status load(const PayloadGrid& payloads) override {
        payloads_ = payloads;
        return {};
    }
    Status energies(double* squares) override {
        for (uint64_t at = 0; at < payloads_.peers * payloads_.tiles; ++at) {
            squares[at] = energy_of(payloads_, at);
        }
        return {};
    }
    Status add_shares(const ShareGrid& grid) override {
        SharesShared shared;  // NOLINT(cppcoreguidelines-pro-type-member-init): as on a device
        grid_.run(payloads_.tiles, [&](auto& block, uint64_t tile) {
            add_shares_block(block, payloads_, grid, tile, shared);
        });
        return {};
    }

private:
    Grid grid_;
    PayloadGrid payloads_;
};

struct PhasedGrid {
    std::vector<uint32_t> order;

    // 0, 1, .. or backwards.
    static PhasedGrid of(uint32_t size, bool backwards) {
        PhasedGrid grid{std::vector<uint32_t>(size)};
        std::iota(grid.order.begin(), grid.order.end(), 0U);
        if (backwards) {
            std::reverse(grid.order.begin(), grid.order.end());
        }
        return grid;
    }
    template <class Body>
    void run(uint64_t tiles, const Body& body) const {
        PhasedBlock block(order);
        for (uint64_t tile = 0; tile < tiles; ++tile) {
            body(block, tile);
        }
    }
};

struct ThreadedGrid {
    uint32_t size = 4;

    template <class Body>
    void run(uint64_t tiles, const Body& body) const {
        std::barrier<> barrier(size);
        std::vector<std::jthread> threads;
        for (uint32_t thread = 0; thread < size; ++thread) {
            threads.emplace_back([&, thread] {
                ThreadedBlock block(thread, size, barrier);
                for (uint64_t tile = 0; tile < tiles; ++tile) {
                    body(block, tile);
                }
            });
        }
    }
};

}  // namespace assay
