"""A guest that has taken over its QEMU answers the daemon what it likes: that is its own guest's trouble alone."""
import contextlib
import json
import os
import signal
import socket
import threading

import pytest

from yado import request, wait_for

# What no command of QEMU or of its agent answers with, where a list or an object is due.
WRONG = [{}, 7, "text", [None], [[]], [{"node-name": 1, "stats": [], "file": {}, "label": []}]]


class Monitor:
    """In place of a guest's QMP or agent socket: greets as the true one, then answers all with one thing."""

    def __init__(self, path, greets):
        self.answer, self.greets, self.asked, self.clients = {}, greets, [], []
        path.rename(path.with_name(path.name + ".true"))
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                self.clients.append(client)
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def hang_up(self):
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def serve(self, client):
        def say(value):
            client.sendall(json.dumps(value).encode() + b"\n")
        try:
            if self.greets:
                say({"QMP": {"version": {}, "capabilities": []}})
            for line in client.makefile("rb"):
                asked = json.loads(line.lstrip(b"\xff"))
                name = asked["execute"]
                self.asked.append(name)
                answer = self.answer
                if name == "qmp_capabilities":
                    answer = {}
                elif name == "query-status":
                    answer = {"status": "running", "running": True}
                elif name == "query-chardev" and not isinstance(answer, list):
                    answer = [{"label": "agent", "frontend-open": True}] if self.agent_open else answer
                elif name.startswith("guest-sync"):
                    client.sendall(b"\xff")
                    answer = asked["arguments"]["id"]
                say({"return": answer, "id": asked["id"]} if "id" in asked else {"return": answer})
                for event in ("STOP", "VSERPORT_CHANGE", "RESET", "BLOCK_IO_ERROR", "DEVICE_DELETED"):
                    if self.greets:
                        say({"event": event, "data": self.answer, "timestamp": self.answer})
        except OSError:
            pass


@pytest.fixture
def taken(host):
    """A running guest, and what answers in its QEMU's and its agent's place after a restart of the daemon."""
    host("vm", "create", "evil", "--image", "tiny", "--memory", "96M", "--disk", "disk1:size=64M",
         "--restart-policy", "never")
    host("vm", "create", "good", "--image", "tiny", "--memory", "96M")
    for name in ("evil", "good"):
        host("vm", "start", name)
    pid = host.status("evil")["pid"]
    folder = host.run / "vm" / str(host.vm("evil")["id"])
    host.stop()
    qmp, agent = Monitor(folder / "qmp.sock", True), Monitor(folder / "agent.sock", False)
    qmp.agent_open = True
    host.start()
    yield host, qmp, agent
    for listener in (qmp.listener, agent.listener):
        listener.close()
    host.kill()
    os.kill(pid, signal.SIGKILL)
    host.start()


def test_answers_of_the_wrong_kind_end_no_daemon(taken):
    host, qmp, agent = taken
    # Disks in and out go on as tasks beside what is asked here: some wait for what this QEMU never does.
    for number, wrong in enumerate(WRONG):
        qmp.answer = agent.answer = wrong
        qmp.agent_open = not qmp.agent_open
        request(host, "PATCH", "/api/v1/vms/evil", {"disks": {f"disk{number + 2}": {"size": "64M"}, "disk1": None}})
        for path in ("/vms/evil", "/vms/evil/stats", "/vms"):
            assert request(host, "GET", "/api/v1" + path)[0]["status"] in (200, 500, 502, 503, 504)
        assert host.process.poll() is None, f"{wrong} ended yadod: {host.tail()}"
    assert {"query-blockstats", "query-chardev", "query-status"} <= set(qmp.asked)
    assert "guest-network-get-interfaces" in agent.asked
    assert host.state_of("good") == "running"
    assert "CRITICAL" not in host.log.read_text() and "runtime error" not in host.log.read_text()


def test_a_monitor_that_hangs_up_is_called_again(taken):
    host, qmp, _ = taken
    assert host.state_of("evil") == "running"
    qmp.hang_up()
    assert host.wait_state("evil", "unknown", 30) and host.status("evil")["reason_code"] == "unresponsive"
    host.wait_state("evil", "running", 30)
    qmp.asked.clear()
    request(host, "GET", "/api/v1/vms/evil/stats")
    wait_for(lambda: qmp.asked, 10, "a question over the new connection")
