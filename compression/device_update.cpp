#include "compression/device_update.h"

#include <algorithm>
#include <bit>

#include "compression/compressor.h"
#include "core/check.h"
#include "core/rng.h"

namespace assay {

namespace {

struct Entries {
    Entries(uint64_t chunks, uint64_t keep)
        : heads(chunks), indices(chunks * keep), codes(chunks * keep) {}
    std::vector<ChunkHead> heads;
    std::vector<uint16_t> indices;
    std::vector<uint8_t> codes;
};

void copy_out(const Entries& entries, uint64_t at, uint64_t keep, ChunkCode& chunk) {
    const ChunkHead& head = entries.heads[at];
    ASSAY_CHECK_LE(uint64_t{head.count}, keep);
    const auto first = static_cast<std::ptrdiff_t>(at * keep);
    const auto last = first + head.count;
    chunk.indices.assign(entries.indices.begin() + first, entries.indices.begin() + last);
    chunk.codes.assign(entries.codes.begin() + first, entries.codes.begin() + last);
    chunk.low_scale = head.low_scale;
    chunk.high_scale = head.high_scale;
}

void copy_in(const ChunkCode& chunk, uint64_t at, uint64_t keep, Entries& entries) {
    ASSAY_CHECK_LE(chunk.indices.size(), keep);
    const auto first = static_cast<std::ptrdiff_t>(at * keep);
    std::copy(chunk.indices.begin(), chunk.indices.end(), entries.indices.begin() + first);
    std::copy(chunk.codes.begin(), chunk.codes.end(), entries.codes.begin() + first);
    entries.heads[at] = {
        static_cast<uint16_t>(chunk.indices.size()), chunk.low_scale, chunk.high_scale, 0};
}

uint64_t most_entries(std::span<const Contribution> contributions) {
    size_t most = 1;
    for (const Contribution& contribution : contributions) {
        ASSAY_CHECK(contribution.update != nullptr);
        for (const ChunkCode& chunk : contribution.update->chunks) {
            most = std::max(most, chunk.indices.size());
        }
    }
    return most;
}

// Heavy-tailed values, one tensor with a chunk that is cut short.
ParameterLayout check_layout() {
    ParameterLayout layout;
    layout.add("matrix", 24, 1024);
    layout.add("vector", 1, 129);
    return layout;
}

std::vector<float> check_values(const ParameterLayout& layout, uint64_t seed) {
    CounterRng rng(derive_seed(Digest{}, "check_device", {seed}));
    std::vector<float> values(layout.value_count(), 0.0F);
    for (const TensorLayout& tensor : layout.tensors) {
        for (uint64_t i = 0; i < tensor.live(); ++i) {
            values[tensor.first_value() + i] =
                static_cast<float>((rng.unit() - 0.5) * rng.unit() * rng.unit());
        }
    }
    return values;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
        return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y);
    });
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size)
Status compress_on(ChunkDevice& device,
                   std::span<const float> theta_start,
                   std::span<const float> theta_end,
                   std::span<const float> e,
                   std::span<float> e_after,
                   const ParameterLayout& layout,
                   const CompressionSettings& settings,
                   SparseUpdate& update) {
    for (const size_t size : {theta_start.size(), theta_end.size(), e.size(), e_after.size()}) {
        ASSAY_CHECK_EQ(size, layout.value_count());
    }
    const uint64_t tiles = layout.tile_count();
    const auto keep = static_cast<uint32_t>(settings.keep);
    std::vector<uint16_t> live(tiles);
    for (uint64_t tile = 0; tile < tiles; ++tile) {
        live[tile] = static_cast<uint16_t>(layout.live_in_tile(tile));
    }
    Entries entries(tiles, keep);
    CompressGrid grid;
    grid.tiles = tiles;
    grid.keep = keep;
    grid.beta = static_cast<float>(settings.beta);
    grid.live = live.data();
    grid.theta_start = theta_start.data();
    grid.theta_end = theta_end.data();
    grid.e = e.data();
    grid.e_after = e_after.data();
    grid.heads = entries.heads.data();
    grid.indices = entries.indices.data();
    grid.codes = entries.codes.data();
    if (Status ran = device.compress(grid); !ran) {
        return ran;
    }
    update.chunks.resize(tiles);
    for (uint64_t tile = 0; tile < tiles; ++tile) {
        if (entries.heads[tile].bad != 0) {
            const TensorLayout& tensor = layout.tensor_of_tile(tile);
            return fail("cannot compress " + tensor.name + ", chunk " +
                        std::to_string(tile - tensor.first_tile) + ": a value is not finite");
        }
        copy_out(entries, tile, keep, update.chunks[tile]);
    }
    return {};
}

Status aggregate_on(ChunkDevice& device,
                    std::span<const Contribution> contributions,
                    const ParameterLayout& layout,
                    const AggregateSettings& settings,
                    AggregateResult& result) {
    result.begin(contributions, layout, settings);
    if (contributions.empty()) {
        return {};
    }
    const uint64_t tiles = layout.tile_count();
    const uint64_t keep = most_entries(contributions);
    Entries entries(contributions.size() * tiles, keep);
    for (size_t i = 0; i < contributions.size(); ++i) {
        for (uint64_t tile = 0; tile < tiles; ++tile) {
            copy_in(contributions[i].update->chunks[tile], i * tiles + tile, keep, entries);
        }
    }
    PayloadGrid payloads;
    payloads.tiles = tiles;
    payloads.peers = static_cast<uint32_t>(contributions.size());
    payloads.keep = static_cast<uint32_t>(keep);
    payloads.heads = entries.heads.data();
    payloads.indices = entries.indices.data();
    payloads.codes = entries.codes.data();
    Status ran = device.load(payloads);
    if (ran && settings.clip_to_median) {
        ran = device.energies(result.squares_.data());
        result.clip_to_median(layout);
    }
    std::vector<float> clips(entries.heads.size());
    for (size_t at = 0; at < clips.size(); ++at) {
        clips[at] = result.rule(at / tiles, at % tiles).clip;
    }
    ShareGrid grid;
    grid.per_entry = result.per_entry_;
    grid.clips = clips.data();
    grid.weights = result.weights_.data();
    grid.caps = result.caps_.data();
    grid.sum = result.sum.data();
    grid.squares = result.squares_.data();
    if (ran) {
        ran = device.add_shares(grid);
    }
    if (ran && result.cap_shares(settings.cap)) {
        ran = device.add_shares(grid);
    }
    return ran;
}

Status check_device(ChunkDevice& device) {
    constexpr size_t kPeers = 3;
    const ParameterLayout layout = check_layout();
    const CompressionSettings settings;
    const std::vector<float> theta = check_values(layout, kPeers);
    Compressor truth(layout, settings, 1, KernelPath::kScalar);
    std::vector<SparseUpdate> updates(kPeers);
    std::vector<Contribution> contributions;
    for (size_t peer = 0; peer < kPeers; ++peer) {
        const std::vector<float> end = check_values(layout, peer);
        std::vector<float> e(end.size(), 0.0F);
        std::vector<float> e_on_device(end.size(), 0.0F);
        SparseUpdate on_device;
        Status done = truth.compress(theta, end, e, e, updates[peer]);
        if (done) {
            done = compress_on(
                device, theta, end, e_on_device, e_on_device, layout, settings, on_device);
        }
        if (!done) {
            return done;
        }
        if (on_device != updates[peer] || !same_bits(e, e_on_device)) {
            return fail("what it compresses differs from the scalar path's bits");
        }
        Contribution one;
        one.peer.key[0] = static_cast<uint8_t>(peer + 1);
        one.update = &updates[peer];
        one.weight = 1.0 / static_cast<double>(peer + 1);
        contributions.push_back(one);
    }
    const AggregateSettings outer;
    const AggregateResult expected = aggregate(contributions, layout, outer);
    AggregateResult got;
    if (Status done = aggregate_on(device, contributions, layout, outer, got); !done) {
        return done;
    }
    return same_bits(got.sum, expected.sum)
               ? Status()
               : Status(fail("what it aggregates differs from the scalar path's bits"));
}

}  // namespace assay
