"""A whole suite whose billing talks to Redis through a proxy that can break that connection at named points."""
import os
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
from redis_proxy import RedisProxy  # noqa: E402
from suite import OPTIONS, Suite, ended, wait_until  # noqa: E402,F401

DOLLAR, CENT4 = 1_000_000_000, 40_000_000


def with_flag(command, flag, value):
    """A command line in which a flag has another value."""
    at = command.index(flag)
    return [*command[:at + 1], value, *command[at + 2:]]


class ChaosSuite(Suite):
    def __init__(self):
        super().__init__()
        self.proxy = RedisProxy(urllib.parse.urlsplit(self.env["PRISMATIC_REDIS_URL"]).port)
        try:
            self.use_redis(self.keeper, f"redis://127.0.0.1:{self.proxy.port}")
            self.restart(self.keeper)
        except BaseException:
            self.stop()
            raise

    @property
    def keeper(self):
        """The name of the process that billing lives in."""
        return "billing" if self.separate else "all-in-one"

    def use_redis(self, name, url):
        """From its next start on."""
        command, environment = self.commands[name]
        self.commands[name] = (with_flag(command, "--redis", url), environment)

    def bypass_proxy(self):
        """For answers of a megabyte, which the proxy reads more slowly than billing is willing to wait."""
        self.use_redis(self.keeper, self.env["PRISMATIC_REDIS_URL"])
        self.restart(self.keeper)

    def bring_up(self):
        """Whatever was done to it: every process runs and is reached."""
        self.proxy.disarm()
        self.proxy.heal()
        for name in self.commands:
            if self.is_gone(name):
                self.start_again(name)
        self.wait_ready()
        # The gateway has its own connections to the others, and makes them anew at its own pace.
        wait_until(lambda: self.generate().status == 200, 20, "a generation")

    def is_gone(self, name):
        return ended(self.pid(name))

    def stop(self):
        self.proxy.close()
        super().stop()
