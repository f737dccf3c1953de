"""Events: a snapshot and what changes after it are together what the lists say, whoever reads, however slowly, and
whatever he may see; nobody learns of what he may not see."""
import json
import os
import ssl
import subprocess
import threading
import time

import pytest
import websocket

from frames import CANCEL, Events, Frames
from yado import BUILD, wait_for

HOME = {"address": "192.0.2.1"}


def by_front(yado, token=None, **head):
    """A connection as yado-httpd would make it for somebody."""
    return Frames(yado.connect_front(), **{**HOME, **({"token": token} if token else {}), **head})


def list_all(frames, path, kind, key="name"):
    """Everything of a list, as the events name it."""
    found, after = {}, ""
    while True:
        answer = frames.ask("GET", f"/api/v1/{path}?limit=1000{after}").json
        found.update((f"{kind}/{item[key]}", item) for item in answer["items"])
        if "next" not in answer:
            return found
        after = f"&after={answer['next']}"


def make_guests(frames, names, **fields):
    """Guests without devices, all at once; their ids."""
    ids = []
    for start in range(0, len(names), 200):
        streams = [frames.send("POST", "/api/v1/vms", {"name": name, "display": "none", "nics": {}, **fields})
                   for name in names[start:start + 200]]
        for stream in streams:
            answer = frames.next(stream, 120)
            assert answer.status == 202, answer.json
            ids.append(answer.json["id"])
    return ids


def until_idle(frames):
    """All tasks have ended."""
    wait_for(lambda: not any(frames.ask("GET", f"/api/v1/tasks?state={state}").json["items"]
                             for state in ("queued", "running")), 120, "the end of all tasks")


def change(frames, ids, **fields):
    for start in range(0, len(ids), 200):
        streams = [frames.send("PATCH", f"/api/v1/vms/{id}", fields) for id in ids[start:start + 200]]
        for stream in streams:
            answer = frames.next(stream, 120)
            assert answer.status == 200, answer.json


def settle(yado, events, frames):
    """Reads until what is known is what there is, which it must become and stay."""
    until_idle(frames)
    rows = list_all(frames, "vms", "vm", "id")
    events.until(lambda: events.live and events.of("vm") == rows and
                 all("ended" in task for task in events.of("task").values()), 60, "the rows of the list")


def test_snapshot_and_changes_are_what_the_lists_say(host):
    root = Frames(host.connect())
    early = Events(Frames(host.connect())).until_live()
    stop = threading.Event()
    failures = []

    def churn(number):
        try:
            frames = Frames(host.connect())
            ids = make_guests(frames, [f"c{number}-{i}" for i in range(8)])
            until_idle(frames)
            for turn in range(6):
                change(frames, ids, description=f"turn {turn}", tags=[f"t{turn}"] if turn % 2 else [])
            for id in ids[:4]:
                assert frames.ask("DELETE", f"/api/v1/vms/{id}").status == 202
        except Exception as failure:  # shown by the test itself
            failures.append(failure)

    threads = [threading.Thread(target=churn, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    # Others come in the middle, and one of them by the other socket.
    late = [early]
    while any(thread.is_alive() for thread in threads):
        if len(late) < 4:
            late.append(Events(Frames(host.connect())).until_live())
        for events in late:
            try:
                events.take(0.05)
            except TimeoutError:
                pass
    for thread in threads:
        thread.join()
    assert not failures
    for events in late:
        settle(host, events, root)
        assert len(events.of("vm")) == 16
        assert not events.resets
        assert events.of("image") == list_all(root, "images", "image")
        assert events.of("role") == list_all(root, "roles", "role")
        storages = list_all(root, "storages", "storage")
        for path, storage in events.of("storage").items():
            assert storages[path].items() >= storage.items()
        assert root.ask("GET", "/api/v1/nodes/self").json.items() >= events.world["node/self"].items()
        for path, task in events.of("task").items():
            assert root.ask("GET", f"/api/v1/tasks/{path.split('/')[1]}").json == task
        deleted = [path for path in events.changes if path.startswith("vm/") and path not in events.world]
        assert deleted or events is not early


def test_documents_come_as_they_change(host):
    root = Frames(host.connect())
    events = Events(Frames(host.connect())).until_live()
    host.make_user("eve", {"/tags/prod": "user"})
    events.until(lambda: "user/eve" in events.world)
    assert events.world["user/eve"] == root.ask("GET", "/api/v1/users/eve").json
    secret = host.make_token("eve")
    events.until(lambda: events.of("token"))
    assert secret not in json.dumps(events.world)
    assert root.ask("POST", "/api/v1/storages", {"name": "more", "path": str(host.state / "more")}).status == 201
    events.until(lambda: "storage/more" in events.world)
    assert root.ask("DELETE", "/api/v1/storages/more").status == 200
    assert root.ask("DELETE", "/api/v1/users/eve").status == 200
    events.until(lambda: not events.of("token") and "user/eve" not in events.world and
                 "storage/more" not in events.world)


def test_a_prefix_is_one_object_with_its_tasks_or_a_kind(host):
    root = Frames(host.connect())
    first, second = make_guests(root, ["first", "second"])
    until_idle(root)
    one = Events(Frames(host.connect()), f"?prefix=vm/{first}").until_live()
    kind = Events(Frames(host.connect()), "?prefix=vm/").until_live()
    assert set(one.of("vm")) == {f"vm/{first}"}
    assert {task["object"] for task in one.of("task").values()} == {f"vm/{first}"}
    assert set(kind.of("vm")) == {f"vm/{first}", f"vm/{second}"} and not kind.of("image")
    change(root, [second], description="other")
    change(root, [first], description="this")
    one.until(lambda: one.changes)
    kind.until(lambda: f"vm/{first}" in kind.changes)
    assert set(one.changes) == {f"vm/{first}"} and f"vm/{second}" in kind.changes
    refused = Events(Frames(host.connect()), "?epoch=x")
    assert refused.response.status == 400 and refused.response.error["field"] == "seq"


def test_a_reader_goes_on_where_it_was(host):
    root = Frames(host.connect())
    ids = make_guests(root, ["a", "b", "c"])
    until_idle(root)
    events = Events(Frames(host.connect())).until_live()
    settle(host, events, root)
    events.frames.close()
    change(root, ids[:1], description="while nobody looked")
    assert root.ask("DELETE", f"/api/v1/vms/{ids[1]}").status == 202
    until_idle(root)

    again = Events(Frames(host.connect()), f"?epoch={events.epoch}&seq={events.seq}")
    again.world = dict(events.world)
    assert again.take() == {"live": {"epoch": events.epoch, "seq": events.seq}}
    settle(host, again, root)
    assert not again.resets and f"vm/{ids[2]}" not in again.changes and f"vm/{ids[1]}" in again.changes

    for query, why in ((f"?epoch={events.epoch}&seq={10**9}", "behind"), ("?epoch=elsewhere-0123&seq=1", "epoch")):
        lost = Events(Frames(host.connect()), query).until_live()
        assert lost.resets == [why]
        settle(host, lost, root)
    # Another run of the daemon is another epoch, also after a crash.
    host.kill()
    host.start()
    fresh = Events(Frames(host.connect()), f"?epoch={again.epoch}&seq={again.seq}").until_live()
    assert fresh.resets == ["epoch"]
    settle(host, fresh, Frames(host.connect()))


def resident(yado):
    text = open(f"/proc/{yado.process.pid}/status").read()
    return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1]) << 10


@pytest.fixture
def lean(monkeypatch):
    """Memory that is freed is free: a sanitizer's habit of keeping it would hide what is measured."""
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=16")


def test_a_thousand_guests_and_readers_that_do_not_keep_up(lean, host):
    root = Frames(host.connect())
    ids = make_guests(root, [f"guest-{number}" for number in range(1000)])
    until_idle(root)
    begin = time.monotonic()
    quick = Events(Frames(host.connect())).until_live()
    assert len(quick.of("vm")) == 1000
    print(f"the snapshot of 1,000 guests took {time.monotonic() - begin:.3f} s")
    # Ten that take what comes without being asked, and then nothing.
    silent = [Events(Frames(host.connect()), credit=False) for _ in range(10)]
    change(root, ids[:200], description="warm")
    settle(host, quick, root)
    before = resident(host)
    begin = time.monotonic()
    for turn in range(9):
        change(root, ids, description=f"turn {turn}")
    print(f"9,000 changes took {time.monotonic() - begin:.1f} s")
    settle(host, quick, root)
    # What waits for ten readers is bounded, and so is what is remembered for them.
    print(f"{(resident(host) - before) >> 20} MiB more")
    assert resident(host) - before < 64 << 20
    assert root.ask("GET", "/api/v1/vms?limit=1").status == 200
    for events in silent[:3]:
        events.credit = True
        events.frames.grant(events.stream, 8 << 20)
        settle(host, events, root)
        # It began before the changes, which are more than are remembered.
        assert events.resets == ["behind"]
        # A guest that has changed nine times is told of once.
        assert len([path for path in events.changes if path.startswith("vm/")]) < 2000
    for events in silent[3:]:
        assert events.take()["snapshot"]  # still open


def test_each_sees_what_he_may_see_and_learns_nothing_of_the_rest(front):
    root = Frames(front.connect())
    front.make_user("eve", {"/tags/prod": "user", "/images/tiny": "user"})
    token = front.make_token("eve")
    prod, dev = make_guests(root, ["prod"], tags=["prod", "blue"]) + make_guests(root, ["dev"], tags=["dev"])
    until_idle(root)
    eve = Events(by_front(front, token)).until_live()
    assert set(eve.world) == {f"vm/{prod}", "image/tiny"} | set(eve.of("task"))
    assert {task["object"] for task in eve.of("task").values()} <= {f"vm/{prod}", "image/tiny"}

    # Of a guest that is none of hers she hears nothing, whatever happens to it.
    change(root, [dev], description="secret")
    change(root, [dev], tags=["dev", "green"])
    # One comes into sight, and goes again.
    change(root, [dev], tags=["prod"])
    eve.until(lambda: f"vm/{dev}" in eve.world)
    assert eve.changes.count(f"vm/{dev}") == 1
    change(root, [dev], tags=[])
    eve.until(lambda: f"vm/{dev}" not in eve.world)
    seen = len(eve.changes)
    change(root, [dev], description="secret again")
    change(root, [prod], description="hers")
    eve.until(lambda: eve.changes[-1] == f"vm/{prod}")
    assert f"vm/{dev}" not in eve.changes[seen:]
    # One who was away while it went is told so too.
    away = Events(by_front(front, token)).until_live()
    away.frames.close()
    change(root, [prod], tags=[])
    again = Events(by_front(front, token), f"?epoch={away.epoch}&seq={away.seq}")
    again.world = dict(away.world)
    again.until(lambda: f"vm/{prod}" not in again.world)
    assert not again.resets
    change(root, [prod], tags=["prod"])
    assert root.ask("DELETE", f"/api/v1/vms/{prod}").status == 202
    eve.until(lambda: f"vm/{prod}" in eve.world or f"vm/{prod}" in eve.changes[-3:])
    until_idle(root)
    eve.until(lambda: not eve.of("vm"))
    assert not any(path.startswith(("user/", "role/", "token/", "storage/", "node/")) for path in eve.changes)
    assert not eve.resets


def test_rights_that_change_begin_it_again_and_those_that_end_end_it(front):
    root = Frames(front.connect())
    front.make_user("eve", {"/vms": "user"})
    front.make_user("other", {"/vms": "user"}, "correct horse battery")
    guests = make_guests(root, ["one", "two"])
    until_idle(root)
    token = front.make_token("eve")
    eve = Events(by_front(front, token)).until_live()
    assert set(eve.of("vm")) == {f"vm/{id}" for id in guests}
    # Somebody else's rights are nothing to her.
    front.make_user("third", {"/": "admin"})
    # Fewer: what is not to be seen any more is gone at once.
    grants = {"g0": None, "one": {"path": f"/vms/{guests[0]}", "role": "user"}}
    assert root.ask("PATCH", "/api/v1/users/eve", {"grants": grants}).status == 200
    eve.until(lambda: eve.resets == ["rights"] and eve.live)
    assert set(eve.of("vm")) == {f"vm/{guests[0]}"}
    change(root, guests[1:], description="unseen")
    change(root, guests[:1], description="seen")
    eve.until(lambda: f"vm/{guests[0]}" in eve.changes)
    assert f"vm/{guests[1]}" not in eve.changes
    # An old number under new rights is not gone on with.
    epoch = eve.epoch
    assert root.ask("PATCH", "/api/v1/users/eve", {"grants": {"g0": {"path": "/vms", "role": "user"}}}).status == 200
    lost = Events(by_front(front, token), f"?epoch={epoch}&seq={eve.seq}").until_live()
    assert lost.resets == ["rights"] and len(lost.of("vm")) == 2
    eve.until(lambda: eve.resets == ["rights"] * 2 and eve.live)

    def cut(events):
        begin = time.monotonic()
        with pytest.raises(EOFError, match="cancel"):
            while True:
                events.take(5)
        return time.monotonic() - begin
    # The token goes, the user is disabled, the session is signed out.
    items = root.ask("GET", "/api/v1/tokens").json["items"]
    assert root.ask("DELETE", f"/api/v1/tokens/{items[0]['id']}").status == 200
    assert cut(eve) < 1 and cut(lost) < 1
    eve = Events(by_front(front, front.make_token("eve"))).until_live()
    assert root.ask("PATCH", "/api/v1/users/eve", {"enabled": False}).status == 200
    assert cut(eve) < 1
    signed_in = by_front(front).ask("POST", "/api/v1/session", {"user": "other", "password": "correct horse battery"})
    assert signed_in.status in (200, 201), signed_in.json
    cookie = signed_in.head["headers"]["set-cookie"].split("=", 1)[1].split(";")[0]
    page = by_front(front, session=cookie)
    refused = page.ask("GET", "/api/v1/events", upgrade=True)
    assert refused.status == 403  # another page could have opened it
    other = Events(by_front(front, session=cookie, origin="same")).until_live()
    csrf = {"headers": {"x-csrf-token": signed_in.json["csrf"]}}
    assert page.ask("DELETE", "/api/v1/session", origin="same", **csrf).status == 200
    assert cut(other) < 1
    assert page.ask("GET", "/api/v1/vms").status == 401


def test_a_followed_task_is_cut_with_the_right(front):
    root = Frames(front.connect())
    front.make_user("eve", {"/vms": "user"})
    assert root.ask("POST", "/api/v1/images/build", {"recipe": "tiny", "name": "again"}).status == 202
    task = root.ask("GET", "/api/v1/tasks?object=image/again").json["items"][0]["id"]
    front.make_user("ann", {"/images": "operator"})
    token = front.make_token("ann")
    ann = by_front(front, token)
    stream = ann.send("GET", f"/api/v1/tasks/{task}/follow", upgrade=True)
    assert ann.next(stream).status == 200
    eve = by_front(front, front.make_token("eve"))
    assert eve.ask("GET", f"/api/v1/tasks/{task}/follow", upgrade=True).status == 403
    assert root.ask("PATCH", "/api/v1/users/ann", {"grants": {"g0": None}}).status == 200
    while (frame := ann.next(stream, 5)).kind != CANCEL:
        assert "task" in frame.head or "log" in frame.head
    # Nobody follows without end.
    front.make_user("bob", {"/": "auditor"})
    bob = by_front(front, front.make_token("bob"))
    statuses = [bob.ask("GET", f"/api/v1/tasks/{task}/follow", upgrade=True).status for _ in range(129)]
    assert statuses == [200] * 128 + [429]
    assert root.ask("POST", f"/api/v1/tasks/{task}/cancel").status in (200, 409)


def test_followers_are_bounded(front):
    front.make_user("eve", {"/": "auditor"})
    eve = by_front(front, front.make_token("eve"))
    streams = [Events(eve) for _ in range(64)]
    assert all(events.response.status == 200 for events in streams)
    assert Events(eve).response.status == 429
    assert Events(Frames(front.connect())).response.status == 200
    eve.cancel(streams[0].stream)
    wait_for(lambda: Events(eve).response.status == 200, 10, "room for another")


def test_the_front_follows_by_websockets_only(front):
    front.make_user("eve", {"/": "auditor"})
    eve = by_front(front, front.make_token("eve"))
    assert eve.ask("GET", "/api/v1/events").status == 400
    assert eve.ask("GET", "/api/v1/vms", upgrade=True).status == 400
    assert by_front(front).ask("GET", "/api/v1/events", upgrade=True).status == 401


def test_events_over_https_are_messages_of_a_websocket(front, monkeypatch):
    root = Frames(front.connect())
    front.make_user("eve", {"/tags/prod": "user"})
    hers, other = make_guests(root, ["hers"], tags=["prod"]) + make_guests(root, ["other"])
    until_idle(root)
    token = front.make_token("eve")
    client = websocket.create_connection(
        f"wss://127.0.0.1:{front.port}/api/v1/events", header=[f"Authorization: Bearer {token}"], timeout=30,
        sslopt={"cert_reqs": ssl.CERT_NONE, "check_hostname": False})
    first = json.loads(client.recv())
    assert [item["path"] for item in first["snapshot"] if item["path"].startswith("vm/")] == [f"vm/{hers}"]
    live = json.loads(client.recv())["live"]
    change(root, [other], description="unseen")
    change(root, [hers], description="seen")
    event = json.loads(client.recv())
    assert event["path"] == f"vm/{hers}" and event["seq"] > live["seq"]
    assert root.ask("PATCH", "/api/v1/users/eve", {"enabled": False}).status == 200
    monkeypatch.setattr(websocket._abnf, "VALID_CLOSE_STATUS", (1013,))  # which it does not know
    kind, data = client.recv_data()
    assert kind == websocket.ABNF.OPCODE_CLOSE and int.from_bytes(data[:2], "big") == 1013


def test_the_command_shows_changes(host):
    command = subprocess.Popen([BUILD / "src/cli/yado", "--socket", host.socket, "events"], stdout=subprocess.PIPE,
                               text=True, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})
    try:
        raw = subprocess.Popen([BUILD / "src/cli/yado", "--socket", host.socket, "-o", "json", "events", "vm/"],
                               stdout=subprocess.PIPE, text=True)
        while "live" not in json.loads(raw.stdout.readline()):
            pass
        host("vm", "create", "shown", "--display", "none")
        assert any('"shown"' in raw.stdout.readline() for _ in range(20))
        raw.terminate()
        raw.wait()
        assert any("shown" in command.stdout.readline() for _ in range(20))
    finally:
        command.terminate()
        command.wait()
