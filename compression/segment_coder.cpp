#include "compression/segment_coder.h"

#include "core/check.h"

namespace assay {

namespace {

constexpr uint32_t kGapState = 0;  // and everything that is said once a chunk
constexpr uint32_t kSignState = 1;
constexpr uint32_t kMagnitudeState = 2;

}  // namespace

void SegmentWriter::begin() {
    symbols_.clear();
    model_.restart();
}

void SegmentWriter::add_scales(const ChunkCode& chunk) {
    const bool single = chunk.low_scale == 0;
    symbols_.bit(single, model_.single.one(), kGapState);
    model_.single.count(single);
    const uint32_t high = folded(chunk.high_scale - model_.last_high);
    symbols_.number(high, model_.high.as());
    model_.high.count(high);
    model_.last_high = chunk.high_scale;
    if (!single) {
        const int32_t between = chunk.high_scale - chunk.low_scale - 1;
        const uint32_t span = folded(between - model_.last_span);
        symbols_.number(span, model_.span.as());
        model_.span.count(span);
        model_.last_span = between;
    }
}

void SegmentWriter::add_entries(const ChunkCode& chunk, const ChunkPlace& place, ReadAhead& ahead) {
    const bool single = chunk.low_scale == 0;
    const auto count = static_cast<uint32_t>(chunk.indices.size());
    const auto live = static_cast<uint32_t>(place.live);
    const auto columns = static_cast<uint32_t>(place.columns);
    const auto column = static_cast<uint32_t>(place.first % place.columns);
    GapPlace here = model_.gaps.first_place(live - count, count);
    GapPlace after = here;
    uint32_t next = 0;  // lowest index that may come
    uint32_t recent = 0;
    for (uint32_t i = 0; i < count; ++i) {
        ahead.go(2);
        const uint32_t index = chunk.indices[i];
        const uint32_t gap = index - next;
        symbols_.number(gap, here.as);
        model_.gaps.count(here, gap);
        next = index + 1;
        recent = i == 0 ? GapModel::first_recent(gap) : GapModel::next_recent(recent, gap);
        const uint32_t left = count - i - 1;
        here = after;
        after = model_.gaps.place(live - next - left, left, recent);

        const size_t at = (column + index) % columns;
        const int history = model_.signs.history(at);
        const bool surprise = ((chunk.codes[i] & 2U) != 0) != (history < 0);
        symbols_.bit(surprise, model_.signs.surprise(history), kSignState);
        model_.signs.count(at, history, surprise);
        if (!single) {
            const bool high = (chunk.codes[i] & 1U) != 0;
            symbols_.bit(high, model_.magnitude.one(), kMagnitudeState);
            model_.magnitude.count(high);
        }
    }
}

void SegmentWriter::add(const ChunkCode& chunk,
                        const ChunkPlace& place,
                        uint32_t keep,
                        ReadAhead& ahead) {
    ASSAY_CHECK_LE(chunk.indices.size(), size_t{kept_count(place.live, keep)});
    ASSAY_CHECK(place.columns > 0);
    const auto missing = static_cast<uint32_t>(kept_count(place.live, keep) - chunk.indices.size());
    symbols_.reserve(8 + 4 * chunk.indices.size());
    symbols_.number(missing, model_.missing.as());
    model_.missing.count(missing);
    if (!chunk.indices.empty()) {
        add_scales(chunk);
        add_entries(chunk, place, ahead);
        model_.update();
    }
}

void SegmentReader::begin(ByteSpan bytes) {
    symbols_ = SymbolReader(bytes);
    model_.restart();
}

const char* SegmentReader::read_scales(ChunkCode& out, bool& single) {
    single = symbols_.bit(model_.single.one(), kGapState);
    model_.single.count(single);
    const uint32_t high = symbols_.number(model_.high.as());
    model_.high.count(high);
    const int32_t high_scale = model_.last_high + unfolded(high);
    if (high_scale <= 0 || high_scale >= kScaleInfinity) {
        return "its high scale is out of range";
    }
    model_.last_high = high_scale;
    out.high_scale = static_cast<uint16_t>(high_scale);
    out.low_scale = 0;
    if (!single) {
        const uint32_t span = symbols_.number(model_.span.as());
        model_.span.count(span);
        const int32_t between = model_.last_span + unfolded(span);
        if (between < 0 || between > high_scale - 2) {
            return "its low scale is out of range";
        }
        model_.last_span = between;
        out.low_scale = static_cast<uint16_t>(high_scale - 1 - between);
    }
    return nullptr;
}

const char* SegmentReader::read_entries(const ChunkPlace& place, bool single, ChunkCode& out) {
    const auto count = static_cast<uint32_t>(out.indices.size());
    const auto live = static_cast<uint32_t>(place.live);
    const auto columns = static_cast<uint32_t>(place.columns);
    const auto column = static_cast<uint32_t>(place.first % place.columns);
    const uint32_t magnitude_one = model_.magnitude.one();
    // Copies: the stores below could otherwise be taken for changes of the originals.
    SymbolReader symbols = symbols_;
    GapPlace here = model_.gaps.first_place(live - count, count);
    GapPlace after = here;
    uint32_t free = live - count;  // values that are not kept and may still come
    uint32_t next = 0;
    uint32_t recent = 0;
    uint32_t highs = 0;
    for (uint32_t i = 0; i < count; ++i) {
        const uint32_t gap = symbols.number(here.as);
        if (gap > free) {
            symbols_ = symbols;
            return symbols.failed() ? "it is cut off" : "an index is out of range";
        }
        model_.gaps.count(here, gap);
        const uint32_t index = next + gap;
        out.indices[i] = static_cast<uint16_t>(index);
        next = index + 1;
        free -= gap;
        recent = i == 0 ? GapModel::first_recent(gap) : GapModel::next_recent(recent, gap);
        here = after;
        after = model_.gaps.place(free, count - i - 1, recent);

        const size_t at = (column + index) % columns;
        const int history = model_.signs.history(at);
        const bool surprise = symbols.bit(model_.signs.surprise(history), kSignState);
        model_.signs.count(at, history, surprise);
        const bool high = single || symbols.bit(magnitude_one, kMagnitudeState);
        highs += high ? 1 : 0;
        out.codes[i] =
            static_cast<uint8_t>((surprise != (history < 0) ? 2U : 0U) | (high ? 1U : 0U));
    }
    symbols_ = symbols;
    if (!single) {
        model_.magnitude.count(highs, count - highs);
    }
    if (symbols_.failed()) {
        return "it is cut off";
    }
    if (!single && (highs == 0 || highs == count)) {
        return "it has two scales but values of one class alone";
    }
    return nullptr;
}

const char* SegmentReader::read(const ChunkPlace& place, uint32_t keep, ChunkCode& out) {
    const uint32_t k = kept_count(place.live, keep);
    if (symbols_.failed()) {
        return "its segment has no whole beginning";
    }
    const uint32_t missing = symbols_.number(model_.missing.as());
    model_.missing.count(missing);
    if (missing > k) {
        return "its number of kept values is out of range";
    }
    out.indices.resize(k - missing);
    out.codes.resize(k - missing);
    out.low_scale = 0;
    out.high_scale = 0;
    if (missing == k) {
        return symbols_.failed() ? "it is cut off" : nullptr;
    }
    bool single = false;
    if (const char* wrong = read_scales(out, single); wrong != nullptr) {
        return symbols_.failed() ? "it is cut off" : wrong;
    }
    const char* wrong = read_entries(place, single, out);
    model_.update();
    return wrong;
}

}  // namespace assay
