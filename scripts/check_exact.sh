#!/usr/bin/env bash
# The golden run of class exact (tests/golden/golden_run.h) with other compilers, optimisation
# levels, processors, kernels and numbers of threads: all must end with the same bits. The golden
# payloads and aggregate of the compressor (tests/compression/golden_updates.h) come out the same on
# arm64 too, where the kernels' own tests run as well (tests/kernels: NEON against the scalar files
# on random and hostile inputs); kernels_test and compression_test compare the paths of this machine.
#
#   scripts/check_exact.sh [--break-it]
#
# --break-it builds it with -ffast-math, which must give other bits (the check can fail), and with
# -ffp-contract=fast, which must not: every multiply-add in fp32 is an fma by name, and the fp64
# products of the rotary tables lead to the same fp32 values. A compiler or emulator that is not
# installed is skipped with a printed reason.

source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ASSAY_ROOT"

wanted="$(awk '$1 == "theta_sha256" {print $2}' tests/golden/exact.txt)"
[ -n "$wanted" ] || die "tests/golden/exact.txt names no theta_sha256."
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT
failures=0

CATCH_SOURCES=(tests/catch_main.cpp tests/support/skip.cpp)
# What goes on tiles and digests, without OpenSSL.
DIGEST_SOURCES=(core/check.cpp core/bytes.cpp core/rng.cpp core/merkle.cpp core/tile_strips.cpp
    tests/golden/stand_in/digest.cpp)
# What the run needs, without the libraries that core/ links: the linker drops what nobody calls.
SOURCES=(model/exact_llama.cpp model/inner_loop.cpp model/gradient_model.cpp model/shape.cpp
    protocol/layout.cpp tests/golden/main.cpp "${DIGEST_SOURCES[@]}")
# The same for the golden payloads.
UPDATE_SOURCES=(protocol/layout.cpp tests/compression/main.cpp "${DIGEST_SOURCES[@]}")
FLAGS=(-std=c++20 -I. -ffp-contract=off -ffunction-sections -fdata-sections -pthread)

flags_of() {
    case "$1" in
    *_fma.cpp) echo -mfma ;;
    *_avx2.cpp) echo -mavx2 -mfma ;;
    *_avx512.cpp) echo -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl ;;
    esac
}

# sources_of PROCESSOR FOLDER...: what of the folders is for the processor.
sources_of() {
    local other='_(arm64|neon)\.cpp$'
    [ "$1" = x86 ] || other='_(x86|fma|avx2|avx512)\.cpp$'
    shift
    find "$@" -name '*.cpp' | grep -Ev "$other"
}

# compile NAME PROCESSOR COMPILER [FLAGS...]: the golden run
compile() {
    local name="$1" processor="$2" compiler="$3"
    shift 3
    link "$name" "$compiler" "$(sources_of "$processor" kernels) ${SOURCES[*]}" "$@"
}

# compile_updates NAME PROCESSOR COMPILER [FLAGS...]: the golden payloads
compile_updates() {
    local name="$1" processor="$2" compiler="$3"
    shift 3
    link "$name" "$compiler" \
        "$(sources_of "$processor" kernels compression) ${UPDATE_SOURCES[*]}" "$@"
}

# compile_kernel_tests NAME PROCESSOR COMPILER [FLAGS...]: tests/kernels
compile_kernel_tests() {
    local name="$1" processor="$2" compiler="$3"
    shift 3
    link "$name" "$compiler" "$(sources_of "$processor" kernels tests/kernels) ${CATCH_SOURCES[*]} \
        ${DIGEST_SOURCES[*]}" "$@"
}

# link NAME COMPILER SOURCES [FLAGS...]: programs of one compiler and one set of flags share objects.
link() {
    local name="$1" compiler="$2" sources="$3" folder source object objects=()
    shift 3
    folder="$out/objects_$(tr -c 'a-zA-Z0-9\n' _ <<<"$compiler $*")"
    mkdir -p "$out/$name" "$folder"
    for source in $sources; do
        objects+=("$folder/$(tr / _ <<<"$source").o")
    done
    for source in $sources; do
        object="$folder/$(tr / _ <<<"$source").o"
        # shellcheck disable=SC2046
        [ -e "$object" ] || echo "$compiler" "${FLAGS[@]}" "$@" $(flags_of "$source") -c "$source" -o "$object"
    done | xargs -P "$(build_jobs)" -I{} sh -c '{}'
    "$compiler" "${FLAGS[@]}" "$@" -Wl,--gc-sections "${objects[@]}" -o "$out/$name/run"
}

# sum_of NAME RUNNER KERNELS THREADS: the hash of theta; empty where this machine lacks the kernels.
sum_of() {
    local status=0
    # shellcheck disable=SC2086
    $2 "$out/$1/run" "$3" "$4" >"$out/theta" 2>"$out/error" || status=$?
    [ "$status" -ne 2 ] || { say "skipped: $(cat "$out/error")" >&2 && return; }
    [ "$status" -eq 0 ] || { cat "$out/error" >&2 && echo failed && return; }
    sha256sum <"$out/theta" | cut -d' ' -f1
}

check() {
    local name="$1" runner="$2" sum
    shift 2
    for kernels in "$@"; do
        for threads in 1 2 3; do
            sum="$(sum_of "$name" "$runner" "$kernels" "$threads")"
            [ -n "$sum" ] || break
            if [ "$sum" = "$wanted" ]; then
                say "same bits: $name, $kernels, $threads threads"
            else
                say "OTHER BITS: $name, $kernels, $threads threads: $sum, golden: $wanted"
                failures=$((failures + 1))
            fi
        done
    done
}

check_updates() {
    local name="$1" runner="$2"
    shift 2
    for kernels in "$@"; do
        for threads in 1 2; do
            local status=0
            # shellcheck disable=SC2086
            $runner "$out/$name/run" "$kernels" "$threads" >"$out/updates" 2>"$out/error" || status=$?
            [ "$status" -ne 2 ] || { say "skipped: $(cat "$out/error")" && break; }
            if [ "$status" -eq 0 ] && cmp -s "$out/updates" "$out/golden_updates"; then
                say "same bytes: $name, $kernels, $threads threads"
            else
                say "OTHER BYTES: $name, $kernels, $threads threads: $(cat "$out/error")"
                failures=$((failures + 1))
            fi
        done
    done
}

# Both halves of the kernels' tests at once: qemu runs most of each on one core.
check_kernel_tests() {
    local name="$1" runner="$2" half no_avx='~[needs_avx2]~[needs_avx512]'
    local halves=("[attention]~[double]$no_avx" "~[attention]~[double]~[exhaustive]$no_avx")
    say "$name: without [double], accuracy against double precision: it looks at one path, and" \
        "equal bits carry it over"
    for half in 0 1; do
        # shellcheck disable=SC2086
        { $runner "$out/$name/run" "${halves[half]}" >"$out/$name/log$half" 2>&1 &&
            touch "$out/$name/passed$half"; } &
    done
    wait
    for half in 0 1; do
        if [ -e "$out/$name/passed$half" ] && ! grep -q '^No tests ran' "$out/$name/log$half"; then
            say "same bits: $name, ${halves[half]}:" \
                "$(grep '^All tests passed' "$out/$name/log$half")"
        else
            tail -n 40 "$out/$name/log$half"
            say "OTHER BITS: $name, ${halves[half]}"
            failures=$((failures + 1))
        fi
    done
}

cat tests/golden/{update_keep64,update_keep4096,aggregate_keep1024}.bin >"$out/golden_updates"
for compiler in g++ clang++; do
    if ! command -v "$compiler" >/dev/null; then
        say "skipped: $compiler is not installed"
        continue
    fi
    for level in -O1 -O3; do
        compile "$compiler$level" x86 "$compiler" "$level"
        check "$compiler$level" "" scalar avx2 avx512
    done
done
if command -v aarch64-linux-gnu-g++ >/dev/null && command -v qemu-aarch64 >/dev/null; then
    # Catch2 is one header, the same for every processor; the other headers beside it are not.
    catch2="$(find /usr/include /usr/local/include -maxdepth 2 -name catch.hpp -printf '%h\n' | head -n 1)"
    mkdir "$out/catch2_alone"
    [ -z "$catch2" ] || ln -s "$catch2" "$out/catch2_alone/catch2"
    arm64=(arm64 aarch64-linux-gnu-g++ -O2 -static -isystem "$out/catch2_alone")
    compile arm64-O2 "${arm64[@]}"
    check arm64-O2 qemu-aarch64 scalar neon
    compile_updates arm64-updates "${arm64[@]}"
    check_updates arm64-updates qemu-aarch64 scalar neon
    if [ -n "$catch2" ]; then
        compile_kernel_tests arm64-kernels "${arm64[@]}"
        check_kernel_tests arm64-kernels qemu-aarch64
    else
        say "skipped the kernels' tests on arm64: no catch2/catch.hpp"
    fi
else
    say "skipped arm64: g++-aarch64-linux-gnu or qemu-user is not installed"
fi
# All of what --break-it builds is compiled for FMA, main() too: no path is left to a CPU without.
if [ "${1:-}" = --break-it ] && [ "$(uname -m)" = x86_64 ] && ! grep -qw fma /proc/cpuinfo; then
    say "skipped --break-it: this CPU has no FMA"
elif [ "${1:-}" = --break-it ]; then
    compile g++-contract x86 g++ -O3 -mfma -ffp-contract=fast
    check g++-contract "" scalar avx2 avx512
    compile g++-fast-math x86 g++ -O3 -mfma -ffast-math
    for kernels in scalar avx2 avx512; do
        sum="$(sum_of g++-fast-math "" "$kernels" 1)"
        [ -n "$sum" ] || continue
        if [ "$sum" = "$wanted" ]; then
            say "NOT FOUND: -ffast-math gives the golden bits too ($kernels)"
            failures=$((failures + 1))
        else
            say "found: -ffast-math gives other bits ($kernels: ${sum:0:12}...)"
        fi
    done
fi
[ "$failures" -eq 0 ] || die "$failures runs of class exact gave other bits."
say "class exact: one constant everywhere"
