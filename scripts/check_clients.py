#!/usr/bin/env python3
"""Talks to a running `assay serve` with litellm and langchain-openai, and compares with transformers.

    scripts/check_clients.sh RUN                          # installs all it needs and starts a server

The server needs --chat-template. Ends with 0 if completions, chats and streams are what these
packages expect, and greedy text and its log-probabilities are those of transformers on the export.
"""

import argparse
import json
import sys
import urllib.request

PROMPTS = ["The", "A word of", "na\u00efve \u65e5\u672c", "[1913 Webster]\n"]


def check(holds, what):
    print("ok  " if holds else "FAIL", what)
    return bool(holds)


def litellm_holds(url, model):
    import litellm

    common = {"model": f"openai/{model}", "api_base": url, "api_key": "none", "max_tokens": 6,
              "messages": [{"role": "user", "content": "hi"}], "seed": 1}
    whole = litellm.completion(**common).choices[0].message.content
    stream = litellm.completion(**common, stream=True)
    pieces = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    text = litellm.text_completion(model=f"text-completion-openai/{model}", api_base=url,
                                   api_key="none", prompt="The", max_tokens=4)
    return [check(whole is not None and pieces == whole, "litellm: a chat and its stream"),
            check(text.usage.completion_tokens <= 4, "litellm: a completion")]


def langchain_holds(url, model):
    from langchain_openai import ChatOpenAI, OpenAI

    chat = ChatOpenAI(base_url=url, api_key="none", model=model, max_tokens=6, seed=1, logprobs=True)
    whole = chat.invoke([("system", "a"), ("human", "hi")])
    pieces = "".join(chunk.content for chunk in chat.stream([("system", "a"), ("human", "hi")]))
    text = OpenAI(base_url=url, api_key="none", model=model, max_tokens=4, temperature=0)
    batch = text.batch(["The", "", "A word"])
    rated = whole.response_metadata["logprobs"]["content"]
    return [check(pieces == whole.content, "langchain-openai: a chat and its stream"),
            check(all(bytes(token["bytes"]) for token in rated), "langchain-openai: bytes of tokens"),
            check(len(batch) == 3, "langchain-openai: a batch of completions, one empty")]


def complete(url, **body):
    request = urllib.request.Request(f"{url}/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)


def transformers_hold(url, model, folder):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    held, worst, tokens = [], 0.0, 0
    for prompt in PROMPTS:
        ids = tokenizer.encode(prompt, add_special_tokens=False)
        room = min(200, network.config.max_position_embeddings - len(ids))
        with torch.no_grad():
            whole = network.generate(torch.tensor([ids]), max_new_tokens=room, do_sample=False,
                                     pad_token_id=tokenizer.eos_token_id)[0]
            logits = network(whole[None]).logits[0].double().log_softmax(-1)
        answer = complete(url, model=model, prompt=prompt, max_tokens=room, temperature=0, echo=True,
                          logprobs=1)
        choice = answer["choices"][0]
        expected = tokenizer.decode(whole, skip_special_tokens=True)
        held.append(choice["text"] == expected)
        rated = choice["logprobs"]["token_logprobs"][1:]
        theirs = [logits[i, whole[i + 1]].item() for i in range(len(rated))]
        worst = max([worst] + [abs(a - b) for a, b in zip(rated, theirs)])
        tokens += len(rated)
    return [check(all(held), f"transformers: greedy text of {len(PROMPTS)} prompts"),
            check(worst < 1e-3, f"transformers: {tokens} log-probabilities, largest difference "
                                f"{worst:.3g}")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="for instance http://127.0.0.1:8000/v1")
    parser.add_argument("folder", help="what `assay checkpoint export` wrote of the same snapshot")
    parser.add_argument("--model", default="assay")
    args = parser.parse_args()
    held = litellm_holds(args.url, args.model) + langchain_holds(args.url, args.model)
    held += transformers_hold(args.url, args.model, args.folder)
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
