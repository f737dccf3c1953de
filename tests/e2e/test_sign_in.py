"""Signing in over HTTPS: wrong passwords are slowed without locking anybody out, sessions live as long as they should."""
import threading
import time

import pytest

from frames import Frames
from yado import request, wait_for

PASSWORD = "correct horse battery"


def sign_in(yado, user, password=PASSWORD, address=None):
    """Status and body; from another address than the test's own as yado-httpd would say it on front.sock."""
    body = {"user": user, "password": password}
    if address is None:
        status, headers, answer = yado.https("POST", "/api/v1/session", body)
        return status, answer, headers.get("set-cookie", "").split(";")[0]
    with yado.connect_front() as client:
        reply, _ = request(yado, "POST", "/api/v1/session", body, client=client, head={"address": address})
    return reply["status"], reply["body"], ""


def signed_in(yado, user, password=PASSWORD):
    """Headers of a new session's requests."""
    status, answer, cookie = sign_in(yado, user, password)
    assert status == 201, answer
    return {"Cookie": cookie, "X-CSRF-Token": answer["csrf"]}


def status_of(yado, headers, path="/api/v1/session"):
    return yado.https("GET", path, headers=headers)[0]


@pytest.fixture
def ann(front):
    front.make_user("ann", {"/": "user"}, PASSWORD)
    return front


def test_wrong_passwords_are_slowed_and_lock_nobody_out_elsewhere(ann):
    for name in ("ann", "ghost"):
        answers = [sign_in(ann, name, "wrong", "192.0.2.1") for _ in range(4)]
        assert [status for status, _, _ in answers] == [401] * 4
        status, answer, _ = sign_in(ann, name, PASSWORD, "192.0.2.1")
        assert status == 429 and answer["error"]["hint"].startswith("try again in ")
        assert len({a[1]["error"]["message"] for a in answers}) == 1
    assert sign_in(ann, "ann", PASSWORD, "192.0.2.2")[0] == 201
    assert sign_in(ann, "ann")[0] == 201
    # What was announced is kept.
    time.sleep(1.1)
    assert sign_in(ann, "ann", PASSWORD, "192.0.2.1")[0] == 201


def flood(connection, stop, statuses):
    """Keeps 60 attempts in flight, each from a network of its own."""
    for number in range(1 << 30):
        if number >= 60:
            statuses.append(connection.receive().status)
            if stop.is_set():
                return
        connection.send("POST", "/api/v1/session", {"user": "ann", "password": "wrong"},
                        address=f"2001:db8:{number >> 16:x}:{number & 0xffff:x}::1")


def test_a_flood_from_many_addresses_does_not_keep_out_who_is_signed_in(ann):
    headers = signed_in(ann, "ann")
    stop, statuses, took = threading.Event(), [], []
    connection = Frames(ann.connect_front())
    thread = threading.Thread(target=flood, args=(connection, stop, statuses))
    thread.start()
    try:
        wait_for(lambda: {401, 429} <= set(statuses), what="a full line")
        for _ in range(10):
            begin = time.monotonic()
            status, answer, _ = sign_in(ann, "ann")
            assert status == 201, answer
            assert status_of(ann, headers) == 200
            took.append(time.monotonic() - begin)
    finally:
        stop.set()
        thread.join()
        connection.close()
    assert set(statuses) == {401, 429}
    assert max(took) < 5


def test_a_session_survives_a_killed_yadod_and_ends_when_it_is_revoked(ann):
    headers = signed_in(ann, "ann")
    token = ann.make_token("ann")
    ann.kill()
    ann.start()
    assert status_of(ann, headers) == 200
    assert ann.https("GET", "/api/v1/session", token=token)[0] == 200
    _, _, sessions = ann.https("GET", "/api/v1/sessions", headers=headers)
    [session] = [row for row in sessions["items"] if row["current"]]
    assert ann.https("DELETE", f"/api/v1/sessions/{session['id']}", headers=headers)[0] == 200
    assert status_of(ann, headers) == 401
    ann.kill()
    ann.start()
    assert status_of(ann, headers) == 401
    assert ann.https("GET", "/api/v1/session", token=token)[0] == 200


def test_a_new_password_ends_the_other_sessions_only(ann):
    mine, other = signed_in(ann, "ann"), signed_in(ann, "ann")
    token = ann.make_token("ann")
    body = {"current": PASSWORD, "password": "another good one"}
    path = "/api/v1/users/ann/password"
    status, _, answer = ann.https("POST", path, {**body, "current": "wrong"}, headers=mine)
    assert status == 403 and answer["error"]["field"] == "current"
    status, _, answer = ann.https("POST", path, {**body, "password": "short"}, headers=mine)
    assert status == 400 and "at least 12" in answer["error"]["message"]
    assert ann.https("POST", path, body, headers=mine)[0] == 200
    assert status_of(ann, mine) == 200 and status_of(ann, other) == 401
    assert ann.https("GET", "/api/v1/session", token=token)[0] == 200
    assert sign_in(ann, "ann")[0] == 401
    assert sign_in(ann, "ann", "another good one")[0] == 201


def test_a_user_who_is_disabled_or_deleted_is_out_and_leaves_nothing_to_the_next_of_that_name(ann):
    headers, token = signed_in(ann, "ann"), ann.make_token("ann")
    request(ann, "PATCH", "/api/v1/users/ann", {"enabled": False})
    assert status_of(ann, headers) == 401
    assert ann.https("GET", "/api/v1/session", token=token)[0] == 401
    assert sign_in(ann, "ann")[0] == 401
    request(ann, "PATCH", "/api/v1/users/ann", {"enabled": True})
    headers = signed_in(ann, "ann")
    request(ann, "DELETE", "/api/v1/users/ann")
    ann.make_user("ann", {"/": "admin"})
    for _ in range(2):
        assert status_of(ann, headers) == 401
        assert ann.https("GET", "/api/v1/session", token=token)[0] == 401
        assert sign_in(ann, "ann")[0] in (401, 429)
        ann.kill()
        ann.start()


def test_neither_state_nor_log_has_a_password_or_a_secret(ann):
    headers, token = signed_in(ann, "ann"), ann.make_token("ann")
    assert status_of(ann, headers) == 200
    sign_in(ann, "ann", "a wrong one of hers")
    ann.stop()
    secrets = [PASSWORD, "a wrong one of hers", token[-43:], headers["Cookie"].split("=")[1], headers["X-CSRF-Token"]]
    files = [path for folder in (ann.state, ann.run) for path in folder.rglob("*")
             if path.is_file() and path.stat().st_size < 1 << 26 and "images" not in path.parts]
    assert any(path.name == "store.db" for path in files) and ann.log.exists()
    for path in [*files, ann.log]:
        content = path.read_bytes()
        for secret in secrets:
            assert secret.encode() not in content, f"{path} has a secret"
