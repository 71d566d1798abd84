#include "serving/service_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "core/check.h"

namespace assay {

struct ServiceMetrics::State {
    prometheus::Registry registry;
    prometheus::Family<prometheus::Counter>& finished =
        prometheus::BuildCounter()
            .Name("assay_request_success_total")
            .Help("Answers that were completed, by reason")
            .Register(registry);
    prometheus::Family<prometheus::Counter>& refused =
        prometheus::BuildCounter()
            .Name("assay_request_refused_total")
            .Help("Requests that were refused, by HTTP status")
            .Register(registry);
    prometheus::Histogram& latency = prometheus::BuildHistogram()
                                         .Name("assay_e2e_request_latency_seconds")
                                         .Help("From a request to the end of its answer")
                                         .Register(registry)
                                         .Add({},
                                              prometheus::Histogram::BucketBoundaries{
                                                  0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60});
    prometheus::Gauge& running =
        gauge("assay_num_requests_running", "Answers that are being generated now");
    prometheus::Gauge& waiting = gauge("assay_num_requests_waiting", "Answers that wait for room");
    prometheus::Counter& prompt = counter("assay_prompt_tokens_total", "Tokens of prompts read");
    prometheus::Counter& generated =
        counter("assay_generation_tokens_total", "Tokens that were generated");

    prometheus::Gauge& gauge(const char* name, const char* help) {
        return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
    }
    prometheus::Counter& counter(const char* name, const char* help) {
        return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
    }
};

ServiceMetrics::ServiceMetrics() : state_(std::make_unique<State>()) {}
ServiceMetrics::~ServiceMetrics() = default;

void ServiceMetrics::request_finished(const std::string& finish_reason, double seconds) {
    ASSAY_CHECK(!finish_reason.empty() && seconds >= 0);
    state_->finished.Add({{"finished_reason", finish_reason}}).Increment();
    state_->latency.Observe(seconds);
}

void ServiceMetrics::request_refused(int status) {
    ASSAY_CHECK(status >= 400 && status < 600);
    state_->refused.Add({{"status", std::to_string(status)}}).Increment();
}

std::string ServiceMetrics::text(const EngineMetrics& engine) {
    // The engine's counts only grow, and one thread asks for them.
    ASSAY_CHECK(static_cast<double>(engine.prompt_tokens) >= state_->prompt.Value());
    ASSAY_CHECK(static_cast<double>(engine.generated_tokens) >= state_->generated.Value());
    state_->running.Set(static_cast<double>(engine.running));
    state_->waiting.Set(static_cast<double>(engine.waiting));
    state_->prompt.Increment(static_cast<double>(engine.prompt_tokens) - state_->prompt.Value());
    state_->generated.Increment(static_cast<double>(engine.generated_tokens) -
                                state_->generated.Value());
    return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

}  // namespace assay
