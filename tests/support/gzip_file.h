// Writes gzip files for tests.

#pragma once

#include <zlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

namespace assay {

inline void write_gzip(const std::filesystem::path& file, const std::string& text) {
    gzFile out = gzopen(file.c_str(), "wb");
    REQUIRE(out != nullptr);
    REQUIRE(gzwrite(out, text.data(), static_cast<unsigned>(text.size())) ==
            static_cast<int>(text.size()));
    REQUIRE(gzclose(out) == Z_OK);
}

}  // namespace assay
