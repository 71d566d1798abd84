// The compressor as a tensor grows from a million values to a billion, its operands in files that
// are mapped into memory: a value's cost, and the memory that is needed beside the operands.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "benchmarks/all_benches.h"
#include "compression/compressor.h"
#include "core/rng.h"

namespace assay {

namespace {

// Values in a file that is gone when its mapping is.
class MappedValues {
public:
    static Result<MappedValues> make(const std::string& name, size_t count) {
        const std::filesystem::path path =
            std::filesystem::temp_directory_path() /
            ("assay-growth-" + std::to_string(::getpid()) + "-" + name);
        const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (file < 0) {
            return fail("cannot make " + path.string());
        }
        ::unlink(path.c_str());
        const size_t bytes = count * sizeof(float);
        // Room on the disk now: a full one would otherwise end the program at a store.
        void* place = MAP_FAILED;
        if (::posix_fallocate(file, 0, static_cast<off_t>(bytes)) == 0) {
            place = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        }
        ::close(file);
        if (place == MAP_FAILED) {
            return fail("no room for " + std::to_string(bytes) + " bytes in " + path.string());
        }
        return MappedValues(static_cast<float*>(place), count);
    }
    ~MappedValues() {
        if (values_ != nullptr) {
            ::munmap(values_, count_ * sizeof(float));
        }
    }
    MappedValues(MappedValues&& other) noexcept
        : values_(std::exchange(other.values_, nullptr)), count_(other.count_) {}
    MappedValues& operator=(MappedValues&&) = delete;
    MappedValues(const MappedValues&) = delete;
    MappedValues& operator=(const MappedValues&) = delete;

    [[nodiscard]] std::span<float> span() const { return {values_, count_}; }

private:
    MappedValues(float* values, size_t count) : values_(values), count_(count) {}
    float* values_;
    size_t count_;
};

// Heavy-tailed values; a block of a million, over and over.
void fill(std::span<float> values, uint64_t seed) {
    const size_t block = std::min<size_t>(values.size(), 1U << 20U);
    CounterRng rng(derive_seed(Digest{}, "growth", {seed}));
    for (size_t i = 0; i < block; ++i) {
        values[i] = static_cast<float>((rng.unit() - 0.5) * rng.unit() * rng.unit());
    }
    for (size_t first = block; first < values.size(); first += block) {
        const size_t count = std::min(block, values.size() - first);
        std::copy_n(values.begin(), count, values.begin() + static_cast<std::ptrdiff_t>(first));
    }
}

// Memory of the process that no file stands behind, in bytes; 0 where the system does not say.
double anonymous_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.rfind("RssAnon:", 0) == 0) {
            return 1024.0 * std::stod(line.substr(8));
        }
    }
    return 0;
}

struct Growth {
    double seconds = 0;  // the best of all
    double median = 0;
    double memory = 0;     // most beside the operands
    uint64_t payload = 0;  // bytes
};

Result<Growth> measure(uint64_t rows, uint64_t columns, int repetitions) {
    ParameterLayout layout;
    layout.add("matrix", rows, columns);
    const size_t count = layout.value_count();
    Result<MappedValues> start = MappedValues::make("start", count);
    Result<MappedValues> end = MappedValues::make("end", count);
    Result<MappedValues> e = MappedValues::make("e", count);
    if (!start || !end || !e) {
        return !start ? start.error() : !end ? end.error() : e.error();
    }
    fill(start->span(), 0);
    fill(end->span(), 1);
    fill(e->span(), 2);
    Growth growth;
    const double before = anonymous_bytes();
    const CompressionSettings settings;
    Compressor compressor(layout, settings);
    Bytes bytes;
    std::vector<double> times;
    for (int i = 0; i < repetitions; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        const Status done =
            compressor.compress_to_bytes(start->span(), end->span(), e->span(), e->span(), bytes);
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        if (!done) {
            return done.error();
        }
        times.push_back(seconds);
        // Everything that was allocated on the way is still held: buffers are kept.
        growth.memory = std::max(growth.memory, anonymous_bytes() - before);
    }
    growth.seconds = *std::min_element(times.begin(), times.end());
    growth.median = median(times);
    growth.payload = bytes.size();
    return growth;
}

BenchRow growth_row(const std::string& size,
                    double millions,
                    const Growth& one,
                    double first_cost) {
    char context[160];
    std::snprintf(context,
                  sizeof(context),
                  "%.1f MB of memory beside operands of %.0f MB; payload %.2f MB; %.2f ns a value",
                  one.memory / 1e6,
                  12 * millions,
                  static_cast<double>(one.payload) / 1e6,
                  1e3 * one.seconds / millions);
    BenchRow row;
    row.name = "compress_" + size;
    row.value = millions / one.seconds;
    row.unit = "Mparam/s";
    row.against = "the cost of a value of the smallest";
    row.ratio = first_cost / (one.seconds / millions);
    row.context = context + ("; " + describe_time(one.seconds, one.median));
    return row;
}

Result<std::vector<BenchRow>> run_growth(const BenchOptions& options) {
    struct Size {
        const char* name;
        uint64_t rows;
        uint64_t columns;
    };
    const std::vector<Size> all = {
        {"1M", 1024, 1024}, {"17M", 4096, 4096}, {"134M", 16384, 8192}, {"1074M", 65536, 16384}};
    const std::vector<Size> tiny = {{"16K", 128, 128}, {"66K", 256, 256}};
    std::vector<BenchRow> rows;
    double first_cost = 0;
    for (const Size& size : options.tiny ? tiny : all) {
        const double millions = static_cast<double>(size.rows * size.columns) / 1e6;
        // The largest once more than twice costs minutes and tells nothing new.
        const int repetitions = millions > 500 ? 2 : options.repetitions;
        const Result<Growth> growth = measure(size.rows, size.columns, repetitions);
        if (!growth) {
            return growth.error();
        }
        first_cost = rows.empty() ? growth->seconds / millions : first_cost;
        rows.push_back(growth_row(size.name, millions, *growth, first_cost));
    }
    return rows;
}

}  // namespace

Bench growth_bench() {
    return {"growth",
            "Compress 1 M to 1 B values in mapped files: 13 GB in the folder of temporary files",
            run_growth};
}

}  // namespace assay
