#!/usr/bin/env python3
"""Runs a coordinator, three peers and a server for an hour and does to them what happens to machines.

    scripts/soak.py                              # one hour, seed 1
    scripts/soak.py --minutes 5 --seed 7 --only pause_peer,slow_disk

One fault after the other, drawn from the seed: nodes that are paused (a suspended laptop), killed and
started again, syncs of a slow disk, steps of the wall clock, links that are cut, a tool that keeps
the ledger open, clients of the server that hang up at any byte. After each fault a round must count
all three peers again. Ends with 0 if every process lives, the ledger verifies, every peer was paid
and nobody forfeited anything. Python's standard library and a C compiler are enough; about one core.
"""

import argparse
import json
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ("alice", "bob", "carol")
BACK_WITHIN_S = 120  # a pause of the coordinator holds a round by that much at most
WORDS = "round peer honest work the a model learns checks pays gradient of and".split()


class Broken(Exception):
    """What did not hold, in words."""


class Link(threading.Thread):
    """A peer's way to the coordinator, which can be cut: every open connection is reset."""

    def __init__(self, target_port):
        super().__init__(daemon=True)
        self.target_port = target_port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs = {}
        self.closed_until = 0.0
        self.lock = threading.Lock()
        self.start()

    def cut(self, seconds):
        with self.lock:
            self.closed_until = time.monotonic() + seconds
            for one in list(self.pairs):
                self.drop(one)

    def drop(self, one):
        other = self.pairs.pop(one, None)
        if other is not None:
            self.pairs.pop(other, None)
            other.close()
        one.close()

    def accept(self):
        near, _ = self.listener.accept()
        if time.monotonic() < self.closed_until:
            near.close()
            return
        try:
            far = socket.create_connection(("127.0.0.1", self.target_port), timeout=5)
        except OSError:
            near.close()
            return
        self.pairs[near] = far
        self.pairs[far] = near

    def carry(self, one):
        other = self.pairs.get(one)
        if other is None:
            return
        try:
            data = one.recv(65536)
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        self.drop(one)

    def run(self):
        while True:
            with self.lock:
                sockets = [self.listener, *self.pairs]
            try:
                ready, _, _ = select.select(sockets, [], [], 0.2)
            except (OSError, ValueError):
                continue  # one of them was cut meanwhile
            with self.lock:
                for one in ready:
                    if one is self.listener:
                        self.accept()
                    else:
                        self.carry(one)


class World:
    def __init__(self, folder, assay):
        self.folder = folder
        self.assay = str(assay)
        self.processes = {}
        self.words = {}
        self.links = {}
        self.shim = folder / "soak_faults.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.shim,
                        ROOT / "scripts/soak_faults.c", "-ldl"], check=True)
        self.make_run()

    # The shipped configuration of the process tests: rounds of about a second.
    def make_run(self):
        numbers = random.Random(5)
        text = ""
        while len(text) < 400000:
            text += numbers.choice(WORDS) + (".\n" if numbers.random() < 0.06 else " ")
        (self.folder / "text.txt").write_text(text)
        (self.folder / "admitted.txt").write_text("# keys\n")
        tiny = (ROOT / "tests/process/tiny.toml").read_text()
        tiny = tiny.replace("@ROUNDS@", "1000000").replace("@PEERS_MIN@", "2")
        (self.folder / "run.toml").write_text(tiny)
        text, tokenizer = self.folder / "text.txt", self.folder / "tokenizer.json"
        self.command("tokenizer", "train", "--input", text, "--vocab", "300", "--out", tokenizer)
        self.command("data", "prepare", "--input", text, "--tokenizer", tokenizer, "--out",
                     self.folder / "data")

    def command(self, *words):
        done = subprocess.run([self.assay, *map(str, words)], capture_output=True, text=True,
                              timeout=600, check=False)
        if done.returncode != 0:
            raise Broken(f"assay {' '.join(map(str, words))}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, name, *words):
        self.words[name] = words
        self.set_faults(name)
        environment = dict(os.environ, GOMP_SPINCOUNT="0", LD_PRELOAD=str(self.shim),
                           SOAK_FAULTS=str(self.folder / f"{name}.faults"))
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen([self.assay, *map(str, words)], stdout=log,
                                                    stderr=log, env=environment)

    def set_faults(self, name, sync_ms=0, clock_seconds=0):
        path = self.folder / f"{name}.faults"
        path.with_suffix(".new").write_text(f"{sync_ms} {clock_seconds}\n")
        path.with_suffix(".new").replace(path)

    def start_all(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.start("coordinator", "coordinator", "--config", self.folder / "run.toml", "--dir",
                   self.folder / "run", "--data", self.folder / "data", "--tokenizer",
                   self.folder / "tokenizer.json", "--listen", f"tcp://127.0.0.1:{self.port}",
                   "--admit", self.folder / "admitted.txt")
        key = self.wait(lambda: self.status().get("key"), 60, "the coordinator's key")
        for name in PEERS:
            self.links[name] = Link(self.port)
            made = self.command("keygen", "--out", self.folder / name / "peer.key")
            public = next(word for word in made.split() if len(word) == 64)
            with open(self.folder / "admitted.txt", "a", encoding="utf-8") as admitted:
                admitted.write(public + "\n")
            self.start(name, "peer", "--coordinator", f"tcp://127.0.0.1:{self.links[name].port}",
                       "--coordinator-key", key, "--dir", self.folder / name)
        self.wait(lambda: any((self.folder / "run/snapshots").glob("*")), 120, "a snapshot")
        self.start("server", "serve", "--dir", self.folder / "run", "--port", "0", "--port-file",
                   self.folder / "port")
        self.wait((self.folder / "port").exists, 60, "the server's port")
        self.http_port = int((self.folder / "port").read_text())

    def wait(self, what, seconds, words):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.check_alive()
            found = what()
            if found:
                return found
            time.sleep(0.1)
        raise Broken(f"waited {seconds} s for {words}: {self.summary()}")

    def check_alive(self):
        for name, process in self.processes.items():
            if process.poll() is not None:
                log = (self.folder / f"{name}.log").read_text(errors="replace")[-1500:]
                raise Broken(f"{name} ended with {process.returncode}:\n{log}")

    def status(self):
        try:
            return json.loads((self.folder / "run/status.json").read_text())
        except (OSError, ValueError):
            return {}

    def rounds(self):
        """The rounds that were closed, the last few hundred."""
        try:
            with open(self.folder / "run/rounds.jsonl", "rb") as file:
                file.seek(max(0, os.path.getsize(file.name) - 400000))
                lines = file.read().split(b"\n")[1:]
        except OSError:
            return []
        found = []
        for line in lines:
            try:
                found.append(json.loads(line))
            except ValueError:
                pass
        return found

    def all_counted_since(self, number):
        for one in self.rounds():
            if one["round"] > number and sum(p["verdict"] == "counted" for p in one["peers"]) == 3:
                return True
        return False

    def last_round(self):
        rounds = self.rounds()
        return rounds[-1]["round"] if rounds else -1

    def summary(self):
        status = self.status()
        peers = [(p["id"][:6], p["doing"], p["verdict"], p["vested"], p["forfeited"])
                 for p in status.get("peers", [])]
        return f"round {status.get('round')} {status.get('phase')} {peers}"

    def send(self, name, number):
        self.processes[name].send_signal(number)

    def restart(self, name):
        self.send(name, signal.SIGKILL)
        self.processes[name].wait()
        self.start(name, *self.words[name])

    def stop(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


# Each fault returns what it did, in words; what it broke on purpose it has mended by then.

def pause(world, name, numbers):
    seconds = numbers.choice((5, 20, 45, 60))
    world.send(name, signal.SIGSTOP)
    time.sleep(seconds)
    world.send(name, signal.SIGCONT)
    return f"{name} paused for {seconds} s"


def pause_peer(world, numbers):
    return pause(world, numbers.choice(PEERS), numbers)


def pause_coordinator(world, numbers):
    return pause(world, "coordinator", numbers)


def slow_disk(world, numbers):
    name, sync_ms = numbers.choice(("coordinator", *PEERS)), numbers.choice((20, 100, 500))
    world.set_faults(name, sync_ms=sync_ms)
    time.sleep(20)
    world.set_faults(name)
    return f"{name} synced in {sync_ms} ms for 20 s"


def step_clock(world, numbers):
    name = numbers.choice(("coordinator", *PEERS))
    seconds = numbers.choice((-86400, -3600, -5, 5, 3600))
    world.set_faults(name, clock_seconds=seconds)
    time.sleep(20)
    world.set_faults(name)
    return f"{name}'s wall clock stepped by {seconds} s and, 20 s later, back"


def cut_link(world, numbers):
    name, seconds = numbers.choice(PEERS), numbers.choice((0, 1, 10))
    world.links[name].cut(seconds)
    time.sleep(seconds)
    return f"{name}'s link cut for {seconds} s"


def kill_peer(world, numbers):
    name = numbers.choice(PEERS)
    world.restart(name)
    return f"{name} killed and started again"


def kill_coordinator(world, numbers):
    time.sleep(numbers.random())
    world.restart("coordinator")
    return "coordinator killed and started again"


def open_read(world, numbers):
    seconds = numbers.choice((2, 15, 30))
    ledger = sqlite3.connect(f"file:{world.folder}/run/ledger.sqlite?mode=ro", uri=True, timeout=30)
    ledger.execute("BEGIN")
    table = ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchone()[0]
    rows = ledger.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    time.sleep(seconds)
    ledger.rollback()
    ledger.close()
    return f"a reader held the ledger's {rows} rows open for {seconds} s"


def hang_up(world, numbers):
    """A hundred clients that send or read a part and leave, with a reset or politely."""
    for _ in range(100):
        stream = numbers.random() < 0.7
        body = json.dumps({"model": "assay", "prompt": "the ", "max_tokens": 8,
                           "stream": stream}).encode()
        whole = (b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                 b"Content-Length: %d\r\n\r\n" % len(body)) + body
        with socket.create_connection(("127.0.0.1", world.http_port), timeout=30) as client:
            manner = numbers.randrange(4)
            client.sendall(whole[:numbers.randrange(len(whole))] if manner == 0 else whole)
            if manner == 1:
                client.shutdown(socket.SHUT_WR)
            if manner != 0:
                client.recv(numbers.randrange(1, 3000))
            if manner == 2:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with socket.create_connection(("127.0.0.1", world.http_port), timeout=30) as client:
        client.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        if b"200" not in client.recv(100):
            raise Broken("the server's /health is not 200")
    return "100 clients hung up"


FAULTS = {one.__name__: one for one in (pause_peer, pause_coordinator, slow_disk, step_clock, cut_link,
                                        kill_peer, kill_coordinator, open_read, hang_up)}


def soak(world, args):
    numbers = random.Random(args.seed)
    names = args.only.split(",") if args.only else list(FAULTS)
    began = time.monotonic()
    world.start_all()
    world.wait(lambda: world.all_counted_since(-1), 120, "a first round with all three peers")
    counts = dict.fromkeys(names, 0)
    while time.monotonic() - began < 60 * args.minutes:
        name = numbers.choice(names)
        words = FAULTS[name](world, numbers)
        counts[name] += 1
        since, mended = world.last_round(), time.monotonic()
        world.wait(lambda: world.all_counted_since(since), BACK_WITHIN_S,
                   f"a round of all three peers after this: {words}")
        print(f"{int(time.monotonic() - began):5d} s  round {world.last_round():5d}  {words}; "
              f"all counted {time.monotonic() - mended:.1f} s later", flush=True)
    return counts


def check_end(world):
    world.check_alive()
    peers = world.status()["peers"]
    for peer in peers:
        if int(peer["vested"]) <= 0:
            raise Broken(f"peer {peer['id'][:8]} was paid nothing: {world.summary()}")
        if int(peer["forfeited"]) > 0:
            raise Broken(f"peer {peer['id'][:8]} forfeited {peer['forfeited']}: {world.summary()}")
    world.send("coordinator", signal.SIGTERM)
    world.processes.pop("coordinator").wait(60)
    known = world.folder / PEERS[0]
    print(world.command("ledger", "verify", "--dir", world.folder / "run",
                        "--manifest", known / "manifest.bin", "--head", known / "head.txt").strip())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="some of: " + ", ".join(FAULTS))
    parser.add_argument("--assay", default=ROOT / "build/release/assay", help="the program")
    args = parser.parse_args()
    unknown = set((args.only or "").split(",")) - set(FAULTS) - {""}
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; one of: {', '.join(FAULTS)}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="assay-soak-"))
    world = World(folder, args.assay)
    try:
        counts = soak(world, args)
        check_end(world)
    except Broken as broken:
        print(f"BROKEN: {broken}\nlogs: {folder}", file=sys.stderr)
        return 1
    finally:
        world.stop()
    print("held: " + ", ".join(f"{count} x {name}" for name, count in counts.items()))
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
