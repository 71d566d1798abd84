// Turns the bytes of one token after another into text that may be sent: holds back what may still
// become a stop string, and incomplete UTF-8. Pure; one per choice.

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace assay {

class TextStream {
public:
    // REQUIRES: no stop string is empty.
    explicit TextStream(std::vector<std::string> stop);

    // Text that is certain now. After a stop string was met: the text before it, then nothing more.
    // Without `may_stop` nothing is looked for in what has come so far.
    std::string push(std::string_view bytes, bool may_stop = true);
    // What was held back, at the end of generation. Nothing is pushed behind it.
    std::string flush();
    [[nodiscard]] bool stopped() const { return stopped_; }

private:
    [[nodiscard]] size_t held_for_stop() const;
    std::vector<std::string> stop_;
    std::string pending_;
    bool stopped_ = false;
    bool flushed_ = false;
};

// How many bytes at the end of `text` are the beginning of a UTF-8 sequence that is not complete.
size_t incomplete_utf8_tail(std::string_view text);

}  // namespace assay
