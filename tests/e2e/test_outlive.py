"""Guests outlive the daemon: it is killed while they run, and the next one knows the truth about each of them."""
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from yado import CommandError, Console, Yado, request, wait_for

TINY = ("--image", "tiny", "--memory", "96M", "--display", "none", "--nic", "nic0:mode=user")
BOOT = 180  # ten guests boot at once on whatever machine this is


def run_dir(yado, name):
    return yado.run / "vm" / str(yado.vm(name)["id"])


def record(folder):
    return dict(line.split(" ", 1) for line in (folder / "pid").read_text().splitlines())


def events(folder):
    """Names and causes of the events that QEMU left for a daemon that does not run."""
    lines = [line for file in ("log.old", "log") if (folder / file).exists()
             for line in (folder / file).read_text(errors="replace").splitlines() if line.startswith('{"timestamp')]
    return [json.loads(line) for line in lines]


def has_event(folder, name, count=1):
    return sum(event["event"] == name for event in events(folder)) >= count


def qemu_pids(yado):
    """Every QEMU below this daemon's guests, whoever knows of it: by the launcher that waits for it."""
    pids = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if stat[0] != "Z" and words[0].endswith(b"qemu-system-x86_64") and b"-name" in words:
            pids.append((int(entry.name), words[words.index(b"-name") + 1].decode()))
    return pids


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_end(pid):
    wait_for(lambda: not is_alive(pid), 30, f"the end of process {pid}")


class Ten:
    names = [f"guest{i}" for i in range(10)]

    def __init__(self, yado):
        self.yado = yado
        self.consoles = {}

    def console(self, name):
        if name not in self.consoles:
            self.consoles[name] = Console(self.yado, name, take_over=True)
        return self.consoles[name]

    def forget(self):
        for console in self.consoles.values():
            console.close()
        self.consoles = {}

    def shell(self, name, line):
        """In the guest's shell, which a former console may have logged in to."""
        console = self.console(name)
        if not getattr(console, "ready", False):
            console.send("\n\n")
            console.send("stty -echo; PS1=\n")
            console.shell("true")
            console.ready = True
        return console.shell(line)

    def login(self, name):
        """After a boot. What former boots printed is replayed, their prompts too: only the last one counts."""
        self.consoles.pop(name, None)
        console = self.console(name)

        def prompts():
            try:
                data = console.socket.recv(65536)
                assert data, f"the console of {name} ended"
                console.buffer += data
            except TimeoutError:
                console.send("\n")
            return console.buffer.endswith(b"login: ")
        wait_for(prompts, BOOT, f"the login of {name}")
        console.buffer = b""
        console.send("root\n")
        console.read_until("# ")
        console.send("stty -echo; PS1=\n")
        console.shell("true")
        console.ready = True


@pytest.fixture(scope="module")
def ten(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ten") / "state"
    small = folder.parent / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", small], check=True)
    yado = Yado(folder)
    try:
        yado.copy_from(tiny)
        yado.start()
        yado("storage", "create", "small", "--path", small)
        for name in Ten.names:
            extra = ("--disk", "disk1:storage=small,size=64M,cache=writeback") if name == "guest5" else ()
            policy = "on-crash" if name in ("guest8", "guest9") else "never"
            yado("vm", "create", name, *TINY, "--restart-policy", policy, *extra)
        for name in Ten.names:
            yado("vm", "start", name)
        guests = Ten(yado)
        guests.small = small
        for name in Ten.names:
            yado.wait_agent(name, BOOT)
            guests.login(name)
        yield guests
    finally:
        try:
            yado.clean()
        finally:
            subprocess.run(["umount", "-l", small], check=True)
            shutil.rmtree(folder, ignore_errors=True)


def test_ten_guests_run_on_when_the_daemon_is_killed(ten):
    yado = ten.yado
    for name in ten.names:
        ten.shell(name, "n=0; while :; do n=$((n+1)); echo $n >/tmp/n.new; mv /tmp/n.new /tmp/n; sleep 0.2; done "
                        f">/dev/null 2>&1 & echo printed-before-by-{name}")
    yado("vm", "set", "guest1", "--memory", "160M")
    yado("vm", "pause", "guest7")
    before = {name: yado.status(name) for name in ten.names}
    counts = {name: int(ten.shell(name, "cat /tmp/n")) for name in ten.names if name != "guest7"}
    assert before["guest1"]["pending"]

    yado.kill()
    ten.forget()
    for name in ten.names:
        assert is_alive(before[name]["pid"])
    yado.start()

    for name in ten.names:
        after = yado.status(name)
        for field in ("state", "reason", "reason_code", "since", "pid", "pending"):
            assert after[field] == before[name][field], (name, field)
    assert before["guest7"]["reason_code"] == "user-pause"
    for name in ten.names:
        if name == "guest7":
            continue
        yado.wait_agent(name)
        assert "10.0.2.15" in [entry["address"] for entry in
                               wait_for(lambda: yado.status(name)["addresses"], 30, f"addresses of {name}")]
        ten.console(name).read_until(f"printed-before-by-{name}")
        # Counting went on, in the same shell of the same boot.
        wait_for(lambda: int(ten.shell(name, "cat /tmp/n")) > counts[name], 30, f"{name} counts on")
        reply, _ = request(yado, "GET", f"/api/v1/vms/{name}/stats")
        assert reply["status"] == 200 and reply["body"]["cpu"]["usec"] > 0
        assert reply["body"]["disks"]["disk0"]["reads"] > 0
    yado("vm", "resume", "guest7")
    assert int(ten.shell("guest7", "cat /tmp/n")) > 0
    yado("vm", "set", "guest1", "--memory", "96M")
    assert yado.status("guest1")["pending"] == []


def test_agents_that_hang_hold_up_nothing_else(ten):
    yado = ten.yado
    hung = [f"guest{i}" for i in (1, 2, 3, 4, 6)]
    for name in hung:
        ten.shell(name, "kill -STOP $(pidof qemu-ga)")
    yado.kill()
    ten.forget()
    begin = time.monotonic()
    yado.start()
    assert time.monotonic() - begin < 20  # 5 s for each agent in turn were longer
    # Now all five are asked at once, and for 5 s none answers.
    folder = run_dir(yado, "guest0")
    ten.console("guest0").send("\npoweroff -f\n")
    wait_for(lambda: has_event(folder, "SHUTDOWN"), 60, "the end of guest0")
    begin = time.monotonic()
    wait_for(lambda: yado.state_of("guest0") == "stopped", 30, "guest0 stopped")
    assert time.monotonic() - begin < 2
    assert yado.status("guest0")["reason_code"] == "guest-shutdown"
    for name in hung:
        assert yado.status(name)["agent"]["state"] == "waiting"
        ten.shell(name, "kill -CONT $(pidof qemu-ga)")
    yado("vm", "start", "guest0")

    # Told to end while guests open and close their ports, a daemon leaves in order.
    for _ in range(2):
        for name in hung:
            yado.wait_agent(name, BOOT)
            ten.shell(name, "kill -9 $(pidof qemu-ga)")
        assert yado.stop() == 0
        ten.forget()
        yado.start()
    for name in (*hung, "guest0"):
        yado.wait_agent(name, BOOT)
    ten.login("guest0")


def test_what_happened_while_no_daemon_ran_is_told_afterwards(ten):
    yado = ten.yado
    folders = {name: run_dir(yado, name) for name in ten.names}
    pids = {name: yado.status(name)["pid"] for name in ten.names}
    resets = sum(event["event"] == "RESET" for event in events(folders["guest1"]))
    yado("vm", "pause", "guest7")
    for name in ("guest0", "guest1", "guest2", "guest5", "guest8"):
        ten.shell(name, "true")  # a shell waits on the serial port
    # The kernel names disks in the order in which it finds them.
    partitions = [line.split() for line in ten.shell("guest5", "cat /proc/partitions").splitlines()]
    small = next(words[3] for words in partitions if len(words) == 4 and words[2] == "65536")
    yado.kill()
    ten.forget()

    # Without an echo, BusyBox's shell takes the end of a child that it has left in the background for the end of its input.
    serials, printed = {}, {}
    for name, line in {"guest0": "poweroff -f", "guest1": "reboot -f", "guest2": "echo c >/proc/sysrq-trigger",
                       "guest5": f"(dd if=/dev/urandom of=/dev/{small} bs=1M count=32 oflag=direct &)",
                       "guest8": "echo c >/proc/sysrq-trigger"}.items():
        serial = socket.socket(socket.AF_UNIX)
        serial.connect(str(folders[name] / "serial.sock"))
        serial.setblocking(False)
        serial.sendall(f"\n{line}\n".encode())
        serials[name] = serial  # QEMU throws away what it has not read when this closes
        printed[name] = b""

    def seen(name, event, count=1):
        """Reads what the guests print meanwhile: a console that nobody reads would hold them up."""
        for guest, serial in serials.items():
            try:
                while data := serial.recv(65536):
                    printed[guest] += data
            except (BlockingIOError, ConnectionResetError):
                pass
        return has_event(folders[name], event, count)

    def wait_event(name, event, count=1):
        try:
            wait_for(lambda: seen(name, event, count), 60, f"{event} of {name}")
        except TimeoutError as late:
            late.add_note(f"its console: {printed[name]!r}; its events: {[e['event'] for e in events(folders[name])]}")
            raise
    launcher6 = int(record(folders["guest6"])["launcher"])
    os.kill(pids["guest3"], signal.SIGKILL)
    os.kill(pids["guest9"], signal.SIGKILL)
    os.kill(pids["guest4"], signal.SIGTERM)
    os.kill(launcher6, signal.SIGKILL)
    for name in ("guest3", "guest4", "guest9"):
        wait_end(pids[name])
    wait_end(launcher6)
    for name, event in {"guest0": "SHUTDOWN", "guest2": "GUEST_PANICKED", "guest5": "BLOCK_IO_ERROR",
                        "guest8": "GUEST_PANICKED"}.items():
        wait_event(name, event)
    wait_event("guest1", "RESET", resets + 1)
    for serial in serials.values():
        serial.close()
    yado.start()

    def now(name):
        status = yado.status(name)
        return status["state"], status["reason_code"]
    assert now("guest0") == ("stopped", "guest-shutdown")
    assert now("guest1") == ("running", "guest-reboot")
    assert now("guest2") == ("panicked", "panic")
    assert now("guest3") == ("stopped", "crash") and "signal 9" in yado.status("guest3")["reason"]
    assert now("guest4") == ("stopped", "host-signal")
    assert now("guest5") == ("paused", "no-space") and "disk1" in yado.status("guest5")["reason"]
    assert now("guest6")[0] == "running"
    assert now("guest7") == ("paused", "user-pause")
    for name in ("guest8", "guest9"):
        wait_for(lambda: now(name) == ("running", "restarted"), 60, f"the restart of {name}")
    assert "panicked" in yado.status("guest8")["reason"]
    assert "signal 9" in yado.status("guest9")["reason"]
    for name in ("guest1", "guest2", "guest5", "guest6", "guest7"):
        assert yado.status(name)["pid"] == pids[name]

    # A reboot is told once: it is no news to the next daemon.
    since = yado.status("guest1")["since"]
    yado.kill()
    yado.start()
    assert yado.status("guest1")["since"] == since and now("guest1") == ("running", "guest-reboot")
    assert now("guest0") == ("stopped", "guest-shutdown")
    assert now("guest3") == ("stopped", "crash")

    # With room again, the guest goes on where it stood.
    subprocess.run(["mount", "-o", "remount,size=128m", ten.small], check=True)
    yado("vm", "resume", "guest5")
    assert yado.state_of("guest5") == "running"
    yado("vm", "resume", "guest7")


def test_what_happens_while_the_daemon_runs_is_told_at_once(ten):
    yado = ten.yado
    for name in ("guest1", "guest8", "guest9"):
        yado("vm", "set", name, "--restart-policy", "never")

    def told(name, state, code):
        def matches():
            status = yado.status(name)
            return (status["state"], status["reason_code"]) == (state, code) and status
        return wait_for(matches, 60, f"{name} {state} by {code}")
    os.kill(yado.status("guest7")["pid"], signal.SIGTERM)
    told("guest7", "stopped", "host-signal")
    launcher6 = int(record(run_dir(yado, "guest6"))["launcher"])
    if is_alive(launcher6):  # not after the test before
        os.kill(launcher6, signal.SIGKILL)
        wait_end(launcher6)
    os.kill(yado.status("guest6")["pid"], signal.SIGKILL)
    assert "launcher" in told("guest6", "stopped", "crash")["reason"]
    os.kill(yado.status("guest9")["pid"], signal.SIGKILL)
    assert "signal 9" in told("guest9", "stopped", "crash")["reason"]
    ten.shell("guest5", "while pidof dd; do sleep 1; done")
    ten.console("guest5").send("poweroff -f\n")
    told("guest5", "stopped", "guest-shutdown")
    yado.wait_agent("guest8", BOOT)
    ten.login("guest8")
    ten.console("guest8").send("echo c >/proc/sysrq-trigger\n")
    told("guest8", "panicked", "panic")
    yado.wait_agent("guest1", BOOT)
    former = yado.status("guest1")["since"]
    ten.login("guest1")
    ten.console("guest1").send("reboot -f\n")
    wait_for(lambda: yado.status("guest1")["since"] > former, 60, "the reboot of guest1")
    told("guest1", "running", "guest-reboot")
    for name in ("guest2", "guest8"):
        yado("vm", "stop", name)
        assert yado.state_of(name) == "stopped"


def test_a_guest_without_a_document_is_ended(host):
    host("vm", "create", "stray", *TINY)
    host("vm", "start", "stray")
    pid, folder = host.status("stray")["pid"], run_dir(host, "stray")
    host.kill()
    database = sqlite3.connect(host.state / "store.db")
    database.execute("DELETE FROM doc WHERE path LIKE 'vm/%' OR path LIKE 'vm-%/%'")
    database.commit()
    database.close()
    host.start()
    wait_end(pid)
    assert not folder.exists()
    assert host("vm", "list")["items"] == []


def test_a_run_directory_is_not_taken_from_another_states_guests(host, tiny, tmp_path):
    host("vm", "create", "kept", *TINY)
    host("vm", "start", "kept")
    pid = host.status("kept")["pid"]
    other = Yado(tmp_path / "state")
    other.copy_from(tiny)
    other.run = host.run
    other.socket = tmp_path / "none"  # at the true one the first daemon answers

    def refuse():
        with pytest.raises(RuntimeError) as refusal:
            other.start()
        return str(refusal.value)
    refusal = refuse()
    assert f"another yadod (process {host.process.pid})" in refusal and "-> stop that one first" in refusal
    host.kill()
    refusal = refuse()
    assert "records of 1 guest of the state" in refusal and f"start yadod with --state {host.state}" in refusal
    assert is_alive(pid)
    host.start()
    assert host.status("kept")["pid"] == pid

    # A state that was moved, and moved back, is still the same; one that was replaced is not.
    at_home, moved = host.state, host.state.with_name("moved")
    for source, target in ((at_home, moved), (moved, at_home)):
        host.kill()
        source.rename(target)
        host.state = target
        host.start()
        assert host.status("kept")["pid"] == pid
    host.kill()
    database = sqlite3.connect(host.state / "store.db")
    document = database.execute("SELECT body FROM doc WHERE path = 'node/self'").fetchone()[0]

    def set_node(text):
        database.execute("UPDATE doc SET body = ? WHERE path = 'node/self'", (text,))
        database.commit()
    set_node(json.dumps({**json.loads(document), "id": "another"}))
    with pytest.raises(RuntimeError) as refusal:
        host.start()
    set_node(document)
    database.close()
    assert "the store there was replaced" in str(refusal.value)
    assert is_alive(pid)
    host.start()
    assert host.status("kept")["pid"] == pid

    # Without guests' records the directory is anybody's.
    host("vm", "stop", "kept")
    host.stop()
    other.socket = host.socket
    other.start()
    other.stop()
    host.start()


def ended(yado, task):
    return wait_for(lambda: (found := yado("task", "show", task))["state"] in ("done", "failed", "cancelled") and found,
                    120, f"the end of task {task}")


# How often a task is interrupted; more rounds find rarer moments.
ROUNDS = int(os.environ.get("YADO_TEST_ROUNDS", "12"))


def check_truth(yado, own):
    """Every guest is what it is said to be, and nothing runs or lies about that nobody knows of."""
    guests = yado("vm", "list")["items"]
    known = {}
    for guest in guests:
        status = wait_for(lambda: (s := yado.status(guest["id"]))["state"] in ("running", "stopped", "paused") and s,
                          60, f"a settled state of {guest['name']}")
        if status["state"] != "stopped":
            known[status["pid"]] = guest["name"]
            assert is_alive(status["pid"])
    running = {pid for pid, name in qemu_pids(yado) if name.split(",")[0][len("guest="):] in own}
    assert running == set(known)
    volumes = {disk["volume"] for guest in guests for disk in yado.vm(guest["id"])["disks"].values()}
    files = {file.name.rsplit(".", 1)[0] for file in (yado.state / "storage").iterdir() if file.name[0] != "."}
    assert files == volumes


def kill_during(yado, own, delay, *arguments):
    """Asks, kills the daemon after that long, starts it again; the task as it ended."""
    task = yado(*arguments, "--no-wait")
    task = task.get("task") or task["id"]
    try:
        yado.process.wait(delay)
        raise AssertionError("yadod ended by itself: " + yado.tail())
    except subprocess.TimeoutExpired:
        yado.kill()
    yado.start()
    result = ended(yado, task)
    assert result["state"] == "done" or result["error"]["message"], result
    check_truth(yado, own)
    return result


def test_a_start_that_is_interrupted_ends_truthfully(host):
    name = f"start-{os.getpid()}"
    host("vm", "create", name, *TINY)
    chance = random.Random(1)
    for _ in range(ROUNDS):
        result = kill_during(host, {name}, chance.uniform(0, 0.25), "vm", "start", name)
        assert result["state"] == "done", result
        assert host.state_of(name) == "running"
        with pytest.raises(CommandError):
            host("vm", "start", name)
        host("vm", "stop", name)
    host("vm", "start", name)
    folder = run_dir(host, name)
    host("vm", "stop", name)
    host("vm", "delete", name, "--yes")
    assert not folder.exists()


def test_an_end_of_the_daemon_leaves_a_task_that_hangs_to_the_next(host):
    name = f"hangs-{os.getpid()}"
    host("vm", "create", name, *TINY)
    record = host.run / "vm" / str(host.vm(name)["id"]) / "pid"
    host("vm", "start", name, "--no-wait")
    wait_for(record.exists, 30, "QEMU")
    pid = int(record.read_text().split()[1])
    os.kill(pid, signal.SIGSTOP)
    assert host.state_of(name) == "starting"
    assert host.stop() == 0 and "is left to the next start" in host.log.read_text(), host.tail()
    os.kill(pid, signal.SIGKILL)
    host.start()
    check_truth(host, {name})


def test_guests_whose_monitors_are_silent_are_taken_over_when_they_go_on(host):
    names = [f"silent{number}-{os.getpid()}" for number in range(4)]
    for name in names:
        host("vm", "create", name, *TINY)
        host("vm", "start", name)
    first, paused = names[:2]
    before = {name: host.status(name) for name in names}
    host.wait_agent(first)
    host("vm", "freeze", first, "--seconds", "120")
    host("vm", "pause", paused)
    for name in names:
        os.kill(before[name]["pid"], signal.SIGSTOP)
    passt = int(record(run_dir(host, first) / "nic-nic0")["pid"])
    host.kill()
    os.kill(passt, signal.SIGKILL)
    begin = time.monotonic()
    host.start()
    assert time.monotonic() - begin < 20  # 6 s for each in turn were longer
    for name in names:
        status = host.status(name)
        assert (status["state"], status["reason_code"]) == ("unknown", "unresponsive")
    for name in names:
        os.kill(before[name]["pid"], signal.SIGCONT)
    for name in names:
        status = host.wait_state(name, "paused" if name == paused else "running", 40)
        assert status["pid"] == before[name]["pid"]
        assert status["reason_code"] == "user-pause" if name == paused else status["reason"] == before[name]["reason"]
    # As of one that had answered at once: what served it is known to be gone, and it will be thawed.
    host.wait_agent(first)
    wait_for(lambda: host.status(first)["agent"].get("frozen_until"), 20, "the guest known as frozen")
    assert [part["part"] for part in host.status(first)["broken"]] == ["nics.nic0"]
    host("vm", "thaw", first)


def test_a_start_whose_qemu_waits_for_a_daemon_that_is_gone_is_begun_anew(host):
    """QEMU waits in its start for the first connection to its monitor, and may not have got any."""
    name = f"waits-{os.getpid()}"
    host("vm", "create", name, *TINY)
    file = host.run / "vm" / str(host.vm(name)["id"]) / "pid"
    task = host("vm", "start", name, "--no-wait")
    while not file.exists():
        pass
    pid = int(file.read_text().split()[1])
    os.kill(pid, signal.SIGSTOP)
    assert host.state_of(name) == "starting"
    host.kill()
    os.kill(pid, signal.SIGCONT)
    host.start()
    assert ended(host, task.get("task") or task["id"])["state"] == "done"
    assert not is_alive(pid) and host.state_of(name) == "running"
    check_truth(host, {name})


def test_other_tasks_that_are_interrupted_end_truthfully(host):
    own = {f"{word}-{os.getpid()}" for word in ("made", "kept")}
    made, kept = sorted(own, reverse=True)
    chance = random.Random(2)
    host("vm", "create", kept, *TINY)
    for round in range(max(1, ROUNDS // 4)):
        create = kill_during(host, own, chance.uniform(0, 0.4), "vm", "create", made, *TINY,
                             "--disk", "disk1:size=1G,format=raw")
        names = [guest["name"] for guest in host("vm", "list")["items"]]
        assert (made in names) == (create["state"] == "done")
        key = f"disk{round + 5}"
        change = kill_during(host, own, chance.uniform(0, 0.3), "vm", "set", kept, "--disk", f"{key}:size=64M")
        assert (key in host.vm(kept)["disks"]) == (change["state"] == "done")
        host("vm", "start", kept)
        stop = kill_during(host, own, chance.uniform(0, 0.3), "vm", "shutdown", kept, "--timeout", 1)
        assert (host.state_of(kept) == "stopped") == (stop["state"] == "done")
        if host.state_of(kept) != "stopped":
            host("vm", "stop", kept)
        if made in names:
            delete = kill_during(host, own, chance.uniform(0, 0.2), "vm", "delete", made, "--yes")
            names = [guest["name"] for guest in host("vm", "list")["items"]]
            assert (made not in names) == (delete["state"] == "done")
            if made in names:
                host("vm", "delete", made, "--yes")
