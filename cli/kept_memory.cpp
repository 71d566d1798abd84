#include "cli/kept_memory.h"

#include <malloc.h>

namespace assay {

void keep_freed_memory() {
    constexpr int kMegabyte = 1 << 20;
    (void)mallopt(M_MMAP_THRESHOLD, 64 * kMegabyte);
    (void)mallopt(M_TRIM_THRESHOLD, 512 * kMegabyte);
}

}  // namespace assay
