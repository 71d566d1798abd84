// Reading records: each kind becomes its own event, each signature is checked once, and head and
// body are about the same peer and round.

#include "ledger/event.h"

#include <catch2/catch.hpp>
#include <set>

#include "tests/ledger/story.h"

namespace assay {
namespace {

// The first record of a kind in the story.
Record first_of(RecordKind kind) {
    const Story story;
    for (const Record& record : all_records(story.ledger)) {
        if (record.kind == kind) {
            return record;
        }
    }
    FAIL("the story has no such record");
    return {};
}

std::string refused(const Record& record) {
    const Result<LedgerEvent> event = decode_record(record);
    return event.ok() ? "" : event.reason();
}

}  // namespace

TEST_CASE("each kind of record becomes an event of its own") {
    const Story story;
    std::set<size_t> seen;
    for (const Record& record : all_records(story.ledger)) {
        const Result<LedgerEvent> event = decode_record(record);
        INFO(record_kind_name(record.kind) << (event.ok() ? "" : ": " + event.reason()));
        REQUIRE(event.ok());
        REQUIRE(kind_of(*event) == record.kind);
        seen.insert(event->index());
    }
    CHECK(seen.size() == std::variant_size_v<LedgerEvent>);
    CHECK_FALSE(decode_record(RecordKind{}, {}, {}).ok());
    CHECK_FALSE(decode_record(static_cast<RecordKind>(kRecordKindMax + 1), {}, {}).ok());
}

TEST_CASE("a stored message keeps its bytes, and its signature is checked once") {
    for (const RecordKind kind : {RecordKind::kCommit, RecordKind::kAuditReport}) {
        const Record record = first_of(kind);
        const uint64_t before = signatures_checked();
        const LedgerEvent event = decode_record(record).value();
        CHECK(signatures_checked() - before == 1);
        const CheckedEnvelope& envelope = kind == RecordKind::kCommit
                                              ? std::get<CommitEvent>(event).envelope
                                              : std::get<AuditReportEvent>(event).envelope;
        CHECK(envelope.wire() == record.body);
    }
    const LedgerEvent event = decode_record(first_of(RecordKind::kCommit)).value();
    const auto& commit = std::get<CommitEvent>(event);
    CHECK(commit.hash == commit_hash(commit.envelope));
    CHECK(encode_body(commit.commit) == commit.envelope->body);
}

TEST_CASE("verifying a ledger checks the signature of each record and each message in it once") {
    const Story story;
    uint64_t messages = 0;
    for (const Record& record : all_records(story.ledger)) {
        messages += record.kind == RecordKind::kCommit || record.kind == RecordKind::kAuditReport;
    }
    REQUIRE(messages > 0);
    const uint64_t before = signatures_checked();
    const VerifyReport report = verify_ledger(story.ledger);
    CHECK(report.ok());
    CHECK(signatures_checked() - before == story.ledger.height() + messages);
    CHECK(report.signatures == story.ledger.height() + messages);
}

TEST_CASE("a body that is about another peer or round than its record is refused") {
    Record commit = first_of(RecordKind::kCommit);
    commit.round = commit.round.next();
    CHECK_THAT(refused(commit), Catch::Contains("round 1"));
    commit = first_of(RecordKind::kCommit);
    commit.subject = test_peer(9);
    CHECK_THAT(refused(commit), Catch::Contains("signed by"));
    commit = first_of(RecordKind::kCommit);
    commit.kind = RecordKind::kAuditReport;
    CHECK_THAT(refused(commit), Catch::Contains("holds no audit report"));
    commit = first_of(RecordKind::kCommit);
    commit.body.back() ^= 1;
    CHECK_THAT(refused(commit), Catch::Contains("signature"));
    Record verdict = first_of(RecordKind::kVerdict);
    verdict.subject = test_peer(9);
    CHECK_THAT(refused(verdict), Catch::Contains("another peer or round than the verdict"));
    Record report = first_of(RecordKind::kAuditReport);
    report.kind = RecordKind::kCommit;
    CHECK_THAT(refused(report), Catch::Contains("holds no COMMIT"));
}

}  // namespace assay
