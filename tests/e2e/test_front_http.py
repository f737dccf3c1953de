"""The front by itself: what it passes, what it refuses, and what it makes of clients and of a yadod that misbehave."""
import hashlib
import json
import os
import random
import socket
import ssl
import subprocess
import threading
import time

import h2.config
import h2.connection
import h2.events
import h2.errors
import pytest

from front import (Front, is_closed, read_answer, read_exactly, read_head, ws_close_code, ws_frame, ws_open, ws_read)
from yado import wait_for

SESSION = "s" * 43


@pytest.fixture(scope="module")
def front():
    front = Front()
    yield front
    front.stop()


@pytest.fixture
def own_front():
    front = Front()
    yield front
    front.stop()


@pytest.fixture
def handlers(front):
    yield front.backend.handlers
    front.backend.handlers.clear()


def serves(front):
    answer = front.get()
    assert answer.status == 200
    return True


# --- What is passed ---
def test_a_request_is_passed_with_its_address_and_credential_and_nothing_else(front):
    head = front.get("/api/v1/vms?limit=3&filter=a%2Fb", headers={
        "authorization": "Bearer abc.def-1", "x-forwarded-for": "1.2.3.4", "if-match": '"43"', "accept": "*/*",
        "user-agent": "x" * 300, "accept-language": "ja", "idempotency-key": "k1"}).json()["head"]
    assert head == {"method": "GET", "path": "/api/v1/vms?limit=3&filter=a%2Fb", "address": "127.0.0.1",
                    "token": "abc.def-1", "headers": {"if-match": "43", "user-agent": "x" * 255,
                                                      "accept-language": "ja", "idempotency-key": "k1"}}


def test_a_session_comes_from_its_cookie_among_others(front):
    head = front.get(headers={"cookie": f"a=b; __Host-yado={SESSION}; c=d", "x-csrf-token": "t"}).json()["head"]
    assert head["session"] == SESSION and head["headers"] == {"x-csrf-token": "t"} and "token" not in head


@pytest.mark.parametrize("host, origin, expected", [
    ("localhost:1", "https://localhost:1", "same"),
    ("Box.test", "https://box.test:443", "same"),
    ("[::1]:8006", "https://[::1]:8006", "same"),
    ("localhost:1", "http://localhost:1", "cross"),
    ("localhost:1", "https://localhost:2", "cross"),
    ("localhost", "https://localhost.evil.test", "cross"),
    ("localhost", "https://evil.test/localhost", "cross"),
    ("localhost", "null", "cross"),
    ("localhost", "", "cross"),
])
def test_the_origin_is_compared_with_the_host(front, host, origin, expected):
    client = front.connect()
    client.sendall(f"GET /api/v1/x HTTP/1.1\r\nhost: {host}\r\norigin: {origin}\r\n\r\n".encode())
    assert read_answer(client).json()["head"]["origin"] == expected


def test_a_json_body_goes_with_its_request(front):
    body = json.dumps({"name": "web", "x": "y" * 100000}).encode()
    answer = front.get("/api/v1/vms", "POST", {"authorization": "Bearer t", "content-type": "application/json"}, body)
    assert answer.json()["length"] == len(body) and answer.headers["etag"] == '"43"'


def test_requests_follow_one_another_on_a_connection_also_when_sent_ahead(front):
    client = front.connect()
    client.sendall(b"".join(b"GET /api/v1/n%d HTTP/1.1\r\nhost: h\r\n\r\n" % i for i in range(200)))
    for i in range(200):
        assert read_answer(client).json()["head"]["path"] == f"/api/v1/n{i}"


def test_an_answer_passes_the_headers_that_are_listed_and_no_line_breaks(front, handlers):
    handlers["h"] = lambda stream: stream.respond(200, {}, headers={
        "set-cookie": "__Host-yado=x; Secure", "server": "x", "location": "/a\r\nx-evil: 1", "retry-after": "5",
        "content-type": "text/plain"}, task=7)
    headers = front.get("/api/v1/h").headers
    assert headers["set-cookie"] == "__Host-yado=x; Secure" and headers["retry-after"] == "5"
    assert headers["content-type"] == "text/plain" and "server" not in headers and "x-evil" not in headers


def test_answers_of_a_misled_yadod_do_not_harm_the_front(front, handlers):
    handlers["s"] = lambda stream: stream.respond(99999)
    assert front.get("/api/v1/s").status == 502
    handlers["e"] = lambda stream: stream.respond(200, stream=True)
    assert front.get("/api/v1/e").status == 426
    handlers["f"] = lambda stream: stream.respond(200, {}, fds=[0, 0])
    assert front.get("/api/v1/f").status == 200
    handlers["b"] = lambda stream: stream.link.socket.sendall(b"\xff" * 64)
    assert front.get("/api/v1/b").status == 503
    assert serves(front)


# --- What is refused ---
@pytest.mark.parametrize("target", [
    "/api/../etc/passwd", "/api/v1/..", "/.", "/api/./v1", "/api/%2e%2e/x", "/api/%2E./x", "/api/.%2e", "//api/v1/vms",
    "/api//vms", "/api/v1/%2e%2e%2f%2e%2e", "/api/v1/a%2fb", "/api/v1/a%5cb", "/api/v1/%00", "/api/v1/%0a", "/api/v1/%zz",
    "/api/v1/%", "/api/v1/x#y", "/api/v1/\\x", "/api/v1/\x7f", "/api/v1/\xe4", "/api/v1/x?a=%0", "/api/v1/x?a=%00",
    "http://localhost/api/v1/vms", "https://localhost/", "localhost:443", "*", "api/v1/vms", "/api/v1/a|b", "/api/v1/<x>"])
def test_a_path_that_no_client_of_the_api_sends_is_refused(front, target):
    client = front.connect()
    client.sendall(f"GET {target} HTTP/1.1\r\nhost: h\r\n\r\n".encode("latin-1"))
    answer = read_answer(client)
    assert (answer.status, answer.code) == (400, "invalid")


def test_a_path_that_is_too_long_is_refused(front):
    assert front.get("/api/v1/" + "x" * 9000).status == 414


def test_what_is_outside_the_api_never_reaches_yadod(front):
    count = len(front.backend.requests)
    for path in "/etc/passwd", "/apix", "/healthzz", "/metrics/x", "/index.html?x=/api/":
        assert front.get(path).status in (200, 404)
    assert front.get("/", "POST").status == 405
    assert len(front.backend.requests) == count


BAD_HEADS = {
    "chunked": b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths": b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "identity": b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\ntransfer-encoding: identity\r\ncontent-length: 1\r\n\r\nx",
    "two lengths": b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
    "the same length twice": b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello",
    "a list of lengths": b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\ncontent-length: 5, 5\r\n\r\nhello",
    "a signed length": b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\ncontent-length: +5\r\n\r\nhello",
    "a negative length": b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\ncontent-length: -1\r\n\r\nhello",
    "a length in hex": b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\ncontent-length: 0x5\r\n\r\nhello",
    "an empty length": b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\ncontent-length:\r\n\r\nhello",
    "a length past 64 bits": b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999999999999999\r\n\r\nhello",
    "a folded line": b"GET /api/v1/x HTTP/1.1\r\nhost: h\r\nx: a\r\n b\r\n\r\n",
    "a folded length": b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\ncontent-length:\r\n 5\r\n\r\nhello",
    "a bare line feed": b"GET /api/v1/x HTTP/1.1\nhost: h\n\n",
    "a bare line feed within": b"GET /api/v1/x HTTP/1.1\r\nhost: h\nx: y\r\n\r\n",
    "a bare carriage return": b"GET /api/v1/x HTTP/1.1\r\nhost: h\rx: y\r\n\r\n",
    "a NUL": b"GET /api/v1/x HTTP/1.1\r\nhost: h\r\nx: a\0b\r\n\r\n",
    "a space before the colon": b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\ncontent-length : 5\r\n\r\nhello",
    "a tab before the colon": b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\ntransfer-encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "a line without a colon": b"GET /api/v1/x HTTP/1.1\r\nhost: h\r\nfoo\r\n\r\n",
    "a line without a name": b"GET /api/v1/x HTTP/1.1\r\nhost: h\r\n: x\r\n\r\n",
    "a space before the first header": b"GET /api/v1/x HTTP/1.1\r\n host: h\r\n\r\n",
    "an absolute target": b"GET https://other/api/v1/x HTTP/1.1\r\nhost: h\r\n\r\n",
    "an authority": b"CONNECT h:443 HTTP/1.1\r\nhost: h\r\n\r\n",
    "no host": b"GET /api/v1/x HTTP/1.1\r\nx: y\r\n\r\n",
    "two hosts": b"GET /api/v1/x HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    "a host with a path": b"GET /api/v1/x HTTP/1.1\r\nhost: a/b\r\n\r\n",
    "a host with a user": b"GET /api/v1/x HTTP/1.1\r\nhost: u@a\r\n\r\n",
    "an empty host": b"GET /api/v1/x HTTP/1.1\r\nhost:\r\n\r\n",
    "two spaces": b"GET  /api/v1/x HTTP/1.1\r\nhost: h\r\n\r\n",
    "a space in the path": b"GET /api/v1/x y HTTP/1.1\r\nhost: h\r\n\r\n",
    "a method in lower case": b"get /api/v1/x HTTP/1.1\r\nhost: h\r\n\r\n",
    "a long method": b"G" * 17 + b" /api/v1/x HTTP/1.1\r\nhost: h\r\n\r\n",
    "two sessions": b"GET /api/v1/x HTTP/1.1\r\nhost: h\r\ncookie: __Host-yado=%s; __Host-yado=%s\r\n\r\n" % (b"a" * 43, b"b" * 43),
    "two authorizations": b"GET /api/v1/x HTTP/1.1\r\nhost: h\r\nauthorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n",
}
OTHER_HEADS = {
    505: [b"GET /api/v1/x HTTP/2.0\r\nhost: h\r\n\r\n", b"GET /api/v1/x HTTP/1.2\r\nhost: h\r\n\r\n",
          b"GET /api/v1/x http/1.1\r\nhost: h\r\n\r\n", b"GET /api/v1/x HTTP/1.1 \r\nhost: h\r\n\r\n"],
    417: [b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\nexpect: more\r\ncontent-length: 1\r\n\r\nx"],
    415: [b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx"],
    431: [b"GET /api/v1/x HTTP/1.1\r\nhost: h\r\n" + b"a: b\r\n" * 64 + b"\r\n",
          b"GET /api/v1/x HTTP/1.1\r\nhost: h\r\na: " + b"x" * 20000 + b"\r\n\r\n"],
}


@pytest.mark.parametrize("head", BAD_HEADS.values(), ids=BAD_HEADS.keys())
def test_a_head_that_can_be_read_in_two_ways_is_refused_and_ends_the_connection(front, head):
    count = len(front.backend.requests)
    client = front.connect()
    client.sendall(head + b"GET /api/v1/smuggled HTTP/1.1\r\nhost: h\r\n\r\n")
    answer = read_answer(client)
    assert (answer.status, answer.code) == (400, "invalid")
    assert answer.headers["connection"] == "close"
    assert is_closed(client)
    assert len(front.backend.requests) == count


@pytest.mark.parametrize("status", OTHER_HEADS)
def test_a_head_that_asks_for_what_there_is_not_is_refused_and_ends_the_connection(front, status):
    for head in OTHER_HEADS[status]:
        client = front.connect()
        client.sendall(head)
        assert read_answer(client).status == status
        assert is_closed(client)


@pytest.mark.parametrize("headers, status", [
    ({"cookie": "__Host-yado=short"}, 401),
    ({"cookie": "__Host-yado=" + "!" * 43}, 401),
    ({"cookie": "__Host-yado=" + "x" * 44}, 401),
    ({"authorization": "Basic YTpi"}, 401),
    ({"authorization": "Bearer"}, 401),
    ({"authorization": "Bearer a b"}, 401),
    ({"authorization": "Bearer " + "x" * 129}, 401),
    ({"authorization": "Bearer a\"b"}, 401),
    ({"authorization": "Bearer a", "cookie": "__Host-yado=" + SESSION}, 400),
])
def test_a_credential_of_another_form_is_refused(front, headers, status):
    count = len(front.backend.requests)
    assert front.get(headers=headers).status == status
    assert len(front.backend.requests) == count


def test_every_response_has_the_security_headers(front, handlers):
    handlers["e"] = lambda stream: stream.error(409, "conflict", "no")
    for path, status in ("/", 200), ("/none.js", 404), ("/api/v1/x", 200), ("/api/v1/e", 409), ("/api/../x", 400):
        answer = front.get(path)
        assert answer.status == status
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "strict-transport-security" not in answer.headers
        if path != "/":
            assert answer.headers["cache-control"] == "no-store"


# --- Bounds ---
def test_a_body_over_the_bound_is_refused_before_it_is_sent(front):
    client = front.connect()
    client.sendall(b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\nauthorization: Bearer a\r\ncontent-length: 1015809\r\n\r\n")
    answer = read_answer(client)
    assert answer.status == 413 and is_closed(client)
    assert front.get("/api/v1/x", "POST", body=b"x" * 65537).status == 413  # without a credential
    assert front.get("/api/v1/x", "POST", {"authorization": "Bearer a"}, b"x" * (992 << 10)).status == 200


def test_a_flood_of_bytes_after_a_refusal_does_not_take_the_answer_away(front):
    client = front.connect()
    try:
        client.sendall(b"GET /api/v1/x HTTP/1.1\r\nhost: h\r\n" + b"a: b\r\n" * 100000)
    except OSError:
        pass
    assert read_answer(client).status == 431


def test_an_answer_waits_for_100_continue(front):
    client = front.connect()
    client.sendall(b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n")
    assert read_head(client) == (100, {})
    client.sendall(b"hello")
    assert read_answer(client).json()["length"] == 5


def test_an_old_client_is_answered_and_its_connection_ended(front):
    client = front.connect()
    client.sendall(b"GET /api/v1/x HTTP/1.0\r\nhost: h\r\n\r\n")
    answer = read_answer(client)
    assert answer.status == 200 and answer.headers["connection"] == "close" and is_closed(client)


def test_the_head_of_a_page_has_no_body(front):
    client = front.connect()
    client.sendall(b"HEAD / HTTP/1.1\r\nhost: h\r\n\r\n")
    status, headers = read_head(client)
    assert status == 200 and int(headers["content-length"]) > 100
    assert front.get("/", headers={"if-none-match": headers["etag"]}, client=client).status == 304


# --- Clients that are slow, many or gone ---
def watch_end(client, ends, name, started):
    """Notes when the front ends the connection, and what came before; answers nothing."""
    data = b""
    client.settimeout(90)
    try:
        while part := client.recv(4096):
            data += part
    except OSError:
        pass
    ends[name] = (time.monotonic() - started, data)


def drip(client, data, stop):
    for byte in data:
        try:
            client.send(bytes([byte]))
        except OSError:
            return
        if stop.wait(0.2):
            return


def test_slow_and_silent_clients_are_sent_away_in_their_times_and_others_do_not_notice(own_front):
    front, ends, stop, started = own_front, {}, threading.Event(), time.monotonic()
    front.backend.handlers["events"] = lambda stream: stream.respond(200, stream=True)
    front.backend.handlers["big"] = lambda stream: stream.respond(200, {"x": "y" * 900000})
    clients = {
        "no handshake": socket.create_connection(("127.0.0.1", front.port)),
        "half a handshake": socket.create_connection(("127.0.0.1", front.port)),
        "no head": front.connect(), "slow head": front.connect(), "half a body": front.connect(),
        "idle": front.connect(), "no pong": ws_open(front, "/api/v1/events"),
        "idle http2": Http2(front).socket, "half a head of http2": Http2(front).socket,
    }
    clients["half a handshake"].sendall(b"\x16\x03\x01\x02\x00\x01")
    clients["half a body"].sendall(b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\nx")
    assert front.get(client=clients["idle"]).status == 200
    clients["half a head of http2"].sendall(b"\x00\x00\x01\x01\x00\x00\x00\x00\x01\x82")
    reader = front.connect()  # asks and never reads
    reader.sendall(b"GET /api/v1/big HTTP/1.1\r\nhost: h\r\n\r\n" * 20)
    threads = [threading.Thread(target=watch_end, args=(client, ends, name, started)) for name, client in clients.items()]
    threads.append(threading.Thread(target=drip, args=(clients["slow head"], b"GET /api/v1/x HTTP/1.1\r\nx: " + b"y" * 1000,
                                                       stop)))
    for thread in threads:
        thread.start()
    while time.monotonic() - started < 64:
        assert serves(front)
        time.sleep(0.5)
    stop.set()
    for thread in threads:
        thread.join(30)
    print({name: round(when, 1) for name, (when, _) in ends.items()})
    for name, first, last in (("no handshake", 9, 14), ("half a handshake", 9, 14), ("no head", 9, 14), ("slow head", 9, 16),
                              ("half a body", 29, 36), ("idle", 58, 66), ("no pong", 58, 66), ("idle http2", 58, 66),
                              ("half a head of http2", 10, 22)):
        assert first < ends[name][0] < last, (name, ends[name])
    assert b" 408 " in ends["slow head"][1] and b" 408 " in ends["half a body"][1]
    assert front.rss_mib() < 160
    got = 0
    try:
        while part := reader.recv(1 << 20):
            got += len(part)
    except OSError:
        pass
    assert got < 20 * 900000


def test_a_thousand_idle_connections_cost_little_and_others_are_served(own_front):
    front = own_front
    assert serves(front)
    before = front.rss_mib()
    context = front.context()
    idle = []
    for i in range(1000):
        idle.append(front.connect(source=f"127.0.1.{i // 200 + 1}", context=context))
        assert front.get(client=idle[-1]).status == 200
    after = front.rss_mib()
    started = time.monotonic()
    client = front.connect()
    for _ in range(100):
        assert front.get(client=client).status == 200
    took = (time.monotonic() - started) * 10
    print(f"1,000 idle connections: {before:.1f} -> {after:.1f} MiB, {(after - before) * 1.024:.1f} KiB each; "
          f"a request beside them takes {took:.2f} ms")
    assert after - before < 150
    for client in idle:
        client.close()


def test_an_address_has_256_connections_and_others_have_theirs(own_front):
    front = own_front
    context = front.context()
    clients = [front.connect(source="127.0.2.1", context=context) for _ in range(256)]
    with pytest.raises(OSError):
        front.get(client=front.connect(source="127.0.2.1", context=context))
    assert front.get(client=front.connect(source="127.0.2.2", context=context)).status == 200
    clients.pop().close()
    wait_for(lambda: connects(front, context), 10, "a free place")


def connects(front, context):
    try:
        return front.get(client=front.connect(source="127.0.2.1", context=context)).status == 200
    except OSError:
        return False


def test_bodies_that_never_end_are_bounded_for_an_address(own_front):
    front = own_front
    before, clients = front.rss_mib(), []
    for i in range(64):
        client = front.connect()
        client.sendall(b"POST /api/v1/x HTTP/1.1\r\nhost: h\r\nauthorization: Bearer a\r\ncontent-length: 1015808\r\n\r\n")
        try:
            client.sendall(b"x" * 1015000)
        except OSError:
            pass  # told to come later
        clients.append(client)
    answers = []
    for client in clients:
        client.settimeout(0.3)
        try:
            answers.append(read_answer(client).status)
        except TimeoutError:
            pass  # its body is waited for
    assert 40 < len(answers) < 60 and set(answers) == {503}
    assert front.rss_mib() - before < 90
    assert serves(front)


def test_a_half_closed_connection_ends(front):
    client = front.connect()
    client.sendall(b"GET /api/v1/x HTTP/1.1\r\nhost: h\r\n\r\n")
    assert read_answer(client).status == 200
    plain = client.detach()
    half = socket.socket(fileno=plain)
    half.shutdown(socket.SHUT_WR)
    half.settimeout(10)
    while half.recv(4096):
        pass


def test_a_client_that_leaves_cancels_its_request(front, handlers):
    waiting = []
    handlers["never"] = waiting.append
    client = front.connect()
    client.sendall(b"GET /api/v1/never HTTP/1.1\r\nhost: h\r\n\r\n")
    wait_for(lambda: waiting, 10, "the request")
    client.close()
    assert waiting[0].cancelled.wait(10)


def cpu_seconds(front):
    fields = open(f"/proc/{front.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_clients_that_ask_without_reading_cost_neither_time_nor_memory(own_front):
    front = own_front
    before, clients = front.rss_mib(), []
    for path in b"/", b"/api/v1/x", b"/", b"/api/v1/x":
        client = front.connect(timeout=2)
        try:
            for _ in range(2000):
                client.sendall(b"GET %s HTTP/1.1\r\nhost: h\r\n\r\n" % path * 200)
        except OSError:
            pass
        clients.append(client)
    spent = cpu_seconds(front)
    time.sleep(3)
    spent = cpu_seconds(front) - spent
    print(f"{front.rss_mib() - before:.1f} MiB more, {spent:.2f} s of 3 s spent")
    assert spent < 0.5 and front.rss_mib() - before < 40
    assert serves(front)


def test_an_answer_that_has_no_body_does_not_shift_the_next(front, handlers):
    handlers["none"] = lambda stream: stream.respond(204, {"x": 1})
    client = front.connect()
    client.sendall(b"GET /api/v1/none HTTP/1.1\r\nhost: h\r\n\r\n" * 2 + b"HEAD /api/v1/x HTTP/1.1\r\nhost: h\r\n\r\n")
    assert read_head(client)[0] == 204 and read_head(client)[0] == 204 and read_head(client)[0] == 200
    assert front.get(client=client).status == 200


def test_a_websocket_may_follow_requests_on_its_connection(front, handlers):
    handlers["serial"] = lambda stream: stream.error(404, "not-found", "no")
    handlers["slow"] = lambda stream: threading.Timer(0.3, stream.respond, (200, {})).start()
    client = front.connect()
    client.sendall(b"GET /api/v1/slow HTTP/1.1\r\nhost: h\r\n\r\n")
    client = ws_open_after(front, client)
    assert ws_close_code(client) == (4404, "no")


def ws_open_after(front, client):
    """The handshake is sent ahead, while the first answer is waited for."""
    client.sendall(b"GET /api/v1/vms/1/console/serial HTTP/1.1\r\nhost: h\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                   b"sec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n")
    assert read_answer(client).status == 200
    assert read_head(client)[0] == 101
    return client


# --- yadod ---
def test_without_yadod_there_is_an_error_and_with_it_again_there_is_none(own_front):
    front = own_front
    client = front.connect()
    assert front.get(client=client).status == 200
    front.backend.handlers["never"] = lambda stream: None
    waiting = front.connect()
    waiting.sendall(b"GET /api/v1/never HTTP/1.1\r\nhost: h\r\n\r\n")
    wait_for(lambda: front.backend.requests[-1].head["path"] == "/api/v1/never", 10, "the request")
    front.backend.close()
    answer = read_answer(waiting)
    assert (answer.status, answer.code) == (503, "unavailable")
    answer = front.get(client=client)
    assert (answer.status, answer.code) == (503, "unavailable") and "retry-after" in answer.headers
    front.backend.open()
    assert front.get(client=client).status == 200


def test_many_requests_share_one_connection_to_yadod(own_front):
    front = own_front
    release, waiting = threading.Event(), []
    front.backend.handlers["wait"] = waiting.append
    clients = [front.connect() for _ in range(100)]
    for client in clients:
        client.sendall(b"GET /api/v1/wait HTTP/1.1\r\nhost: h\r\n\r\n")
    wait_for(lambda: len(waiting) == 100, 10, "all requests")
    assert len(front.backend.links) == 1
    for stream in waiting:
        stream.respond(200, {})
    assert all(read_answer(client).status == 200 for client in clients)
    release.set()


# --- TLS ---
def test_old_versions_of_tls_are_refused(front):
    for version in ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1:
        context = front.context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        with pytest.raises(OSError):
            front.connect(context=context)
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        context = front.context()
        context.minimum_version = context.maximum_version = version
        assert front.get(client=front.connect(context=context)).status == 200


def test_plain_http_and_noise_are_ended(front):
    for noise in b"GET / HTTP/1.1\r\nhost: h\r\n\r\n", os.urandom(1000), b"\x16\x03\x01\xff\xff" + b"\0" * 70000:
        with socket.create_connection(("127.0.0.1", front.port), timeout=15) as client:
            try:
                client.sendall(noise)
                while client.recv(4096):
                    pass
            except ConnectionError:
                pass
    assert serves(front)


def test_the_certificate_is_made_for_the_host_and_its_key_is_private(front):
    assert (front.tls / "key.pem").stat().st_mode & 0o777 == 0o600
    text = subprocess.run(["openssl", "x509", "-in", front.tls / "cert.pem", "-noout", "-text"], capture_output=True,
                          text=True, check=True).stdout
    assert "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:front.test" in text
    assert "prime256v1" in text and "CA:FALSE" in text


def make_pair(directory, *algorithm):
    subprocess.run(["openssl", "req", "-x509", "-newkey", *algorithm, "-nodes", "-keyout", directory / "key.new", "-out",
                    directory / "cert.new", "-days", "1", "-subj", "/CN=new", "-addext", "subjectAltName=DNS:localhost"],
                   check=True, capture_output=True)


def replace(directory, *names):
    for name in names:
        os.rename(directory / f"{name}.new", directory / f"{name}.pem")


def served_certificate(front):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with front.connect(context=context) as client:
        return client.getpeercert(True)


def test_a_replaced_certificate_is_served_without_ending_a_console(own_front):
    front, there = own_front, []
    ours, theirs = socket.socketpair()

    def console(stream):
        stream.respond(101, fds=[theirs.fileno()], stream=True)
        there.append(stream)
    front.backend.handlers["serial"] = console
    client = ws_open(front, "/api/v1/vms/100/console/serial", {"authorization": "Bearer a"})
    ours.sendall(b"login:")
    assert ws_read(client) == (2, b"login:")
    old = served_certificate(front)
    make_pair(front.tls, "rsa:2048")  # of another kind than the old one
    replace(front.tls, "key", "cert")
    wait_for(lambda: served_certificate(front) != old, 15, "the new certificate")
    new = served_certificate(front)
    client.sendall(ws_frame(2, b"root\n"))
    assert ours.recv(100) == b"root\n"
    ours.sendall(b"# ")
    assert ws_read(client) == (2, b"# ")
    # A pair that does not fit is not taken.
    make_pair(front.tls, "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    replace(front.tls, "cert")
    wait_for(lambda: "not taken" in front.log.read_text(), 15, "the warning")
    assert served_certificate(front) == new
    replace(front.tls, "key")
    wait_for(lambda: served_certificate(front) != new, 15, "the pair that fits")


# --- WebSocket ---
def test_events_become_text_messages_and_their_end_a_close(front, handlers):
    def events(stream):
        stream.respond(200, stream=True)
        stream.event({"epoch": 1, "seq": 1, "name": "ウェブ"})
        stream.event({"seq": 2})
        stream.end()
    handlers["events"] = events
    client = ws_open(front, "/api/v1/events", {"authorization": "Bearer a"})
    assert client.status == 101 and client.headers["sec-websocket-accept"] == "BACScCJPNqyz+UBoqMH89VmURoA="
    assert ws_read(client)[0] == 1
    assert json.loads(ws_read(client)[1]) == {"seq": 2}
    assert ws_close_code(client)[0] == 1000
    assert is_closed(client)
    assert front.backend.requests[-1].head["upgrade"] is True


def test_a_cancelled_stream_closes_with_1013(front, handlers):
    def events(stream):
        stream.respond(200, stream=True)
        stream.cancel()
    handlers["events"] = events
    assert ws_close_code(ws_open(front, "/api/v1/events"))[0] == 1013


def test_a_refused_websocket_says_why_in_its_close(front, handlers):
    handlers["events"] = lambda stream: stream.error(403, "forbidden", "ゲストを見る権限がありません" * 9)
    code, reason = ws_close_code(ws_open(front, "/api/v1/events"))
    assert code == 4403 and 110 < len(reason.encode()) <= 123 and reason.startswith("ゲスト")
    handlers["events"] = lambda stream: stream.respond(200, {})
    assert ws_close_code(ws_open(front, "/api/v1/events"))[0] == 4422


def console_of(front, handlers, headers=None):
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    streams = []

    def console(stream):
        streams.append(stream)
        stream.respond(101, stream=True, fds=[theirs.fileno()])
        theirs.close()
    handlers["serial"] = console
    client = ws_open(front, "/api/v1/vms/100/console/serial?ticket=t", headers)
    wait_for(lambda: streams, 10, "the request")
    return client, ours, streams[0]


def test_a_console_takes_bytes_both_ways_and_ends_with_the_guest(front, handlers):
    client, guest, _ = console_of(front, handlers, {"sec-websocket-protocol": "chat, binary"})
    assert client.headers["sec-websocket-protocol"] == "binary"
    client.sendall(ws_frame(2, b"ls", first=0) + ws_frame(9, b"?") + ws_frame(0, b" -l\n") + ws_frame(1, "日本".encode()))
    assert ws_read(client) == (10, b"?")
    assert read_exactly(guest, 11) == b"ls -l\n" + "日本".encode()[:5]
    guest.sendall(b"\x00\xff" * 5000)
    got = b""
    while len(got) < 10000:
        opcode, data = ws_read(client)
        assert opcode == 2
        got += data
    assert got == b"\x00\xff" * 5000
    guest.close()
    assert ws_close_code(client)[0] == 1000


def test_a_console_that_is_left_is_closed_and_its_stream_cancelled(front, handlers):
    client, guest, stream = console_of(front, handlers)
    client.sendall(ws_frame(8, b"\x03\xe8bye"))
    assert ws_close_code(client)[0] == 1000
    assert guest.recv(1) == b"" and stream.cancelled.wait(10)


def test_a_console_that_is_cut_is_closed(front, handlers):
    client, guest, stream = console_of(front, handlers)
    guest.shutdown(socket.SHUT_RDWR)
    assert ws_close_code(client)[0] == 1000


def test_a_console_that_nobody_reads_stops_at_its_bound(own_front):
    front = own_front
    client, guest, _ = console_of(front, front.backend.handlers)
    before, sent = front.rss_mib(), 0
    guest.settimeout(3)
    try:
        while sent < 200 << 20:
            sent += guest.send(b"x" * 65536)
    except TimeoutError:
        pass
    print(f"{sent >> 10} KiB were taken for a client that reads nothing; {front.rss_mib() - before:.1f} MiB more")
    assert sent < 16 << 20 and front.rss_mib() - before < 30
    assert serves(front)
    got = 0
    while got < sent:
        got += len(ws_read(client)[1])


def test_a_guest_that_reads_nothing_stops_its_client_and_nobody_else(own_front):
    front = own_front
    client, guest, _ = console_of(front, front.backend.handlers)
    before, sent, piece = front.rss_mib(), 0, ws_frame(2, b"x" * 60000)
    client.settimeout(3)
    try:
        while sent < 200 << 20:
            client.sendall(piece)
            sent += len(piece)
    except OSError:
        pass
    assert sent < 16 << 20 and front.rss_mib() - before < 30
    assert serves(front)


def test_events_that_nobody_reads_get_no_credit(own_front):
    front, streams = own_front, []

    def events(stream):
        streams.append(stream)
        stream.respond(200, stream=True)
    front.backend.handlers["events"] = events
    client = ws_open(front, "/api/v1/events")
    wait_for(lambda: streams, 10, "the request")
    stream, sent, event = streams[0], 0, {"x": "y" * 60000}
    end = time.monotonic() + 20
    while time.monotonic() < end and sent < 100 << 20:
        if sent - stream.credit < 65536:
            stream.event(event)
            sent += len(json.dumps(event)) + 4
            last = time.monotonic()
        elif time.monotonic() - last > 2:
            break
    assert sent < 16 << 20, "what nobody reads goes on"
    for _ in range(sent // 60016):
        ws_read(client)
    wait_for(lambda: sent - stream.credit < 65536, 10, "credit for what was read")


BAD_FRAMES = {
    "not masked": (ws_frame(1, b"x", mask=False), 1002),
    "first reserved bit": (ws_frame(1, b"x", first=0xc0), 1002),
    "second reserved bit": (ws_frame(1, b"x", first=0xa0), 1002),
    "third reserved bit": (ws_frame(9, b"x", first=0x90), 1002),
    "reserved data opcode": (ws_frame(3, b"x"), 1002),
    "reserved control opcode": (ws_frame(11, b"x"), 1002),
    "fragmented ping": (ws_frame(9, b"x", first=0), 1002),
    "fragmented close": (ws_frame(8, b"\x03\xe8", first=0), 1002),
    "ping of 126 bytes": (ws_frame(9, b"x" * 126), 1002),
    "message of 64 KiB and a byte": (ws_frame(2, b"x" * 65537), 1009),
    "message that says it has 2^62 bytes": (ws_frame(2, b"", length=1 << 62), 1009),
    "message that says it has 2^63 bytes": (ws_frame(2, b"", length=1 << 63), 1002),
    "length in 16 bits that fits in 7": (b"\x82\xfe\x00\x01\x11\x22\x33\x44\x00", 1002),
    "length in 64 bits that fits in 16": (b"\x82\xff" + b"\0" * 6 + b"\x01\x00" + b"\x11\x22\x33\x44", 1002),
    "text that is not UTF-8": (ws_frame(1, b"\xff\xfe"), 1007),
    "text with a surrogate": (ws_frame(1, b"\xed\xa0\x80"), 1007),
    "text cut within a character": (ws_frame(1, b"\xe6\x97"), 1007),
    "continuation of nothing": (ws_frame(0, b"x"), 1002),
    "message within a message": (ws_frame(1, b"x", first=0) + ws_frame(1, b"y"), 1002),
    "fragments without end": (ws_frame(2, b"", first=0) + ws_frame(0, b"", first=0) * 2000, 1008),
    "fragments over the bound": (ws_frame(2, b"x" * 60000, first=0) + ws_frame(0, b"x" * 60000, first=0), 1009),
    "close of one byte": (ws_frame(8, b"\x03"), 1002),
    "close with 1005": (ws_frame(8, b"\x03\xed"), 1002),
    "close with 1006": (ws_frame(8, b"\x03\xee"), 1002),
    "close with 999": (ws_frame(8, b"\x03\xe7"), 1002),
    "close with 5000": (ws_frame(8, b"\x13\x88"), 1002),
    "close with a reason that is not UTF-8": (ws_frame(8, b"\x03\xe8\xff"), 1007),
}


@pytest.mark.parametrize("frame, code", BAD_FRAMES.values(), ids=BAD_FRAMES.keys())
def test_a_frame_that_breaks_the_rules_closes_its_websocket(front, handlers, frame, code):
    client, guest, stream = console_of(front, handlers)
    try:
        client.sendall(frame)
    except OSError:
        pass
    assert ws_close_code(client)[0] == code
    assert is_closed(client)
    assert stream.cancelled.wait(10) and guest.recv(1) == b""


@pytest.mark.parametrize("change, status", [
    ({"sec-websocket-version": "8"}, 400),     # twice
    ({"sec-websocket-key": "AAAA"}, 400),
    ({"content-length": "1"}, 400),
    ({"transfer-encoding": "chunked"}, 400),
    ({"authorization": "Basic x"}, 401),
])
def test_a_handshake_that_breaks_the_rules_is_refused(front, change, status):
    assert ws_open(front, "/api/v1/events", change).status == status


def test_handshakes_of_other_versions_places_and_keys_are_refused(front):
    base = "GET {} HTTP/1.1\r\nhost: h\r\nupgrade: websocket\r\nconnection: Upgrade\r\n{}\r\n"
    key, version = "sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n", "sec-websocket-version: 13\r\n"
    for text, status in ((base.format("/api/v1/events", key + "sec-websocket-version: 8\r\n"), 426),
                         (base.format("/api/v1/events", key), 426), (base.format("/api/v1/events", version), 400),
                         (base.format("/api/v1/events", version + "sec-websocket-key: x\r\n"), 400),
                         (base.format("/socket", key + version), 404),
                         (base.format("/api/../v1", key + version), 400),
                         (base.format("/api/v1/events", key + version).replace("GET", "POST"), 400)):
        client = front.connect()
        client.sendall(text.encode())
        assert read_answer(client).status == status and is_closed(client)


def test_what_a_client_sends_before_the_answer_is_kept_but_bounded(front, handlers):
    streams = []
    handlers["serial"] = streams.append
    client = ws_open(front, "/api/v1/vms/100/console/serial")
    client.sendall(ws_frame(2, b"early"))
    wait_for(lambda: streams, 10, "the request")
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    streams[0].respond(101, stream=True, fds=[theirs.fileno()])
    assert ours.recv(100) == b"early"


# --- Bodies of bytes ---
def upload_handler(pump, answers):
    """yadod's side of an upload: the worker's socket, then the answer when `pump` has returned."""
    def handler(stream):
        ours, theirs = socket.socketpair()
        stream.respond(100, stream=True, fds=[theirs.fileno()])
        theirs.close()

        def run():
            result = pump(ours, stream)
            ours.close()
            answers.append(result)
            if not stream.cancelled.is_set():
                stream.event({"response": {"status": 201, "headers": {"location": "/x"}, "body": {"digest": result}}})
                stream.end()
        threading.Thread(target=run, daemon=True).start()
    return handler


def digest_all(ours, stream):
    digest = hashlib.sha256()
    while data := ours.recv(1 << 20):
        digest.update(data)
    return digest.hexdigest()


def test_an_upload_goes_to_the_worker_and_its_answer_comes_back(front, handlers):
    answers, data = [], random.Random(1).randbytes(50 << 20)
    handlers["up"] = upload_handler(digest_all, answers)
    before = front.rss_mib()
    client = front.connect()
    for _ in range(2):  # the connection is kept
        answer = front.get("/api/v1/up", "PUT", {"content-type": "application/octet-stream", "authorization": "Bearer a"},
                           data, client)
        assert answer.status == 201 and answer.headers["location"] == "/x"
        assert answer.json()["digest"] == hashlib.sha256(data).hexdigest()
    assert front.backend.requests[-1].head["content_length"] == len(data) and not front.backend.requests[-1].body
    assert front.rss_mib() - before < 40


def test_an_upload_of_nothing_is_one(front, handlers):
    handlers["up"] = upload_handler(digest_all, [])
    client = front.connect()
    client.sendall(b"PUT /api/v1/up HTTP/1.1\r\nhost: h\r\ncontent-type: application/octet-stream\r\ncontent-length: 0\r\n\r\n" * 2)
    for _ in range(2):
        assert read_answer(client).json()["digest"] == hashlib.sha256(b"").hexdigest()
    assert front.backend.requests[-1].head["content_length"] == 0


def test_a_worker_that_takes_nothing_stops_the_upload_and_nobody_else(own_front):
    front, go = own_front, threading.Event()
    answers = []

    def pump(ours, stream):
        go.wait(60)
        return digest_all(ours, stream)
    front.backend.handlers["up"] = upload_handler(pump, answers)
    client, before, sent = front.connect(), front.rss_mib(), 0
    total, piece = 100 << 20, b"x" * 65536
    client.sendall(b"PUT /api/v1/up HTTP/1.1\r\nhost: h\r\ncontent-type: application/octet-stream\r\ncontent-length: %d\r\n\r\n"
                   % total)
    client.settimeout(2)
    try:
        while sent < total:
            client.send(piece)
            sent += len(piece)
    except TimeoutError:
        pass
    assert sent < 16 << 20 and front.rss_mib() - before < 30
    assert serves(front)
    go.set()
    client.settimeout(60)
    while sent < total:
        client.sendall(piece)
        sent += len(piece)
    assert read_answer(client).json()["digest"] == hashlib.sha256(b"x" * total).hexdigest()


def test_a_client_that_leaves_ends_its_upload(front, handlers):
    ended, streams = [], []

    def pump(ours, stream):
        streams.append(stream)
        ended.append(digest_all(ours, stream))
        return ended[0]
    handlers["up"] = upload_handler(pump, [])
    client = front.connect()
    client.sendall(b"PUT /api/v1/up HTTP/1.1\r\nhost: h\r\ncontent-type: application/octet-stream\r\ncontent-length: 1000\r\n\r\nhalf")
    wait_for(lambda: streams, 10, "the upload")
    client.close()
    assert streams[0].cancelled.wait(10)
    wait_for(lambda: ended == [hashlib.sha256(b"half").hexdigest()], 10, "the worker's end")


def test_a_refused_upload_is_answered_at_once(front, handlers):
    handlers["up"] = lambda stream: stream.error(409, "conflict", "it is there already")
    client = front.connect()
    client.sendall(b"PUT /api/v1/up HTTP/1.1\r\nhost: h\r\ncontent-type: application/octet-stream\r\ncontent-length: 100000000\r\n\r\n")
    answer = read_answer(client)
    assert (answer.status, answer.code) == (409, "conflict") and is_closed(client)


def test_a_worker_that_gives_up_leaves_the_answer_to_yadod(front, handlers):
    def handler(stream):
        ours, theirs = socket.socketpair()
        stream.respond(100, stream=True, fds=[theirs.fileno()])
        theirs.close()
        ours.close()
        time.sleep(0.5)
        stream.event({"response": {"status": 507, "body": {"error": {"code": "no-space", "message": "full"}}}})
        stream.end()
    handlers["up"] = handler
    client = front.connect()
    client.sendall(b"PUT /api/v1/up HTTP/1.1\r\nhost: h\r\ncontent-type: application/octet-stream\r\ncontent-length: 10000000\r\n\r\n")
    try:
        client.sendall(b"x" * 5000000)
    except OSError:
        pass
    assert read_answer(client).code == "no-space"


def download_handler(data, length=None):
    def handler(stream):
        ours, theirs = socket.socketpair()
        stream.respond(200, fds=[theirs.fileno()], content_length=length or len(data),
                       headers={"content-type": "application/octet-stream", "accept-ranges": "bytes"})
        theirs.close()

        def run():
            try:
                ours.sendall(data)
            except OSError:
                pass
            ours.close()
        threading.Thread(target=run, daemon=True).start()
    return handler


def test_a_download_comes_from_the_worker_at_constant_memory(front, handlers):
    data = random.Random(2).randbytes(50 << 20)
    handlers["down"] = download_handler(data)
    before = front.rss_mib()
    client = front.connect()
    for _ in range(2):
        answer = front.get("/api/v1/down", client=client)
        assert answer.headers["content-type"] == "application/octet-stream" and answer.headers["accept-ranges"] == "bytes"
        assert hashlib.sha256(answer.body).digest() == hashlib.sha256(data).digest()
    client.sendall(b"GET /api/v1/down HTTP/1.1\r\nhost: h\r\n\r\n")  # and does not read
    time.sleep(1)
    assert front.rss_mib() - before < 40
    assert read_answer(client).body == data


def test_a_download_that_is_cut_is_not_taken_for_the_whole(front, handlers):
    handlers["down"] = download_handler(b"x" * 100000, 200000)
    with pytest.raises((EOFError, OSError)):
        front.get("/api/v1/down")
    assert serves(front)


# --- HTTP/2 ---
class Http2:
    def __init__(self, front, window=None):
        self.socket = front.connect(["h2"])
        assert self.socket.selected_alpn_protocol() == "h2"
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False,
                                                                       normalize_outbound_headers=False))
        self.h2.initiate_connection()
        if window is not None:
            self.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.answers, self.ended, self.goaway, self.reset = {}, set(), None, {}
        self.flush()

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.socket.sendall(data)

    def request(self, path="/api/v1/vms", method="GET", headers=(), end=True):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, [(":method", method), (":path", path), (":scheme", "https"), (":authority", "localhost"),
                                      *headers], end_stream=end)
        self.flush()
        return stream

    def step(self, acknowledge=True):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                self.answers[event.stream_id] = [dict(event.headers), b""]
            elif isinstance(event, h2.events.DataReceived):
                self.answers[event.stream_id][1] += event.data
                if acknowledge:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self.ended.add(event.stream_id)
            elif isinstance(event, h2.events.StreamReset):
                self.reset[event.stream_id] = event.error_code
            elif isinstance(event, h2.events.ConnectionTerminated):
                self.goaway = event.error_code
        self.flush()

    def answer(self, stream):
        while stream not in self.ended and stream not in self.reset:
            self.step()
        return self.answers.get(stream)


def test_http2_carries_many_streams_at_once(front, handlers):
    waiting = []
    handlers["wait"] = waiting.append
    client = Http2(front)
    streams = [client.request("/api/v1/wait", headers=[("authorization", "Bearer t")]) for _ in range(100)]
    wait_for(lambda: len(waiting) == 100, 10, "all streams")
    for stream in reversed(waiting):
        stream.respond(200, {"x": "y" * 20000})
    for stream in streams:
        headers, body = client.answer(stream)
        assert headers[":status"] == "200" and len(json.loads(body)["x"]) == 20000
        assert headers["x-frame-options"] == "DENY"
    extra = [client.request("/api/v1/x%25") for _ in range(3)]
    assert [client.answer(stream)[0][":status"] for stream in extra] == ["200"] * 3
    assert waiting[0].head["token"] == "t" and waiting[0].head["address"] == "127.0.0.1"


def test_http2_refuses_what_http1_refuses(front):
    client = Http2(front)
    for path in "/api/../x", "//x", "/api/v1/%2e%2e/x", "/api/v1/%00":
        headers, body = client.answer(client.request(path))
        assert headers[":status"] == "400" and json.loads(body)["error"]["code"] == "invalid"
    assert client.answer(client.request(headers=[("cookie", "__Host-yado=x")]))[0][":status"] == "401"
    assert client.answer(client.request(headers=[("cookie", f"__Host-yado={SESSION}"), ("authorization", "Bearer x")]))[0][
        ":status"] == "400"
    assert client.answer(client.request(headers=[("x" * 10, "y" * 2000)] * 9))[0][":status"] == "431"
    assert client.answer(client.request(headers=[("a", "b")] * 70))[0][":status"] == "431"
    crumbs = client.answer(client.request(headers=[("cookie", "a=b"), ("cookie", f"__Host-yado={SESSION}")]))
    assert json.loads(crumbs[1])["head"]["session"] == SESSION


@pytest.mark.parametrize("headers", [
    [("transfer-encoding", "chunked")], [("connection", "close")], [("Upper", "x")], [("x", "a\r\nb: c")],
    [("content-length", "1"), ("content-length", "2")], [(":path", "/b")], [("x", "y"), (":method", "POST")]])
def test_http2_resets_malformed_requests(front, headers):
    count = len(front.backend.requests)
    client = Http2(front)
    stream = client.request(headers=headers)
    try:
        assert client.answer(stream) is None or client.answers[stream][0][":status"] == "400"
    except (EOFError, OSError):
        pass
    assert len(front.backend.requests) == count


def test_http2_has_no_websockets_and_no_tunnels(front):
    client = Http2(front)
    stream = client.h2.get_next_available_stream_id()
    client.h2.send_headers(stream, [(":method", "CONNECT"), (":authority", "localhost:443")])
    client.flush()
    answer = client.answer(stream)
    assert answer is None or answer[0][":status"] == "400"
    stream = client.h2.get_next_available_stream_id()
    client.h2.send_headers(stream, [(":method", "CONNECT"), (":protocol", "websocket"), (":path", "/api/v1/events"),
                                    (":scheme", "https"), (":authority", "localhost"), ("sec-websocket-version", "13")])
    client.flush()
    assert client.answer(stream) is None
    assert not any(stream.head["method"] == "CONNECT" for stream in front.backend.requests)


def test_http2_bodies_reach_yadod_and_uploads_their_worker(front, handlers):
    answers, data = [], b"z" * (5 << 20)
    handlers["up"] = upload_handler(digest_all, answers)
    client = Http2(front)
    stream = client.request("/api/v1/x", "POST", [("authorization", "Bearer a")], end=False)
    client.h2.send_data(stream, b"hello", end_stream=True)
    client.flush()
    assert json.loads(client.answer(stream)[1])["length"] == 5
    stream = client.request("/api/v1/up", "PUT", [("content-type", "application/octet-stream"),
                                                  ("content-length", str(len(data)))], end=False)
    sent = 0
    while sent < len(data):
        part = min(client.h2.local_flow_control_window(stream), 16384, len(data) - sent)
        if part == 0:
            client.step()
            continue
        client.h2.send_data(stream, data[sent:sent + part], end_stream=sent + part == len(data))
        client.flush()
        sent += part
    headers, body = client.answer(stream)
    assert headers[":status"] == "201" and json.loads(body)["digest"] == hashlib.sha256(data).hexdigest()


def test_http2_downloads_arrive_whole_and_a_cut_one_is_reset(front, handlers):
    data = random.Random(3).randbytes(8 << 20)
    handlers["down"] = download_handler(data)
    client = Http2(front)
    assert client.answer(client.request("/api/v1/down"))[1] == data
    handlers["down"] = download_handler(data[:100000], 200000)
    stream = client.request("/api/v1/down")
    client.answer(stream)
    assert stream in client.reset


@pytest.mark.parametrize("code", [h2.errors.ErrorCodes.CANCEL, h2.errors.ErrorCodes.NO_ERROR])
def test_http2_rapid_resets_end_the_connection_and_cost_nothing(own_front, code):
    front = own_front
    client, before = Http2(front), front.rss_mib()
    try:
        for _ in range(2000):
            stream = client.request("/api/v1/vms")
            client.h2.reset_stream(stream, code)
            client.flush()
    except (OSError, h2.exceptions.H2Error):
        pass
    try:
        while client.goaway is None:
            client.step()
    except (OSError, EOFError):
        pass
    assert client.goaway == h2.errors.ErrorCodes.ENHANCE_YOUR_CALM
    assert len(front.backend.requests) < 400
    assert front.rss_mib() - before < 20
    assert serves(front)


def test_http2_floods_of_settings_and_pings_that_are_not_read_end(own_front):
    front = own_front
    for frame in b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64", b"\x00\x00\x08\x06\x00\x00\x00\x00\x00" + b"x" * 8:
        client, before = Http2(front), front.rss_mib()
        client.socket.settimeout(3)
        try:
            for _ in range(2000):
                client.socket.sendall(frame * 1000)
        except OSError:
            pass
        assert front.rss_mib() - before < 30
        client.socket.close()
    assert serves(front)


def test_http2_endless_continuations_end_the_connection(own_front):
    front = own_front
    client, before = Http2(front), front.rss_mib()
    block = b"\x00\x01a" + b"\x7f\x80\x01" + b"b" * 255
    try:
        client.socket.sendall(b"\x00\x00\x01\x01\x00\x00\x00\x00\x01\x88")
        for _ in range(20000):
            client.socket.sendall((len(block)).to_bytes(3, "big") + b"\x09\x00\x00\x00\x00\x01" + block)
    except OSError:
        pass
    assert front.rss_mib() - before < 20
    assert serves(front)


def test_http2_a_client_without_window_gets_nothing_and_loses_its_streams(own_front):
    front = own_front
    front.backend.handlers["big"] = lambda stream: stream.respond(200, {"x": "y" * 500000})
    client, before = Http2(front, window=0), front.rss_mib()
    client.socket.settimeout(60)
    streams = [client.request("/api/v1/big") for _ in range(20)]
    while len(client.answers) < 20:
        client.step()
    assert front.rss_mib() - before < 60
    while len(client.reset) < 20:
        client.step()
    assert set(client.reset) == set(streams)
    assert serves(front)
