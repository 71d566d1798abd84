// Logging: one line an event, level and time in front, to stderr. spdlog stays behind this header.

#pragma once

#include <string>
#include <string_view>

namespace assay {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// "debug", "info", "warning", "error"; anything else returns false and changes nothing.
bool set_log_level(std::string_view name);

// Any thread may log; a line is never mixed with another, and is one line whatever its text holds.
void log_message(LogLevel level, std::string_view text);
inline void log_info(std::string_view text) {
    log_message(LogLevel::kInfo, text);
}
inline void log_warning(std::string_view text) {
    log_message(LogLevel::kWarning, text);
}
inline void log_error(std::string_view text) {
    log_message(LogLevel::kError, text);
}

}  // namespace assay
