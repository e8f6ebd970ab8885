"""Small servers that stand between provider-proxy and a sandbox, each in a thread of its own: one that decides request
by request whether it is passed on, and an egress proxy that counts."""
import asyncio
import json
import threading
import time
import typing
import urllib.parse

HEAD_MAX = 1 << 16
CHUNK = 1 << 16


class Server:
    """Listens on a port of loopback that it picks, and serves each connection by `serve`."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.tasks = set()
        ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait()

    def _run(self, ready):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(
            asyncio.start_server(self._accept, "127.0.0.1", 0, limit=HEAD_MAX, backlog=1024))
        self.port = self.server.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    async def _accept(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            await self.serve(reader, writer)
        except (OSError, EOFError, ValueError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(task)
            writer.close()

    async def serve(self, reader, writer):
        raise NotImplementedError

    async def _end(self):
        self.server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def stop(self):
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


async def read_head(reader):
    """(first line, {field in lower case: value}); the reader is at the body then."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = head[:-4].split("\r\n")
    return line, {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}


def head_of(line, fields):
    return "\r\n".join([line, *(f"{name}: {value}" for name, value in fields.items()), "", ""]).encode("latin-1")


class Call(typing.NamedTuple):
    """A request as it came, and what became of it."""
    at: float  # time.monotonic()
    authorization: str
    status: int  # 0: passed on


class Refusal(typing.NamedTuple):
    """What a DecidingProxy answers instead of asking the upstream."""
    status: int
    error: dict
    fields: dict = {}
    after: float = 0  # seconds


OVERLOADED = Refusal(503, {"message": "The model is overloaded.", "type": "server_error", "code": "overloaded"},
                     after=0.06)
NO_SUCH_MODEL = Refusal(404, {"message": "No such model.", "type": "invalid_request_error", "code": "model_not_found"})
UNAUTHORIZED = Refusal(401, {"message": "No such key.", "type": "invalid_request_error", "code": "invalid_api_key"})


def rate_limited(retry_after):
    return Refusal(429, {"message": "Too many requests.", "type": "rate_limit_error", "code": "rate_limit_exceeded"},
                   {"retry-after": retry_after})


class DecidingProxy(Server):
    """`decide(fields)` says of each request by the fields of its head what to answer, None: pass it on. What is
    passed on goes with the upstream's own credential. `calls` has all of them in order."""

    def __init__(self, upstream, credential, decide=lambda fields: None):
        self.upstream, self.credential, self.decide = urllib.parse.urlsplit(upstream), credential, decide
        self.calls = []
        super().__init__()

    async def serve(self, reader, writer):
        upstream = None
        try:
            while True:
                line, fields = await read_head(reader)
                body = await reader.readexactly(int(fields.get("content-length", 0)))
                refusal = self.decide(fields)
                self.calls.append(Call(time.monotonic(), fields.get("authorization", ""),
                                       refusal.status if refusal else 0))
                if refusal:
                    await asyncio.sleep(refusal.after)
                    writer.write(self.refusal_text(refusal))
                else:
                    upstream = upstream or await asyncio.open_connection(self.upstream.hostname, self.upstream.port)
                    await self.pass_on(upstream, writer, line, {**fields, "authorization": f"Bearer {self.credential}"},
                                       body)
                await writer.drain()
        finally:
            if upstream:
                upstream[1].close()

    @staticmethod
    def refusal_text(refusal):
        body = json.dumps({"error": refusal.error}).encode()
        fields = {"content-type": "application/json", "content-length": len(body), **refusal.fields}
        return head_of(f"HTTP/1.1 {refusal.status} No", fields) + body

    @staticmethod
    async def pass_on(upstream, writer, line, fields, body):
        reader, to = upstream
        to.write(head_of(line, fields) + body)
        line, fields = await read_head(reader)
        writer.write(head_of(line, fields) + await reader.readexactly(int(fields["content-length"])))


class EgressProxy(Server):
    """Tunnels (CONNECT) and forwards (a whole URL in the request line). `targets` has (method, host:port) of each."""

    def __init__(self):
        self.targets = []
        super().__init__()

    async def serve(self, reader, writer):
        line, fields = await read_head(reader)
        method, target, version = line.split(" ")
        parts = urllib.parse.urlsplit("//" + target if method == "CONNECT" else target)
        self.targets.append((method, parts.netloc))
        from_upstream, to_upstream = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Established\r\n\r\n")
            else:  # one request a connection is enough for what is forwarded here
                fields = {**fields, "connection": "close"}
                to_upstream.write(head_of(f"{method} {parts.path} {version}", fields))
            await self.tunnel((reader, to_upstream), (from_upstream, writer))
        finally:
            to_upstream.close()

    async def tunnel(self, *ways):
        """Until one of them ends."""
        pumps = [asyncio.ensure_future(self.pump(*way)) for way in ways]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    @staticmethod
    async def pump(reader, writer):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
