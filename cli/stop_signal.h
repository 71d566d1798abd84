// Ctrl-C and SIGTERM as a question that loops ask. Async-signal-safe inside.

#pragma once

namespace assay {

void catch_stop_signals();
[[nodiscard]] bool stop_requested();

}  // namespace assay
