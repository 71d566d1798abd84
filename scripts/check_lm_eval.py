#!/usr/bin/env python3
"""Compares lm-evaluation-harness over a running `assay serve` with the same over transformers.

    pip install 'lm-eval[api,hf]' torch        # once, in a virtual environment
    assay checkpoint export --dir run --out hf
    assay serve --dir run --port 8000
    scripts/check_lm_eval.py http://127.0.0.1:8000 hf

Three small tasks that this script writes: multiple choice, rolling perplexity over texts longer than
the context, and greedy continuations with six stop strings; 32 prompts a request. Ends with 0 if
every question has the same likelihoods within --tolerance and the same answer. Not part of the
tests: it needs packages from PyPI.
"""

import argparse
import json
import os
import random
import sys
import tempfile

WORDS = "the of a and to in is peer honest word small large one who makes any form law part".split()
STOPS = ["\n\n", "\n", ".", " the", ";", "]"]

CHOICE = """task: assay_choice
dataset_path: json
dataset_kwargs: {data_files: {test: FOLDER/choice.jsonl}}
output_type: multiple_choice
test_split: test
doc_to_text: "{{q}}"
doc_to_choice: "{{c}}"
doc_to_target: "{{a}}"
metric_list: [{metric: acc}]
"""
ROLLING = """task: assay_rolling
dataset_path: json
dataset_kwargs: {data_files: {test: FOLDER/rolling.jsonl}}
output_type: loglikelihood_rolling
test_split: test
doc_to_text: ""
doc_to_target: "{{text}}"
metric_list: [{metric: bits_per_byte}]
"""
GREEDY = """task: assay_greedy
dataset_path: json
dataset_kwargs: {data_files: {test: FOLDER/greedy.jsonl}}
output_type: generate_until
test_split: test
doc_to_text: "{{q}}"
doc_to_target: "{{a}}"
generation_kwargs: {until: STOPS, max_gen_toks: 24, do_sample: false}
metric_list: [{metric: exact_match}]
"""


def sentence(numbers, words):
    return " ".join(numbers.choice(WORDS) for _ in range(words))


def write_tasks(folder):
    numbers = random.Random(7)
    choice = [{"q": "The " + sentence(numbers, 6), "a": numbers.randrange(3),
               "c": [" " + sentence(numbers, 2) for _ in range(3)]} for _ in range(40)]
    rolling = [{"text": (sentence(numbers, 40 * (i + 1)) + ", na\u00efve \u65e5\u672c.\n")}
               for i in range(8)]
    greedy = [{"q": sentence(numbers, 5), "a": "x"} for _ in range(40)]
    tasks = {"choice": (CHOICE, choice), "rolling": (ROLLING, rolling), "greedy": (GREEDY, greedy)}
    for name, (config, documents) in tasks.items():
        with open(f"{folder}/{name}.jsonl", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(document) + "\n" for document in documents)
        with open(f"{folder}/{name}.yaml", "w", encoding="utf-8") as file:
            file.write(config.replace("FOLDER", folder).replace("STOPS", json.dumps(STOPS)))
    return [f"assay_{name}" for name in tasks]


def evaluate(model, arguments, tasks, folder):
    import lm_eval
    from lm_eval.tasks import TaskManager

    return lm_eval.simple_evaluate(model=model, model_args=arguments, tasks=tasks, batch_size=32,
                                   task_manager=TaskManager(include_path=folder), log_samples=True,
                                   bootstrap_iters=0)


def flat(answers):
    """The numbers and texts of one sample's answers, in order."""
    for answer in answers:
        if isinstance(answer, (list, tuple)):
            yield from flat(answer)
        else:
            yield answer


def number_of(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def compare(task, ours, theirs, tolerance):
    worst, different, values = 0.0, 0, 0
    theirs = {sample["doc_id"]: sample for sample in theirs}
    for sample in ours:
        pairs = zip(flat(sample["filtered_resps"]),
                    flat(theirs[sample["doc_id"]]["filtered_resps"]), strict=True)
        for a, b in pairs:
            values += 1
            if isinstance(a, bool) or number_of(a) is None or number_of(b) is None:
                different += str(a) != str(b)
            else:
                worst = max(worst, abs(float(a) - float(b)))
    held = different == 0 and worst < tolerance and values > 0
    print(f"{'ok  ' if held else 'FAIL'} {task}: {len(ours)} samples, {values} values, "
          f"{different} differ, largest difference {worst:.3g}")
    return held


def scores_of(results, task):
    return {name: value for name, value in results["results"][task].items()
            if isinstance(value, float) and "stderr" not in name}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="for instance http://127.0.0.1:8000")
    parser.add_argument("folder", help="what `assay checkpoint export` wrote of the same snapshot")
    parser.add_argument("--model", default="assay")
    parser.add_argument("--tolerance", type=float, default=2e-3, help="of a sum over a sample")
    args = parser.parse_args()
    with open(f"{args.folder}/config.json", encoding="utf-8") as file:
        context = json.load(file)["max_position_embeddings"]
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(HF_HOME=folder, HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
        tasks = write_tasks(folder)
        # Over an API the harness keeps room for a token: its windows are two shorter than said.
        theirs = evaluate("hf", {"pretrained": args.folder, "dtype": "float32", "device": "cpu",
                                 "max_length": context - 2}, tasks, folder)
        ours = evaluate("local-completions",
                        {"base_url": args.url.rstrip("/") + "/v1/completions", "model": args.model,
                         "tokenizer": args.folder, "tokenizer_backend": "huggingface",
                         "max_length": context, "num_concurrent": 1}, tasks, folder)
    held = []
    for task in tasks:
        held.append(compare(task, ours["samples"][task], theirs["samples"][task], args.tolerance))
        print(f"     {task}: over Assay {scores_of(ours, task)}, transformers {scores_of(theirs, task)}")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
