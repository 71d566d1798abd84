// A block of floats for kernels: aligned to a cache line, not initialised, grows without keeping
// its contents.

#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace assay {

class FloatBuffer {
public:
    FloatBuffer() = default;
    // The values are not initialised.
    explicit FloatBuffer(size_t count) { reserve(count); }

    // Room for `count` floats; what stood there is lost where it grows.
    float* reserve(size_t count) {
        if (count > capacity_) {
            data_.reset();
            data_.reset(static_cast<float*>(
                ::operator new (count * sizeof(float), std::align_val_t{kAlignment})));
            capacity_ = count;
        }
        return data_.get();
    }
    [[nodiscard]] float* data() { return data_.get(); }
    [[nodiscard]] const float* data() const { return data_.get(); }

private:
    static constexpr size_t kAlignment = 64;
    struct Free {
        void operator()(float* data) const {
            ::operator delete (data, std::align_val_t{kAlignment});
        }
    };
    std::unique_ptr<float, Free> data_;
    size_t capacity_ = 0;
};

}  // namespace assay
