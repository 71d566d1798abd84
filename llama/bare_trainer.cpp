#include "llama/bare_trainer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <cmath>

#include "llama/network.h"

namespace assay {

struct BareTrainer::State {
    ModelShape shape;
    std::vector<at::Tensor> parameters;
    std::vector<at::Tensor> m;
    std::vector<at::Tensor> v;
    std::vector<at::Tensor> steps;
    std::unique_ptr<Network> network;
    RotaryTable rotary;  // of the last batch's length
    int64_t rotary_length = 0;
};

BareTrainer::BareTrainer(const ModelShape& shape, const std::vector<float>& theta, int threads)
    : state_(std::make_unique<State>()) {
    at::set_num_threads(threads);
    state_->shape = shape;
    const at::Tensor flat =
        at::from_blob(const_cast<float*>(theta.data()), {static_cast<int64_t>(theta.size())});
    for (const at::Tensor& view : tensor_views(llama_layout(shape), flat)) {
        state_->parameters.push_back(view.clone().requires_grad_(true));
        state_->m.push_back(at::zeros_like(view));
        state_->v.push_back(at::zeros_like(view));
        state_->steps.push_back(at::zeros({}, at::kFloat));
    }
    state_->network = std::make_unique<Network>(shape, state_->parameters);
}

BareTrainer::~BareTrainer() = default;

float BareTrainer::step(const TokenBatch& batch, double learning_rate) {
    State& s = *state_;
    const int64_t rows = batch.sequences;
    const int64_t length = batch.sequence_tokens;
    const at::Tensor tokens =
        at::from_blob(const_cast<int32_t*>(batch.tokens.data()), {rows, length + 1}, at::kInt)
            .to(at::kLong);
    if (s.rotary_length != length) {
        s.rotary = rotary_table(s.shape, length);
        s.rotary_length = length;
    }
    const at::AutoGradMode with_gradient(true);
    const at::Tensor hidden = s.network->hidden(tokens.narrow(1, 0, length).contiguous(), s.rotary);
    const at::Tensor loss =
        at::cross_entropy_loss(s.network->logits(hidden.reshape({rows * length, -1})),
                               tokens.narrow(1, 1, length).reshape({-1}));
    std::vector<at::Tensor> gradients = torch::autograd::grad({loss}, s.parameters);
    const at::NoGradGuard no_grad;
    double squared = 0;
    for (const at::Tensor& gradient : gradients) {
        squared += gradient.square().sum().item<double>();
    }
    const double scale = std::min(1.0, 1.0 / (std::sqrt(squared) + 1e-6));
    for (size_t i = 0; i < gradients.size(); ++i) {
        gradients[i].mul_(scale);
        s.steps[i].add_(1);
    }
    at::_fused_adamw_(s.parameters,
                      gradients,
                      s.m,
                      s.v,
                      {},
                      s.steps,
                      learning_rate,
                      0.9,
                      0.95,
                      0.1,
                      1e-8,
                      false,
                      false);
    return loss.item<float>();
}

}  // namespace assay
