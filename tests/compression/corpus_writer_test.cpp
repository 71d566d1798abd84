// Writes the edge cases of fuzz/corpus/update_fuzz anew: compression_test "[.corpus]". Run by hand
// after a change of the format; the files themselves are checked by sparse_update_test.cpp.
#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>

#include "compression/error_feedback.h"
#include "compression/segment_coder.h"
#include "core/files.h"
#include "tests/compression/samples.h"
#include "tests/compression/update_cases.h"

namespace assay {

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

// Symbols of chunk 0 ("one": one value), then empty chunks for the rest, behind a valid header.
Bytes first_chunk(const std::function<void(SymbolWriter&, UpdateModel&)>& write) {
    const ParameterLayout layout = awkward_layout();
    SymbolWriter symbols;
    UpdateModel model;
    symbols.reserve(100);
    write(symbols, model);
    for (uint64_t tile = 1; tile < layout.tile_count(); ++tile) {
        const uint32_t k = kept_count(layout.live_in_tile(tile), 64);
        symbols.number(k, model.missing.as());
        model.missing.count(k);
    }
    Bytes segment;
    symbols.finish(segment);
    ByteWriter writer;
    writer.u32(static_cast<uint32_t>(segment.size()));
    writer.raw(segment);
    return writer.take();
}

// Chunk 0 of these symbols, right or wrong; low < 0: none.
Bytes one_value(uint32_t missing, int high, int low, uint32_t gap, bool is_high) {
    return first_chunk([&](SymbolWriter& symbols, UpdateModel& model) {
        symbols.number(missing, model.missing.as());
        model.missing.count(missing);
        symbols.bit(low < 0, model.single.one(), 0);
        symbols.number(folded(high - model.last_high), model.high.as());
        if (low >= 0) {
            symbols.number(folded(high - low - 1 - model.last_span), model.span.as());
        }
        symbols.number(gap, model.gaps.first_place(0, 1).as);
        symbols.bit(true, model.signs.surprise(0), 1);
        if (low >= 0) {
            symbols.bit(is_high, model.magnitude.one(), 2);
        }
    });
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
    write_case("good_smallest_scale", kSparse | kBehindHeader, one_value(0, 1, -1, 0, true));
    write_case("good_greatest_scale", kSparse | kBehindHeader, one_value(0, 0xfef, -1, 0, true));
}

TEST_CASE("write the bad cases", "[.corpus]") {
    const ParameterLayout layout = awkward_layout();
    const Bytes sample = sparse_bytes(sample_values(layout, 1, 0.02), kSparse);
    constexpr uint8_t kFirst = kSparse | kBehindHeader;
    write_case("bad_empty", kSparse, {});
    write_case("bad_cut", kSparse, ByteSpan(sample).first(sample.size() - 1));
    write_case("bad_header_alone", kFirst, {});
    write_case("bad_infinite_scale", kFirst, one_value(0, 0xff0, -1, 0, true));
    write_case("bad_zero_scale", kFirst, one_value(0, 0, -1, 0, true));
    write_case("bad_low_above_high", kFirst, one_value(0, 5, 6, 0, true));
    write_case("bad_low_zero", kFirst, one_value(0, 5, 0, 0, true));
    write_case("bad_low_without_codes", kFirst, one_value(0, 6, 5, 0, true));
    write_case("bad_no_high_code", kFirst, one_value(0, 6, 5, 0, false));
    write_case("bad_count", kFirst, one_value(2, 6, -1, 0, true));
    write_case("bad_index", kFirst, one_value(0, 6, -1, 1, true));
    write_case("bad_entry_of_empty_chunk", kFirst, one_value(1, 6, -1, 0, true));
    write_case("bad_all_ones", kFirst, Bytes(512, 0xff));
    write_case("bad_all_zeros", kFirst, Bytes(512, 0));
    Bytes length = sample;
    length[kPayloadHeaderBytes] = static_cast<uint8_t>(length[kPayloadHeaderBytes] - 4);
    write_case("bad_length_shorter", kSparse, length);
    Bytes wordless = sample;
    wordless[kPayloadHeaderBytes] = static_cast<uint8_t>(wordless[kPayloadHeaderBytes] - 1);
    wordless.pop_back();
    write_case("bad_length_odd", kSparse, wordless);
    Bytes small_state = sample;
    std::fill_n(small_state.begin() + kPayloadHeaderBytes + 8, 4, uint8_t{0});
    write_case("bad_small_state", kSparse, small_state);
    Bytes word_more = sample;
    word_more[kPayloadHeaderBytes] = static_cast<uint8_t>(word_more[kPayloadHeaderBytes] + 4);
    word_more.resize(word_more.size() + 4);
    write_case("bad_word_more", kSparse, word_more);
    Bytes longer = sample;
    longer.push_back(0);
    write_case("bad_longer", kSparse, longer);
    write_case("bad_dense_nan", kDense | kBehindHeader, Bytes(4 * layout.live_count(), 0xff));
}

}  // namespace assay
