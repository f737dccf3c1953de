"""yado-httpd of a test's own, with a yadod that does what the test says, and clients that say what no library would."""
import base64
import json
import os
import pathlib
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading

from yado import BUILD, wait_for

# Memory is measured: what is freed must not be kept for the sanitizer's sake.
SANITIZER = "quarantine_size_mb=1:thread_local_quarantine_size_kb=64:detect_leaks=0"
REQUEST, RESPONSE, DATA, CREDIT, CANCEL, EVENT = range(1, 7)


class Stream:
    """A request as yadod sees it."""

    def __init__(self, link, number, head, body):
        self.link, self.number, self.head, self.body = link, number, head, body
        self.cancelled = threading.Event()
        self.credit = 0

    def frame(self, kind, payload, fds=()):
        data = struct.pack("<IIBBH", len(payload), self.number, kind, len(fds), 0) + payload
        with self.link.lock:
            if fds:
                socket.send_fds(self.link.socket, [data], list(fds))
            else:
                self.link.socket.sendall(data)

    def respond(self, status=200, body=None, fds=(), **head):
        text = json.dumps({"status": status, **head}).encode()
        rest = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        self.frame(RESPONSE, struct.pack("<I", len(text)) + text + rest, fds)

    def error(self, status, code, message):
        self.respond(status, {"error": {"code": code, "message": message}})

    def event(self, event):
        text = json.dumps(event).encode()
        self.frame(EVENT, struct.pack("<I", len(text)) + text)

    def end(self):
        self.frame(DATA, b"")

    def cancel(self):
        self.frame(CANCEL, b"")


class Link:
    def __init__(self, backend, connected):
        self.backend, self.socket, self.lock, self.streams = backend, connected, threading.Lock(), {}

    def read(self, length):
        data = b""
        while len(data) < length:
            part = self.socket.recv(length - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def serve(self):
        try:
            while True:
                length, number, kind, _, _ = struct.unpack("<IIBBH", self.read(12))
                payload = self.read(length)
                if kind == REQUEST:
                    size = struct.unpack("<I", payload[:4])[0]
                    stream = Stream(self, number, json.loads(payload[4:4 + size]), payload[4 + size:])
                    self.streams[number] = stream
                    self.backend.take(stream)
                elif kind == CANCEL:
                    self.streams[number].cancelled.set()
                elif kind == CREDIT:
                    self.streams[number].credit += struct.unpack("<I", payload)[0]
        except (EOFError, OSError):
            pass


class Backend:
    """Answers each request by the function that its path's last step names, else with what it was asked."""

    def __init__(self, path):
        self.path, self.handlers, self.requests, self.links = str(path), {}, [], []
        self.open()

    def open(self):
        self.socket = socket.socket(socket.AF_UNIX)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.socket.bind(self.path)
        self.socket.listen(64)
        threading.Thread(target=self.accept, args=(self.socket,), daemon=True).start()

    def accept(self, listener):
        try:
            while True:
                link = Link(self, listener.accept()[0])
                self.links.append(link)
                threading.Thread(target=link.serve, daemon=True).start()
        except OSError:
            pass

    def take(self, stream):
        self.requests.append(stream)
        handler = self.handlers.get(stream.head["path"].split("?")[0].rsplit("/", 1)[-1])
        if handler:
            handler(stream)
        else:
            stream.respond(200, {"head": stream.head, "length": len(stream.body)}, etag="43")

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for link in self.links:
            link.socket.shutdown(socket.SHUT_RDWR)
            link.socket.close()
        self.links = []


class Front:
    def __init__(self, backend=True, web=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="front-"))
        self.tls = self.directory / "tls"
        self.tls.mkdir()
        self.path = self.directory / "front.sock"
        self.log = self.directory / "log"
        self.backend = Backend(self.path) if backend else None
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.port = self.listener.getsockname()[1]
        command = [BUILD / "src/httpd/yado-httpd", "--backend", self.path, "--listen-fd", str(self.listener.fileno()),
                   "--tls-dir", self.tls, "--name", "front.test", "--debug"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command + (["--web-dir", web] if web else []), stdin=subprocess.DEVNULL,
                                            pass_fds=[self.listener.fileno()], stdout=log, stderr=log,
                                            env={**os.environ, "ASAN_OPTIONS": SANITIZER})
        wait_for(lambda: "serves\n" in self.log.read_text(), 30, "the front's start")

    def stop(self):
        alive = self.process.poll() is None
        self.process.terminate()
        self.process.wait(30)
        self.listener.close()
        if self.backend:
            self.backend.close()
        log = self.log.read_text()
        shutil.rmtree(self.directory)
        assert alive, f"the front had ended with {self.process.returncode}:\n{log[-6000:]}"
        assert "ERROR: AddressSanitizer" not in log and "runtime error" not in log, log[-6000:]

    def tail(self, length=3000):
        return self.log.read_text(errors="replace")[-length:] if self.log.exists() else ""

    def rss_mib(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        raise ProcessLookupError

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.tls / "cert.pem")
        return context

    def connect(self, alpn=None, source=None, timeout=60, context=None):
        context = context or self.context()
        if alpn:
            context.set_alpn_protocols(alpn)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=timeout,
                                         source_address=(source, 0) if source else None)
        return context.wrap_socket(plain, server_hostname="localhost")

    def get(self, path="/api/v1/vms", method="GET", headers=None, body=b"", client=None):
        """One request; (status, headers, body)."""
        client = client or self.connect()
        lines = [f"{method} {path} HTTP/1.1", f"host: localhost:{self.port}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body:
            lines.append(f"content-length: {len(body)}")
        client.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        return read_answer(client)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json()["error"]["code"]


def read_head(client):
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        part = client.recv(1)
        if not part:
            raise EOFError(f"the connection ended after {data!r}")
        data += part
    lines = data.decode("latin-1").split("\r\n")[:-2]
    headers = {}
    for line in lines[1:]:
        name, value = line.split(": ", 1)
        assert name not in headers or name == "set-cookie", f"{name} is there twice"
        headers[name] = value
    return int(lines[0].split()[1]), headers


def read_exactly(client, length):
    data = bytearray()
    while len(data) < length:
        part = client.recv(min(65536, length - len(data)))
        if not part:
            raise EOFError(f"the connection ended after {len(data)} bytes of {length}")
        data += part
    return bytes(data)


def read_answer(client):
    status, headers = read_head(client)
    return Answer(status, headers, read_exactly(client, int(headers.get("content-length", 0))))


def is_closed(client):
    """Whether the front has ended the connection; waits for it."""
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True
    except ssl.SSLError:
        return True


# --- WebSocket, by hand ---
def ws_open(front, path, headers=None, client=None, key=b"0123456789abcdef"):
    client = client or front.connect()
    lines = [f"GET {path} HTTP/1.1", f"host: localhost:{front.port}", "upgrade: websocket", "connection: Upgrade",
             f"sec-websocket-key: {base64.b64encode(key).decode()}", "sec-websocket-version: 13"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    client.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
    client.status, client.headers = read_head(client)
    return client


def ws_frame(opcode, payload=b"", first=0x80, mask=True, length=None):
    """A client's frame; `first` has its other bits of the first byte."""
    size = len(payload) if length is None else length
    header = bytes([first | opcode])
    bit = 0x80 if mask else 0
    if size < 126:
        header += bytes([bit | size])
    elif size < 65536:
        header += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        header += bytes([bit | 127]) + struct.pack(">Q", size)
    if not mask:
        return header + payload
    key = b"\x11\x22\x33\x44"
    return header + key + bytes(byte ^ key[i & 3] for i, byte in enumerate(payload))


def ws_read(client):
    """(opcode, payload) of the next frame."""
    first, second = read_exactly(client, 2)
    assert not second & 0x80 and first & 0x80
    size = second & 0x7f
    if size == 126:
        size = struct.unpack(">H", read_exactly(client, 2))[0]
    elif size == 127:
        size = struct.unpack(">Q", read_exactly(client, 8))[0]
    return first & 0x0f, read_exactly(client, size)


def ws_close_code(client):
    """Reads to the close frame; (code, reason)."""
    while True:
        opcode, payload = ws_read(client)
        if opcode == 8:
            return (struct.unpack(">H", payload[:2])[0], payload[2:].decode()) if payload else (None, "")
