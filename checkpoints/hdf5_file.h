// The little of HDF5's C API that snapshots need, with owned handles and reasons instead of prints.
//
// For checkpoints/ alone. Every call may fail: writers and readers remember the first failure.

#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"

namespace assay {

// Closes an HDF5 identifier when it goes.
class Hdf5Handle {
public:
    // Owns the id; a negative one is a call that failed, and stays so.
    Hdf5Handle(hid_t id, herr_t (*closer)(hid_t)) : id_(id), close_(closer) {}
    ~Hdf5Handle() {
        if (id_ >= 0) {
            close_(id_);
        }
    }
    Hdf5Handle(const Hdf5Handle&) = delete;
    Hdf5Handle& operator=(const Hdf5Handle&) = delete;
    [[nodiscard]] hid_t get() const { return id_; }
    [[nodiscard]] bool ok() const { return id_ >= 0; }
    // Closes now; false if that failed (what was buffered could not be written).
    bool close() {
        const hid_t id = id_;
        id_ = -1;
        return id >= 0 && close_(id) >= 0;
    }

private:
    hid_t id_;
    herr_t (*close_)(hid_t);
};

class Hdf5Writer {
public:
    explicit Hdf5Writer(const std::filesystem::path& file);
    // After the first failure the rest does nothing; finish tells what failed. `name` is a path
    // whose groups exist; floats need as many values as the shape has.
    void group(const std::string& name);
    void floats(const std::string& name, std::span<const float> values, std::vector<hsize_t> shape);
    void text(const std::string& name, const std::string& value);
    void number(const std::string& name, uint64_t value);
    // Flushes and closes; fails if anything before failed.
    [[nodiscard]] Status finish();

private:
    void note(bool ok, const std::string& what);
    std::filesystem::path path_;
    Hdf5Handle file_;
    std::string failure_;
};

class Hdf5Reader {
public:
    // Fails on what is no readable HDF5 file; datasets are looked at when they are asked for.
    static Result<Hdf5Reader> open(const std::filesystem::path& file);
    // Fails unless the dataset has just as many values as `out`.
    [[nodiscard]] Status floats(const std::string& name, std::span<float> out) const;
    [[nodiscard]] Result<uint64_t> count(const std::string& name) const;
    [[nodiscard]] Result<std::string> text(const std::string& name) const;
    [[nodiscard]] Result<uint64_t> number(const std::string& name) const;

private:
    explicit Hdf5Reader(hid_t file);
    std::shared_ptr<Hdf5Handle> file_;
};

}  // namespace assay
