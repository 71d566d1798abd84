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

// Of one product, or the sums of many.
struct Times {
    double flops = 0;
    Alternating seconds;

    void add(const Times& other, double count) {
        flops += count * other.flops;
        seconds.first_min += count * other.seconds.first_min;
        seconds.first_median += count * other.seconds.first_median;
        seconds.second_min += count * other.seconds.second_min;
        seconds.second_median += count * other.seconds.second_median;
    }
};

std::string decimals(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.2f", value);
    return text;
}

// What the machine can do on as many threads.
struct Limits {
    Limits(int thread_count, bool tiny)
        : threads(thread_count),
          peak(fma_peak_per_second(threads, tiny)),
          text(describe_limits(threads, tiny)) {}
    int threads;
    double peak;
    std::string text;
};

BenchRow speed_row(const std::string& name, const Times& t, const Limits& limits) {
    const double speed = t.flops / t.seconds.first_min;
    BenchRow row;
    row.name = name + threads_suffix(limits.threads);
    row.value = speed / 1e9;
    row.unit = "GFLOP/s";
    row.against = "at::mm";
    row.ratio = t.seconds.second_min / t.seconds.first_min;
    row.threads = limits.threads;
    row.context = describe_times(t.seconds) + "; ratio of medians " +
                  decimals(t.seconds.second_median / t.seconds.first_median) + "; " +
                  decimals(speed / limits.peak) + " of the FMA peak; " + limits.text;
    return row;
}

Alternating time_product(ThreadPool& pool, const Product& product, const BenchOptions& options) {
    const GemmShape& s = product.shape;
    const std::vector<float> a = made_values(s.m * s.k, "a");
    const std::vector<float> b = made_values(s.n * s.k, "b");
    std::vector<float> c(s.m * s.n);
    std::vector<float> stock(s.m * s.n);
    return time_alternating(
        options,
        [&] { gemm(pool, s, a.data(), b.data(), c.data(), false); },
        [&] { stock_gemm(s, a.data(), b.data(), stock.data()); });
}

// One row a shape and their total, which is returned.
Times add_rows(std::vector<BenchRow>& rows, const BenchOptions& options, int threads) {
    set_stock_threads(threads);
    ThreadPool pool(threads);
    const std::vector<Product> all = products(options.tiny);
    double flops = 0;
    for (const Product& product : all) {
        flops += product.flops();
    }
    Times total;
    double done = 0;
    double least = 0;
    const Limits limits(threads, options.tiny);
    for (const Product& product : all) {
        const double from = done / flops;
        done += product.flops();
        const Times times{product.flops(),
                          time_product(pool, product, narrowed(options, from, done / flops))};
        BenchRow row = speed_row(product.name, times, limits);
        row.note = std::to_string(product.shape.m) + " x " + std::to_string(product.shape.n) +
                   ", k " + std::to_string(product.shape.k);
        least = least == 0 ? row.ratio : std::min(least, row.ratio);
        rows.push_back(row);
        total.add(times, product.count);
    }
    BenchRow row = speed_row("gemm_total", total, limits);
    row.note = "each shape as often as a layer has it";
    row.context += "; least ratio of a shape " + decimals(least) + "; " +
                   std::string(kernel_path_name(kernel_path())) + " kernels";
    rows.push_back(row);
    return total;
}

BenchRow scaling_row(const Times& alone, const Times& two, const std::string& limits) {
    const Alternating seconds = {two.seconds.first_min,
                                 two.seconds.first_median,
                                 alone.seconds.first_min,
                                 alone.seconds.first_median};
    BenchRow row;
    row.name = "gemm_scaling_2_threads";
    row.value = two.flops / seconds.first_min / 1e9;
    row.unit = "GFLOP/s";
    row.against = "1 thread";
    row.ratio = seconds.second_min / seconds.first_min;
    row.threads = 2;
    row.context = describe_times(seconds) + "; " + limits;
    return row;
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
    const Alternating time = time_alternating(options, multiply, [] {});
    const double bytes = static_cast<double>(n * k * sizeof(float));
    const double limit = stream_read_bytes_per_second(1, options.tiny);
    BenchRow row;
    row.name = "packed_row";
    row.value = bytes / time.first_min / 1e9;
    row.unit = "GB/s";
    row.against = "the measured stream read";
    row.ratio = bytes / time.first_min / limit;
    row.context = describe_time(time.first_min, time.first_median) + "; of a stream read of " +
                  decimals(limit / 1e9) + " GB/s; " + describe_limits(1, options.tiny);
    row.note = "1 x " + std::to_string(n) + ", k " + std::to_string(k);
    return row;
}

Result<std::vector<BenchRow>> run_gemm(const BenchOptions& options) {
    std::vector<BenchRow> rows;
    rows.push_back(packed_row(narrowed(options, 0, 0.01)));
    const Times alone = add_rows(rows, narrowed(options, 0.01, 0.65), 1);
    const Times two = add_rows(rows, with_threads(narrowed(options, 0.65, 1), 2), 2);
    rows.push_back(scaling_row(alone, two, describe_limits(2, options.tiny)));
    return rows;
}

}  // namespace

Bench gemm_bench() {
    return {"gemm",
            "Matrix products of training against at::mm, on 1 and 2 threads, and a row of "
            "decoding (3 minutes)",
            run_gemm,
            {"libtorch"},
            false};
}

}  // namespace assay
