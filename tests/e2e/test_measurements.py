"""Measurements: what a guest does is seen by who follows it, is in its rings, and goes with it; who may not see the guest
sees none of it."""
import json
import os
import signal
import sqlite3
import time

import pytest
import websocket

from frames import CANCEL, EVENT, Frames
from yado import Console, request, trusting, wait_for

SERIES = ["cpu", "memory", "disk_read", "disk_write", "disk_reads", "disk_writes", "net_receive", "net_send",
          "memory_guest"]
NODE_SERIES = ["cpu", "load", "memory", "disk_read", "disk_write", "net_receive", "net_send"]
SPANS = {"hour": (20, 180), "day": (300, 288), "week": (1800, 336), "month": (7200, 372), "year": (86400, 366)}


class Follower:
    """One who follows measurements on the socket, or as yado-httpd would for somebody."""

    def __init__(self, yado, path, **head):
        self.frames = Frames(yado.connect_front() if head else yado.connect(), **head)
        self.stream = self.frames.send("GET", f"/api/v1/{path}/measurements/follow", **({"upgrade": True} if head else {}))
        self.response = self.frames.next(self.stream)

    def sample(self, timeout=15):
        frame = self.frames.next(self.stream, timeout)
        if frame.kind != EVENT:
            raise EOFError("cancel" if frame.kind == CANCEL else "end")
        self.frames.grant(self.stream, len(frame.payload))
        return frame.head

    def until(self, condition, timeout=60):
        end = time.monotonic() + timeout
        while True:
            sample = self.sample()
            if condition(sample["values"]):
                return sample
            assert time.monotonic() < end, sample

    def close(self):
        self.frames.close()


def measurements(yado, path, span="hour"):
    reply, _ = request(yado, "GET", f"/api/v1/{path}/measurements?span={span}")
    assert reply["status"] == 200, reply
    return reply["body"]


def known(answer, name):
    return [value for value in answer["series"][name] if value is not None]


def make_running(host, name):
    host("vm", "create", name, "--image", "tiny", "--memory", "128M", "--disk", "data:size=64M,bus=virtio-blk")
    host("vm", "start", name)
    host.wait_agent(name)
    return host.vm(name)["id"]


def data_disk(console):
    for disk in console.shell("cd /sys/block; ls -d vd* sd* 2>/dev/null").split():
        if int(console.shell(f"cat /sys/block/{disk}/size")) * 512 == 64 << 20:
            return disk
    raise AssertionError("the guest has no such disk")


def test_what_a_guest_does_is_followed_and_kept(host):
    guest = make_running(host, "busy")
    follower = Follower(host, "vms/busy")
    assert follower.response.status == 200
    first = follower.sample()
    assert abs(first["at_s"] - time.time()) < 5
    assert list(first["values"]) == SERIES
    # The first interval of a start has nothing to compare with.
    wait_for(lambda: known(measurements(host, "vms/busy"), "cpu"), 60, "its first interval")
    console = Console(host, "busy").login()
    disk = data_disk(console)
    console.send("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done\n")
    busy = follower.until(lambda values: (values["cpu"] or 0) > 0.3)
    assert busy["values"]["cpu"] <= 1 and busy["values"]["memory"] > 16 << 20
    console.send(f"dd if=/dev/zero of=/dev/{disk} bs=1M count=32 conv=fsync 2>/dev/null\n")
    written = follower.until(lambda values: (values["disk_write"] or 0) > 1 << 20)["values"]
    assert written["disk_writes"] > 1
    # Its card is a user-mode one, which only the guest counts: the agent is asked.
    console.send("ping -c 100 -s 8000 -i 0.1 -w 10 10.0.2.2 >/dev/null\n")
    follower.until(lambda values: (values["net_send"] or 0) > 10000)
    # A second one who follows shares the samples.
    other = Follower(host, f"vms/{guest}")
    theirs = {other.sample()["at_s"] for _ in range(3)}
    assert len(theirs & {follower.sample()["at_s"] for _ in range(10)}) >= 2
    # The ring has it after its next interval.
    before = measurements(host, "vms/busy")
    assert (before["span"], before["step_s"], len(before["series"]["cpu"])) == ("hour", 20, 180)
    assert list(before["series"]) == SERIES
    answer = wait_for(lambda: (answer := measurements(host, "vms/busy")) and
                      max(known(answer, "disk_write")) > 100000 and answer, 60, "the disk in the ring")
    assert 0.05 < max(known(answer, "cpu")) <= 1
    assert all(value > 16 << 20 for value in known(answer, "memory"))
    newest = max(i for i, value in enumerate(answer["series"]["cpu"]) if value is not None)
    assert abs(answer["start_s"] + newest * 20 - time.time()) < 41 and answer["start_s"] % 20 == 0
    for span, (step, count) in SPANS.items():
        answer = measurements(host, "vms/busy", span)
        assert (answer["span"], answer["step_s"], answer["start_s"] % step) == (span, step, 0)
        assert all(len(values) == count for values in answer["series"].values())
        # What goes on is part of the last interval; two where one has just begun.
        assert 1 <= len(known(answer, "cpu")) <= (10 if span == "hour" else 2), span
    console.close()

    # It stops: nothing comes, the stream stays, and it goes on with the next start.
    host("vm", "stop", "busy")
    host("vm", "start", "busy")
    host.wait_agent("busy")
    began = time.time()
    while follower.sample()["at_s"] < began:
        pass
    # What is gone has no measurements, nor rings, nor followers.
    host("vm", "stop", "busy")
    host("vm", "delete", "busy", "--yes")
    with pytest.raises(EOFError, match="end"):
        while True:
            follower.sample()
    assert request(host, "GET", f"/api/v1/vms/{guest}/measurements")[0]["status"] == 404

    def rings():
        with sqlite3.connect(f"file:{host.state}/measurements.db?mode=ro", uri=True) as database:
            return {row[0] for row in database.execute("SELECT DISTINCT id >> 3 FROM ring")}
    wait_for(lambda: rings() == {0}, 45, "the end of its rings")
    follower.close()
    other.close()


def test_the_node_is_measured(host):
    follower = Follower(host, "nodes/self")
    sample = follower.until(lambda values: values["cpu"] is not None)
    assert list(sample["values"]) == NODE_SERIES
    assert 0 <= sample["values"]["cpu"] <= 1 and sample["values"]["load"] >= 0
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < sample["values"]["memory"] < total
    second = follower.sample()
    assert 1 < second["at_s"] - sample["at_s"] < 8
    # Whoever leaves is not measured for any more, which nobody else notices.
    follower.close()
    answer = wait_for(lambda: (answer := measurements(host, "nodes/self")) and known(answer, "cpu") and answer, 45,
                      "the first interval")
    assert list(answer["series"]) == NODE_SERIES
    assert max(known(answer, "cpu")) <= 1
    assert request(host, "GET", "/api/v1/nodes/other/measurements")[0]["status"] in (403, 404)
    assert request(host, "GET", "/api/v1/nodes/self/measurements?span=decade")[0]["status"] == 400


def test_a_qemu_that_hangs_holds_up_nobody(host):
    make_running(host, "good")
    make_running(host, "bad")
    good, bad = Follower(host, "vms/good"), Follower(host, "vms/bad")
    good.until(lambda values: values["disk_read"] is not None)
    bad.until(lambda values: values["disk_read"] is not None)
    pid = host.status("bad")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        bad.until(lambda values: values["disk_read"] is None)
        times = []
        for _ in range(4):
            sample = good.sample()
            assert sample["values"]["disk_read"] is not None
            times.append(sample["at_s"])
        assert max(later - earlier for earlier, later in zip(times, times[1:])) < 4
        # The host still knows what it takes.
        assert bad.until(lambda values: values["cpu"] is not None)["values"]["memory"] > 0
        # Nor the daemon's end.
        began = time.monotonic()
        host.stop()
        assert time.monotonic() - began < 10
    finally:
        os.kill(pid, signal.SIGCONT)
    host.start()
    bad = Follower(host, "vms/bad")
    bad.until(lambda values: values["disk_read"] is not None)


def test_only_who_may_see_the_guest_sees_its_measurements(front):
    make_running(front, "mine")
    front("vm", "create", "other", "--image", "tiny", "--memory", "128M")
    mine = front.vm("mine")["id"]
    front.make_user("ann", {f"/vms/{mine}": "user"})
    token = front.make_token("ann")
    status, _, answer = front.https("GET", "/api/v1/vms/mine/measurements?span=day", token=token)
    assert status == 200 and len(answer["series"]["cpu"]) == 288
    assert front.https("GET", "/api/v1/vms/other/measurements", token=token)[0] == 403
    assert front.https("GET", "/api/v1/nodes/self/measurements", token=token)[0] == 403
    assert front.https("GET", "/api/v1/vms/mine/measurements")[0] == 401
    assert front.https("GET", "/api/v1/vms/mine/measurements/follow", token=token)[0] == 400
    # Through yado-httpd it is a WebSocket.
    socket = websocket.create_connection(f"wss://127.0.0.1:{front.port}/api/v1/vms/mine/measurements/follow",
                                         sslopt={"context": trusting()}, header={"Authorization": f"Bearer {token}"},
                                         timeout=30)
    assert set(json.loads(socket.recv())["values"]) == set(SERIES)
    socket.close()
    for path in ("vms/other", "nodes/self"):
        socket = websocket.create_connection(f"wss://127.0.0.1:{front.port}/api/v1/{path}/measurements/follow",
                                             sslopt={"context": trusting()}, header={"Authorization": f"Bearer {token}"},
                                             timeout=30)
        kind, data = socket.recv_data()
        assert kind == websocket.ABNF.OPCODE_CLOSE and int.from_bytes(data[:2], "big") == 4403
    # The right is withdrawn: the stream ends at once.
    follower = Follower(front, "vms/mine", address="192.0.2.1", token=token)
    follower.sample()
    request(front, "PATCH", "/api/v1/users/ann", {"grants": {"g0": None}})
    with pytest.raises(EOFError, match="cancel"):
        while True:
            follower.sample()


def test_streams_are_bounded_and_nobody_waits_for_a_slow_reader(front):
    front.make_user("ann", {"/": "auditor"})
    head = {"address": "192.0.2.1", "token": front.make_token("ann")}
    slow = Frames(front.connect_front(), **head)
    streams = [slow.send("GET", "/api/v1/nodes/self/measurements/follow", upgrade=True) for _ in range(129)]
    statuses = sorted(slow.next(stream).status for stream in streams)
    assert statuses == [200] * 128 + [429]
    follower = Follower(front, "nodes/self")
    for _ in range(3):
        follower.sample()
    slow.close()
    again = Frames(front.connect_front(), **head)
    wait_for(lambda: again.ask("GET", "/api/v1/nodes/self/measurements/follow", upgrade=True).status == 200, 20,
             "room for another")


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, None], ids=["garbage", "newer"])
def test_a_broken_file_is_put_aside(host, content):
    wait_for(lambda: known(measurements(host, "nodes/self"), "cpu"), 45, "the first interval")
    host.stop()
    path = host.state / "measurements.db"
    if content is None:  # its pages are gone
        content = path.read_bytes()[:1024] + bytes(8192)
    path.write_bytes(content)
    host.start()
    wait_for(lambda: known(measurements(host, "nodes/self"), "cpu"), 60, "measurements in a new file")
    aside = [name for name in os.listdir(host.state) if name.startswith("measurements.db.damaged-")]
    assert len(aside) >= 1 and (host.state / aside[0]).read_bytes()[:1024] == content[:1024]
    assert "they begin anew" in host.log.read_text()


def test_measurements_survive_a_kill(host):
    before = wait_for(lambda: (answer := measurements(host, "nodes/self")) and known(answer, "cpu") and answer, 45,
                      "the first interval")
    host.kill()
    host.start()
    after = measurements(host, "nodes/self")
    shift = (after["start_s"] - before["start_s"]) // 20
    assert before["series"]["memory"][shift:] == after["series"]["memory"][:180 - shift][:len(before["series"]["memory"]) - shift]
    assert known(after, "memory")


def test_the_command_shows_them(host):
    host("vm", "create", "shown", "--image", "tiny", "--memory", "128M")
    host("vm", "start", "shown")
    wait_for(lambda: known(measurements(host, "vms/shown"), "cpu"), 60, "the first interval")
    answer = host("vm", "stats", "shown", "--span", "day")
    assert answer["span"] == "day" and len(answer["series"]["cpu"]) == 288
    text = host.text("vm", "stats", "shown", "--span", "hour")
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "%" in lines["cpu"] and "MiB" in lines["memory"] and any(c in lines["memory"] for c in "▁▂▃▄▅▆▇█")
    node = host.text("node", "stats", "--span", "hour")
    assert "load" in node and "%" in node
    live = host.text("node", "stats")
    assert "%" in live and "MiB" in live or "GiB" in live
    assert set(host("node", "stats")["values"]) == set(NODE_SERIES)
    assert host.run_command("vm", "stats", "--span", "day").returncode == 2
    assert host.run_command("vm", "stats", "shown", "--span", "decade").returncode == 2
    assert host.run_command("vm", "stats", "shown", "--span", "day", "--watch").returncode == 2
    japanese = host.run_command("vm", "stats", "shown", "--span", "hour", env={"LC_ALL": "ja_JP.UTF-8", "LANG": "ja_JP.UTF-8"})
    assert japanese.returncode == 0
