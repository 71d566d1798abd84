// One record of the ledger: an event of the run, chained to the one before and signed.
//
// hash = H("record" | u64 height | u8 kind | u64 round | subject | sized body | previous); the
// coordinator signs the hash. Not a message: what travels is in protocol/.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/digest.h"
#include "core/identity.h"
#include "core/ids.h"
#include "protocol/limits.h"

namespace assay {

// Frozen: these numbers are hashed and stored. DO NOT CHANGE; new kinds are added at the end.
enum class RecordKind : uint8_t {
    kRunStart = 1,      // RunStartBody; always and only at height 0
    kJoin = 2,          // JoinBody; subject: the peer
    kPlan = 3,          // encode_body(RoundPlan)
    kCommit = 4,        // the signed envelope of the COMMIT, bytes as received; subject: the peer
    kPayload = 5,       // PayloadBody; subject: the peer
    kClose = 6,         // CloseBody
    kBeacon = 7,        // encode_body(Beacon)
    kOpening = 8,       // OpeningBody; subject: the peer
    kVerdict = 9,       // encode_verdict; subject: the peer
    kAuditJob = 10,     // encode_body(AuditJob), as it was sent; subject: whose work it is
    kAuditReport = 11,  // the auditor's signed envelope, bytes as received; subject: whose work
    kPayShare = 12,     // PayShareBody; subject: the peer, or zero for the share of the encoding
    kSettlement = 13,   // SettlementBody: what the round's pool paid to whom
    kVesting = 14,      // VestingBody; round: when it was earned; subject: the peer
    kForfeit = 15,      // ForfeitBody; round: of the offence; subject: the peer
    kRollback = 16,     // RollbackBody: a late rejection; round: whose share is taken out
    kSummary = 17,      // encode_body(RoundSummary)
    kDebt = 18,         // DebtBody: a challenge that was not answered stays open; subject: the peer
    kFee = 19,          // FeeBody; subject: the account that paid. The other book.
    kRunEnd = 20,       // RunEndBody: no round follows; what is left vests after a last audit
    kRoster = 21,  // RosterBody: who is in `round`; durable before the beacon of the one before
    kOrder = 22,   // OrderBody: the operator expels or pardons; subject: the peer
};

constexpr uint8_t kRecordKindMax = 22;
// Whether a number read from a file stands for a kind.
[[nodiscard]] bool is_record_kind(uint8_t number);
// "run_start", "join", ...; "unknown" for a number that is no kind.
[[nodiscard]] const char* record_kind_name(RecordKind kind);
// Whether a record of this kind concerns one peer or account; otherwise its subject is zero.
[[nodiscard]] bool has_subject(RecordKind kind);

// What is appended; the ledger adds height, chain and signature.
struct RecordDraft {
    RecordKind kind = RecordKind::kRunStart;
    RoundId round;
    PeerId subject;  // zero where the record concerns nobody alone
    Bytes body;
};

struct Record {
    uint64_t height = 0;  // 0, 1, 2, ... without a gap
    RecordKind kind = RecordKind::kRunStart;
    RoundId round;
    PeerId subject;
    Bytes body;
    Digest previous;  // hash of the record below; zero at height 0
    Digest hash;
    Signature signature{};
};

constexpr uint64_t kRecordBodyBytesMax = 2 * limits::kMessageBytesMax;
constexpr uint64_t kRoundMax = limits::kRoundsMax;

// The hash that `record` should have; its own `hash` field plays no part.
[[nodiscard]] Digest record_hash(const Record& record);
// Gives a draft its place in the chain and the coordinator's signature. REQUIRES: check_drafts
// takes it, and names a subject only where its kind has one.
Record seal_record(const Identity& coordinator,
                   uint64_t height,
                   const Digest& previous,
                   RecordDraft draft);
// Hash of the last of `drafts` if they were appended at `height` behind `head`.
[[nodiscard]] Digest head_behind(uint64_t height,
                                 const Digest& head,
                                 std::span<const RecordDraft> drafts);

}  // namespace assay
