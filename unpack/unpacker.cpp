#include "unpack/unpacker.h"

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <string>

#include "core/check.h"

namespace assay {

namespace {

using namespace std::string_view_literals;

constexpr int kGzipWindow = 15 + 16;                  // the largest window, with gzip's header
constexpr uint64_t kXzMemoryMax = uint64_t{1} << 28;  // xz -9 needs a quarter of it

// These libraries count in `unsigned`.
unsigned part_of(size_t size) {
    return static_cast<unsigned>(std::min<size_t>(size, UINT_MAX));
}

// They take what they read as something that they might write, and do not.
template <typename Byte>
Byte* readable(std::span<const char> packed) {
    return reinterpret_cast<Byte*>(const_cast<char*>(packed.data()));
}

class GzipUnpacker : public Unpacker {
public:
    GzipUnpacker() = default;
    ~GzipUnpacker() override { inflateEnd(&stream_); }
    GzipUnpacker(const GzipUnpacker&) = delete;
    GzipUnpacker& operator=(const GzipUnpacker&) = delete;

    Status begin() {
        return inflateInit2(&stream_, kGzipWindow) == Z_OK ? Status() : fail("out of memory");
    }
    Result<Step> step(std::span<const char> packed, std::span<char> into, bool) override {
        stream_.next_in = readable<Bytef>(packed);
        stream_.avail_in = part_of(packed.size());
        stream_.next_out = reinterpret_cast<Bytef*>(into.data());
        stream_.avail_out = part_of(into.size());
        const unsigned offered = stream_.avail_in;
        const unsigned room = stream_.avail_out;
        const int code = inflate(&stream_, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
            return fail(stream_.msg != nullptr ? stream_.msg : "damaged");
        }
        return Step{offered - stream_.avail_in, room - stream_.avail_out, code == Z_STREAM_END};
    }

private:
    z_stream stream_{};
};

class ZstandardUnpacker : public Unpacker {
public:
    ZstandardUnpacker() : stream_(ZSTD_createDStream()) {}
    ~ZstandardUnpacker() override { ZSTD_freeDStream(stream_); }
    ZstandardUnpacker(const ZstandardUnpacker&) = delete;
    ZstandardUnpacker& operator=(const ZstandardUnpacker&) = delete;

    Status begin() const { return stream_ != nullptr ? Status() : fail("out of memory"); }
    Result<Step> step(std::span<const char> packed, std::span<char> into, bool) override {
        ZSTD_inBuffer in{packed.data(), packed.size(), 0};
        ZSTD_outBuffer out{into.data(), into.size(), 0};
        const size_t code = ZSTD_decompressStream(stream_, &out, &in);
        if (ZSTD_isError(code) != 0U) {
            return fail(ZSTD_getErrorName(code));
        }
        return Step{in.pos, out.pos, code == 0};
    }

private:
    ZSTD_DStream* stream_;
};

class XzUnpacker : public Unpacker {
public:
    XzUnpacker() = default;
    ~XzUnpacker() override { lzma_end(&stream_); }
    XzUnpacker(const XzUnpacker&) = delete;
    XzUnpacker& operator=(const XzUnpacker&) = delete;

    Status begin() {
        return lzma_stream_decoder(&stream_, kXzMemoryMax, 0) == LZMA_OK ? Status()
                                                                         : fail("out of memory");
    }
    Result<Step> step(std::span<const char> packed, std::span<char> into, bool last) override {
        stream_.next_in = readable<const uint8_t>(packed);
        stream_.avail_in = packed.size();
        stream_.next_out = reinterpret_cast<uint8_t*>(into.data());
        stream_.avail_out = into.size();
        const lzma_ret code = lzma_code(&stream_, last ? LZMA_FINISH : LZMA_RUN);
        if (code == LZMA_MEMLIMIT_ERROR) {
            return fail("it takes more than 256 MiB of memory to unpack");
        }
        if (code != LZMA_OK && code != LZMA_STREAM_END && code != LZMA_BUF_ERROR) {
            return fail(code == LZMA_OPTIONS_ERROR ? "packed with options that are not known"
                                                   : "damaged");
        }
        return Step{packed.size() - stream_.avail_in,
                    into.size() - stream_.avail_out,
                    code == LZMA_STREAM_END};
    }

private:
    lzma_stream stream_ = LZMA_STREAM_INIT;
};

class Bzip2Unpacker : public Unpacker {
public:
    Bzip2Unpacker() = default;
    ~Bzip2Unpacker() override { BZ2_bzDecompressEnd(&stream_); }
    Bzip2Unpacker(const Bzip2Unpacker&) = delete;
    Bzip2Unpacker& operator=(const Bzip2Unpacker&) = delete;

    Status begin() {
        return BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK ? Status() : fail("out of memory");
    }
    Result<Step> step(std::span<const char> packed, std::span<char> into, bool) override {
        stream_.next_in = readable<char>(packed);
        stream_.avail_in = part_of(packed.size());
        stream_.next_out = into.data();
        stream_.avail_out = part_of(into.size());
        const unsigned offered = stream_.avail_in;
        const unsigned room = stream_.avail_out;
        const int code = BZ2_bzDecompress(&stream_);
        if (code != BZ_OK && code != BZ_STREAM_END) {
            return fail("damaged");
        }
        return Step{offered - stream_.avail_in, room - stream_.avail_out, code == BZ_STREAM_END};
    }

private:
    bz_stream stream_{};
};

template <typename Made>
Result<std::unique_ptr<Unpacker>> begun() {
    auto made = std::make_unique<Made>();
    if (Status ready = made->begin(); !ready) {
        return ready.error();
    }
    return std::unique_ptr<Unpacker>(std::move(made));
}

struct Mark {
    std::string_view bytes;
    Packing packing;
};

constexpr std::array kMarks = {Mark{"\x1f\x8b"sv, Packing::kGzip},
                               Mark{"\x28\xb5\x2f\xfd"sv, Packing::kZstandard},
                               Mark{"\xfd"
                                    "7zXZ\0"sv,
                                    Packing::kXz},
                               Mark{"BZh"sv, Packing::kBzip2}};

// Zstandard's frames that hold nothing for a reader (RFC 8878, 3.1.2): pzstd and others begin so.
bool is_skippable_frame(std::string_view bytes) {
    return bytes.size() >= 4 && (static_cast<uint8_t>(bytes[0]) & 0xf0U) == 0x50 &&
           bytes.substr(1, 3) == "\x2a\x4d\x18"sv;
}

}  // namespace

const char* packing_name(Packing packing) {
    switch (packing) {
        case Packing::kPlain:
            return "plain";
        case Packing::kGzip:
            return "gzip";
        case Packing::kZstandard:
            return "Zstandard";
        case Packing::kXz:
            return "xz";
        case Packing::kBzip2:
            return "bzip2";
    }
    return "unknown";
}

Packing packing_of(std::string_view first_bytes) {
    for (const Mark& mark : kMarks) {
        ASSAY_CHECK_LE(mark.bytes.size(), kPackingMarkBytes);
        if (first_bytes.starts_with(mark.bytes)) {
            return mark.packing;
        }
    }
    return is_skippable_frame(first_bytes) ? Packing::kZstandard : Packing::kPlain;
}

Result<std::unique_ptr<Unpacker>> make_unpacker(Packing packing) {
    switch (packing) {
        case Packing::kGzip:
            return begun<GzipUnpacker>();
        case Packing::kZstandard:
            return begun<ZstandardUnpacker>();
        case Packing::kXz:
            return begun<XzUnpacker>();
        case Packing::kBzip2:
            return begun<Bzip2Unpacker>();
        case Packing::kPlain:
            break;
    }
    ASSAY_CHECK(false && "plain bytes are not unpacked");
    return fail("not packed");
}

}  // namespace assay
