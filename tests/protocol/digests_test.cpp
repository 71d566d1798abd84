// Digests by which messages name one another: every field counts, locations do not, bytes are
// frozen.
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "tests/protocol/message_samples.h"

namespace assay {

using samples::Filler;

namespace {

// `message` with its field number `wanted` drawn anew.
template <typename T>
T with_field_changed(const T& message, size_t wanted, uint64_t seed) {
    T changed = message;
    Filler filler(seed);
    size_t index = 0;
    samples::take_apart(changed, [&](auto&... fields) {
        ((index++ == wanted ? filler.fill(fields) : void()), ...);
    });
    return changed;
}

// The number of fields whose change changes the digest, each to another one.
template <typename T, typename F>
size_t fields_bound(const T& message, size_t field_count, const F& digest_of) {
    std::set<std::string> digests = {digest_of(message).hex()};
    for (size_t wanted = 0; wanted < field_count; ++wanted) {
        T changed = message;
        for (uint64_t seed = 0; samples::same(changed, message) && seed < 50; ++seed) {
            changed = with_field_changed(message, wanted, 100 * wanted + seed);
        }
        digests.insert(digest_of(changed).hex());
    }
    return digests.size() - 1;
}

// Lines `name hex` of tests/golden/digests.txt.
std::map<std::string, std::string> golden() {
    std::ifstream in(std::string(ASSAY_SOURCE_DIR) + "/tests/golden/digests.txt");
    std::map<std::string, std::string> lines;
    std::string name;
    std::string hex;
    while (in >> name >> hex) {
        lines[name] = hex;
    }
    return lines;
}

}  // namespace

TEST_CASE("each field of plan, manifest and audit job is bound by its digest") {
    const auto plan = Filler(21).make<RoundPlan>();
    CHECK(fields_bound(plan, 22, plan_digest) == 22);
    const auto manifest = Filler(22).make<RunManifest>();
    CHECK(fields_bound(manifest, 12, manifest_digest) == 12);
    const auto job = Filler(23).make<AuditJob>();
    CHECK(fields_bound(job, 13, audit_job_digest) == 13);
}

TEST_CASE("a digest is the same on a node that decoded the message") {
    for (uint64_t seed = 0; seed < 20; ++seed) {
        Filler filler(seed);
        const auto plan = filler.make<RoundPlan>();
        CHECK(plan_digest(decode_body<RoundPlan>(encode_body(plan)).value()) == plan_digest(plan));
        const auto job = filler.make<AuditJob>();
        CHECK(audit_job_digest(decode_body<AuditJob>(encode_body(job)).value()) ==
              audit_job_digest(job));
    }
}

TEST_CASE("where a blob lies is not bound") {
    auto manifest = Filler(24).make<RunManifest>();
    const Digest before = manifest_digest(manifest);
    manifest.tokenizer.locations = {"coordinator", "elsewhere"};
    CHECK(manifest_digest(manifest) == before);
    manifest.tokenizer.size_bytes += 1;
    CHECK(manifest_digest(manifest) != before);
}

TEST_CASE("leaves of states, trace and close follow their written layout") {
    const auto leaf = Filler(25).make<StateLeaf>();
    const PeerId peer{{7}};
    ByteWriter state;
    state.raw(peer.span());
    state.u64(3);
    state.raw(leaf.theta_root.span());
    state.raw(leaf.g_root.span());
    state.raw(leaf.v_root.span());
    CHECK(state_leaf_digest(peer, 3, leaf) == sha256("state", state.bytes()));
    TraceStep step;
    step.mean_loss = 1.5F;
    step.gradient_norm = 0.25F;
    step.batch_id = batch_digest({1, 2, 3});
    step.sequence_losses = {1.0F, 2.0F};
    ByteWriter trace;
    trace.raw(peer.span());
    trace.u64(9);
    trace.f32(1.5F);
    trace.f32(0.25F);
    trace.raw(step.batch_id.span());
    trace.f32(1.0F);
    trace.f32(2.0F);
    CHECK(trace_leaf_digest(peer, 9, step) == sha256("trace", trace.bytes()));
    const CloseEntry entry{PeerId{{1}}, sha256_plain(as_bytes("c")), sha256_plain(as_bytes("p"))};
    ByteWriter close;
    close.raw(entry.peer.span());
    close.raw(entry.commit_hash.span());
    close.raw(entry.payload_hash.span());
    CHECK(close_leaf(entry) == sha256("close", close.bytes()));
}

TEST_CASE("roster and pool roots depend on order, weight and bounds") {
    auto peers = Filler(26).make<RoundPlan>().peers;
    peers.resize(2);
    const Digest before = roster_root(peers);
    peers[0].sequences_per_step += 1;
    CHECK(roster_root(peers) != before);
    CHECK(pool_root({{1, 2}, {3, 4}}) != pool_root({{3, 4}, {1, 2}}));
    CHECK(pool_root({}) == merkle_root({}));
}

TEST_CASE("digests of fixed messages are the golden ones") {
    Filler filler(77);
    std::map<std::string, Digest> digests;
    digests["manifest"] = manifest_digest(filler.make<RunManifest>());
    digests["plan"] = plan_digest(filler.make<RoundPlan>());
    digests["audit_job"] = audit_job_digest(filler.make<AuditJob>());
    const Identity identity = Identity::from_seed(sha256_plain(as_bytes("golden")));
    const Envelope commit = make_envelope(identity, filler.make<Commit>());
    digests["commit"] = commit_hash(commit);
    digests["commit_wire"] = sha256_plain(encode_envelope(commit));
    digests["summary_body"] = sha256_plain(encode_body(filler.make<RoundSummary>()));
    for (Message& message : samples::of_all_kinds(78)) {
        if (Hello* hello = std::get_if<Hello>(&message)) {
            hello->entry_nonce = 0;  // who owes no entry work says what was always said
        }
        const std::string name = message_name(message_kind(message));
        digests["body_" + name] = sha256_plain(encode_message(message));
    }
    const std::map<std::string, std::string> expected = golden();
    CHECK(expected.size() == digests.size());
    for (const auto& entry : digests) {
        const auto line = expected.find(entry.first);
        const std::string wanted = line == expected.end() ? "no line" : line->second;
        CHECK(entry.first + " " + entry.second.hex() == entry.first + " " + wanted);
    }
}

}  // namespace assay
