#include "ledger/record.h"

#include <algorithm>
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

struct KindFacts {
    const char* name = nullptr;
    bool has_subject = false;
};

// By number; the first is of what is no kind.
constexpr KindFacts kKinds[] = {
    {"unknown", true},  {"run_start", false},  {"join", true},      {"plan", false},
    {"commit", true},   {"payload", true},     {"close", false},    {"beacon", false},
    {"opening", true},  {"verdict", true},     {"audit_job", true}, {"audit_report", true},
    {"share", true},    {"settlement", false}, {"vesting", true},   {"forfeit", true},
    {"rollback", true}, {"summary", false},    {"debt", true},      {"fee", true},
    {"run_end", false}, {"roster", false},     {"order", true}};
static_assert(std::size(kKinds) == kRecordKindMax + 1);
static_assert(std::all_of(std::begin(kKinds), std::end(kKinds), [](const KindFacts& facts) {
    return facts.name != nullptr;
}));
static_assert(static_cast<uint8_t>(RecordKind::kOrder) == kRecordKindMax, "it is the last kind");
static_assert(kRecordBodyBytesMax <= UINT32_MAX, "the length of a body is hashed as u32");

const KindFacts& facts_of(RecordKind kind) {
    const auto number = static_cast<uint8_t>(kind);
    return kKinds[is_record_kind(number) ? number : 0];
}

}  // namespace

bool is_record_kind(uint8_t number) {
    return number >= 1 && number <= kRecordKindMax;
}

const char* record_kind_name(RecordKind kind) {
    return facts_of(kind).name;
}

bool has_subject(RecordKind kind) {
    return facts_of(kind).has_subject;
}

Digest record_hash(const Record& record) {
    return hash_of(
        record.height, record.previous, record.kind, record.round, record.subject, record.body);
}

Record seal_record(const Identity& coordinator,
                   uint64_t height,
                   const Digest& previous,
                   RecordDraft draft) {
    ASSAY_CHECK(is_record_kind(static_cast<uint8_t>(draft.kind)));
    ASSAY_CHECK(has_subject(draft.kind) || draft.subject == PeerId{});
    ASSAY_CHECK_LE(draft.body.size(), kRecordBodyBytesMax);
    ASSAY_CHECK_EQ(height == 0, previous.is_zero());  // the first record alone chains to nothing
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
