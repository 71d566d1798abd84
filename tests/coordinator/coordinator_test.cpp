// The coordinator's program, alone in this process with a peer that is played by hand.

#include "coordinator/coordinator.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "configs/config_file.h"
#include "core/files.h"
#include "data/data_manifest.h"
#include "data/shard_writer.h"
#include "model/exact_llama.h"
#include "net/transfer.h"
#include "net/zmq_channel.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/some_bytes.h"
#include "verify/challenge.h"

namespace assay {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr uint32_t kVocabulary = 300;

// Nothing of this run ends by a deadline while a test looks at it.
constexpr const char* kRun = R"(
[run]
name = "hand"

[model]
vocab_size = 300
width = 32
layers = 1
heads = 2
kv_heads = 1
head_width = 16
ffn_width = 64
context = 32
tied = true

[data]
sequence_tokens = 32

[inner]
inner_steps = 4
sequences_per_step = 2

[verify]
share_sequences = 8

[rounds]
rounds = 8
peers_min = 1
grace_ms = 600000
commit_floor_ms = 600000
transfer_floor_ms = 600000
loss_sequences = 8
)";

void write_data(const std::filesystem::path& folder) {
    std::vector<int32_t> tokens(4000);
    for (int32_t i = 0; i < 4000; ++i) {
        tokens[static_cast<size_t>(i)] = i * i % static_cast<int32_t>(kVocabulary);
    }
    DataManifest manifest;
    manifest.vocab_size = kVocabulary;
    manifest.unigram_entropy = 5;
    manifest.tokenizer = sha256_plain(as_bytes("{}"));
    for (const bool held_out : {false, true}) {
        ShardWriter writer(folder, held_out ? "held_out" : "train", held_out, kVocabulary, 10000);
        REQUIRE(writer.append(tokens).ok());
        const Result<std::vector<ShardEntry>> entries = writer.finish();
        REQUIRE(entries.ok());
        manifest.shards.insert(manifest.shards.end(), entries->begin(), entries->end());
    }
    const std::string text = encode_data_manifest(manifest);
    REQUIRE(write_file_atomically(folder / kDataManifestFile, as_bytes(text)).ok());
    REQUIRE(write_file_atomically(folder / "tokenizer.json", as_bytes("{}")).ok());
}

// A coordinator that runs in a thread of its own until the test ends.
class RunningCoordinator {
public:
    RunningCoordinator() {
        REQUIRE(make_folder(scratch_.path() / "data").ok());
        write_data(scratch_.path() / "data");
        CoordinatorHooks hooks;
        hooks.stop_requested = [this] { return stop_.load(); };
        hooks.make_model = [](const RunConfig& config, NumericClass, int threads) {
            return make_exact_llama(config.model, {threads, false});
        };
        hooks.on_status = [this](const CoordinatorStatus& status) {
            const std::lock_guard lock(mutex_);
            status_ = status;
            changed_.notify_all();
        };
        hooks.on_round = [](const RoundStatus&) {};
        coordinator_ = std::make_unique<Coordinator>(
            CoordinatorOptions{scratch_.path() / "run",
                               "tcp://127.0.0.1:0",
                               "any",
                               scratch_.path() / "data",
                               scratch_.path() / "data" / "tokenizer.json",
                               1},
            parse_run_config(kRun, "hand").value(),
            std::move(hooks));
        thread_ = std::thread([this] {
            const Ended ended = coordinator_->run();
            const std::lock_guard lock(mutex_);
            ended_ = ended;
            changed_.notify_all();
        });
    }
    ~RunningCoordinator() {
        stop_.store(true);
        thread_.join();
    }
    RunningCoordinator(const RunningCoordinator&) = delete;
    RunningCoordinator& operator=(const RunningCoordinator&) = delete;

    // Once it listens.
    CoordinatorStatus status() {
        std::unique_lock lock(mutex_);
        const bool up = changed_.wait_for(
            lock, std::chrono::seconds(60), [this] { return ended_ || !status_.endpoint.empty(); });
        INFO((ended_ ? ended_->reason : "it said nothing"));
        REQUIRE(up);
        REQUIRE_FALSE(ended_);
        return status_;
    }

private:
    ScratchFolder scratch_;
    std::unique_ptr<Coordinator> coordinator_;
    std::mutex mutex_;
    std::condition_variable changed_;
    CoordinatorStatus status_;
    std::optional<Ended> ended_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

// One connection of a peer.
class HandPeer {
public:
    HandPeer(const Identity& identity, const CoordinatorStatus& coordinator)
        : identity_(identity),
          channel_(ZmqClient::open(
                       identity, coordinator.endpoint, peer_id_from_hex(coordinator.key).value())
                       .value()) {
        const auto until = SteadyClock::now() + std::chrono::seconds(30);
        while (!channel_->connected() && SteadyClock::now() < until) {
            (void)channel_->poll(DurationMs{10});
        }
        REQUIRE(channel_->connected());
    }

    void say(const Message& message) { REQUIRE(channel_->send(seal(identity_, message)).ok()); }
    void say_hello(const Digest& manifest) {
        Hello hello;
        hello.protocol_version = limits::kProtocolVersion;
        hello.manifest_digest = manifest;
        hello.numeric_class = NumericClass::kExact;
        hello.threads = 1;
        say(hello);
    }

    [[nodiscard]] const Identity& identity() const { return identity_; }

    // The next message of this kind; others are dropped.
    template <typename T>
    T await() {
        const auto until = SteadyClock::now() + std::chrono::seconds(60);
        while (SteadyClock::now() < until) {
            for (ClientEvent& event : channel_->poll(DurationMs{10})) {
                auto* incoming = std::get_if<Incoming>(&event);
                if (incoming != nullptr && std::holds_alternative<T>(incoming->message)) {
                    return std::get<T>(std::move(incoming->message));
                }
            }
        }
        FAIL("the coordinator did not say what was awaited");
        return T{};
    }

private:
    Identity identity_;
    std::unique_ptr<ZmqClient> channel_;
};

Commit commit_of(const Digest& manifest, const RoundPlan& plan, const BlobRef& payload) {
    Commit commit;
    commit.manifest_digest = manifest;
    commit.round = plan.round;
    commit.plan_digest = plan_digest(plan);
    commit.ledger_head = plan.ledger_head;
    commit.numeric_class = NumericClass::kExact;
    commit.payload_hash = payload.sha256;
    commit.payload_bytes = payload.size_bytes;
    commit.tokens = 1;
    return commit;
}

TEST_CASE("what a peer was sending when its connection ended goes on as soon as it is back",
          "[coordinator]") {
    RunningCoordinator coordinator;
    const CoordinatorStatus status = coordinator.status();
    const Identity identity = Identity::generate();
    const Bytes bytes = some_bytes(1000);
    const BlobRef payload{sha256_plain(bytes), bytes.size(), {}};
    auto peer = std::make_unique<HandPeer>(identity, status);
    peer->say_hello({});
    const Digest manifest = manifest_digest(peer->await<Welcome>().manifest);
    peer->say_hello(manifest);
    const RoundPlan plan = peer->await<RoundPlan>();
    peer->say(commit_of(manifest, plan, payload));
    peer->say(PayloadNotice{plan.round, payload});
    CHECK(peer->await<BlobRequest>().sha256 == payload.sha256);
    // The second time it is asked for is after a silence; the third comes after twice that, or at
    // once if the peer is seen to leave and to return.
    CHECK(peer->await<BlobRequest>().sha256 == payload.sha256);
    const auto asked = SteadyClock::now();
    peer.reset();
    peer = std::make_unique<HandPeer>(identity, status);
    peer->say_hello(manifest);
    const BlobRequest again = peer->await<BlobRequest>();
    const auto waited =
        std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - asked);
    CHECK(again.sha256 == payload.sha256);
    CHECK(2 * waited.count() < 3 * TransferSettings{}.silence.ms);
    peer->say(BlobPiece{payload.sha256, 0, false, bytes});
    CHECK(peer->await<CloseNotice>().close.entry_count == 1);
}

// Nothing of the round is worth anything: it is judged all the same, and what it was judged by is
// there for members.
TEST_CASE("members fetch by what a closed round was judged, and strangers do not",
          "[coordinator]") {
    RunningCoordinator coordinator;
    const CoordinatorStatus status = coordinator.status();
    const Bytes bytes = some_bytes(1000);
    const BlobRef payload{sha256_plain(bytes), bytes.size(), {}};
    HandPeer peer(Identity::generate(), status);
    peer.say_hello({});
    const Digest manifest = manifest_digest(peer.await<Welcome>().manifest);
    peer.say_hello(manifest);
    const RoundPlan plan = peer.await<RoundPlan>();
    const Commit commit = commit_of(manifest, plan, payload);
    peer.say(commit);
    const Receipt receipt = peer.await<Receipt>();
    CHECK(receipt.kind == ReceiptKind::kCommit);
    CHECK(receipt.hash == commit_hash(*make_envelope(peer.identity(), commit)));
    peer.say(PayloadNotice{plan.round, payload});
    (void)peer.await<BlobRequest>();
    peer.say(BlobPiece{payload.sha256, 0, false, bytes});
    const RunConfig config = parse_run_config(kRun, "hand").value();
    const Challenge drawn = draw_challenge(peer.await<Beacon>().value,
                                           receipt.hash,
                                           llama_layout(config.model),
                                           {},
                                           config.verify,
                                           plan.inner_steps,
                                           plan.peers[0].audit_ppm);
    REQUIRE(drawn.audited);
    const Bytes zeros(llama_layout(config.model).value_count() * sizeof(float));
    const BlobRef theta{sha256_plain(zeros), zeros.size(), {}};
    OpeningNotice notice{plan.round, payload, {}};
    for (const uint32_t step : drawn.steps) {
        notice.steps.push_back({step, theta, {}, {}});
    }
    peer.say(notice);
    const BlobRequest wanted = peer.await<BlobRequest>();
    REQUIRE(wanted.length >= zeros.size());
    peer.say(BlobPiece{theta.sha256, 0, false, zeros});
    (void)peer.await<RoundSummary>();

    peer.say(EvidenceRequest{plan.round});
    const EvidenceIndex index = peer.await<EvidenceIndex>();
    REQUIRE(index.entries.size() == 2 + drawn.steps.size());
    CHECK(index.entries[0].kind == EvidenceKind::kPayload);
    CHECK(index.entries[1].kind == EvidenceKind::kOpening);
    CHECK(index.entries[0].blob.sha256 == payload.sha256);
    peer.say(BlobRequest{payload.sha256, 0, 1000});
    CHECK(peer.await<BlobPiece>().data == bytes);

    HandPeer stranger(Identity::generate(), status);
    stranger.say_hello(manifest);
    (void)stranger.await<Welcome>();
    stranger.say(EvidenceRequest{plan.round});
    stranger.say(BlobRequest{payload.sha256, 0, 1000});
    CHECK(stranger.await<BlobPiece>().missing);
}

}  // namespace
}  // namespace assay
