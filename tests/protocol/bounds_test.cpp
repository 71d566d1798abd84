// Each bound broken in turn: refused, with a reason that names message and field.
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>

#include "protocol/limits.h"
#include "tests/protocol/message_samples.h"

namespace assay {

using samples::Filler;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <typename T>
void refuses(const char* field, const std::function<void(T&)>& spoil) {
    auto message = Filler(11).make<T>();
    REQUIRE(decode_body<T>(encode_body(message)).ok());
    spoil(message);
    const Result<T> refused = decode_body<T>(encode_body(message));
    CAPTURE(field);
    REQUIRE_FALSE(refused.ok());
    CHECK_THAT(refused.reason(), Catch::Contains(field));
}

std::vector<PlanPeer> roster(size_t count) {
    std::vector<PlanPeer> peers(count, Filler(1).make<PlanPeer>());
    for (size_t i = 0; i < count; ++i) {
        peers[i].id.key = {static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
    }
    return peers;
}

std::vector<SummaryEntry> summary_entries(size_t count) {
    std::vector<SummaryEntry> entries(count, Filler(1).make<SummaryEntry>());
    for (size_t i = 0; i < count; ++i) {
        entries[i].peer.key = {static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
    }
    return entries;
}

// Fields of protobuf bytes at the top level, as (start of the value's length byte, length).
std::vector<size_t> places_of_32_byte_fields(const Bytes& body) {
    std::vector<size_t> places;
    for (size_t at = 0; at + 33 < body.size() + 1; ++at) {
        if ((body[at] & 7U) == 2 && at + 34 <= body.size() && body[at + 1] == 32) {
            places.push_back(at + 1);
            at += 33;
        }
    }
    return places;
}

}  // namespace

TEST_CASE("bounds of Hello") {
    refuses<Hello>("Hello.protocol_version", [](Hello& m) { m.protocol_version = 70000; });
    refuses<Hello>("Hello.numeric_class", [](Hello& m) { m.numeric_class = NumericClass(0); });
    refuses<Hello>("Hello.numeric_class", [](Hello& m) { m.numeric_class = NumericClass(5); });
    refuses<Hello>("Hello.threads", [](Hello& m) { m.threads = 0; });
    refuses<Hello>("Hello.threads", [](Hello& m) { m.threads = 65537; });
    refuses<Hello>("Hello.tokens_per_second", [](Hello& m) { m.tokens_per_second = UINT64_MAX; });
    refuses<Hello>("Hello.uplink_bytes_per_second",
                   [](Hello& m) { m.uplink_bytes_per_second = UINT64_MAX; });
}

TEST_CASE("bounds of the manifest") {
    const auto spoil = [](const char* field, const std::function<void(RunManifest&)>& change) {
        refuses<Welcome>(field, [&](Welcome& m) { change(m.manifest); });
    };
    spoil("Welcome.manifest.run_name",
          [](RunManifest& m) { m.run_name.assign(limits::kTextBytesMax + 1, 'x'); });
    spoil("Welcome.manifest.config_text",
          [](RunManifest& m) { m.config_text.assign(limits::kConfigBytesMax + 1, 'x'); });
    spoil("Welcome.manifest.config_text is not UTF-8",
          [](RunManifest& m) { m.config_text = "a\xff"; });
    spoil("Welcome.manifest.beacon_length", [](RunManifest& m) { m.beacon_length = UINT64_MAX; });
    spoil("Welcome.manifest.parameter_tiles", [](RunManifest& m) { m.parameter_tiles = 0; });
    spoil("Welcome.manifest.parameter_tiles",
          [](RunManifest& m) { m.parameter_tiles = limits::kTilesMax + 1; });
    spoil("Welcome.manifest.tokenizer.size_bytes",
          [](RunManifest& m) { m.tokenizer.size_bytes = UINT64_MAX; });
    spoil("Welcome.manifest.data_manifest.locations",
          [](RunManifest& m) { m.data_manifest.locations.assign(9, ""); });
    spoil("Welcome.manifest.shards[3].locations", [](RunManifest& m) {
        m.shards.assign(5, {});
        m.shards[3].locations = {std::string(limits::kTextBytesMax + 1, 'x')};
    });
    spoil("Welcome.manifest.shards",
          [](RunManifest& m) { m.shards.assign(limits::kShardsMax + 1, {}); });
    refuses<Welcome>("Welcome.clock", [](Welcome& m) { m.clock.ms = -1; });
    refuses<Welcome>("Welcome.next_round", [](Welcome& m) { m.next_round.value = UINT64_MAX; });
}

TEST_CASE("bounds of Refusal and Goodbye") {
    refuses<Refusal>("Refusal.code", [](Refusal& m) { m.code = RefusalCode(0); });
    refuses<Refusal>("Refusal.code", [](Refusal& m) { m.code = RefusalCode(15); });
    const Goodbye cut = decode_body<Goodbye>(encode_body(Goodbye{std::string(9000, 'x')})).value();
    CHECK(cut.reason.size() == limits::kTextBytesMax);
    CHECK(decode_body<Goodbye>(encode_body(Goodbye{"a\xff"
                                                   "b"}))
              .value()
              .reason == "a?b");
}

TEST_CASE("bounds of the roster and the pool") {
    refuses<RoundPlan>("RoundPlan.round", [](RoundPlan& m) { m.round.value = UINT64_MAX; });
    refuses<RoundPlan>("RoundPlan.ledger_height",
                       [](RoundPlan& m) { m.ledger_height = limits::kRecordsMax + 1; });
    refuses<RoundSummary>("RoundSummary.ledger_height",
                          [](RoundSummary& m) { m.ledger_height = limits::kRecordsMax + 1; });
    refuses<RoundPlan>("RoundPlan.stream_position",
                       [](RoundPlan& m) { m.stream_position = UINT64_MAX; });
    refuses<RoundPlan>("RoundPlan.pool[0].begin", [](RoundPlan& m) { m.pool = {{5, 4}}; });
    refuses<RoundPlan>("RoundPlan.pool[1].end", [](RoundPlan& m) {
        m.pool = {{4, 5}, {1, UINT64_MAX}};
    });
    refuses<RoundPlan>("RoundPlan.pool has", [](RoundPlan& m) {
        m.pool.assign(limits::kPoolRangesMax + 1, {0, 1});
    });
    refuses<RoundPlan>("RoundPlan.peers has",
                       [](RoundPlan& m) { m.peers = roster(limits::kPeersMax + 1); });
    refuses<RoundPlan>("RoundPlan.peers is not in increasing order", [](RoundPlan& m) {
        m.peers = roster(3);
        std::swap(m.peers[1], m.peers[2]);
    });
    refuses<RoundPlan>("RoundPlan.peers is not in increasing order", [](RoundPlan& m) {
        m.peers = {roster(1)[0], roster(1)[0]};
    });
    const auto spoil = [](const char* field, const std::function<void(PlanPeer&)>& change) {
        refuses<RoundPlan>(field, [&](RoundPlan& m) {
            m.peers = roster(3);
            change(m.peers[2]);
        });
    };
    spoil("RoundPlan.peers[2].numeric_class",
          [](PlanPeer& p) { p.numeric_class = NumericClass(9); });
    spoil("RoundPlan.peers[2].sequences_per_step", [](PlanPeer& p) { p.sequences_per_step = 0; });
    spoil("RoundPlan.peers[2].sequences_per_step",
          [](PlanPeer& p) { p.sequences_per_step = 65537; });
    spoil("RoundPlan.peers[2].optimiser_steps",
          [](PlanPeer& p) { p.optimiser_steps = UINT64_MAX; });
    spoil("RoundPlan.peers[2].audit_ppm", [](PlanPeer& p) { p.audit_ppm = 1000001; });
}

TEST_CASE("bounds of the schedule") {
    const auto steps = [](uint32_t count) {
        return [count](RoundPlan& m) {
            m.inner_steps = count;
            m.learning_rate_bits.assign(count, 1);
        };
    };
    refuses<RoundPlan>("RoundPlan.inner_steps", steps(0));
    refuses<RoundPlan>("RoundPlan.inner_steps", steps(1025));
    refuses<RoundPlan>("RoundPlan.learning_rate_bits",
                       [](RoundPlan& m) { m.learning_rate_bits.push_back(1); });
    refuses<RoundPlan>("RoundPlan.learning_rate_bits",
                       [](RoundPlan& m) { m.learning_rate_bits.back() = 0x7f800000; });
    refuses<RoundPlan>("RoundPlan.learning_rate_bits",
                       [](RoundPlan& m) { m.learning_rate_bits.back() = 0xbf800000; });
    refuses<RoundPlan>("RoundPlan.bias1_bits",
                       [](RoundPlan& m) { m.bias1_bits.assign(limits::kBiasTableMax + 1, 1); });
    refuses<RoundPlan>("RoundPlan.bias2_bits", [](RoundPlan& m) { m.bias2_bits = {0x7fc00000}; });
    refuses<RoundPlan>("RoundPlan.grain_sequences", [](RoundPlan& m) { m.grain_sequences = 0; });
    refuses<RoundPlan>("RoundPlan.sequence_tokens", [](RoundPlan& m) { m.sequence_tokens = 0; });
    refuses<RoundPlan>("RoundPlan.sequence_tokens",
                       [](RoundPlan& m) { m.sequence_tokens = (1U << 20) + 1; });
    refuses<RoundPlan>("RoundPlan.theta.size_bytes",
                       [](RoundPlan& m) { m.theta.size_bytes = UINT64_MAX; });
    refuses<RoundPlan>("RoundPlan.opened_at", [](RoundPlan& m) { m.opened_at.ms = -1; });
    refuses<RoundPlan>("RoundPlan.commit_deadline",
                       [](RoundPlan& m) { m.commit_deadline = m.opened_at - DurationMs{1}; });
    refuses<RoundPlan>("RoundPlan.payload_deadline", [](RoundPlan& m) {
        m.payload_deadline = m.commit_deadline - DurationMs{1};
    });
    refuses<RoundPlan>("RoundPlan.payload_deadline",
                       [](RoundPlan& m) { m.payload_deadline.ms = INT64_MAX; });
    refuses<RoundPlan>("RoundPlan.opening_time", [](RoundPlan& m) { m.opening_time.ms = -5; });
}

TEST_CASE("bounds of what a peer sends in a round") {
    refuses<Commit>("Commit.round", [](Commit& m) { m.round.value = UINT64_MAX; });
    refuses<Commit>("Commit.numeric_class", [](Commit& m) { m.numeric_class = NumericClass(7); });
    refuses<Commit>("Commit.payload_bytes", [](Commit& m) { m.payload_bytes = UINT64_MAX; });
    refuses<Commit>("Commit.tokens", [](Commit& m) { m.tokens = UINT64_MAX; });
    refuses<PayloadNotice>("PayloadNotice.round",
                           [](PayloadNotice& m) { m.round.value = UINT64_MAX; });
    refuses<PayloadNotice>("PayloadNotice.payload.size_bytes",
                           [](PayloadNotice& m) { m.payload.size_bytes = UINT64_MAX; });
    refuses<OpeningNotice>("OpeningNotice.round",
                           [](OpeningNotice& m) { m.round.value = UINT64_MAX; });
    refuses<OpeningNotice>("OpeningNotice.opening.locations",
                           [](OpeningNotice& m) { m.opening.locations.assign(9, "x"); });
    refuses<OpeningNotice>("OpeningNotice.steps has",
                           [](OpeningNotice& m) { m.steps.assign(1025, StepStates{}); });
    refuses<OpeningNotice>("OpeningNotice.steps[0].step", [](OpeningNotice& m) {
        m.steps.assign(1, StepStates{});
        m.steps[0].step = 1024;
    });
    refuses<OpeningNotice>("OpeningNotice.steps[0].v.size_bytes", [](OpeningNotice& m) {
        m.steps.assign(1, StepStates{});
        m.steps[0].v.size_bytes = UINT64_MAX;
    });
    refuses<Progress>("Progress.round", [](Progress& m) { m.round.value = UINT64_MAX; });
    refuses<Progress>("Progress.step", [](Progress& m) { m.step = 1025; });
    refuses<Progress>("Progress.loss", [](Progress& m) { m.loss = kNan; });
    refuses<Progress>("Progress.loss", [](Progress& m) { m.loss = -kInfinity; });
}

TEST_CASE("bounds of what ends a round") {
    refuses<CloseNotice>("CloseNotice.close.round",
                         [](CloseNotice& m) { m.close.round.value = UINT64_MAX; });
    refuses<CloseNotice>("CloseNotice.close.entry_count", [](CloseNotice& m) {
        m.inclusion.reset();
        m.close.entry_count = limits::kPeersMax + 1;
    });
    refuses<CloseNotice>("CloseNotice.inclusion.index", [](CloseNotice& m) {
        m.inclusion = MerklePath{4, 4, {}};
    });
    refuses<CloseNotice>("CloseNotice.inclusion.count", [](CloseNotice& m) {
        m.inclusion = MerklePath{0, 0, {}};
    });
    refuses<CloseNotice>("CloseNotice.inclusion counts", [](CloseNotice& m) {
        m.inclusion = MerklePath{0, m.close.entry_count + 1, {}};
    });
    refuses<CloseNotice>("CloseNotice.inclusion.siblings", [](CloseNotice& m) {
        m.inclusion = MerklePath{0, m.close.entry_count, std::vector<Digest>(65)};
    });
    refuses<Beacon>("Beacon.round", [](Beacon& m) { m.round.value = UINT64_MAX; });
    refuses<RoundSummary>("RoundSummary.round",
                          [](RoundSummary& m) { m.round.value = UINT64_MAX; });
    refuses<RoundSummary>("RoundSummary.aggregate.size_bytes",
                          [](RoundSummary& m) { m.aggregate.size_bytes = UINT64_MAX; });
    refuses<RoundSummary>("RoundSummary.entries has",
                          [](RoundSummary& m) { m.entries = summary_entries(1025); });
    refuses<RoundSummary>("RoundSummary.entries is not in increasing order", [](RoundSummary& m) {
        m.entries = summary_entries(2);
        std::swap(m.entries[0], m.entries[1]);
    });
    refuses<RoundSummary>("RoundSummary.entries[1].outcome", [](RoundSummary& m) {
        m.entries = summary_entries(2);
        m.entries[1].outcome = CommitOutcome(7);
    });
    refuses<RoundSummary>("RoundSummary.loss_before",
                          [](RoundSummary& m) { m.loss_before = kNan; });
    refuses<RoundSummary>("RoundSummary.loss_after",
                          [](RoundSummary& m) { m.loss_after = kInfinity; });
}

TEST_CASE("bounds of audits") {
    refuses<AuditJob>("AuditJob.round", [](AuditJob& m) { m.round.value = UINT64_MAX; });
    refuses<AuditJob>("AuditJob.numeric_class",
                      [](AuditJob& m) { m.numeric_class = NumericClass(0); });
    refuses<AuditJob>("AuditJob.step", [](AuditJob& m) { m.step = 1024; });
    refuses<AuditJob>("AuditJob.leaf_path.index",
                      [](AuditJob& m) { m.leaf_path.index = m.leaf_path.count; });
    refuses<AuditJob>("AuditJob.opening.theta.size_bytes",
                      [](AuditJob& m) { m.opening.theta.size_bytes = UINT64_MAX; });
    refuses<AuditJob>("AuditJob.samples has", [](AuditJob& m) { m.samples.assign(65537, 1); });
    refuses<AuditJob>("AuditJob.samples is", [](AuditJob& m) { m.samples = {UINT64_MAX}; });
    refuses<AuditJob>("AuditJob.optimiser_steps_before",
                      [](AuditJob& m) { m.optimiser_steps_before = UINT64_MAX; });
    refuses<AuditReport>("AuditReport.round", [](AuditReport& m) { m.round.value = UINT64_MAX; });
    refuses<AuditReport>("AuditReport.step", [](AuditReport& m) { m.step = 1024; });
    refuses<AuditReport>("AuditReport.rho is", [](AuditReport& m) { m.rho = kNan; });
    refuses<AuditReport>("AuditReport.alpha", [](AuditReport& m) { m.alpha = kNan; });
    refuses<AuditReport>("AuditReport.rho_worst_tensor",
                         [](AuditReport& m) { m.rho_worst_tensor = kNan; });
    refuses<AuditReport>("AuditReport.rho_worst_chunk",
                         [](AuditReport& m) { m.rho_worst_chunk = kNan; });
    AuditReport beyond = Filler(2).make<AuditReport>();
    beyond.rho = static_cast<double>(kInfinity);  // beyond every bound: a finding, not an error
    CHECK(decode_body<AuditReport>(encode_body(beyond)).ok());
}

TEST_CASE("bounds of a verdict") {
    const auto reason = [](const std::function<void(Verdict&)>& spoil) {
        auto verdict = Filler(3).make<Verdict>();
        spoil(verdict);
        const Result<Verdict> refused = decode_verdict(encode_verdict(verdict));
        return refused.ok() ? std::string("accepted") : refused.reason();
    };
    CHECK_THAT(reason([](Verdict& v) { v.ruling = Ruling(0); }), Catch::Contains("Verdict.ruling"));
    CHECK_THAT(reason([](Verdict& v) { v.ruling = Ruling(4); }), Catch::Contains("Verdict.ruling"));
    CHECK_THAT(reason([](Verdict& v) { v.layer = Layer(10); }), Catch::Contains("Verdict.layer"));
    CHECK_THAT(reason([](Verdict& v) { v.figures.cosine_ppm = 1000001; }),
               Catch::Contains("Verdict.cosine_ppm"));
    CHECK_THAT(reason([](Verdict& v) { v.round.value = UINT64_MAX; }),
               Catch::Contains("Verdict.round"));
}

TEST_CASE("bounds of pieces") {
    refuses<BlobRequest>("BlobRequest.offset", [](BlobRequest& m) { m.offset = UINT64_MAX; });
    refuses<BlobRequest>("BlobRequest.length", [](BlobRequest& m) { m.length = 0; });
    refuses<BlobRequest>("BlobRequest.length",
                         [](BlobRequest& m) { m.length = limits::kPieceBytes + 1; });
    refuses<BlobPiece>("BlobPiece.offset", [](BlobPiece& m) { m.offset = UINT64_MAX; });
    refuses<BlobPiece>("BlobPiece.data", [](BlobPiece& m) {
        m.missing = false;
        m.data.resize(limits::kPieceBytes + 1);
    });
    refuses<BlobPiece>("BlobPiece.missing", [](BlobPiece& m) {
        m.missing = true;
        m.data = {1};
    });
}

TEST_CASE("a digest of another size is refused in every place") {
    auto commit = Filler(6).make<Commit>();
    const Bytes body = encode_body(commit);
    const std::vector<size_t> places = places_of_32_byte_fields(body);
    REQUIRE(places.size() == 10);
    for (const size_t place : places) {
        Bytes shorter = body;
        shorter[place] = 31;
        shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(place) + 1);
        const Result<Commit> refused = decode_body<Commit>(shorter);
        REQUIRE_FALSE(refused.ok());
        CHECK_THAT(refused.reason(),
                   Catch::Contains("is not a digest: a digest has 32 bytes, not 31"));
    }
}

TEST_CASE("an empty body lacks its digests") {
    for (const uint8_t kind : std::vector<uint8_t>{2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15}) {
        CAPTURE(message_name(kind));
        CHECK_FALSE(decode_message(kind, {}).ok());
    }
}

TEST_CASE("a body larger than its kind allows is refused before it is parsed") {
    const Result<Message> refused = decode_message(5, Bytes(20000));
    REQUIRE_FALSE(refused.ok());
    CHECK_THAT(refused.reason(), Catch::Contains("Commit has 20000 bytes"));
}

}  // namespace assay
