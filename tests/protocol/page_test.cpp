// docs/protocol.md against the code: every message and part, every field with its number and type,
// the sizes of the kinds, the named bounds and their values.
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "protocol/codec.h"
#include "protocol/limits.h"

namespace assay {

namespace {

std::string read_source(const std::string& path) {
    std::ifstream in(std::string(ASSAY_SOURCE_DIR) + "/" + path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
    }
    return lines;
}

struct Field {
    std::string name;
    std::string type;
    std::string bounds;  // of the page alone
    bool operator==(const Field& other) const { return name == other.name && type == other.type; }
};

struct Section {
    std::string words;  // in front of the table, one line
    std::vector<Field> fields;
};

std::ostream& operator<<(std::ostream& out, const Field& field) {
    return out << field.type << " " << field.name;
}

std::vector<std::string> cells_of(const std::string& row) {
    std::vector<std::string> cells;
    std::istringstream in(row.substr(1));
    for (std::string cell; std::getline(in, cell, '|');) {
        const size_t first = cell.find_first_not_of(' ');
        const size_t last = cell.find_last_not_of(' ');
        cells.push_back(first == std::string::npos ? "" : cell.substr(first, last - first + 1));
    }
    return cells;
}

// By the heading `### Name`.
std::map<std::string, Section> sections_of_page() {
    std::map<std::string, Section> sections;
    Section* section = nullptr;
    for (const std::string& line : lines_of(read_source("docs/protocol.md"))) {
        if (line.rfind("### ", 0) == 0) {
            section = &sections[line.substr(4)];
        } else if (line.rfind("## ", 0) == 0) {
            section = nullptr;
        } else if (section != nullptr && line.rfind("| ", 0) == 0) {
            const std::vector<std::string> cells = cells_of(line);
            if (cells.size() >= 4 && cells[0] != "field") {
                section->fields.push_back({cells[0], cells[1], cells[2]});
            }
        } else if (section != nullptr && section->fields.empty()) {
            section->words += line + " ";
        }
    }
    return sections;
}

// The numbers of the fields must be 1, 2, 3 ..: then the order says them.
std::map<std::string, std::vector<Field>> messages_of_proto() {
    static const std::regex kField("  ((?:repeated )?\\w+) (\\w+) = (\\d+);");
    std::map<std::string, std::vector<Field>> messages;
    std::vector<Field>* message = nullptr;
    for (const std::string& line : lines_of(read_source("protocol/assay/v1/assay.proto"))) {
        std::smatch found;
        if (line.rfind("message ", 0) == 0) {
            message = &messages[line.substr(8, line.find(' ', 8) - 8)];
        } else if (message != nullptr && std::regex_match(line, found, kField)) {
            message->push_back({found[2], found[1], ""});
            CHECK(std::stoul(found[3]) == message->size());
        }
    }
    return messages;
}

std::string codec_source() {
    std::string text;
    for (const char* part :
         {"audit", "close", "evidence", "envelope", "join", "message", "round"}) {
        text += read_source(std::string("protocol/codec_") + part + ".cpp");
    }
    return text;
}

std::set<std::string> names_in(const std::string& text, const char* pattern) {
    const std::regex name(pattern);
    std::set<std::string> names;
    for (std::sregex_iterator it(text.begin(), text.end(), name), end; it != end; ++it) {
        names.insert((*it)[1]);
    }
    return names;
}

// The limits that the statements name which read this field of this message.
std::set<std::string> limits_in_codec(const std::string& codec,
                                      const std::string& message,
                                      const std::string& field) {
    std::set<std::string> limits;
    const std::string reads = "const v1::" + message + "& wire, FieldCheck";
    for (size_t at = codec.find(reads); at != std::string::npos; at = codec.find(reads, at + 1)) {
        const size_t end = codec.find("\n}\n", at);
        for (size_t open = codec.find('{', at); open < end; open = codec.find(';', open + 1)) {
            const std::string statement = codec.substr(open, codec.find(';', open + 1) - open);
            if (statement.find("\"" + field + "\"") != std::string::npos) {
                limits.merge(names_in(statement, "limits::(k\\w+)"));
            }
        }
    }
    return limits;
}

std::string without_unit(const std::string& name) {
    const size_t unit = name.rfind("_ms");
    return unit != std::string::npos && unit + 3 == name.size() ? name.substr(0, unit) : name;
}

}  // namespace

TEST_CASE("the page on the protocol has every message with its fields, and no other") {
    const auto sections = sections_of_page();
    const auto messages = messages_of_proto();
    REQUIRE(messages.size() > std::variant_size_v<Message>);
    for (const auto& [name, fields] : messages) {
        CAPTURE(name);
        REQUIRE(sections.count(name) == 1);
        CHECK(sections.at(name).fields == fields);
    }
    for (const auto& [name, section] : sections) {
        CAPTURE(name);
        CHECK(messages.count(name) == 1);
    }
}

TEST_CASE("the page on the protocol says each kind's number and size") {
    const auto sections = sections_of_page();
    const Bytes too_long(limits::kMessageBytesMax + 1);
    for (uint8_t kind = 1; kind <= std::variant_size_v<Message>; ++kind) {
        const std::string name = message_name(kind);
        CAPTURE(name);
        REQUIRE(sections.count(name) == 1);
        const std::string words = sections.at(name).words;
        CHECK_THAT(words, Catch::StartsWith("Kind " + std::to_string(kind) + ", "));
        const std::string refused = decode_message(kind, too_long).reason();
        const std::string most = refused.substr(refused.find("at most"));
        CHECK_THAT(words, Catch::Contains(most.substr(0, most.find(" are"))));
    }
}

TEST_CASE("the page on the protocol names the limits that the decoder holds fields against") {
    const std::string codec = codec_source();
    size_t found = 0;
    for (const auto& [name, section] : sections_of_page()) {
        for (const Field& field : section.fields) {
            CAPTURE(name, field.name);
            std::set<std::string> read = limits_in_codec(codec, name, without_unit(field.name));
            if (field.type == "int64") {
                read.insert("kTimeMsMax");  // of every instant and duration
            }
            found += read.size();
            CHECK(names_in(field.bounds, "(k[A-Z]\\w+)") == read);
        }
    }
    CHECK(found > 50);
}

TEST_CASE("the page on the protocol gives the limits their values") {
    const std::map<std::string, uint64_t> values = {
        {"kProtocolVersion", limits::kProtocolVersion},
        {"kPeersMax", limits::kPeersMax},
        {"kInnerStepsMax", limits::kInnerStepsMax},
        {"kSequencesPerStepMax", limits::kSequencesPerStepMax},
        {"kSequenceTokensMax", limits::kSequenceTokensMax},
        {"kTilesMax", limits::kTilesMax},
        {"kPoolRangesMax", limits::kPoolRangesMax},
        {"kBiasTableMax", limits::kBiasTableMax},
        {"kLocationsMax", limits::kLocationsMax},
        {"kTextBytesMax", limits::kTextBytesMax},
        {"kConfigBytesMax", limits::kConfigBytesMax},
        {"kShardsMax", limits::kShardsMax},
        {"kShardTokensMax", limits::kShardTokensMax},
        {"kDataManifestBytesMax", limits::kDataManifestBytesMax},
        {"kRoundsMax", limits::kRoundsMax},
        {"kOptimiserStepsMax", limits::kOptimiserStepsMax},
        {"kTokensMax", limits::kTokensMax},
        {"kThreadsMax", limits::kThreadsMax},
        {"kRateMax", limits::kRateMax},
        {"kRecordsMax", limits::kRecordsMax},
        {"kSamplePositionMax", limits::kSamplePositionMax},
        {"kTimeMsMax", static_cast<uint64_t>(limits::kTimeMsMax)},
        {"kMerkleSiblingsMax", limits::kMerkleSiblingsMax},
        {"kReconnectMsMax", static_cast<uint64_t>(limits::kReconnectMsMax)},
        {"kMessageBytesMax", limits::kMessageBytesMax},
        {"kPieceBytes", limits::kPieceBytes},
        {"kPiecesInFlightMax", limits::kPiecesInFlightMax},
        {"kBlobBytesMax", limits::kBlobBytesMax},
        {"kChunksOpenedMax", limits::kChunksOpenedMax},
        {"kStepsAuditedMax", limits::kStepsAuditedMax},
        {"kEvidenceMax", limits::kEvidenceMax},
        {"kLedgerHeightMax", limits::kLedgerHeightMax}};
    std::map<std::string, uint64_t> told;
    const std::string page = read_source("docs/protocol.md");
    for (const std::string& line : lines_of(page.substr(page.find("\n## Limits\n")))) {
        if (line.rfind("| k", 0) == 0) {
            const std::vector<std::string> cells = cells_of(line);
            told[cells.at(0)] = std::stoull(cells.at(1));
        }
    }
    CHECK(told == values);
    const auto declared =
        names_in(read_source("protocol/limits.h"), "constexpr u?int\\d+_t (k\\w+) =");
    CHECK(declared.size() == values.size());
}

}  // namespace assay
