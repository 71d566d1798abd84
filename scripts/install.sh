#!/usr/bin/env bash
# Brings what Assay is built from: packages of Debian 12, libtorch, a dictionary as demo text.
# Run by demo.sh and test.sh; may be run again at any time, and then takes a second.
#
#   scripts/install.sh            what a build and the tests need
#   scripts/install.sh --check    and what scripts/check.sh needs (clang, clang-tidy, valgrind)
#   scripts/install.sh --no-torch what a build without libtorch needs: a peer of class exact needs no more
#
# Packages come by apt (as root, or through sudo). Everything else goes to ~/.cache/assay (or to
# $XDG_CACHE_HOME/assay); nothing is written outside these two.

source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

PACKAGES=(ca-certificates g++ g++-aarch64-linux-gnu qemu-user clang cmake ninja-build ccache pkg-config python3 python3-pip unzip
    libssl-dev libsodium-dev libspdlog-dev libprotobuf-dev protobuf-compiler libpcre2-dev
    nlohmann-json3-dev libsqlite3-dev libzmq3-dev cppzmq-dev libhdf5-dev libtomlplusplus-dev
    libboost-dev prometheus-cpp-dev libcli11-dev zlib1g-dev libzstd-dev liblzma-dev libbz2-dev
    catch2 librapidcheck-dev)
CHECK_PACKAGES=(git clang-format clang-tidy libclang-rt-14-dev valgrind)

TORCH_VERSION=2.11.0
TORCH_SHA=7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a
CUDART_VERSION=13.0.96
CUDART_SHA=7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
CUPTI_VERSION=13.0.85
CUPTI_SHA=4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8

DOWNLOADS="$ASSAY_CACHE/downloads"
LIBTORCH="$ASSAY_CACHE/libtorch-$TORCH_VERSION"
DICTIONARY="$ASSAY_CACHE/dict-gcide"

check_system() {
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] ||
        die "unsupported system: $(uname -s) on $(uname -m)." "Assay is built on Debian 12, x86-64."
    local id='' version=''
    [ ! -r /etc/os-release ] || {
        id="$(. /etc/os-release && echo "${ID:-}")"
        version="$(. /etc/os-release && echo "${VERSION_ID:-}")"
    }
    [ "$id-$version" = debian-12 ] ||
        die "unsupported system: ${id:-unknown} ${version:-}." \
            "Assay is built on Debian 12 (bookworm), x86-64; a container of debian:12 will do."
}

# as_root COMMAND...: directly as root, else through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        if [ -t 0 ]; then sudo "$@"; else sudo -n "$@"; fi
    else
        return 1
    fi
}

missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
    done
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${#missing[@]} packages: ${missing[*]}"
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        die "packages are missing, and this is neither root nor is there sudo." \
            "Have somebody run: apt-get install --no-install-recommends ${missing[*]}"
    need_space /usr 1500 "the packages"
    # One unreachable source among several need not matter: what counts is whether the install works.
    as_root apt-get -q update || say "apt-get update reported errors; trying with the lists there are"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}" ||
        die "apt-get install failed, see above." "Needed: ${missing[*]}" \
            "Is there a network, may this user run sudo, and is /etc/apt in order?"
}

# fetch_wheel NAME VERSION SHA256: prints the path of the checked wheel.
fetch_wheel() {
    local file
    file="$(wheel_file "$1" "$2")"
    if [ -n "$file" ] && ! echo "$3  $file" | sha256sum --status -c -; then
        say "the download of $1 in the cache is damaged, fetching it again" >&2
        rm -f "$file"
        file=''
    fi
    if [ -z "$file" ]; then
        say "fetching $1 $2" >&2
        /usr/bin/python3 -m pip download --no-deps --disable-pip-version-check --only-binary=:all: \
            --implementation cp --python-version 3.11 --abi cp311 --abi none \
            --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 \
            --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 \
            -d "$DOWNLOADS" "$1==$2" >&2 ||
            die "could not fetch $1 $2 with pip." "Is there a network, and does it reach pypi.org (or your PIP_INDEX_URL)?"
        file="$(wheel_file "$1" "$2")"
    fi
    [ -n "$file" ] || die "pip left no wheel of $1 $2 in $DOWNLOADS."
    echo "$3  $file" | sha256sum --status -c - || {
        rm -f "$file"
        die "$1 $2 has a wrong SHA-256: not the file that Assay was built with." \
            "Expected $3; the download was removed."
    }
    echo "$file"
}

wheel_file() {
    find "$DOWNLOADS" -maxdepth 1 -name "${1//-/_}-$2-*.whl" | head -n 1
}

# The lib folder of a CUDA 13 toolkit, if there is one. ASSAY_CUDA_TOOLKIT names it, or is `none`.
cuda_toolkit() {
    local toolkit="${ASSAY_CUDA_TOOLKIT:-/usr/local/cuda}"
    if [ -e "$toolkit/lib64/libcudart.so.13" ] && [ -e "$toolkit/lib64/libcupti.so.13" ]; then
        echo "$toolkit/lib64"
    fi
}

unpack_cuda_runtime() {
    local into="$1" toolkit wheel
    toolkit="$(cuda_toolkit)"
    if [ -n "$toolkit" ]; then
        say "taking the CUDA runtime from $toolkit"
        cp -L "$toolkit/libcudart.so.13" "$toolkit/libcupti.so.13" "$into/lib/"
        return
    fi
    wheel="$(fetch_wheel nvidia-cuda-runtime "$CUDART_VERSION" "$CUDART_SHA")"
    unzip -q -j "$wheel" '*/libcudart.so.13' -d "$into/lib"
    unzip -q -p "$wheel" '*/licenses/License.txt' >"$into/licences/cuda-runtime-LICENSE"
    wheel="$(fetch_wheel nvidia-cuda-cupti "$CUPTI_VERSION" "$CUPTI_SHA")"
    unzip -q -j "$wheel" '*/libcupti.so.13' -d "$into/lib"
    unzip -q -p "$wheel" '*/licenses/License.txt' >"$into/licences/cuda-cupti-LICENSE"
}

install_libtorch() {
    [ ! -e "$LIBTORCH/.complete" ] || return 0
    need_space "$ASSAY_CACHE" 1300 "libtorch"
    local wheel into="$LIBTORCH.partial"
    say "libtorch $TORCH_VERSION: 531 MB to fetch, once"
    wheel="$(fetch_wheel torch "$TORCH_VERSION" "$TORCH_SHA")"
    rm -rf "$into" "$LIBTORCH"
    mkdir -p "$into/lib" "$into/licences"
    say "unpacking libtorch into $LIBTORCH"
    unzip -q "$wheel" 'torch/include/*' -d "$into"
    mv "$into/torch/include" "$into/include"
    rmdir "$into/torch"
    unzip -q -j "$wheel" torch/lib/libtorch_cpu.so torch/lib/libc10.so torch/lib/libgomp.so.1 -d "$into/lib"
    unzip -q -p "$wheel" '*/licenses/LICENSE' >"$into/licences/libtorch-LICENSE"
    unzip -q -p "$wheel" '*/licenses/NOTICE' >"$into/licences/libtorch-NOTICE"
    unpack_cuda_runtime "$into"
    touch "$into/.complete"
    mv "$into" "$LIBTORCH"
    rm -f "$DOWNLOADS"/*.whl
}

# The package depends on a dictionary daemon, so only its files are taken.
install_dictionary() {
    [ ! -s "$DICTIONARY/usr/share/dictd/gcide.dict.dz" ] || return 0
    need_space "$ASSAY_CACHE" 100 "the demo text"
    say "fetching the demo text (dict-gcide, 15 MB)"
    local folder="$DOWNLOADS/dict-gcide"
    rm -rf "$folder"
    mkdir -p "$folder"
    (cd "$folder" && { apt-get -q download dict-gcide 2>/dev/null ||
        { as_root apt-get -q update && apt-get -q download dict-gcide; }; }) ||
        die "could not fetch the package dict-gcide." "Is there a network, and is /etc/apt in order?"
    rm -rf "$DICTIONARY.partial" "$DICTIONARY"
    dpkg-deb -x "$folder"/dict-gcide_*.deb "$DICTIONARY.partial"
    mv "$DICTIONARY.partial" "$DICTIONARY"
    rm -rf "$folder"
}

main() {
    case "${1:-}" in
    '' | --check | --no-torch) ;;
    *) die "unknown option $1" "usage: scripts/install.sh [--check | --no-torch]" ;;
    esac
    check_system
    mkdir -p "$DOWNLOADS" 2>/dev/null || die "cannot write to $ASSAY_CACHE." "Set XDG_CACHE_HOME to a folder that can be written."
    exec 9>"$ASSAY_CACHE/.lock"
    flock 9
    install_packages "${PACKAGES[@]}"
    [ "${1:-}" != --check ] || install_packages "${CHECK_PACKAGES[@]}"
    [ "${1:-}" = --no-torch ] || install_libtorch
    install_dictionary
    say "everything that is needed is installed"
}

main "$@"
