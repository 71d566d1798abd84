// Judges the fields of one decoded message: keeps the first thing that is wrong, in words.
//
// The getters return the value, or a harmless one once something was wrong, so that a decoder reads
// like the list of its fields and asks status() once. Knows no protobuf. Used by the codec alone.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/digest.h"
#include "core/ids.h"

namespace assay {

class FieldCheck {
public:
    explicit FieldCheck(const char* message) : message_(message) {}
    FieldCheck(const FieldCheck&) = delete;
    FieldCheck& operator=(const FieldCheck&) = delete;

    // While it lives, names of fields start with `field.` or `field[index].`.
    class Scope {
    public:
        Scope(FieldCheck& check, const char* field, std::optional<size_t> index = {});
        ~Scope() { check_.path_.pop_back(); }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

    private:
        FieldCheck& check_;
    };

    // Of 32 bytes each; zeros, and the field is noted, where it has another size.
    Digest digest(const char* field, const std::string& bytes);
    PeerId peer(const char* field, const std::string& bytes);
    // The value, if low <= value <= high.
    uint64_t number(const char* field, uint64_t value, uint64_t low, uint64_t high);
    uint32_t number32(const char* field, uint32_t value, uint64_t low, uint64_t high);
    float finite(const char* field, float value);
    // Infinity means "beyond every bound"; not a number means nothing.
    double not_nan(const char* field, double value);
    // Bit patterns of finite fp32 numbers that are not negative.
    void fp32_bits(const char* field, const std::vector<uint32_t>& bits);
    Instant instant(const char* field, int64_t ms);
    DurationMs duration(const char* field, int64_t ms);
    // At most size_max bytes of UTF-8.
    std::string text(const char* field, const std::string& bytes, uint64_t size_max);
    // False, and noted, if there are more than count_max.
    bool count(const char* field, int size, uint64_t count_max);
    // Enumerations have no gaps between lowest and highest.
    template <typename E>
    E choice(const char* field, uint32_t value, E lowest, E highest) {
        return static_cast<E>(
            number(field, value, static_cast<uint64_t>(lowest), static_cast<uint64_t>(highest)));
    }
    void require(bool holds, const char* field, const char* words);

    [[nodiscard]] bool ok() const { return status_.ok(); }
    [[nodiscard]] Status status() const { return status_; }

private:
    struct Step {
        const char* field = nullptr;
        std::optional<size_t> index;
    };
    void refuse(const char* field, const std::string& words);

    const char* message_;
    std::vector<Step> path_;
    Status status_;
};

// Whether the bytes are UTF-8 without overlong forms and surrogates.
[[nodiscard]] bool is_utf8(const std::string& bytes);
// At most size_max bytes of it, bytes that are no UTF-8 replaced by '?': for reasons that we send.
std::string sendable_text(const std::string& text, uint64_t size_max);

}  // namespace assay
