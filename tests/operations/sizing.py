#!/usr/bin/env python3
"""Measures what docs/how-to/sizing.md tells: processor time of each process for 1,000 pictures, by the kind of answer, and what
Redis keeps and writes for them. Not a test; prints a table. Processor time hardly depends on what else the machine does.

usage: sizing.py [--bin DIR] [--pictures N]
"""
import http.client
import json
import os
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "e2e"), os.path.join(os.path.dirname(HERE), "chaos")]
import hosts  # noqa: E402
from suite import wait_until  # noqa: E402
from units import SERVICES  # noqa: E402

CLIENTS = 16
KINDS = (("a URL", {"response_format": "url", "size": "256x256"}),
         ("base64, 256 x 256", {"response_format": "b64_json", "size": "256x256"}),
         ("base64, 1024 x 1024", {"response_format": "b64_json", "size": "1024x1024"}))
PROCESSES = (*SERVICES[::-1], "redis")
TICK = os.sysconf("SC_CLK_TCK")


def processor_seconds(process):
    with open(f"/proc/{process.pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident_mib(process):
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def redis_numbers(host):
    text = host.redis("INFO").decode()
    return {name: int(text.split(name + ":")[1].split()[0]) for name in ("used_memory", "aof_current_size")}


class Buyers:
    """CLIENTS customers who share so many pictures, each on a connection of its own."""

    def __init__(self, host, key, body, pictures):
        self.host, self.key, self.body, self.left = host, key, body, pictures
        self.lock, self.bytes = threading.Lock(), 0
        threads = [threading.Thread(target=self.buy) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def buy(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.host.ports["public"], timeout=60)
        text = json.dumps({"model": "imagen-4", "prompt": "a lighthouse", **self.body})
        while True:
            with self.lock:
                if self.left == 0:
                    break
                self.left -= 1
            connection.request("POST", "/v1/images/generations", text, {
                "Authorization": "Bearer " + self.key, "Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
            if response.status != 200:
                raise AssertionError(answer[:500])
            with self.lock:
                self.bytes += len(answer)
        connection.close()


def measure(host, key, body, pictures):
    Buyers(host, key, body, CLIENTS * 4)  # connections, pages, functions
    before = {name: processor_seconds(host.processes[name]) for name in PROCESSES}
    redis, began = redis_numbers(host), time.monotonic()
    buyers = Buyers(host, key, body, pictures)
    seconds = time.monotonic() - began
    wait_until(lambda: host.told("account", "show", "acme")["held_nano_usd"] == 0, 30, "settlements")
    used = {name: (processor_seconds(host.processes[name]) - before[name]) * 1000 / pictures for name in PROCESSES}
    after = redis_numbers(host)
    grown = {name: (after[name] - redis[name]) / pictures for name in redis}
    return used, buyers.bytes / pictures, grown, pictures / seconds


def main():
    pictures = int(sys.argv[sys.argv.index("--pictures") + 1]) if "--pictures" in sys.argv else 2000
    host = hosts.Host()
    try:
        hosts.start_all(host)
        key = host.new_key("acme", "1000")
        print("| answer | " + " | ".join(PROCESSES) + " | together | bytes of an answer |\n|---|" + "---|" * 6)
        for words, body in KINDS:
            used, size, grown, rate = measure(host, key, body, pictures)
            cells = " | ".join(f"{used[name]:.2f}" for name in PROCESSES)
            print(f"| {words} | {cells} | {sum(used.values()):.2f} | {size:,.0f} |", flush=True)
            print(f"  ({rate:.0f} pictures/s, Redis: {grown['used_memory']:.0f} bytes of memory and "
                  f"{grown['aof_current_size']:.0f} of file for each)", flush=True)
        print("at most resident: " + ", ".join(f"{name} {resident_mib(host.processes[name]):.0f} MiB" for name in PROCESSES))
    finally:
        host.close()


if __name__ == "__main__":
    main()
