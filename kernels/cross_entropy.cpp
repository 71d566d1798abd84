#include "kernels/cross_entropy.h"

#include "core/check.h"
#include "kernels/kernel_path.h"
#include "kernels/rows_paths.h"

namespace assay {

namespace {

void check_targets(std::span<const int32_t> targets, size_t vocab) {
    for (const int32_t target : targets) {
        ASSAY_CHECK(target >= 0 && static_cast<size_t>(target) < vocab);
    }
}

}  // namespace

void cross_entropy_losses(ThreadPool& pool,
                          std::span<const int32_t> targets,
                          size_t vocab,
                          const float* logits,
                          float* losses) {
    check_targets(targets, vocab);
    ASSAY_CHECK(losses != logits || targets.empty());  // losses are written while rows are read
    const RowsPath& path = rows_path(kernel_path());
    pool.run_ranges(targets.size(), grain_rows(vocab), [&](size_t first, size_t last, size_t) {
        for (size_t r = first; r < last; ++r) {
            losses[r] = path.cross_entropy_loss(logits + r * vocab, vocab, targets[r]);
        }
    });
}

void cross_entropy_backward(ThreadPool& pool,
                            std::span<const int32_t> targets,
                            size_t vocab,
                            float scale,
                            float* logits,
                            float* losses) {
    check_targets(targets, vocab);
    const RowsPath& path = rows_path(kernel_path());
    pool.run_ranges(targets.size(), grain_rows(vocab), [&](size_t first, size_t last, size_t) {
        for (size_t r = first; r < last; ++r) {
            losses[r] = path.cross_entropy_backward(logits + r * vocab, vocab, targets[r], scale);
        }
    });
}

}  // namespace assay
