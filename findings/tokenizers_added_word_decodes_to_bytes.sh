#!/usr/bin/env bash
# tokenizers 0.23.1: an added token whose letters all stand for bytes in GPT-2's alphabet (é, ü, ñ and
# the rest of U+00A1 to U+0143) is matched in text as itself, but the ByteLevel decoder reads its name
# as byte-level characters. Text that was encoded does not come back: "café" becomes "caf\ufffd".
#
# Expected: decode(encode("un café")) == "un café", as it is for the added token "日本".
# Seen, and checked below: "un caf\ufffd". Fails if a later run of this version gives something else.

set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'tokenizers==0.23.1'
"$work/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
tokenizer = Tokenizer(models.BPE(vocab={name: id for id, name in enumerate(alphabet)}, merges=[]))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
tokenizer.add_tokens([AddedToken("café"), AddedToken("日本")])
seen = {}
for text in ["un café", "un 日本", "un cafe\u0301"]:
    seen[text] = tokenizer.decode(tokenizer.encode(text).ids)
    print("tokenizers", version("tokenizers"), ascii(text), "comes back as", ascii(seen[text]))
assert seen == {"un café": "un caf\ufffd", "un 日本": "un 日本", "un cafe\u0301": "un cafe\u0301"}, seen
PYTHON
