// What the coordinator signed of a peer's rounds, in the peer's folder: receipts, CLOSE, summary.
//
//     DIR/proofs/round-00000007.txt   protocol/signed_lines.h
//
// Bounded: the newest rounds, and so many bytes of each. The peer's event loop writes; a file is
// whole or the one before.

#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.h"
#include "protocol/messages.h"

namespace assay {

class ProofBook {
public:
    static constexpr size_t kRoundsMost = 256;
    static constexpr size_t kRoundBytesMax = size_t{256} * 1024;

    // `folder`: the peer's.
    explicit ProofBook(const std::filesystem::path& folder) : folder_(folder / "proofs") {}

    // Keeps it durably; what is kept already, and what there is no room for, changes nothing.
    [[nodiscard]] Status keep(RoundId round, const Envelope& envelope) const;
    // All that is kept of a round, as text. Fails, naming the rounds that there are, if nothing is.
    [[nodiscard]] Result<std::string> load(RoundId round) const;
    // The newest round of which something is kept.
    [[nodiscard]] std::optional<RoundId> newest() const;

private:
    [[nodiscard]] std::filesystem::path file_of(RoundId round) const;
    [[nodiscard]] std::vector<RoundId> rounds() const;

    std::filesystem::path folder_;
};

}  // namespace assay
