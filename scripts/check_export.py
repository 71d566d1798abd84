#!/usr/bin/env python3
"""Loads an exported Hugging Face folder with stock transformers and compares logits with Assay's.

    pip install torch transformers gguf          # once, in a virtual environment
    assay checkpoint export --dir run --out hf
    scripts/check_export.py hf --assay build/release/assay --dir run

or, with a dump made elsewhere:

    assay checkpoint logits --dir run --tokens 1,2,3,4 > logits.json
    scripts/check_export.py hf logits.json

Ends with 0 if every logit differs by less than --tolerance, the most likely token is the same at
every position, and the tokenizer of the folder gives a text back. With --gguf FILE it also compares
every tensor of that file with the folder's, bit for bit. Not part of the tests: it needs packages
from PyPI.
"""

import argparse
import json
import random
import subprocess
import sys

TEXT = "The quick brown fox, 42 lazy dogs -- na\u00efve caf\u00e9.\n  Two spaces."


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="what `assay checkpoint export` wrote")
    parser.add_argument("dump", nargs="?", help="JSON with `tokens` and `logits`")
    parser.add_argument("--assay", help="the program that makes the dump instead")
    parser.add_argument("--dir", help="a run's folder, for --assay")
    parser.add_argument("--snapshot", help="one snapshot file, for --assay")
    parser.add_argument("--gguf", help="a GGUF export of the same snapshot")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if not args.dump and not (args.assay and (args.dir or args.snapshot)):
        parser.error("name a dump, or give --assay with --dir or --snapshot")
    return args


def assay_logits(args, config):
    if args.dump:
        with open(args.dump, encoding="utf-8") as file:
            return json.load(file)
    numbers = random.Random(args.seed)
    length = min(config.max_position_embeddings, 128)
    tokens = [numbers.randrange(config.vocab_size) for _ in range(length)]
    source = ["--dir", args.dir] if args.dir else ["--snapshot", args.snapshot]
    command = [args.assay, "checkpoint", "logits", *source, "--tokens", ",".join(map(str, tokens))]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def logits_agree(args):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(args.folder, dtype=torch.float32).eval()
    dump = assay_logits(args, model.config)
    with torch.no_grad():
        theirs = model(torch.tensor([dump["tokens"]])).logits[0]
    ours = torch.tensor(dump["logits"], dtype=torch.float32).reshape(theirs.shape)
    worst = (ours - theirs).abs().max().item()
    same = (ours.argmax(-1) == theirs.argmax(-1)).all().item()
    print(f"logits: {theirs.shape[0]} positions, {theirs.shape[1]} tokens, largest logit "
          f"{theirs.abs().max().item():.3g}, largest difference {worst:.3g} "
          f"(allowed {args.tolerance:g}), most likely tokens {'equal' if same else 'DIFFER'}")
    return worst < args.tolerance and same


def tokenizer_agrees(args):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(args.folder)
    ids = tokenizer.encode(TEXT, add_special_tokens=False)
    back = tokenizer.decode(ids)
    print(f"tokenizer: {len(tokenizer)} tokens, {len(ids)} for the sample, end of text "
          f"{tokenizer.eos_token_id}, the text {'comes back' if back == TEXT else 'is CHANGED'}")
    return back == TEXT


def gguf_weights(reader, heads, kv_heads):
    """GGUF's tensors under their Hugging Face names, with q and k turned back to half-split."""
    parts = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj",
             "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
             "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
             "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
    whole = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
    for tensor in reader.tensors:
        name = tensor.name.removesuffix(".weight")
        values = tensor.data
        if name in whole:
            yield f"{whole[name]}.weight", values
            continue
        _, layer, part = name.split(".")
        if part in ("attn_q", "attn_k"):
            count = heads if part == "attn_q" else kv_heads
            rows, columns = values.shape
            pairs = values.reshape(count, rows // count // 2, 2, columns)
            values = pairs.swapaxes(1, 2).reshape(rows, columns)
        yield f"model.layers.{layer}.{parts[part]}.weight", values


def gguf_agrees(args):
    import numpy
    from gguf import GGUFReader
    from safetensors.numpy import load_file

    with open(f"{args.folder}/config.json", encoding="utf-8") as file:
        config = json.load(file)
    expected = load_file(f"{args.folder}/model.safetensors")
    reader = GGUFReader(args.gguf)
    found = dict(gguf_weights(reader, config["num_attention_heads"], config["num_key_value_heads"]))
    wrong = [name for name in expected.keys() | found.keys()
             if name not in found or name not in expected
             or not numpy.array_equal(expected[name].ravel(), found[name].ravel())]
    tokens = len(reader.fields["tokenizer.ggml.tokens"].data)
    print(f"gguf: {len(found)} tensors, {len(wrong)} differ {wrong[:3]}, {tokens} tokens")
    return not wrong and tokens == config["vocab_size"]


def main():
    args = arguments()
    passed = [logits_agree(args), tokenizer_agrees(args)]
    if args.gguf:
        passed.append(gguf_agrees(args))
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
