"""A name server for tests, on a UDP port of its own: says who has which IPv4 addresses now, as that of a cluster does for
a headless service."""
import socket
import struct
import threading

A, IN = 1, 1
AUTHORITATIVE_ANSWER, NO_SUCH_NAME = 0x8580, 3


class NameServer:
    """`names.set("billing", ["127.1.0.2"])`; gRPC asks here when its target is `names.target("billing", 7201)`."""

    def __init__(self):
        self.addresses, self.lookups = {}, {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def set(self, name, addresses):
        self.addresses[self.full(name)] = list(addresses)

    @staticmethod
    def full(name):
        return f"{name}.rolling.test"

    def target(self, name, port):
        return f"dns://127.0.0.1:{self.port}/{self.full(name)}:{port}"

    def serve(self):
        while True:
            question, client = self.socket.recvfrom(4096)
            if not question:
                return
            self.socket.sendto(self.answer(question), client)

    def answer(self, question):
        end, labels = 12, []
        while (length := question[end]) > 0:
            labels.append(question[end + 1:end + 1 + length].decode("ascii"))
            end += 1 + length
        end += 5  # the empty label, type and class
        kind = struct.unpack(">H", question[end - 4:end - 2])[0]
        name = ".".join(labels).lower()
        known = name in self.addresses
        addresses = self.addresses[name] if known and kind == A else []
        if kind == A:
            self.lookups[name] = self.lookups.get(name, 0) + 1
        # The answers name the question's name by its place, with a life of 0 s.
        records = b"".join(struct.pack(">HHHIH4s", 0xC00C, A, IN, 0, 4, socket.inet_aton(each)) for each in addresses)
        flags = AUTHORITATIVE_ANSWER | (0 if known else NO_SUCH_NAME)
        head = question[:2] + struct.pack(">HHHHH", flags, 1, len(addresses), 0, 0)
        return head + question[12:end] + records

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join()
        self.socket.close()
