#!/usr/bin/env python3
"""A provider's Images switch is flipped while 200 requests run: none of them fails for it, and what is sent after a
flip goes only where it may.

usage: images_switch_test.py [--separate] [--bin DIR] [unittest arguments]
"""
import concurrent.futures
import re
import time
import typing
import unittest

from upstream_suite import Clients, UpstreamSuite, model, outcomes_of, provider, share_failed

from connections import Loop  # pylint: disable=wrong-import-order
from upstream_catalog import Sandbox  # pylint: disable=wrong-import-order

IN_FLIGHT, DELAY_MS = 200, 1500
FLIPS = ("off", "on", "off", "on")
BETWEEN_SECONDS = 1
# The sandbox remembers so many requests.
REMEMBERED = 1000


class Flip(typing.NamedTuple):
    word: str
    began: float
    everywhere: float  # when both ends had it


class ImagesSwitchTest(unittest.TestCase):
    def setUp(self):
        self.suite = UpstreamSuite()
        self.addCleanup(self.suite.stop)
        self.loop = Loop()
        self.addCleanup(self.loop.close)
        self.sandboxes = {}
        for name in ("switched", "steady"):
            self.sandboxes[name] = Sandbox(self.suite, name)
            self.addCleanup(self.sandboxes[name].stop)
        self.suite.offer([provider(name, sandbox.address) for name, sandbox in self.sandboxes.items()],
                         [model("switching", *self.sandboxes)])

    @staticmethod
    def body(number):
        return {"model": "switching", "prompt": f"ship {number} [[sandbox delay_ms={DELAY_MS}]]", "size": "256x256",
                "response_format": "url"}

    def flip(self, word):
        began = time.monotonic()
        self.suite.cli("provider", "images", "switched", word)
        self.suite.wait_for_catalog()
        return Flip(word, began, time.monotonic())

    def flip_all(self, load):
        """In a thread of their own, while the clients go on."""
        flips = []
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            for word in FLIPS:
                flipping = pool.submit(self.flip, word)
                load.run_until(flipping.done, 20, f"the switch {word}")
                flips.append(flipping.result())
                load.run(BETWEEN_SECONDS)
        return flips

    def arrived(self, name):
        """The numbers of the requests that came to a sandbox."""
        requests = self.sandboxes[name].ask("GET", f"/_sandbox/requests?limit={REMEMBERED}")
        self.assertLess(requests["total"], REMEMBERED, "more than it remembers")
        return {int(re.search(r"ship (\d+)", one["body"]).group(1)) for one in requests["requests"]}

    def test_flips_under_load_cost_no_request(self):
        load = Clients(self.loop, self.suite, self.body, IN_FLIGHT).start()
        load.run_until(lambda: len(load.under_way) >= IN_FLIGHT * 0.95, 20, "the requests in flight")
        flips = self.flip_all(load)
        load.finish()
        here, there = self.arrived("switched"), self.arrived("steady")
        slowest = max(flip.everywhere - flip.began for flip in flips)
        print(f"\n{len(flips)} flips, each everywhere after {slowest * 1000:.0f} ms at most, under {IN_FLIGHT} "
              f"requests: {len(load.sent)} requests, {dict(outcomes_of(load.sent))}; {len(here)} and "
              f"{len(there)} calls")

        self.assertEqual(share_failed(load.sent), 0, outcomes_of(load.sent))
        self.assertEqual((len(here) + len(there), here & there), (outcomes_of(load.sent)[200], set()))
        self.assert_where_they_went(load.sent, flips, here)

    def assert_where_they_went(self, sent, flips, here):
        ends = [flip.began for flip in flips[1:]] + [float("inf")]
        for flip, end in zip(flips, ends):
            during = {one.number for one in sent if flip.everywhere < one.sent_at < end}
            self.assertGreater(len(during), IN_FLIGHT / 4, f"too few to tell after it was switched {flip.word}")
            if flip.word == "off":
                self.assertEqual(during & here, set(), "sent after it was off")
            else:
                self.assertGreater(len(during & here), len(during) / 5, "hardly any since it was on")
        # Those that it had when it was switched off were finished there.
        first = flips[0].began
        self.assertTrue({one.number for one in sent if one.sent_at < first < one.answered_at} & here)


if __name__ == "__main__":
    unittest.main()
