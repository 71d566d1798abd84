// What the tests of data/ share: a folder that goes away, and the folder of public texts.

#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "core/files.h"
#include "tests/support/skip.h"

namespace assay {

class ScratchFolder {
public:
    ScratchFolder() {
        static int made = 0;
        path_ = std::filesystem::temp_directory_path() /
                ("assay-data-test-" + std::to_string(::getpid()) + "-" + std::to_string(++made));
        std::filesystem::create_directories(path_);
    }
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;

    [[nodiscard]] std::filesystem::path file(const std::string& name) const { return path_ / name; }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

inline void write_text(const std::filesystem::path& file, const std::string& text) {
    REQUIRE(write_file_atomically(file, as_bytes(text)).ok());
}

// A file of the shared texts, for cases tagged [needs_texts]; without it the case is skipped.
inline std::optional<std::filesystem::path> shared_file(const std::string& name) {
    const char* given = std::getenv("ASSAY_TEST_DATA");
    const std::filesystem::path folder =
        given != nullptr ? std::filesystem::path(given)
                         : std::filesystem::path(ASSAY_SOURCE_DIR) / "../shared/data";
    if (!std::filesystem::exists(folder / name)) {
        skip_case((folder / name).string() + " is not there (set ASSAY_TEST_DATA)");
        return std::nullopt;
    }
    return folder / name;
}

}  // namespace assay
