#!/usr/bin/env bash
# Everything that is too slow or too strict for each build. Ends green or names what is not.
#
#   scripts/check.sh [--all] [--fuzz-seconds N] [STEP...]
#
# STEPs, in this order if none is named:
#   layers    the house rules          format   clang-format          tidy   clang-tidy
#   asan      address + undefined      tsan     threads               valgrind
#   fuzz      libFuzzer, one minute in all
# The sanitizers run what does not start processes and is not labelled slow: thousands of seeds of what
# the fast tests do with some. Up to six files of a target are compiled as one there, in a third of the
# time: one name for two things in two files of a folder is an error then. asan is clang's, as fuzz is.
# valgrind runs the tests of core, protocol and ledger, without the cases of the ledger that do the
# same thousands of times ([repeats]; the sanitizers run those): they would take it half an hour.
# clang-tidy reads the torch-free files that differ from the main branch (ASSAY_BASE, default
# origin/main); with --all, and where nothing differs or there is no such branch, it reads every
# file, which takes long.

source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ASSAY_ROOT"

ALL_STEPS=(layers format tidy asan tsan valgrind fuzz)
all_files=no
fuzz_seconds=60
steps=()

usage() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
}

while [ $# -gt 0 ]; do
    case "$1" in
    --all) all_files=yes ;;
    --fuzz-seconds) fuzz_seconds="${2:?--fuzz-seconds needs a number}" && shift ;;
    -h | --help) usage && exit 0 ;;
    *) [[ " ${ALL_STEPS[*]} " == *" $1 "* ]] || die "unknown step $1" "one of: ${ALL_STEPS[*]}"
        steps+=("$1") ;;
    esac
    shift
done
[ ${#steps[@]} -gt 0 ] || steps=("${ALL_STEPS[@]}")

sources() {
    git ls-files '*.cpp' '*.h' '*.cu'
}

step_layers() {
    build release layers_test
    build/release/layers_test
}

step_format() {
    sources | xargs clang-format-14 --dry-run -Werror
}

# The .cpp files of a compilation database, relative to the root.
files_of_database() {
    sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$1/compile_commands.json" |
        grep -v "^$1/" | sed "s|^$ASSAY_ROOT/||" | grep '\.cpp$' | grep -v '^build/' | sort -u
}

# Why no difference says which files to read; nothing where there is one.
no_difference() {
    local branch="${ASSAY_BASE:-origin/main}" base
    if ! base="$(git merge-base HEAD "$branch" 2>/dev/null)"; then
        echo "there is no $branch to compare with"
    elif git diff --quiet "$base" && [ -z "$(git ls-files -o --exclude-standard)" ]; then
        echo "nothing differs from $branch"
    fi
}

# Changed .cpp files, and those beside a changed header.
changed_files() {
    local base
    base="$(git merge-base HEAD "${ASSAY_BASE:-origin/main}")"
    { git diff --name-only --diff-filter=d "$base" -- '*.cpp' '*.h' && git ls-files -o --exclude-standard -- '*.cpp'; } |
        sed 's/\.h$/.cpp/' | sort -u
}

step_tidy() {
    # A tree of its own: clang cannot read the precompiled headers of g++.
    cmake --preset release -B build/tidy -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON >/dev/null
    cmake --build build/tidy --target assay_protocol_generated >/dev/null
    local files reason
    reason="$(no_difference)"
    if [ "$all_files" = no ] && [ -n "$reason" ]; then
        say "clang-tidy: $reason: all files are read"
        all_files=yes
    fi
    if [ "$all_files" = yes ]; then
        files="$(files_of_database build/tidy)"
    else
        cmake --preset no-torch -B build/no-torch >/dev/null
        files="$(comm -12 <(files_of_database build/no-torch) <(changed_files))"
    fi
    [ -z "$files" ] || tidy_files build/tidy "$files"
    # The fuzz targets are compiled in their own build alone.
    cmake --preset fuzz >/dev/null
    files="$(git ls-files 'fuzz/*.cpp')"
    [ "$all_files" = yes ] || files="$(comm -12 <(sort <<<"$files") <(changed_files))"
    [ -z "$files" ] || tidy_files build/fuzz "$files"
}

# tidy_files BUILD FILES: clang-tidy over files that the build's compilation database knows.
tidy_files() {
    say "clang-tidy reads $(wc -l <<<"$2") files of $1"
    scripts/tidy.py "$1" <<<"$2"
}

step_asan() {
    build asan
    ctest --preset asan --no-tests=error -j $((2 * $(nproc)))
}

step_tsan() {
    build tsan
    ctest --preset tsan --no-tests=error -j $((2 * $(nproc)))
}

step_valgrind() {
    build release core_test protocol_test ledger_test
    local test
    for test in core_test protocol_test ledger_test; do
        say "valgrind $test"
        valgrind -q --fair-sched=yes --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
            "build/release/$test" '~[slow]~[repeats]'
    done
}

step_fuzz() {
    build fuzz fuzzers
    local targets target name seeds
    mapfile -t targets < <(find build/fuzz -maxdepth 1 -type f -executable -name '*_fuzz' | sort)
    [ ${#targets[@]} -gt 0 ] || die "no fuzz target was built."
    for target in "${targets[@]}"; do
        name="$(basename "$target")"
        mkdir -p "build/fuzz/corpus/$name" build/fuzz/artifacts
        seeds=()
        [ ! -d "fuzz/corpus/$name" ] || seeds=("fuzz/corpus/$name")
        say "$name for $((fuzz_seconds / ${#targets[@]})) s"
        "$target" -max_total_time=$((fuzz_seconds / ${#targets[@]})) -timeout=10 -rss_limit_mb=2048 \
            -print_final_stats=1 -artifact_prefix=build/fuzz/artifacts/ "build/fuzz/corpus/$name" \
            "${seeds[@]}" >"build/fuzz/$name.log" 2>&1 ||
            { tail -n 40 "build/fuzz/$name.log" && return 1; }
        grep -E 'number_of_executed_units|new_units_added' "build/fuzz/$name.log" || true
    done
}

bash scripts/install.sh --check
failed=()
for step in "${steps[@]}"; do
    say "check: $step"
    # A subshell of its own, so that `set -e` ends the step and not the script.
    set +e
    (set -e; "step_$step")
    status=$?
    set -e
    [ $status -eq 0 ] || failed+=("$step")
done
[ ${#failed[@]} -eq 0 ] || die "not green: ${failed[*]}"
say "all green: ${steps[*]}"
