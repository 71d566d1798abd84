#include "tokenizer/text_kind.h"

#include <algorithm>
#include <string>

#include "tokenizer/utf8.h"
#include "unpack/unpacker.h"

namespace assay {

namespace {

using namespace std::string_view_literals;

struct Sign {
    std::string_view bytes;
    std::string_view what;
    std::string_view remedy;
};

constexpr std::string_view kUnpack = "unpack it first";
constexpr std::string_view kTakeText = "write its text into a plain file first";
constexpr std::string_view kTakeLines =
    "write an object a line (jq -c '.[]'), or its text into a plain file";
constexpr std::string_view kRecode = "make it UTF-8 first, as with iconv -f ENCODING -t UTF-8";

// The longer of two that begin alike comes first.
constexpr Sign kSigns[] = {
    {"\xff\xfe\0\0"sv, "UTF-32 text", kRecode},
    {"\0\0\xfe\xff"sv, "UTF-32 text", kRecode},
    {"\xff\xfe"sv, "UTF-16 text", kRecode},
    {"\xfe\xff"sv, "UTF-16 text", kRecode},
    {"\x1f\x9d"sv, "a compress (.Z) archive", kUnpack},
    {"\x04\x22\x4d\x18"sv, "an LZ4 archive", kUnpack},
    {"LZIP"sv, "an lzip archive", kUnpack},
    {"7z\xbc\xaf\x27\x1c"sv, "a 7z archive", kUnpack},
    {"Rar!\x1a"sv, "a RAR archive", kUnpack},
    {"PK\x03\x04"sv, "a ZIP archive (or .docx, .xlsx, .npz)", kUnpack},
    {"PAR1"sv, "a Parquet file", kTakeText},
    {"ARROW1"sv, "an Arrow file", kTakeText},
    {"ORC"
     "\x0a"sv,
     "an ORC file",
     kTakeText},
    {"Obj\x01"sv, "an Avro file", kTakeText},
    {"\x89HDF"sv, "an HDF5 file", kTakeText},
    {"SQLite format 3\0"sv, "an SQLite database", kTakeText},
    {"\x93NUMPY"sv, "a NumPy array", kTakeText},
    {"GGUF"sv, "a GGUF file", kTakeText},
    {"%PDF-"sv, "a PDF file", kTakeText},
    {"{\\rtf"sv, "an RTF file", kTakeText},
    {"\x7f"
     "ELF"sv,
     "a program",
     kTakeText},
    {"\xd0\xcf\x11\xe0"sv, "an old Office file", kTakeText},
};

// What only the name tells: fields between commas look like text.
constexpr Sign kEndings[] = {
    {".json", "JSON", kTakeLines},
    {".csv", "a table (CSV)", kTakeText},
    {".tsv", "a table (TSV)", kTakeText},
    {".parquet", "a Parquet file", kTakeText},
    {".arrow", "an Arrow file", kTakeText},
    {".tar", "a tar archive", kUnpack},
    {".tgz", "a tar archive", kUnpack},
};

constexpr size_t kTarMarkAt = 257;
constexpr std::string_view kTarMark = "ustar";
constexpr uint64_t kFaultShare = 100;  // of so many bytes one may be no text

Error no_text(const std::filesystem::path& file, std::string_view what, std::string_view remedy) {
    return fail(file.string() + " is no plain text but " + std::string(what) + ": " +
                std::string(remedy));
}

void skip_blanks(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

bool take(std::string_view& text, char c) {
    skip_blanks(text);
    if (text.empty() || text.front() != c) {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

// Whether it begins as a JSON object does: {"name": or {}, alone or first in a list.
bool begins_as_json(std::string_view text) {
    take(text, '[');
    if (!take(text, '{')) {
        return false;
    }
    if (take(text, '}')) {
        return true;
    }
    if (!take(text, '"')) {
        return false;
    }
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\') {
            ++at;
        } else if (text[at] == '"') {
            text.remove_prefix(at + 1);
            return take(text, ':');
        }
    }
    return false;
}

std::string lower_name(const std::filesystem::path& file) {
    std::string name = file.filename().string();
    for (char& c : name) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
    for (const std::string_view ending : {".gz", ".zst", ".xz", ".bz2"}) {
        if (name.ends_with(ending)) {
            return name.substr(0, name.size() - ending.size());
        }
    }
    return name;
}

}  // namespace

bool is_json_lines(const std::filesystem::path& file, std::string_view first_bytes) {
    if (first_bytes.starts_with(kByteOrderMark)) {
        first_bytes.remove_prefix(kByteOrderMark.size());
    }
    const std::string name = lower_name(file);
    std::string_view rest = first_bytes;
    return name.ends_with(".jsonl") || name.ends_with(".ndjson") ||
           (!take(rest, '[') && begins_as_json(first_bytes));
}

Status check_text_file(const std::filesystem::path& file, std::string_view first_bytes) {
    for (const Sign& sign : kSigns) {
        if (first_bytes.substr(0, sign.bytes.size()) == sign.bytes) {
            return no_text(file, sign.what, sign.remedy);
        }
    }
    if (const Packing packing = packing_of(first_bytes); packing != Packing::kPlain) {
        return no_text(
            file, std::string(packing_name(packing)) + " within another packing", kUnpack);
    }
    if (first_bytes.size() > kTarMarkAt &&
        first_bytes.substr(kTarMarkAt, kTarMark.size()) == kTarMark) {
        return no_text(file, "a tar archive", kUnpack);
    }
    if (begins_as_json(first_bytes)) {
        return no_text(file, "JSON", kTakeLines);
    }
    const std::string name = lower_name(file);
    for (const Sign& ending : kEndings) {
        if (name.ends_with(ending.bytes)) {
            return no_text(file, ending.what, ending.remedy);
        }
    }
    return {};
}

Status check_text_block(std::string_view block, uint64_t replaced) {
    uint64_t controls = 0;
    for (const char c : block) {
        const auto byte = static_cast<uint8_t>(c);
        if (byte == 0) {
            return fail(
                "a byte is 0, which is in no text: is it UTF-16, or no text at all? Make "
                "it UTF-8 first");
        }
        const bool usual = byte >= 32 || (byte >= 7 && byte <= 13) || byte == 27;
        controls += usual ? 0 : 1;
    }
    if ((replaced + controls) * kFaultShare > std::max<uint64_t>(block.size(), 10 * kFaultShare)) {
        return fail(std::to_string(replaced) + " parts of " + std::to_string(block.size()) +
                    " bytes are no UTF-8 and " + std::to_string(controls) +
                    " are control characters: is it of another encoding, or no text at all? Make "
                    "it UTF-8 first, as with iconv -f ENCODING -t UTF-8");
    }
    return {};
}

}  // namespace assay
