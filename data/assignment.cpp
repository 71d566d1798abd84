#include "data/assignment.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/check.h"
#include "core/rng.h"

namespace assay {

namespace {

// Maps positions to samples; keeps the permutation of the epoch it was asked about last.
class SampleStream {
public:
    SampleStream(const Digest& run_seed, uint64_t sample_count)
        : run_seed_(run_seed), sample_count_(sample_count) {
        ASSAY_CHECK(sample_count > 0 && sample_count < uint64_t{1} << 62);
    }

    uint64_t at(uint64_t position) {
        const uint64_t epoch = position / sample_count_;
        if (!permutation_ || epoch != epoch_) {
            permutation_.emplace(derive_seed(run_seed_, "epoch", {epoch}), sample_count_);
            epoch_ = epoch;
        }
        return permutation_->at(position % sample_count_);
    }

private:
    Digest run_seed_;
    uint64_t sample_count_;
    uint64_t epoch_ = 0;
    std::optional<KeyedPermutation> permutation_;
};

Digest deal_seed(const Digest& run_seed, const RoundPlan& plan) {
    ByteWriter writer;
    writer.raw(run_seed.span());
    writer.u64(plan.round.value);
    writer.raw(plan.previous_beacon.span());
    writer.raw(plan.roster_root.span());
    writer.raw(plan.pool_root.span());
    return sha256("deal", writer.bytes());
}

// Hands out positions: the pool's ranges in order, then the stream without end.
class PositionSource {
public:
    PositionSource(const std::vector<SampleRange>& pool, uint64_t stream_position)
        : pool_(pool), stream_position_(stream_position) {}

    std::vector<SampleRange> take(uint64_t count) {
        std::vector<SampleRange> taken;
        while (count > 0) {
            const SampleRange range = take_some(count);
            count -= range.end - range.begin;
            append(taken, range);
        }
        return taken;
    }

    [[nodiscard]] uint64_t stream_position() const { return stream_position_; }

    [[nodiscard]] std::vector<SampleRange> rest_of_pool() {
        skip_empty();
        std::vector<SampleRange> rest;
        for (size_t i = next_; i < pool_.size(); ++i) {
            const uint64_t begin = pool_[i].begin + (i == next_ ? used_ : 0);
            if (begin < pool_[i].end) {
                rest.push_back({begin, pool_[i].end});
            }
        }
        return rest;
    }

    static void append(std::vector<SampleRange>& ranges, const SampleRange& range) {
        if (range.begin >= range.end) {
            return;
        }
        if (!ranges.empty() && ranges.back().end == range.begin) {
            ranges.back().end = range.end;
        } else {
            ranges.push_back(range);
        }
    }

private:
    void skip_empty() {
        while (next_ < pool_.size() && (pool_[next_].end <= pool_[next_].begin ||
                                        used_ >= pool_[next_].end - pool_[next_].begin)) {
            ++next_;
            used_ = 0;
        }
    }

    SampleRange take_some(uint64_t count) {
        skip_empty();
        if (next_ == pool_.size()) {
            const uint64_t begin = stream_position_;
            stream_position_ += count;
            return {begin, stream_position_};
        }
        const uint64_t begin = pool_[next_].begin + used_;
        const uint64_t size = std::min(count, pool_[next_].end - begin);
        used_ += size;
        return {begin, begin + size};
    }

    const std::vector<SampleRange>& pool_;
    uint64_t stream_position_;
    size_t next_ = 0;    // first range of the pool that is not used up
    uint64_t used_ = 0;  // positions used of that range
};

// One peer's part of the deal, before samples are looked up.
struct Hand {
    PlanPeer peer;
    uint64_t slots = 0;
    uint64_t copies = 0;              // of these slots, copies of other peers' samples
    std::vector<SampleRange> ranges;  // slots - copies positions
    std::vector<uint64_t> own;        // the samples at those positions
};

// The share of copies, rounded up or down by a seeded draw so that 2 % is right on average; whoever
// has slots keeps at least one of its own.
uint64_t copy_count(uint64_t slots, CounterRng& rng) {
    const uint64_t scaled = slots * kOverlapPercent;
    const uint64_t rounded_up = rng.below(100) < scaled % 100 ? 1 : 0;
    const uint64_t copies = slots == 0 ? 0 : std::min(slots - 1, scaled / 100 + rounded_up);
    ASSAY_CHECK(slots == 0 ? copies == 0 : copies < slots);
    return copies;
}

std::vector<Hand> hands_of(const Digest& seed, const RoundPlan& plan) {
    std::vector<Hand> hands;
    for (const PlanPeer& peer : plan.peers) {
        Hand hand;
        hand.peer = peer;
        hand.slots = uint64_t{plan.inner_steps} * peer.sequences_per_step;
        hands.push_back(std::move(hand));
    }
    std::sort(hands.begin(), hands.end(), [](const Hand& a, const Hand& b) {
        return a.peer.id < b.peer.id;
    });
    CounterRng rng(derive_seed(seed, "copies"));
    for (Hand& hand : hands) {
        hand.copies = hands.size() > 1 ? copy_count(hand.slots, rng) : 0;
    }
    return hands;
}

std::vector<size_t> deal_order(const Digest& seed, size_t count) {
    std::vector<size_t> order(count);
    for (size_t i = 0; i < count; ++i) {
        order[i] = i;
    }
    CounterRng rng(derive_seed(seed, "order"));
    for (size_t i = count; i > 1; --i) {
        std::swap(order[i - 1], order[rng.below(i)]);
    }
    return order;
}

std::vector<uint64_t> samples_of(SampleStream& stream, const std::vector<SampleRange>& ranges) {
    std::vector<uint64_t> samples;
    samples.reserve(position_count(ranges));
    for (const SampleRange& range : ranges) {
        for (uint64_t position = range.begin; position < range.end; ++position) {
            samples.push_back(stream.at(position));
        }
    }
    return samples;
}

// A sample of another hand, uniform over the other hands and then over its own samples.
uint64_t copied_sample(const std::vector<Hand>& hands, size_t self, CounterRng& rng) {
    ASSAY_CHECK(hands.size() > 1 && !hands[self].own.empty());
    const size_t first = (self + 1 + rng.below(hands.size() - 1)) % hands.size();
    for (size_t i = 0; i < hands.size(); ++i) {
        const size_t other = (first + i) % hands.size();
        if (other != self && !hands[other].own.empty()) {
            return hands[other].own[rng.below(hands[other].own.size())];
        }
    }
    return hands[self].own[rng.below(hands[self].own.size())];  // all others have no slots
}

PeerAssignment seat(const std::vector<Hand>& hands, size_t self, const Digest& seed) {
    const Hand& hand = hands[self];
    PeerAssignment out{hand.peer.id, hand.ranges, {}};
    CounterRng rng(derive_seed(seed, "slots", {self}));
    const std::vector<uint64_t> copy_slots = rng.distinct(hand.copies, hand.slots);
    out.samples.reserve(hand.slots);
    size_t next_copy = 0;
    size_t next_own = 0;
    for (uint64_t slot = 0; slot < hand.slots; ++slot) {
        if (next_copy < copy_slots.size() && copy_slots[next_copy] == slot) {
            out.samples.push_back(copied_sample(hands, self, rng));
            ++next_copy;
        } else {
            out.samples.push_back(hand.own[next_own++]);
        }
    }
    // Every position that was served is trained on, in a slot of its own.
    ASSAY_CHECK_EQ(next_own, hand.own.size());
    ASSAY_CHECK_EQ(next_copy, hand.copies);
    ASSAY_CHECK_EQ(out.samples.size(), hand.slots);
    return out;
}

}  // namespace

std::span<const uint64_t> PeerAssignment::step(uint32_t step, uint32_t inner_steps) const {
    ASSAY_CHECK_LT(step, inner_steps);
    ASSAY_CHECK_EQ(samples.size() % inner_steps, size_t{0});
    const size_t width = samples.size() / inner_steps;
    return std::span<const uint64_t>(samples).subspan(step * width, width);
}

const PeerAssignment* Assignment::find(const PeerId& peer) const {
    for (const PeerAssignment& candidate : peers) {
        if (candidate.peer == peer) {
            return &candidate;
        }
    }
    return nullptr;
}

Assignment assign(const Digest& run_seed, const RoundPlan& plan, uint64_t sample_count) {
    const Digest seed = deal_seed(run_seed, plan);
    std::vector<Hand> hands = hands_of(seed, plan);
    PositionSource positions(plan.pool, plan.stream_position);
    SampleStream stream(run_seed, sample_count);
    for (const size_t i : deal_order(seed, hands.size())) {
        hands[i].ranges = positions.take(hands[i].slots - hands[i].copies);
        hands[i].own = samples_of(stream, hands[i].ranges);
        ASSAY_CHECK_EQ(hands[i].own.size(), hands[i].slots - hands[i].copies);
    }
    Assignment out;
    for (size_t i = 0; i < hands.size(); ++i) {
        out.peers.push_back(seat(hands, i, seed));
    }
    out.stream_position_after = positions.stream_position();
    out.pool_after = positions.rest_of_pool();
    return out;
}

std::vector<SampleRange> ranges_to_return(const Assignment& assignment, const PeerId& peer) {
    const PeerAssignment* found = assignment.find(peer);
    return found == nullptr ? std::vector<SampleRange>{} : found->ranges;
}

std::vector<SampleRange> pool_with_returns(std::vector<SampleRange> pool_after,
                                           std::vector<SampleRange> returned) {
    std::sort(returned.begin(), returned.end());
    const uint64_t positions = position_count(pool_after) + position_count(returned);
    for (const SampleRange& range : returned) {
        PositionSource::append(pool_after, range);
    }
    ASSAY_CHECK_EQ(position_count(pool_after), positions);  // none is lost or served twice
    return pool_after;
}

uint64_t position_count(std::span<const SampleRange> ranges) {
    uint64_t count = 0;
    for (const SampleRange& range : ranges) {
        ASSAY_CHECK_LE(range.begin, range.end);
        count += range.end - range.begin;
    }
    return count;
}

Digest assignment_digest(const PeerAssignment& assignment) {
    ByteWriter writer;
    writer.raw(assignment.peer.span());
    writer.u64(assignment.ranges.size());
    for (const SampleRange& range : assignment.ranges) {
        writer.u64(range.begin);
        writer.u64(range.end);
    }
    writer.u64(assignment.samples.size());
    for (const uint64_t sample : assignment.samples) {
        writer.u64(sample);
    }
    return sha256("assignment", writer.bytes());
}

}  // namespace assay
