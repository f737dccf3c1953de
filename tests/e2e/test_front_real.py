"""The whole way: a browser's and a program's requests over HTTPS, through the front and yadod, to a real guest."""
import json
import socket
import threading

import pytest

from front import read_answer, ws_close_code, ws_frame, ws_open, ws_read
from yado import Yado, trusting, wait_for

PASSWORD = "correct horse battery"


class Door:
    """What front.py's helpers need of a front."""

    def __init__(self, yado):
        self.yado, self.port = yado, yado.port

    def connect(self):
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        return trusting().wrap_socket(plain, server_hostname="localhost")


@pytest.fixture(scope="module")
def yado(tiny, tmp_path_factory):
    yado = Yado(tmp_path_factory.mktemp("whole") / "state").with_front()
    yado.copy_from(tiny)
    yado.start()
    yado.make_user("ada", {"/": "admin"}, PASSWORD)
    yado("vm", "create", "web", "--image", "tiny")
    yado("vm", "start", "web")
    yield yado
    yado.clean()


@pytest.fixture(scope="module")
def token(yado):
    return yado.make_token("ada")


@pytest.fixture
def door(yado):
    return Door(yado)


@pytest.fixture
def browser(yado):
    """Cookie, CSRF token and origin of a session."""
    origin = f"https://localhost:{yado.port}"
    status, headers, body = yado.https("POST", "/api/v1/session", {"user": "ada", "password": PASSWORD},
                                       headers={"origin": origin, "host": origin[8:]})
    assert status in (200, 201), body
    cookie = headers["set-cookie"]
    assert cookie.startswith("__Host-yado=") and {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(
        cookie.split("; "))
    return {"cookie": cookie.split(";")[0], "x-csrf-token": body["csrf"], "origin": origin,
            "host": origin[8:]}


def test_a_browser_signs_in_reads_and_changes_and_another_site_does_not(yado, browser):
    status, headers, body = yado.https("GET", "/api/v1/vms/web", headers=browser)
    assert status == 200 and body["name"] == "web"
    change = {"description": "changed"}
    assert yado.https("PATCH", "/api/v1/vms/web", change, headers=browser)[0] in (200, 202)
    assert yado.https("PATCH", "/api/v1/vms/web", change, headers={**browser, "x-csrf-token": "x"})[0] == 403
    assert yado.https("PATCH", "/api/v1/vms/web", change, headers={**browser, "origin": "https://evil.test"})[0] == 403
    # A forged host makes the browser's origin another's.
    assert yado.https("PATCH", "/api/v1/vms/web", change, headers={**browser, "host": "evil.test"})[0] == 403


def test_an_etag_of_the_answer_is_taken_back(yado, token):
    _, headers, _ = yado.https("GET", "/api/v1/vms/web", token=token)
    change = {"description": "by etag"}
    status, _, body = yado.https("PATCH", "/api/v1/vms/web", change, token=token, headers={"if-match": headers["etag"]})
    assert status in (200, 202), body
    status, _, body = yado.https("PATCH", "/api/v1/vms/web", change, token=token, headers={"if-match": headers["etag"]})
    assert (status, body["error"]["code"]) == (412, "stale")


def test_events_come_over_a_websocket(yado, door, token):
    client = ws_open(door, "/api/v1/events", {"authorization": f"Bearer {token}"})
    assert client.status == 101
    seen = []
    making = threading.Timer(1, lambda: yado("vm", "create", "made-meanwhile", "--image", "tiny"))
    making.start()
    while not any("made-meanwhile" in json.dumps(event) for event in seen):
        opcode, data = ws_read(client)
        assert opcode == 1
        seen.append(json.loads(data))
    making.join()
    client.sendall(ws_frame(8, b"\x03\xe8"))
    assert ws_close_code(client)[0] == 1000


def test_a_console_of_a_guest_takes_a_ticket_once_and_ends_with_its_session(yado, door, browser):
    status, _, ticket = yado.https("POST", "/api/v1/vms/web/console/serial", {}, headers=browser)
    assert status == 201, ticket
    path = f"{ticket['path']}?ticket={ticket['ticket']}"
    client = ws_open(door, path, {"sec-websocket-protocol": "binary"})
    assert client.status == 101 and client.headers["sec-websocket-protocol"] == "binary"
    output = b""
    client.sendall(ws_frame(2, b"\n"))
    while b"login:" not in output:
        opcode, data = ws_read(client)
        output += data
    code, reason = ws_close_code(ws_open(door, path))
    assert code in (4401, 4403) and reason
    assert yado.https("DELETE", "/api/v1/session", headers=browser)[0] in (200, 204)
    assert ws_close_code(client)[0] == 1000
    assert yado.https("GET", "/api/v1/vms", headers=browser)[0] == 401


def test_without_a_credential_nothing_is_told(yado, door):
    for path in "/api/v1/vms", "/api/v1/tasks", "/api/v1/nothing", "/metrics":
        assert yado.https("GET", path)[0] in (401, 404), path
    code, _ = ws_close_code(ws_open(door, "/api/v1/events"))
    assert code == 4401


def test_requests_sent_while_yadod_starts_anew_are_answered_in_time(yado, door, token):
    client = door.connect()
    head = f"GET /api/v1/vms HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {token}\r\n\r\n".encode()
    client.sendall(head)
    assert read_answer(client).status == 200
    yado.kill()
    yado.start()
    wait_for(lambda: yado.https("GET", "/api/v1/vms", token=token)[0] == 200, 30, "yadod again")
    assert yado.state_of("web") == "running"
