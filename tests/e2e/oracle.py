"""What a request left behind: the suite's Redis, key by key, and the upstream's count."""
import contextlib
import socket
import urllib.parse

# Fields of an account and of a key that an admission moves and nothing gives back.
RATE_TIMES = {"rpm_tat", "ipm_tat"}
# The gateway's line when Redis had no time (100 ms) for a reservation's first try, so that what may have been held is taken
# back: then the mark of a release that came first stays for an hour, and is all that does.
GIVEN_UP = "a reservation without an answer is given up"
MARK = b"R||"


class Redis:
    """A client of a few lines for the suite's Redis. Nothing in there changes by itself: the sweeper and the
    registry only read, unless a hold's time has come."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=10)
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def read(self):
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        return int(rest) if kind == b":" else rest

    def pipeline(self, commands):
        text = b""
        for command in commands:
            words = [word if isinstance(word, bytes) else str(word).encode() for word in command]
            text += b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        self.socket.sendall(text)
        return [self.read() for _ in commands]

    def call(self, *words):
        return self.pipeline([words])[0]

    def dump(self):
        """Every key of billing with its whole value, byte for byte. The registry's own are left out: no request
        writes them, and their order within is another one after Redis was started again; and so is whose turn it is
        to look at the books, which changes by itself."""
        keys = sorted(key for key in self.call("KEYS", "*")
                      if not key.startswith(b"{catalog}:") and not key.endswith(b":books:turn"))
        return dict(zip((key.decode() for key in keys), self.pipeline([("DUMP", key) for key in keys])))

    def end_holds(self):
        """Every hold's time is over now, as it is seven minutes after its begin; the sweeper ends them."""
        for due in self.call("KEYS", "*:due"):
            for name in self.call("ZRANGE", due, 0, -1):
                record = due.replace(b":due", b":rsv:" + name)
                fields = self.call("GET", record).split(b"|")
                created = fields[9]
                fields[10] = created  # when it ends
                self.call("SET", record, b"|".join(fields), "KEEPTTL")
                self.call("ZADD", due, "XX", created, name)

    def hashes(self, keys):
        answers = self.pipeline([("HGETALL", key) for key in keys])
        return {key: dict(zip(words[::2], words[1::2])) for key, words in zip(keys, answers)}


@contextlib.contextmanager
def redis_of(suite):
    client = Redis(suite.env["PRISMATIC_REDIS_URL"])
    try:
        yield client
    finally:
        client.close()


def changed_keys(before, after):
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def changed_fields(before, after):
    return {field.decode() for field in before.keys() | after.keys() if before.get(field) != after.get(field)}


class Oracle:
    """Looks at the suite when it is made, and tells later what has changed."""

    def __init__(self, suite):
        self.suite = suite
        self.total = suite.upstream_total()
        self.keys, self.hashes = self.look()

    def given_up_any(self):
        return GIVEN_UP in self.suite.log(self.suite.front)

    def look(self):
        with redis_of(self.suite) as redis:
            keys = redis.dump()
            return keys, redis.hashes([key for key in keys if ":acct:" in key or ":key:" in key])

    def assert_untouched(self, test):
        """A refusal before the upstream: Redis is byte for byte what it was, and the upstream saw nothing."""
        keys, _ = self.look()
        changed = changed_keys(self.keys, keys)
        if self.given_up_any():  # its marks come when Redis is back, perhaps in a later row
            with redis_of(self.suite) as redis:
                changed = [key for key in changed if key in self.keys or not self.is_mark(redis, key)]
        test.assertEqual(changed, [], "Redis changed")
        test.assertEqual(self.suite.upstream_total(), self.total, "the upstream was called")

    @staticmethod
    def is_mark(redis, key):
        return ":rsv:" in key and redis.call("GET", key).startswith(MARK)

    def assert_only_rate_times_moved(self, test, upstream_calls):
        """A failure behind the hold: money, quota and concurrency are what they were."""
        keys, hashes = self.look()
        moved = {}
        for key in changed_keys(self.keys, keys):
            if ":rsv:" in key:  # the attempt's own: given back
                test.assertNotIn(key, self.keys)
                continue
            test.assertIn(key, hashes, f"{key} changed")
            moved[key] = changed_fields(self.hashes[key], hashes[key])
        for key, fields in moved.items():
            allowed = RATE_TIMES | {"last_us"} if ":acct:" in key else RATE_TIMES
            test.assertLessEqual(fields, allowed, key)
            test.assertLessEqual(RATE_TIMES, fields, f"{key}: the attempt was not counted")
        test.assertEqual(len(moved), 2, "an account and its key")
        test.assertEqual(self.suite.upstream_total(), self.total + upstream_calls)
