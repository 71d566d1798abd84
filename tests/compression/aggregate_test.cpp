// Shares and their sum: means, median clip, caps, recomputation, and the coded aggregate.
#include "compression/aggregate.h"

#include <catch2/catch.hpp>

#include "compression/payload.h"
#include "tests/compression/samples.h"
#include "tests/compression/update_cases.h"
#include "tests/support/expand_payload.h"

namespace assay {

namespace {

PeerId peer(uint8_t number) {
    PeerId id;
    id.key[0] = number;
    return id;
}

ParameterLayout two_tensors() {
    ParameterLayout layout;
    layout.add("a", 2, 4);
    layout.add("b", 1, 4);
    return layout;
}

// Dense values, given for the first four of each tensor.
std::vector<float> values_of(std::vector<float> a, std::vector<float> b) {
    std::vector<float> values(two_tensors().value_count(), 0.0F);
    std::copy(a.begin(), a.end(), values.begin());
    std::copy(b.begin(), b.end(), values.begin() + kTileValues);
    return values;
}

AggregateSettings plain(const std::string& mean) {
    AggregateSettings settings;
    settings.mean = mean;
    settings.cap = 1024;
    settings.clip_to_median = false;
    return settings;
}

std::vector<float> sum_of_shares(const AggregateResult& result) {
    std::vector<float> sum(result.sum.size(), 0.0F);
    std::vector<float> share(result.sum.size());
    for (size_t i = 0; i < result.count(); ++i) {
        result.share_of(i, share);
        for (size_t c = 0; c < sum.size(); ++c) {
            sum[c] += share[c];
        }
    }
    return sum;
}

}  // namespace

TEST_CASE("per entry: the mean over those who sent the entry, weights outside of it") {
    const auto first = values_of({4, 0, 2}, {1});
    const auto second = values_of({2, 8, 0}, {1});
    const Contribution both[] = {{peer(1), nullptr, 1.0, &first}, {peer(2), nullptr, 0.5, &second}};
    AggregateSettings settings = plain("per_entry");
    settings.alpha = 0.5;
    const AggregateResult result = aggregate(both, two_tensors(), settings);
    CHECK(result.sum[0] == 0.5F * 4 / 2 + 0.25F * 2 / 2);
    CHECK(result.sum[1] == 0.25F * 8);
    CHECK(result.sum[2] == 0.5F * 2);
    CHECK(result.sum[3] == 0.0F);
    CHECK(result.sum[kTileValues] == 0.25F + 0.125F);
}

TEST_CASE("per peer: the weighted mean over all") {
    const auto first = values_of({4, 0}, {});
    const auto second = values_of({0, 8}, {});
    const Contribution both[] = {{peer(1), nullptr, 1.0, &first},
                                 {peer(2), nullptr, 0.25, &second}};
    const AggregateResult result = aggregate(both, two_tensors(), plain("per_peer"));
    CHECK(result.sum[0] == 4 * 0.8F);
    CHECK(result.sum[1] == 8 * 0.2F);
}

TEST_CASE("per tensor, payloads above the lower median norm are scaled down to it") {
    const auto small = values_of({3, 4}, {1});
    const auto middle = values_of({6, 8}, {1});
    const auto large = values_of({30, 40}, {1});
    const auto huge = values_of({60, 80}, {1});
    const Contribution four[] = {{peer(1), nullptr, 1.0, &huge},
                                 {peer(2), nullptr, 1.0, &small},
                                 {peer(3), nullptr, 1.0, &large},
                                 {peer(4), nullptr, 1.0, &middle}};
    AggregateSettings settings = plain("per_peer");
    settings.clip_to_median = true;
    const AggregateResult result = aggregate(four, two_tensors(), settings);
    std::vector<float> share(result.sum.size());
    result.share_of(0, share);  // norm 100 down to 10
    CHECK(share[0] == Approx(60 * 0.1 / 4));
    CHECK(share[kTileValues] == 0.25F);
    result.share_of(1, share);  // below the median: as it is
    CHECK(share[0] == 0.75F);
    result.share_of(3, share);  // the median itself
    CHECK(share[1] == 2.0F);
}

TEST_CASE("a median of zero clips nothing") {
    const auto zero = values_of({0}, {1});
    const auto some = values_of({5}, {1});
    const Contribution both[] = {{peer(1), nullptr, 1.0, &zero}, {peer(2), nullptr, 1.0, &some}};
    AggregateSettings settings = plain("per_entry");
    settings.clip_to_median = true;
    CHECK(aggregate(both, two_tensors(), settings).sum[0] == 5.0F);
}

TEST_CASE("no share is more than its cap of the sum of norms") {
    const auto small = values_of({1, 0, 0}, {});
    const auto other = values_of({0, 1, 0}, {});
    const auto large = values_of({0, 0, 10}, {});
    const Contribution three[] = {{peer(1), nullptr, 1.0, &small},
                                  {peer(2), nullptr, 1.0, &other},
                                  {peer(3), nullptr, 1.0, &large}};
    AggregateSettings settings = plain("per_entry");
    settings.cap = 2;
    const AggregateResult result = aggregate(three, two_tensors(), settings);
    CHECK(result.sum[0] == 1.0F);
    CHECK(result.sum[2] == Approx(8.0));  // 2/3 of 12
    CHECK(result.share_norm(2) == Approx(8.0));
    CHECK(equal_bits(sum_of_shares(result), result.sum));
}

TEST_CASE("shares of sparse payloads are recomputed exactly; the order given is irrelevant") {
    const ParameterLayout layout = awkward_layout();
    std::vector<SparseUpdate> updates;
    for (uint64_t i = 0; i < 6; ++i) {
        std::vector<float> values =
            sample_values(layout, 200 + i, 0.01 * static_cast<double>(i + 1));
        updates.push_back(code_values(values, layout, 64));
    }
    std::vector<Contribution> contributions;
    for (size_t i = 0; i < updates.size(); ++i) {
        const auto id = static_cast<uint8_t>(i * 37 + 1);
        contributions.push_back({peer(id), &updates[i], 0.1 * static_cast<double>(i + 1)});
    }
    const AggregateResult result = aggregate(contributions, layout, {});
    CHECK(equal_bits(sum_of_shares(result), result.sum));

    std::reverse(contributions.begin(), contributions.end());
    std::sort(contributions.begin(),
              contributions.end(),
              [](const Contribution& x, const Contribution& y) { return x.peer < y.peer; });
    CHECK(equal_bits(aggregate(contributions, layout, {}).sum, result.sum));
    CHECK(tiles_root(result.sum).hex() ==
          "632df6b5ae68f9afdb06e2e9cd5b00b004de1fbb06bb91ab50ecd872cb34358e");
}

TEST_CASE("sparse and dense forms of the same values make the same aggregate") {
    const ParameterLayout layout = awkward_layout();
    std::vector<float> values = sample_values(layout, 300, 0.02);
    const SparseUpdate update = code_values(values, layout, 64);
    std::vector<float> dense(layout.value_count());
    expand_update(update, dense);
    const Contribution sparse_one[] = {{peer(1), &update, 0.7}};
    const Contribution dense_one[] = {{peer(1), nullptr, 0.7, &dense}};
    CHECK(equal_bits(aggregate(sparse_one, layout, {}).sum, aggregate(dense_one, layout, {}).sum));
}

// What is fetched ahead of an empty chunk has no address. Of arithmetic on it only clang's
// sanitizer complains: the seed empty_chunks of aggregate_fuzz shows it too.
TEST_CASE("peers that send nothing, of all chunks or of one, add nothing") {
    const ParameterLayout layout = awkward_layout();
    std::vector<float> values = sample_values(layout, 310, 0.02);
    const SparseUpdate some = code_values(values, layout, 64);
    SparseUpdate but_one = some;
    but_one.chunks[3] = {};
    const SparseUpdate nothing{std::vector<ChunkCode>(layout.tile_count())};
    const Contribution three[] = {
        {peer(1), &nothing, 1.0}, {peer(2), &but_one, 1.0}, {peer(3), &nothing, 1.0}};
    AggregateSettings settings;
    settings.clip_to_median = false;
    settings.cap = 1024;
    std::vector<float> expected(layout.value_count());
    expand_update(but_one, expected);
    CHECK(equal_bits(aggregate(three, layout, settings).sum, expected));
}

TEST_CASE("nobody makes no step") {
    const ParameterLayout layout = awkward_layout();
    const AggregateResult none = aggregate({}, layout, {});
    CHECK(none.count() == 0);
    CHECK(equal_bits(none.sum, std::vector<float>(layout.value_count(), 0.0F)));
}

TEST_CASE("the coded aggregate decodes to what was applied") {
    const ParameterLayout layout = awkward_layout();
    const std::vector<float> u = sample_values(layout, 400, 0.02);
    for (const bool dense : {false, true}) {
        const Result<QuantisedAggregate> coded = quantise_aggregate(u, layout, {}, dense);
        REQUIRE(coded.ok());
        const Result<std::vector<float>> got = decode_aggregate(coded->bytes, layout, {}, dense);
        REQUIRE(got.ok());
        CHECK(equal_bits(*got, coded->q));
        CHECK(equal_bits(coded->q, u) == dense);
        CHECK(coded->bytes.size() <= aggregate_bytes_max(layout, {}, dense));
        CHECK_FALSE(decode_aggregate(coded->bytes, layout, {}, !dense).ok());
        CHECK_FALSE(decode_update(coded->bytes, layout, {}).ok());
    }
    std::vector<float> broken = u;
    broken[layout.tensors[2].first_value()] = NAN;
    const Result<QuantisedAggregate> refused = quantise_aggregate(broken, layout, {});
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.reason().find("norm") != std::string::npos);
}

TEST_CASE("a payload is one value under every strategy") {
    const ParameterLayout layout = awkward_layout();
    const std::vector<float> start = sample_values(layout, 500, 0.02);
    const std::vector<float> end = sample_values(layout, 501, 0.02);
    const std::pair<const char*, Strategy> strategies[] = {{"sparseloco", Strategy::kSparseLoCo},
                                                           {"diloco", Strategy::kDiLoCo},
                                                           {"average", Strategy::kAverage},
                                                           {"ddp", Strategy::kDdp}};
    for (const auto& [name, named] : strategies) {
        const Result<Strategy> strategy = strategy_from_name(name);
        REQUIRE(strategy.ok());
        CHECK(*strategy == named);
        std::vector<float> e(layout.value_count(), 0.0F);
        const Result<CompressedPayload> sent =
            compress_payload(*strategy, start, end, e, layout, {});
        REQUIRE(sent.ok());
        CHECK(sent->bytes.size() <= payload_bytes_max(*strategy, layout, {}));
        const Result<PeerPayload> got = decode_payload(*strategy, sent->bytes, layout, {});
        REQUIRE(got.ok());
        CHECK(*got == sent->payload);
        std::vector<float> q(layout.value_count());
        expand_payload(*got, q);
        double energy = 0;
        for (const double chunk : payload_energies(*got)) {
            energy += chunk;
        }
        double squares = 0;
        for (size_t i = 0; i < q.size(); ++i) {
            squares += static_cast<double>(q[i]) * static_cast<double>(q[i]);
            const float owed = start[i] - end[i];
            REQUIRE(owed - q[i] == e[i]);  // beta * 0 + d - q
        }
        CHECK(energy == Approx(squares));
        const Contribution one[] = {contribution_of(peer(1), *got, 1.0)};
        CHECK(equal_bits(aggregate(one, layout, {}).sum, q));
    }
    CHECK_FALSE(strategy_from_name("adam").ok());
}

TEST_CASE("threads change no bit of a payload, a share, or the coded aggregate") {
    ParameterLayout layout;
    layout.add("a", 130, 1024);
    layout.add("norm", 1, 700);
    layout.add("b", 40, 1024);
    std::vector<Bytes> payloads;
    for (const uint64_t seed : {1U, 2U, 3U}) {
        std::vector<float> values = sample_values(layout, seed, 0.02);
        payloads.push_back(encode_update(code_values(values, layout, 64), layout, {}));
    }
    // Sum, shares and Q(u) of it with these threads; null: the caller alone.
    const auto all = [&](ThreadPool* threads) {
        std::vector<PeerPayload> decoded;
        std::vector<Contribution> contributions;
        decoded.reserve(payloads.size());
        for (const Bytes& bytes : payloads) {
            auto payload = decode_payload(Strategy::kSparseLoCo, bytes, layout, {}, threads);
            REQUIRE(payload.ok());
            decoded.push_back(std::move(*payload));
            contributions.push_back(
                contribution_of(peer(static_cast<uint8_t>(decoded.size())), decoded.back(), 1.0));
        }
        AggregateResult result;
        ThreadPool alone(1);
        aggregate(contributions, layout, {}, threads == nullptr ? alone : *threads, result);
        std::vector<float> values = result.sum;
        std::vector<float> share(result.sum.size());
        for (size_t i = 0; i < result.count(); ++i) {
            result.share_of(i, share, threads);
            values.insert(values.end(), share.begin(), share.end());
        }
        auto coded = quantise_aggregate(result.sum, layout, {}, false, threads);
        REQUIRE(coded.ok());
        values.insert(values.end(), coded->q.begin(), coded->q.end());
        return std::pair(values, coded->bytes);
    };
    const auto expected = all(nullptr);
    for (const int count : {1, 2, 3}) {
        ThreadPool threads(count);
        const auto got = all(&threads);
        CHECK(equal_bits(got.first, expected.first));
        CHECK(got.second == expected.second);
    }
}

TEST_CASE("few peers or many, on every path: the sum and the norms of the plain steps") {
    ParameterLayout layout;
    layout.add("a", 1, 300);
    layout.add("b", 2, 3000);
    for (const size_t peers : {1U, 5U, 12U, 20U, 32U, 33U, 70U, 260U}) {
        std::vector<SparseUpdate> updates(peers);
        std::vector<std::vector<float>> q(peers, std::vector<float>(layout.value_count()));
        std::vector<Contribution> contributions;
        std::vector<float> senders(layout.value_count(), 0.0F);
        for (size_t i = 0; i < peers; ++i) {
            // Some chunks of some peers are empty; entry 7 has everybody.
            std::vector<float> values = sample_values(layout, i, i % 3 == 0 ? 0 : 0.02);
            values[7] = 0.5F;
            updates[i] = code_values(values, layout, 64 + 32 * static_cast<uint32_t>(i % 5));
            expand_update(updates[i], q[i]);
            for (size_t c = 0; c < senders.size(); ++c) {
                senders[c] += q[i][c] != 0 ? 1.0F : 0.0F;
            }
            Contribution one{{}, &updates[i], 1.0 / static_cast<double>(1 + i % 7), nullptr};
            one.peer.key[0] = static_cast<uint8_t>(i / 256);
            one.peer.key[1] = static_cast<uint8_t>(i);
            contributions.push_back(one);
        }
        std::vector<float> sum(layout.value_count(), 0.0F);
        std::vector<double> norms;
        for (size_t i = 0; i < peers; ++i) {
            double squares = 0;
            for (size_t first = 0; first < sum.size(); first += kTileValues) {
                double chunk = 0;
                for (size_t c = first; c < first + kTileValues; ++c) {
                    const float weighted = q[i][c] * static_cast<float>(contributions[i].weight);
                    const float share = q[i][c] == 0 ? 0.0F : weighted / senders[c];
                    chunk += static_cast<double>(share) * static_cast<double>(share);
                    sum[c] += share;
                }
                squares += chunk;
            }
            norms.push_back(std::sqrt(squares));
        }
        for (const KernelPath path : available_kernel_paths()) {
            INFO(peers << " peers, " << kernel_path_name(path));
            const ForcedKernelPath forced(path);
            const AggregateResult result = aggregate(contributions, layout, plain("per_entry"));
            CHECK(equal_bits(result.sum, sum));
            for (size_t i = 0; i < peers; ++i) {
                CHECK(result.share_norm(i) == norms[i]);
            }
        }
    }
}

}  // namespace assay
