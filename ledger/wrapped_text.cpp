#include "ledger/wrapped_text.h"

#include "core/check.h"

namespace assay {

namespace {

std::string trimmed(std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

}  // namespace

std::string wrapped_text(const std::string& text, size_t indent, size_t columns) {
    ASSAY_CHECK_LT(indent, columns);
    std::string out;
    std::string line;
    size_t begin = 0;
    while (begin < text.size()) {
        size_t end = text.find(' ', begin);
        end = end == std::string::npos ? text.size() : end + 1;
        std::string word = text.substr(begin, end - begin);
        begin = end;
        if (line.size() + trimmed(word).size() > columns && line.size() > indent) {
            out += trimmed(line) + "\n";
            line.assign(indent, ' ');
        }
        while (line.size() + trimmed(word).size() > columns) {  // one endless word
            const size_t room = columns - line.size();
            out += line + word.substr(0, room) + "\n";
            word.erase(0, room);
            line.assign(indent, ' ');
        }
        line += word;
    }
    return out + trimmed(line) + "\n";
}

}  // namespace assay
