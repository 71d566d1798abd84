// The bytes of a file or a pipe as they were before it was packed, with gzip, Zstandard, xz, bzip2
// or not at all: told by its first bytes.
//
// Streams behind one another are one file, as for the formats' own tools; so are zeros that pad it.
// Anything else behind a stream is damage, and so is a stream that does not end. Bounded memory.
// One owner thread.

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "core/result.h"
#include "unpack/unpacker.h"

namespace assay {

class UnpackedFile {
public:
    // "-" is standard input. The reason names the file, as those of read do.
    static Result<UnpackedFile> open(const std::filesystem::path& file);
    UnpackedFile(UnpackedFile&&) noexcept;
    UnpackedFile& operator=(UnpackedFile&&) noexcept;
    ~UnpackedFile();

    // The first bytes, as many as there are up to kPeekBytes, which read() gives all the same.
    // REQUIRES: nothing was read yet.
    Result<std::string_view> peek();
    static constexpr size_t kPeekBytes = 4096;
    // Fills `into` as far as there are bytes; less than its size at the end alone. REQUIRES: not
    // empty.
    Result<size_t> read(std::span<char> into);

    [[nodiscard]] Packing packing() const;
    // How much of the file was read, 0 to 1; of a pipe 0, until it is read whole.
    [[nodiscard]] double progress() const;

private:
    struct State;
    explicit UnpackedFile(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace assay
