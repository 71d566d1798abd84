// Bodies of the records that are not messages: small structs, canonical bytes.
//
// The record names the round and the peer (its subject); a body holds the rest. decode() accepts
// just what encode() writes, within bounds, and says which body was wrong. Bodies that are messages
// (plan, beacon, summary, verdict, audit job) are protocol/codec.h's.

#pragma once

#include <string>
#include <vector>

#include "ledger/pay.h"
#include "ledger/record.h"
#include "protocol/messages.h"

namespace assay {

struct RunStartBody {
    Bytes manifest;  // encode_manifest
    PaySettings pay;
    [[nodiscard]] Bytes encode() const;
    static Result<RunStartBody> decode(ByteSpan bytes);
};

struct JoinBody {
    Instant at;
    NumericClass numeric_class = NumericClass::kFp32;
    uint64_t tokens_per_second = 0;  // as measured by the peer; 0 unknown
    uint64_t uplink_bytes_per_second = 0;
    uint64_t entry_nonce = 0;  // protocol/entry_work.h; only another than 0 is written
    [[nodiscard]] Bytes encode() const;
    static Result<JoinBody> decode(ByteSpan bytes);
};

struct RosterLine {
    PeerId peer;
    NumericClass numeric_class = NumericClass::kFp32;
    uint32_t sequences_per_step = 0;  // B_i
    auto operator<=>(const RosterLine&) const = default;
};
struct RosterBody {
    std::vector<RosterLine> lines;  // in order of id
    [[nodiscard]] Bytes encode() const;
    static Result<RosterBody> decode(ByteSpan bytes);
};

// The payload lies, hashed, in the coordinator's own store.
struct PayloadBody {
    Digest sha256;
    uint64_t size_bytes = 0;
    Instant received_at;
    [[nodiscard]] Bytes encode() const;
    static Result<PayloadBody> decode(ByteSpan bytes);
};

struct CloseBody {
    Bytes close;                      // encode_close
    std::vector<CloseEntry> entries;  // in order of id
    [[nodiscard]] Bytes encode() const;
    static Result<CloseBody> decode(ByteSpan bytes);
};

struct OpeningBody {
    bool answered = false;
    Bytes notice;  // encode_body(OpeningNotice); empty if not answered
    [[nodiscard]] Bytes encode() const;
    static Result<OpeningBody> decode(ByteSpan bytes);
};

// A counted peer: what its work was worth, and where its inner state ended. For the share of the
// encoding (subject zero) everything but phi is zero.
struct PayShareBody {
    int64_t phi_nano_nats = 0;
    uint64_t tokens = 0;  // verified: H * B_i * T of the plan
    Digest evidence;      // of the bytes from which phi can be recomputed; zero if none are kept
    Digest m_root;        // END of this round: what the next COMMIT starts from
    Digest v_root;
    Digest e_root;
    [[nodiscard]] Bytes encode() const;
    static Result<PayShareBody> decode(ByteSpan bytes);
};

struct SettlementBody {
    int64_t pool = 0;
    std::vector<Earning> lines;  // in order of id; follow from the pay shares by settle_round
    [[nodiscard]] Bytes encode() const;
    static Result<SettlementBody> decode(ByteSpan bytes);
};

enum class VestingSource : uint8_t { kReward = 1, kDeposit = 2 };  // frozen
struct VestingBody {
    VestingSource source = VestingSource::kReward;
    int64_t amount = 0;
    [[nodiscard]] Bytes encode() const;
    static Result<VestingBody> decode(ByteSpan bytes);
};

// Frozen. A proven cheat takes the deposit too, and so does a challenge that is never answered; a
// fault (form, identity) takes what is unvested alone, until too many stand.
enum class ForfeitCause : uint8_t { kCheat = 1, kRefusal = 2, kFault = 3 };
struct ForfeitBody {
    ForfeitCause cause = ForfeitCause::kCheat;
    int64_t unvested = 0;
    int64_t deposit = 0;
    std::string reason;
    [[nodiscard]] Bytes encode() const;
    static Result<ForfeitBody> decode(ByteSpan bytes);
};

// The share of (round, subject) was taken out of E in the round that is being closed.
struct RollbackBody {
    RoundId taken_out_in;
    std::string reason;
    [[nodiscard]] Bytes encode() const;
    static Result<RollbackBody> decode(ByteSpan bytes);
};

// The challenge of (round, subject) was not answered by T_c: it may be until then.
struct DebtBody {
    Instant until;
    std::string reason;
    Digest base_tiles;  // blob: the drawn chunks of the round's theta, which judge the answer
    uint64_t base_tiles_bytes = 0;
    [[nodiscard]] Bytes encode() const;
    static Result<DebtBody> decode(ByteSpan bytes);
};

enum class OrderKind : uint8_t { kExpel = 1, kPardon = 2 };  // frozen
// Of the operator. Expelled: not let in again; no money moves. Pardoned: let in again, and faults
// that stood are forgotten; what was taken stays taken.
struct OrderBody {
    Instant at;
    OrderKind kind = OrderKind::kExpel;
    std::string reason;
    [[nodiscard]] Bytes encode() const;
    static Result<OrderBody> decode(ByteSpan bytes);
};

struct FeeBody {
    int64_t amount = 0;   // paid by the account, > 0
    uint64_t tokens = 0;  // served for it
    Digest receipt;
    [[nodiscard]] Bytes encode() const;
    static Result<FeeBody> decode(ByteSpan bytes);
};

struct RunEndBody {
    Instant at;
    std::string reason;
    [[nodiscard]] Bytes encode() const;
    static Result<RunEndBody> decode(ByteSpan bytes);
};

// Wraps a body; `subject` stays zero where nobody alone is concerned.
template <typename Body>
RecordDraft make_draft(RecordKind kind, RoundId round, const PeerId& subject, const Body& body) {
    return {kind, round, subject, body.encode()};
}

}  // namespace assay
