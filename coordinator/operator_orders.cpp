#include "coordinator/operator_orders.h"

#include <algorithm>
#include <cstdio>

#include "core/files.h"
#include "protocol/limits.h"

namespace assay {

namespace {

namespace fs = std::filesystem;

constexpr const char* kEnding = ".order";
constexpr const char* kExpel = "expel";
constexpr const char* kPardon = "pardon";

// "expel HEX reason in words"
Result<OperatorOrder> parse_order(const std::string& text) {
    const size_t first = text.find(' ');
    const size_t second = first == std::string::npos ? first : text.find(' ', first + 1);
    if (second == std::string::npos) {
        return fail("not of the form `expel|pardon KEY REASON`");
    }
    OperatorOrder order;
    const std::string kind = text.substr(0, first);
    if (kind != kExpel && kind != kPardon) {
        return fail("`" + kind + "` is no order; expel and pardon are");
    }
    order.kind = kind == kExpel ? OrderKind::kExpel : OrderKind::kPardon;
    const Result<PeerId> peer = peer_id_from_hex(text.substr(first + 1, second - first - 1));
    if (!peer) {
        return peer.error();
    }
    order.peer = *peer;
    order.reason = text.substr(second + 1);
    return order;
}

}  // namespace

std::optional<OrderFile> oldest_order(const fs::path& folder) {
    std::error_code code;
    fs::path oldest;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
        const fs::path& file = entry.path();
        if (file.extension() == kEnding && (oldest.empty() || file < oldest)) {
            oldest = file;
        }
    }
    if (oldest.empty()) {
        return std::nullopt;
    }
    const Result<Bytes> bytes = read_file(oldest, limits::kTextBytesMax);
    return OrderFile{oldest,
                     bytes ? parse_order(to_text(*bytes)) : Result<OperatorOrder>(bytes.error())};
}

Status write_order(const fs::path& folder, const OperatorOrder& order, Instant now) {
    if (Status made = make_folder(folder); !made) {
        return made;
    }
    const std::string text = std::string(order.kind == OrderKind::kExpel ? kExpel : kPardon) + " " +
                             order.peer.hex() + " " + order.reason;
    if (text.size() > limits::kTextBytesMax) {
        return fail("the reason is longer than " + std::to_string(limits::kTextBytesMax) +
                    " bytes");
    }
    char name[64];  // so that the oldest comes first by name
    std::snprintf(name,
                  sizeof(name),
                  "%016lld-%s",
                  static_cast<long long>(now.ms),
                  order.peer.brief().c_str());
    return write_file_atomically(folder / (name + std::string(kEnding)), as_bytes(text));
}

}  // namespace assay
