// Matrix products of training steps against at::mm, and the single row of decoding against memory.

#include <algorithm>
#include <cstdio>

#include "benchmarks/all_benches.h"
#include "benchmarks/machine_limits.h"
#include "core/rng.h"
#include "kernels/gemm.h"
#include "kernels/kernel_path.h"
#include "llama/stock_ops.h"

namespace assay {

namespace {

struct Product {
    std::string name;
    GemmShape shape;
    double count = 1;  // how many of them a layer has; the head counts as one layer's

    [[nodiscard]] double flops() const {
        return 2.0 * static_cast<double>(shape.m) * static_cast<double>(shape.n) *
               static_cast<double>(shape.k);
    }
};

std::vector<float> made_values(size_t count, const char* purpose) {
    CounterRng rng(derive_seed(Digest{}, purpose));
    std::vector<float> values(count);
    for (float& value : values) {
        value = static_cast<float>(rng.unit() - 0.5);
    }
    return values;
}

// y = x W^T, dX = dY W and dW = dY^T X for W (outputs, inputs).
void add_layer(std::vector<Product>& to,
               const std::string& name,
               size_t tokens,
               size_t outputs,
               size_t inputs,
               double count) {
    to.push_back({name + "_y", {GemmLayout::kNT, tokens, outputs, inputs}, count});
    to.push_back({name + "_dx", {GemmLayout::kNN, tokens, inputs, outputs}, count});
    to.push_back({name + "_dw", {GemmLayout::kTN, outputs, inputs, tokens}, count});
}

std::vector<Product> products(bool tiny) {
    const size_t tokens = tiny ? 64 : 2048;
    const size_t vocab = tiny ? 96 : 8192;
    const std::vector<size_t> widths =
        tiny ? std::vector<size_t>{32} : std::vector<size_t>{256, 512, 1024, 2048};
    std::vector<Product> all;
    for (const size_t d : widths) {
        const size_t ffn = (8 * d / 3 + 31) / 32 * 32;
        const std::string name = "gemm_d" + std::to_string(d);
        add_layer(all, name + "_qkvo", tokens, d, d, 4);
        add_layer(all, name + "_ffn_in", tokens, ffn, d, 2);
        add_layer(all, name + "_ffn_out", tokens, d, ffn, 1);
        add_layer(all, name + "_head", tokens, vocab, d, 1);
    }
    return all;
}

struct Times {
    double flops = 0;
    double exact = 0;
    double stock = 0;
};

std::string decimals(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.2f", value);
    return text;
}

BenchRow speed_row(const std::string& name, const Times& t, double peak, int threads) {
    BenchRow row;
    row.name = name;
    row.value = t.flops / t.exact / 1e9;
    row.unit = "GFLOP/s";
    row.against = "at::mm";
    row.ratio = t.stock / t.exact;
    row.threads = threads;
    row.context = decimals(t.flops / t.exact / peak) + " of the measured FMA peak";
    return row;
}

Alternating time_product(ThreadPool& pool, const Product& product, int repetitions) {
    const GemmShape& s = product.shape;
    const std::vector<float> a = made_values(s.m * s.k, "a");
    const std::vector<float> b = made_values(s.n * s.k, "b");
    std::vector<float> c(s.m * s.n);
    std::vector<float> stock(s.m * s.n);
    return time_alternating(
        repetitions,
        [&] { gemm(pool, s, a.data(), b.data(), c.data(), false); },
        [&] { stock_gemm(s, a.data(), b.data(), stock.data()); });
}

// One row a shape and their total.
void add_rows(std::vector<BenchRow>& rows, const BenchOptions& options, int threads) {
    const std::string suffix = threads == 1 ? "" : "_" + std::to_string(threads) + "_threads";
    const double peak = fma_peak_per_second(threads);
    set_stock_threads(threads);
    ThreadPool pool(threads);
    Times total;
    double least = 0;
    for (const Product& product : products(options.tiny)) {
        const Alternating time = time_product(pool, product, options.repetitions);
        BenchRow row = speed_row(product.name + suffix,
                                 {product.flops(), time.first_min, time.second_min},
                                 peak,
                                 threads);
        row.note = std::to_string(product.shape.m) + " x " + std::to_string(product.shape.n) +
                   ", k " + std::to_string(product.shape.k);
        row.context += ", ratio of medians " + decimals(time.second_median / time.first_median);
        least = least == 0 ? row.ratio : std::min(least, row.ratio);
        rows.push_back(row);
        total.flops += product.count * product.flops();
        total.exact += product.count * time.first_min;
        total.stock += product.count * time.second_min;
    }
    BenchRow row = speed_row("gemm_total" + suffix, total, peak, threads);
    row.note = "each shape as often as a layer has it";
    row.context += ", least ratio of a shape " + decimals(least) + ", " +
                   std::string(kernel_path_name(kernel_path())) + " kernels; " +
                   describe_limits(threads);
    rows.push_back(row);
}

// One row of activations with weights that no cache holds.
BenchRow packed_row(const BenchOptions& options) {
    const size_t n = options.tiny ? 64 : 16384;
    const size_t k = options.tiny ? 64 : 2048;
    const std::vector<float> a = made_values(k, "a");
    const PackedMatrix weights(made_values(n * k, "b").data(), n, k);
    std::vector<float> c(n);
    ThreadPool pool(1);
    const auto multiply = [&] { packed_gemm(pool, 1, a.data(), weights, c.data()); };
    const Alternating time = time_alternating(options.repetitions, multiply, multiply);
    const double speed =
        static_cast<double>(n * k * sizeof(float)) / std::min(time.first_min, time.second_min);
    BenchRow row;
    row.name = "packed_row";
    row.value = speed / 1e9;
    row.unit = "GB/s";
    row.against = "the measured stream read";
    const double limit = stream_read_bytes_per_second(1);
    row.ratio = speed / limit;
    row.context = "stream read " + decimals(limit / 1e9) + " GB/s";
    row.note = "1 x " + std::to_string(n) + ", k " + std::to_string(k);
    return row;
}

Result<std::vector<BenchRow>> run_gemm(const BenchOptions& options) {
    std::vector<BenchRow> rows;
    rows.push_back(packed_row(options));
    add_rows(rows, options, 1);
    const double alone = rows.back().value;
    add_rows(rows, options, 2);
    BenchRow scaling;
    scaling.name = "gemm_scaling_2_threads";
    scaling.value = rows.back().value;
    scaling.unit = "GFLOP/s";
    scaling.against = "1 thread";
    scaling.ratio = rows.back().value / alone;
    scaling.threads = 2;
    rows.push_back(scaling);
    return rows;
}

}  // namespace

Bench gemm_bench() {
    return {"gemm",
            "Matrix products of training against at::mm, on 1 and 2 threads, and a row of decoding",
            run_gemm,
            {"libtorch"},
            false};
}

}  // namespace assay
