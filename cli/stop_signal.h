// Ctrl-C and SIGTERM as a question that loops ask. Async-signal-safe inside.

#pragma once

namespace assay {

// Once, before threads start. Ends SIGPIPE too: a closed socket is an error code then.
void catch_stop_signals();
[[nodiscard]] bool stop_requested();
// Asked for a second time.
[[nodiscard]] bool stop_insisted();

}  // namespace assay
