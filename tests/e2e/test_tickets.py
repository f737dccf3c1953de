"""Consoles over the front: a ticket opens one console once; whoever loses the right, or leaves, loses the console."""
import socket
import ssl
import time

import pytest
import websocket

from frames import CANCEL, DATA, Frames
from test_events import by_front
from yado import wait_for


class Shell:
    """A console as the front would have it: the socket, and the stream that stands for it."""

    def __init__(self, frames, path, **head):
        self.frames = frames
        self.stream = frames.send("GET", path, upgrade=True, **head)
        self.response = frames.next(self.stream)
        self.socket = None
        if self.response.status == 101:
            assert self.response.head["stream"]
            self.socket = socket.socket(fileno=self.response.fds[0])
            self.socket.settimeout(30)
        self.data = b""

    def read_until(self, text, timeout=30):
        end = time.monotonic() + timeout
        while text not in self.data:
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            chunk = self.socket.recv(65536)
            if not chunk:
                raise EOFError(f"the console ended: {self.data[-500:]!r}")
            self.data += chunk
        self.data = self.data.split(text, 1)[1]

    def until_cut(self, timeout=10):
        """Seconds until the socket and the stream have ended."""
        begin = time.monotonic()
        self.socket.settimeout(timeout)
        while self.socket.recv(65536):
            pass
        frame = self.frames.next(self.stream, timeout)
        assert frame.kind in (DATA, CANCEL) and not frame.payload
        return time.monotonic() - begin


@pytest.fixture
def guest(front):
    """The number of a running guest, which is tagged 'prod'."""
    front("vm", "create", "subject", "--image", "tiny", "--tags", "prod")
    front("vm", "start", "subject")
    return front.vm("subject")["id"]


def serial(guest):
    return f"/api/v1/vms/{guest}/console/serial"


def ticket_of(frames, path, **body):
    answer = frames.ask("POST", path, body or None)
    assert answer.status == 201, answer.json
    assert not answer.fds and set(answer.json) == {"ticket", "expires", "path"}
    return answer.json["ticket"]


def writer(front):
    return front.status("subject")["console"]["writer"]


def test_a_ticket_opens_one_console_once(front, guest):
    begin = time.monotonic()
    front("vm", "create", "other", "--display", "none")
    other = front.vm("other")["id"]
    front.make_user("eve", {"/vms": "user"})
    front.make_user("blind", {"/vms": "auditor"})
    eve = by_front(front, front.make_token("eve"))
    nobody = by_front(front)
    early = ticket_of(eve, serial(guest))

    answer = eve.ask("POST", "/api/v1/vms/subject/console/serial")
    assert answer.json["path"] == serial(guest)
    ticket = answer.json["ticket"]
    shell = Shell(nobody, f"{serial(guest)}?ticket={ticket}")
    assert shell.response.status == 101
    shell.socket.sendall(b"\n")
    shell.read_until(b"login:")
    assert writer(front) == "eve"
    # Once.
    again = Shell(nobody, f"{serial(guest)}?ticket={ticket}")
    assert again.response.status == 401 and again.response.error["field"] == "ticket"
    # For what it was given out for, and void after an attempt at something else.
    ticket = ticket_of(eve, serial(guest), mode="read")
    assert Shell(nobody, f"{serial(other)}?ticket={ticket}").response.status == 403
    assert Shell(nobody, f"{serial(guest)}?ticket={ticket}").response.status == 401
    ticket = ticket_of(eve, serial(guest), mode="read")
    assert Shell(nobody, f"/api/v1/vms/{guest}/console/vnc?ticket={ticket}").response.status == 403
    ticket = ticket_of(eve, serial(guest), mode="read")
    assert Shell(nobody, f"{serial(guest)}?ticket={ticket}&mode=write").response.status == 400
    # It says what is opened: this one only looks on.
    reader = Shell(nobody, f"{serial(guest)}?ticket={ticket}")
    assert reader.response.status == 101
    reader.socket.sendall(b"nobody hears this\n")
    shell.socket.sendall(b"root\n")
    reader.read_until(b"# ")
    assert b"nobody hears this" not in reader.data
    # A second writer is refused by name, and may take over.
    ticket = ticket_of(eve, serial(guest))
    refused = Shell(nobody, f"{serial(guest)}?ticket={ticket}")
    assert refused.response.status == 409 and "in use by eve" in refused.response.error["message"]
    taker = Shell(nobody, f"{serial(guest)}?ticket={ticket_of(eve, serial(guest), take_over=True)}")
    assert taker.response.status == 101
    shell.read_until(b"took over")
    # Not with a ticket that nobody gave out, nor without the right, nor as something else than a WebSocket.
    for wrong in ("", "x", "0" * 43, "../" * 14, early[:-1], early + "A"):
        assert Shell(nobody, f"{serial(guest)}?ticket={wrong}").response.status in (400, 401)
    assert Shell(nobody, serial(guest)).response.status == 401
    ticket = ticket_of(eve, serial(guest))
    assert nobody.ask("GET", f"{serial(guest)}?ticket={ticket}").status == 400
    blind = by_front(front, front.make_token("blind"))
    assert blind.ask("POST", serial(guest)).status == 403
    assert Shell(blind, serial(guest)).response.status == 403
    # The display speaks RFB.
    display = Shell(nobody, f"/api/v1/vms/{guest}/console/vnc?ticket=" +
                    ticket_of(eve, f"/api/v1/vms/{guest}/console/vnc"))
    display.read_until(b"RFB 003.008\n")
    # And not for longer than it says.
    wait_for(lambda: time.monotonic() > begin + 31, 60, "the end of the ticket's life")
    late = Shell(nobody, f"{serial(guest)}?ticket={early}")
    assert late.response.status == 401
    # The guest's end is the end of all.
    front("vm", "stop", "subject")
    for console in (shell, reader, taker, display):
        assert console.until_cut() < 5


def test_a_ticket_is_worth_what_its_maker_may_do(front, guest):
    root = Frames(front.connect())
    front.make_user("eve", {"/vms": "user"}, "correct horse battery")
    eve = by_front(front, front.make_token("eve"))
    nobody = by_front(front)
    path = f"{serial(guest)}?ticket="
    # The right is gone.
    ticket = ticket_of(eve, serial(guest))
    assert root.ask("PATCH", "/api/v1/users/eve", {"grants": {"g0": {"role": "auditor"}}}).status == 200
    assert Shell(nobody, path + ticket).response.status == 403
    assert root.ask("PATCH", "/api/v1/users/eve", {"grants": {"g0": {"role": "user"}}}).status == 200
    # The token that made it is gone.
    ticket = ticket_of(eve, serial(guest))
    token = root.ask("GET", "/api/v1/tokens").json["items"][0]["id"]
    assert root.ask("DELETE", f"/api/v1/tokens/{token}").status == 200
    assert Shell(nobody, path + ticket).response.status == 401
    # The session that made it is signed out.
    signed_in = nobody.ask("POST", "/api/v1/session", {"user": "eve", "password": "correct horse battery"})
    cookie = signed_in.head["headers"]["set-cookie"].split("=", 1)[1].split(";")[0]
    page = by_front(front, session=cookie, origin="same", headers={"x-csrf-token": signed_in.json["csrf"]})
    ticket, other = ticket_of(page, serial(guest)), ticket_of(page, serial(guest), mode="read")
    assert Shell(nobody, path + other).response.status == 101
    assert page.ask("DELETE", "/api/v1/session").status == 200
    assert Shell(nobody, path + ticket).response.status == 401


def test_a_console_ends_with_the_right_to_it(front, guest):
    root = Frames(front.connect())
    front.make_user("eve", {"/tags/prod": "user"}, "correct horse battery")
    front.make_user("ann", {"/": "admin"})
    ann = Shell(by_front(front, front.make_token("ann")), serial(guest) + "?mode=read")

    def opens(frames):
        console = Shell(frames, serial(guest) + "?take_over=1")
        assert console.response.status == 101, console.response.json
        display = Shell(frames, f"/api/v1/vms/{guest}/console/vnc")
        display.read_until(b"RFB")
        assert writer(front) == "eve"
        return console, display

    def token_id():
        return next(item["id"] for item in root.ask("GET", "/api/v1/tokens").json["items"] if item["user"] == "eve")

    def grants(role):
        return root.ask("PATCH", "/api/v1/users/eve", {"grants": {"g0": {"role": role}}})

    eve = by_front(front, front.make_token("eve"))
    for withdraw, give_back in (
            (lambda: grants("auditor"), lambda: grants("user")),
            (lambda: root.ask("PATCH", f"/api/v1/vms/{guest}", {"tags": []}),
             lambda: root.ask("PATCH", f"/api/v1/vms/{guest}", {"tags": ["prod"]})),
            (lambda: root.ask("PATCH", "/api/v1/users/eve", {"enabled": False}),
             lambda: root.ask("PATCH", "/api/v1/users/eve", {"enabled": True})),
            (lambda: root.ask("DELETE", f"/api/v1/tokens/{token_id()}"), None)):
        consoles = opens(eve)
        assert withdraw().status == 200
        for console in consoles:
            assert console.until_cut() < 1
        wait_for(lambda: writer(front) is None, 5, "the free console")
        assert Shell(eve, serial(guest)).response.status in (401, 403)
        if give_back:
            assert give_back().status == 200

    signed_in = by_front(front).ask("POST", "/api/v1/session", {"user": "eve", "password": "correct horse battery"})
    cookie = signed_in.head["headers"]["set-cookie"].split("=", 1)[1].split(";")[0]
    page = by_front(front, session=cookie, origin="same", headers={"x-csrf-token": signed_in.json["csrf"]})
    assert by_front(front, session=cookie).ask("GET", serial(guest), upgrade=True).status == 403
    consoles = opens(page)
    assert page.ask("DELETE", "/api/v1/session").status == 200
    for console in consoles:
        assert console.until_cut() < 1
    # Nobody else has noticed.
    ann.data = b""
    other = Shell(by_front(front, front.make_token("ann")), serial(guest))
    other.socket.sendall(b"\n")
    ann.read_until(b"login:")


def test_a_console_that_the_front_leaves_is_free(front, guest):
    front.make_user("eve", {"/vms": "user"})
    token = front.make_token("eve")
    # It says so,
    eve = by_front(front, token)
    console = Shell(eve, serial(guest))
    assert writer(front) == "eve"
    console.socket.close()
    eve.cancel(console.stream)
    wait_for(lambda: writer(front) is None, 5, "the free console")
    # or is gone.
    console = Shell(eve, serial(guest))
    assert writer(front) == "eve"
    eve.close()
    wait_for(lambda: writer(front) is None, 5, "the free console")
    console.socket.settimeout(5)
    while console.socket.recv(65536):
        pass
    # A console that waits for nothing but its answer, too.
    eve = by_front(front, token)
    for _ in range(20):
        eve.send("GET", serial(guest) + "?take_over=1", upgrade=True)
        eve.cancel(eve.last)
    assert eve.ask("GET", "/api/v1/vms").status == 200
    wait_for(lambda: writer(front) is None, 5, "the free console")


def test_consoles_are_bounded_for_each(front, guest):
    front.make_user("eve", {"/vms": "user"})
    front.make_user("ann", {"/vms": "user"})
    eve = by_front(front, front.make_token("eve"))
    display = f"/api/v1/vms/{guest}/console/vnc"
    consoles = [Shell(eve, display if number < 24 else serial(guest) + "?mode=read") for number in range(49)]
    assert [console.response.status for console in consoles] == [101] * 48 + [429]
    ann = Shell(by_front(front, front.make_token("ann")), display)
    ann.read_until(b"RFB")
    eve.cancel(consoles[0].stream)
    wait_for(lambda: Shell(eve, display).response.status == 101, 10, "room for another")


def connect(front, path, token=None, **options):
    """A WebSocket over HTTPS."""
    return websocket.create_connection(
        f"wss://127.0.0.1:{front.port}{path}", sslopt={"cert_reqs": ssl.CERT_NONE, "check_hostname": False}, timeout=30,
        header=[f"Authorization: Bearer {token}"] if token else [], **options)


def read_socket(client, text):
    data = b""
    while text not in data:
        data += client.recv()
    return data


def test_a_console_over_https_is_a_websocket_for_anybody_with_a_ticket(front, guest):
    front.make_user("eve", {"/vms": "user"})
    token = front.make_token("eve")
    status, _, body = front.https("POST", serial(guest), {}, token)
    assert status == 201
    # As a page or noVNC would: without a header of its own.
    client = connect(front, f"{body['path']}?ticket={body['ticket']}")
    client.send_binary(b"\n")
    read_socket(client, b"login:")
    assert writer(front) == "eve"
    again = connect(front, f"{body['path']}?ticket={body['ticket']}")
    assert closing(again) == 4401
    status, _, body = front.https("POST", f"/api/v1/vms/{guest}/console/vnc", None, token)
    display = connect(front, f"{body['path']}?ticket={body['ticket']}", subprotocols=["binary"])
    assert display.subprotocol == "binary" and read_socket(display, b"RFB")
    # By the token itself.
    direct = connect(front, serial(guest) + "?take_over=1", token)
    direct.send_binary(b"root\n")
    read_socket(direct, b"# ")
    # Who closes his window leaves the console to others.
    direct.close()
    wait_for(lambda: writer(front) is None, 5, "the free console")
    # And the right that goes takes all of them along.
    root = Frames(front.connect())
    begin = time.monotonic()
    assert root.ask("PATCH", "/api/v1/users/eve", {"grants": {"g0": {"role": "auditor"}}}).status == 200
    assert closing(client) == 1000 and closing(display) == 1000
    assert time.monotonic() - begin < 2


def closing(client):
    """The code with which the server closes it."""
    while True:
        kind, data = client.recv_data()
        if kind == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big")
