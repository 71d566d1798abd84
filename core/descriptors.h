// File descriptors: how many this process may have, and some kept back for its own files, so that
// no number of connections keeps it from writing what must be durable.

#pragma once

#include <cstdint>

namespace assay {

// Raises this process's limit as far as it may (no further than it can use), and keeps a few
// descriptors back. Returns the limit. Once, at the start, before connections take them.
uint64_t raise_descriptor_limit();

// open(2), with one of those kept back where there is no other left; closing it as usual gives it
// back. -1 with errno where that does not help either. Any thread.
int open_file(const char* path, int flags, unsigned mode);

}  // namespace assay
