#include "core/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "core/printable.h"

namespace assay {

namespace {

constexpr size_t kLineMost = 8192;

spdlog::logger& logger() {
    static const std::shared_ptr<spdlog::logger> kLogger = [] {
        auto made = std::make_shared<spdlog::logger>(
            "assay", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
        made->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
        made->flush_on(spdlog::level::info);
        return made;
    }();
    return *kLogger;
}

spdlog::level::level_enum level_of(LogLevel level) {
    switch (level) {
        case LogLevel::kDebug:
            return spdlog::level::debug;
        case LogLevel::kInfo:
            return spdlog::level::info;
        case LogLevel::kWarning:
            return spdlog::level::warn;
        case LogLevel::kError:
            break;
    }
    return spdlog::level::err;
}

}  // namespace

bool set_log_level(std::string_view name) {
    for (const LogLevel level :
         {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
        static constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};
        if (kNames[static_cast<int>(level)] == name) {
            logger().set_level(level_of(level));
            return true;
        }
    }
    return false;
}

void log_message(LogLevel level, std::string_view text) {
    logger().log(level_of(level), "{}", printable(text, kLineMost));
}

}  // namespace assay
