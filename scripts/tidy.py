#!/usr/bin/env python3
"""Runs clang-tidy over C++ files, several of a folder at a time.

    scripts/tidy.py BUILD [--group N] [--jobs N] < FILES

BUILD holds the compilation database; FILES come one a line, relative to the root. Most of clang-tidy's
time goes into the headers that files share, so up to N files of one folder that are compiled alike are
read as one: a file of #include lines below BUILD/groups. Where that is not green (a finding, or two
files that use one name for two things) its files are read one by one, and only what they say counts. What was
green is not read again until it, one of the project's headers that it includes, its flags or the rules
change. Exits with 1 if a file is not green.
"""

import argparse
import functools
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLANG_TIDY = ["clang-tidy-14", "--quiet", "--extra-arg=-Wno-unknown-warning-option"]


def flags_of_files(build):
    """path relative to the root -> (folder to compile in, flags without the file and its output)."""
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        kept = []
        skip = False
        for word in words:
            if skip:
                skip = False
            elif word in ("-o", "-c"):
                skip = True
            else:
                kept.append(word)
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), ROOT)
        flags.setdefault(path, (entry["directory"], tuple(kept)))
    return flags


def grouped(files, flags, size):
    """Lists of at most `size` files of one folder with one set of flags."""
    alike = {}
    for path in files:
        if path not in flags:
            sys.exit(f"tidy.py: {path} is in no compilation database: configure the build again.")
        alike.setdefault((os.path.dirname(path), flags[path]), []).append(path)
    for paths in alike.values():
        count = -(-len(paths) // size)
        for part in range(count):
            yield paths[part::count]


def write_groups(groups, flags, build):
    """Writes the files of #include lines and their compilation database; returns their paths."""
    below = build / "groups"
    written, database = [], []
    for number, paths in enumerate(groups):
        # The folder's place is kept, so that its own .clang-tidy holds.
        folder = below / os.path.dirname(paths[0])
        folder.mkdir(parents=True, exist_ok=True)
        source = folder / f"group_{number}.cpp"
        source.write_text("".join(f'#include "{ROOT / path}"\n' for path in paths))
        directory, words = flags[paths[0]]
        database.append({"directory": directory, "file": str(source),
                         "arguments": [*words, "-c", str(source)]})
        written.append(source)
    for config in ROOT.glob("*/.clang-tidy"):
        if config.parent.name != "build":
            (below / config.parent.name).mkdir(parents=True, exist_ok=True)
            (below / config.parent.name / ".clang-tidy").write_text(config.read_text())
    (below / "compile_commands.json").write_text(json.dumps(database, indent=1))
    return written


def header_filter():
    """The headers that findings are shown for, and the .cpp files beside them."""
    line = next(line for line in (ROOT / ".clang-tidy").read_text().splitlines()
                if line.startswith("HeaderFilterRegex"))
    return re.search(r"'(.*)'", line).group(1).replace(r"\.h$", r"\.(h|cpp)$")


def read(source, build, *more):
    done = subprocess.run([*CLANG_TIDY, "-p", str(build), *more, str(source)], capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


@functools.lru_cache(maxsize=None)
def included(path):
    """The project's own files that a file includes, at any depth, and the file itself."""
    found, waiting = {path}, [path]
    while waiting:
        text = (ROOT / waiting.pop()).read_text(errors="replace")
        for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.M):
            if name not in found and (ROOT / name).is_file():
                found.add(name)
                waiting.append(name)
    return frozenset(found)


def mark_of(paths, flags, build):
    """Where it is noted that the files were green, as they and all that they depend on are now."""
    rules = [ROOT / ".clang-tidy", *ROOT.glob("[a-z]*/.clang-tidy"), *ROOT.glob("*/assay/v1/*.proto")]
    seen = hashlib.sha256(" ".join([*CLANG_TIDY, *flags[paths[0]][1], *paths]).encode())
    for path in [*rules, *(ROOT / name for name in sorted(set().union(*map(included, paths))))]:
        seen.update(path.read_bytes())
    return build / "groups" / "green" / seen.hexdigest()


def read_group(source, paths, build, mark):
    """The files of the group that are not green, with what clang-tidy says of each."""
    if mark.exists():
        return {}, False
    if len(paths) > 1:
        green, _ = read(source, build / "groups", "--checks=-bugprone-suspicious-include",
                        f"--header-filter={header_filter()}")
        if green:
            mark.touch()
            return {}, False
    failures = {}
    for path in paths:
        green, said = read(ROOT / path, build)
        if not green:
            failures[path] = said
    if not failures:
        mark.touch()
    return failures, len(paths) > 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--group", type=int, default=8, help="files read at a time (default 8)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    build = options.build.resolve()
    files = sorted(set(sys.stdin.read().split()))
    flags = flags_of_files(build)
    groups = list(grouped(files, flags, options.group))
    sources = write_groups(groups, flags, build)
    marks = [mark_of(paths, flags, build) for paths in groups]
    (build / "groups" / "green").mkdir(exist_ok=True)
    red, alone, done = {}, 0, 0
    with ThreadPoolExecutor(options.jobs) as pool:
        reading = pool.map(lambda source, paths, mark: read_group(source, paths, build, mark),
                           sources, groups, marks)
        for paths, (failures, one_by_one) in zip(groups, reading):
            done += len(paths)
            alone += len(paths) if one_by_one else 0
            red.update(failures)
            print(f"[{done}/{len(files)}] {os.path.dirname(paths[0])}", flush=True)
            for path, said in failures.items():
                print(f"{path} is not green:\n{said}", flush=True)
    print(f"clang-tidy: {len(files) - len(red)} of {len(files)} files are green; "
          f"{alone} were read one by one, the others in groups.")
    for path in red:
        print(f"  not green: {path}")
    return 1 if red else 0


if __name__ == "__main__":
    sys.exit(main())
