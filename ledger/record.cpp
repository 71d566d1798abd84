#include "ledger/record.h"

#include <iterator>

namespace assay {

namespace {

Digest hash_of(uint64_t height,
               const Digest& previous,
               RecordKind kind,
               RoundId round,
               const PeerId& subject,
               ByteSpan body) {
    ByteWriter front;
    front.u64(height);
    front.u8(static_cast<uint8_t>(kind));
    front.u64(round.value);
    front.raw(subject.span());
    front.u32(static_cast<uint32_t>(body.size()));
    return sha256("record", front.bytes(), body, previous.span());
}

}  // namespace

bool is_record_kind(uint8_t number) {
    return number >= 1 && number <= kRecordKindMax;
}

const char* record_kind_name(RecordKind kind) {
    static constexpr const char* kNames[] = {
        "unknown",   "run_start",  "join",    "plan",    "commit",    "payload",
        "close",     "beacon",     "opening", "verdict", "audit_job", "audit_report",
        "share",     "settlement", "vesting", "forfeit", "rollback",  "summary",
        "extension", "fee",        "run_end", "roster"};
    static_assert(std::size(kNames) == kRecordKindMax + 1);
    const auto number = static_cast<uint8_t>(kind);
    return is_record_kind(number) ? kNames[number] : kNames[0];
}

Digest record_hash(const Record& record) {
    return hash_of(
        record.height, record.previous, record.kind, record.round, record.subject, record.body);
}

Record seal_record(const Identity& coordinator,
                   uint64_t height,
                   const Digest& previous,
                   RecordDraft draft) {
    Record record;
    record.height = height;
    record.kind = draft.kind;
    record.round = draft.round;
    record.subject = draft.subject;
    record.body = std::move(draft.body);
    record.previous = previous;
    record.hash = record_hash(record);
    record.signature = coordinator.sign(record.hash.span());
    return record;
}

Digest head_behind(uint64_t height, const Digest& head, std::span<const RecordDraft> drafts) {
    Digest last = head;
    for (const RecordDraft& draft : drafts) {
        last = hash_of(height++, last, draft.kind, draft.round, draft.subject, draft.body);
    }
    return last;
}

}  // namespace assay
