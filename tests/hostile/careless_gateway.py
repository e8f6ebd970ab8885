"""A server that gets one thing wrong: the body of a GET stays on the connection and is taken for the next request.

What the tests behind proxies must find out, if they can find out anything.
"""
import re
import socket
import threading
import uuid

LENGTH = re.compile(rb"^content-length: *(\d+)", re.I | re.M)


class CarelessGateway:
    """Answers every request with a 404 that names its path; has what the tests ask of a target."""
    key = "none"

    def __init__(self):
        self._answered, self._lock = 0, threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def fill(self, data):
        return data

    def counted(self):
        with self._lock:
            return {("model", 404): self._answered}

    def stop(self):
        # Closing alone does not wake the thread that waits in accept.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, client.makefile("rb") as reader:
            try:
                while head := b"".join(iter(reader.readline, b"\r\n")):
                    self._answer(client, reader, head)
            except (OSError, ValueError, IndexError):
                pass

    def _answer(self, client, reader, head):
        method, target = head.split(b" ")[:2]
        length = LENGTH.search(head)
        if length and method != b"GET":
            reader.read(int(length[1]))
        with self._lock:
            self._answered += 1
        body = b'{"error":{"message":"Invalid URL (' + method + b" " + target + b')."}}'
        client.sendall(b"HTTP/1.1 404 Not Found\r\nx-request-id: %s\r\nContent-Length: %d\r\n\r\n%s" % (
            str(uuid.uuid4()).encode(), len(body), body))
