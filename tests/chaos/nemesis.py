"""What breaks things while clients are at work: kills, stops and cuts, many of them at named points."""
import os
import random
import signal
import threading
import time

POINTS = [("admit", side) for side in ("request", "reply")] + [
    (verb, side) for verb in ("settle", "settle", "top_up", "release", "revoke_key", "adjust", "expire")
    for side in ("request", "reply")]
PAUSE_SECONDS = (0.2, 1.0)
# Up to what passes every deadline of a single call (3 s) and makes connections be given up.
STOP_SECONDS = (0.05, 0.05, 0.2, 0.2, 0.6, 0.6, 1.5, 3.5)


class Nemesis(threading.Thread):
    """Does one harm after the other, and undoes each, until `stop` is set. What it does follows from the seed."""

    def __init__(self, suite, stop, seed):
        super().__init__(daemon=True)
        self.suite, self.stop, self.random = suite, stop, random.Random(seed)
        self.done, self.error = [], None
        self.processes = ["billing", "billing", "gateway", "provider-proxy", "redis"] if suite.separate else [
            "all-in-one", "redis"]

    def run(self):
        try:
            while not self.stop.wait(self.random.uniform(*PAUSE_SECONDS)):
                self.random.choice((self.kill, self.stop_one, self.cut, self.freeze, self.at_point, self.at_point))()
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def note(self, *words):
        self.done.append((time.monotonic(), *words))

    def kill(self):
        name, away = self.random.choice(self.processes), self.random.choice((0, 0, 0.2, 1.0))
        self.note("kill", name, away)
        self.suite.kill(name)
        time.sleep(away)
        self.suite.start_again(name)

    def stop_one(self):
        name, seconds = self.random.choice(self.processes), self.random.choice(STOP_SECONDS)
        self.note("stop", name, seconds)
        with self.suite.stopped(name):
            time.sleep(seconds)

    def cut(self):
        seconds = self.random.choice((0, 0.1, 0.5))
        self.note("cut", seconds)
        self.suite.proxy.cut_off()
        time.sleep(seconds)
        self.suite.proxy.heal()

    def freeze(self):
        seconds = self.random.choice(STOP_SECONDS)
        self.note("freeze", seconds)
        self.suite.proxy.freeze()
        time.sleep(seconds)
        self.suite.proxy.heal()

    def at_point(self):
        verb, side = self.random.choice(POINTS)
        harm = self.random.choice(("lose", "cut", "duplicate", "kill", "kill", "stop"))
        decision = self.random.choice(("pass", "lose")) if harm in ("kill", "stop") else harm
        name = self.random.choice(self.processes)
        point = self.suite.proxy.at(verb, side, nth=self.random.randint(1, 5))
        if not point.reached.wait(1):
            self.suite.proxy.disarm()
            if not point.reached.is_set():
                return
        self.note("point", verb, side, harm, decision, name if harm in ("kill", "stop") else "")
        if harm == "kill":
            self.suite.kill(name)
        elif harm == "stop":
            os.kill(self.suite.pid(name), signal.SIGSTOP)
        point.decide(decision)
        if harm == "stop":
            time.sleep(self.random.choice(STOP_SECONDS))
            os.kill(self.suite.pid(name), signal.SIGCONT)
        elif harm == "kill":
            time.sleep(self.random.choice((0, 0.3)))
            self.suite.start_again(name)
