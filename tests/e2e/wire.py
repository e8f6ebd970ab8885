"""A connection to the public port on which the test decides about each byte."""
import http.client
import json
import socket
import struct
import urllib.parse

from suite import Answer


def post_head(key, length, *lines):
    """The head of a generation request whose body has `length` bytes; "" leaves the key out."""
    send = ["POST /v1/images/generations HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json",
            f"Content-Length: {length}", *([f"Authorization: Bearer {key}"] if key else []), *lines]
    return ("\r\n".join(send) + "\r\n\r\n").encode()


def post(key, fields, *lines):
    body = json.dumps({"model": "imagen-4", "prompt": "a lighthouse", "size": "256x256", **fields}).encode()
    return post_head(key, len(body), *lines) + body


class Wire:
    def __init__(self, suite, timeout=30, receive_buffer=None):
        parts = urllib.parse.urlsplit(suite.env["PRISMATIC_BASE_URL"])
        self.socket = socket.socket()
        self.socket.settimeout(timeout)
        if receive_buffer:  # before the connection: the window is agreed upon there
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            self.socket.connect((parts.hostname, parts.port))
        except OSError:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        response = http.client.HTTPResponse(self.socket, method="POST")
        response.begin()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def is_closed(self):
        """Waits for the end of the connection; False when there are bytes instead."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def say_no_more(self):
        self.socket.shutdown(socket.SHUT_WR)

    def hang_up(self):
        """Closes at once, whatever is under way."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
