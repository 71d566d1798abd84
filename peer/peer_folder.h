// What a peer keeps in its folder: the run's manifest and its own state, so that a restart goes on.
//
// Every file is complete or absent. A damaged state is reported and treated as absent: the peer
// then fetches theta again, and takes part once the run takes it for absent and lets it start from
// zero moments. The compute thread saves; the start loads.

#pragma once

#include <filesystem>
#include <optional>

#include "peer/trainer.h"
#include "protocol/messages.h"

namespace assay {

class PeerFolder {
public:
    // Touches nothing: create() makes the folder.
    explicit PeerFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

    // The folder and those of blobs and data.
    [[nodiscard]] Status create() const;
    [[nodiscard]] std::filesystem::path key_file() const { return folder_ / "peer.key"; }
    [[nodiscard]] std::filesystem::path blob_folder() const { return folder_ / "blobs"; }
    [[nodiscard]] std::filesystem::path data_folder() const { return folder_ / "data"; }

    // Replaces the one that is there: a peer's folder belongs to one run at a time.
    [[nodiscard]] Status save_manifest(const RunManifest& manifest) const;
    // None if there is no manifest; an error if it is damaged.
    [[nodiscard]] Result<std::optional<RunManifest>> load_manifest() const;

    // State: what a counted round led to. Next: the triple of the round that runs, before its
    // COMMIT is sent. Loading gives none where there is none, and an error where it is damaged.
    [[nodiscard]] Status save_state(const TrainerState& state) const;
    [[nodiscard]] Result<std::optional<TrainerState>> load_state() const;
    [[nodiscard]] Status save_next(const NextTripleView& next) const;
    [[nodiscard]] Result<std::optional<NextTriple>> load_next() const;
    // Owed: what a round started from whose challenge is open, one file a round; the first one that
    // is saved stays.
    [[nodiscard]] Status save_owed(RoundId round, const TrainerState& state) const;
    [[nodiscard]] Result<std::optional<TrainerState>> load_owed(RoundId round) const;
    void drop_owed(RoundId round) const;

    // The newest signed head, for whoever compares it with a ledger; it is not synced. None where
    // there is none that this key signed.
    [[nodiscard]] std::filesystem::path head_file() const { return folder_ / "head.txt"; }
    [[nodiscard]] Status save_head(const Envelope& envelope) const;
    [[nodiscard]] std::optional<Envelope> load_head(const PeerId& coordinator) const;
    // The newest signed beacon, likewise.
    [[nodiscard]] Status save_beacon(const Envelope& envelope) const;
    [[nodiscard]] std::optional<Envelope> load_beacon(const PeerId& coordinator) const;
    // What was found of entry work, for this run and key; 0 where there is nothing that fits.
    [[nodiscard]] Status save_entry(const Digest& manifest,
                                    const PeerId& self,
                                    uint64_t nonce) const;
    [[nodiscard]] uint64_t load_entry(const Digest& manifest, const PeerId& self) const;
    // Two envelopes that contradict each other, in a file of their own.
    [[nodiscard]] Result<std::filesystem::path> save_proof(
        const std::vector<Envelope>& envelopes) const;

private:
    [[nodiscard]] std::filesystem::path owed_file(RoundId round) const;
    [[nodiscard]] static Status save(const std::filesystem::path& file, const TrainerState& state);
    [[nodiscard]] static Result<std::optional<TrainerState>> load(
        const std::filesystem::path& file);

    std::filesystem::path folder_;
};

}  // namespace assay
