#include "checkpoints/hdf5_file.h"

#include "checkpoints/seal.h"
#include "core/check.h"
#include "core/descriptors.h"

namespace assay {

namespace {

constexpr uint64_t kTextMax = 1U << 20;

void quiet_hdf5() {
    static const herr_t kQuiet = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    (void)kQuiet;
}

hid_t create_file(const std::filesystem::path& file) {
    quiet_hdf5();
    const Hdf5Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
    if (H5Pset_userblock(creation.get(), kSealBytes) < 0) {
        return -1;
    }
    hid_t id = -1;
    (void)try_open_file([&] {
        id = H5Fcreate(file.c_str(), H5F_ACC_TRUNC, creation.get(), H5P_DEFAULT);
        return id >= 0;
    });
    return id;
}

}  // namespace

Hdf5Writer::Hdf5Writer(const std::filesystem::path& file)
    : path_(file), file_(create_file(file), H5Fclose) {
    note(file_.ok(), "create the file");
}

void Hdf5Writer::note(bool ok, const std::string& what) {
    if (!ok && failure_.empty()) {
        failure_ = "cannot " + what + " in " + path_.string() +
                   " (is the disk full, or the folder not writable?)";
    }
}

void Hdf5Writer::group(const std::string& name) {
    const Hdf5Handle made(
        H5Gcreate2(file_.get(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
    note(made.ok(), "make group " + name);
}

void Hdf5Writer::floats(const std::string& name,
                        std::span<const float> values,
                        std::vector<hsize_t> shape) {
    hsize_t count = 1;
    for (const hsize_t size : shape) {
        count *= size;
    }
    ASSAY_CHECK_EQ(count, hsize_t{values.size()});
    const Hdf5Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
                           H5Sclose);
    const Hdf5Handle data(H5Dcreate2(file_.get(),
                                     name.c_str(),
                                     H5T_IEEE_F32LE,
                                     space.get(),
                                     H5P_DEFAULT,
                                     H5P_DEFAULT,
                                     H5P_DEFAULT),
                          H5Dclose);
    note(data.ok() &&
             (values.empty() ||
              H5Dwrite(
                  data.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0),
         "write " + name);
}

void Hdf5Writer::text(const std::string& name, const std::string& value) {
    const hsize_t size = value.size();
    const Hdf5Handle space(H5Screate_simple(1, &size, nullptr), H5Sclose);
    const Hdf5Handle data(H5Dcreate2(file_.get(),
                                     name.c_str(),
                                     H5T_STD_U8LE,
                                     space.get(),
                                     H5P_DEFAULT,
                                     H5P_DEFAULT,
                                     H5P_DEFAULT),
                          H5Dclose);
    note(data.ok() &&
             (size == 0 ||
              H5Dwrite(data.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, value.data()) >=
                  0),
         "write " + name);
}

void Hdf5Writer::number(const std::string& name, uint64_t value) {
    const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const Hdf5Handle data(H5Dcreate2(file_.get(),
                                     name.c_str(),
                                     H5T_STD_U64LE,
                                     space.get(),
                                     H5P_DEFAULT,
                                     H5P_DEFAULT,
                                     H5P_DEFAULT),
                          H5Dclose);
    note(data.ok() &&
             H5Dwrite(data.get(), H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value) >= 0,
         "write " + name);
}

Status Hdf5Writer::finish() {
    note(file_.ok() && H5Fflush(file_.get(), H5F_SCOPE_GLOBAL) >= 0, "flush the file");
    note(file_.close(), "close the file");
    return failure_.empty() ? Status() : Status(fail(failure_));
}

Hdf5Reader::Hdf5Reader(hid_t file) : file_(std::make_shared<Hdf5Handle>(file, H5Fclose)) {}

Result<Hdf5Reader> Hdf5Reader::open(const std::filesystem::path& file) {
    quiet_hdf5();
    hid_t id = -1;
    (void)try_open_file([&] {
        id = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
        return id >= 0;
    });
    if (id < 0) {
        return fail("it is no readable HDF5 file (missing, truncated or damaged)");
    }
    return Hdf5Reader(id);
}

Result<uint64_t> Hdf5Reader::count(const std::string& name) const {
    const Hdf5Handle data(H5Dopen2(file_->get(), name.c_str(), H5P_DEFAULT), H5Dclose);
    if (!data.ok()) {
        return fail(name + " is missing or damaged");
    }
    const Hdf5Handle space(H5Dget_space(data.get()), H5Sclose);
    const hssize_t points = space.ok() ? H5Sget_simple_extent_npoints(space.get()) : -1;
    if (points < 0) {
        return fail(name + " has no readable size");
    }
    return static_cast<uint64_t>(points);
}

Status Hdf5Reader::floats(const std::string& name, std::span<float> out) const {
    Result<uint64_t> here = count(name);
    if (!here) {
        return here.error();
    }
    if (*here != out.size()) {
        return fail(name + " has " + std::to_string(*here) + " values, not " +
                    std::to_string(out.size()));
    }
    const Hdf5Handle data(H5Dopen2(file_->get(), name.c_str(), H5P_DEFAULT), H5Dclose);
    if (!out.empty() &&
        H5Dread(data.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()) < 0) {
        return fail(name + " cannot be read");
    }
    return {};
}

Result<std::string> Hdf5Reader::text(const std::string& name) const {
    Result<uint64_t> size = count(name);
    if (!size) {
        return size.error();
    }
    if (*size > kTextMax) {
        return fail(name + " is too long");
    }
    std::string value(*size, '\0');
    const Hdf5Handle data(H5Dopen2(file_->get(), name.c_str(), H5P_DEFAULT), H5Dclose);
    if (*size > 0 &&
        H5Dread(data.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, value.data()) < 0) {
        return fail(name + " cannot be read");
    }
    return value;
}

Result<uint64_t> Hdf5Reader::number(const std::string& name) const {
    Result<uint64_t> size = count(name);
    if (!size) {
        return size.error();
    }
    uint64_t value = 0;
    const Hdf5Handle data(H5Dopen2(file_->get(), name.c_str(), H5P_DEFAULT), H5Dclose);
    if (*size != 1 ||
        H5Dread(data.get(), H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value) < 0) {
        return fail(name + " cannot be read");
    }
    return value;
}

}  // namespace assay
