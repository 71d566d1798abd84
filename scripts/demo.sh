#!/usr/bin/env bash
# Installs what is missing, builds, and runs `assay demo` with the options given here.
#
#   scripts/demo.sh [--attack NAME] [--peers N] [...]     scripts/demo.sh --help lists them all

source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

bash "$ASSAY_ROOT/scripts/install.sh"
build release assay
say "starting: build/release/assay demo $*"
exec "$ASSAY_ROOT/build/release/assay" demo "$@"
