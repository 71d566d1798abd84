// Packed files read as their formats' own tools read them, whole, and damage is named.

#include "unpack/unpacked_file.h"

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <catch2/catch.hpp>

#include "core/files.h"
#include "core/rng.h"
#include "tests/support/scratch_folder.h"

namespace assay {
namespace {

using namespace std::string_literals;

std::string some_bytes(size_t size) {
    CounterRng rng(derive_seed({}, "unpack"));
    std::string bytes;
    while (bytes.size() < size) {
        bytes += std::to_string(rng.below(1000)) + (rng.below(9) == 0 ? "\n" : " ");
    }
    bytes.resize(size);
    return bytes;
}

std::string packed(const std::string& bytes, Packing packing) {
    std::string out(bytes.size() + 4096, '\0');
    auto* into = reinterpret_cast<uint8_t*>(out.data());
    const auto* from = reinterpret_cast<const uint8_t*>(bytes.data());
    if (packing == Packing::kGzip) {
        z_stream z{};
        REQUIRE(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
        z.next_in = const_cast<Bytef*>(from);
        z.avail_in = static_cast<unsigned>(bytes.size());
        z.next_out = into;
        z.avail_out = static_cast<unsigned>(out.size());
        REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
        out.resize(z.total_out);
        deflateEnd(&z);
    } else if (packing == Packing::kZstandard) {
        const size_t size = ZSTD_compress(into, out.size(), from, bytes.size(), 3);
        REQUIRE_FALSE(ZSTD_isError(size));
        out.resize(size);
    } else if (packing == Packing::kXz) {
        size_t size = 0;
        REQUIRE(lzma_easy_buffer_encode(
                    1, LZMA_CHECK_CRC64, nullptr, from, bytes.size(), into, &size, out.size()) ==
                LZMA_OK);
        out.resize(size);
    } else if (packing == Packing::kBzip2) {
        auto size = static_cast<unsigned>(out.size());
        REQUIRE(BZ2_bzBuffToBuffCompress(out.data(),
                                         &size,
                                         const_cast<char*>(bytes.data()),
                                         static_cast<unsigned>(bytes.size()),
                                         9,
                                         0,
                                         0) == BZ_OK);
        out.resize(size);
    } else {
        return bytes;
    }
    return out;
}

class Unpacked {
public:
    explicit Unpacked(const std::string& file_bytes) {
        REQUIRE(write_file_atomically(file(), as_bytes(file_bytes)).ok());
    }
    [[nodiscard]] std::filesystem::path file() const { return scratch_.file("input"); }
    [[nodiscard]] Result<std::string> read(size_t part = 1000) const {
        Result<UnpackedFile> opened = UnpackedFile::open(file());
        if (!opened) {
            return opened.error();
        }
        std::string all;
        for (;;) {
            std::string some(part, '\0');
            const Result<size_t> got = opened->read(some);
            if (!got) {
                return got.error();
            }
            all.append(some, 0, *got);
            if (*got < part) {
                CHECK(opened->progress() == 1.0);
                return all;
            }
        }
    }

private:
    ScratchFolder scratch_;
};

constexpr Packing kAll[] = {
    Packing::kPlain, Packing::kGzip, Packing::kZstandard, Packing::kXz, Packing::kBzip2};

}  // namespace

TEST_CASE("what was packed comes out whole, in parts of any size", "[unpack]") {
    for (const Packing packing : kAll) {
        INFO(packing_name(packing));
        for (const size_t size : {size_t{0}, size_t{1}, size_t{5}, size_t{300000}}) {
            const std::string bytes = some_bytes(size);
            const std::string file = packed(bytes, packing);
            CHECK(packing_of(std::string_view(file).substr(0, kPackingMarkBytes)) == packing);
            const Unpacked unpacked(file);
            for (const size_t part : {size_t{1000}, size_t{1} << 20}) {
                const Result<std::string> read = unpacked.read(part);
                REQUIRE(read.ok());
                CHECK((*read == bytes));
            }
        }
    }
}

TEST_CASE("streams behind one another are one file, padded with zeros or not", "[unpack]") {
    const std::string first = some_bytes(70000);
    for (const Packing packing : kAll) {
        INFO(packing_name(packing));
        if (packing == Packing::kPlain) {
            continue;
        }
        const std::string one = packed(first, packing);
        const std::string zeros(8, '\0');
        for (const std::string& file :
             {one + packed("second", packing), one + zeros + packed("second", packing) + zeros}) {
            const Result<std::string> read = Unpacked(file).read();
            REQUIRE(read.ok());
            CHECK((*read == first + "second"));
        }
    }
    // Zstandard's frames for others' use hold nothing, first or between.
    const std::string skipped = "\x5a\x2a\x4d\x18\x03\0\0\0abc"s;
    const std::string file = skipped + packed(first, Packing::kZstandard) + skipped;
    const Result<std::string> read = Unpacked(file).read();
    REQUIRE(read.ok());
    CHECK((*read == first));
}

TEST_CASE("what is cut off, changed or followed by other bytes is damage, and named", "[unpack]") {
    const std::string bytes = some_bytes(50000);
    for (const Packing packing : kAll) {
        if (packing == Packing::kPlain) {
            continue;
        }
        INFO(packing_name(packing));
        const std::string whole = packed(bytes, packing);
        std::string changed = whole;
        changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 0x55);
        const std::string words = packing_name(packing);
        for (const auto& [file, how] : {std::pair{whole.substr(0, whole.size() / 2), "cut off"s},
                                        {whole.substr(0, whole.size() - 1), "cut off"s},
                                        {whole + "garbage", "followed by other bytes"s},
                                        {changed, "damaged"s}}) {
            INFO(how);
            const Result<std::string> read = Unpacked(file).read();
            REQUIRE_FALSE(read.ok());
            CHECK_THAT(read.reason(),
                       Catch::Contains("input") && Catch::Contains(words) && Catch::Contains(how));
        }
    }
}

TEST_CASE("what was looked at first is read all the same", "[unpack]") {
    for (const Packing packing : kAll) {
        const std::string bytes = some_bytes(6000);
        const Unpacked unpacked(packed(bytes, packing));
        Result<UnpackedFile> file = UnpackedFile::open(unpacked.file());
        REQUIRE(file.ok());
        CHECK(file->peek()->size() == UnpackedFile::kPeekBytes);
        std::string all(7000, '\0');
        all.resize(file->read({all.data(), 100}).value());
        std::string rest(7000, '\0');
        rest.resize(file->read(rest).value());
        CHECK((all + rest == bytes));
    }
}

TEST_CASE("a file that is not there is named", "[unpack]") {
    const Result<UnpackedFile> none = UnpackedFile::open("no/such/file");
    REQUIRE_FALSE(none.ok());
    CHECK_THAT(none.reason(), Catch::Contains("no/such/file: No such file"));
}

}  // namespace assay
