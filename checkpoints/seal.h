// A file whose first 512 bytes say the SHA-256 of the rest: any changed bit is found before
// anything parses the file.
//
// The block is text, padded with zeros; HDF5 leaves it to its user (H5Pset_userblock), so that
// ordinary HDF5 tools read a sealed file. It finds damage, not forgery: roots in the ledger do
// that.

#pragma once

#include <cstdint>
#include <filesystem>

#include "core/result.h"

namespace assay {

constexpr uint64_t kSealBytes = 512;

// Writes the block and syncs the file. REQUIRES: the first kSealBytes of the file are free.
Status seal_file(const std::filesystem::path& file);

// Fails with what differs: length or digest.
Status check_seal(const std::filesystem::path& file);

}  // namespace assay
