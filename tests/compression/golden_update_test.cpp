// The bytes of an update as files in tests/golden, on every path and any number of threads, and
// read by a decoder that was written from docs/compression.md alone.
//
// compression_test "[.golden]" writes the files anew after a change of the format.

#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>

#include "compression/dense_update.h"
#include "core/files.h"
#include "tests/compression/golden_updates.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/skip.h"

namespace assay {

namespace {

std::filesystem::path golden_file(const std::string& name) {
    return std::filesystem::path(ASSAY_SOURCE_DIR) / "tests/golden" / name;
}

// What scripts/decode_update.py prints for it.
std::string as_lines(const SparseUpdate& update, const ParameterLayout& layout) {
    std::string lines;
    for (size_t tile = 0; tile < update.chunks.size(); ++tile) {
        const TensorLayout& tensor = layout.tensor_of_tile(tile);
        const ChunkCode& chunk = update.chunks[tile];
        char scales[32];
        std::snprintf(scales, sizeof(scales), "%x %x", chunk.low_scale, chunk.high_scale);
        lines += tensor.name + " " + std::to_string(tile - tensor.first_tile) + " " + scales;
        for (size_t i = 0; i < chunk.indices.size(); ++i) {
            lines += " " + std::to_string(chunk.indices[i]) + ":" + std::to_string(chunk.codes[i]);
        }
        lines += "\n";
    }
    return lines;
}

std::string output_of(const std::string& command) {
    std::FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string text;
    char block[4096];
    for (size_t got = 0; (got = std::fread(block, 1, sizeof(block), pipe)) > 0;) {
        text.append(block, got);
    }
    return ::pclose(pipe) == 0 ? text : std::string();
}

}  // namespace

TEST_CASE("write the golden updates", "[.golden]") {
    for (const GoldenUpdate& golden : kGolden) {
        SparseUpdate update;
        const Bytes bytes = compressed(golden, 1, KernelPath::kScalar, update);
        REQUIRE(write_file_atomically(golden_file(golden.name), bytes).ok());
    }
    const ForcedKernelPath forced(KernelPath::kScalar);
    REQUIRE(write_file_atomically(golden_file(kGoldenAggregate), golden_aggregate(1)).ok());
}

TEST_CASE("golden updates come out the same on every path and any number of threads") {
    for (const GoldenUpdate& golden : kGolden) {
        const Result<Bytes> expected = read_file(golden_file(golden.name), 1 << 22);
        REQUIRE(expected.ok());
        for (const KernelPath path : available_kernel_paths()) {
            for (const int threads : {1, 2}) {
                INFO(golden.name << ", " << kernel_path_name(path) << ", threads " << threads);
                SparseUpdate update;
                CHECK(compressed(golden, threads, path, update) == *expected);
                const auto decoded = decode_sparse(*expected,
                                                   golden_layout(),
                                                   PayloadKind::kSparse,
                                                   static_cast<uint32_t>(golden.keep));
                REQUIRE(decoded.ok());
                CHECK(*decoded == update);
            }
        }
    }
}

TEST_CASE("the golden aggregate comes out the same on every path and any number of threads") {
    const Result<Bytes> expected = read_file(golden_file(kGoldenAggregate), 1 << 22);
    REQUIRE(expected.ok());
    for (const KernelPath path : available_kernel_paths()) {
        const ForcedKernelPath forced(path);
        for (const int threads : {1, 2}) {
            INFO(kernel_path_name(path) << ", threads " << threads);
            CHECK(golden_aggregate(threads) == *expected);
        }
    }
    CHECK(decode_aggregate(*expected, golden_layout(), {}).ok());
}

TEST_CASE("golden dense payloads") {
    ParameterLayout layout;
    layout.add("a", 3, 2000);
    const std::vector<float> values = sample_values(layout, 1, 0.02);
    const Bytes payload = encode_dense(values, layout);
    const Bytes aggregate = encode_dense(values, layout, PayloadKind::kDenseAggregate);
    CHECK(sha256_plain(payload).brief() == "4ad38b90b794");
    CHECK(sha256_plain(aggregate).brief() == "fb98c32f33ea");
}

TEST_CASE("a decoder written from the documentation reads our updates", "[needs_python]") {
    if (output_of("python3 --version 2>/dev/null").empty()) {
        skip_case("no python3 on this machine");
        return;
    }
    const ParameterLayout layout = golden_layout();
    const ScratchFolder scratch;
    const std::filesystem::path file = scratch.file("layout");
    std::string text;
    for (const TensorLayout& tensor : layout.tensors) {
        text += tensor.name + " " + std::to_string(tensor.rows) + " " +
                std::to_string(tensor.columns) + "\n";
    }
    REQUIRE(write_file_atomically(file, Bytes(text.begin(), text.end())).ok());
    const std::string script = std::string(ASSAY_SOURCE_DIR) + "/scripts/decode_update.py";
    for (const GoldenUpdate& golden : kGolden) {
        INFO(golden.name);
        SparseUpdate update;
        (void)compressed(golden, 1, kernel_path(), update);
        const std::string read = output_of("python3 '" + script + "' '" + file.string() + "' '" +
                                           golden_file(golden.name).string() + "'");
        CHECK(read == as_lines(update, layout));
    }
}

}  // namespace assay
