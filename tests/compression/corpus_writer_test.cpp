// Writes the edge cases of fuzz/corpus/update_fuzz anew: compression_test "[.corpus]". Run by hand
// after a change of the format; the files themselves are checked by sparse_update_test.cpp.
#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>

#include "compression/chunk_bits.h"
#include "compression/error_feedback.h"
#include "core/files.h"
#include "tests/compression/samples.h"
#include "tests/compression/update_cases.h"

using namespace assay;

namespace {

constexpr uint8_t kSparse = 0;
constexpr uint8_t kAggregate = 1;
constexpr uint8_t kKeepAll = 2;
constexpr uint8_t kDense = 3;
constexpr uint8_t kBehindHeader = 4;

void write_case(const std::string& name, uint8_t first, ByteSpan bytes) {
    const std::filesystem::path folder =
        std::filesystem::path(ASSAY_SOURCE_DIR) / "fuzz/corpus/update_fuzz";
    REQUIRE(make_folder(folder).ok());
    Bytes input{first};
    input.insert(input.end(), bytes.begin(), bytes.end());
    REQUIRE(write_file_atomically(folder / name, input).ok());
}

Bytes sparse_bytes(std::vector<float> values, uint8_t first) {
    const ParameterLayout layout = awkward_layout();
    const UpdateCase shape = update_case(Bytes{first}, layout);
    const SparseUpdate update = code_values(values, layout, shape.keep);
    return encode_sparse(update, layout, shape.kind, shape.keep);
}

// Bits of chunk 0 ("one": one value), then zero chunks for the rest.
Bytes first_chunk(const std::function<void(BitWriter&)>& write) {
    BitWriter out(Bytes{});
    write(out);
    for (uint64_t tile = 1; tile < awkward_layout().tile_count(); ++tile) {
        out.bits(0, 15);
    }
    return out.finish();
}

}  // namespace

TEST_CASE("write the good cases", "[.corpus]") {
    const ParameterLayout layout = awkward_layout();
    const std::vector<float> sample = sample_values(layout, 1, 0.02);
    const std::vector<float> zeros(layout.value_count(), 0.0F);
    std::vector<float> equal = zeros;
    std::fill_n(equal.begin() + static_cast<int64_t>(layout.tensors[4].first_value()), 4096, 1.0F);
    write_case("good_sample", kSparse, sparse_bytes(sample, kSparse));
    write_case("good_aggregate", kAggregate, sparse_bytes(sample, kAggregate));
    write_case("good_keep_all", kKeepAll, sparse_bytes(sample, kKeepAll));
    write_case("good_zeros", kSparse, sparse_bytes(zeros, kSparse));
    write_case("good_equal_magnitudes", kSparse, sparse_bytes(equal, kSparse));
    write_case("good_equal_keep_all", kKeepAll, sparse_bytes(equal, kKeepAll));
    write_case("good_dense", kDense, encode_dense(sample, layout));
    write_case("good_smallest_scale", kSparse | kBehindHeader, first_chunk([](BitWriter& out) {
                   out.bits(1, 15);
                   out.unary(1);
                   out.bits(0, 15);
                   out.unary(0);
                   out.bits(1, 2);
               }));
}

TEST_CASE("write the bad cases", "[.corpus]") {
    const ParameterLayout layout = awkward_layout();
    const Bytes sample = sparse_bytes(sample_values(layout, 1, 0.02), kSparse);
    // The low scale in full for the odd modes, as steps below the high scale for the even ones.
    const auto chunk = [](uint32_t high, uint32_t mode, uint32_t low, uint32_t gap, uint32_t code) {
        return first_chunk([&](BitWriter& out) {
            out.bits(high, 15);
            out.unary(mode);
            out.bits(low, mode % 2 == 1 ? 15 : 10);
            out.unary(gap);
            out.bits(code, 2);
        });
    };
    constexpr uint8_t kFirst = kSparse | kBehindHeader;
    write_case("bad_empty", kSparse, {});
    write_case("bad_cut", kSparse, ByteSpan(sample).first(sample.size() - 1));
    write_case("bad_header_alone", kFirst, {});
    write_case("bad_infinite_scale", kFirst, chunk(kHalfInfinity, 1, 0, 0, 1));
    write_case("bad_low_above_high", kFirst, chunk(5, 1, 6, 0, 1));
    write_case("bad_low_below_zero", kFirst, chunk(5, 0, 4, 0, 1));
    write_case("bad_near_written_far", kFirst, chunk(6, 1, 5, 0, 1));
    write_case("bad_low_without_codes", kFirst, chunk(6, 0, 0, 0, 1));
    write_case("bad_no_high_code", kFirst, chunk(6, 0, 0, 0, 0));
    write_case("bad_count", kFirst, chunk(6, 3, 0, 0, 1));
    write_case("bad_mode", kFirst, chunk(6, 4, 0, 0, 1));
    write_case("bad_index", kFirst, chunk(6, 1, 0, 1, 1));
    write_case("bad_endless_unary", kFirst, Bytes(4096, 0x40));
    write_case("bad_all_ones", kFirst, Bytes(512, 0xff));
    Bytes padded = sparse_bytes(std::vector<float>(layout.value_count(), 0.0F), kSparse);
    padded.back() = 0x80;
    write_case("bad_padding_bit", kSparse, padded);
    Bytes longer = sample;
    longer.push_back(0);
    write_case("bad_longer", kSparse, longer);
    write_case("bad_dense_nan", kDense | kBehindHeader, Bytes(4 * layout.live_count(), 0xff));
}
