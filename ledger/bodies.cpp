#include "ledger/bodies.h"

#include <algorithm>

#include "protocol/limits.h"

namespace assay {

namespace {

// Frozen, and the bounds that are read against.
static_assert(static_cast<uint8_t>(NumericClass::kExact) == 1);
static_assert(static_cast<uint8_t>(NumericClass::kBf16) == 4);
static_assert(static_cast<uint8_t>(VestingSource::kReward) == 1);
static_assert(static_cast<uint8_t>(VestingSource::kDeposit) == 2);
static_assert(static_cast<uint8_t>(ForfeitCause::kCheat) == 1);
static_assert(static_cast<uint8_t>(ForfeitCause::kFault) == 3);
static_assert(limits::kSequencesPerStepMax <= UINT32_MAX && limits::kPeersMax <= UINT32_MAX);
static_assert(kPoolMax <= kAmountMax && kPhiMax <= kAmountMax);

// Reads a body and remembers whether all was within bounds.
class BodyReader {
public:
    BodyReader(const char* name, ByteSpan bytes) : name_(name), reader_(bytes) {}

    Digest digest() {
        Digest out;
        fill(out.bytes);
        return out;
    }
    PeerId peer() {
        PeerId out;
        fill(out.key);
        return out;
    }
    Instant instant() { return Instant{amount(limits::kTimeMsMax)}; }
    // 0 .. most.
    int64_t amount(int64_t most = kAmountMax) {
        const int64_t value = reader_.i64();
        require(value >= 0 && value <= most);
        return value;
    }
    int64_t between(int64_t low, int64_t high) {
        ASSAY_CHECK_LE(low, high);
        const int64_t value = reader_.i64();
        require(value >= low && value <= high);
        return value;
    }
    uint64_t number(uint64_t most) {
        const uint64_t value = reader_.u64();
        require(value <= most);
        return value;
    }
    uint8_t choice(uint8_t low, uint8_t high) {
        ASSAY_CHECK_LE(int{low}, int{high});
        const uint8_t value = reader_.u8();
        require(value >= low && value <= high);
        return value;
    }
    NumericClass numeric_class() { return static_cast<NumericClass>(choice(1, 4)); }
    // Length of a list whose entries take at least entry_bytes: bounded before anything is made.
    uint32_t count(uint64_t most, size_t entry_bytes) {
        ASSAY_CHECK(entry_bytes > 0);
        const uint32_t value = reader_.u32();
        require(value <= most && value <= reader_.remaining() / entry_bytes);
        return good_ ? value : 0;
    }
    std::string text() {
        const ByteSpan bytes = reader_.sized();
        require(bytes.size() <= limits::kTextBytesMax);
        return good_ ? to_text(bytes) : std::string();
    }
    Bytes sized() {
        const ByteSpan bytes = reader_.sized();
        return {bytes.begin(), bytes.end()};
    }
    uint32_t u32() { return reader_.u32(); }
    [[nodiscard]] bool has_more() const { return reader_.remaining() > 0; }
    void require(bool condition) { good_ = good_ && condition; }

    template <typename Body>
    Result<Body> finish(Body body) const {
        if (!reader_.at_end()) {
            return fail(std::string(name_) + ": the body has the wrong length");
        }
        if (!good_) {
            return fail(std::string(name_) + ": a value in the body is out of bounds");
        }
        return body;
    }

private:
    template <size_t N>
    void fill(std::array<uint8_t, N>& out) {
        const ByteSpan bytes = reader_.raw(N);
        std::copy(bytes.begin(), bytes.end(), out.begin());
    }

    const char* name_;
    ByteReader reader_;
    bool good_ = true;
};

struct SettingWriter {
    ByteWriter& out;
    void operator()(const Field& /*field*/, const int64_t& value) { out.i64(value); }
};

struct SettingReader {
    BodyReader& in;
    void operator()(const Field& field, int64_t& value) {
        value = in.between(static_cast<int64_t>(field.low), static_cast<int64_t>(field.high));
    }
};

template <typename T>
bool strictly_increasing(const std::vector<T>& list) {
    return std::adjacent_find(list.begin(), list.end(), [](const T& a, const T& b) {
               return !(a.peer < b.peer);
           }) == list.end();
}

}  // namespace

Bytes RunStartBody::encode() const {
    ByteWriter out;
    out.sized(manifest);
    SettingWriter writer{out};
    PaySettings settings = pay;
    settings.for_each(writer);
    return out.take();
}

Result<RunStartBody> RunStartBody::decode(ByteSpan bytes) {
    BodyReader in("run_start", bytes);
    RunStartBody body;
    body.manifest = in.sized();
    SettingReader reader{in};
    body.pay.for_each(reader);
    return in.finish(std::move(body));
}

Bytes JoinBody::encode() const {
    ByteWriter out;
    out.i64(at.ms);
    out.u8(static_cast<uint8_t>(numeric_class));
    out.u64(tokens_per_second);
    out.u64(uplink_bytes_per_second);
    if (entry_nonce != 0) {
        out.u64(entry_nonce);
    }
    return out.take();
}

Result<JoinBody> JoinBody::decode(ByteSpan bytes) {
    BodyReader in("join", bytes);
    JoinBody body;
    body.at = in.instant();
    body.numeric_class = in.numeric_class();
    body.tokens_per_second = in.number(limits::kRateMax);
    body.uplink_bytes_per_second = in.number(limits::kRateMax);
    if (in.has_more()) {  // a ledger from before there was entry work has none
        body.entry_nonce = in.number(UINT64_MAX);
        in.require(body.entry_nonce != 0);
    }
    return in.finish(body);
}

Bytes RosterBody::encode() const {
    ASSAY_CHECK_LE(lines.size(), limits::kPeersMax);
    ByteWriter out;
    out.u32(static_cast<uint32_t>(lines.size()));
    for (const RosterLine& line : lines) {
        out.raw(line.peer.span());
        out.u8(static_cast<uint8_t>(line.numeric_class));
        out.u32(line.sequences_per_step);
    }
    return out.take();
}

Result<RosterBody> RosterBody::decode(ByteSpan bytes) {
    BodyReader in("roster", bytes);
    RosterBody body;
    const uint32_t count = in.count(limits::kPeersMax, 37);
    for (uint32_t i = 0; i < count; ++i) {
        RosterLine line;
        line.peer = in.peer();
        line.numeric_class = in.numeric_class();
        line.sequences_per_step = in.u32();
        in.require(line.sequences_per_step > 0 &&
                   line.sequences_per_step <= limits::kSequencesPerStepMax);
        body.lines.push_back(line);
    }
    in.require(strictly_increasing(body.lines));
    return in.finish(std::move(body));
}

Bytes PayloadBody::encode() const {
    ByteWriter out;
    out.raw(sha256.span());
    out.u64(size_bytes);
    out.i64(received_at.ms);
    return out.take();
}

Result<PayloadBody> PayloadBody::decode(ByteSpan bytes) {
    BodyReader in("payload", bytes);
    PayloadBody body;
    body.sha256 = in.digest();
    body.size_bytes = in.number(limits::kBlobBytesMax);
    body.received_at = in.instant();
    return in.finish(body);
}

Bytes CloseBody::encode() const {
    ASSAY_CHECK_LE(entries.size(), limits::kPeersMax);
    ByteWriter out;
    out.sized(close);
    out.u32(static_cast<uint32_t>(entries.size()));
    for (const CloseEntry& entry : entries) {
        out.raw(entry.peer.span());
        out.raw(entry.commit_hash.span());
        out.raw(entry.payload_hash.span());
    }
    return out.take();
}

Result<CloseBody> CloseBody::decode(ByteSpan bytes) {
    BodyReader in("close", bytes);
    CloseBody body;
    body.close = in.sized();
    const uint32_t count = in.count(limits::kPeersMax, 96);
    for (uint32_t i = 0; i < count; ++i) {
        CloseEntry entry;
        entry.peer = in.peer();
        entry.commit_hash = in.digest();
        entry.payload_hash = in.digest();
        body.entries.push_back(entry);
    }
    in.require(strictly_increasing(body.entries));
    return in.finish(std::move(body));
}

Bytes OpeningBody::encode() const {
    ByteWriter out;
    out.u8(answered ? 1 : 0);
    out.sized(notice);
    return out.take();
}

Result<OpeningBody> OpeningBody::decode(ByteSpan bytes) {
    BodyReader in("opening", bytes);
    OpeningBody body;
    body.answered = in.choice(0, 1) == 1;
    body.notice = in.sized();
    in.require(body.answered || body.notice.empty());
    return in.finish(std::move(body));
}

Bytes PayShareBody::encode() const {
    ByteWriter out;
    out.i64(phi_nano_nats);
    out.u64(tokens);
    out.raw(evidence.span());
    out.raw(m_root.span());
    out.raw(v_root.span());
    out.raw(e_root.span());
    return out.take();
}

Result<PayShareBody> PayShareBody::decode(ByteSpan bytes) {
    BodyReader in("share", bytes);
    PayShareBody body;
    body.phi_nano_nats = in.between(-kPhiMax, kPhiMax);
    body.tokens = in.number(kRoundTokensMax);
    body.evidence = in.digest();
    body.m_root = in.digest();
    body.v_root = in.digest();
    body.e_root = in.digest();
    return in.finish(body);
}

Bytes SettlementBody::encode() const {
    ASSAY_CHECK_LE(lines.size(), limits::kPeersMax);
    ByteWriter out;
    out.i64(pool);
    out.u32(static_cast<uint32_t>(lines.size()));
    for (const Earning& line : lines) {
        out.raw(line.peer.span());
        out.i64(line.quality_ppm);
        out.i64(line.amount);
    }
    return out.take();
}

Result<SettlementBody> SettlementBody::decode(ByteSpan bytes) {
    BodyReader in("settlement", bytes);
    SettlementBody body;
    body.pool = in.amount(kPoolMax);
    const uint32_t count = in.count(limits::kPeersMax, 48);
    for (uint32_t i = 0; i < count; ++i) {
        Earning line;
        line.peer = in.peer();
        line.quality_ppm = in.amount();
        line.amount = in.amount(kPoolMax);
        body.lines.push_back(line);
    }
    in.require(strictly_increasing(body.lines));
    return in.finish(std::move(body));
}

Bytes VestingBody::encode() const {
    ByteWriter out;
    out.u8(static_cast<uint8_t>(source));
    out.i64(amount);
    return out.take();
}

Result<VestingBody> VestingBody::decode(ByteSpan bytes) {
    BodyReader in("vesting", bytes);
    VestingBody body;
    body.source = static_cast<VestingSource>(in.choice(1, 2));
    body.amount = in.amount();
    return in.finish(body);
}

Bytes ForfeitBody::encode() const {
    ByteWriter out;
    out.u8(static_cast<uint8_t>(cause));
    out.i64(unvested);
    out.i64(deposit);
    out.text(reason);
    return out.take();
}

Result<ForfeitBody> ForfeitBody::decode(ByteSpan bytes) {
    BodyReader in("forfeit", bytes);
    ForfeitBody body;
    body.cause = static_cast<ForfeitCause>(in.choice(1, 3));
    body.unvested = in.amount();
    body.deposit = in.amount();
    body.reason = in.text();
    return in.finish(std::move(body));
}

Bytes RollbackBody::encode() const {
    ByteWriter out;
    out.u64(taken_out_in.value);
    out.text(reason);
    return out.take();
}

Result<RollbackBody> RollbackBody::decode(ByteSpan bytes) {
    BodyReader in("rollback", bytes);
    RollbackBody body;
    body.taken_out_in = RoundId{in.number(UINT64_MAX)};
    body.reason = in.text();
    return in.finish(std::move(body));
}

Bytes DebtBody::encode() const {
    ByteWriter out;
    out.i64(until.ms);
    out.text(reason);
    out.raw(base_tiles.span());
    out.u64(base_tiles_bytes);
    return out.take();
}

Result<DebtBody> DebtBody::decode(ByteSpan bytes) {
    BodyReader in("debt", bytes);
    DebtBody body;
    body.until = in.instant();
    body.reason = in.text();
    body.base_tiles = in.digest();
    body.base_tiles_bytes = in.number(limits::kBlobBytesMax);
    return in.finish(std::move(body));
}

Bytes OrderBody::encode() const {
    ByteWriter out;
    out.i64(at.ms);
    out.u8(static_cast<uint8_t>(kind));
    out.text(reason);
    return out.take();
}

Result<OrderBody> OrderBody::decode(ByteSpan bytes) {
    BodyReader in("order", bytes);
    OrderBody body;
    body.at = in.instant();
    body.kind = static_cast<OrderKind>(in.choice(1, 2));
    body.reason = in.text();
    return in.finish(std::move(body));
}

Bytes FeeBody::encode() const {
    ByteWriter out;
    out.i64(amount);
    out.u64(tokens);
    out.raw(receipt.span());
    return out.take();
}

Result<FeeBody> FeeBody::decode(ByteSpan bytes) {
    BodyReader in("fee", bytes);
    FeeBody body;
    body.amount = in.between(1, kPoolMax);
    body.tokens = in.number(kRoundTokensMax);
    body.receipt = in.digest();
    return in.finish(body);
}

Bytes RunEndBody::encode() const {
    ByteWriter out;
    out.i64(at.ms);
    out.text(reason);
    return out.take();
}

Result<RunEndBody> RunEndBody::decode(ByteSpan bytes) {
    BodyReader in("run_end", bytes);
    RunEndBody body;
    body.at = in.instant();
    body.reason = in.text();
    return in.finish(std::move(body));
}

}  // namespace assay
