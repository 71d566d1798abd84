#include "checkpoints/safetensors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/check.h"
#include "core/json_depth.h"

namespace assay {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kHeaderBytesMax = 100'000'000;  // the format's own bound
constexpr const char* kMetadata = "__metadata__";
constexpr uint64_t kValuesAtOnce = 1 << 20;

enum class Type : uint8_t { kF32, kF16, kBf16 };

uint64_t bytes_of(Type type) {
    return type == Type::kF32 ? 4 : 2;
}

struct Place {
    Type type = Type::kF32;
    std::vector<uint64_t> shape;
    uint64_t begin = 0;
    uint64_t end = 0;
};

// IEEE 754 half precision; every such value is a float.
float half_value(uint16_t bits) {
    const uint32_t exponent = bits >> 10 & 0x1FU;
    const uint32_t fraction = bits & 0x3FFU;
    const float sign = (bits & 0x8000U) != 0 ? -1.0F : 1.0F;
    if (exponent == 0x1F) {
        return fraction == 0 ? sign * HUGE_VALF : NAN;
    }
    if (exponent == 0) {
        return sign * std::ldexp(static_cast<float>(fraction), -24);
    }
    return sign * std::ldexp(static_cast<float>(fraction + 1024), static_cast<int>(exponent) - 25);
}

void widen(Type type, const Bytes& bytes, std::span<float> out) {
    if (type == Type::kF32) {
        std::memcpy(out.data(), bytes.data(), out.size() * sizeof(float));
        return;
    }
    for (size_t i = 0; i < out.size(); ++i) {
        const auto bits = static_cast<uint16_t>(bytes[2 * i] | bytes[2 * i + 1] << 8);
        out[i] = type == Type::kF16 ? half_value(bits)
                                    : std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
    }
}

std::vector<uint64_t> shape_of(const TensorLayout& tensor) {
    return tensor.rows > 1 ? std::vector<uint64_t>{tensor.rows, tensor.columns}
                           : std::vector<uint64_t>{tensor.columns};
}

// Parses the header; a name that comes twice is an error of the format.
Result<json> parse_header(const std::string& text) {
    if (Status depth = check_json_depth(text); !depth) {
        return fail("its header: " + depth.reason());
    }
    std::set<std::string> names;
    std::string twice;
    const auto note_names = [&](int depth, json::parse_event_t event, json& parsed) {
        if (event == json::parse_event_t::key && depth == 1 &&
            !names.insert(parsed.get<std::string>()).second) {
            twice = parsed.get<std::string>();
        }
        return true;
    };
    json header = json::parse(text, note_names, false);
    if (!header.is_object()) {
        return fail("its header is not a JSON object");
    }
    if (!twice.empty()) {
        return fail("tensor " + twice + " comes twice");
    }
    header.erase(kMetadata);
    return header;
}

// Offsets and sizes. The library would convert a fraction or a negative number without a word.
std::vector<uint64_t> numbers_of(const json& list) {
    std::vector<uint64_t> numbers;
    for (const json& number : list.get<std::vector<json>>()) {
        if (!number.is_number_unsigned()) {
            throw json::other_error::create(501, "a number is not whole or is negative", &list);
        }
        numbers.push_back(number.get<uint64_t>());
    }
    return numbers;
}

Result<Place> parse_place(const std::string& name, const json& entry) {
    static const std::map<std::string, Type> kTypes = {
        {"F32", Type::kF32}, {"F16", Type::kF16}, {"BF16", Type::kBf16}};
    try {
        const auto type = kTypes.find(entry.at("dtype").get<std::string>());
        const auto offsets = numbers_of(entry.at("data_offsets"));
        Place place;
        place.shape = numbers_of(entry.at("shape"));
        if (type == kTypes.end()) {
            return fail("tensor " + name + " has type " + entry.at("dtype").get<std::string>() +
                        "; F32, F16 and BF16 can be read");
        }
        if (offsets.size() != 2 || offsets[1] < offsets[0]) {
            return fail("tensor " + name + " has no begin and end");
        }
        place.type = type->second;
        place.begin = offsets[0];
        place.end = offsets[1];
        return place;
    } catch (const json::exception& error) {
        return fail("tensor " + name + ": " + error.what());
    }
}

// The format's rule: the values follow one another, without hole or overlap, to the file's end.
Status check_cover(const std::map<std::string, Place>& places, uint64_t data_bytes) {
    std::vector<std::pair<uint64_t, uint64_t>> ranges;
    ranges.reserve(places.size());
    for (const auto& [name, place] : places) {
        ranges.emplace_back(place.begin, place.end);
    }
    std::sort(ranges.begin(), ranges.end());
    uint64_t at = 0;
    for (const auto& [begin, end] : ranges) {
        if (begin != at) {
            return fail("its tensors overlap or leave a hole at byte " + std::to_string(at));
        }
        at = end;
    }
    if (at != data_bytes) {
        return fail("its tensors end at byte " + std::to_string(at) + " of " +
                    std::to_string(data_bytes) + ": it is cut short or too long");
    }
    return {};
}

Result<std::map<std::string, Place>> parse_places(const json& header) {
    std::map<std::string, Place> places;
    for (const auto& [name, entry] : header.items()) {
        Result<Place> place = parse_place(name, entry);
        if (!place) {
            return place.error();
        }
        places.emplace(name, std::move(*place));
    }
    return places;
}

Status check_tensors(const std::map<std::string, Place>& places,
                     const ParameterLayout& layout,
                     const std::vector<std::string>& ignored) {
    std::set<std::string> known(ignored.begin(), ignored.end());
    for (const TensorLayout& tensor : layout.tensors) {
        known.insert(tensor.name);
        const auto place = places.find(tensor.name);
        if (place == places.end()) {
            return fail("tensor " + tensor.name + " is missing");
        }
        if (place->second.shape != shape_of(tensor) ||
            place->second.end - place->second.begin !=
                tensor.live() * bytes_of(place->second.type)) {
            return fail("tensor " + tensor.name + " has another shape or size than config.json " +
                        "asks for");
        }
    }
    for (const auto& [name, place] : places) {
        if (known.count(name) == 0) {
            return fail("tensor " + name.substr(0, 200) + " belongs to no model of this kind");
        }
    }
    return {};
}

Status read_tensor(std::ifstream& in, uint64_t first_byte, const Place& place, float* out) {
    const uint64_t width = bytes_of(place.type);
    const uint64_t count = (place.end - place.begin) / width;
    in.seekg(static_cast<std::streamoff>(first_byte + place.begin));
    Bytes bytes;
    for (uint64_t done = 0; done < count; done += kValuesAtOnce) {
        const std::span<float> part(out + done, std::min(kValuesAtOnce, count - done));
        bytes.resize(part.size() * width);
        in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        if (!in) {
            return fail("it cannot be read to its end");
        }
        widen(place.type, bytes, part);
        if (!std::all_of(part.begin(), part.end(), [](float x) { return std::isfinite(x); })) {
            return fail("it has a value that is not finite");
        }
    }
    return {};
}

Result<std::string> read_header(std::ifstream& in, uint64_t file_bytes) {
    Bytes bytes(kLengthBytes);
    in.read(reinterpret_cast<char*>(bytes.data()), kLengthBytes);
    const uint64_t length = in ? ByteReader(bytes).u64() : 0;
    if (length == 0 || length > kHeaderBytesMax || length > file_bytes - kLengthBytes) {
        return fail("its header is cut short or too long");
    }
    std::string text(length, '\0');
    in.read(text.data(), static_cast<std::streamsize>(length));
    if (!in) {
        return fail("its header cannot be read");
    }
    return text;
}

Result<std::vector<float>> read_values(std::ifstream& in,
                                       uint64_t file_bytes,
                                       const ParameterLayout& layout,
                                       const std::vector<std::string>& ignored) {
    Result<std::string> text = read_header(in, file_bytes);
    Result<json> header = text ? parse_header(*text) : Result<json>(text.error());
    if (!header) {
        return header.error();
    }
    Result<std::map<std::string, Place>> places = parse_places(*header);
    if (!places) {
        return places.error();
    }
    const uint64_t first_byte = kLengthBytes + text->size();
    Status good = check_cover(*places, file_bytes - first_byte);
    if (good) {
        good = check_tensors(*places, layout, ignored);
    }
    if (!good) {
        return good.error();
    }
    std::vector<float> values(layout.value_count(), 0.0F);
    for (const TensorLayout& tensor : layout.tensors) {
        ASSAY_CHECK_LE(tensor.first_value() + tensor.live(), values.size());
        float* out = values.data() + tensor.first_value();
        if (Status read = read_tensor(in, first_byte, places->at(tensor.name), out); !read) {
            return fail("tensor " + tensor.name + ": " + read.reason());
        }
    }
    return values;
}

}  // namespace

Bytes safetensors_bytes(const ParameterLayout& layout, std::span<const float> values) {
    ASSAY_CHECK_EQ(values.size(), layout.value_count());
    json header{{kMetadata, {{"format", "pt"}}}};
    uint64_t offset = 0;
    for (const TensorLayout& tensor : layout.tensors) {
        const uint64_t bytes = tensor.live() * sizeof(float);
        header[tensor.name] = {{"dtype", "F32"},
                               {"shape", shape_of(tensor)},
                               {"data_offsets", {offset, offset + bytes}}};
        offset += bytes;
    }
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    ByteWriter writer;
    writer.u64(text.size());
    writer.raw(as_bytes(text));
    for (const TensorLayout& tensor : layout.tensors) {
        const float* first = values.data() + tensor.first_value();
        writer.raw(float_bytes({first, tensor.live()}));
    }
    ASSAY_CHECK_EQ(writer.bytes().size(), kLengthBytes + text.size() + offset);
    return writer.take();
}

Result<std::vector<float>> read_safetensors(const fs::path& file,
                                            const ParameterLayout& layout,
                                            const std::vector<std::string>& ignored) {
    std::error_code code;
    const uint64_t file_bytes = fs::file_size(file, code);
    std::ifstream in(file, std::ios::binary);
    if (code || !in) {
        return fail("cannot read " + file.string() +
                    (code ? ": " + code.message() : std::string()));
    }
    if (file_bytes < kLengthBytes) {
        return fail(file.string() + ": its header is cut short");
    }
    Result<std::vector<float>> values = read_values(in, file_bytes, layout, ignored);
    if (!values) {
        return fail(file.string() + ": " + values.reason());
    }
    return values;
}

}  // namespace assay
