#include "ledger/event.h"

#include <array>
#include <utility>

#include "protocol/codec.h"
#include "protocol/plan.h"

namespace assay {

namespace {

// A body of this folder, or a message as it is.
template <typename Event>
Result<Event> read(const EventHead&, ByteSpan body) {
    if constexpr (requires { Event::decode(body); }) {
        return Event::decode(body);
    } else {
        return decode_body<Event>(body);
    }
}

template <typename Message>
Result<CheckedEnvelope> open_envelope(const char* name, ByteSpan body) {
    Result<CheckedEnvelope> envelope = unseal(body);
    if (envelope && (*envelope)->kind != message_kind(Message{})) {
        return fail(std::string("the envelope holds no ") + name);
    }
    return envelope;
}

template <>
Result<RunStartEvent> read<RunStartEvent>(const EventHead&, ByteSpan body) {
    Result<RunStartBody> start = RunStartBody::decode(body);
    if (!start) {
        return start.error();
    }
    Result<RunManifest> manifest = decode_manifest(start->manifest);
    if (!manifest) {
        return manifest.error();
    }
    return RunStartEvent{std::move(*start), std::move(*manifest)};
}

template <>
Result<CommitEvent> read<CommitEvent>(const EventHead& head, ByteSpan body) {
    Result<CheckedEnvelope> envelope = open_envelope<Commit>("COMMIT", body);
    if (!envelope) {
        return envelope.error();
    }
    Result<Commit> commit = decode_body<Commit>((*envelope)->body);
    if (!commit) {
        return commit.error();
    }
    if ((*envelope)->signer != head.subject) {
        return fail("the COMMIT is signed by " + (*envelope)->signer.hex() + ", the record names " +
                    head.subject.hex());
    }
    if (commit->round != head.round) {
        return fail("the COMMIT is of " + in_words(commit->round) + ", the record of " +
                    in_words(head.round));
    }
    const Digest hash = commit_hash(*envelope);
    return CommitEvent{std::move(*envelope), *commit, hash};
}

template <>
Result<CloseEvent> read<CloseEvent>(const EventHead&, ByteSpan body) {
    Result<CloseBody> read = CloseBody::decode(body);
    if (!read) {
        return read.error();
    }
    Result<Close> close = decode_close(read->close);
    if (!close) {
        return close.error();
    }
    return CloseEvent{*close, std::move(read->entries)};
}

template <>
Result<OpeningEvent> read<OpeningEvent>(const EventHead&, ByteSpan body) {
    Result<OpeningBody> opening = OpeningBody::decode(body);
    if (!opening) {
        return opening.error();
    }
    if (!opening->answered) {
        return OpeningEvent{};
    }
    Result<OpeningNotice> notice = decode_body<OpeningNotice>(opening->notice);
    if (!notice) {
        return notice.error();
    }
    return OpeningEvent{std::move(*notice)};
}

template <>
Result<Verdict> read<Verdict>(const EventHead& head, ByteSpan body) {
    Result<Verdict> verdict = decode_verdict(body);
    if (verdict && (verdict->peer != head.subject || verdict->round != head.round)) {
        return fail("the record names another peer or round than the verdict");
    }
    return verdict;
}

template <>
Result<AuditReportEvent> read<AuditReportEvent>(const EventHead&, ByteSpan body) {
    Result<CheckedEnvelope> envelope = open_envelope<AuditReport>("audit report", body);
    if (!envelope) {
        return envelope.error();
    }
    Result<AuditReport> report = decode_body<AuditReport>((*envelope)->body);
    if (!report) {
        return report.error();
    }
    return AuditReportEvent{std::move(*envelope), std::move(*report)};
}

template <size_t kIndex>
Result<LedgerEvent> read_at(const EventHead& head, ByteSpan body) {
    using Event = std::variant_alternative_t<kIndex, LedgerEvent>;
    Result<Event> event = read<Event>(head, body);
    if (!event) {
        return event.error();
    }
    return LedgerEvent(std::in_place_index<kIndex>, std::move(*event));
}

using Reader = Result<LedgerEvent> (*)(const EventHead&, ByteSpan);

template <size_t... kIndices>
constexpr std::array<Reader, sizeof...(kIndices)> readers(std::index_sequence<kIndices...>) {
    return {&read_at<kIndices>...};
}

constexpr auto kReaders = readers(std::make_index_sequence<kRecordKindMax>());

}  // namespace

RecordKind kind_of(const LedgerEvent& event) {
    ASSAY_CHECK(!event.valueless_by_exception());
    return static_cast<RecordKind>(event.index() + 1);
}

Result<LedgerEvent> decode_record(RecordKind kind, const EventHead& head, ByteSpan body) {
    const auto number = static_cast<uint8_t>(kind);
    if (!is_record_kind(number)) {
        return fail("a record of no known kind");
    }
    return kReaders[number - 1U](head, body);
}

}  // namespace assay
