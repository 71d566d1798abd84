// Every message comes back as it went in, and nothing that was bent on the way is believed.
#include <catch2/catch.hpp>

#include "protocol/limits.h"
#include "tests/protocol/message_samples.h"

namespace assay {

using samples::Filler;

namespace {

const Identity& writer() {
    static const Identity kWriter = Identity::from_seed(sha256_plain(as_bytes("writer")));
    return kWriter;
}

bool same_message(const Message& a, const Message& b) {
    return a.index() == b.index() &&
           std::visit(
               [&](const auto& left) {
                   return samples::same(left, std::get<std::decay_t<decltype(left)>>(b));
               },
               a);
}

}  // namespace

TEST_CASE("every message survives its bytes") {
    for (uint64_t seed = 0; seed < 60; ++seed) {
        for (const Message& message : samples::of_all_kinds(seed)) {
            const uint8_t kind = message_kind(message);
            CAPTURE(seed, message_name(kind));
            const Result<Message> back = decode_message(kind, encode_message(message));
            REQUIRE((back.ok() ? "accepted" : back.reason()) == std::string("accepted"));
            CHECK(same_message(message, *back));
            CHECK(encode_message(*back) == encode_message(message));
        }
    }
}

TEST_CASE("stored bodies survive their bytes") {
    for (uint64_t seed = 0; seed < 20; ++seed) {
        Filler filler(seed);
        const auto manifest = filler.make<RunManifest>();
        const auto verdict = filler.make<Verdict>();
        const auto close = filler.make<Close>();
        CHECK(samples::same(manifest, decode_manifest(encode_manifest(manifest)).value()));
        CHECK(samples::same(verdict, decode_verdict(encode_verdict(verdict)).value()));
        CHECK(samples::same(close, decode_close(encode_close(close)).value()));
        const auto commit = filler.make<Commit>();
        CHECK(samples::same(commit, decode_body<Commit>(encode_body(commit)).value()));
    }
}

TEST_CASE("an envelope names its signer and keeps its body") {
    for (const Message& message : samples::of_all_kinds(7)) {
        const Result<CheckedEnvelope> envelope = unseal(seal(writer(), message));
        REQUIRE(envelope.ok());
        CHECK((*envelope)->signer == writer().id());
        CHECK((*envelope)->kind == message_kind(message));
        CHECK((*envelope)->body == encode_message(message));
        CHECK(encode_envelope(*envelope) == seal(writer(), message));
    }
}

TEST_CASE("a flipped bit anywhere in an envelope is found") {
    const Bytes wire = seal(writer(), Filler(3).make<Progress>());
    for (size_t i = 0; i < wire.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            Bytes bent = wire;
            bent[i] = static_cast<uint8_t>(bent[i] ^ 1U << bit);
            CAPTURE(i, bit);
            CHECK_FALSE(unseal(bent).ok());
        }
    }
}

TEST_CASE("a truncated envelope is refused at every length") {
    const Bytes wire = seal(writer(), Filler(4).make<Commit>());
    for (size_t size = 0; size < wire.size(); ++size) {
        CHECK_FALSE(unseal(ByteSpan(wire).first(size)).ok());
    }
}

TEST_CASE("another's signature, kind or body is refused") {
    const Envelope good = make_envelope(writer(), Filler(5).make<Heartbeat>());
    REQUIRE(unseal(encode_envelope(good)).ok());
    Envelope other_signer = good;
    other_signer.signer = Identity::from_seed(sha256_plain(as_bytes("other"))).id();
    const Result<CheckedEnvelope> refused = unseal(encode_envelope(other_signer));
    REQUIRE_FALSE(refused.ok());
    CHECK_THAT(refused.reason(), Catch::Contains("Envelope.signature"));
    Envelope other_kind = good;
    other_kind.kind = static_cast<uint8_t>(good.kind + 1);
    CHECK_FALSE(unseal(encode_envelope(other_kind)).ok());
    Envelope other_body = good;
    other_body.body.push_back(0);
    CHECK_FALSE(unseal(encode_envelope(other_body)).ok());
}

TEST_CASE("random bytes are neither envelopes nor messages that crash") {
    CounterRng rng(derive_seed({}, "garbage"));
    for (int run = 0; run < 2000; ++run) {
        Bytes garbage(rng.below(200));
        for (uint8_t& byte : garbage) {
            byte = static_cast<uint8_t>(rng.below(256));
        }
        CHECK_FALSE(unseal(garbage).ok());
        for (uint8_t kind = 0; kind < 20; ++kind) {
            const Result<Message> message = decode_message(kind, garbage);
            if (message.ok()) {
                CHECK(decode_message(kind, encode_message(*message)).ok());
            }
        }
    }
}

TEST_CASE("bent bodies are refused or mean something that encodes again") {
    CounterRng rng(derive_seed({}, "bent"));
    for (uint64_t seed = 0; seed < 40; ++seed) {
        for (const Message& message : samples::of_all_kinds(seed)) {
            Bytes body = encode_message(message);
            if (body.empty()) {
                continue;
            }
            body[rng.below(body.size())] = static_cast<uint8_t>(rng.below(256));
            const Result<Message> back = decode_message(message_kind(message), body);
            if (back.ok()) {
                CHECK(decode_message(message_kind(message), encode_message(*back)).ok());
            }
        }
    }
}

TEST_CASE("an oversized envelope is refused by its size") {
    const Result<CheckedEnvelope> refused = unseal(Bytes(limits::kMessageBytesMax + 1));
    REQUIRE_FALSE(refused.ok());
    CHECK_THAT(refused.reason(), Catch::Contains("Envelope has 4194305 bytes"));
}

TEST_CASE("kinds keep their numbers and names") {
    CHECK(message_kind(Hello{}) == 1);
    CHECK(message_kind(Commit{}) == 5);
    CHECK(message_kind(Goodbye{}) == 17);
    CHECK(message_kind(DebtNotice{}) == 18);
    CHECK(std::string(message_name(5)) == "Commit");
    CHECK(std::string(message_name(0)) == "unknown message");
    CHECK(message_kind(Receipt{}) == 19);
    CHECK(message_kind(EvidenceRequest{}) == 20);
    CHECK(message_kind(EvidenceIndex{}) == 21);
    CHECK(std::string(message_name(22)) == "unknown message");
}

}  // namespace assay
