#!/usr/bin/env python3
"""Billing over gRPC beside redis-benchmark with the same functions, and what its records take in Redis.

usage: billing_bench.py [--bin DIR] [--scale N]

Needs scripts/run to have built the suite, and builds billing_load. Look at the ratios: both sides run one after the other on
the same machine, with the same connections and count; the figures by themselves are those of the machine.
"""
import contextlib
import csv
import io
import json
import os
import re
import shlex
import socket
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCALE = float(sys.argv.pop(sys.argv.index("--scale") + 1)) if "--scale" in sys.argv else 1
sys.argv = [word for word in sys.argv if word != "--scale"] + ["--separate"]
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))
from oracle import redis_of  # noqa: E402
from suite import Suite  # noqa: E402

CALLS = {1: 2_000, 16: 10_000, 128: 20_000}
# redis-benchmark puts a random number below its -r, of 12 digits, where this stands.
RANDOM = "__rand_int__"
ATTEMPT = "00000000-0000-7000-8000-"
# Settling one of so many times the count at random meets one in nine a second time.
POOL = 4
MODEL = "imagen-4"
RECORDS = 2_000


class Bench:
    def __init__(self, suite):
        self.suite = suite
        self.redis_port = suite.env["PRISMATIC_REDIS_URL"].rpartition(":")[2]
        # Limits that admit all, since a limit that is there is work.
        self.key = suite.new_key("bench", "--requests-per-minute", "1000000", "--images-per-minute", "1000000",
                                 wallet="1000000", account_flags=("--requests-per-minute", "1000000",
                                                                  "--images-per-minute", "1000000"))
        self.account = "bench"
        self.next = 1
        self.load = os.path.join(ROOT, "build/tests/billing_load")

    def service(self, what, first, count, clients):
        done = subprocess.run([self.load, what, self.suite.env["PRISMATIC_BILLING_ADDR"], self.key, MODEL, str(first),
                               str(count), str(clients)], capture_output=True, text=True, timeout=600, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"billing_load {what}: {done.stdout} {done.stderr}")
        return json.loads(done.stdout)

    def spare(self, count):
        first, self.next = self.next, self.next + count
        return first

    @contextlib.contextmanager
    def monitor(self):
        """The calls that Redis sees meanwhile, as lists of words."""
        calls = []
        with socket.create_connection(("127.0.0.1", int(self.redis_port)), timeout=10) as monitor:
            monitor.sendall(b"MONITOR\r\n")
            lines = monitor.makefile("r", encoding="utf-8")
            assert lines.readline() == "+OK\n"
            yield calls
            with redis_of(self.suite) as redis:
                redis.call("ECHO", "enough")
            for line in lines:
                words = shlex.split(re.sub(r"^\+\S+ \[[^]]*\] ", "", line))
                if words[0] == "ECHO":
                    return
                calls.append(words)

    def functions(self):
        """{"reserve": words, "settle": words} as billing sends them, for an attempt of redis-benchmark's choice."""
        number = self.spare(1)
        words = {}
        for what in ("reserve", "settle"):
            with self.monitor() as calls:
                self.service(what, number, 1, 1)
            call = next(call for call in calls if call[0] == "FCALL" and any(ATTEMPT in word for word in call))
            words[what] = [word.replace(f"{number:012}", RANDOM) for word in call]
        return words

    def plain(self, words, count, clients, below):
        command = ["redis-benchmark", "-p", self.redis_port, "-c", str(clients), "-n", str(count), "-r", str(below), "-e",
                   "--csv", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
        row = list(csv.reader(io.StringIO(done.stdout)))[-1]
        return float(row[1])

    def compare(self, words, clients):
        """({"reserve": (service per second, redis-benchmark per second, ratio, p99 ms)}, ...)"""
        count = max(100, int(CALLS[clients] * SCALE))
        first = self.spare(count)
        results = {}
        for what in ("reserve", "settle"):
            service = self.service(what, first, count, clients)
            if what == "reserve":
                below = 10 ** 11  # hardly any twice
                plain = self.plain(words[what], count, clients, below)
            else:
                # From 0 on, as redis-benchmark draws them.
                with redis_of(self.suite) as redis:
                    pool = self.pool(words["reserve"], redis, count * POOL)
                plain = self.plain(words[what], count, clients, pool)
            results[what] = (service["per_second"], plain, service["per_second"] / plain, service["p99_ms"])
        return results

    def pool(self, words, redis, count):
        """Open reservations 0 .. count-1 of redis-benchmark's attempts."""
        for first in range(0, count, 1000):
            calls = [[word.replace(RANDOM, f"{number:012}").replace(ATTEMPT, self.pooled) for word in words]
                     for number in range(first, min(first + 1000, count))]
            redis.pipeline(calls)
        return count

    pooled = ATTEMPT


def set_durability(suite, name):
    with redis_of(suite) as redis:
        redis.call("CONFIG", "SET", "appendonly", "no" if name == "off" else "yes")
        if name != "off":
            redis.call("CONFIG", "SET", "appendfsync", name)


def rates(bench):
    print("| appendfsync | clients | reservations/s | of redis-benchmark | p99 | settlements/s | of redis-benchmark | p99 |")
    print("|---|---|---|---|---|---|---|---|")
    words = bench.functions()
    for durability in ("off", "everysec", "always"):
        set_durability(bench.suite, durability)
        for clients in CALLS:
            # Each comparison has attempts of its own, so that none was settled before.
            series = f"00000000-0000-7000-{bench.next % 4096 + 0x8000:04x}-"
            own = {what: [word.replace(ATTEMPT, series) for word in call] for what, call in words.items()}
            bench.pooled = series
            results = bench.compare(own, clients)
            cells = [f"{rate:.0f} | {ratio:.2f} x {plain:.0f} | {p99:.1f} ms"
                     for rate, plain, ratio, p99 in results.values()]
            print(f"| {durability} | {clients} | {' | '.join(cells)} |", flush=True)


def memory(bench):
    """Bytes of Redis for one more of each, from `used_memory` before and after many."""
    suite = bench.suite

    def used(redis):
        info = redis.call("INFO", "memory").decode()
        return int(re.search(r"used_memory:(\d+)", info)[1])

    def growth(redis, make):
        before = used(redis)
        make()
        return (used(redis) - before) / RECORDS

    print("\n| one more | bytes of Redis |\n|---|---|")
    with redis_of(suite) as redis:
        first = bench.spare(RECORDS)
        opened = growth(redis, lambda: bench.service("reserve", first, RECORDS, 16))
        print(f"| open reservation | {opened:.0f} |")
        settled = growth(redis, lambda: bench.service("settle", first, RECORDS, 16))
        ledger = next(key for key in redis.call("KEYS", "*:led:bench"))
        entries = redis.call("XLEN", ledger)
        entry = redis.call("MEMORY", "USAGE", ledger, "SAMPLES", "0") / entries
        print(f"| ledger entry | {entry:.0f} |")
        print(f"| resolved reservation | {opened + settled - entry:.0f} |")
        # As each key tells of itself, since a few hundred of them are lost in what else Redis does.
        names = [f"many-{number}" for number in range(RECORDS // 10)]
        last = 0
        for what, command in (("account", ("account", "create")), ("key", ("key", "create", "--account"))):
            for name in names:
                suite.cli(*command, name)
            keys = redis.call("KEYS", "*many-*")
            total = sum(redis.pipeline([("MEMORY", "USAGE", key) for key in keys]))
            print(f"| {what} | {(total - last) / len(names):.0f} |")
            last = total


def main():
    subprocess.run(["cmake", "--build", os.path.join(ROOT, "build"), "--target", "billing_load"], check=True,
                   stdout=subprocess.DEVNULL)
    suite = Suite()
    try:
        bench = Bench(suite)
        rates(bench)
        memory(bench)
    finally:
        suite.stop()


if __name__ == "__main__":
    main()
