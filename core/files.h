// Files that are complete or absent: temporary name, sync, rename, sync of the folder.

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/bytes.h"

namespace assay {

// Fails when the file is missing, unreadable or larger than `size_max`.
Result<std::string> read_text_file(const std::filesystem::path& file, uint64_t size_max);
Result<Bytes> read_file(const std::filesystem::path& file, uint64_t size_max);

// Writes `bytes` under a temporary name beside `file`, syncs, renames, syncs the folder. On failure
// (full disk, no permission) the reason says so, and neither file nor temporary is left changed.
Status write_file_atomically(const std::filesystem::path& file, ByteSpan bytes, int mode = 0644);

// The same for what need not outlive a crash of the machine: whoever reads finds the old bytes or
// the new ones, and nobody waits for the disk.
Status replace_file(const std::filesystem::path& file, ByteSpan bytes, int mode = 0644);

// Creates the folder and its parents.
Status make_folder(const std::filesystem::path& folder);

// Makes a rename in `folder` durable.
Status sync_folder(const std::filesystem::path& folder);

}  // namespace assay
