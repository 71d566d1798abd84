# shellcheck shell=bash
# What the scripts of this folder share: how they speak and where things lie. Sourced, never run.

set -euo pipefail
ASSAY_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
ASSAY_CACHE="${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/assay"

say() {
    printf '== %s\n' "$*"
}

die() {
    printf '\nassay: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
    exit 1
}

# need_space FOLDER MEGABYTES WHAT: dies unless the disk under FOLDER has that much.
need_space() {
    local folder="$1" free
    while [ ! -d "$folder" ]; do folder="$(dirname "$folder")"; done
    free="$(df -Pm "$folder" | awk 'NR == 2 {print $4}')"
    [ "$free" -ge "$2" ] || die "too little disk: $3 needs $2 MB, $folder has $free MB left." \
        "Free some space, or move the cache with XDG_CACHE_HOME."
}

# One job a core, but no more than the memory holds: a file that includes libtorch takes up to 1.5 GB.
build_jobs() {
    local cores memory jobs
    cores="$(nproc)"
    memory="$(awk '/^MemAvailable:/ {print int($2 / 1500000)}' /proc/meminfo)"
    jobs=$((memory < cores ? memory : cores))
    echo $((jobs < 1 ? 1 : jobs))
}

# build PRESET [TARGET...]: configures and builds, in build/PRESET.
build() {
    local preset="$1" output
    shift
    cd "$ASSAY_ROOT"
    [ -d "build/$preset" ] || need_space "$ASSAY_ROOT" 2500 "a build"
    say "configuring ($preset)"
    output="$(cmake --preset "$preset" 2>&1)" || {
        printf '%s\n' "$output"
        die "configuring failed, see above."
    }
    grep 'left out' <<<"$output" || true
    say "building ($preset${*:+: $*})"
    NINJA_STATUS='[%f/%t %es] ' cmake --build --preset "$preset" -j "$(build_jobs)" ${@:+--target "$@"} ||
        die "the build failed, see above."
}
