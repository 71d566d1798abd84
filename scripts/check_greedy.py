#!/usr/bin/env python3
"""Compares greedy text of a running `assay serve` with another engine's on the export.

    scripts/check_greedy.sh                 # makes a model, installs the engines, runs all of them
    scripts/check_greedy.py http://127.0.0.1:8000/v1 hf --engine transformers
    scripts/check_greedy.py http://127.0.0.1:8000/v1 hf --engine llama_cpp --gguf model.gguf
    scripts/check_greedy.py http://127.0.0.1:8000/v1 hf --engine vllm

200 tokens behind each of four prompts, the last of which fills the context up to them. Ends with 0
if texts and numbers of tokens are the same. Where they differ it says from where on, and how close
two candidates for a token came. Not part of the tests: it needs packages from PyPI.
"""

import argparse
import json
import os
import pathlib
import sys
import urllib.request

NEW_TOKENS = 200
SHORT = ["The", "A record is read once", "// What a stranger sends"]
LONG = pathlib.Path(__file__).resolve().parent.parent / "docs/architecture.md"


def complete(url, **body):
    request = urllib.request.Request(f"{url}/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)


def ours(url, model, prompt):
    """Text, and each token's log-probability beside that of the second best."""
    answer = complete(url, model=model, prompt=prompt, max_tokens=NEW_TOKENS, temperature=0,
                      logprobs=2)
    choice = answer["choices"][0]
    rated = choice["logprobs"]
    return choice["text"], answer["usage"]["completion_tokens"], rated["top_logprobs"]


def with_transformers(args, prompts):
    import torch
    import transformers

    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    network = transformers.AutoModelForCausalLM.from_pretrained(args.folder, dtype=torch.float32)
    network = network.eval()
    for ids in prompts:
        with torch.no_grad():
            whole = network.generate(torch.tensor([ids]), max_new_tokens=NEW_TOKENS,
                                     do_sample=False, pad_token_id=0)
        made = whole[0].tolist()[len(ids):]
        yield args.tokenizer.decode(made, skip_special_tokens=True), len(made)


def with_llama_cpp(args, prompts):
    import xllamacpp

    print(f"llama.cpp of xllamacpp {xllamacpp.__version__}, cache of type {args.cache}")
    params = xllamacpp.CommonParams()
    params.model.path = args.gguf
    params.n_ctx, params.n_parallel, params.warmup = args.context, 1, False
    params.cpuparams.n_threads = 1  # more of them wait for one another in a loop
    kind = getattr(xllamacpp.ggml_type, f"GGML_TYPE_{args.cache.upper()}")
    params.cache_type_k = params.cache_type_v = kind
    engine = xllamacpp.Server(params)
    for ids in prompts:
        answer = engine.handle_completions({"prompt": ids, "max_tokens": NEW_TOKENS,
                                            "temperature": 0, "cache_prompt": False})
        answer = json.loads(answer) if isinstance(answer, (str, bytes)) else answer
        yield answer["choices"][0]["text"], answer["usage"]["completion_tokens"]


def with_vllm(args, prompts):
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    import vllm

    print(f"vllm {vllm.__version__}")
    engine = vllm.LLM(model=args.folder, dtype="float32", max_model_len=args.context,
                      enforce_eager=True, enable_prefix_caching=False)
    greedy = vllm.SamplingParams(temperature=0, max_tokens=NEW_TOKENS)
    for ids in prompts:
        made = engine.generate([{"prompt_token_ids": ids}], greedy, use_tqdm=False)[0].outputs[0]
        yield made.text, len(made.token_ids)


ENGINES = {"transformers": with_transformers, "llama_cpp": with_llama_cpp, "vllm": with_vllm}


def prompts_of(tokenizer, context):
    encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids  # noqa: E731
    long = encode(LONG.read_text(encoding="utf-8"))[:context - NEW_TOKENS]
    if len(long) < context - NEW_TOKENS:
        raise SystemExit(f"{LONG} has too few tokens for a context of {context}")
    return [encode(text) for text in SHORT] + [long]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="for instance http://127.0.0.1:8000/v1")
    parser.add_argument("folder", help="what `assay checkpoint export` wrote of the same snapshot")
    parser.add_argument("--engine", choices=list(ENGINES), default="transformers")
    parser.add_argument("--gguf", help="the same as GGUF, for llama_cpp")
    parser.add_argument("--cache", choices=("f32", "f16"), default="f32", help="of llama_cpp")
    parser.add_argument("--model", default="assay")
    args = parser.parse_args()
    if args.engine == "llama_cpp" and not args.gguf:
        parser.error("llama_cpp reads a GGUF file: name one with --gguf")
    from tokenizers import Tokenizer

    with open(f"{args.folder}/config.json", encoding="utf-8") as file:
        args.context = json.load(file)["max_position_embeddings"]
    args.tokenizer = Tokenizer.from_file(f"{args.folder}/tokenizer.json")
    prompts = prompts_of(args.tokenizer, args.context)
    held = True
    answers = ENGINES[args.engine](args, prompts)
    for ids, (expected, theirs) in zip(prompts, answers, strict=True):
        text, count, rated = ours(args.url, args.model, ids)
        same = text == expected and count == theirs
        held = held and same
        print(f"{'ok  ' if same else 'FAIL'} {args.engine}: {len(ids)} tokens, then {count} greedy "
              f"ones, {len(text)} characters; theirs are {theirs}")
        if not same:
            prefix = os.path.commonprefix([text, expected])
            print(f"     the same for {len(prefix)} characters, then {text[len(prefix):][:30]!r} "
                  f"and {expected[len(prefix):][:30]!r}; closest two candidates of a token: "
                  f"{min(max(two.values()) - min(two.values()) for two in rated):.3g}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
