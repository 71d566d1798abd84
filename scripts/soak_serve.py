#!/usr/bin/env python3
"""Opens streams at a running `assay serve` with the official openai package and hangs up at random.

    pip install openai                                    # once, in a virtual environment
    scripts/soak_serve.py http://127.0.0.1:8000/v1 --streams 10000

A third of the streams are read to their end, a third are left at a random event, a third are left
right behind the last event; four clients at once. Ends with 0 if every stream was answered and the
server is there in the end.
"""

import argparse
import concurrent.futures
import random
import sys
import time

import openai


def one_stream(client, model, numbers):
    length = numbers.randrange(1, 6)
    manner = numbers.randrange(3)
    leave_at = numbers.randrange(1, length + 2)
    stream = client.completions.create(model=model, prompt="The ", max_tokens=length, stream=True,
                                       temperature=0)
    for count, event in enumerate(stream, 1):
        if (manner == 1 and count == leave_at) or (manner == 2 and event.choices[0].finish_reason):
            stream.close()
            client.close()
            return True
    return True


def some_streams(url, model, count, seed):
    numbers = random.Random(seed)
    failed = []
    client = openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=60)
    for _ in range(count):
        try:
            if client.is_closed():
                client = openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=60)
            one_stream(client, model, numbers)
        except openai.OpenAIError as error:
            failed.append(f"{type(error).__name__}: {error}")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="for instance http://127.0.0.1:8000/v1")
    parser.add_argument("--streams", type=int, default=10000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    model = openai.OpenAI(base_url=args.url, api_key="none").models.list().data[0].id
    began = time.monotonic()
    share = args.streams // args.clients
    with concurrent.futures.ProcessPoolExecutor(args.clients) as pool:
        runs = [pool.submit(some_streams, args.url, model, share, args.seed + i)
                for i in range(args.clients)]
        failed = [failure for run in runs for failure in run.result()]
    took = time.monotonic() - began
    alive = len(openai.OpenAI(base_url=args.url, api_key="none").models.list().data) == 1
    print(f"{'ok  ' if alive and not failed else 'FAIL'} {share * args.clients} streams in {took:.0f} s, "
          f"{len(failed)} failed {failed[:3]}, the server is {'there' if alive else 'GONE'}")
    return 0 if alive and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
