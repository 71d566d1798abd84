// The same network trained as plainly as libtorch does it: whole batches, autograd, fused AdamW.
//
// Only for `assay bench`, as what a peer's training is compared with. Free of libtorch.

#pragma once

#include <memory>
#include <vector>

#include "model/gradient_model.h"
#include "model/shape.h"

namespace assay {

class BareTrainer {
public:
    BareTrainer(const ModelShape& shape, const std::vector<float>& theta, int threads);
    ~BareTrainer();
    BareTrainer(const BareTrainer&) = delete;
    BareTrainer& operator=(const BareTrainer&) = delete;

    // Forward, backward, clipping to norm 1, one AdamW step. Returns the mean loss.
    float step(const TokenBatch& batch, double learning_rate);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace assay
