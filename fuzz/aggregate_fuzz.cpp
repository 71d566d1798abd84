// Payloads of several strangers become one step: the bits of docs/compression.md taken step by
// step, whatever the form of a payload and the number of threads; shares move with the peers when
// these change places; and Q(u) decodes to what was applied.
//
// Input: a byte of settings, then peers until the input ends: a byte of weight, a byte of form, and
// by bit 7 of the form either a payload to be coded and decoded (two u16 of scales, then that many
// entries of a u16 of place and a byte of code), or that many bytes behind a valid header, which
// mostly are refused. Bit 6: the peer's values go in as a dense payload.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "compression/aggregate.h"

namespace assay {

namespace {

constexpr size_t kPeers = 5;
constexpr uint32_t kKeep = 64;

using Values = std::vector<float>;

struct Peer {
    SparseUpdate update;
    Values values;
    double weight = 1;
    bool dense = false;
};

// Two tiles of one tensor, one of another.
ParameterLayout small_layout() {
    ParameterLayout layout;
    layout.add("matrix", 2, kTileValues / 2 + 20);
    layout.add("norm", 1, 70);
    return layout;
}

// Two infinities of both signs make a NaN, whose bits are the processor's.
bool same_bits(float a, float b) {
    return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) ||
           (std::isnan(a) && std::isnan(b));
}

bool equal_bits(const Values& a, const Values& b) {
    return (a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * 4) == 0) ||
           std::ranges::equal(a, b, same_bits);
}

AggregateSettings settings_of(uint8_t bits) {
    constexpr double kAlphas[4] = {1, 0.5, 0, 16};
    constexpr double kCaps[4] = {2, 1, 1.25, 1024};
    AggregateSettings settings;
    settings.alpha = kAlphas[bits & 3U];
    settings.cap = kCaps[(bits >> 2U) & 3U];
    settings.mean = (bits & 16U) != 0 ? "per_peer" : "per_entry";
    settings.clip_to_median = (bits & 32U) == 0;
    return settings;
}

// The nearest update of the entries that is canonical: two scales for all chunks.
SparseUpdate made_update(ByteReader& reader, size_t entries, const ParameterLayout& layout) {
    const uint16_t scales[2] = {static_cast<uint16_t>(reader.u16() % kScaleInfinity),
                                static_cast<uint16_t>(reader.u16() % kScaleInfinity)};
    const auto [low, high] = std::minmax(scales[0], scales[1]);
    std::map<uint64_t, uint8_t> codes;
    for (size_t i = 0; i < entries; ++i) {
        const uint64_t place = reader.u16() % layout.value_count();
        codes[place] = reader.u8() & 3U;
    }
    SparseUpdate update{std::vector<ChunkCode>(layout.tile_count())};
    for (const auto& [place, code] : codes) {
        const uint64_t tile = place / kTileValues;
        const uint64_t live = layout.live_in_tile(tile);
        ChunkCode& chunk = update.chunks[tile];
        if (high == 0 || place % kTileValues >= live ||
            chunk.indices.size() == kept_count(live, kKeep)) {
            continue;
        }
        const bool is_high = low == 0 || low == high || chunk.indices.empty() || (code & 1U) != 0;
        chunk.indices.push_back(static_cast<uint16_t>(place % kTileValues));
        chunk.codes.push_back(static_cast<uint8_t>((code & 2U) | (is_high ? 1U : 0U)));
        chunk.high_scale = high;
        chunk.low_scale = is_high ? chunk.low_scale : low;
    }
    const Bytes bytes = encode_update(update, layout, {});
    ASSAY_CHECK(decode_update(bytes, layout, {}).value() == update);
    return update;
}

// False if the payload is refused.
bool read_peer(ByteReader& reader, const ParameterLayout& layout, Peer& peer) {
    peer.weight = (reader.u8() + 1.0) / 256;
    const uint8_t form = reader.u8();
    const size_t count = form & 63U;
    peer.dense = (form & 64U) != 0;
    if ((form & 128U) != 0) {
        peer.update = made_update(reader, count, layout);
    } else {
        Bytes bytes = payload_header(PayloadKind::kSparse, layout, kKeep);
        const ByteSpan rest = reader.raw(std::min(count, reader.remaining()));
        bytes.insert(bytes.end(), rest.begin(), rest.end());
        Result<SparseUpdate> update = decode_update(bytes, layout, {});
        if (!update) {
            return false;
        }
        ASSAY_CHECK(encode_update(*update, layout, {}) == bytes);
        peer.update = std::move(*update);
    }
    peer.values.resize(layout.value_count());
    expand_update(peer.update, peer.values);
    return true;
}

std::vector<Contribution> contributions_of(const std::vector<Peer>& peers, bool all_dense) {
    std::vector<Contribution> result;
    for (const Peer& peer : peers) {
        Contribution& one = result.emplace_back();
        one.peer.key[0] = static_cast<uint8_t>(result.size());
        one.weight = peer.weight;
        if (all_dense || peer.dense) {
            one.dense = &peer.values;
        } else {
            one.update = &peer.update;
        }
    }
    return result;
}

double lower_median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[(values.size() - 1) / 2];
}

// docs/compression.md, "Aggregate", read aloud over the places where anybody sends anything.
class PlainAggregate {
public:
    PlainAggregate(const std::vector<Peer>& peers,
                   const ParameterLayout& layout,
                   const AggregateSettings& settings)
        : peers_(peers), layout_(layout), settings_(settings) {
        std::set<uint64_t> places;
        for (const Peer& peer : peers) {
            for (size_t tile = 0; tile < peer.update.chunks.size(); ++tile) {
                for (const uint16_t index : peer.update.chunks[tile].indices) {
                    places.insert(tile * kTileValues + index);
                }
            }
            shares_.push_back(peer.values);
        }
        places_.assign(places.begin(), places.end());
        if (settings.clip_to_median) {
            clip();
        }
        weigh();
        cap();
        // A share that was added to zeros has no -0.
        for (Values& share : shares_) {
            for (const uint64_t place : places_) {
                share[place] += 0.0F;
            }
        }
    }

    [[nodiscard]] const Values& share(size_t i) const { return shares_[i]; }
    [[nodiscard]] bool capped() const { return capped_; }
    [[nodiscard]] Values sum() const {
        Values result(layout_.value_count(), 0.0F);
        for (const Values& share : shares_) {
            for (const uint64_t place : places_) {
                result[place] += share[place];
            }
        }
        return result;
    }

private:
    // Of the values from one tile to another, chunk by chunk.
    [[nodiscard]] double norm(const Values& values, uint64_t first, uint64_t last) const {
        double sum = 0;
        for (uint64_t tile = first; tile < last; ++tile) {
            double chunk = 0;
            for (const uint64_t place : places_) {
                if (place / kTileValues == tile) {
                    chunk +=
                        static_cast<double>(values[place]) * static_cast<double>(values[place]);
                }
            }
            sum += chunk;
        }
        return std::sqrt(sum);
    }

    void clip() {
        for (const TensorLayout& tensor : layout_.tensors) {
            const uint64_t last = tensor.first_tile + tensor.tile_count();
            std::vector<double> norms;
            for (const Peer& peer : peers_) {
                norms.push_back(norm(peer.values, tensor.first_tile, last));
            }
            const double median = lower_median(norms);
            for (size_t p = 0; p < norms.size(); ++p) {
                if (median > 0 && norms[p] > median) {
                    scale(
                        shares_[p], tensor.first_tile, last, static_cast<float>(median / norms[p]));
                }
            }
        }
    }

    void scale(Values& values, uint64_t first_tile, uint64_t last_tile, float by) const {
        for (const uint64_t place : places_) {
            if (place / kTileValues >= first_tile && place / kTileValues < last_tile) {
                values[place] *= by;
            }
        }
    }

    void weigh() {
        double total = 0;
        for (const Peer& peer : peers_) {
            total += peer.weight;
        }
        const bool per_entry = settings_.mean == "per_entry";
        for (size_t p = 0; p < peers_.size(); ++p) {
            const double weight = settings_.alpha * peers_[p].weight;
            const auto factor = static_cast<float>(per_entry ? weight : weight / total);
            for (const uint64_t place : places_) {
                if (peers_[p].values[place] != 0) {
                    const float weighted = shares_[p][place] * factor;
                    shares_[p][place] = weighted / (per_entry ? senders(place) : 1.0F);
                }
            }
        }
    }

    [[nodiscard]] float senders(uint64_t place) const {
        return static_cast<float>(std::ranges::count_if(
            peers_, [place](const Peer& peer) { return peer.values[place] != 0; }));
    }

    void cap() {
        std::vector<double> norms;
        double total = 0;
        for (const Values& share : shares_) {
            norms.push_back(norm(share, 0, layout_.tile_count()));
            total += norms.back();
        }
        const double limit = settings_.cap / static_cast<double>(norms.size()) * total;
        for (size_t p = 0; p < norms.size(); ++p) {
            if (norms[p] > limit) {
                capped_ = true;
                scale(shares_[p], 0, layout_.tile_count(), static_cast<float>(limit / norms[p]));
            }
        }
    }

    const std::vector<Peer>& peers_;
    const ParameterLayout& layout_;
    const AggregateSettings& settings_;
    std::vector<uint64_t> places_;
    std::vector<Values> shares_;
    bool capped_ = false;
};

// The limit of a share follows from a sum in order of peers: where it bites, the last bit may move.
bool close_values(float a, float b) {
    return same_bits(a, b) || std::fabs(a - b) <= 1e-6F * std::fabs(a) + 1e-44F;
}

void check_permuted(std::vector<Peer> peers,
                    const ParameterLayout& layout,
                    const AggregateSettings& settings,
                    const PlainAggregate& plain) {
    std::reverse(peers.begin(), peers.end());
    const std::vector<Contribution> contributions = contributions_of(peers, false);
    const AggregateResult result = aggregate(contributions, layout, settings);
    Values share(layout.value_count());
    for (size_t i = 0; i < peers.size(); ++i) {
        result.share_of(i, share);
        const Values& before = plain.share(peers.size() - 1 - i);
        ASSAY_CHECK(equal_bits(share, before) ||
                    (plain.capped() && std::ranges::equal(share, before, close_values)));
    }
}

void check_plain(const std::vector<Peer>& peers,
                 const ParameterLayout& layout,
                 const AggregateSettings& settings,
                 const AggregateResult& result) {
    const PlainAggregate plain(peers, layout, settings);
    Values share(layout.value_count());
    for (size_t i = 0; i < peers.size(); ++i) {
        result.share_of(i, share);
        ASSAY_CHECK(equal_bits(share, plain.share(i)));
    }
    ASSAY_CHECK(equal_bits(result.sum, plain.sum()));
    check_permuted(peers, layout, settings, plain);
}

void check_coded(const Values& sum, const ParameterLayout& layout, bool dense) {
    const bool finite = std::ranges::all_of(sum, [](float x) { return std::isfinite(x); });
    const Result<QuantisedAggregate> coded = quantise_aggregate(sum, layout, {}, dense);
    ASSAY_CHECK_EQ(coded.ok(), finite);
    if (finite) {
        ASSAY_CHECK_LE(coded->bytes.size(), aggregate_bytes_max(layout, {}, dense));
        const Values decoded = decode_aggregate(coded->bytes, layout, {}, dense).value();
        ASSAY_CHECK(equal_bits(decoded, coded->q));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const ParameterLayout kLayout = small_layout();
    static ThreadPool alone(1);
    static ThreadPool two(2);
    static AggregateResult kept;  // with buffers of the input before
    ByteReader reader(ByteSpan(data, size));
    const uint8_t mode = reader.u8();
    const AggregateSettings settings = settings_of(mode);
    std::vector<Peer> peers;
    while (reader.remaining() >= 2 && peers.size() < kPeers) {
        Peer peer;
        if (read_peer(reader, kLayout, peer)) {
            peers.push_back(std::move(peer));
        }
    }
    const std::vector<Contribution> given = contributions_of(peers, false);
    const std::vector<Contribution> dense = contributions_of(peers, true);
    const AggregateResult result = aggregate(given, kLayout, settings);
    aggregate(dense, kLayout, settings, (mode & 128U) != 0 ? two : alone, kept);
    ASSAY_CHECK(equal_bits(result.sum, kept.sum));
    if (!peers.empty()) {
        check_plain(peers, kLayout, settings, result);
    }
    check_coded(result.sum, kLayout, (mode & 64U) != 0);
    return 0;
}

}  // namespace assay
