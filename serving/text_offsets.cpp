#include "serving/text_offsets.h"

#include "core/check.h"

namespace assay {

bool TextOffsets::continues(unsigned char byte) {
    ASSAY_CHECK(missing_ >= 0 && missing_ <= 3);
    ASSAY_CHECK(missing_ == 0 || (low_ >= 0x80 && low_ <= high_ && begun_ > 0));
    if (missing_ > 0 && byte >= low_ && byte <= high_) {
        --missing_;
        low_ = 0x80;
        high_ = 0xBF;
        return true;
    }
    // What may follow a first byte (Unicode, table 3-7).
    missing_ = byte >= 0xF0 && byte <= 0xF4   ? 3
               : byte >= 0xE0 && byte <= 0xEF ? 2
               : byte >= 0xC2 && byte <= 0xDF ? 1
                                              : 0;
    low_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
    high_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
    return false;
}

size_t TextOffsets::append(std::string_view bytes) {
    size_t first = begun_;
    for (size_t i = 0; i < bytes.size(); ++i) {
        const bool continued = continues(static_cast<unsigned char>(bytes[i]));
        begun_ += continued ? 0 : 1;
        if (i == 0 && continued) {
            first = begun_ - 1;
        }
    }
    ASSAY_CHECK(first <= begun_ && (bytes.empty() || first < begun_));
    return first;
}

}  // namespace assay
