#!/usr/bin/env bash
# lm-eval 0.4.13: where a server answers `echo` with the generated token's log-probability alone, the
# harness sums an empty list. Every choice of every question gets likelihood 0 and "is greedy", so
# multiple choice reports accuracy by position and perplexity 1 (0 bits a byte), with no warning.
#
# Expected: an error, since it can count: it sent 5 tokens and got 1 value back.
# Seen, and checked below: [(0, True)]. Fails if a later run of these versions gives something else.

set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'lm-eval[api]==0.4.13' 'numpy<3'
"$work/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

from lm_eval.models.openai_completions import LocalCompletionsAPI

answer = {"choices": [{"index": 0, "text": "The word is of x", "logprobs": {
    "tokens": [" x"], "token_logprobs": [-1.25], "top_logprobs": [{" x": -1.25}]}}]}
rated = LocalCompletionsAPI.parse_logprobs(answer, tokens=[[1, 2, 3, 4, 5]], ctxlens=[3])
print("lm-eval", version("lm-eval"), "rates the two tokens behind the context:", rated)
assert rated == [(0, True)], rated
PYTHON
