#include "unpack/unpacked_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "core/check.h"

namespace assay {

namespace {

constexpr size_t kBufferBytes = 1 << 17;

}  // namespace

struct UnpackedFile::State {
    explicit State(std::string file) : name(std::move(file)), buffer(kBufferBytes) {}
    ~State() {
        if (fd > STDIN_FILENO) {
            ::close(fd);
        }
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    std::string name;
    int fd = -1;
    uint64_t file_bytes = 0;  // 0: a pipe
    uint64_t taken = 0;       // of the file
    std::vector<char> buffer;
    size_t begin = 0;  // of what is read and not used
    size_t end = 0;
    bool at_end = false;  // of the file
    Packing packing = Packing::kPlain;
    std::unique_ptr<Unpacker> unpacker;  // null: plain, or between two streams
    std::string peeked;                  // read ahead
    bool begun = false;

    [[nodiscard]] std::span<const char> ready() const {
        return std::span(buffer).subspan(begin, end - begin);
    }
    [[nodiscard]] Error damaged(const std::string& how) const {
        return fail("cannot read " + name + ": its " + packing_name(packing) + " data is " + how);
    }
    // At least so many bytes are ready, or all that there are.
    Status fill(size_t wanted);
    Status open_file();
    Result<bool> next_stream();
    Result<size_t> read_plain(std::span<char> into);
    Result<size_t> read_packed(std::span<char> into);
    Result<size_t> read(std::span<char> into) {
        return packing == Packing::kPlain ? read_plain(into) : read_packed(into);
    }
};

Status UnpackedFile::State::open_file() {
    if (name == "-") {
        name = "standard input";
        fd = STDIN_FILENO;
    } else {
        fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
        std::error_code code;
        file_bytes = std::filesystem::is_regular_file(name, code)
                         ? std::filesystem::file_size(name, code)
                         : 0;
    }
    return fd < 0 ? fail("cannot open " + name + ": " + std::strerror(errno)) : Status();
}

Status UnpackedFile::State::fill(size_t wanted) {
    ASSAY_CHECK_LE(wanted, buffer.size());
    while (!at_end && end - begin < wanted) {
        if (begin > 0) {
            std::copy(buffer.begin() + static_cast<std::ptrdiff_t>(begin),
                      buffer.begin() + static_cast<std::ptrdiff_t>(end),
                      buffer.begin());
            end -= begin;
            begin = 0;
        }
        const ssize_t got = ::read(fd, buffer.data() + end, buffer.size() - end);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail("cannot read " + name + ": " + std::strerror(errno));
        }
        at_end = got == 0;
        end += static_cast<size_t>(got);
        taken += static_cast<uint64_t>(got);
    }
    return {};
}

Result<size_t> UnpackedFile::State::read_plain(std::span<char> into) {
    size_t made = 0;
    while (made < into.size()) {
        if (Status filled = fill(1); !filled) {
            return filled.error();
        }
        const std::span<const char> here = ready();
        if (here.empty()) {
            break;
        }
        const size_t part = std::min(here.size(), into.size() - made);
        std::copy_n(here.begin(), part, into.begin() + static_cast<std::ptrdiff_t>(made));
        begin += part;
        made += part;
    }
    return made;
}

// Whether another stream follows: zeros that pad a file are none.
Result<bool> UnpackedFile::State::next_stream() {
    for (;;) {
        if (Status filled = fill(kPackingMarkBytes); !filled) {
            return filled.error();
        }
        const std::span<const char> here = ready();
        if (here.empty()) {
            return false;
        }
        if (here.front() != 0) {
            break;
        }
        begin += static_cast<size_t>(
            std::find_if(here.begin(), here.end(), [](char c) { return c != 0; }) - here.begin());
    }
    const std::span<const char> here = ready();
    if (packing_of({here.data(), here.size()}) != packing) {
        return damaged("followed by other bytes");
    }
    Result<std::unique_ptr<Unpacker>> made = make_unpacker(packing);
    if (!made) {
        return fail("cannot read " + name + ": " + made.reason());
    }
    unpacker = std::move(*made);
    return true;
}

Result<size_t> UnpackedFile::State::read_packed(std::span<char> into) {
    size_t made = 0;
    while (made < into.size()) {
        if (!unpacker) {
            const Result<bool> more = next_stream();
            if (!more || !*more) {
                return more ? Result<size_t>(made) : Result<size_t>(more.error());
            }
        }
        if (Status filled = fill(1); !filled) {
            return filled.error();
        }
        const Result<Unpacker::Step> step = unpacker->step(ready(), into.subspan(made), at_end);
        if (!step) {
            return damaged("damaged: " + step.reason());
        }
        ASSAY_CHECK(step->taken <= end - begin && step->made <= into.size() - made);
        begin += step->taken;
        made += step->made;
        if (step->ended) {
            unpacker.reset();
        } else if (at_end && step->taken == 0 && step->made == 0) {
            return damaged("cut off");
        }
    }
    return made;
}

UnpackedFile::UnpackedFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
UnpackedFile::UnpackedFile(UnpackedFile&&) noexcept = default;
UnpackedFile& UnpackedFile::operator=(UnpackedFile&&) noexcept = default;
UnpackedFile::~UnpackedFile() = default;

Result<UnpackedFile> UnpackedFile::open(const std::filesystem::path& file) {
    auto state = std::make_unique<State>(file.string());
    if (Status opened = state->open_file(); !opened) {
        return opened.error();
    }
    if (Status filled = state->fill(kPackingMarkBytes); !filled) {
        return filled.error();
    }
    const std::span<const char> first = state->ready();
    state->packing = packing_of({first.data(), first.size()});
    return UnpackedFile(std::move(state));
}

Result<size_t> UnpackedFile::read(std::span<char> into) {
    ASSAY_CHECK(!into.empty());
    state_->begun = true;
    const size_t ahead = state_->peeked.copy(into.data(), into.size());
    state_->peeked.erase(0, ahead);
    if (ahead == into.size()) {
        return ahead;
    }
    const Result<size_t> made = state_->read(into.subspan(ahead));
    return made ? Result<size_t>(ahead + *made) : made;
}

Result<std::string_view> UnpackedFile::peek() {
    ASSAY_CHECK(!state_->begun);
    if (state_->peeked.empty()) {
        state_->peeked.resize(kPeekBytes);
        const Result<size_t> made = state_->read({state_->peeked.data(), kPeekBytes});
        state_->peeked.resize(made ? *made : 0);
        if (!made) {
            return made.error();
        }
    }
    return std::string_view(state_->peeked);
}

Packing UnpackedFile::packing() const {
    return state_->packing;
}

double UnpackedFile::progress() const {
    if (state_->at_end) {
        return 1.0;
    }
    return state_->file_bytes == 0 ? 0.0
                                   : std::min(1.0,
                                              static_cast<double>(state_->taken) /
                                                  static_cast<double>(state_->file_bytes));
}

}  // namespace assay
