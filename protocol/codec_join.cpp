// Blob references, Merkle paths, the manifest, and the messages of joining.
#include "protocol/codec_parts.h"

namespace assay {

void to_wire(const BlobRef& message, v1::BlobRef& wire) {
    wire.set_sha256(wire_bytes(message.sha256));
    wire.set_size_bytes(message.size_bytes);
    for (const std::string& location : message.locations) {
        wire.add_locations(location);
    }
}

void from_wire(const v1::BlobRef& wire, FieldCheck& check, BlobRef& message) {
    message.sha256 = check.digest("sha256", wire.sha256());
    message.size_bytes = check.number("size_bytes", wire.size_bytes(), 0, limits::kBlobBytesMax);
    if (check.count("locations", wire.locations_size(), limits::kLocationsMax)) {
        for (const std::string& location : wire.locations()) {
            message.locations.push_back(check.text("locations", location, limits::kTextBytesMax));
        }
    }
}

void to_wire(const MerklePath& message, v1::MerklePath& wire) {
    wire.set_index(message.index);
    wire.set_count(message.count);
    for (const Digest& sibling : message.siblings) {
        wire.add_siblings(wire_bytes(sibling));
    }
}

void from_wire(const v1::MerklePath& wire, FieldCheck& check, MerklePath& message) {
    message.count = check.number("count", wire.count(), 1, limits::kTilesMax);
    message.index = check.number("index", wire.index(), 0, message.count - 1);
    if (check.count("siblings", wire.siblings_size(), limits::kMerkleSiblingsMax)) {
        for (const std::string& sibling : wire.siblings()) {
            message.siblings.push_back(check.digest("siblings", sibling));
        }
    }
}

void to_wire(const RunManifest& message, v1::RunManifest& wire) {
    wire.set_run_name(message.run_name);
    wire.set_config_text(message.config_text);
    wire.set_coordinator(wire_bytes(message.coordinator));
    wire.set_run_seed(wire_bytes(message.run_seed));
    wire.set_beacon_tail(wire_bytes(message.beacon_tail));
    wire.set_beacon_length(message.beacon_length);
    wire.set_layout_digest(wire_bytes(message.layout_digest));
    wire.set_parameter_tiles(message.parameter_tiles);
    wire.set_initial_root(wire_bytes(message.initial_root));
    to_wire(message.tokenizer, *wire.mutable_tokenizer());
    to_wire(message.data_manifest, *wire.mutable_data_manifest());
    list_to_wire(message.shards, *wire.mutable_shards());
}

void from_wire(const v1::RunManifest& wire, FieldCheck& check, RunManifest& message) {
    message.run_name = check.text("run_name", wire.run_name(), limits::kTextBytesMax);
    message.config_text = check.text("config_text", wire.config_text(), limits::kConfigBytesMax);
    message.coordinator = check.peer("coordinator", wire.coordinator());
    message.run_seed = check.digest("run_seed", wire.run_seed());
    message.beacon_tail = check.digest("beacon_tail", wire.beacon_tail());
    message.beacon_length =
        check.number("beacon_length", wire.beacon_length(), 0, limits::kRoundsMax);
    message.layout_digest = check.digest("layout_digest", wire.layout_digest());
    message.parameter_tiles =
        check.number("parameter_tiles", wire.parameter_tiles(), 1, limits::kTilesMax);
    message.initial_root = check.digest("initial_root", wire.initial_root());
    part_from_wire(wire.tokenizer(), check, "tokenizer", message.tokenizer);
    part_from_wire(wire.data_manifest(), check, "data_manifest", message.data_manifest);
    list_from_wire(wire.shards(), check, "shards", limits::kShardsMax, message.shards);
}

void to_wire(const Hello& message, v1::Hello& wire) {
    wire.set_protocol_version(message.protocol_version);
    wire.set_manifest_digest(wire_bytes(message.manifest_digest));
    wire.set_numeric_class(static_cast<uint32_t>(message.numeric_class));
    wire.set_threads(message.threads);
    wire.set_tokens_per_second(message.tokens_per_second);
    wire.set_uplink_bytes_per_second(message.uplink_bytes_per_second);
    wire.set_build(wire_reason(message.build));
    wire.set_entry_nonce(message.entry_nonce);
}

void from_wire(const v1::Hello& wire, FieldCheck& check, Hello& message) {
    message.protocol_version =
        check.number32("protocol_version", wire.protocol_version(), 0, UINT16_MAX);
    message.manifest_digest = check.digest("manifest_digest", wire.manifest_digest());
    message.numeric_class = check.choice(
        "numeric_class", wire.numeric_class(), NumericClass::kExact, NumericClass::kBf16);
    message.threads = check.number32("threads", wire.threads(), 1, limits::kThreadsMax);
    message.tokens_per_second =
        check.number("tokens_per_second", wire.tokens_per_second(), 0, limits::kRateMax);
    message.uplink_bytes_per_second = check.number(
        "uplink_bytes_per_second", wire.uplink_bytes_per_second(), 0, limits::kRateMax);
    message.build = check.text("build", wire.build(), limits::kTextBytesMax);
    message.entry_nonce = wire.entry_nonce();
}

void to_wire(const Welcome& message, v1::Welcome& wire) {
    to_wire(message.manifest, *wire.mutable_manifest());
    wire.set_next_round(message.next_round.value);
    wire.set_clock_ms(message.clock.ms);
    wire.set_build(wire_reason(message.build));
}

void from_wire(const v1::Welcome& wire, FieldCheck& check, Welcome& message) {
    part_from_wire(wire.manifest(), check, "manifest", message.manifest);
    message.next_round.value = check.number("next_round", wire.next_round(), 0, limits::kRoundsMax);
    message.clock = check.instant("clock", wire.clock_ms());
    message.build = check.text("build", wire.build(), limits::kTextBytesMax);
}

void to_wire(const Refusal& message, v1::Refusal& wire) {
    wire.set_code(static_cast<uint32_t>(message.code));
    wire.set_reason(wire_reason(message.reason));
    wire.set_expected(wire_bytes(message.expected));
    wire.set_received(wire_bytes(message.received));
}

void from_wire(const v1::Refusal& wire, FieldCheck& check, Refusal& message) {
    message.code =
        check.choice("code", wire.code(), RefusalCode::kMalformed, RefusalCode::kEntryWork);
    message.reason = check.text("reason", wire.reason(), limits::kTextBytesMax);
    message.expected = check.digest("expected", wire.expected());
    message.received = check.digest("received", wire.received());
}

}  // namespace assay
