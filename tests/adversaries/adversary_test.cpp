// Where each adversary departs from an honest trainer, and that it stays plausible elsewhere.

#include "adversaries/adversary.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "core/merkle.h"
#include "protocol/codec.h"

namespace assay {

namespace {

Digest digest(uint8_t number) {
    Digest made;
    made.bytes[0] = number;
    return made;
}

PeerId peer(uint8_t number) {
    PeerId id;
    id.key[0] = number;
    return id;
}

// Loss 1/2 |theta - target(tokens)|^2: the gradient tells which samples were used.
class PullModel : public GradientModel {
public:
    PullModel() { layout_.add("w", 64, 64); }
    [[nodiscard]] const ParameterLayout& layout() const override { return layout_; }
    StepGradient gradient(std::span<const float> theta,
                          const TokenBatch& batch,
                          uint32_t,
                          std::span<float> gradient) override {
        float sum = 0;
        for (size_t i = 0; i < batch.tokens.size(); ++i) {  // which, and in which order
            sum += static_cast<float>(batch.tokens[i]) * static_cast<float>(1 + i % 3);
        }
        for (size_t i = 0; i < theta.size(); ++i) {
            gradient[i] = theta[i] - sum * static_cast<float>(i % 7) / 1000.0F;
        }
        return {sum, std::vector<float>(batch.sequences, sum)};
    }
    std::vector<float> losses(std::span<const float>, const TokenBatch& batch) override {
        return std::vector<float>(batch.sequences, 1.0F);
    }

private:
    ParameterLayout layout_;
};

struct Bench {
    PullModel model;
    std::map<Digest, Bytes> blobs;
    std::set<Digest> dropped;
    RoundPlan plan;

    Bench() {
        const Digest zero = zero_tiles_root(1);
        plan.round = RoundId{3};
        plan.inner_steps = 4;
        plan.sequence_tokens = 2;
        plan.learning_rate_bits.assign(4, 0x3c23d70a);  // 0.01
        plan.base_root = zero;
        for (uint8_t i = 1; i <= 2; ++i) {
            PlanPeer line;
            line.id = peer(i);
            line.numeric_class = NumericClass::kExact;
            line.sequences_per_step = 3;
            line.m_root = line.v_root = line.e_root = zero;
            plan.peers.push_back(line);
        }
    }

    std::unique_ptr<Trainer> trainer(const std::string& attack, const AdversaryPorts& seen = {}) {
        TrainerSettings settings;
        settings.self = peer(2);
        settings.numeric_class = NumericClass::kExact;
        settings.run_seed = digest(9);
        settings.sample_count = 1000;
        settings.verify.compressor_chunks = 2;
        settings.verify.chain_chunks = 2;
        settings.verify.audit_steps = 4;
        TrainerPorts ports;
        ports.put = [this](ByteSpan bytes) -> Result<BlobRef> {
            const Digest hash = sha256_plain(bytes);
            blobs[hash] = Bytes(bytes.begin(), bytes.end());
            return BlobRef{hash, bytes.size(), {}};
        };
        ports.get = [this](const BlobRef& blob) -> Result<Bytes> { return blobs.at(blob.sha256); };
        ports.drop = [this](const Digest& hash) { dropped.insert(hash); };
        ports.read_samples = [](std::span<const uint64_t> samples) -> Result<std::vector<int32_t>> {
            std::vector<int32_t> tokens;
            for (const uint64_t sample : samples) {
                for (int i = 0; i < 3; ++i) {
                    tokens.push_back(static_cast<int32_t>(sample % 100) + i);
                }
            }
            return tokens;
        };
        std::unique_ptr<Trainer> made = attack.empty()
                                            ? std::make_unique<Trainer>(settings, ports, model)
                                            : make_adversary(attack, settings, ports, model, seen);
        REQUIRE(made != nullptr);
        const std::vector<float> zeros(model.layout().value_count(), 0.0F);
        REQUIRE(made->adopt_theta(zeros).ok());
        return made;
    }

    static bool on(uint32_t, float) { return true; }

    TrainedRound train(Trainer& trainer) {
        Result<TrainedRound> done = trainer.train(plan, on);
        REQUIRE(done.ok());
        return *done;
    }
    SparseUpdate payload(const TrainedRound& round) {
        Result<SparseUpdate> update =
            decode_update(blobs.at(round.payload.sha256), model.layout(), CompressionSettings{});
        REQUIRE(update.ok());  // canonical, whatever was edited
        return *update;
    }
};

}  // namespace

TEST_CASE("adversaries are made by name, and only those", "[adversaries]") {
    Bench bench;
    CHECK(adversary_names().size() == 36);
    CHECK(make_adversary("honest", {}, {}, bench.model) == nullptr);
}

TEST_CASE("a plan with sequences that the data has not is refused in words", "[adversaries]") {
    Bench bench;
    const auto trainer = bench.trainer("");
    bench.plan.sequence_tokens = 3;
    const Result<TrainedRound> done = trainer->train(bench.plan, Bench::on);
    REQUIRE_FALSE(done.ok());
    CHECK_THAT(done.reason(), Catch::Contains("round 3 asks for sequences of 3 tokens"));
}

TEST_CASE("an honest trainer trains the same twice, and opens", "[adversaries]") {
    Bench bench;
    const auto first = bench.trainer("");
    const auto second = bench.trainer("");
    const TrainedRound round = bench.train(*first);
    CHECK(encode_body(round.commit) == encode_body(bench.train(*second).commit));
    CHECK(round.commit.tokens == 24);  // 4 steps of 3 sequences of 2 tokens
    CHECK(first->answer(bench.plan, round.commit, digest(1), digest(2)).ok());
    CHECK_FALSE(first->answer(bench.plan, Commit{}, digest(1), digest(2)).ok());
    first->forget(bench.plan.round);
    CHECK_FALSE(first->answer(bench.plan, round.commit, digest(1), digest(2)).ok());
}

TEST_CASE("a round is abandoned between steps, and the state is as before", "[adversaries]") {
    Bench bench;
    const auto trainer = bench.trainer("");
    const TripleRoots before = trainer->roots();
    CHECK_FALSE(trainer->train(bench.plan, [](uint32_t step, float) { return step < 2; }).ok());
    CHECK(trainer->roots() == before);
    CHECK(bench.train(*trainer).commit.payload_bytes > 0);
}

TEST_CASE("counted keeps the new triple, not counted the old one", "[adversaries]") {
    for (const bool counted : {true, false}) {
        Bench bench;
        const auto trainer = bench.trainer("");
        const TripleRoots before = trainer->roots();
        const TrainedRound round = bench.train(*trainer);
        RoundSummary summary;
        summary.round = bench.plan.round;
        REQUIRE(trainer->apply(summary, counted).ok());
        CHECK((trainer->roots() == before) == !counted);
        CHECK((trainer->roots().e == round.commit.e_after_root) == counted);
    }
}

TEST_CASE("a plan that asks for moments nobody holds is not trained", "[adversaries]") {
    Bench bench;
    const auto trainer = bench.trainer("");
    bench.plan.peers[1].m_root = digest(5);
    CHECK_FALSE(trainer->train(bench.plan, Bench::on).ok());
    bench.plan.peers[1].m_root = zero_tiles_root(1);
    bench.plan.base_root = digest(5);
    CHECK_FALSE(trainer->train(bench.plan, Bench::on).ok());
}

TEST_CASE("edited payloads: same chain, other bytes, still canonical", "[adversaries]") {
    Bench bench;
    const auto honest = bench.trainer("");
    const TrainedRound truth = bench.train(*honest);
    const SparseUpdate true_update = bench.payload(truth);
    for (const std::string attack : {"random",
                                     "sign_flip",
                                     "scaled",
                                     "zero",
                                     "poison",
                                     "index_poison",
                                     "inner_product",
                                     "few_chunks"}) {
        CAPTURE(attack);
        const auto trainer = bench.trainer(attack);
        const TrainedRound round = bench.train(*trainer);
        CHECK(round.commit.states_root == truth.commit.states_root);
        CHECK(round.commit.payload_hash != truth.commit.payload_hash);
        const SparseUpdate update = bench.payload(round);
        CHECK_FALSE(update == true_update);
        const ChunkCode& chunk = update.chunks[0];
        const ChunkCode& original = true_update.chunks[0];
        if (attack == "zero") {
            CHECK(chunk.indices.empty());
        }
        if (attack == "index_poison") {
            CHECK(chunk.indices.back() + size_t{1} == chunk.indices.size());
        }
        if (attack == "sign_flip") {
            CHECK(chunk.value(0) == -original.value(0));
            CHECK(chunk.indices == original.indices);
        }
        if (attack == "scaled") {
            CHECK(chunk.value(0) == Approx(4 * original.value(0)).epsilon(0.01));
        }
        if (attack == "random") {
            CHECK(chunk.indices != original.indices);
        }
    }
}

TEST_CASE("false gradients stand in another chain under the assigned batches", "[adversaries]") {
    Bench bench;
    const auto honest = bench.trainer("");
    const TrainedRound truth = bench.train(*honest);
    for (const std::string& attack : adversary_names()) {
        if (deciding_layer(attack) != Layer::kGradientAudit) {
            continue;
        }
        CAPTURE(attack);
        const auto trainer = bench.trainer(attack);
        const TrainedRound round = bench.train(*trainer);
        CHECK(round.commit.states_root != truth.commit.states_root);
        CHECK(round.commit.assignment_digest == truth.commit.assignment_digest);
        CHECK(trainer->answer(bench.plan, round.commit, digest(1), digest(2)).ok());
    }
}

TEST_CASE("a copycat commits another's states and payload under its own assignment",
          "[adversaries]") {
    Bench bench;
    const auto copycat = bench.trainer("copycat");
    const TrainedRound copied = bench.train(*copycat);
    const auto honest = bench.trainer("");
    const TrainedRound own = bench.train(*honest);
    CHECK(copied.commit.states_root != own.commit.states_root);
    CHECK(copied.commit.assignment_digest == own.commit.assignment_digest);
    bench.plan.peers.pop_back();
    CHECK_FALSE(copycat->train(bench.plan, Bench::on).ok());
}

TEST_CASE("a framer commits another's states and payload with an e that is not the plan's",
          "[adversaries]") {
    Bench bench;
    const auto framer = bench.trainer("framer");
    const auto copycat = bench.trainer("copycat");
    const TrainedRound framed = bench.train(*framer);
    const TrainedRound copied = bench.train(*copycat);
    CHECK(framed.commit.states_root == copied.commit.states_root);
    CHECK(framed.commit.payload_hash == copied.commit.payload_hash);
    CHECK(framed.commit.e_before_root != copied.commit.e_before_root);
    CHECK(framed.commit.assignment_digest == copied.commit.assignment_digest);
    bench.plan.peers.pop_back();
    CHECK_FALSE(framer->train(bench.plan, Bench::on).ok());
}

TEST_CASE("stale trains from the parameters of the round before", "[adversaries]") {
    Bench bench;
    const auto trainer = bench.trainer("stale");
    CHECK_FALSE(trainer->train(bench.plan, Bench::on).ok());  // there is no round before yet
    std::vector<float> u(bench.model.layout().value_count(), 0.25F);
    const Result<QuantisedAggregate> aggregate =
        quantise_aggregate(u, bench.model.layout(), CompressionSettings{});
    REQUIRE(aggregate.ok());
    RoundSummary summary;
    summary.round = RoundId{2};
    const Digest hash = sha256_plain(aggregate->bytes);
    bench.blobs[hash] = aggregate->bytes;
    summary.aggregate = {hash, aggregate->bytes.size(), {}};
    const Digest old_root = trainer->theta_root();
    REQUIRE(trainer->apply(summary, false).ok());
    bench.plan.base_root = trainer->theta_root();
    CHECK(bench.plan.base_root != old_root);
    CHECK(bench.train(*trainer).commit.base_root == old_root);
}

TEST_CASE("what a payload of NaN says is no update, and its chain opens", "[adversaries]") {
    Bench bench;
    const auto trainer = bench.trainer("nan");
    const TrainedRound round = bench.train(*trainer);
    const Bytes& sent = bench.blobs.at(round.payload.sha256);
    CHECK(round.commit.payload_hash == round.payload.sha256);
    CHECK(round.commit.payload_bytes == sent.size());
    CHECK_FALSE(decode_update(sent, bench.model.layout(), CompressionSettings{}).ok());
    CHECK(trainer->answer(bench.plan, round.commit, digest(1), digest(2)).ok());
}

TEST_CASE("a chain of NaN has an honest payload and opens", "[adversaries]") {
    Bench bench;
    const auto honest = bench.trainer("");
    const auto trainer = bench.trainer("nan_chain");
    const TrainedRound truth = bench.train(*honest);
    const TrainedRound round = bench.train(*trainer);
    CHECK(round.commit.payload_hash == truth.commit.payload_hash);
    CHECK(round.commit.base_root == truth.commit.base_root);
    CHECK(round.commit.states_root != truth.commit.states_root);
    CHECK(trainer->answer(bench.plan, round.commit, digest(1), digest(2)).ok());
}

TEST_CASE("a veteran is honest until it is seldom audited", "[adversaries]") {
    Bench bench;
    const auto honest = bench.trainer("");
    const auto veteran = bench.trainer("veteran_scaled");
    bench.plan.peers[1].audit_ppm = 200001;
    CHECK(bench.train(*veteran).commit.payload_hash == bench.train(*honest).commit.payload_hash);
    bench.plan.peers[1].audit_ppm = 200000;
    CHECK(bench.train(*veteran).commit.payload_hash != bench.train(*honest).commit.payload_hash);
}

TEST_CASE("an adaptive peer skips what promises more than it risks", "[adversaries]") {
    for (const double at_stake : {0.0, 50.0}) {
        Bench bench;
        const auto honest = bench.trainer("");
        AdversaryPorts seen;
        seen.at_stake = [at_stake] { return at_stake; };
        const auto adaptive = bench.trainer("adaptive", seen);
        bench.plan.peers[1].audit_ppm = 600000;
        const bool true_work =
            bench.train(*adaptive).commit.states_root == bench.train(*honest).commit.states_root;
        CHECK(true_work == (at_stake > 0));
    }
}

TEST_CASE("who takes a place does not train, and who withholds has no payload", "[adversaries]") {
    Bench bench;
    CHECK_FALSE(bench.trainer("squatter")->train(bench.plan, Bench::on).ok());
    const auto trainer = bench.trainer("withhold");
    const TrainedRound round = bench.train(*trainer);
    CHECK(bench.dropped.count(round.payload.sha256) == 1);
}

TEST_CASE("an old opening is of what was committed and of what another beacon asked for",
          "[adversaries]") {
    Bench bench;
    const auto honest = bench.trainer("");
    const auto trainer = bench.trainer("old_opening");
    const TrainedRound truth = bench.train(*honest);
    const TrainedRound round = bench.train(*trainer);
    CHECK(round.commit.states_root == truth.commit.states_root);
    const auto opened = [&](Trainer& by, const Digest& beacon) {
        const Result<OpeningNotice> notice = by.answer(bench.plan, round.commit, digest(1), beacon);
        REQUIRE(notice.ok());
        return notice->opening.sha256;
    };
    CHECK(opened(*trainer, digest(2)) == opened(*honest, Digest{}));
    CHECK(opened(*trainer, digest(2)) == opened(*honest, Digest{}));  // asked again
    CHECK(opened(*trainer, digest(3)) == opened(*honest, digest(2)));
}

TEST_CASE("a second COMMIT is honest work, said where the first would be convicted",
          "[adversaries]") {
    Bench bench;
    std::vector<Message> said;
    AdversaryPorts seen;
    seen.say = [&said](const Message& message) { said.push_back(message); };
    const auto honest = bench.trainer("");
    const auto trainer = bench.trainer("second_commit", seen);
    const TrainedRound truth = bench.train(*honest);
    for (int i = 0; i < 2; ++i) {
        CHECK(bench.train(*trainer).commit.states_root == truth.commit.states_root);
    }
    bench.plan.peers[1].audit_ppm = 999999;
    const TrainedRound lie = bench.train(*trainer);
    CHECK(lie.commit.states_root != truth.commit.states_root);
    REQUIRE(trainer->answer(bench.plan, lie.commit, digest(1), digest(2)).ok());
    REQUIRE(said.size() == 1);
    CHECK(std::get<Commit>(said[0]).states_root == truth.commit.states_root);
}

TEST_CASE("what is said of before names its own round, plan or run", "[adversaries]") {
    Bench bench;
    std::vector<Message> said;
    AdversaryPorts seen;
    seen.say = [&said](const Message& message) { said.push_back(message); };
    const auto trainer = bench.trainer("old_commit", seen);
    (void)bench.train(*trainer);
    const TrainedRound last = bench.train(*trainer);
    CHECK(trainer->answer(bench.plan, last.commit, digest(1), digest(2)).ok());
    bench.plan.round = RoundId{4};
    CHECK_FALSE(trainer->train(bench.plan, Bench::on).ok());
    REQUIRE(said.size() == 6);
    CHECK(encode_body(std::get<Commit>(said[0])) == encode_body(last.commit));
    CHECK(std::get<Commit>(said[1]).round == RoundId{4});
    CHECK(std::get<Commit>(said[1]).plan_digest == last.commit.plan_digest);
    CHECK(std::get<Commit>(said[2]).manifest_digest != last.commit.manifest_digest);
    CHECK(std::get<PayloadNotice>(said[3]).payload.sha256 == last.payload.sha256);
    CHECK(std::get<OpeningNotice>(said[5]).round == RoundId{4});
}

TEST_CASE("who stalls does not have what it announced until much later", "[adversaries]") {
    Bench bench;
    std::function<void()> later;
    AdversaryPorts seen;
    seen.patience.opening = DurationMs{9000};
    seen.after = [&later](DurationMs time, std::function<void()> act) {
        CHECK(time == DurationMs{9000});
        later = std::move(act);
    };
    const auto trainer = bench.trainer("stall", seen);
    const TrainedRound round = bench.train(*trainer);
    const Result<OpeningNotice> notice =
        trainer->answer(bench.plan, round.commit, digest(1), digest(2));
    REQUIRE(notice.ok());
    CHECK(bench.dropped.count(notice->opening.sha256) == 1);
    bench.blobs.erase(notice->opening.sha256);
    later();
    CHECK(bench.blobs.count(notice->opening.sha256) == 1);
}

TEST_CASE("who trickles is late, slow and connects anew; a split machine serves its keys",
          "[adversaries]") {
    Bench bench;
    AdversaryPorts seen;
    seen.patience.grace = DurationMs{1000};
    seen.patience.slowest_bytes_second = 77;
    uint64_t pace = 0;
    DurationMs late;
    uint32_t keys = 0;
    int hung_up = 0;
    seen.send_at = [&pace](uint64_t bytes_second) { pace = bytes_second; };
    seen.come_late = [&late](DurationMs by) { late = by; };
    seen.after = [](DurationMs, const std::function<void()>& act) { act(); };
    seen.hang_up = [&hung_up] { ++hung_up; };
    seen.share_machine = [&keys](uint32_t of) { keys = of; };
    const auto trainer = bench.trainer("trickle", seen);
    const TrainedRound round = bench.train(*trainer);
    CHECK(trainer->answer(bench.plan, round.commit, digest(1), digest(2)).ok());
    CHECK(pace == 77);
    CHECK(late == DurationMs{500});
    CHECK(hung_up == 2);
    (void)bench.trainer("split", seen);
    CHECK(keys == 4);
}

TEST_CASE("silent trains and never opens", "[adversaries]") {
    Bench bench;
    const auto trainer = bench.trainer("silent");
    const TrainedRound round = bench.train(*trainer);
    CHECK_FALSE(trainer->answer(bench.plan, round.commit, digest(1), digest(2)).ok());
}

}  // namespace assay
