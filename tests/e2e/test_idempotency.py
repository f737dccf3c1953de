"""Idempotency-Key: once done, alike answered; what was interrupted is said to be unknown."""
import sqlite3
import threading
import time

import pytest

from yado import request, wait_for


def add(yado, name, key, **more):
    """A storage: making it a second time would be refused."""
    body = {"name": name, "path": str(yado.state.parent / name), **more}
    return request(yado, "POST", "/api/v1/storages", body, {"idempotency-key": key})[0]


def names(yado):
    return {item["name"] for item in request(yado, "GET", "/api/v1/storages")[0]["body"]["items"]}


def is_replay(reply):
    return reply.get("headers", {}).get("idempotency-replayed") == "true"


def rows(yado, sql="SELECT user, key, status FROM request ORDER BY id"):
    with sqlite3.connect(yado.state / "requests.db") as database:
        return database.execute(sql).fetchall()


class Held:
    """Keeps the store from committing, so that a request stays in work as long as the test wants."""

    def __init__(self, yado):
        self.database = sqlite3.connect(yado.state / "store.db", isolation_level=None, check_same_thread=False)

    def __enter__(self):
        self.database.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(self, *_):
        self.database.execute("ROLLBACK")
        self.database.close()


def in_thread(function, *arguments):
    result = []
    thread = threading.Thread(target=lambda: result.append(function(*arguments)))
    thread.start()

    def end():
        thread.join(60)
        return result[0]
    return end


def test_the_same_request_is_done_once_and_answered_alike(host):
    first = add(host, "a", "key-1")
    assert first["status"] == 201 and not is_replay(first)
    for _ in range(3):
        again = add(host, "a", "key-1")
        assert is_replay(again)
        assert (again["status"], again["body"], again["etag"]) == (201, first["body"], first["etag"])
    host.stop()
    host.start()
    assert is_replay(add(host, "a", "key-1"))
    host.kill()
    host.start()
    assert is_replay(add(host, "a", "key-1"))
    assert add(host, "a", "key-2")["status"] == 409  # without that key it is a second attempt


def test_a_task_is_begun_once(host):
    body = {"name": "guest", "memory": 64 << 20}
    key = {"idempotency-key": "make"}
    first, _ = request(host, "POST", "/api/v1/vms", body, key)
    again, _ = request(host, "POST", "/api/v1/vms", body, key)
    assert first["status"] == again["status"] == 202
    assert first["task"] == again["task"] and first["body"] == again["body"]
    assert len(host("vm", "list")["items"]) == 1


def test_another_request_with_the_same_key_is_refused(host):
    assert add(host, "a", "key")["status"] == 201
    other = add(host, "b", "key")
    assert other["status"] == 422 and other["body"]["error"]["field"] == "idempotency-key"
    assert add(host, "a", "key", description="x")["status"] == 422
    assert request(host, "POST", "/api/v1/roles", {"name": "r", "privileges": []},
                   {"idempotency-key": "key"})[0]["status"] == 422
    assert "b" not in names(host)


def test_two_at_once_are_done_once(host):
    with Held(host):
        first = in_thread(add, host, "a", "key")
        wait_for(lambda: rows(host), what="the request's begin")
        second = add(host, "a", "key")
        assert second["status"] == 409 and "in work" in second["body"]["error"]["message"]
    assert first()["status"] == 201
    assert is_replay(add(host, "a", "key"))


def test_many_at_once_are_done_once(host):
    for round_ in range(5):
        start = threading.Barrier(8)

        def ask():
            start.wait()
            return add(host, f"s{round_}", f"key{round_}")
        ends = [in_thread(ask) for _ in range(8)]
        replies = [end() for end in ends]
        assert sum(reply["status"] == 201 and not is_replay(reply) for reply in replies) == 1
        assert all(is_replay(reply) or reply["status"] in (201, 409) for reply in replies)
        assert all("in work" in reply["body"]["error"]["message"] for reply in replies if reply["status"] == 409)


def test_a_request_that_a_killed_daemon_had_begun_has_an_unknown_outcome(host):
    with Held(host):
        client = host.connect()
        with pytest.raises((EOFError, ConnectionError)):
            killer = in_thread(lambda: (wait_for(lambda: rows(host)), host.kill()))
            request(host, "POST", "/api/v1/storages", {"name": "a", "path": str(host.state.parent / "a")},
                    {"idempotency-key": "key"}, client=client)
        killer()
    host.start()
    for _ in range(2):
        reply = add(host, "a", "key")
        assert reply["status"] == 409 and "interrupted" in reply["body"]["error"]["message"]
        assert "look whether" in reply["body"]["error"]["hint"]
    assert "a" not in names(host)
    assert add(host, "b", "key")["status"] == 422
    assert add(host, "a", "new-key")["status"] == 201


def test_a_refused_request_leaves_its_key_free(host):
    assert add(host, "NOT A NAME", "key")["status"] == 400
    assert add(host, "local", "key")["status"] == 409
    assert rows(host) == []
    assert add(host, "a", "key")["status"] == 201


def test_what_failed_inside_is_remembered(host):
    (host.state.parent / "file").write_text("x")
    first = add(host, "file/below", "broken")  # refused by its name; the path is what counts
    assert first["status"] == 400
    body = {"name": "below", "path": str(host.state.parent / "file" / "below")}
    key = {"idempotency-key": "broken"}
    failed, _ = request(host, "POST", "/api/v1/storages", body, key)
    assert failed["status"] == 500, failed
    (host.state.parent / "file").unlink()
    again, _ = request(host, "POST", "/api/v1/storages", body, key)
    assert is_replay(again) and (again["status"], again["body"]) == (500, failed["body"])
    fresh, _ = request(host, "POST", "/api/v1/storages", body, {"idempotency-key": "fresh"})
    assert fresh["status"] == 201


def test_keys_belong_to_users(host):
    host.make_user("alice", {"/": "admin"})
    tokens = [host.make_token("alice"), host.make_token("alice")]
    assert add(host, "a", "key")["status"] == 201

    def ask(token, name):
        client = host.connect_front()
        return request(host, "POST", "/api/v1/storages", {"name": name, "path": str(host.state.parent / name)},
                       {"idempotency-key": "key"}, client=client, head={"address": "192.0.2.1", "token": token})[0]
    assert ask(tokens[0], "b")["status"] == 201
    assert is_replay(ask(tokens[1], "b"))
    # What is no longer allowed is not answered either, though it was once.
    request(host, "PATCH", "/api/v1/users/alice", {"grants": {"g0": {"path": "/", "role": "auditor"}}})
    assert ask(tokens[1], "b")["status"] == 403


def test_a_narrower_token_does_not_learn_what_its_user_was_answered(host):
    host.make_user("alice", {"/": "admin"})
    whole = host.make_token("alice")
    narrow = host.make_token("alice", grants={"a": {"path": "/tags/lab", "role": "operator"}})

    def ask(token, name):
        with host.connect_front() as client:
            return request(host, "POST", "/api/v1/vms", {"name": name, "disks": {}, "nics": {}},
                           {"idempotency-key": "key"}, client=client,
                           head={"address": "192.0.2.1", "token": token})[0]
    assert ask(whole, "a")["status"] == 202
    assert is_replay(ask(whole, "a"))
    # Neither that it was done nor that the key was used for something.
    assert ask(narrow, "a")["status"] == 403 and ask(narrow, "b")["status"] == 403


def test_the_header_is_refused_where_it_cannot_be_honoured(host):
    key = {"idempotency-key": "key"}
    host.make_user("alice", {"/": "admin"}, "the password of alice")
    for method, path, body in [
            ("GET", "/vms", None), ("PATCH", "/storages/local", {"description": "x"}), ("DELETE", "/storages/local", None),
            ("POST", "/session", {"user": "alice", "password": "the password of alice"}),
            ("POST", "/tokens", {"user": "alice", "name": "t"})]:
        reply, _ = request(host, method, "/api/v1" + path, body, key)
        assert reply["status"] == 400, (method, path, reply)
        assert reply["body"]["error"]["field"] == "idempotency-key"
    for bad in ("", " ", "a b", "x" * 256, "é", "a\tb"):
        assert add(host, "a", bad)["status"] == 400, bad
    assert add(host, "a", "!~" + "x" * 253)["status"] == 201
    with open("/dev/zero", "rb") as source:
        reply, _ = request(host, "POST", "/api/v1/images", {"name": "x"}, key, fds=[source.fileno()])
    assert reply["status"] == 400


def test_a_plan_does_not_use_the_key_up(host):
    path = str(host.state.parent / "a")
    for _ in range(2):
        reply, _ = request(host, "POST", "/api/v1/storages?plan=1", {"name": "a", "path": path},
                           {"idempotency-key": "key"})
        assert reply["status"] == 200 and "plan" in reply["body"] and not is_replay(reply)
    assert add(host, "a", "key")["status"] == 201


def test_a_day_later_the_key_is_forgotten(host):
    assert add(host, "a", "key")["status"] == 201
    with sqlite3.connect(host.state / "requests.db") as database:
        database.execute("UPDATE request SET at = at - 24 * 3600 * 1000000 - 1")
    reply = add(host, "a", "key")
    assert reply["status"] == 409 and reply["body"]["error"]["code"] == "exists"


def test_the_memory_is_bounded_and_one_user_does_not_push_out_others(host):
    assert add(host, "a", "mine")["status"] == 201
    now = time.time_ns() // 1000
    with sqlite3.connect(host.state / "requests.db") as database:
        database.executemany("INSERT INTO request (user, key, at, fingerprint, status) VALUES (?, ?, ?, 'x', 200)",
                             [(f"user{i % 6}", f"k{i}", now) for i in range(6000)] +
                             [("mallory", f"k{i}", now) for i in range(2500)])
    host.make_user("mallory", {"/": "admin"})
    token = host.make_token("mallory")

    def ask(key):
        request(host, "POST", "/api/v1/roles", {"name": key, "privileges": []}, {"idempotency-key": key},
                client=host.connect_front(), head={"address": "192.0.2.1", "token": token})
        return dict(rows(host, "SELECT user, count(*) FROM request GROUP BY user"))
    counts = ask("one-more")
    assert counts == {"root": 1, "mallory": 2000, **{f"user{i}": 1000 for i in range(6)}}
    with sqlite3.connect(host.state / "requests.db") as database:
        database.executemany("INSERT INTO request (user, key, at, fingerprint, status) VALUES (?, ?, ?, 'x', 200)",
                             [(f"more{i % 3}", f"k{i}", now) for i in range(4500)])
    counts = ask("and-another")
    assert sum(counts.values()) == 10000 and "root" not in counts  # the oldest go first


def test_bodies_with_passwords_are_not_kept(host):
    host.make_user("alice", {"/": "admin"})
    reply, _ = request(host, "POST", "/api/v1/users/alice/password", {"password": "a long enough password"},
                       {"idempotency-key": "key"})
    assert reply["status"] == 200, reply
    assert rows(host) == [("root", "key", 200)]
    for name in ("requests.db", "requests.db-wal"):
        assert b"long enough" not in (host.state / name).read_bytes()


def test_the_command_can_be_run_again(host):
    words = ("--quiet", "vm", "create", "guest", "--memory", "64M", "--start", "--idempotency-key", "night-job-7")
    first = host.text(*words)
    assert first.split() == ["100"] and host.text(*words) == first
    assert len(host("vm", "list")["items"]) == 1
    starts = [task for task in request(host, "GET", "/api/v1/tasks")[0]["body"]["items"] if task["kind"] == "vm.start"]
    assert len(starts) == 1
    refused = host.run_command("vm", "create", "other", "--memory", "64M", "--idempotency-key", "night-job-7")
    assert refused.returncode and "was sent with another request" in refused.stderr
