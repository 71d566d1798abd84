#include "model/gradient_model.h"

namespace assay {

ThreadPool& GradientModel::pool() {
    static thread_local ThreadPool one(1);
    return one;
}

}  // namespace assay
