// Memory that is freed stays with the process: a simulated round frees and takes the same few
// megabytes again and again, and the kernel would clear their pages each time.

#pragma once

namespace assay {

void keep_freed_memory();

}  // namespace assay
