"""A taken-over yado-httpd: the test plays it, as its user, on front.sock. It gains nothing but what the credentials that
pass through it allow; yadod lives, keeps its bounds, and serves api.sock meanwhile."""
import json
import os
import pathlib
import pwd
import random
import socket
import struct
import subprocess
import threading
import time

import pytest

from frames import CANCEL, CREDIT, DATA, EVENT, REQUEST, RESPONSE, Events, Frames, encode
from test_events import HOME, by_front, make_guests, resident, until_idle
from yado import wait_for

FORGED = {"user": "root", "peer": 0, "peer_uid": 0, "uid": 0, "front": False, "principal": "root", "rights": ["admin"],
          "same_origin": True}


def hostile(yado):
    """A connection with no manners and no credentials."""
    return Frames(yado.connect_front(), **HOME)


def descriptors(yado):
    return len(os.listdir(f"/proc/{yado.process.pid}/fd"))


class Watch:
    """Asks api.sock all the while, and how long that took at worst."""

    def __init__(self, yado):
        self.frames = Frames(yado.connect())  # now: connect_front() is another user for a moment, with all threads
        self.worst, self.failure = 0, None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            while True:
                begin = time.monotonic()
                assert self.frames.ask("GET", "/api/v1/vms", timeout=20).status == 200
                self.worst = max(self.worst, time.monotonic() - begin)
                if self.stop.wait(0.02):
                    break
        except Exception as failure:
            self.failure = failure

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        assert self.failure is None
        assert self.worst < 5, f"api.sock took {self.worst:.1f} s"


def ended(client, timeout=10):
    """The server has closed it."""
    client.settimeout(timeout)
    try:
        while client.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


def world(yado):
    """All that must not change."""
    root = Frames(yado.connect())
    return {path: root.ask("GET", f"/api/v1/{path}").json
            for path in ("vms", "images", "users", "roles", "tokens", "settings/access", "history?facts=1")}


def routes(yado):
    """Every method and path of the API, with something in place of each parameter."""
    document = Frames(yado.connect()).ask("GET", "/api/v1/openapi.json").json
    for pattern, item in document["paths"].items():
        path = pattern if pattern.startswith("/api/") or pattern in ("/healthz", "/metrics") else "/api/v1" + pattern
        while "{" in path:
            before, rest = path.split("{", 1)
            path = before + "100" + rest.split("}", 1)[1]
        for method in item:
            if method in ("get", "post", "put", "patch", "delete"):
                yield method.upper(), path


def test_nothing_is_had_without_a_credential(front):
    root = Frames(front.connect())
    make_guests(root, ["mine"])
    until_idle(root)
    before = world(front)
    public = set()
    known = list(routes(front))
    assert len(known) > 50
    frames = hostile(front)
    for method, path in known:
        for head in ({}, FORGED, {"upgrade": method == "GET", **FORGED},
                     {"headers": {"authorization": "Bearer root", "cookie": "__Host-yado=root", "x-user": "root"}}):
            answer = frames.ask(method, path, {} if method in ("POST", "PATCH") else None, **head)
            assert not answer.fds
            if answer.status not in (400, 401, 403, 422):
                public.add((method, path))
            elif answer.status == 401:
                assert answer.json["error"]["code"] == "unauthorized"
    assert public <= {("GET", "/healthz"), ("GET", "/api/v1/openapi.json"), ("GET", "/api/v1/schemas"),
                      ("GET", "/api/v1/schemas/100")}, public
    assert world(front) == before


def test_who_asks_is_the_credential_and_nothing_else(front):
    front.make_user("eve", {"/": "auditor"})
    token = front.make_token("eve")
    root = Frames(front.connect())
    guest = make_guests(root, ["mine"])[0]
    until_idle(root)
    frames = by_front(front, token, **FORGED)
    assert frames.ask("GET", "/api/v1/vms").status == 200
    assert frames.ask("DELETE", f"/api/v1/vms/{guest}").status == 403
    assert frames.ask("POST", f"/api/v1/vms/{guest}/console/serial").status == 403
    both = frames.ask("GET", "/api/v1/vms", session="A" * 43)
    assert both.status == 400
    for secret in (token[:-1], token + "A", token[1:], token.swapcase(), "a", "." * 128):
        assert by_front(front, secret).ask("GET", "/api/v1/vms").status in (401, 429)
    # In the record it is eve, from where the front says that she is; her secret is not.
    log = root.ask("GET", "/api/v1/audit?limit=200").json["items"]
    refused = [entry for entry in log if entry["action"].startswith("DELETE") and entry["outcome"] == "refused"]
    assert refused and all(entry["user"] == "eve" and entry["address"] == HOME["address"] for entry in refused)
    assert token not in json.dumps(log)


def test_other_users_are_turned_away(front):
    path = front.run / "front" / "front.sock"
    info = path.stat()
    assert (info.st_mode & 0o7777, info.st_uid) == (0o600, pwd.getpwnam("yado").pw_uid)
    root = socket.socket(socket.AF_UNIX)
    root.settimeout(10)
    root.connect(str(path))  # root may, but is not who is expected
    assert b'"forbidden"' in root.recv(4096)
    assert ended(root)
    # The user `yado` reaches its own socket, and neither the other one nor anything else there.
    script = """
import os, socket, sys
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[1]))
for path in sys.argv[3:]:
    client = socket.socket(socket.AF_UNIX)
    try:
        client.connect(path)
        client.settimeout(10)
        print(path, client.recv(4096)[:200])
    except OSError as error:
        print(path, type(error).__name__)
try:
    print(os.listdir(os.path.dirname(sys.argv[3])))
except OSError as error:
    print(type(error).__name__)
"""
    user = pwd.getpwnam("yado")
    for uid, gid in ((user.pw_uid, user.pw_gid), (65534, 65534)):
        said = subprocess.run(["/usr/bin/python3", "-c", script, str(uid), str(gid), str(front.socket), str(path)],
                              capture_output=True, text=True, timeout=30, check=True).stdout
        assert f"{front.socket} PermissionError" in said and said.splitlines()[-1] == "PermissionError"
        assert f"{path} PermissionError" in said or "forbidden" in said


def test_heads_and_frames_of_every_wrong_kind(front):
    random.seed(7)
    before = descriptors(front)
    good = {"method": "GET", "path": "/api/v1/vms", **HOME}
    wrong = [{**good, **change} for change in (
        {"address": None}, {"address": "x" * 60000}, {"address": ["::1"]}, {"method": "get"}, {"method": "G" * 17},
        {"path": "vms"}, {"path": "/api/v1/../../etc/passwd"}, {"path": "/api/v1/vms/%2e%2e/100"}, {"path": "//"},
        {"path": "/api/v1/vms/100%00"}, {"path": "/api/v1/vms?" + "&".join(f"a{i}=1" for i in range(100))},
        {"headers": []}, {"headers": {"A": "b"}}, {"headers": {f"h{i}": "x" for i in range(100)}},
        {"deadline_ms": -1}, {"deadline_ms": "soon"}, {"content_length": 2**63}, {"session": "'; DROP TABLE doc"},
        {"token": "\x00"}, {"origin": {}}, {"upgrade": "yes"})]
    with Watch(front):
        for head in wrong:
            text = json.dumps(head).encode()
            client = front.connect_front()
            client.sendall(encode(REQUEST, 1, len(text).to_bytes(4, "little") + text))
            frame = Frames(client).receive()
            assert frame.kind == RESPONSE and frame.status in (400, 401, 404), (head, frame.head)
            client.close()
        for _ in range(200):
            client = front.connect_front()
            size = random.randrange(1, 300)
            wrong_bytes = random.choice((
                random.randbytes(size),
                encode(random.randrange(256), random.randrange(5), random.randbytes(size)),
                encode(REQUEST, 1, len(json.dumps(good)).to_bytes(4, "little") + json.dumps(good).encode()[:size]),
                encode(REQUEST, 1, struct.pack("<I", random.getrandbits(32)) + random.randbytes(size))))
            try:
                client.sendall(wrong_bytes)
            except BrokenPipeError:
                pass  # turned away: the server has not yet come to closing the sixteen before
            client.close()
    wait_for(lambda: descriptors(front) <= before + 2, 20, "the descriptors of connections that are gone")


def test_descriptors_are_not_taken(front):
    front.make_user("ann", {"/": "admin"})
    token = front.make_token("ann")
    before = descriptors(front)
    frames = by_front(front, token)
    with open("/etc/hostname", "rb") as file:
        text = json.dumps({"method": "POST", "path": "/api/v1/images", "token": token, **HOME}).encode()
        body = json.dumps({"name": "stolen", "format": "raw", "kind": "data"}).encode()
        for stream in range(1, 50):
            socket.send_fds(frames.socket, [encode(REQUEST, stream, len(text).to_bytes(4, "little") + text + body, 4)],
                            [file.fileno()] * 4)
        frames.last = 50
        for stream in range(1, 50):
            assert frames.next(stream).status >= 400
    # Nor those that no frame speaks of.
    text = json.dumps({"method": "GET", "path": "/api/v1/vms", "token": token, **HOME}).encode()
    with open("/etc/hostname", "rb") as file:
        socket.send_fds(frames.socket, [encode(REQUEST, 51, len(text).to_bytes(4, "little") + text)],
                        [file.fileno()] * 16)
    assert frames.next(51).status == 200
    assert not front("image", "list")["items"][1:]
    frames.close()
    wait_for(lambda: descriptors(front) <= before, 20, "what came to be closed")


def test_credit_and_cancels_are_bounded(front):
    front.make_user("eve", {"/": "auditor"})
    token = front.make_token("eve")
    witness = Events(by_front(front, token)).until_live()
    with Watch(front):
        # More credit than there may be.
        events = Events(by_front(front, token))
        events.frames.grant(events.stream, 0xffffffff)
        assert ended(events.frames.socket)
        # Credit for what was never opened, data that nobody wants, what only servers send.
        for frame in (encode(CREDIT, 9, b"\1\0\0\0"), encode(CANCEL, 9), encode(DATA, 9, b"x"),
                      encode(RESPONSE, 1, b"\2\0\0\0{}"), encode(EVENT, 1, b"\2\0\0\0{}")):
            client = front.connect_front()
            client.sendall(frame)
            assert ended(client)
        # Streams that are opened and given up at once, by the thousand.
        frames = by_front(front, token)
        for _ in range(3000):
            frames.cancel(frames.send("GET", "/api/v1/events", upgrade=True))
        assert frames.next(frames.send("GET", "/api/v1/vms"), 60).status == 200
        # Data on a stream of events ends that stream alone. (Those that were given up free their places in their turn.)
        def follow():
            events = Events(by_front(front, token))
            return events if events.response.status == 200 else None
        events = wait_for(follow, 60, "a place among those who follow")
        events.frames.socket.sendall(encode(DATA, events.stream, b"x" * 1000))
        with pytest.raises(EOFError, match="cancel"):
            while True:
                events.take(60)
        assert events.frames.ask("GET", "/api/v1/vms").status == 200
    make_guests(Frames(front.connect()), ["seen"])
    witness.until(lambda: witness.of("vm"))


def test_a_flood_leaves_others_served_and_memory_bounded(front):
    root = Frames(front.connect())
    front.make_user("eve", {"/": "auditor"}, "correct horse battery")
    token = front.make_token("eve")
    make_guests(root, [f"g{number}" for number in range(100)])
    until_idle(root)
    before = resident(front)
    with Watch(front):
        # All connections that there may be, each with all streams that it may have.
        clients = []
        for number in range(40):
            client = front.connect_front()
            client.settimeout(0.5)  # yadod stops to read from one who does not
            frames = Frames(client, **HOME)
            try:
                for _ in range(150):
                    frames.send("POST", "/api/v1/session", {"user": f"u{number}", "password": "x" * 20})
                for _ in range(150):
                    frames.send("GET", "/api/v1/vms?limit=1000", token=token)
                for _ in range(150):
                    frames.send("GET", "/api/v1/tasks/1/wait?timeout=60", token=token)
            except OSError:
                pass  # one too many, or one that asks for more than it reads
            clients.append(client)
        # None of them reads. Beside them somebody else is answered.
        begin = time.monotonic()
        assert Frames(front.connect()).ask("GET", "/api/v1/vms").status == 200
        assert time.monotonic() - begin < 5
        assert resident(front) - before < 700 << 20  # 16 connections, 32 MiB each at most, and what the sanitizers hold back
        for client in clients:
            client.close()
    # And when they have gone, the front is served again.
    wait_for(lambda: front_serves(front, token), 60, "an answer on front.sock")


def front_serves(front, token):
    try:
        return by_front(front, token).ask("GET", "/api/v1/vms", timeout=5).status == 200
    except (EOFError, OSError):
        return False


def test_half_frames_hold_up_nobody_but_the_front(front):
    text = json.dumps({"method": "GET", "path": "/api/v1/vms", **HOME}).encode()
    whole = encode(REQUEST, 1, len(text).to_bytes(4, "little") + text)
    with Watch(front):
        clients = [front.connect_front() for _ in range(20)]
        for number, client in enumerate(clients):
            try:
                client.sendall(whole[:1 + number * 5])
            except OSError:
                pass
        assert front("node", "show")["name"]
        # One that sends a byte now and then is answered when it is done.
        front.make_user("eve", {"/": "auditor"})
        for client in clients:
            client.close()
        assert wait_for(lambda: front_serves(front, front.make_token("eve")), 30)


def test_guesses_get_nowhere(front):
    root = Frames(front.connect())
    guest = make_guests(root, ["mine"])[0]
    front.make_user("eve", {"/": "admin"}, "correct horse battery")
    until_idle(root)
    frames = hostile(front)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    with Watch(front):
        for _ in range(5):
            streams = []
            for _ in range(100):
                guess = "".join(random.choices(alphabet, k=43))
                streams.append(frames.send("GET", f"/api/v1/vms/{guest}/console/serial?ticket={guess}", upgrade=True))
                streams.append(frames.send("GET", "/api/v1/users", session=guess))
            for stream in streams:
                assert frames.next(stream, 60).status in (401, 429)
    # A session that was signed out is nothing, however often it comes again, and from wherever.
    signed_in = by_front(front, address="198.51.100.7").ask(
        "POST", "/api/v1/session", {"user": "eve", "password": "correct horse battery"})
    assert signed_in.status in (200, 201), signed_in.json
    cookie = signed_in.head["headers"]["set-cookie"].split("=", 1)[1].split(";")[0]
    page = by_front(front, session=cookie, origin="same", address="198.51.100.7")
    csrf = {"headers": {"x-csrf-token": signed_in.json["csrf"]}}
    assert page.ask("GET", "/api/v1/users").status == 200
    # With the cookie alone nothing is changed, nor by another's page.
    assert page.ask("POST", "/api/v1/users", {"name": "mallory"}).status == 403
    assert page.ask("POST", "/api/v1/users", {"name": "mallory"}, headers={"x-csrf-token": "x"}).status == 403
    assert page.ask("POST", "/api/v1/users", {"name": "mallory"}, origin="cross", **csrf).status == 403
    assert page.ask("DELETE", "/api/v1/session", **csrf).status == 200
    for _ in range(20):
        answer = page.ask("GET", "/api/v1/users", **csrf)
        assert answer.status in (401, 429)
        assert page.ask("POST", "/api/v1/users", {"name": "mallory"}, **csrf).status in (401, 429)
    assert {user["name"] for user in root.ask("GET", "/api/v1/users").json["items"]} >= {"eve"}
    assert root.ask("GET", "/api/v1/users/mallory").status == 404


def test_bytes_that_are_announced_lead_nowhere_without_a_right(front):
    front.make_user("eve", {"/": "auditor"})
    eve = by_front(front, front.make_token("eve"))
    before = descriptors(front)
    for frames in (hostile(front), eve):
        for path in ("/api/v1/uploads", "/api/v1/uploads/1", "/api/v1/images", "/api/v1/vms", "/api/v1/session"):
            for method in ("POST", "PUT", "PATCH"):
                answer = frames.ask(method, path, content_length=1 << 46)
                assert answer.status >= 400 and not answer.fds
    assert descriptors(front) <= before + 2
    assert not list(pathlib.Path(front.state, "uploads").glob("*/*"))


def test_guests_and_root_outlive_a_front_that_is_killed_for_it(front):
    """What yado-httpd had open on front.sock is gone with it, and it comes again."""
    front("vm", "create", "subject", "--image", "tiny")
    front("vm", "start", "subject")
    pid = front.vm("subject")["status"]["pid"]
    frames = hostile(front)
    frames.socket.sendall(b"\xff" * 100)
    assert ended(frames.socket)
    first = front.front_pid
    os.kill(first, 9)
    wait_for(lambda: front.front_answers() and front.front_pid != first, 30, "another yado-httpd")
    assert front.vm("subject")["status"]["pid"] == pid and front.state_of("subject") == "running"
