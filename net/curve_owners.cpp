#include "net/curve_owners.h"

#include <openssl/bn.h>

#include <memory>
#include <optional>

#include "core/check.h"

namespace assay {

namespace {

using Number = std::unique_ptr<BIGNUM, decltype(&BN_free)>;

Number make_number() {
    return {BN_new(), &BN_free};
}

constexpr uint8_t kSign = 0x80;  // of the last byte

// y = (u - 1) / (u + 1) mod 2^255 - 19: RFC 7748, section 4.1. Empty where u + 1 is 0.
std::optional<PeerId> edwards_y(const CurveKey& key) {
    const std::unique_ptr<BN_CTX, decltype(&BN_CTX_free)> context(BN_CTX_new(), &BN_CTX_free);
    const Number prime = make_number();
    const Number below = make_number();
    const Number above = make_number();
    const Number y = make_number();
    CurveKey u = key;
    u.back() &= static_cast<uint8_t>(~kSign);
    ASSAY_CHECK(context && prime && below && above && y);
    ASSAY_CHECK(BN_set_bit(prime.get(), 255) == 1 && BN_sub_word(prime.get(), 19) == 1);
    ASSAY_CHECK(BN_lebin2bn(u.data(), static_cast<int>(u.size()), below.get()) != nullptr);
    ASSAY_CHECK(BN_copy(above.get(), below.get()) != nullptr);
    ASSAY_CHECK(BN_add_word(below.get(), 1) == 1 && BN_sub_word(above.get(), 1) == 1);
    if (BN_mod_inverse(y.get(), below.get(), prime.get(), context.get()) == nullptr) {
        return std::nullopt;
    }
    ASSAY_CHECK_EQ(BN_mod_mul(y.get(), y.get(), above.get(), prime.get(), context.get()), 1);
    ASSAY_CHECK(BN_is_negative(y.get()) == 0);
    PeerId id;
    ASSAY_CHECK_EQ(BN_bn2lebinpad(y.get(), id.key.data(), static_cast<int>(id.key.size())),
                   static_cast<int>(id.key.size()));
    return id;
}

}  // namespace

std::vector<PeerId> curve_owners(const CurveKey& key) {
    std::vector<PeerId> owners;
    const std::optional<PeerId> positive = edwards_y(key);
    if (!positive) {
        return owners;
    }
    for (const uint8_t sign : {uint8_t{0}, kSign}) {
        PeerId id = *positive;
        id.key.back() = static_cast<uint8_t>(id.key.back() | sign);
        const Result<CurveKey> image = curve_key_of(id);
        if (image && *image == key) {
            owners.push_back(id);
        }
    }
    return owners;
}

}  // namespace assay
