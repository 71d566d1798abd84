#!/usr/bin/env bash
# Tries PyPI's newest clients on a served run: openai, litellm, langchain-openai, lm-eval, and
# transformers on the export; then transformers, llama.cpp and vLLM on a model of its own with a
# context of 1024 (check_greedy.sh). Not part of the tests: it needs PyPI and 17 GB of disk.
#
#   scripts/check_clients.sh RUN                 RUN: a coordinator's folder
#   scripts/check_clients.sh RUN --streams N     and N streams that are hung up on (10000)
#
# VENV=FOLDER keeps the packages for the next time; without it they go when the script ends. The
# program is build/release/assay, or what ASSAY names.

source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[ $# -ge 1 ] && [ -d "$1/snapshots" ] || die "name a coordinator's folder: $0 RUN [--streams N]"
RUN="$1"
STREAMS=10000
[ "${2:-}" != --streams ] || STREAMS="${3:?--streams needs a number}"
ASSAY="${ASSAY:-$ASSAY_ROOT/build/release/assay}"
PACKAGES=(openai litellm langchain-openai 'lm-eval[api,hf]' transformers torch)
SCRIPTS="$ASSAY_ROOT/scripts"

work="$(mktemp -d)"
server=''
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

need_space "$work" 17000 "the packages"
venv="${VENV:-$work/venv}"
if [ ! -x "$venv/bin/python" ]; then
    say "installing ${PACKAGES[*]}"
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q "${PACKAGES[@]}"
fi
"$venv/bin/pip" list 2>/dev/null | grep -iE '^(openai|litellm|langchain-openai|lm.eval|transformers|torch) '

"$ASSAY" checkpoint export --dir "$RUN" --out "$work/hf" >"$work/export.log"
"$ASSAY" serve --dir "$RUN" --port 0 --port-file "$work/port" --chat-template chatml \
    >"$work/serve.log" 2>&1 &
server=$!
for _ in $(seq 300); do
    [ -s "$work/port" ] || sleep 0.1
done
[ -s "$work/port" ] || die "the server did not start: $(cat "$work/serve.log")"
url="http://127.0.0.1:$(cat "$work/port")"

failed=()
attempt() {
    say "$1"
    shift
    "$@" || failed+=("$*")
}
attempt openai "$venv/bin/python" "$SCRIPTS/check_openai.py" "$url/v1"
attempt "litellm, langchain-openai, transformers" \
    "$venv/bin/python" "$SCRIPTS/check_clients.py" "$url/v1" "$work/hf"
attempt lm-eval "$venv/bin/python" "$SCRIPTS/check_lm_eval.py" "$url" "$work/hf"
attempt "streams that are hung up on" \
    "$venv/bin/python" "$SCRIPTS/soak_serve.py" "$url/v1" --streams "$STREAMS"
attempt "greedy text at a context of 1024" \
    env VENV="$venv" ASSAY="$ASSAY" "$SCRIPTS/check_greedy.sh"
kill -0 "$server" || failed+=("the server ended: $(tail -3 "$work/serve.log")")
[ ${#failed[@]} -eq 0 ] || die "failed:" "${failed[@]}"
say "all held"
