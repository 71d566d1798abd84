// A ledger on disk, filled with batches that say which they are: what is durable of it can be seen.

#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>
#include <vector>

#include "ledger/sqlite_ledger.h"
#include "tests/ledger/test_run.h"

namespace assay {

inline const Digest kRun = test_digest("run");

inline Identity coordinator() {
    return Identity::from_seed(test_digest("coordinator"));
}

inline std::vector<RecordDraft> batch_of(uint64_t number, uint32_t size) {
    std::vector<RecordDraft> drafts;
    for (uint32_t i = 0; i < size; ++i) {
        ByteWriter body;
        body.u64(number);
        body.u32(i);
        body.u32(size);
        drafts.push_back({RecordKind::kFee, RoundId{number}, test_peer(1), body.take()});
    }
    return drafts;
}

inline std::unique_ptr<SqliteLedger> opened(const std::filesystem::path& file,
                                            SqliteLedgerOptions options = {}) {
    return SqliteLedger::open(file, coordinator(), kRun, std::move(options)).value();
}

// Height, chain, signatures; whole batches alone. Returns the number of batches.
inline uint64_t check_batches(const Ledger& ledger) {
    Digest previous;
    uint64_t batches = 0;
    uint32_t left = 0;
    for (const Record& record : all_records(ledger)) {
        REQUIRE(record.previous == previous);
        REQUIRE(record.hash == record_hash(record));
        REQUIRE(verify_signature(coordinator().id(), record.hash.span(), record.signature));
        previous = record.hash;
        ByteReader body(record.body);
        REQUIRE(body.u64() == batches);
        const uint32_t index = body.u32();
        const uint32_t size = body.u32();
        REQUIRE(body.at_end());
        REQUIRE(index == (left == 0 ? 0 : size - left));
        left = size - index - 1;
        batches += left == 0 ? 1 : 0;
    }
    REQUIRE(left == 0);
    REQUIRE(ledger.head() == previous);
    return batches;
}

}  // namespace assay
