// Bodies of a stranger's ledger, as `assay ledger verify` reads them: nothing may crash, and what
// is accepted is the only writing of itself. The first byte picks a kind.
#include <algorithm>
#include <iterator>

#include "ledger/event.h"

namespace assay {

namespace {

template <typename Body>
void check_body(ByteSpan bytes) {
    const Result<Body> body = Body::decode(bytes);
    if (body) {
        const Bytes again = body->encode();
        ASSAY_CHECK(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
    }
}

using CheckBody = void (*)(ByteSpan);
constexpr CheckBody kChecks[] = {
    check_body<RunStartBody>,
    check_body<JoinBody>,
    check_body<RosterBody>,
    check_body<PayloadBody>,
    check_body<CloseBody>,
    check_body<OpeningBody>,
    check_body<PayShareBody>,
    check_body<SettlementBody>,
    check_body<VestingBody>,
    check_body<ForfeitBody>,
    check_body<RollbackBody>,
    check_body<DebtBody>,
    check_body<FeeBody>,
    check_body<RunEndBody>,
    check_body<OrderBody>,
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size > 0) {
        const ByteSpan body = ByteSpan(data, size).subspan(1);
        kChecks[data[0] % std::size(kChecks)](body);
        const auto kind = static_cast<RecordKind>(1 + data[0] % kRecordKindMax);
        const Result<LedgerEvent> event = decode_record(kind, EventHead{}, body);
        ASSAY_CHECK(!event || kind_of(*event) == kind);
    }
    return 0;
}

}  // namespace assay
