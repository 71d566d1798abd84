#include "kernels/embedding.h"

#include <algorithm>

#include "core/check.h"
#include "kernels/kernel_path.h"
#include "kernels/rows_paths.h"

namespace assay {

namespace {

void check_tokens(std::span<const int32_t> tokens) {
    for (const int32_t token : tokens) {
        ASSAY_CHECK(token >= 0);
    }
}

}  // namespace

void embedding_forward(ThreadPool& pool,
                       std::span<const int32_t> tokens,
                       size_t width,
                       const float* table,
                       float* out) {
    ASSAY_CHECK(tokens.empty() || (width > 0 && out != table));
    check_tokens(tokens);
    pool.run_ranges(tokens.size(), grain_rows(width), [&](size_t first, size_t last, size_t) {
        for (size_t i = first; i < last; ++i) {
            std::copy_n(table + static_cast<size_t>(tokens[i]) * width, width, out + i * width);
        }
    });
}

void embedding_backward(ThreadPool& pool,
                        std::span<const int32_t> tokens,
                        size_t width,
                        const float* d_out,
                        float* d_table) {
    ASSAY_CHECK(tokens.empty() || (width > 0 && d_table != d_out));
    check_tokens(tokens);
    const RowsPath& path = rows_path(kernel_path());
    const size_t grain = grain_columns(tokens.size());
    pool.run_ranges(width, grain, [&](size_t first, size_t last, size_t) {
        for (size_t i = 0; i < tokens.size(); ++i) {
            const size_t row = static_cast<size_t>(tokens[i]);
            path.add(last - first, d_table + row * width + first, d_out + i * width + first);
        }
    });
}

}  // namespace assay
