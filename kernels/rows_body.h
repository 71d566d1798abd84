// The order of operations of RMSNorm, SwiGLU, cross-entropy and AdamW, once for all paths.
//
// Templates over the lanes type (lanes_scalar.h): each rows_<path>.cpp instantiates them with its
// own, so no function compiled for one instruction set can stand for another's. Only those files
// include this; no function of the standard library is called here.

#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/adamw.h"
#include "kernels/lanes_blocks.h"
#include "kernels/lanes_math.h"
#include "kernels/rows_paths.h"

namespace assay {

template <class L>
struct RowsBody {
    static void rms_forward(RmsForward args) {
        const L one = L::broadcast(1.0F);
        for (size_t row = args.first_row; row < args.last_row; ++row) {
            const float* x = args.x + row * args.width;
            float* y = args.y + row * args.width;
            L squares = L::broadcast(0.0F);
            each_block<L>(0, args.width, [&](size_t i, auto block) {
                const L value = block.load(x + i);
                squares = fma(value, value, squares);
            });
            const float mean = squares.sum() / static_cast<float>(args.width);
            const float r = first_lane(one / sqrt(L::broadcast(mean + args.epsilon)));
            args.inverse_rms[row] = r;
            const L factor = L::broadcast(r);
            each_block<L>(0, args.width, [&](size_t i, auto block) {
                block.store(y + i, block.load(x + i) * factor * block.load(args.weight + i));
            });
        }
    }

    static void rms_backward_rows(RmsBackward args, size_t first, size_t last) {
        for (size_t row = first; row < last; ++row) {
            const float* x = args.x + row * args.width;
            const float* dy = args.dy + row * args.width;
            float* dx = args.dx + row * args.width;
            L dot = L::broadcast(0.0F);
            each_block<L>(0, args.width, [&](size_t i, auto block) {
                dot = fma(block.load(dy + i) * block.load(args.weight + i), block.load(x + i), dot);
            });
            const float r = args.inverse_rms[row];
            const L factor = L::broadcast(r);
            const L share = L::broadcast(-(dot.sum() * r / static_cast<float>(args.width)));
            each_block<L>(0, args.width, [&](size_t i, auto block) {
                const L inner = block.load(dy + i) * block.load(args.weight + i);
                const L outer = fma(block.load(x + i) * factor, share, inner);
                block.store(dx + i, fma(outer, factor, block.load(dx + i)));
            });
        }
    }

    static void rms_backward_columns(RmsBackward args, size_t first, size_t last) {
        for (size_t row = 0; row < args.rows; ++row) {
            const float* x = args.x + row * args.width;
            const float* dy = args.dy + row * args.width;
            const L factor = L::broadcast(args.inverse_rms[row]);
            each_block<L>(first, last, [&](size_t i, auto block) {
                const L normed = block.load(x + i) * factor;
                const L before = block.load(args.d_weight + i);
                block.store(args.d_weight + i, fma(block.load(dy + i), normed, before));
            });
        }
    }

    static void add(size_t count, float* x, const float* y) {
        each_block<L>(0, count, [&](size_t i, auto block) {
            block.store(x + i, block.load(x + i) + block.load(y + i));
        });
    }

    static void scale(size_t count, float* x, float factor) {
        const L wide = L::broadcast(factor);
        each_block<L>(
            0, count, [&](size_t i, auto block) { block.store(x + i, block.load(x + i) * wide); });
    }

    static void swiglu_forward(size_t count, const float* gate, const float* up, float* out) {
        const L zero = L::broadcast(0.0F);
        const L one = L::broadcast(1.0F);
        each_block<L>(0, count, [&](size_t i, auto block) {
            const L x = block.load(gate + i);
            const L silu = x / (one + exp_of(zero - x));
            block.store(out + i, silu * block.load(up + i));
        });
    }

    static void swiglu_backward(SwigluBackward args, size_t first, size_t last) {
        const L zero = L::broadcast(0.0F);
        const L one = L::broadcast(1.0F);
        each_block<L>(first, last, [&](size_t i, auto block) {
            const L x = block.load(args.gate + i);
            const L up = block.load(args.up + i);
            const L d_out = block.load(args.d_out + i);
            const L sigmoid = one / (one + exp_of(zero - x));
            const L silu = x * sigmoid;
            const L slope = fma(silu, one - sigmoid, sigmoid);
            block.store(args.d_gate + i, d_out * up * slope);
            block.store(args.d_up + i, d_out * silu);
        });
    }

    static float row_greatest(const float* row, size_t vocab) {
        L greatest = L::broadcast(-__builtin_inff());
        each_block<L>(0, vocab, [&](size_t i, auto block) {
            greatest = block.inside(greater_of(block.load(row + i), greatest), greatest);
        });
        return greatest.greatest();
    }

    // Sum of e^(x - greatest); keep(i, block, e) sees each block of powers.
    template <class Keep>
    static float sum_of_powers(const float* row, size_t vocab, float greatest, const Keep& keep) {
        const L zero = L::broadcast(0.0F);
        const L shift = L::broadcast(greatest);
        L sum = zero;
        each_block<L>(0, vocab, [&](size_t i, auto block) {
            const L power = block.inside(exp_of(block.load(row + i) - shift), zero);
            keep(i, block, power);
            sum = sum + power;
        });
        return sum.sum();
    }

    static float cross_entropy_loss(const float* row, size_t vocab, int32_t target) {
        const float greatest = row_greatest(row, vocab);
        const float sum = sum_of_powers(row, vocab, greatest, [](size_t, auto, L) {});
        return log_of<L>(sum) - (row[target] - greatest);
    }

    static float cross_entropy_backward(float* row, size_t vocab, int32_t target, float scale) {
        const float greatest = row_greatest(row, vocab);
        const float at_target = row[target];
        const float sum = sum_of_powers(row, vocab, greatest, [&](size_t i, auto block, L power) {
            block.store(row + i, power);
        });
        RowsBody::scale(vocab, row, scale / sum);
        row[target] = row[target] - scale;
        return log_of<L>(sum) - (at_target - greatest);
    }

    // Whether theta and v are finite. x - x is zero, or a NaN where x is none: it stays in the sum.
    static bool adamw(AdamArrays arrays, const AdamScalars& s) {
        const L beta1 = L::broadcast(s.beta1);
        const L rest1 = L::broadcast(s.one_minus_beta1);
        const L beta2 = L::broadcast(s.beta2);
        const L rest2 = L::broadcast(s.one_minus_beta2);
        const L epsilon = L::broadcast(s.epsilon);
        const L bias2 = L::broadcast(s.bias2);
        const L rate = L::broadcast(-s.rate);
        const L decay = L::broadcast(-s.decay);
        L wrong = L::broadcast(0.0F);
        each_block<L>(0, arrays.count, [&](size_t i, auto block) {
            prefetch(arrays, i + kPrefetch);
            const L g = block.load(arrays.g + i);
            L theta = block.load(arrays.theta + i);
            const L m = fma(beta1, block.load(arrays.m + i), rest1 * g);
            const L v = fma(beta2, block.load(arrays.v + i), rest2 * (g * g));
            block.store(arrays.m + i, m);
            block.store(arrays.v + i, v);
            theta = fma(rate, m / (sqrt(v * bias2) + epsilon), fma(decay, theta, theta));
            block.store(arrays.theta + i, theta);
            wrong = wrong + (theta - theta) + (v - v);
        });
        return wrong.sum() == 0.0F;
    }

    // Half a page ahead: four streams are more than the hardware follows on its own.
    static constexpr size_t kPrefetch = 512;
    [[gnu::always_inline]] static void prefetch(const AdamArrays& arrays, size_t i) {
        __builtin_prefetch(arrays.g + i);
        __builtin_prefetch(arrays.theta + i);
        __builtin_prefetch(arrays.m + i);
        __builtin_prefetch(arrays.v + i);
    }

    static constexpr RowsPath path(TileSquares tile_squares) {
        return {rms_forward,
                rms_backward_rows,
                rms_backward_columns,
                add,
                scale,
                swiglu_forward,
                swiglu_backward,
                cross_entropy_loss,
                cross_entropy_backward,
                adamw,
                tile_squares};
    }
};

}  // namespace assay
