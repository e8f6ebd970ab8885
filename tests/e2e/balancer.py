"""What stands in front of several servers in tests: passes TCP connections on, each to the next server that says it is
ready, as a cluster's does. A server that does not take the connection is skipped."""
import http.client
import itertools
import socket
import threading

CHUNK = 1 << 16
LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 2


def says_ready(address):
    """Whether a gateway at (host, port) answers /readyz with 200."""
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Balancer:
    """`balancer.backends = {(host, port): (host, port) where it says whether it is ready, or None: always}`."""

    def __init__(self):
        self.backends, self.ready = {}, []
        self.turns, self.open, self.lock = itertools.count(), set(), threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.accept, self.look)]
        for thread in self.threads:
            thread.start()

    def look(self):
        while not self.ended.wait(LOOK_SECONDS):
            self.ready = [backend for backend, probe in list(self.backends.items())
                          if probe is None or says_ready(probe)]

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def connect(self):
        """To the next one; None when none takes it."""
        ready, first = self.ready, next(self.turns)
        for place in range(len(ready)):
            try:
                return socket.create_connection(ready[(first + place) % len(ready)], timeout=PATIENCE_SECONDS)
            except OSError:
                continue
        return None

    def serve(self, client):
        server = self.connect()
        if server is None:
            client.close()
            return
        server.settimeout(None)
        pair = (client, server)
        with self.lock:
            self.open.add(pair)
        back = threading.Thread(target=self.pump, args=(server, client), daemon=True)
        back.start()
        self.pump(client, server)
        back.join()
        with self.lock:
            self.open.discard(pair)
        for each in pair:
            each.close()

    @staticmethod
    def pump(source, target):
        """All that comes, and that it has ended."""
        try:
            while data := source.recv(CHUNK):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            for each in (source, target):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def cut(self):
        """Nobody is there any more, and all connections end."""
        self.backends, self.ready = {}, []
        with self.lock:
            for pair in self.open:
                for each in pair:
                    try:
                        each.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass

    def close(self):
        self.ended.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in self.threads:
            thread.join()
        self.listener.close()
