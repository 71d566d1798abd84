// Where each token begins in a text, in code points, as a client counts them.
//
// A client sees U+FFFD for each maximal part that is no UTF-8, and a token may begin inside a
// character: it begins where that character does. Pure; one per choice.

#pragma once

#include <cstddef>
#include <string_view>

namespace assay {

class TextOffsets {
public:
    // Appends a token's bytes; gives the offset of its first one.
    size_t append(std::string_view bytes);

private:
    // False: the byte begins a code point of its own.
    bool continues(unsigned char byte);

    size_t begun_ = 0;       // code points
    int missing_ = 0;        // bytes of the last one
    unsigned char low_ = 0;  // bounds of the next one
    unsigned char high_ = 0;
};

}  // namespace assay
