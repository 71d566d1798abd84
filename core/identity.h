// One Ed25519 key per node: it signs messages, and its X25519 image is the node's CURVE key.

#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

#include "core/bytes.h"
#include "core/digest.h"
#include "core/ids.h"

namespace assay {

using Signature = std::array<uint8_t, 64>;
using CurveKey = std::array<uint8_t, 32>;

class Identity {
public:
    // A new random key.
    static Identity generate();
    // The same key from the same 32 bytes: for tests and simulation.
    static Identity from_seed(const Digest& seed);
    // Reads or, with create, makes the key file (hexadecimal seed, mode 0600).
    static Result<Identity> load(const std::filesystem::path& file);
    [[nodiscard]] Status save(const std::filesystem::path& file) const;

    [[nodiscard]] const PeerId& id() const { return id_; }
    // Ed25519 without a context: whoever signs puts the kind of message in front.
    [[nodiscard]] Signature sign(ByteSpan message) const;
    // The X25519 pair of the same key, for ZeroMQ's CURVE.
    [[nodiscard]] CurveKey curve_public() const;
    [[nodiscard]] CurveKey curve_secret() const;

private:
    Identity() = default;
    PeerId id_;
    std::array<uint8_t, 64> secret_{};
};

// False also for a signer that is no point of the curve: safe on any input.
[[nodiscard]] bool verify_signature(const PeerId& signer, ByteSpan message, const Signature& sig);
// How many signatures this thread has checked so far, good or bad.
[[nodiscard]] uint64_t signatures_checked();

// The X25519 image of an Ed25519 key; fails for bytes that are no point of the curve.
Result<CurveKey> curve_key_of(const PeerId& id);

// Fails unless these are 64 hexadecimal digits; any 32 bytes pass, on the curve or not.
Result<PeerId> peer_id_from_hex(std::string_view hex);

}  // namespace assay
