#!/usr/bin/env python3
"""A second implementation of class `exact`, written from docs/exact-arithmetic.md alone.

It trains a tiny decoder in plain Python (no library, slow) and compares the SHA-256 of theta and
the losses with tests/golden/exact.txt, which tests/golden/reference_test.cpp reaches in C++ on
every path. So the document says enough for another implementer to get the same bits.

A fp32 value is a Python float that fp32 can hold. Sums, products, quotients and square roots of
such values are rounded twice here, to fp64 and to fp32; that is the same as once. Not so fma: its
fp64 sum is rounded to odd before it is rounded to fp32. Matrices are lists of rows.
"""

import hashlib, math, os, struct, sys
from ctypes import c_float
from fractions import Fraction

INF = math.inf
def fl(x):
    return c_float(x).value
def bits(x):
    return struct.unpack("<I", struct.pack("<f", x))[0]
def of_bits(b):
    return struct.unpack("<f", struct.pack("<I", b & 0xFFFFFFFF))[0]
def root(x):
    return fl(math.sqrt(x))
def fma(a, b, c):
    """fl(a * b + c), rounded once: the product is exact in fp64, the sum is rounded to odd."""
    p = a * b
    s = p + c
    t = s - p
    error = (p - (s - t)) + (c - t)
    if error and error == error and math.frexp(s)[0] * 2.0**53 % 2.0 == 0.0:
        s = math.nextafter(s, INF if error > 0 else -INF)
    return c_float(s).value

# --- elementwise functions

LANES = 16
EXP = [of_bits(b) for b in (0x39506967, 0x3AB743CE, 0x3C088908, 0x3D2AA9C1, 0x3E2AAAAA, 0x3F000000)]
LOG = [of_bits(b) for b in (0x3D9021BB, 0xBDEBD1B8, 0x3DEF251A, 0xBDFE5D4F, 0x3E11E9BF, 0xBE2AAE50,
                            0x3E4CCEAC, 0xBE7FFFFC, 0x3EAAAAAA)]
INVERSE_LN2, SHIFT = of_bits(0x3FB8AA3B), of_bits(0x4B400000)
LN2_LOW, LN2_HIGH = of_bits(0x395E8083), of_bits(0xBF318000)
LOG_LOW, LOG_HIGH = of_bits(0xB95E8083), of_bits(0x3F318000)
def greater(a, b):
    return a if a > b else b
def lesser(a, b):
    return a if a < b else b
def tree(lanes, joined):
    half = LANES // 2
    while half:
        lanes = [joined(lanes[i], lanes[i + half]) for i in range(half)]
        half //= 2
    return lanes[0]
def over_lanes(row, take):
    """The sum over lanes: lane <- take(lane, *element); elements of zeros fill the last block."""
    row = list(row)
    row += [tuple(0.0 for _ in row[0])] * (-len(row) % LANES)
    lanes = [0.0] * LANES
    for i, element in enumerate(row):
        lanes[i % LANES] = take(lanes[i % LANES], *element)
    return tree(lanes, lambda a, b: fl(a + b))
def exp_of(x):
    c = lesser(88.0, greater(-87.0, x))
    t = fma(c, INVERSE_LN2, SHIFT)
    n = fl(t - SHIFT)
    r = fma(n, LN2_LOW, fma(n, LN2_HIGH, c))
    p = EXP[0]
    for q in EXP[1:]:
        p = fma(p, r, q)
    e = fl(fma(p, fl(r * r), r) + 1.0)
    return fl(e * of_bits((bits(t) + 127) << 23))
def log_of(x):
    if x != x or x == INF or math.copysign(1.0, x) < 0:
        return x
    k = (bits(x) - 0x3F3504F3) >> 23
    f = fl(of_bits(bits(x) - (k << 23)) - 1.0)
    s = fl(f * f)
    p = LOG[0]
    for q in LOG[1:]:
        p = fma(p, f, q)
    w = fma(s, -0.5, fma(fl(f * s), p, fl(k * LOG_LOW)))
    return fma(float(k), LOG_HIGH, fl(f + w))

# --- GEMM
def chain(pairs, start=0.0):
    c = start
    for a, b in pairs:
        c = fma(a, b, c)
    return c
def times(a, b, c=None):
    """a b, or c + a b."""
    columns = list(zip(*b))
    return [[chain(zip(row, column), c[i][j] if c else 0.0) for j, column in enumerate(columns)]
            for i, row in enumerate(a)]
def turned(a):
    return [list(row) for row in zip(*a)]
def each(function, *matrices):
    return [[function(*values) for values in zip(*rows)] for rows in zip(*matrices)]
def add(a, b):
    return each(lambda x, y: fl(x + y), a, b)
def zeros_like(a):
    return [[0.0] * len(row) for row in a]

# --- RMSNorm, SwiGLU, cross-entropy
def rms_norm(rows, w, epsilon):
    out, kept = [], []
    for x in rows:
        q = over_lanes(((v,) for v in x), lambda lane, v: fma(v, v, lane))
        r = fl(1.0 / root(fl(fl(q / fl(len(x))) + epsilon)))
        out.append([fl(fl(v * r) * u) for v, u in zip(x, w)])
        kept.append(r)
    return out, kept
def rms_norm_backward(dy, rows, w, kept, dx, dw):
    """Adds to dx and dw."""
    for x, d, r, to in zip(rows, dy, kept, dx):
        c = over_lanes(zip(d, w, x), lambda lane, a, b, v: fma(fl(a * b), v, lane))
        k = -fl(fl(c * r) / fl(len(x)))
        for i, v in enumerate(x):
            to[i] = fma(fma(fl(v * r), k, fl(d[i] * w[i])), r, to[i])
            dw[i] = fma(d[i], fl(v * r), dw[i])
def swiglu(x, u):
    return fl(fl(x / fl(1.0 + exp_of(fl(0.0 - x)))) * u)
def swiglu_backward(x, u, d_out):
    s = fl(1.0 / fl(1.0 + exp_of(fl(0.0 - x))))
    h = fl(x * s)
    return fl(fl(d_out * u) * fma(h, fl(1.0 - s), s)), fl(d_out * h)
def cross_entropy(x, target, scale):
    lanes = [-INF] * LANES
    for i, value in enumerate(x):
        lanes[i % LANES] = greater(value, lanes[i % LANES])
    g = tree(lanes, greater)
    e = [exp_of(fl(value - g)) for value in x]
    total = over_lanes(((v,) for v in e), lambda lane, v: fl(lane + v))
    loss = fl(log_of(total) - fl(x[target] - g))
    f = fl(scale / total)
    gradient = [fl(value * f) for value in e]
    gradient[target] = fl(gradient[target] - scale)
    return loss, gradient

# --- attention of one head of one sequence: rows of the head's width
def scores(query, keys):
    scale = fl(1.0 / root(fl(len(query))))
    return [fl(chain(zip(query, key)) * scale) for key in keys], scale
def attention(q, k, v):
    """out, and (max, row_sum) of each query."""
    out, statistics = [], []
    for i, query in enumerate(q):
        s, _ = scores(query, k[:i + 1])
        most, row_sum = -INF, 0.0
        for score in s:
            most = greater(score, most)
        e = [exp_of(fl(score - most)) for score in s]
        for value in e:
            row_sum = fl(row_sum + value)
        out.append([fl(chain(zip(e, column)) / row_sum) for column in zip(*v[:i + 1])])
        statistics.append((most, row_sum))
    return out, statistics
def attention_backward(q, k, v, out, d_out, statistics, dk, dv):
    """dq; the chains of dk and dv go on."""
    dq = []
    for i, (most, row_sum) in enumerate(statistics):
        d = chain(zip(out[i], d_out[i]))
        r = fl(1.0 / row_sum)
        s, scale = scores(q[i], k[:i + 1])
        p = [fl(exp_of(fl(score - most)) * r) for score in s]
        dp = [chain(zip(d_out[i], value)) for value in v[:i + 1]]
        ds = [fl(fl(a * fl(b - d)) * scale) for a, b in zip(p, dp)]
        dq.append([chain(zip(ds, column)) for column in zip(*k[:i + 1])])
        for j in range(i + 1):
            dk[j] = [fma(ds[j], x, sum_) for x, sum_ in zip(q[i], dk[j])]
            dv[j] = [fma(p[j], x, sum_) for x, sum_ in zip(d_out[i], dv[j])]
    return dq

# --- rotary positions: pairs of fp64 values
def fma64(a, b, c):
    return float(Fraction(a) * Fraction(b) + Fraction(c))
def join(a, b):
    s = a + b
    return s, b - (s - a)
def mul(a, b):
    h = a[0] * b[0]
    e = fma64(a[0], b[0], -h)
    return join(h, e + (a[0] * b[1] + a[1] * b[0]))
def power(x, n):
    result = (1.0, 0.0)
    while n > 0:
        if n % 2:
            result = mul(result, x)
        x = mul(x, x)
        n //= 2
    return result
def frequencies(base, n):
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if base * power((middle, 0.0), n)[0] > 1:
            high = middle
        else:
            low = middle
    x = (high, 0.0)
    for _ in range(2):
        one = mul((base, 0.0), power(x, n))
        d = (1 - one[0]) - one[1]
        x = join(x[0], x[1] + x[0] * (d / n))
    all_of_them = [(1.0, 0.0)]
    while len(all_of_them) < n:
        all_of_them.append(mul(all_of_them[-1], x))
    return all_of_them

PI2 = (float.fromhex("0x1.921fb54442d18p+0"), float.fromhex("0x1.1a62633145c07p-54"))
SIN = [(-1) ** (i // 2) / math.factorial(i) for i in range(17, 1, -2)]
COS = [(-1) ** (i // 2) / math.factorial(i) for i in range(16, 0, -2)]
def series(coefficients, s):
    c = coefficients[0]
    for q in coefficients[1:]:
        c = fma64(c, s, q)
    return c
def cos_sin(position, frequency):
    a = mul((float(position), 0.0), frequency)
    n = math.trunc(a[0] * float.fromhex("0x1.45f306dc9c883p-1") + 0.5)
    t = mul((float(n), 0.0), PI2)
    y = (a[0] - t[0]) + (a[1] - t[1])
    s = y * y
    sin = fma64(series(SIN, s) * s, y, y)
    cos = fma64(series(COS, s), s, 1.0)
    cos, sin = [(cos, sin), (-sin, cos), (-cos, -sin), (sin, -cos)][n % 4]
    return fl(cos), fl(sin)

# --- the decoder

class Decoder:
    def __init__(self, shape):
        self.__dict__.update(shape)
        self.steps = frequencies(self.rope_theta, self.head_width // 2)
        self.tables = []  # of each position
    def rotate(self, rows, length, back=False):
        while len(self.tables) < length:
            self.tables.append([cos_sin(len(self.tables), step) for step in self.steps])
        half = self.head_width // 2
        for i, x in enumerate(rows):
            for first in range(0, len(x), self.head_width):
                for j, (cos, sin) in enumerate(self.tables[i % length], first):
                    sin = -sin if back else sin
                    a, b = x[j], x[j + half]
                    x[j], x[j + half] = fma(-b, sin, fl(a * cos)), fma(a, sin, fl(b * cos))
    def part(self, rows, first, length, head):
        """One head of one sequence."""
        at = head * self.head_width
        return [row[at:at + self.head_width] for row in rows[first:first + length]]
    def put(self, values, rows, first, head):
        for i, value in enumerate(values):
            at = head * self.head_width
            rows[first + i][at:at + self.head_width] = value
    def mix(self, kept, length):
        q, group = kept["q"], self.heads // self.kv_heads
        kept["a"], kept["statistics"] = zeros_like(q), {}
        for first in range(0, len(q), length):
            for h in range(self.heads):
                k, v = (self.part(kept[name], first, length, h // group) for name in "kv")
                out, kept["statistics"][first, h] = attention(
                    self.part(q, first, length, h), k, v)
                self.put(out, kept["a"], first, h)
    def mix_backward(self, kept, da, length):
        dq, dk, dv = (zeros_like(kept[name]) for name in "qkv")
        for first in range(0, len(da), length):
            for h in range(self.heads):
                kv = h // (self.heads // self.kv_heads)
                dk_head, dv_head = (self.part(d, first, length, kv) for d in (dk, dv))
                dq_head = attention_backward(
                    *(self.part(rows, first, length, head) for rows, head in (
                        (kept["q"], h), (kept["k"], kv), (kept["v"], kv), (kept["a"], h), (da, h))),
                    kept["statistics"][first, h], dk_head, dv_head)
                for values, rows, head in ((dq_head, dq, h), (dk_head, dk, kv), (dv_head, dv, kv)):
                    self.put(values, rows, first, head)
        return dq, dk, dv
    def layer(self, w, x, length):
        kept = {"x": x}
        n, kept["r1"] = rms_norm(x, w["norm1"][0], self.epsilon)
        for name in "qkv":
            kept[name] = times(n, turned(w[name]))
        self.rotate(kept["q"], length)
        self.rotate(kept["k"], length)
        self.mix(kept, length)
        y = add(times(kept["a"], turned(w["o"])), x)
        m, kept["r2"] = rms_norm(y, w["norm2"][0], self.epsilon)
        gate, up = (times(m, turned(w[name])) for name in ("gate", "up"))
        h = each(swiglu, gate, up)
        kept.update(n=n, y=y, m=m, gate=gate, up=up, h=h)
        return kept, add(times(h, turned(w["down"])), y)
    def layer_backward(self, w, kept, dx, d, length):
        d["down"] = times(turned(dx), kept["h"])
        both = each(swiglu_backward, kept["gate"], kept["up"], times(dx, w["down"]))
        dgate, dup = ([[pair[i] for pair in row] for row in both] for i in range(2))
        d["gate"], d["up"] = times(turned(dgate), kept["m"]), times(turned(dup), kept["m"])
        dn = times(dup, w["up"], times(dgate, w["gate"]))
        rms_norm_backward(dn, kept["y"], w["norm2"][0], kept["r2"], dx, d["norm2"][0])
        d["o"] = times(turned(dx), kept["a"])
        dq, dk, dv = self.mix_backward(kept, times(dx, w["o"]), length)
        self.rotate(dq, length, back=True)
        self.rotate(dk, length, back=True)
        for name, rows in (("q", dq), ("k", dk), ("v", dv)):
            d[name] = times(turned(rows), kept["n"])
        dn = times(dv, w["v"], times(dk, w["k"], times(dq, w["q"])))
        rms_norm_backward(dn, kept["x"], w["norm1"][0], kept["r1"], dx, d["norm1"][0])
    def grain(self, theta, inputs, targets, length, scale):
        """Losses of the tokens, and the gradient."""
        head = "embed" if self.tied else "head"
        x = [list(theta["embed"][t]) for t in inputs]
        layers = []
        for i in range(self.layers):
            kept, x = self.layer(Layer(theta, i), x, length)
            layers.append(kept)
        n, r = rms_norm(x, theta["norm"][0], self.epsilon)
        rows = zip(times(n, turned(theta[head])), targets)
        losses, dl = zip(*(cross_entropy(row, target, scale) for row, target in rows))
        d = {name: zeros_like(values) for name, values in theta.items()}
        d[head] = times(turned(dl), n)
        dx = zeros_like(x)
        rms_norm_backward(times(dl, theta[head]), x, theta["norm"][0], r, dx, d["norm"][0])
        for i in reversed(range(self.layers)):
            self.layer_backward(Layer(theta, i), layers[i], dx, Layer(d, i), length)
        for t, row in zip(inputs, dx):
            d["embed"][t] = [fl(a + b) for a, b in zip(d["embed"][t], row)]
        return losses, d
    def gradient(self, theta, batch, grain_sequences):
        """Mean losses of the sequences, and the gradient of the batch."""
        length = len(batch[0]) - 1
        scale = fl(1.0 / (len(batch) * length))
        means, total = [], None
        for first in range(0, len(batch), grain_sequences):
            rows = batch[first:first + grain_sequences]
            losses, d = self.grain(theta, [t for row in rows for t in row[:-1]],
                                   [t for row in rows for t in row[1:]], length, scale)
            for i in range(0, len(losses), length):
                means.append(fl(plain_sum(losses[i:i + length]) / length))
            total = {name: add(total[name], d[name]) for name in d} if total else d
        return means, total

class Layer:
    """The tensors of a layer: names without its number."""
    def __init__(self, tensors, index):
        self.tensors, self.prefix = tensors, f"{index}."
    def __getitem__(self, name):
        return self.tensors[self.prefix + name]
    def __setitem__(self, name, value):
        self.tensors[self.prefix + name] = value

# --- norm and clip, AdamW

TILE = 4096
def plain_sum(values):  # from +0, in order; sum() compensates from Python 3.12 on
    total = 0.0
    for value in values:
        total += value
    return total
def flat(rows):
    """A tensor in the buffer: padded with +0 to whole tiles."""
    values = [value for row in rows for value in row]
    return values + [0.0] * (-len(values) % TILE)
def clipped(gradient, largest):
    values = [value for rows in gradient.values() for value in flat(rows)]
    tiles = [values[first:first + TILE] for first in range(0, len(values), TILE)]
    norm = math.sqrt(plain_sum(plain_sum(v * v for v in tile) for tile in tiles))
    scale = fl(largest / norm) if norm > largest and largest != 0 else 1.0
    return {name: each(lambda v: fl(v * scale), rows) for name, rows in gradient.items()}
def bias(beta, k):
    return fl(1.0 / (1.0 - math.prod([beta] * k)))
def adamw(theta, m, v, g, lr, k):
    beta1, beta2, epsilon = fl(0.9), fl(0.95), fl(1e-8)
    rate, bias2 = fl(lr * bias(0.9, k)), bias(0.95, k)
    for name, rows in theta.items():
        decay = fl(lr * fl(0.1)) if len(rows) > 1 else 0.0
        m[name] = each(lambda a, x: fma(beta1, a, fl(fl(1.0 - beta1) * x)), m[name], g[name])
        v[name] = each(
            lambda a, x: fma(beta2, a, fl(fl(1.0 - beta2) * fl(x * x))), v[name], g[name])
        theta[name] = each(lambda t, a, b: fma(
            -rate, fl(a / fl(root(fl(b * bias2)) + epsilon)), fma(-decay, t, t)),
            rows, m[name], v[name])

# --- the run of tests/golden/reference_test.cpp
def lehmer(state):
    while True:
        state = state * 48271 % 2147483647
        yield state
def first_theta(s):
    d, q, k, f = s["width"], s["heads"] * s["head_width"], s["kv_heads"] * s["head_width"], s["ffn"]
    sizes = [("embed", s["vocab"], d)]
    for i in range(s["layers"]):
        sizes += [(f"{i}.{name}", rows, columns) for name, rows, columns in (
            ("norm1", 1, d), ("q", q, d), ("k", k, d), ("v", k, d), ("o", d, q),
            ("norm2", 1, d), ("gate", f, d), ("up", f, d), ("down", d, f))]
    sizes += [("norm", 1, d)] + ([] if s["tied"] else [("head", s["vocab"], d)])
    numbers = lehmer(1)
    value = lambda middle: fl(middle + (next(numbers) % 2001 - 1000) * 2.0**-11)
    return {name: [[value(1.0 if rows == 1 else 0.0) for _ in range(columns)] for _ in range(rows)]
            for name, rows, columns in sizes}
SMALL = {"vocab": 37, "width": 20, "layers": 2, "heads": 2, "kv_heads": 1, "head_width": 10,
         "ffn": 18, "rope_theta": 10000.0, "epsilon": fl(1e-5)}
ROWS = {**SMALL, "vocab": 11, "width": 4, "layers": 1, "heads": 1, "head_width": 4, "ffn": 3}
# shape, sequences, their targets, sequences of a grain
CASES = {"reference_untied": ({**SMALL, "tied": False}, 3, 19, 2),
         "reference_tied": ({**SMALL, "tied": True}, 3, 19, 2),
         "reference_rows": ({**ROWS, "tied": False}, 262, 2, 261)}  # logits in blocks of 256 rows
def run(s, sequences, length, grain):
    decoder, theta = Decoder(s), first_theta(s)
    m, v = ({name: zeros_like(rows) for name, rows in theta.items()} for _ in range(2))
    for step in range(2):
        numbers = lehmer(12345 + step)
        batch = [[next(numbers) % s["vocab"] for _ in range(length + 1)] for _ in range(sequences)]
        losses, g = decoder.gradient(theta, batch, grain)
        adamw(theta, m, v, clipped(g, 1.0), of_bits(0x3C23D70A), step + 1)
    values = [value for rows in theta.values() for value in flat(rows)] + losses
    return hashlib.sha256(struct.pack(f"<{len(values)}f", *values)).hexdigest()
def main():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "..", "tests", "golden", "exact.txt")) as lines:
        golden = dict(line.split() for line in lines)
    for name, case in CASES.items():
        digest = run(*case)
        print(name, digest)
        if digest != golden.get(name):
            sys.exit("OTHER BITS: tests/golden/exact.txt has " + str(golden.get(name)))

if __name__ == "__main__":
    main()
