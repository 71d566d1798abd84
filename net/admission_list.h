// Who may connect: "any", or the keys in a file, one hexadecimal Ed25519 key a line, # for
// comments.
//
// The file is read again whenever its time or size changed; a file that is gone admits nobody. A
// CURVE key belongs to one Ed25519 key: the listed one, or with "any" the first that signs with it.
// Safe to use from several threads (the ZAP handler asks, the event loop claims).

#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/identity.h"

namespace assay {

class AdmissionList {
public:
    // "any", or the path of a file, which must be readable now.
    static Result<std::shared_ptr<AdmissionList>> open(const std::string& any_or_file);

    // Asked in each handshake; a file that has changed is read again first.
    [[nodiscard]] bool admits(const CurveKey& key);
    // Reads the file now, changed or not, and logs what it holds.
    void read_again();
    // Binds the CURVE key to this signing key. False if it is bound to another one.
    [[nodiscard]] bool claim(const CurveKey& key, const PeerId& signer);

private:
    AdmissionList(bool any, std::filesystem::path file) : any_(any), file_(std::move(file)) {}
    void refresh();
    Status read();

    struct Stamp {
        std::filesystem::file_time_type time;
        uintmax_t size = 0;
        bool operator==(const Stamp&) const = default;
    };

    const bool any_;
    const std::filesystem::path file_;
    std::mutex mutex_;
    std::optional<Stamp> stamp_;
    std::map<CurveKey, PeerId> owners_;  // listed, or with any_ learned
};

}  // namespace assay
