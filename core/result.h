// Result<T>: a value or a reason in words. Status: success or a reason in words.
//
// For everything that can fail through no fault of the programmer: input from outside, files,
// sockets. The reason names what was wrong, where, and where it helps what to do next.

#pragma once

#include <string>
#include <utility>
#include <variant>

#include "core/check.h"

namespace assay {

struct Error {
    std::string reason;
};

// What a function that returns a Result returns when it fails.
inline Error fail(std::string reason) {
    return Error{std::move(reason)};
}

template <typename T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

    [[nodiscard]] bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }

    // REQUIRES: ok().
    [[nodiscard]] const T& value() const& {
        ASSAY_CHECK_MSG(ok(), error().reason);
        return std::get<0>(state_);
    }
    [[nodiscard]] T& value() & {
        ASSAY_CHECK_MSG(ok(), error().reason);
        return std::get<0>(state_);
    }
    [[nodiscard]] T&& value() && {
        ASSAY_CHECK_MSG(ok(), error().reason);
        return std::get<0>(std::move(state_));
    }
    [[nodiscard]] const T& operator*() const& { return value(); }
    [[nodiscard]] T& operator*() & { return value(); }
    [[nodiscard]] const T* operator->() const { return &value(); }
    [[nodiscard]] T* operator->() { return &value(); }

    // REQUIRES: !ok().
    [[nodiscard]] const Error& error() const {
        ASSAY_CHECK(state_.index() == 1);
        return std::get<1>(state_);
    }
    [[nodiscard]] const std::string& reason() const { return error().reason; }

private:
    std::variant<T, Error> state_;
};

struct Unit {};

class [[nodiscard]] Status {
public:
    Status() = default;
    Status(Error error) : failed_(true), error_(std::move(error)) {}  // NOLINT: implicit

    [[nodiscard]] bool ok() const { return !failed_; }
    explicit operator bool() const { return ok(); }
    // REQUIRES: !ok().
    [[nodiscard]] const Error& error() const {
        ASSAY_CHECK(failed_);
        return error_;
    }
    [[nodiscard]] const std::string& reason() const { return error().reason; }

private:
    bool failed_ = false;
    Error error_;
};

}  // namespace assay
