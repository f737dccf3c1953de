"""Frames in both directions on one connection, streams and all (docs/protocol.md), for tests that look closely."""
import json
import socket
import time

REQUEST, RESPONSE, DATA, CREDIT, CANCEL, EVENT = range(1, 7)


def encode(kind, stream, payload=b"", fds=0):
    return len(payload).to_bytes(4, "little") + stream.to_bytes(4, "little") + bytes([kind, fds, 0, 0]) + payload


class Frame:
    def __init__(self, kind, stream, payload, fds):
        self.kind, self.stream, self.payload, self.fds = kind, stream, payload, fds
        self.head, self.body = None, b""
        if kind in (REQUEST, RESPONSE, EVENT):
            length = int.from_bytes(payload[:4], "little")
            self.head = json.loads(payload[4:4 + length])
            self.body = payload[4 + length:]

    @property
    def status(self):
        return self.head["status"]

    @property
    def json(self):
        return json.loads(self.body) if self.body else None

    @property
    def error(self):
        return self.json["error"]


class Frames:
    """A connection; `head` has members that every request carries (on front.sock who asks)."""

    def __init__(self, client, **head):
        self.socket = client
        self.head = head
        self.last = 0
        self.data, self.fds, self.waiting = b"", [], []

    def close(self):
        self.socket.close()
        for fd in self.fds:
            socket.close(fd)

    def send(self, method, path, body=None, **head):
        """A request on a new stream, whose number it returns."""
        self.last += 1
        text = json.dumps({"method": method, "path": path, **self.head, **head}).encode()
        rest = json.dumps(body).encode() if body is not None else b""
        self.socket.sendall(encode(REQUEST, self.last, len(text).to_bytes(4, "little") + text + rest))
        return self.last

    def grant(self, stream, count):
        self.socket.sendall(encode(CREDIT, stream, count.to_bytes(4, "little")))

    def cancel(self, stream):
        self.socket.sendall(encode(CANCEL, stream))

    def receive(self, timeout=30):
        """The next frame of any stream; EOFError at the end."""
        self.socket.settimeout(timeout)
        while len(self.data) < 12 or len(self.data) < 12 + int.from_bytes(self.data[:4], "little"):
            chunk, fds, _, _ = socket.recv_fds(self.socket, 1 << 20, 16)
            if not chunk:
                raise EOFError("yadod closed the connection")
            self.data += chunk
            self.fds += fds
        length = int.from_bytes(self.data[:4], "little")
        count = self.data[9]
        frame = Frame(self.data[8], int.from_bytes(self.data[4:8], "little"), self.data[12:12 + length],
                      self.fds[:count])
        self.fds, self.data = self.fds[count:], self.data[12 + length:]
        return frame

    def next(self, stream, timeout=30):
        """The next frame of this stream; those of others are kept."""
        for index, frame in enumerate(self.waiting):
            if frame.stream == stream:
                return self.waiting.pop(index)
        end = time.monotonic() + timeout
        while True:
            frame = self.receive(max(0.001, end - time.monotonic()))
            if frame.stream == stream:
                return frame
            self.waiting.append(frame)

    def ask(self, method, path, body=None, timeout=30, **head):
        """A request and its response."""
        return self.next(self.send(method, path, body, **head), timeout)


class Events:
    """One who follows GET /events, and what he knows of the world."""

    def __init__(self, frames, query="", credit=True):
        self.frames = frames
        self.credit = credit
        self.world, self.resets, self.changes = {}, [], []
        self.epoch = self.seq = None
        self.live = False
        upgrade = {"upgrade": True} if "address" in frames.head else {}
        self.stream = frames.send("GET", "/api/v1/events" + query, **upgrade)
        self.response = frames.next(self.stream)

    def take(self, timeout=30):
        """One event, which is believed; EOFError when the stream is over, with how ('end', 'cancel')."""
        frame = self.frames.next(self.stream, timeout)
        if frame.kind != EVENT:
            raise EOFError("cancel" if frame.kind == CANCEL else "end")
        if self.credit:
            self.frames.grant(self.stream, len(frame.payload))
        event = frame.head
        if "reset" in event:
            self.resets.append(event["reset"])
            self.world, self.live = {}, False
        elif "snapshot" in event:
            assert not self.live
            assert len(frame.payload) < 65536
            self.world.update((item["path"], item["value"]) for item in event["snapshot"])
        elif "live" in event:
            self.live = True
            self.epoch, self.seq = event["live"]["epoch"], event["live"]["seq"]
        else:
            assert self.live and event["seq"] > self.seq
            self.seq = event["seq"]
            self.changes.append(event["path"])
            if event["value"] is None:
                self.world.pop(event["path"], None)
            else:
                self.world[event["path"]] = event["value"]
        return event

    def until(self, condition, timeout=30, what="what the events were to say"):
        end = time.monotonic() + timeout
        while not condition():
            try:
                self.take(max(0.001, end - time.monotonic()))
            except TimeoutError:
                raise TimeoutError(f"{what} did not come within {timeout} s: {sorted(self.world)[:50]}") from None
        return self

    def until_live(self, timeout=30):
        return self.until(lambda: self.live, timeout, "the end of the snapshot")

    def of(self, kind):
        return {path: value for path, value in self.world.items() if path.startswith(kind + "/")}
