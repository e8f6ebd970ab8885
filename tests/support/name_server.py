"""A name server for tests: A records of a table over UDP, nothing else."""
import socket
import struct
import threading

A, IN = 1, 1
NO_ERROR, NO_SUCH_NAME = 0, 3


class NameServer:
    """Answers on a bound socket until close(). `names` maps names in lower case to lists of addresses; it may change, and
    answers may be kept for `ttl_seconds`."""

    def __init__(self, bound, names, ttl_seconds=1):
        self.socket = bound
        self.names = names
        self.ttl_seconds = ttl_seconds
        self.asked = []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                question, client = self.socket.recvfrom(4096)
            except OSError:
                return
            if not question:
                return
            try:
                self.socket.sendto(self.answer(question), client)
            except OSError:
                continue  # a client that is gone

    def answer(self, question):
        name, kind, end = read_question(question)
        self.asked.append(name)
        addresses = self.names.get(name.lower().rstrip("."))
        code = NO_SUCH_NAME if addresses is None else NO_ERROR
        records = [struct.pack(">HHHIH4s", 0xC00C, A, IN, self.ttl_seconds, 4, socket.inet_aton(address))
                   for address in (addresses or ()) if kind == A]
        # An answer (0x8000) with authority (0x0400); recursion as asked for (0x0100) and to be had (0x0080).
        flags = 0x8480 | struct.unpack(">H", question[2:4])[0] & 0x0100 | code
        head = question[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0)
        return head + question[12:end] + b"".join(records)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes recvfrom
        except OSError:
            pass  # an unconnected socket says so, and wakes all the same
        self.thread.join()
        self.socket.close()


def read_question(packet):
    """(name, type, where it ends) of a query's one question."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii"))
        at += 1 + packet[at]
    return ".".join(labels), struct.unpack(">H", packet[at + 1:at + 3])[0], at + 5
