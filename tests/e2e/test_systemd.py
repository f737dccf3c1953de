"""Under a real systemd (systemd_machine.py): guests as scopes, and the order in which a host goes down and comes up."""
import re
import shutil
import time

import pytest

from systemd_machine import Machine
from yado import wait_for

TINY = ("--image", "tiny", "--memory", "96M", "--display", "none")
SLICE = "/yado.slice/yado-guests.slice/"


@pytest.fixture
def machine(tiny, tmp_path, request):
    machine = Machine(tmp_path, tiny)
    try:
        yield machine.boot()
    finally:
        if not (getattr(request.node, "rep_call", None) and request.node.rep_call.passed):
            print(machine.journal()[-8000:])
        machine.clean()
        shutil.rmtree(machine.state, ignore_errors=True)


def make(machine, name, *flags):
    machine("vm", "create", name, *flags)
    machine("vm", "start", name)
    return f"yado-vm-{machine('vm', 'show', name)['id']}.scope"


def parent_of(machine, pid):
    return re.search(r"PPid:\s+(\d+)", machine.text("cat", f"/proc/{pid}/status"))[1]


def is_gone(machine, scope):
    return (scope not in machine.text("systemctl", "list-units", "--all", "--plain", "--no-legend")
            and machine.run("test", "-e", f"/sys/fs/cgroup{SLICE}{scope}").returncode == 1)


def test_a_guest_is_a_scope_with_all_that_belongs_to_it_and_leaves_none(machine):
    assert machine("node", "show")["guest_groups"].startswith("systemd: ")
    scope = make(machine, "a", *TINY)
    pid = machine.status("a")["pid"]
    members = machine.text("cat", f"/sys/fs/cgroup{SLICE}{scope}/cgroup.procs").split()
    names = sorted(machine.text("cat", f"/proc/{member}/comm") for member in members)
    assert machine.group_of(pid) == SLICE + scope
    assert machine.group_of(parent_of(machine, pid)) == SLICE + scope
    assert len([name for name in names if name == "yado-launch"]) == 4, names
    assert any(name.startswith("passt") for name in names), names
    assert machine.text("cat", "/sys/fs/cgroup/system.slice/yadod.service/cgroup.procs") == \
        machine.property("yadod", "MainPID")
    assert "VM 100 'a'" in machine.property(scope, "Description")
    assert machine.property(scope, "Delegate") == "yes"
    assert "yado-guests.service" in machine.property(scope, "Before")
    assert "yadod.service" in machine.property(scope, "After")
    assert int(machine.property(scope, "CPUUsageNSec")) > 0
    assert machine("vm", "stats", "a")["cpu"]["usec"] > 0

    # Bounds are systemd's, which would undo others, and so the kernel's.
    def bounds():
        return [machine.property(scope, name) for name in ("CPUWeight", "CPUQuotaPerSecUSec")]
    assert bounds() == ["100", "infinity"]
    machine("vm", "set", "a", "--cpu-shares", "300", "--cpu-limit", "150")
    assert bounds() == ["300", "1.500000s"]
    machine.text("systemctl", "daemon-reload")
    for name, value in (("cpu.weight", "300"), ("cpu.max", "150000 100000")):
        file = f"/sys/fs/cgroup{SLICE}{scope}/{name}"
        assert machine.run("test", "-e", file).returncode or machine.text("cat", file).strip() == value

    # Whatever becomes of yadod.
    machine.text("systemctl", "restart", "yadod")
    assert machine.status("a")["pid"] == pid and machine.state_of("a") == "running"
    machine.text("systemctl", "kill", "-s", "KILL", "yadod")
    wait_for(lambda: machine.run("yado", "vm", "show", "a").returncode == 0, 60, "yadod's return")
    assert machine.status("a")["pid"] == pid and machine.group_of(pid) == SLICE + scope

    for _ in range(3):
        machine("vm", "stop", "a")
        machine("vm", "start", "a")  # the former scope may not have gone yet
    assert bounds() == ["300", "1.500000s"]
    machine("vm", "stop", "a")
    wait_for(lambda: is_gone(machine, scope), 20, "the end of the scope")
    # Workers were below yadod's own unit and are gone as well.
    assert machine.text("find", "/sys/fs/cgroup/system.slice/yadod.service", "-mindepth", 1, "-type", "d") == ""
    assert machine.run("test", "-e", "/sys/fs/cgroup/yado").returncode == 1


def test_who_stops_a_scope_stops_its_guest_and_is_named(machine):
    scope = make(machine, "a", *TINY, "--restart-policy", "on-crash")
    machine.text("systemctl", "stop", scope)
    wait_for(lambda: machine.state_of("a") == "stopped", 20, "the stop")
    assert machine.status("a")["reason_code"] == "scope-stopped"
    assert f"systemd stopped its scope {scope}" in machine.status("a")["reason"]
    assert "stopped its scope" in machine.text("yado", "vm", "show", "a")
    # Not by systemd, not by the scope.
    machine("vm", "start", "a")
    machine.text("kill", machine.status("a")["pid"])
    wait_for(lambda: machine.state_of("a") == "stopped", 20, "the end by a signal")
    assert machine.status("a")["reason_code"] == "host-signal"
    # Nobody takes a kill for a stop.
    machine("vm", "set", "a", "--restart-policy", "never")
    machine("vm", "start", "a")
    machine.text("systemctl", "kill", "-s", "KILL", scope)
    wait_for(lambda: machine.state_of("a") == "stopped", 20, "the end by SIGKILL")
    assert machine.status("a")["reason_code"] == "crash"
    wait_for(lambda: is_gone(machine, scope), 20, "the end of the scope")


def test_without_systemds_answer_no_guest_starts_and_the_task_says_why(machine):
    machine("vm", "create", "a", *TINY)
    machine.text("systemctl", "start", "dbus")
    bus = machine.property("dbus", "MainPID")
    assert int(bus) > 1
    machine.text("kill", "-STOP", bus)
    begin = time.monotonic()
    refusal = machine.run("yado", "vm", "start", "a")
    elapsed = time.monotonic() - begin
    machine.text("kill", "-CONT", bus)
    assert refusal.returncode and "systemd has not made 'yado-vm-100.scope' within" in refusal.stderr, refusal.stderr
    assert "systemctl status dbus" in refusal.stderr and elapsed < 40
    assert machine.run("pgrep", "-f", "qemu-system.*guest=a").returncode == 1
    machine.text("systemctl", "stop", "dbus.socket", "dbus")
    refusal = machine.run("yado", "vm", "start", "a")
    assert refusal.returncode and "the system bus does not answer" in refusal.stderr, refusal.stderr
    assert machine.status("a")["reason_code"] == "start-failed"
    machine.text("systemctl", "start", "dbus.socket")
    machine("vm", "start", "a")
    assert machine.state_of("a") == "running"


def test_a_host_goes_down_and_comes_up_in_order(machine):
    # None has a system that would heed the power button: each takes its whole time.
    for name, order, seconds, *flags in (("db", 1, 2, "--autostart", "--autostart-delay", 1),
                                         ("web", 5, 4, "--autostart"),
                                         ("deaf", 5, 15, "--autostart", "--shutdown-action", "leave"),
                                         ("test", 9, 3)):
        make(machine, name, "--memory", "64M", "--display", "none", "--autostart-order", order,
             "--shutdown-timeout", seconds, *flags)
    assert machine.text("systemctl", "is-active", "yado-guests") == "active"
    assert "refuse manual" in machine.run("systemctl", "stop", "yado-guests").stderr
    machine.power_off()

    journal = machine.journal()

    def at(text, begin=0):
        assert text in journal[begin:], text
        return journal.index(text, begin)
    assert at("'test' has stopped") < at("'web' (order 5) is shut down") < at("'db' (order 1) is shut down")
    assert at("'deaf' (order 5) is shut down within 15 s") < at("'web' has stopped")
    assert max(at("'web' has stopped"), at("'deaf' has stopped")) < at("'db' (order 1) is shut down within 2 s")
    for name, seconds in (("db", 2), ("web", 4), ("deaf", 15), ("test", 3)):
        took = re.search(rf"'{name}' has stopped after (\S+) s: did not shut down in time, and was stopped", journal)
        assert float(took[1]) >= seconds, took
    assert at("'db' (order 1)") < at("'db' has stopped")
    stopped = at("all guests have stopped")
    assert stopped < at("Stopped yado-guests.service") < at("Stopping yadod.service") < at("Stopped yadod.service")

    machine.boot()
    for name in ("db", "web", "deaf"):
        wait_for(lambda: machine.state_of(name) == "running", 60, f"the start of {name}")
    assert machine.status("test")["reason_code"] == "shutdown-forced"
    starts = sorted((task["id"], task["object"]) for task in machine("task", "list")["items"]
                    if task["kind"] == "vm.start" and task["user"] == "yado")
    numbers = {name: machine("vm", "show", name)["id"] for name in ("db", "web", "deaf")}
    assert [name for _, name in starts] == [f"vm/{numbers[name]}" for name in ("db", "web", "deaf")]

    # The power goes, and comes back.
    machine.cut_power()
    machine.boot()
    for name in ("db", "web", "deaf"):
        wait_for(lambda: machine.state_of(name) == "running", 60, f"the start of {name} after the cut")
    assert machine.state_of("test") == "stopped"


def test_a_host_whose_yadod_is_dead_goes_down_all_the_same_and_says_what_that_means(machine):
    make(machine, "a", *TINY, "--autostart")
    # systemd would start it again.
    machine.text("sh", "-c", "mkdir -p /run/systemd/system/yadod.service.d && "
                 "printf '[Service]\\nRestart=no\\n' >/run/systemd/system/yadod.service.d/dead.conf && "
                 "systemctl daemon-reload && systemctl kill -s KILL yadod")
    wait_for(lambda: machine.property("yadod", "ActiveState") == "failed", 20, "the daemon's death")
    machine.power_off(60)
    journal = machine.journal()
    assert "they lose their power" in journal
    assert journal.index("they lose their power") < journal.index("Stopped yado-vm-100.scope")
    machine.boot()
    wait_for(lambda: machine.state_of("a") == "running", 60, "the start at boot")
