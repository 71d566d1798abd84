#!/usr/bin/env python3
"""decode_update.py LAYOUT PAYLOAD: reads a sparse update, written from docs/compression.md. LAYOUT:
a line "name rows columns" a tensor. Prints tensor, chunk, low and high scale, index:code of each."""
import struct, sys

TILE, STATE_LOW, ONE, SYMBOLS = 4096, 1 << 31, 4096, 64
def need(condition, reason):
    if not condition: sys.exit("refused: " + reason)
def number_table(index):
    middle = (9 + 2 * (index % 4)) << (index // 4)
    ratio, starts, tail = (middle - 8) * 65536 // (middle + 56), [], 1 << 32
    for s in range(SYMBOLS):
        least = starts[-1] + 1 if starts else 0
        starts.append(min(max(ONE - (tail >> 20), least), ONE - SYMBOLS + s))
        tail = tail * ratio >> 16
    return starts + [ONE]
TABLES = [number_table(i) for i in range(24)]
def quarter_log(x):
    e = x.bit_length() - 1
    return 4 * e + (x >> (e - 2) & 3)
def number_class(mean):
    log = quarter_log(mean + 8)
    shift = max(log // 4 - 8, 0)
    return TABLES[log - 4 * shift - 12], shift
class Symbols:
    def __init__(self, data):
        need(len(data) >= 24 and len(data) % 4 == 0, "segment of %d bytes" % len(data))
        self.data, self.at, self.states = data, 24, list(struct.unpack_from("<3Q", data))
        need(all(STATE_LOW <= x < 1 << 63 for x in self.states), "a state out of range")
    def keep(self, state, x):
        self.states[state] = x
        if x < STATE_LOW:
            need(self.at < len(self.data), "segment cut off")
            self.states[state] = x << 32 | struct.unpack_from("<I", self.data, self.at)[0]
            self.at += 4
    def number(self, table, shift):
        low, x = self.states[0] & (1 << shift) - 1, self.states[0] >> shift
        symbol = max(s for s in range(SYMBOLS) if table[s] <= x % ONE)
        self.keep(0, (table[symbol + 1] - table[symbol]) * (x // ONE) + x % ONE - table[symbol])
        if symbol == SYMBOLS - 1:
            symbol += self.states[0] & (1 << 13 - shift) - 1
            self.keep(0, self.states[0] >> 13 - shift)
        return symbol << shift | low
    def bit(self, one, state):
        x = self.states[state]
        bit = int(x % ONE < one)
        self.keep(state, (one if bit else ONE - one) * (x // ONE) + x % ONE - (0 if bit else one))
        return bit
class Bit:
    def __init__(self, *counts):
        self.counts = list(counts)
        self.update()
    def update(self):
        total = sum(self.counts)
        self.one = min(max(self.counts[1] * ONE // total, 32), ONE - 32)
        if total > 4096:
            self.counts = [(c + 1) // 2 for c in self.counts]
class Number:
    def __init__(self, mean):
        self.sum, self.count = mean * 256, 4
    def read(self, symbols):
        value = symbols.number(*number_class(self.sum // self.count))
        half = 2 if self.count >= 256 else 1
        self.sum, self.count = (self.sum + 64 * min(value, 255)) // half, (self.count + 1) // half
        return value
class Segment:
    def __init__(self, data):
        self.symbols, self.last_high, self.last_span = Symbols(data), 1920, 8
        self.missing, self.high, self.span = Number(0), Number(8), Number(4)
        self.single, self.magnitude = Bit(4, 4), Bit(6, 2)
        self.gaps, self.means, self.ratios = [65536] * 9, [65536] * 9, [4096] * 9
    def place(self, free, left, recent):
        mean, history = 64 * free // (left + 1), 8
        if recent is not None:
            ratio = quarter_log(recent + 64) - quarter_log(mean + 64)
            history = min(max(ratio + 8, 0) // 2, 7)
        scaled = min(mean * self.ratios[history] >> 12, (1 << 18) - 9)
        return number_class(scaled), mean, history
    def chunk(self, k, live, first):
        count = k - self.missing.read(self.symbols)
        need(count >= 0, "too many values missing")
        if count == 0: return 0, 0, []
        single = self.symbols.bit(self.single.one, 0)
        self.single.counts[single] += 1
        unfold = lambda x: -(x // 2) - 1 if x % 2 else x // 2
        self.last_high += unfold(self.high.read(self.symbols))
        high, low = self.last_high, 0
        need(0 < high < 0xFF0, "high scale")
        if not single:
            self.last_span += unfold(self.span.read(self.symbols))
            need(0 <= self.last_span <= high - 2, "low scale")
            low = high - 1 - self.last_span
        entries = self.entries(count, live, first, single)
        highs = sum(code & 1 for _, code in entries)
        if not single:
            need(0 < highs < len(entries), "two scales, one class")
            self.magnitude.counts[0] += len(entries) - highs
            self.magnitude.counts[1] += highs
        for h in range(9):
            half = 2 if self.means[h] > 1 << 24 else 1
            self.gaps[h], self.means[h] = self.gaps[h] // half, self.means[h] // half
            self.ratios[h] = min(65535, 4096 * self.gaps[h] // self.means[h])
        [model.update() for model in [self.single, self.magnitude] + self.signs]
        return low, high, entries
    def entries(self, count, live, first, single):
        free, index, recent, entries = live - count, -1, None, []
        here = after = self.place(free, count, None)
        for left in range(count - 1, -1, -1):
            how, mean, history = here
            gap = self.symbols.number(*how)
            need(gap <= free, "an index out of range")
            self.gaps[history] += 64 * gap
            self.means[history] += mean
            index, free = index + 1 + gap, free - gap
            recent = 64 * gap if recent is None else recent - recent // 4 + 16 * gap
            here, after = after, self.place(free, left, recent)
            column = (first + index) % len(self.columns)
            was = self.columns[column]
            surprise = self.symbols.bit(self.signs[abs(was)].one, 1)
            self.signs[abs(was)].counts[surprise] += 1
            negative, step = surprise != (was < 0), 1 if surprise == (was < 0) else -1
            self.columns[column] = max(-3, min(3, was + step)) or step
            high = single or self.symbols.bit(self.magnitude.one, 2)
            entries.append((index, 2 * negative + high))
        return entries
def main(layout_file, payload_file):
    lines = [line.split() for line in open(layout_file)]
    tensors = [(name, int(rows), int(columns)) for name, rows, columns in lines]
    data = open(payload_file, "rb").read()
    need(data[:5] == b"ASUP\x02" and data[5] in (1, 3), "not a sparse update of version 2")
    keep = struct.unpack_from("<H", data, 6)[0]
    tiles = [(name, first, min(TILE, rows * columns - first), columns)
             for name, rows, columns in tensors for first in range(0, rows * columns, TILE)]
    size = min(max(65536 // keep, 16), 1024)
    segments = [tiles[i:i + size] for i in range(0, len(tiles), size)]
    at = 40 + 4 * len(segments)
    for i, places in enumerate(segments):
        size = struct.unpack_from("<I", data, 40 + 4 * i)[0]
        segment, at = Segment(data[at:at + size]), at + size
        for j, (name, first, live, columns) in enumerate(places):
            if j == 0 or first == 0:
                segment.columns, segment.signs = [0] * columns, [Bit(4, 4) for _ in range(4)]
            low, high, entries = segment.chunk(max(1, (keep * live + 2048) // 4096), live, first)
            pairs = ["%d:%d" % entry for entry in entries]
            print(name, first // TILE, "%x %x" % (low, high), *pairs)
        end = segment.symbols
        need(end.at == size and end.states == [STATE_LOW] * 3, "something behind a segment")
    need(at == len(data), "something behind the last segment")
main(*sys.argv[1:3])
