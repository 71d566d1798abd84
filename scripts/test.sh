#!/usr/bin/env bash
# Installs what is missing, builds `release`, and runs all tests.
#
#   scripts/test.sh [CTEST OPTIONS]      for instance: scripts/test.sh -L fast

source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

began=$SECONDS
bash "$ASSAY_ROOT/scripts/install.sh"
build release
built=$SECONDS
say "testing"
status=0
# Two slots a core: a test that computes takes two, one of processes takes one.
ctest --preset release --no-tests=error -j $((2 * $(nproc))) "$@" || status=$?
say "install and build took $((built - began)) s, the tests $((SECONDS - built)) s"
[ "$status" -eq 0 ] || die "tests failed, see above (again alone: ctest --preset release --rerun-failed)."
say "all tests passed"
