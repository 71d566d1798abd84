#!/usr/bin/env python3
"""Loads an exported folder with stock transformers and compares its logits with ours.

    assay checkpoint export --dir run --out hf
    assay checkpoint logits --dir run --tokens 1,2,3,4 > logits.json
    python3 -m venv venv && venv/bin/pip install torch transformers
    venv/bin/python scripts/check_export.py hf logits.json

Prints the largest difference; fails if it is above 1e-3 or another token is the most likely one.
"""

import json
import sys

import torch
import transformers


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    with open(sys.argv[2], encoding="utf-8") as file:
        ours = json.load(file)
    tokens = ours["tokens"]
    model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
    model.eval()
    with torch.no_grad():
        theirs = model(torch.tensor([tokens])).logits[0]
    logits = torch.tensor(ours["logits"]).reshape(theirs.shape)
    difference = (logits - theirs).abs().max().item()
    same = bool((logits.argmax(-1) == theirs.argmax(-1)).all())
    print(f"{len(tokens)} positions, largest difference {difference:.3g}, same choices: {same}")
    return 0 if difference < 1e-3 and same else 1


if __name__ == "__main__":
    sys.exit(main())
