// A ledger in memory: for the simulation and for tests. Gone with the process.

#pragma once

#include <optional>

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

    // Every append from now on fails with this reason, as a full disk would; nullopt: works again.
    void break_storage(std::optional<std::string> reason) { fault_ = std::move(reason); }
    // For tests that tamper: records as they are stored.
    [[nodiscard]] std::vector<Record>& stored() { return records_; }

private:
    Identity coordinator_;
    std::vector<Record> records_;
    std::optional<std::string> fault_;
};

}  // namespace assay
