// A ledger in memory: for the simulation and for tests. Gone with the process.

#pragma once

#include "core/identity.h"
#include "ledger/ledger.h"

namespace assay {

class MemoryLedger final : public Ledger {
public:
    explicit MemoryLedger(const Identity& coordinator) : coordinator_(coordinator) {}

    Status append(std::vector<RecordDraft> drafts) override;
    [[nodiscard]] Result<std::vector<Record>> read(uint64_t from, uint64_t count) const override;
    [[nodiscard]] uint64_t height() const override { return records_.size(); }
    [[nodiscard]] Digest head() const override;

    // For tests that tamper: records as they are stored.
    [[nodiscard]] std::vector<Record>& stored() { return records_; }

private:
    Identity coordinator_;
    std::vector<Record> records_;
};

}  // namespace assay
