"""The audit log from outside: every change and every refusal leaves its entry, and no secret is left anywhere."""
import json
import os
import secrets
import sqlite3
import subprocess

import pytest

from yado import ROOT, Console, Yado, request, wait_for

ADDRESS = "198.51.100.7"


def entries(yado, **query):
    text = "&".join(f"{name}={value}" for name, value in query.items())
    reply, _ = request(yado, "GET", "/api/v1/audit?limit=1000" + ("&" + text if text else ""))
    assert reply["status"] == 200, reply
    return reply["body"]["items"]


def last_seq(yado):
    items = entries(yado)
    return items[0]["seq"] if items else 0


def new_entries(yado, seq):
    return [entry for entry in reversed(entries(yado)) if entry["seq"] > seq]


def verify(yado, query=""):
    reply, _ = request(yado, "GET", "/api/v1/audit/verify" + query)
    assert reply["status"] == 200, reply
    return reply["body"]


def ask_front(yado, method, path, body=None, headers=None, **head):
    """As yado-httpd would, for somebody at ADDRESS."""
    client = yado.connect_front()
    try:
        return request(yado, method, path, body, headers, client=client, head={"address": ADDRESS, **head})[0]
    finally:
        client.close()


def ended(yado, reply):
    assert reply["status"] == 202, reply
    task = request(yado, "GET", f"/api/v1/tasks/{reply['task']}/wait?timeout=60")[0]["body"]
    assert task["state"] == "done", task
    return reply


# What is asked, in this order, and the action and object of its entry; and whether documents change.
CHANGES = [
    ("POST", "/storages", {"name": "extra", "path": "{state}/extra"}, "storage/extra", {"storage/extra"}),
    ("PATCH", "/storages/extra", {"description": "more"}, "storage/extra", {"storage/extra"}),
    ("POST", "/vms", {"name": "web", "memory": 100 << 20, "disks": {"d": {"size": 8 << 20, "storage": "extra"}}},
     "vm/100", {"vm/100", "volume/extra/vm-100-d"}),
    ("PATCH", "/vms/web", {"description": "a web server"}, "vm/100", {"vm/100"}),
    ("DELETE", "/vms/web", None, "vm/100", {"vm/100", "volume/extra/vm-100-d"}),
    ("DELETE", "/storages/extra", None, "storage/extra", {"storage/extra"}),
    ("POST", "/roles", {"name": "viewer", "privileges": ["vm.read"]}, "role/viewer", {"role/viewer"}),
    ("POST", "/users", {"name": "bob"}, "user/bob", {"user/bob"}),
    ("PATCH", "/users/bob", {"grants": {"g": {"path": "/", "role": "viewer"}}}, "user/bob", {"user/bob"}),
    ("POST", "/users/bob/password", {"password": "a long enough one 1"}, "user/bob", set()),
    ("DELETE", "/users/bob", None, "user/bob", {"user/bob"}),
    ("DELETE", "/roles/viewer", None, "role/viewer", {"role/viewer"}),
]


def pattern_of(path):
    """/users/bob/password -> /users/{}/password"""
    parts = path.split("/")
    return "/".join([*parts[:2], *(["{}"] if len(parts) > 2 else []), *parts[3:]])


@pytest.mark.parametrize("way", ["api.sock", "front.sock"])
def test_every_change_leaves_who_did_it_and_what_it_changed(host, way):
    admin = {"user": "root", "via": "socket", "address": ""}
    ask = lambda *arguments: request(host, *arguments)[0]
    if way == "front.sock":
        host.make_user("alice", {"/": "admin"})
        token = host.make_token("alice")
        identity = entries(host, object="token/")[0]["object"].split("/")[1]
        admin = {"user": "alice", "via": f"token:{identity}", "address": ADDRESS}
        # A token cannot set passwords (it must be done in person): root does that.
        ask = lambda *arguments: (request(host, *arguments)[0] if arguments[1].endswith("/password")
                                  else ask_front(host, *arguments, token=token))
    for method, path, body, object_, documents in CHANGES:
        seq = last_seq(host)
        body = json.loads(json.dumps(body).replace("{state}", str(host.state.parent))) if body is not None else None
        reply = ask(method, "/api/v1" + path, body)
        assert reply["status"] < 300, (method, path, reply)
        if reply["status"] == 202:
            ended(host, reply)
        new = new_entries(host, seq)
        asked = [entry for entry in new if entry["action"] == f"{method} {pattern_of(path)}"]
        assert len(asked) == 1, (method, path, new)
        who = {"user": "root", "via": "socket", "address": ""} if path.endswith("/password") else admin
        assert {name: asked[0][name] for name in who} == who
        assert asked[0]["outcome"] == "done" and asked[0]["status"] == reply["status"]
        assert asked[0]["object"] == object_, asked[0]
        assert asked[0].get("task") == reply.get("task")
        commits = [entry for entry in new if entry["action"] == "commit"]
        assert {entry["object"] for entry in commits} == documents, (method, path, commits)
        for entry in commits:
            assert entry["user"] == who["user"], entry
            assert entry["changes"] and entry["rev"] > 0
            for change in entry["changes"]:
                assert change.get("before") != change.get("after") and change["path"], entry
    described = [change for entry in entries(host, object="vm/100") if entry["action"] == "commit"
                 for change in entry["changes"] if change["path"] == "description"]
    assert {"path": "description", "before": "", "after": "a web server"} in described
    assert verify(host)["intact"]


def test_power_consoles_and_tasks_are_recorded(host):
    host("vm", "create", "guest", "--image", "tiny", "--memory", "96M")
    seq = last_seq(host)
    for action in ("start", "pause", "resume", "stop"):
        if action == "pause":
            Console(host, "guest").close()
        ended(host, request(host, "POST", f"/api/v1/vms/guest/{action}")[0])
    actions = [entry["action"] for entry in new_entries(host, seq) if entry["action"] != "commit"]
    assert actions == ["POST /vms/{}/start", "POST /vms/{}/console/serial", "POST /vms/{}/pause", "POST /vms/{}/resume",
                       "POST /vms/{}/stop"]
    assert all(entry["object"] == "vm/100" for entry in new_entries(host, seq))
    # A task that has ended cannot be cancelled: the attempt is there all the same.
    seq = last_seq(host)
    request(host, "POST", "/api/v1/tasks/1/cancel")
    (entry,) = new_entries(host, seq)
    assert (entry["action"], entry["object"], entry["outcome"]) == ("POST /tasks/{}/cancel", "task/1", "failed")
    assert entry["message"]


def test_what_changes_nothing_is_not_recorded(host):
    host("vm", "create", "guest", "--image", "tiny", "--memory", "96M")
    seq = last_seq(host)
    for path in ("/vms", "/vms/guest", "/vms/none", "/audit", "/history", "/openapi.json", "/tasks"):
        request(host, "GET", "/api/v1" + path)
    request(host, "PATCH", "/api/v1/vms/guest?plan=1", {"description": "x"})
    request(host, "DELETE", "/api/v1/vms/guest?plan=1")
    request(host, "GET", "/healthz")
    assert new_entries(host, seq) == []


def test_every_refusal_is_recorded(host):
    host("vm", "create", "guest", "--image", "tiny", "--memory", "96M")
    host.make_user("alice", {"/vms/100": "user"}, "the password of alice")
    token = host.make_token("alice")
    login = ask_front(host, "POST", "/api/v1/session", {"user": "alice", "password": "the password of alice"})
    assert login["status"] == 201
    session = login["headers"]["set-cookie"].split("=")[1].split(";")[0]
    csrf = {"x-csrf-token": login["body"]["csrf"]}
    cases = [
        # what is asked, with what, the status; the user that is known of it
        (("GET", "/api/v1/vms"), {}, 401, ""),
        (("DELETE", "/api/v1/vms/100"), {"token": "no-such-token.aaaaaaaaaaaaaaaaaaaaaaaaaaa"}, 401, ""),
        (("GET", "/api/v1/vms/100"), {"session": "A" * 43}, 401, ""),
        (("GET", "/api/v1/nothing/of/this"), {"token": "no-such-token.aaaaaaaaaaaaaaaaaaaaaaaaaaa"}, 401, ""),
        (("POST", "/api/v1/nothing", None, csrf), {"session": session, "origin": "cross"}, 403, "alice"),
        (("POST", "/api/v1/session", {"user": "alice", "password": "wrong"}), {}, 401, "alice"),
        (("POST", "/api/v1/session", {"user": "nobody", "password": "wrong"}), {}, 401, "nobody"),
        (("DELETE", "/api/v1/vms/100"), {"token": token}, 403, "alice"),
        (("GET", "/api/v1/audit"), {"token": token}, 403, "alice"),
        (("GET", "/metrics"), {"token": token}, 403, "alice"),
        (("PATCH", "/api/v1/vms/100?plan=1", {"description": "x"}), {"token": token}, 403, "alice"),
        (("POST", "/api/v1/vms/100/start"), {"session": session}, 403, "alice"),
        (("POST", "/api/v1/vms/100/stop", None, csrf), {"session": session, "origin": "cross"}, 403, "alice"),
    ]
    for arguments, head, status, user in cases:
        seq = last_seq(host)
        reply = ask_front(host, *arguments, **head)
        assert reply["status"] == status, (arguments, reply)
        new = new_entries(host, seq)
        assert len(new) == 1, (arguments, new)
        assert new[0]["outcome"] == "refused" and new[0]["status"] == status
        assert new[0]["user"] == user and new[0]["address"] == ADDRESS, (arguments, new[0])
        assert new[0]["message"] == reply["body"]["error"]["message"]
    assert host.state_of("guest") == "stopped"
    # The same again is counted.
    seq = last_seq(host)
    for _ in range(20):
        ask_front(host, "DELETE", "/api/v1/vms/100", token=token)
    assert new_entries(host, seq) == []
    host.stop()
    host.start()
    repeated = [entry for entry in new_entries(host, seq) if entry["action"] == "DELETE /vms/{}"]
    assert [(entry["user"], entry["repeated"]) for entry in repeated] == [("alice", 20)]
    assert verify(host)["intact"]


def test_a_hostile_name_is_not_recorded_as_a_user(host):
    seq = last_seq(host)
    for name in ("x" * 5000, "a\u202eb", "Robert'); DROP TABLE entry;--", 7, None, {"a": 1}):
        ask_front(host, "POST", "/api/v1/session", {"user": name, "password": "x"})
    new = new_entries(host, seq)
    assert new and {entry["user"] for entry in new} == {""}
    assert verify(host)["intact"]


def test_no_secret_is_left_in_any_file(host):
    """Passwords (right, wrong, former), the secrets of tokens and sessions, in STATE, RUN and the daemon's log."""
    marks = {name: f"Sekrit-{name}-{secrets.token_hex(12)}" for name in ("first", "second", "wrong", "given")}
    host.make_user("alice", {"/": "admin"}, marks["first"])
    request(host, "POST", "/api/v1/users/alice/password", {"password": marks["second"]})
    ask_front(host, "POST", "/api/v1/session", {"user": "alice", "password": marks["wrong"]})
    login = ask_front(host, "POST", "/api/v1/session", {"user": "alice", "password": marks["second"]})
    assert login["status"] == 201, login
    marks["session"] = login["headers"]["set-cookie"].split("=")[1].split(";")[0]
    marks["csrf"] = login["body"]["csrf"]
    marks["token"] = host.make_token("alice")
    kept = {"session": marks["session"]}
    headers = {"x-csrf-token": marks["csrf"]}
    own = ask_front(host, "POST", "/api/v1/users/alice/password",
                    {"current": marks["second"], "password": marks["given"]}, headers, **kept)
    assert own["status"] == 200, own
    # What is refused or broken must not be quoted either.
    for body in ({"current": marks["wrong"], "password": "x"}, {"password": marks["given"], "pasword": marks["wrong"]},
                 {"user": marks["wrong"], "password": marks["given"]}):
        ask_front(host, "POST", "/api/v1/users/alice/password", body, headers, **kept)
        ask_front(host, "POST", "/api/v1/session", body)
        ask_front(host, "POST", "/api/v1/users/alice/password", body, {"idempotency-key": "k" + str(len(body)), **headers},
                  **kept)
    ask_front(host, "GET", "/api/v1/vms", token=marks["token"])
    ask_front(host, "GET", "/api/v1/vms", token=marks["token"] + "x")
    ask_front(host, "DELETE", "/api/v1/session", None, headers, **kept)
    ask_front(host, "GET", "/api/v1/vms", **kept)
    assert len(entries(host)) > 5

    def search():
        found, looked = [], 0
        for folder in (host.state, host.run):
            for place, _, names in os.walk(folder):
                for name in names:
                    path = os.path.join(place, name)
                    if not os.path.isfile(path) or "/images/" in path:
                        continue
                    data = open(path, "rb").read()
                    looked += 1
                    found += [(mark, path) for mark, secret in marks.items() if secret.encode() in data]
        log = host.log.read_bytes()
        return found + [(mark, "log") for mark, secret in marks.items() if secret.encode() in log], looked
    found, looked = search()
    assert found == [] and looked >= 6
    host.stop()  # the write-ahead logs go into the databases
    assert search()[0] == []


def test_over_https_the_address_is_the_clients_and_a_key_works(front):
    front.make_user("alice", {"/": "admin"})
    token = front.make_token("alice")
    seq = last_seq(front)
    body = {"name": "r", "privileges": []}
    status, headers, _ = front.https("POST", "/api/v1/roles", body, token, {"Idempotency-Key": "once"})
    assert status == 201 and "idempotency-replayed" not in headers
    status, headers, _ = front.https("POST", "/api/v1/roles", body, token, {"Idempotency-Key": "once"})
    assert status == 201 and headers["idempotency-replayed"] == "true"
    assert front.https("POST", "/api/v1/roles", {"name": "q", "privileges": []}, token, {"Idempotency-Key": "once"})[0] == 422
    assert front.https("DELETE", "/api/v1/roles/r")[0] == 401
    asked = [entry for entry in new_entries(front, seq) if entry["action"] != "commit"]
    assert [(entry["user"], entry["action"], entry["object"], entry["outcome"], entry["address"]) for entry in asked] == [
        ("alice", "POST /roles", "role/r", "done", "127.0.0.1"),
        ("alice", "POST /roles", "role", "failed", "127.0.0.1"),
        ("", "DELETE /roles/{}", "role/r", "refused", "127.0.0.1")]


def test_a_console_over_the_front_is_recorded(host):
    host.text("vm", "create", "guest", "--image", "tiny", "--memory", "96M", "--start")
    host.make_user("alice", {"/vms/100": "user"})
    host.make_user("bob", {"/": "auditor"})
    for user, status, outcome in (("alice", 101, "done"), ("bob", 403, "refused")):
        seq = last_seq(host)
        reply = ask_front(host, "GET", "/api/v1/vms/guest/console/serial", token=host.make_token(user), upgrade=True)
        assert reply["status"] == status, reply
        (entry,) = [entry for entry in new_entries(host, seq) if "console" in entry["action"]]
        assert (entry["action"], entry["object"], entry["outcome"], entry["user"]) == (
            "GET /vms/{}/console/serial", "vm/100", outcome, user)


def test_a_killed_daemon_loses_no_entry(host):
    for round_ in range(3):
        for number in range(5):
            path = host.state.parent / f"s{round_}-{number}"
            reply, _ = request(host, "POST", "/api/v1/storages", {"name": f"s{round_}-{number}", "path": str(path)})
            assert reply["status"] == 201
        host.kill()
        host.start()
    all_entries = entries(host, object="storage/")
    for kind in ("commit", "POST /storages"):
        names = [entry["object"] for entry in all_entries if entry["action"] == kind and "/s" in entry["object"]]
        assert sorted(names) == sorted(f"storage/s{r}-{n}" for r in range(3) for n in range(5))
    assert verify(host)["intact"]


def test_tampering_shows(host):
    for number in range(4):
        request(host, "POST", "/api/v1/storages", {"name": f"s{number}", "path": str(host.state.parent / f"s{number}")})
    # A commit's entry follows it by a moment.
    wait_for(lambda: len(entries(host, object="storage/s3")) == 2, 10, "the last request's entries")
    good = verify(host)
    known = f"?seq={good['last']}&hash={good['hash']}"
    assert good["intact"] and verify(host, known)["known"] == "kept"
    assert f"entry {good['last']} has the hash {good['hash']}" not in host.tail()
    host.stop()
    assert f"entry {good['last']} has the hash {good['hash']}" in host.log.read_text()
    with sqlite3.connect(host.state / "audit.db") as database:
        before = database.execute("SELECT seq, hash, text FROM entry").fetchall()
        database.execute("DELETE FROM entry WHERE seq = ?", (good["last"],))
    host.start()
    cut = verify(host, known)
    assert not cut["intact"] and cut["known"] == "gone" and verify(host)["intact"]
    host.stop()
    with sqlite3.connect(host.state / "audit.db") as database:
        database.execute("DELETE FROM entry")
        database.executemany("INSERT INTO entry (seq, hash, text) VALUES (?, ?, ?)", before)
        database.execute("UPDATE entry SET text = replace(text, 'storage/s1', 'storage/s9') WHERE seq > 1")
    host.start()
    broken = verify(host)
    assert not broken["intact"] and broken["broken_at"] > 1 and broken["problem"]
    assert request(host, "GET", "/api/v1/audit/verify?seq=3")[0]["status"] == 400
    assert request(host, "GET", "/api/v1/audit/verify?seq=3&hash=zz")[0]["status"] == 400


def test_the_documented_shell_check_agrees(host):
    host("vm", "create", "guest", "--image", "tiny", "--memory", "96M")
    script = (ROOT / "docs/audit.md").read_text().split("```sh\n")[1].split("```")[0]
    assert len(entries(host)) > 3
    host.stop()
    done = subprocess.run(["sh", "-c", script], cwd=host.state, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_entries_are_found_by_user_object_outcome_and_page(host):
    host.make_user("alice", {"/": "auditor"})
    token = host.make_token("alice")
    ask_front(host, "POST", "/api/v1/roles", {"name": "x", "privileges": []}, token=token)
    assert {entry["user"] for entry in entries(host, user="alice")} == {"alice"}
    assert {entry["outcome"] for entry in entries(host, outcome="refused")} == {"refused"}
    assert {entry["object"] for entry in entries(host, object="user/alice")} == {"user/alice"}
    everything, after, pages = [], "", 0
    while True:
        reply = ask_front(host, "GET", f"/api/v1/audit?limit=2{after}", token=token)
        assert reply["status"] == 200, reply
        everything += reply["body"]["items"]
        pages += 1
        if "next" not in reply["body"]:
            break
        after = f"&after={reply['body']['next']}"
    assert [entry["seq"] for entry in everything] == list(range(len(everything), 0, -1))
    assert pages >= 2
    assert request(host, "GET", "/api/v1/audit?outcome=perhaps")[0]["status"] == 400
    filtered, _ = request(host, "GET", "/api/v1/audit?filter=action:commit&fields=seq,action&limit=1")
    assert [sorted(item) for item in filtered["body"]["items"]] == [["action", "seq"]]


@pytest.fixture
def small(tmp_path):
    """A yadod whose state is on a file system of its own."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs", place], check=True)
    yado = Yado(place / "state")
    try:
        yado.start()
        yield yado
        yado.clean()
    finally:
        if yado.process:
            yado.kill()
        subprocess.run(["umount", "-l", place], check=True)


def test_on_a_full_disk_changes_are_refused_and_told_later(small):
    outside = small.state.parent.parent
    add = lambda name: request(small, "POST", "/api/v1/storages", {"name": name, "path": str(outside / name)})[0]
    assert add("before")["status"] == 201
    filler = small.state.parent / "filler"
    with open(filler, "wb", buffering=0) as file:
        for size in (65536, 4096, 512):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
    statuses = [add(f"s{number}")["status"] for number in range(60)]
    assert 507 in statuses and set(statuses) <= {201, 507}, statuses
    assert request(small, "GET", "/api/v1/storages")[0]["status"] == 200
    filler.unlink()
    assert wait_for(lambda: add("after")["status"] == 201)
    made = {item["name"] for item in request(small, "GET", "/api/v1/storages")[0]["body"]["items"]}
    wait_for(lambda: [entry for entry in entries(small, outcome="failed") if entry["status"] == 507])
    for kind in ("POST /storages", "commit"):
        recorded = {entry["object"].split("/")[1] for entry in entries(small, object="storage/", outcome="done")
                    if entry["action"] == kind}
        assert made - {"local"} == recorded - {"local"}
    assert verify(small)["intact"]
