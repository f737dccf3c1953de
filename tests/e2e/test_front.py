"""yado-httpd as a process: its cage, and that it is kept running. What it does with HTTP is in test_front_http.py."""
import os
import pathlib
import pwd
import signal
import socket

import pytest

from test_isolation import NO_CAPABILITIES, Service, VIEW, attempt, check_namespaces, host_address, status_of
from yado import BUILD, Yado, request, wait_for

LAUNCH_FD_STATUS = 4  # src/sandbox/launch-spec.h


@pytest.fixture(scope="module")
def front(tiny, tmp_path_factory):
    yado = Yado(tmp_path_factory.mktemp("front") / "state").with_front()
    yado.copy_from(tiny)
    yado.start()
    yield yado
    yado.clean()


def is_alive(pid):
    try:
        return status_of(pid)["State"][0] not in "ZX"
    except FileNotFoundError:
        return False


def test_it_has_no_right_that_it_does_not_need(front):
    pid = front.front_pid
    status = status_of(pid)
    assert set(status["Uid"].split()) == {str(pwd.getpwnam("yado").pw_uid)} and status["Groups"].strip() == ""
    for name in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"):
        assert status[name] == NO_CAPABILITIES, name
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    check_namespaces(pid, "net", "mnt", "ipc", "uts", "pid")
    root = pathlib.Path(f"/proc/{pid}/root")
    tops = {pathlib.Path(path).parts[1] for path in (front.state, front.run, BUILD)}
    assert set(os.listdir(root)) <= VIEW | tops | {pathlib.Path(__file__).parts[1]}
    assert not (root / front.socket.relative_to("/")).exists()
    assert os.listdir(root / front.run.relative_to("/")) == ["front"]
    assert os.listdir(root / front.state.relative_to("/")) == ["front"]


def test_taken_over_it_opens_and_reaches_nothing(front):
    pid = front.front_pid
    assert attempt(pid, "open", "/usr/bin/env").startswith("ok"), "the control: the tool works"
    for path in (front.state / "store.db", front.state / "secret.key", front.state / "audit.db", front.state / "images",
                 front.socket, "/etc/shadow", "/root", "/home", "/proc/1/environ", f"/proc/{front.process.pid}/environ"):
        if pathlib.Path(path) in BUILD.parents:
            continue  # the way to its own program is in its view, with nothing else in it
        pid = front.front_pid
        assert attempt(pid, "open", path) in {"ENOENT", "EACCES", "EPERM", "killed SYS"}, path
        front.wait_front()
    for path in (front.socket, "/run/dbus/system_bus_socket"):
        assert attempt(front.front_pid, "connect-unix", path) in {"ENOENT", "EACCES", "EPERM", "killed SYS"}
        front.wait_front()
    address = host_address()
    with Service("127.0.0.1") as loopback, Service(address or "127.0.0.1") as outer:
        for where, service in (("127.0.0.1", loopback), (address, outer)):
            if where:
                assert attempt(front.front_pid, "connect", where, service.port) in \
                    {"EAFNOSUPPORT", "ENETUNREACH", "EPERM", "ECONNREFUSED", "killed SYS"}
                front.wait_front()
        assert not loopback.seen and not outer.seen
    for what in (("kill", front.process.pid), ("ptrace", os.getpid()), ("exec", "/usr/bin/env"), ("mount", "/tmp"),
                 ("unshare", "0x10000000")):
        assert attempt(front.front_pid, *what) in {"ESRCH", "EPERM", "EACCES", "ENOENT", "killed SYS"}, what
        front.wait_front()


def test_killed_it_is_started_again_and_guests_do_not_notice(front):
    front("vm", "create", "calm", "--image", "tiny")
    front("vm", "start", "calm")
    since, guest = front.status("calm")["since"], front.status("calm")["pid"]
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGABRT):
        former = front.front_pid
        os.kill(former, number)
        wait_for(lambda: front.front_pid not in (0, former), 20, "the next yado-httpd")
        front.wait_front()
    assert (front.status("calm")["since"], front.status("calm")["pid"]) == (since, guest)
    assert front.state_of("calm") == "running"
    front("vm", "stop", "calm")
    front("vm", "delete", "calm")


def test_who_comes_while_it_is_started_again_waits_instead_of_being_refused(front):
    former = front.front_pid
    os.kill(former, signal.SIGKILL)
    wait_for(lambda: not is_alive(former), 10, "its end")
    assert front.https("GET", "/healthz")[0] == 200


def test_it_ends_with_yadod_however_that_ends(front):
    former = front.front_pid
    front.kill()
    wait_for(lambda: not is_alive(former), 10, "the end of yado-httpd with yadod")
    front.start()
    former = front.front_pid
    assert front.https("GET", "/healthz")[0] == 200
    front.stop()
    assert not is_alive(former)
    front.start()


def test_its_key_is_its_own_and_stays(front):
    folder = front.state / "front"
    owner = pwd.getpwnam("yado").pw_uid
    assert folder.stat().st_uid == owner and folder.stat().st_mode & 0o777 == 0o700
    key = folder / "key.pem"
    assert key.stat().st_uid == owner and key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    front.stop()
    front.start()
    assert key.read_bytes() == before


def test_a_port_in_use_is_told_and_guests_run_all_the_same(tiny, tmp_path):
    yado = Yado(tmp_path / "state")
    yado.copy_from(tiny)
    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", 0))
        occupant.listen()
        yado.port = occupant.getsockname()[1]
        yado.front_answers = lambda: "the port is in use" in yado.log.read_text()
        yado.start()
        yado("vm", "create", "calm", "--image", "tiny")
        yado("vm", "start", "calm")
        assert yado.state_of("calm") == "running"
    del yado.front_answers
    wait_for(yado.front_answers, 30, "the front, once the port is free")
    yado.clean()


def test_front_sock_is_for_the_front_alone(front):
    with pytest.raises((ConnectionError, PermissionError, EOFError, RuntimeError)):
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(front.run / "front/front.sock"))  # as root: not the front
        reply, _ = request(front, "GET", "/healthz", client=client, head={"address": "127.0.0.1"})
        assert reply["status"] == 403
        raise ConnectionError
    client = front.connect_front()
    reply, _ = request(front, "GET", "/api/v1/vms", client=client, head={"address": "127.0.0.1"})
    assert reply["status"] == 401


def test_one_that_ends_before_anybody_can_look_is_started_again(tmp_path, monkeypatch):
    """A launcher that says once that it has started what is gone already, then is the true one."""
    launcher = tmp_path / "launcher"
    launcher.write_text(f"""#!/bin/sh
mkdir {tmp_path}/once 2>/dev/null || exec {BUILD}/src/launch/yado-launch
echo "ok 2147483646 1" >&STATUS
""".replace("STATUS", str(LAUNCH_FD_STATUS)))
    launcher.chmod(0o755)
    monkeypatch.setenv("YADO_LAUNCH", str(launcher))
    yado = Yado(tmp_path / "state").with_front()
    try:
        yado.start()
        assert (tmp_path / "once").exists() and "is started again" in yado.log.read_text()
    finally:
        yado.clean()
