// What a key pays before it may wait for a place in a run: a nonce, found by trying, whose hash
// with the run and the key begins with so many zero bits (rounds.entry_work_bits). Pure.
//
// Finding one takes 2^bits hashes in the mean, checking it one. It is bound to the run and to the
// key: nobody can use another's, and a key pays once a run.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "core/digest.h"
#include "core/ids.h"

namespace assay {

// H("entry" | manifest digest | peer | u64 nonce) begins with `bits` zero bits; 0 asks for nothing.
bool is_entry_work(const Digest& manifest, const PeerId& peer, uint64_t nonce, uint32_t bits);

// Told now and then how many nonces were tried; false ends the search.
using EntryProgress = std::function<bool(uint64_t tried)>;
// The least nonce that is enough; none if `go_on` ended the search. REQUIRES: go_on is not empty.
std::optional<uint64_t> find_entry_nonce(const Digest& manifest,
                                         const PeerId& peer,
                                         uint32_t bits,
                                         const EntryProgress& go_on);

}  // namespace assay
