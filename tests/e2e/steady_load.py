"""Clients that go on and on, and repeat nothing: people who generate, people who look, somebody who administers."""
import dataclasses
import http.client
import itertools
import threading
import time

from suite import wait_until

# Little work for the machine, and long enough that something is always in flight.
PROMPT = "a lighthouse [[sandbox delay_ms=100]]"


@dataclasses.dataclass
class Outcome:
    kind: str
    began: float
    seconds: float
    status: int  # 0: no answer
    text: str

    def __str__(self):
        return f"{self.kind}: {self.status} after {self.seconds:.2f} s: {self.text}"


class SteadyLoad:
    """Runs from `with` to its end. `key` is the generating clients', of an account that nothing else uses."""

    GENERATING = 4

    def __init__(self, cluster, key, prompt=PROMPT):
        self.cluster, self.key, self.prompt = cluster, key, prompt
        self.outcomes, self.ended, self.numbers = [], threading.Event(), itertools.count()
        work = [self.generate] * self.GENERATING + [self.look, self.administer]
        self.threads = [threading.Thread(target=self.go_on, args=(each,), daemon=True) for each in work]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def go_on(self, work):
        while not self.ended.is_set():
            began = time.monotonic()
            try:
                answer = work()
                status, text = answer.status, answer.body[:300].decode("utf-8", "replace")
            except (OSError, http.client.HTTPException) as error:
                status, text = 0, repr(error)
            seconds = time.monotonic() - began
            self.outcomes.append(Outcome(work.__name__, began, seconds, status, "" if status == 200 else text))

    def generate(self):
        return self.cluster.generate(key=self.key, prompt=self.prompt)

    def look(self):
        self.ended.wait(0.05)
        return self.cluster.api("GET", "/models", key=self.key)

    def administer(self):
        """Twice the registry, twice billing, so that each of two gateways asks both."""
        self.ended.wait(0.05)
        number = next(self.numbers)
        token = {"Authorization": f"Bearer {self.cluster.env['PRISMATIC_ADMIN_TOKEN']}"}
        url = self.cluster.env["PRISMATIC_ADMIN_URL"] + "/admin/v1"
        if number % 4 < 2:
            return self.cluster.http("GET", url + "/providers", headers=token)
        return self.cluster.http("POST", url + "/accounts/demo/top-ups",
                                 f'{{"amount_usd": "1", "request_id": "steady-{id(self)}-{number}"}}',
                                 {**token, "Content-Type": "application/json"})

    def good(self, kind=None, since=0.0):
        return [each for each in list(self.outcomes)
                if each.status == 200 and each.began >= since and kind in (None, each.kind)]

    def lost(self, since=0.0):
        return [each for each in list(self.outcomes) if each.status != 200 and each.began >= since]

    def await_good(self, count, seconds=30, since=None):
        """Until so many generations that began from here on (or from `since` on) have gone well."""
        since = time.monotonic() if since is None else since
        wait_until(lambda: len(self.good("generate", since)) >= count, seconds, f"{count} generations")
