#include "protocol/signed_lines.h"

#include <sstream>

#include "protocol/codec.h"
#include "protocol/limits.h"

namespace assay {

std::string signed_line(const Envelope& envelope) {
    return to_hex(encode_envelope(envelope)) + "\n";
}

Result<std::vector<Envelope>> read_signed_lines(const std::string& text) {
    std::vector<Envelope> envelopes;
    std::stringstream lines(text);
    uint64_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        if (line.empty() || line.front() == '#') {
            continue;
        }
        const std::string where = "line " + std::to_string(number) + " is no signed message: ";
        if (line.size() > 2 * limits::kMessageBytesMax) {
            return fail(where + "it is too long");
        }
        const Result<Bytes> wire = from_hex(line);
        if (!wire) {
            return fail(where + wire.reason());
        }
        Result<Envelope> envelope = decode_envelope(*wire);
        if (!envelope) {
            return fail(where + envelope.reason());
        }
        envelopes.push_back(std::move(*envelope));
    }
    return envelopes;
}

}  // namespace assay
