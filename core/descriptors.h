// File descriptors: how many this process may have, and some kept back for its own files, so that
// no number of connections keeps it from writing what must be durable.

#pragma once

#include <cstdint>
#include <functional>

namespace assay {

// Raises this process's limit as far as it may (no further than it can use), and keeps a few
// descriptors back. Returns the limit. Once, at the start, before connections take them.
uint64_t raise_descriptor_limit();

// open(2), with one of those kept back where there is no other left; closing it as usual gives it
// back. -1 with errno where that does not help either. Any thread.
int open_file(const char* path, int flags, unsigned mode);
// The same for a library that opens files on its own: `opens` says whether it has, and is tried
// again with one more of those kept back while there is no other. REQUIRES: it opens one at most.
bool try_open_file(const std::function<bool()>& opens);

}  // namespace assay
