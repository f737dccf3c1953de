"""Whatever is sent to it, the daemon answers clearly, stays small, and lets the guests run."""
import json
import os
import pathlib
import re
import socket
import subprocess

import pytest

from yado import Console, api, encode, wait_for, wait_task

MIB = 1 << 20


def fields():
    """Fields of a guest with their bounds, from the reference that is generated from the table."""
    page = (pathlib.Path(__file__).resolve().parents[2] / "docs/reference/vm.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| (.*?) \|.*?\| (.*?) \| [^|]* \|$", page, re.M)
    assert len(rows) > 40
    return {name: (values, notes) for name, values, notes in rows}


UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def number(text):
    match = re.match(r"([\d,.]+)(?: (\w+))?", text)
    return int(float(match.group(1).replace(",", "")) * UNITS.get(match.group(2), 1))


def wrong_values(values):
    """Values that are out of the bounds that the reference states."""
    if match := re.match(r"(?:whole number|size), (.*) to ([^(,]*)", values):
        yield from (number(match.group(1)) - 1, number(match.group(2)) + 1, "many", 1.5, True)
    elif match := re.match(r"text, (?:at most )?(?:(\d+) to )?(\d+) characters", values):
        yield from ("x" * (int(match.group(2)) + 1), 7, [], {})
        if match.group(1) not in (None, "0"):
            yield ""
    elif values.startswith("list of texts"):
        yield from ("x", {}, [1], ["a", "a"], ["x" * 20000], [f"t{i}" for i in range(int(values.split()[-1]) + 1)])
    elif values == "`true` or `false`":
        yield from (1, "true", None if False else [])
    elif values.startswith("`"):
        yield from ("other", 1, [])
    elif values.startswith("entries"):
        yield from ([], "x", {"Bad Key": {}}, {"a/b": {}}, {"": {}}, {"x" * 64: {}}, {"good": 7})
    else:
        yield from (7, "x", [])


def nested(path, value):
    for step in reversed(path.replace("KEY", "dev1").split(".")):
        value = {step: value}
    return value


def test_each_field_says_what_is_wrong_with_it(host):
    count = 0
    known = fields()
    for path, (values, notes) in known.items():
        above = path.rpartition(".")[0]
        if "set by Yado" in known.get(above, ("", ""))[1] or "[]" in path:
            continue  # the object as a whole is Yado's
        if "set by Yado" in notes:
            tries = [7, "x"]
        else:
            tries = list(wrong_values(values))
        assert tries, (path, values)
        for value in tries:
            body = nested(path, value)
            if not path.startswith("name"):
                body["name"] = "subject"
            if path.startswith("kernel.") and path != "kernel.image":
                body["kernel"]["image"] = "tiny"
            if path.startswith(("pci.KEY.", "shares.KEY.")) and not path.endswith(".mapping"):
                body[path.split(".")[0]]["dev1"]["mapping"] = "media"
            if path == "numa.KEY.policy":
                body["numa"]["dev1"]["host_nodes"] = "0"
            reply = api(host, "POST", "/vms", body)
            error = reply["body"].get("error")
            assert reply["status"] == 400 and error["code"] == "invalid", (path, value, reply)
            assert error["field"].startswith(path.replace("KEY", "dev1").rsplit(".", 1)[0].split(".")[0]), error
            if not values.startswith("entries"):
                assert error["field"] == path.replace("KEY", "dev1"), (path, value, error)
            assert error["message"]
            count += 1
    assert count > 150
    for body in ({"name": "a", "nonsense": 1}, {"name": "a", "cpu": {"nonsense": 1}}):
        assert "nonsense" in api(host, "POST", "/vms", body)["body"]["error"]["field"]
    assert api(host, "POST", "/vms", {})["body"]["error"]["field"] == "name"
    for name in ("a/b", "../x", "-x", "a b", "a\n", "é", "x" * 64, "", "100"):
        reply = api(host, "POST", "/vms", {"name": name})
        assert reply["status"] == 400 and reply["body"]["error"]["field"] == "name", (name, reply)
    assert api(host, "GET", "/vms")["body"]["items"] == []


# --- below the API: frames ---

def raw(host, data, fds=()):
    """What comes back on these bytes: the responses' bodies, and whether the connection is still open."""
    client = host.connect()
    try:
        try:
            socket.send_fds(client, [data], list(fds)) if fds else client.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        client.settimeout(10)
        replies, buffer = [], b""
        while True:
            while len(buffer) >= 12 and len(buffer) >= 12 + int.from_bytes(buffer[:4], "little"):
                length = int.from_bytes(buffer[:4], "little")
                payload, buffer = buffer[12:12 + length], buffer[12 + length:]
                head = int.from_bytes(payload[:4], "little")
                replies.append(json.loads(payload[4:4 + head]))
                if replies[-1].get("status"):
                    return replies
            try:
                chunk = client.recv(65536)
            except (TimeoutError, ConnectionResetError):
                return replies
            if not chunk:
                return replies
            buffer += chunk
    finally:
        client.close()


def head(method="GET", path="/api/v1/vms", **more):
    return json.dumps({"method": method, "path": path, **more}).encode()


def frame(head_text, body=b"", fds=0, kind=1, stream=1):
    return encode(kind, stream, len(head_text).to_bytes(4, "little") + head_text + body, fds)


def usage(host):
    pid = host.process.pid
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)), len(os.listdir(f"/proc/{pid}/fd"))


def attack(host):
    statuses = [
        (400, frame(head("POST"), b"[" * 4000 + b"]" * 4000)),
        (400, frame(head("POST"), b'{"a":' * 4000 + b"1" + b"}" * 4000)),
        (413, frame(head("POST"), b"[" * 20000 + b"]" * 20000)),
        (413, frame(head("POST"), b'{"a":' * 20000 + b"1" + b"}" * 20000)),
        (400, frame(head("POST"), b'{"name":"\xff\xfe"}')),
        (400, frame(head("POST"), b'{"name":"a"')),
        (400, frame(head("POST"), b'{"name":"a\\u0000b"}')),
        (400, frame(head("POST"), b"null")),
        (400, frame(head("POST"), b"[]")),
        (400, frame(head("POST"), b'{"name":"a","description":"' + b"x" * 900000 + b'"}')),
        (404, frame(head("GET", "/"))), (404, frame(head("GET", "/api/v1/nothing"))),
        (404, frame(head("GET", "/api/v1/vms/999"))), (404, frame(head("GET", "/api/v2/vms"))),
        (404, frame(head("GET", "/api/v1/tasks/x"))), (404, frame(head("GET", "/api/v1/history/x"))),
        (404, frame(head("GET", "/api/v1/vms/1/2/3/4/5/6/7/8/9"))),
        (405, frame(head("PUT"))), (405, frame(head("DELETE"))), (405, frame(head("PATCH", "/api/v1/tasks"))),
        (400, frame(head("GET", "/api/v1/vms?limit=0"))), (400, frame(head("GET", "/api/v1/vms?limit=-1"))),
        (400, frame(head("GET", "/api/v1/vms?limit=99999999999999999999"))),
        (400, frame(head("GET", "/api/v1/vms?nonsense=1"))), (400, frame(head("GET", "/api/v1/vms?limit=1&limit=2"))),
        (400, frame(head("GET", "/api/v1/vms?plan=1"))), (400, frame(head("POST", "/api/v1/vms?plan=2"), b"{}")),
        (400, frame(head("GET", "/api/v1/vms/a%2fb"))), (400, frame(head("GET", "/api/v1/vms/%zz"))),
        (400, frame(head("GET", "/api/v1/vms?" + "&".join(f"a{i}=1" for i in range(65))))),
        (400, frame(head("GET", "/api/v1/vms/" + "x" * 9000))), (400, frame(head("get"))),
        (400, frame(head("PATCH", "/api/v1/vms/subject", headers={"if-match": "x"}), b"{}")),
        (412, frame(head("DELETE", "/api/v1/vms/subject", headers={"if-match": "1"}))),
        (412, frame(head("DELETE", "/api/v1/images/tiny", headers={"if-match": "999999"}))),
        (412, frame(head("PATCH", "/api/v1/storages/local", headers={"if-match": "999999"}), b"{}")),
        (400, frame(head("POST", "/api/v1/vms/subject/start", headers={"if-match": "1"}))),
        (400, frame(head("POST", "/api/v1/vms/subject/start"), b'{"a":1}')),
        (400, frame(head("POST", "/api/v1/vms/subject/shutdown"), b'{"timeout":0}')),
    ]
    for status, data in statuses:
        replies = raw(host, data)
        assert replies and replies[0]["status"] == status, (status, data[:200], replies)
    # Broken frames: told once, or just closed; never answered as if they were good.
    for data in (b"\xff" * 4096, b"\0" * 4096, encode(1, 1, b""), encode(1, 1, b"\xff\xff\xff\xff{}"),
                 encode(9, 1, b"abc"), encode(1, 0, b"\2\0\0\0{}"), frame(b"{"), frame(b"[]"), frame(b"x" * 70000),
                 (2 << 20).to_bytes(4, "little") + encode(1, 1, b"")[4:] + b"x" * 100000,
                 frame(head(), fds=3), frame(head(), fds=200), encode(3, 77, b"data"), encode(4, 77, b"\1"),
                 frame(head())[:-1][:9] + b"\1\1\1" + frame(head())[12:]):
        for reply in raw(host, data + frame(head("GET", "/api/v1/nodes"), stream=5)) or [{"status": 400}]:
            assert reply.get("status", 400) >= 400, (data[:60], reply)
    devices = [os.open("/dev/null", os.O_RDONLY) for _ in range(16)]
    for count, data in ((16, frame(head(), fds=0)), (16, frame(head(), fds=16)), (16, frame(head(), fds=2))):
        raw(host, data, devices[:count])
    for fd in devices:
        os.close(fd)
    # Slow ones and many: 70 connections that say half of something.
    slow = []
    for count in range(70):
        try:
            client = host.connect()
            client.sendall(frame(head())[:count % 30 + 1])
            slow.append(client)
        except OSError:
            break
    for client in slow:
        client.close()
    wait_for(lambda: host.run_command("node", "show").returncode == 0, what="an answer after the flood")
    # Many requests at once on one connection, none of whose answers is read.
    client = host.connect()
    client.settimeout(5)
    try:
        client.sendall(b"".join(frame(head(), stream=number) for number in range(1, 400)))
    except OSError:
        pass
    client.close()


def test_hostile_peers_change_nothing(host):
    host("vm", "create", "subject", "--image", "tiny", "--display", "none")
    host("vm", "start", "subject")
    console = Console(host, "subject").login()
    before, pid = host.vm("subject"), host.status("subject")["pid"]
    attack(host)  # what is allocated once is there now
    wait_for(lambda: usage(host)[1] < 64, what="closed connections")
    memory, descriptors = usage(host)
    for _ in range(3):
        attack(host)
    wait_for(lambda: usage(host)[1] <= descriptors + 2, what="closed connections")
    if not os.environ.get("ASAN_OPTIONS") and b"__asan_init" not in (
            pathlib.Path(os.readlink(f"/proc/{host.process.pid}/exe")).read_bytes()):
        # A sanitizer keeps what is freed in quarantine.
        assert usage(host)[0] < memory * 1.2 + 4096, (memory, usage(host))
    assert host.process.poll() is None and host.status("subject")["pid"] == pid
    assert console.shell("echo unaffected") == "unaffected"
    after = host.vm("subject")
    before.pop("status"), after.pop("status")
    assert after == before
    assert [vm["name"] for vm in host("vm", "list")["items"]] == ["subject"]


# --- a full disk ---

@pytest.fixture
def small_host(tiny, tmp_path_factory):
    """A daemon whose state is on a small file system of its own."""
    from yado import Yado
    mount = tmp_path_factory.mktemp("small")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", mount], check=True)
    yado = Yado(mount / "state")
    try:
        yado.copy_from(tiny)
        yado.start()
        yield yado
        yado.clean()
    finally:
        if yado.process:
            yado.kill()
        subprocess.run(["umount", "-l", mount])


def fill(path):
    """Writes until nothing more fits."""
    with open(path, "wb", buffering=0) as file:
        for size in (MIB, 4096, 1):
            block = b"x" * size
            try:
                while file.write(block) == size:
                    pass
            except OSError:
                pass


def test_a_full_disk_refuses_changes_and_stops_no_guest(small_host):
    host = small_host
    host("vm", "create", "subject", "--image", "tiny", "--display", "none")
    host("vm", "start", "subject")
    console = Console(host, "subject").login()
    pid, document = host.status("subject")["pid"], host.vm("subject")
    filler = host.state / "filler"
    fill(filler)
    text = "y" * 8000
    refused = 0
    for attempt in range(40):  # a database has some room of its own
        reply = api(host, "PATCH", "/vms/subject", {"description": text + str(attempt)})
        if reply["status"] == 507:
            assert reply["body"]["error"]["code"] == "no-space", reply
            refused += 1
            break
        assert reply["status"] == 200, reply
    assert refused, "the disk was not full"
    reply = api(host, "POST", "/vms", {"name": "other", "nics": {}, "disks": {"d": {"size": 64 * MIB, "format": "raw"}}})
    if reply["status"] == 202:
        assert wait_task(host, reply["body"]["task"])["error"]["code"] == "no-space"
    else:
        assert reply["status"] == 507, reply
    assert host.vm("subject")["status"]["pid"] == pid
    assert console.shell("echo runs on") == "runs on"
    assert [vm["name"] for vm in host("vm", "list")["items"]] == ["subject"]
    filler.unlink()
    reply = api(host, "PATCH", "/vms/subject", {"description": "room again"})
    assert reply["status"] == 200, reply
    assert host.vm("subject")["description"] == "room again" and document["name"] == "subject"
    host("vm", "create", "other", "--nic", "nic0:mode=user")
