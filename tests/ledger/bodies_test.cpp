// Bodies: what encode() writes is read back; anything else is refused, whatever the bytes.

#include "ledger/bodies.h"

#include <catch2/catch.hpp>

#include "tests/ledger/story.h"

namespace assay {
namespace {

// Of before there was entry work: such ledgers are read as ever.
constexpr size_t kJoinWithoutWork = 25;

// Reads each recorded body, writes it again, and tries every cut and many flipped bytes.
// `cut`: the one size at which less of it is a body too, if there is one.
template <typename Body>
void check_body(const Bytes& bytes, size_t cut = 0) {
    const Result<Body> body = Body::decode(bytes);
    REQUIRE(body.ok());
    REQUIRE(body->encode() == bytes);
    for (size_t size = 0; size < bytes.size(); ++size) {
        REQUIRE(Body::decode(ByteSpan(bytes).first(size)).ok() == (size == cut && cut > 0));
    }
    Bytes longer = bytes;
    longer.push_back(0);
    REQUIRE_FALSE(Body::decode(longer).ok());
    for (size_t i = 0; i < bytes.size(); ++i) {
        Bytes flipped = bytes;
        flipped[i] ^= 0xff;
        const Result<Body> other = Body::decode(flipped);
        if (other.ok()) {
            REQUIRE(other->encode() == flipped);  // canonical: one form a value
        }
    }
}

void check_record(const Record& record) {
    switch (record.kind) {
        case RecordKind::kRunStart:
            return check_body<RunStartBody>(record.body);
        case RecordKind::kJoin:
            return check_body<JoinBody>(record.body, kJoinWithoutWork);
        case RecordKind::kRoster:
            return check_body<RosterBody>(record.body);
        case RecordKind::kPayload:
            return check_body<PayloadBody>(record.body);
        case RecordKind::kClose:
            return check_body<CloseBody>(record.body);
        case RecordKind::kOpening:
            return check_body<OpeningBody>(record.body);
        case RecordKind::kPayShare:
            return check_body<PayShareBody>(record.body);
        case RecordKind::kSettlement:
            return check_body<SettlementBody>(record.body);
        case RecordKind::kVesting:
            return check_body<VestingBody>(record.body);
        case RecordKind::kForfeit:
            return check_body<ForfeitBody>(record.body);
        case RecordKind::kRollback:
            return check_body<RollbackBody>(record.body);
        case RecordKind::kDebt:
            return check_body<DebtBody>(record.body);
        case RecordKind::kOrder:
            return check_body<OrderBody>(record.body);
        case RecordKind::kFee:
            return check_body<FeeBody>(record.body);
        case RecordKind::kRunEnd:
            return check_body<RunEndBody>(record.body);
        default:
            return;
    }
}

}  // namespace

TEST_CASE("Every body of a whole run is canonical") {
    Story story;
    for (const Record& record : all_records(story.ledger)) {
        check_record(record);
    }
}

TEST_CASE("Values out of bounds are refused") {
    SettlementBody settlement;
    settlement.lines = {{test_peer(2), 1, 1}, {test_peer(1), 1, 1}};
    REQUIRE_FALSE(SettlementBody::decode(settlement.encode()).ok());  // not in order of id
    PayShareBody share;
    share.phi_nano_nats = kPhiMax + 1;
    REQUIRE_FALSE(PayShareBody::decode(share.encode()).ok());
    DebtBody debt;
    debt.reason = std::string(5000, 'x');
    REQUIRE_FALSE(DebtBody::decode(debt.encode()).ok());
    OrderBody order;
    order.kind = static_cast<OrderKind>(3);
    REQUIRE_FALSE(OrderBody::decode(order.encode()).ok());
    OpeningBody opening{false, {1, 2, 3}};
    REQUIRE_FALSE(OpeningBody::decode(opening.encode()).ok());
    RunStartBody start;
    start.pay.vest_rounds = 0;
    REQUIRE_FALSE(RunStartBody::decode(start.encode()).ok());
    // A length that promises more than there is allocates nothing.
    ByteWriter huge;
    huge.u32(0xffffffff);
    REQUIRE_FALSE(RosterBody::decode(huge.bytes()).ok());
    REQUIRE_FALSE(RollbackBody::decode(huge.bytes()).ok());
}

TEST_CASE("The hash of a record is frozen") {
    const Record record = seal_record(Identity::from_seed(Digest{}),
                                      7,
                                      test_digest("previous"),
                                      {RecordKind::kFee, RoundId{3}, test_peer(9), {1, 2, 3}});
    ByteWriter bytes;
    bytes.u64(7);
    bytes.u8(19);
    bytes.u64(3);
    bytes.raw(test_peer(9).span());
    bytes.sized(Bytes{1, 2, 3});
    bytes.raw(test_digest("previous").span());
    REQUIRE(record.hash == sha256("record", bytes.bytes()));
    REQUIRE(record_kind_name(record.kind) == std::string("fee"));
    REQUIRE(std::string(record_kind_name(RecordKind::kRoster)) == "roster");
    REQUIRE(std::string(record_kind_name(static_cast<RecordKind>(0))) == "unknown");
}

}  // namespace assay
