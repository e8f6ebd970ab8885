"""A proxy in front of Redis that understands its protocol, so that faults happen at named points.

A point is a call of a Redis function, before it reaches Redis (`request`) or when its answer is there (`reply`):

    point = proxy.at("settle", "reply")     # the next settlement, done in Redis and not yet told
    ... a request that leads there ...
    point.wait()
    suite.kill("billing")                   # whatever is to happen in this moment
    point.lose()                            # then: pass, lose, cut (the half of it), duplicate

A point that is reached holds up all that is behind it on its connection, as a slow network does. What billing and the
registry send is plain FCALLs with one answer each, so requests and answers are matched by counting.
"""
import collections
import re
import socket
import struct
import threading

FUNCTION = re.compile(rb"^[a-z]+_\d+_[0-9a-f]{8}_([a-z_]+)$")
PATIENCE_SECONDS = 20  # a test that forgot to decide must not hang


def end_of_value(data, at):
    """Where the RESP value at `at` ends; None when it is not whole yet."""
    stop = data.find(b"\r\n", at)
    if stop < 0:
        return None
    kind, after = data[at:at + 1], stop + 2
    if kind in (b"+", b"-", b":"):
        return after
    count = int(data[at + 1:stop])
    if kind == b"$":
        end = after if count < 0 else after + count + 2
        return end if end <= len(data) else None
    for _ in range(count):
        after = end_of_value(data, after)
        if after is None:
            return None
    return after


def function_of(command):
    """The verb of an FCALL (`settle`), else None."""
    words = command.split(b"\r\n", 5)
    if len(words) < 5 or words[2].upper() != b"FCALL":
        return None
    match = FUNCTION.match(words[4])
    return match.group(1).decode() if match else None


class Point:
    """One moment at which a connection is held up until it is decided what becomes of it."""

    def __init__(self, function, side, nth):
        self.function, self.side, self.left = function, side, nth
        self.reached, self.decided, self.decision = threading.Event(), threading.Event(), "pass"

    def wait(self, seconds=PATIENCE_SECONDS):
        if not self.reached.wait(seconds):
            raise AssertionError(f"{self.function} did not come to its {self.side} within {seconds} s")

    def decide(self, decision):
        self.decision = decision
        self.decided.set()

    def pass_on(self):
        self.decide("pass")

    def lose(self):
        """The request never arrives, or the answer never does; the connection breaks."""
        self.decide("lose")

    def cut(self):
        """Half of it arrives, then the connection breaks."""
        self.decide("cut")

    def duplicate(self):
        """The request arrives twice (as no caller of ours sends it, but as a client that repeats would)."""
        self.decide("duplicate")

    def hold(self):
        """Called by the connection."""
        self.reached.set()
        self.decided.wait(PATIENCE_SECONDS)
        return self.decision


class Connection:
    """One of a service's connections, with its two directions."""

    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.asked = collections.deque()  # (function, whether its answer is swallowed), in order
        for source, target, handle in ((client, server, self.request), (server, client, self.reply)):
            threading.Thread(target=self.pump, args=(source, target, handle), daemon=True).start()

    def pump(self, source, target, handle):
        data = b""
        try:
            while True:
                more = source.recv(1 << 16)
                if not more:
                    break
                data += more
                at = 0
                while True:
                    end = end_of_value(data, at)
                    if end is None:
                        break
                    self.proxy.flowing.wait()
                    handle(target, data[at:end])
                    at = end
                data = data[at:]
        except OSError:
            pass
        finally:
            self.close()

    def request(self, server, command):
        function = function_of(command)
        decision = self.proxy.pass_point(function, "request")
        if decision == "lose":
            raise ConnectionResetError
        if decision == "cut":
            server.sendall(command[:len(command) // 2])
            raise ConnectionResetError
        self.asked.append((function, False))
        if decision == "duplicate":
            self.asked.append((function, True))
            command += command
        server.sendall(command)

    def reply(self, client, answer):
        function, swallowed = self.asked.popleft()
        if swallowed:
            return
        decision = self.proxy.pass_point(function, "reply")
        if decision == "lose":
            raise ConnectionResetError
        if decision == "cut":
            client.sendall(answer[:len(answer) // 2])
            raise ConnectionResetError
        client.sendall(answer)

    def close(self):
        """With a reset: what is still on its way to either side is lost."""
        self.proxy.forget(self)
        for side in (self.client, self.server):
            try:
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            side.close()


class RedisProxy:
    """Listens on loopback and passes on to the Redis at `port`, until close()."""

    def __init__(self, port):
        self.server_address = ("127.0.0.1", port)
        self.lock = threading.Lock()
        self.points, self.connections, self.refusing = [], set(), False
        self.flowing = threading.Event()
        self.flowing.set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                if self.refusing:
                    raise OSError
                server = socket.create_connection(self.server_address, timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections.add(Connection(self, client, server))

    def forget(self, connection):
        with self.lock:
            self.connections.discard(connection)

    def at(self, function, side, nth=1):
        """Arms a point: the nth call of `function` from now on, at its `request` or its `reply`."""
        point = Point(function, side, nth)
        with self.lock:
            self.points.append(point)
        return point

    def disarm(self):
        """Takes back every point that was not reached, and lets go of the others."""
        with self.lock:
            points, self.points = self.points, []
        for point in points:
            point.pass_on()

    def pass_point(self, function, side):
        if function is None or not self.points:
            return "pass"
        with self.lock:
            for point in self.points:
                if (point.function, point.side) == (function, side):
                    point.left -= 1
                    if point.left == 0:
                        self.points.remove(point)
                        break
            else:
                return "pass"
        return point.hold()

    def cut_off(self):
        """Breaks every connection and accepts none, until heal()."""
        self.refusing = True
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            connection.close()

    def freeze(self):
        """Passes nothing on and breaks nothing, until heal()."""
        self.flowing.clear()

    def heal(self):
        self.refusing = False
        self.flowing.set()

    def close(self):
        self.disarm()
        self.heal()
        self.cut_off()
        self.listener.close()
