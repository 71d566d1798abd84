// The embedding: rows by token, and the gradient in the order of the tokens.
#include "kernels/embedding.h"

#include "tests/kernels/exact_inputs.h"

namespace assay {

TEST_CASE("the embedding equals a plain loop on every path") {
    for (const Inputs inputs : tested_inputs()) {
        for (const size_t width : {1U, 16U, 17U, 130U}) {
            const size_t vocab = 11;
            const std::vector<int32_t> tokens = random_tokens(width, 500, vocab);
            const std::vector<float> table = exact_inputs(1, vocab * width, inputs);
            const std::vector<float> d_out = exact_inputs(2, tokens.size() * width, inputs);
            std::vector<float> out;
            std::vector<float> d_table = table;
            for (size_t i = 0; i < tokens.size(); ++i) {
                for (size_t j = 0; j < width; ++j) {
                    const size_t at = static_cast<size_t>(tokens[i]) * width + j;
                    out.push_back(table[at]);
                    d_table[at] += d_out[i * width + j];
                }
            }
            require_same_on_all_paths([&](ThreadPool& pool) {
                std::vector<float> rows(tokens.size() * width);
                std::vector<float> gradient = table;
                embedding_forward(pool, tokens, width, table.data(), rows.data());
                embedding_backward(pool, tokens, width, d_out.data(), gradient.data());
                require_same(rows, out);
                require_same(gradient, d_table);
                return joined(rows, gradient);
            });
        }
    }
}

TEST_CASE("the gradient of a repeated token is added in order") {
    ThreadPool pool(2);
    const std::vector<float> d_out{1e8F, 1.0F, -1e8F, 1.0F};
    std::vector<float> d_table(3, 0.5F);
    embedding_backward(pool, std::vector<int32_t>{1, 1, 1, 1}, 1, d_out.data(), d_table.data());
    require_same(d_table, {0.5F, 1.0F, 0.5F});
}

}  // namespace assay
