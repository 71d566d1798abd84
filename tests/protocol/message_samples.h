// Random messages inside all bounds, and equality of messages, for the tests of this folder.
//
// A message is taken apart by structured bindings: a field that is added to it and forgotten here
// does not compile.

#pragma once

#include <algorithm>
#include <type_traits>

#include "core/rng.h"
#include "protocol/codec.h"

namespace assay::samples {

// Calls visit(first field, second field, ...) of a message or a part of one.
template <typename F>
void take_apart(BlobRef& m, const F& f) {
    auto& [a, b, c] = m;
    f(a, b, c);
}
template <typename F>
void take_apart(MerklePath& m, const F& f) {
    auto& [a, b, c] = m;
    f(a, b, c);
}
template <typename F>
void take_apart(RunManifest& m, const F& f) {
    auto& [a, b, c, d, e, g, h, i, j, k, l, n] = m;
    f(a, b, c, d, e, g, h, i, j, k, l, n);
}
template <typename F>
void take_apart(Hello& m, const F& f) {
    auto& [a, b, c, d, e, g, h, i] = m;
    f(a, b, c, d, e, g, h, i);
}
template <typename F>
void take_apart(Welcome& m, const F& f) {
    auto& [a, b, c, d] = m;
    f(a, b, c, d);
}
template <typename F>
void take_apart(Refusal& m, const F& f) {
    auto& [a, b, c, d] = m;
    f(a, b, c, d);
}
template <typename F>
void take_apart(SampleRange& m, const F& f) {
    auto& [a, b] = m;
    f(a, b);
}
template <typename F>
void take_apart(PlanPeer& m, const F& f) {
    auto& [a, b, c, d, e, g, h, i, j] = m;
    f(a, b, c, d, e, g, h, i, j);
}
template <typename F>
void take_apart(RoundPlan& m, const F& f) {
    auto& [a, b, c, d, e, g, h, i, j, k, l, n, o, p, q, r, s, t, u, v, w, x, y] = m;
    f(a, b, c, d, e, g, h, i, j, k, l, n, o, p, q, r, s, t, u, v, w, x, y);
}
template <typename F>
void take_apart(StateLeaf& m, const F& f) {
    auto& [a, b, c] = m;
    f(a, b, c);
}
template <typename F>
void take_apart(Commit& m, const F& f) {
    auto& [a, b, c, d, e, g, h, i, j, k, l, n, o, p, q] = m;
    f(a, b, c, d, e, g, h, i, j, k, l, n, o, p, q);
}
template <typename F>
void take_apart(PayloadNotice& m, const F& f) {
    auto& [a, b] = m;
    f(a, b);
}
template <typename F>
void take_apart(StepStates& m, const F& f) {
    auto& [a, b, c, d] = m;
    f(a, b, c, d);
}
template <typename F>
void take_apart(OpeningNotice& m, const F& f) {
    auto& [a, b, c] = m;
    f(a, b, c);
}
template <typename F>
void take_apart(Progress& m, const F& f) {
    auto& [a, b, c, d] = m;
    f(a, b, c, d);
}
template <typename F>
void take_apart(Close& m, const F& f) {
    auto& [a, b, c, d, e] = m;
    f(a, b, c, d, e);
}
template <typename F>
void take_apart(CloseNotice& m, const F& f) {
    auto& [a, b] = m;
    f(a, b);
}
template <typename F>
void take_apart(Beacon& m, const F& f) {
    auto& [a, b, c, d] = m;
    f(a, b, c, d);
}
template <typename F>
void take_apart(SummaryEntry& m, const F& f) {
    auto& [a, b, c] = m;
    f(a, b, c);
}
template <typename F>
void take_apart(RoundSummary& m, const F& f) {
    auto& [a, b, c, d, e, g, h, i, j, k, l, n, o, p] = m;
    f(a, b, c, d, e, g, h, i, j, k, l, n, o, p);
}
template <typename F>
void take_apart(Verdict& m, const F& f) {
    auto& [a, b, c, d, e, g, h, figures] = m;
    auto& [i, j, k, l] = figures;
    f(a, b, c, d, e, g, h, i, j, k, l);
}
template <typename F>
void take_apart(AuditJob& m, const F& f) {
    auto& [a, b, c, d, e, g, h, i, j, k, l, n, o] = m;
    f(a, b, c, d, e, g, h, i, j, k, l, n, o);
}
template <typename F>
void take_apart(AuditReport& m, const F& f) {
    auto& [a, b, c, d, e, g, h, i, j, k, l] = m;
    f(a, b, c, d, e, g, h, i, j, k, l);
}
template <typename F>
void take_apart(BlobRequest& m, const F& f) {
    auto& [a, b, c] = m;
    f(a, b, c);
}
template <typename F>
void take_apart(BlobPiece& m, const F& f) {
    auto& [a, b, c, d] = m;
    f(a, b, c, d);
}
template <typename F>
void take_apart(Heartbeat& m, const F& f) {
    auto& [a] = m;
    f(a);
}
template <typename F>
void take_apart(Goodbye& m, const F& f) {
    auto& [a] = m;
    f(a);
}
template <typename F>
void take_apart(DebtNotice& m, const F& f) {
    auto& [a, b, c, d, e, g] = m;
    f(a, b, c, d, e, g);
}

template <typename F>
void take_apart(Receipt& m, const F& f) {
    auto& [a, b, c, d, e, g, h] = m;
    f(a, b, c, d, e, g, h);
}
template <typename F>
void take_apart(EvidenceRequest& m, const F& f) {
    auto& [a] = m;
    f(a);
}
template <typename F>
void take_apart(EvidenceEntry& m, const F& f) {
    auto& [a, b, c, d] = m;
    f(a, b, c, d);
}
template <typename F>
void take_apart(EvidenceIndex& m, const F& f) {
    auto& [a, b, c, d, e, g] = m;
    f(a, b, c, d, e, g);
}

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};

// Fills fields with random values that every bound allows, then mends what hangs together.
class Filler {
public:
    explicit Filler(uint64_t seed) : rng_(derive_seed({}, "message samples", {seed})) {}

    template <typename T>
    T make() {
        T value{};
        fill(value);
        return value;
    }

    void fill(Digest& x) {
        for (uint8_t& byte : x.bytes) {
            byte = static_cast<uint8_t>(rng_.below(256));
        }
    }
    void fill(PeerId& x) {
        Digest digest;
        fill(digest);
        x.key = digest.bytes;
    }
    void fill(bool& x) { x = rng_.below(2) == 1; }
    void fill(uint32_t& x) { x = static_cast<uint32_t>(1 + rng_.below(200)); }
    void fill(uint64_t& x) { x = 1 + rng_.below(200); }
    void fill(float& x) { x = static_cast<float>(rng_.unit() - 0.5); }
    void fill(double& x) { x = rng_.unit() - 0.5; }
    void fill(RoundId& x) { fill(x.value); }
    void fill(Instant& x) { x.ms = static_cast<int64_t>(rng_.below(1U << 20)); }
    void fill(DurationMs& x) { x.ms = static_cast<int64_t>(rng_.below(1U << 20)); }
    void fill(NumericClass& x) { x = static_cast<NumericClass>(1 + rng_.below(4)); }
    void fill(RefusalCode& x) { x = static_cast<RefusalCode>(1 + rng_.below(12)); }
    // The nonce came later: not drawn, it leaves as they are those that are drawn behind it.
    void fill(Hello& x) {
        const auto fill_drawn = [this](auto&... drawn) { (this->fill(drawn), ...); };
        auto& [version, manifest, numeric_class, threads, tokens, uplink, build, nonce] = x;
        fill_drawn(version, manifest, numeric_class, threads, tokens, uplink, build);
        nonce = tokens << 40U;
    }
    void fill(CommitOutcome& x) { x = static_cast<CommitOutcome>(1 + rng_.below(5)); }
    void fill(Layer& x) { x = static_cast<Layer>(rng_.below(10)); }
    void fill(ReceiptKind& x) { x = static_cast<ReceiptKind>(1 + rng_.below(3)); }
    void fill(EvidenceKind& x) { x = static_cast<EvidenceKind>(1 + rng_.below(6)); }
    void fill(Ruling& x) { x = static_cast<Ruling>(1 + rng_.below(3)); }
    void fill(std::string& x) {
        static const char* const kTexts[] = {
            "", "late by 30 ms", "H\xc3\xa4\x65", "a\nb", "\xe2\x88\x91"};
        x = kTexts[rng_.below(5)];
    }
    void fill(Bytes& x) {
        x.resize(rng_.below(50));
        for (uint8_t& byte : x) {
            byte = static_cast<uint8_t>(rng_.below(256));
        }
    }
    template <typename T>
    void fill(std::vector<T>& x) {
        x.resize(rng_.below(5));
        for (T& entry : x) {
            fill(entry);
        }
    }
    template <typename T>
    void fill(std::optional<T>& x) {
        if (rng_.below(2) == 1) {
            fill(x.emplace());
        }
    }
    template <typename T>
    void fill(T& message) {
        take_apart(message, [this](auto&... fields) { (this->fill(fields), ...); });
        mend(message);
    }

private:
    template <typename T>
    void mend(T&) {}
    void mend(MerklePath& m) { m.index = rng_.below(m.count); }
    void mend(SampleRange& m) { m.end += m.begin; }
    void mend(BlobPiece& m) { m.missing = m.missing && m.data.empty(); }
    void mend(CloseNotice& m) {
        if (m.inclusion) {
            m.close.entry_count = m.inclusion->count;
        }
    }
    void mend(RoundSummary& m) {
        std::sort(m.entries.begin(), m.entries.end(), [](const auto& a, const auto& b) {
            return a.peer < b.peer;
        });
    }
    void mend(RoundPlan& m) {
        std::sort(m.peers.begin(), m.peers.end(), [](const auto& a, const auto& b) {
            return a.id < b.id;
        });
        m.learning_rate_bits.resize(m.inner_steps, 7);
        m.commit_deadline = m.opened_at + DurationMs{m.commit_deadline.ms};
        m.payload_deadline = m.commit_deadline + DurationMs{m.payload_deadline.ms};
    }

    CounterRng rng_;
};

template <typename T>
bool same(const T& a, const T& b);

template <typename T>
bool same_field(const T& a, const T& b) {
    if constexpr (IsVector<T>::value) {
        return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
            return same_field(x, y);
        });
    } else if constexpr (std::is_same_v<T, std::optional<MerklePath>>) {
        return a.has_value() == b.has_value() && (!a || same(*a, *b));
    } else if constexpr (requires { a == b; }) {
        return a == b;
    } else {
        return same(a, b);
    }
}

template <typename T>
bool same(const T& a, const T& b) {
    bool equal = true;
    take_apart(const_cast<T&>(a), [&](const auto&... left) {
        take_apart(const_cast<T&>(b), [&](const auto&... right) {
            if constexpr (sizeof...(left) == sizeof...(right)) {
                equal = (same_field(left, right) && ...);
            }
        });
    });
    return equal;
}

template <size_t... I>
std::vector<Message> of_kinds(Filler& filler, std::index_sequence<I...> /*kinds*/) {
    return {Message(filler.make<std::variant_alternative_t<I, Message>>())...};
}

// One message of each kind, in order of kind.
inline std::vector<Message> of_all_kinds(uint64_t seed) {
    Filler filler(seed);
    return of_kinds(filler, std::make_index_sequence<std::variant_size_v<Message>>());
}

}  // namespace assay::samples
