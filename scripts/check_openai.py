#!/usr/bin/env python3
"""Talks to a running `assay serve` with the official openai package.

    pip install openai                           # once, in a virtual environment
    assay serve --dir run --port 8000 --chat-template chatml
    scripts/check_openai.py http://127.0.0.1:8000/v1

Ends with 0 if models, completions, chat, streams and errors are what that package expects; --key is
for a server that was started with --api-key-file. Not part of the tests: it needs a package from PyPI.
"""

import argparse

import openai


def check(holds, what):
    print("ok  " if holds else "FAIL", what)
    return holds


def refused_as(error, call):
    try:
        call()
    except error as caught:
        return isinstance(caught.body, dict) and bool(caught.body.get("message"))
    return False


def answers_hold(client, model):
    chat = {"model": model, "messages": [{"role": "user", "content": "a"}], "max_tokens": 4, "seed": 1}
    text = {"model": model, "prompt": "The", "max_tokens": 8, "temperature": 0.7, "seed": 1}
    whole = client.completions.create(**text)
    pieces = [c.choices[0].text for c in client.completions.create(**text, stream=True)]
    said = client.chat.completions.create(**chat)
    deltas = [c.choices[0].delta for c in client.chat.completions.create(**chat, stream=True)]
    message = said.choices[0].message
    return [
        check(client.models.retrieve(model).id == model, "the model by its name"),
        check(0 < whole.usage.completion_tokens <= 8, "a completion, with usage"),
        check("".join(pieces) == whole.choices[0].text, "a stream says what the whole answer says"),
        check(message.role == "assistant" and message.content is not None, "a chat"),
        check("".join(d.content or "" for d in deltas) == message.content, "a chat's stream"),
        check(rated_hold(client, model), "a prompt's log-probabilities, bytes and offsets"),
    ]


def rated_hold(client, model):
    answer = client.completions.create(model=model, prompt="na\u00efve", max_tokens=3, temperature=0,
                                       echo=True, logprobs=5)
    rated = answer.choices[0].logprobs
    lengths = {len(rated.tokens), len(rated.token_logprobs), len(rated.text_offset),
               len(rated.top_logprobs), answer.usage.total_tokens}
    return (len(lengths) == 1 and rated.token_logprobs[0] is None and
            all(len(top) == 5 for top in rated.top_logprobs[1:]) and
            answer.choices[0].text.startswith("na\u00efve"))


def errors_hold(client, model):
    wrong = client.with_options(api_key="no such key")

    def complete(**settings):
        return lambda: client.completions.create(**{"model": model, "prompt": "a", **settings})

    held = [
        check(refused_as(openai.NotFoundError, complete(model="no-such-model")), "an unknown model"),
        check(refused_as(openai.BadRequestError, complete(temperature=9)), "a temperature of 9"),
        check(refused_as(openai.BadRequestError, complete(max_tokens=-1)), "-1 tokens"),
        check(refused_as(openai.BadRequestError, complete(prompt="a " * 400000)), "a prompt too long"),
    ]
    if client.api_key != "none":
        held.append(check(refused_as(openai.AuthenticationError, wrong.models.list), "a wrong key"))
    return held


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="for instance http://127.0.0.1:8000/v1")
    parser.add_argument("--key", default="none", help="one of the keys of --api-key-file")
    args = parser.parse_args()
    client = openai.OpenAI(base_url=args.url, api_key=args.key, max_retries=0, timeout=120)
    model = client.models.list().data[0].id
    held = answers_hold(client, model) + errors_hold(client, model)
    raise SystemExit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
