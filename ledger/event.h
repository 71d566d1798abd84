// What a record says, read once: its body as typed values, for the folds of the ledger.
//
// A fold is one overload an alternative, and std::visit picks: none of them takes everything, so a
// new kind of record does not compile until every fold has said what it makes of it. An event of a
// peer's message holds the envelope with its bytes: its signature was checked when it was read, or
// when it came in from the network, and is not checked again.

#pragma once

#include <optional>
#include <type_traits>
#include <variant>
#include <vector>

#include "ledger/bodies.h"
#include "ledger/record.h"
#include "protocol/checked_envelope.h"
#include "protocol/messages.h"

namespace assay {

// What a record says beside its body.
struct EventHead {
    RoundId round;
    PeerId subject;
};

struct RunStartEvent {
    RunStartBody body;
    RunManifest manifest;
};

struct CommitEvent {
    CheckedEnvelope envelope;
    Commit commit;
    Digest hash;  // commit_hash(envelope)
};

struct CloseEvent {
    Close close;
    std::vector<CloseEntry> entries;  // in order of id
};

struct OpeningEvent {
    std::optional<OpeningNotice> notice;  // none: drawn and not answered
};

struct AuditReportEvent {
    CheckedEnvelope envelope;  // the auditor's
    AuditReport report;
};

// In the order of RecordKind: the index is the kind's number less one.
using LedgerEvent = std::variant<RunStartEvent,
                                 JoinBody,
                                 RoundPlan,
                                 CommitEvent,
                                 PayloadBody,
                                 CloseEvent,
                                 Beacon,
                                 OpeningEvent,
                                 Verdict,
                                 AuditJob,
                                 AuditReportEvent,
                                 PayShareBody,
                                 SettlementBody,
                                 VestingBody,
                                 ForfeitBody,
                                 RollbackBody,
                                 RoundSummary,
                                 DebtBody,
                                 FeeBody,
                                 RunEndBody,
                                 RosterBody,
                                 OrderBody>;
static_assert(std::variant_size_v<LedgerEvent> == kRecordKindMax);

// What a record of that kind says.
template <RecordKind kKind>
using EventOf = std::variant_alternative_t<static_cast<size_t>(kKind) - 1, LedgerEvent>;
static_assert(std::is_same_v<EventOf<RecordKind::kRunStart>, RunStartEvent>);
static_assert(std::is_same_v<EventOf<RecordKind::kCommit>, CommitEvent>);
static_assert(std::is_same_v<EventOf<RecordKind::kVerdict>, Verdict>);
static_assert(std::is_same_v<EventOf<RecordKind::kVesting>, VestingBody>);
static_assert(std::is_same_v<EventOf<RecordKind::kSummary>, RoundSummary>);
static_assert(std::is_same_v<EventOf<RecordKind::kRunEnd>, RunEndBody>);
static_assert(std::is_same_v<EventOf<RecordKind::kDebt>, DebtBody>);
static_assert(std::is_same_v<EventOf<RecordKind::kOrder>, OrderBody>);

// Of the record that would say this.
[[nodiscard]] RecordKind kind_of(const LedgerEvent& event);

// Checks bounds, the signatures of peers' messages, and that body and head are about the same peer
// and round where a signed or judged thing names both. Nothing of the order of records.
Result<LedgerEvent> decode_record(RecordKind kind, const EventHead& head, ByteSpan body);
// Of a RecordDraft or a Record.
template <typename AnyRecord>
EventHead head_of(const AnyRecord& record) {
    return {record.round, record.subject};
}
template <typename AnyRecord>
Result<LedgerEvent> decode_record(const AnyRecord& record) {
    return decode_record(record.kind, head_of(record), record.body);
}

}  // namespace assay
