// Metrics of the service in Prometheus' text format. prometheus-cpp stays in service_metrics.cpp.

#pragma once

#include <memory>
#include <string>

#include "serving/engine.h"

namespace assay {

class ServiceMetrics {
public:
    ServiceMetrics();
    ~ServiceMetrics();
    // Any thread. Reasons and statuses become labels: they must come from a short fixed list.
    void request_finished(const std::string& finish_reason, double seconds);
    void request_refused(int status);
    // The whole page, with the engine's figures as they are now. One thread.
    std::string text(const EngineMetrics& engine);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace assay
