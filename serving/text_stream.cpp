#include "serving/text_stream.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

TextStream::TextStream(std::vector<std::string> stop) : stop_(std::move(stop)) {
    ASSAY_CHECK(std::none_of(
        stop_.begin(), stop_.end(), [](const std::string& one) { return one.empty(); }));
}

size_t incomplete_utf8_tail(std::string_view text) {
    for (size_t back = 1; back <= 3 && back <= text.size(); ++back) {
        const auto byte = static_cast<unsigned char>(text[text.size() - back]);
        if ((byte & 0xC0U) == 0x80U) {
            continue;  // a continuation byte: its lead is further left
        }
        const size_t needed = byte >= 0xF0U ? 4 : byte >= 0xE0U ? 3 : byte >= 0xC0U ? 2 : 1;
        return needed > back ? back : 0;
    }
    return 0;
}

// The longest end of pending_ that is a true beginning of some stop string.
size_t TextStream::held_for_stop() const {
    size_t held = 0;
    for (const std::string& stop : stop_) {
        for (size_t length = std::min(stop.size() - 1, pending_.size()); length > held; --length) {
            if (pending_.compare(pending_.size() - length, length, stop, 0, length) == 0) {
                held = length;
                break;
            }
        }
    }
    return held;
}

std::string TextStream::push(std::string_view bytes, bool may_stop) {
    ASSAY_CHECK(!flushed_);
    if (stopped_) {
        return "";
    }
    pending_ += bytes;
    size_t first = std::string::npos;
    for (size_t i = 0; may_stop && i < stop_.size(); ++i) {
        first = std::min(first, pending_.find(stop_[i]));
    }
    if (first != std::string::npos) {
        stopped_ = true;
        ASSAY_CHECK_LT(first, pending_.size());
        pending_.resize(first);
        return std::exchange(pending_, "");
    }
    const size_t held = std::max(may_stop ? held_for_stop() : 0, incomplete_utf8_tail(pending_));
    ASSAY_CHECK_LE(held, pending_.size());
    std::string ready = pending_.substr(0, pending_.size() - held);
    pending_.erase(0, ready.size());
    ASSAY_CHECK_EQ(pending_.size(), held);
    return ready;
}

std::string TextStream::flush() {
    ASSAY_CHECK(!std::exchange(flushed_, true));
    ASSAY_CHECK(!stopped_ || pending_.empty());
    return std::exchange(pending_, "");
}

}  // namespace assay
