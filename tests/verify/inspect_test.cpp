// The form of COMMITs and payloads, field by field, and the dense strategies through the chunk
// chain.
#include "verify/inspect.h"

#include <catch2/catch.hpp>
#include <functional>

#include "tests/support/verify_world.h"

namespace assay {

TEST_CASE("every field of a COMMIT is compared, and both values are named", "[verify]") {
    VerifyWorld world(NumericClass::kExact, 1);
    const RoundPlan plan = world.plan();
    const PeerRound done = world.train(plan, 0);
    const Assignment deal = world.assignment(plan);
    const auto inspect = [&](const Commit& commit) {
        return inspect_commit(
            commit,
            {plan, plan_digest(plan), plan.peers[0], assignment_digest(deal.peers[0]), 1 << 20});
    };
    CHECK(inspect(done.commit).ok());
    const std::vector<std::pair<const char*, std::function<void(Commit&)>>> edits = {
        {"manifest digest", [](Commit& c) { c.manifest_digest.bytes[0] ^= 1U; }},
        {"round", [](Commit& c) { ++c.round.value; }},
        {"plan digest", [](Commit& c) { c.plan_digest.bytes[0] ^= 1U; }},
        {"ledger head", [](Commit& c) { c.ledger_head.bytes[0] ^= 1U; }},
        {"base root", [](Commit& c) { c.base_root.bytes[0] ^= 1U; }},
        {"assignment digest", [](Commit& c) { c.assignment_digest.bytes[0] ^= 1U; }},
        {"numeric class", [](Commit& c) { c.numeric_class = NumericClass::kBf16; }},
        {"e root before the round", [](Commit& c) { c.e_before_root.bytes[0] ^= 1U; }},
        {"number of tokens", [](Commit& c) { c.tokens += 1; }},
        {"payload size", [](Commit& c) { c.payload_bytes = uint64_t{1} << 40; }},
    };
    for (const auto& [field, edit] : edits) {
        Commit commit = done.commit;
        edit(commit);
        const Status status = inspect(commit);
        REQUIRE_FALSE(status.ok());
        INFO(status.reason());
        CHECK(status.reason().find(std::string("COMMIT: ") + field + " is ") == 0);
    }
    Commit commit = done.commit;
    commit.base_root.bytes[0] ^= 1U;
    CHECK(inspect(commit).reason().find(commit.base_root.hex()) != std::string::npos);
    CHECK(inspect(commit).reason().find(plan.base_root.hex()) != std::string::npos);
}

TEST_CASE("a payload must be the committed bytes, and canonical", "[verify]") {
    VerifyWorld world(NumericClass::kExact, 1);
    const RoundPlan plan = world.plan();
    PeerRound done = world.train(plan, 0);
    const auto inspect = [&](ByteSpan bytes) {
        return inspect_payload(bytes, done.commit, world.model.layout(), world.format);
    };
    CHECK(inspect(done.payload).ok());
    CHECK(inspect(ByteSpan(done.payload).first(done.payload.size() - 1)).reason().find("size") !=
          std::string::npos);
    Bytes edited = done.payload;
    edited.back() ^= 0x80U;
    CHECK(inspect(edited).reason().find("SHA-256") != std::string::npos);
    done.commit.payload_hash = sha256_plain(edited);
    CHECK_FALSE(inspect(edited).ok());  // committed, and still not canonical or not finite
    const Bytes garbage(done.payload.size(), 0x5a);
    done.commit.payload_hash = sha256_plain(garbage);
    CHECK_FALSE(inspect(garbage).ok());
}

TEST_CASE("dense payloads go through the chunk chain too", "[verify]") {
    VerifyWorld world(NumericClass::kExact, 1);
    world.format.strategy = Strategy::kDiLoCo;
    const RoundPlan plan = world.plan();
    PeerRound done = world.train(plan, 0);
    PeerPayload payload;
    payload.dense = *pseudo_gradient(world.theta, done.chain->theta_end());
    done.chain->record_feedback(world.peers[0].e, world.peers[0].e, world.format);
    done.chain->fill(done.commit);
    const Challenge drawn = draw_challenge(world.beacon,
                                           done.commit_hash,
                                           world.model.layout(),
                                           payload_energies(payload),
                                           world.settings,
                                           plan.inner_steps,
                                           0);
    const Opening opening = *done.chain->build_opening(drawn);
    const auto audit = [&] {
        return audit_chunks({plan,
                             plan.peers[0],
                             world.model.layout(),
                             world.adam,
                             world.format,
                             world.theta,
                             payload,
                             done.commit,
                             opening},
                            tripwire_floor(world.settings));
    };
    CHECK(audit().pass);
    CHECK(audit().reason.empty());
    const uint64_t first = drawn.strips[1] * kStripValues;  // every chunk is opened
    payload.dense[kTileValues + first + 3] *= 2;
    CHECK(audit().reason.find("chunk 1: value " + std::to_string(first + 3) + " of the payload") ==
          0);
}

}  // namespace assay
