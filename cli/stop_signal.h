// Ctrl-C, SIGTERM and SIGHUP as questions that loops ask. Async-signal-safe inside.

#pragma once

namespace assay {

// Once, before threads start. Ends SIGPIPE too: a closed socket is an error code then.
void catch_stop_signals();
[[nodiscard]] bool stop_requested();
// Asked for a second time.
[[nodiscard]] bool stop_insisted();
// Whether SIGHUP came since this was asked last. It ends no node: a coordinator reads its admission
// list again, the others have nothing that they could read again.
[[nodiscard]] bool reload_requested();

}  // namespace assay
