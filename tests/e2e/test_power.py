"""Power: each action's effect, what refuses it, what a plan says, and what follows a crash or a boot of the node."""
import os
import pathlib
import signal
import time

import pytest

from yado import CommandError, Console, request, wait_for

TINY = ("--image", "tiny", "--memory", "96M", "--display", "none")
# Nothing in the guest heeds anything any more, and nothing brings the agent back.
# (Until the button's device is there acpid ends at once and comes again.)
DEAF = ("until ls -l /proc/$(pidof acpid)/fd | grep -q /dev/input/; do sleep 1; done 2>/dev/null; "
        "read -r pid name state parent rest </proc/$(pidof qemu-ga)/stat; kill -STOP 1 $parent; "
        "kill -9 $(pidof qemu-ga) $(pidof acpid); true")


def now(yado, name):
    status = yado.status(name)
    return status["state"], status["reason_code"]


def ask(yado, name, action, body=None, plan=False):
    return request(yado, "POST", f"/api/v1/vms/{name}/{action}" + ("?plan=1" if plan else ""), body)[0]


def ended(yado, task):
    return wait_for(lambda: (found := yado("task", "show", task))["state"] in ("done", "failed", "cancelled") and found,
                    120, f"the end of task {task}")


def task_of(reply):
    assert reply["status"] == 202, reply
    return reply["body"].get("id") or reply["body"]["task"]


def test_each_action_does_what_it_says_or_refuses(host):
    host("vm", "create", "a", *TINY)
    refusals = {"stopped": ("shutdown", "stop", "reset", "reboot", "pause", "resume"), "running": ("start", "resume"),
                "paused": ("start", "shutdown", "pause")}

    def check_refusals(state):
        assert host.state_of("a") == state
        for action in refusals[state]:
            with pytest.raises(CommandError) as refusal:
                host("vm", action, "a")
            assert f"VM {host.vm('a')['id']} 'a'" in refusal.value.stderr and f"it is {state}" in refusal.value.stderr
            plan = ask(host, "a", action, plan=True)
            assert plan["status"] == 200 and f"it is {state}" in str(plan["body"]), plan
        for action in {"start", "shutdown", "stop", "reset", "reboot", "pause", "resume"} - set(refusals[state]):
            plan = ask(host, "a", action, plan=True)
            assert plan["status"] == 200 and "it is " + state not in str(plan["body"]), plan
        assert host.state_of("a") == state
    check_refusals("stopped")

    # Two starts at once: one does it; the other waits for its turn and then says why not.
    tasks = [task_of(ask(host, "a", "start")) for _ in range(2)]
    results = [ended(host, task) for task in tasks]
    assert [result["state"] for result in results] == ["done", "failed"]
    assert results[1]["error"]["code"] == "conflict" and "it is running" in results[1]["error"]["message"]
    assert now(host, "a") == ("running", "started")
    first = host.status("a")["pid"]
    check_refusals("running")

    host.wait_agent("a", 120)
    console = Console(host, "a").login()
    console.shell("n=0; while :; do n=$((n+1)); echo $n >/tmp/n.new; mv /tmp/n.new /tmp/n; sleep 0.1; done >/dev/null 2>&1 & until [ -e /tmp/n ]; do sleep 0.1; done")
    host("vm", "pause", "a")
    assert now(host, "a") == ("paused", "user-pause")
    check_refusals("paused")
    host("vm", "resume", "a")
    assert now(host, "a") == ("running", "resumed")
    count = int(console.shell("cat /tmp/n"))
    wait_for(lambda: int(console.shell("cat /tmp/n")) > count, 20, "the guest counts on")

    host("vm", "reset", "a")
    assert now(host, "a") == ("running", "user-reset")
    console.read_until("login:", 120)
    assert host.status("a")["pid"] == first
    console.close()

    # Asks the agent, makes a new process, and what was pending takes effect.
    host.wait_agent("a", 120)
    host("vm", "set", "a", "--memory", "100M")
    assert host.status("a")["pending"]
    host("vm", "reboot", "a", timeout=120)
    assert now(host, "a") == ("running", "started") and host.status("a")["pid"] != first
    assert host.status("a")["pending"] == []
    host("vm", "stop", "a")
    assert now(host, "a") == ("stopped", "user-stop")
    assert host.status("a")["reason"] == "stopped by root"


def test_a_shutdown_asks_the_agent_then_the_button_then_does_as_told(host):
    host("vm", "create", "a", *TINY)
    host("vm", "start", "a")
    host.wait_agent("a", 120)
    console = Console(host, "a").login()
    # An agent that hangs, and a guest that heeds the button.
    console.shell("kill -STOP $(pidof qemu-ga)")
    task = task_of(ask(host, "a", "shutdown", {"timeout": 60}))
    assert ended(host, task)["state"] == "done"
    assert "power button" in host.text("task", "log", task)
    assert now(host, "a") == ("stopped", "user-shutdown")
    console.close()

    host("vm", "start", "a")
    host.wait_agent("a", 120)
    console = Console(host, "a").login()
    console.shell(DEAF, 120)
    wait_for(lambda: host.status("a")["agent"]["state"] == "waiting", 20, "the agent is seen to be gone")
    with pytest.raises(CommandError) as left:
        host("vm", "shutdown", "a", "--timeout", "1", "--action", "leave")
    assert "within 1 s and was left running" in left.value.stderr
    assert host.state_of("a") == "running"
    # The request is over: a power-off from inside, later, is the guest's own.
    console.send("poweroff -f\n")
    wait_for(lambda: now(host, "a") == ("stopped", "guest-shutdown"), 30, "the guest's own power-off")
    console.close()

    host("vm", "start", "a")
    host.wait_agent("a", 120)
    console = Console(host, "a").login()
    console.shell(DEAF, 120)
    wait_for(lambda: host.status("a")["agent"]["state"] == "waiting", 20, "the agent is seen to be gone")
    # Nobody has to wait for a shutdown that hangs.
    hanging = task_of(ask(host, "a", "shutdown", {"timeout": 600}))
    wait_for(lambda: host.state_of("a") == "stopping", 20, "the shutdown is under way")
    host("vm", "stop", "a", timeout=30)
    assert ended(host, hanging)["state"] == "cancelled"
    assert now(host, "a") == ("stopped", "user-stop")
    console.close()

    host("vm", "start", "a")
    host.wait_agent("a", 120)
    console = Console(host, "a").login()
    console.shell(DEAF, 120)
    wait_for(lambda: host.status("a")["agent"]["state"] == "waiting", 20, "the agent is seen to be gone")
    host("vm", "shutdown", "a", "--timeout", "1", "--action", "stop")
    assert now(host, "a") == ("stopped", "shutdown-forced")
    console.close()


def test_a_guest_that_may_sleep_is_seen_asleep_and_is_woken(host):
    host("vm", "create", "subject", "--image", "tiny", "--display", "none")
    assert host.vm("subject")["sleep"] is False
    host("vm", "set", "subject", "--sleep", "--no-hpet")
    host("vm", "start", "subject")
    console = Console(host, "subject").login()
    assert "deep" in console.shell("cat /sys/power/mem_sleep")
    assert "hpet" not in console.shell("cat /sys/devices/system/clocksource/clocksource0/available_clocksource")
    console.shell("(sleep 1; echo mem >/sys/power/state) >/dev/null 2>&1 & true")
    host.wait_state("subject", "paused")
    assert host.status("subject")["reason_code"] == "asleep"
    host.kill()
    host.start()
    assert host.wait_state("subject", "paused")["reason_code"] == "asleep"
    host("vm", "resume", "subject")
    assert host.state_of("subject") == "running"


def test_three_crashes_in_a_row_stay_down(host):
    host("vm", "create", "a", *TINY)
    host("vm", "start", "a")
    pid = host.status("a")["pid"]
    for _ in range(3):
        os.kill(pid, signal.SIGKILL)
        status = wait_for(lambda: (s := host.status("a"))["reason_code"] == "restarted" and s.get("pid", pid) != pid
                          and s,
                          60, "the restart")
        assert status["state"] == "running" and "signal 9" in status["reason"]
        pid = status["pid"]
    # The count is not lost with the daemon.
    host.kill()
    host.start()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: now(host, "a") == ("stopped", "crash"), 30, "the crash")
    assert "restarted 3 times within 10 minutes and stays down" in host.status("a")["reason"]
    starts = [task for task in host("task", "list")["items"] if task["kind"] == "vm.start"]
    assert [task["state"] for task in starts] == ["done"] * 4
    # A person can still start it.
    host("vm", "start", "a")
    host("vm", "stop", "a")


def test_a_boot_of_the_node_starts_guests_in_order(host):
    for name, order, delay in (("late", 20, 0), ("early", 10, 2), ("off", 1, 0)):
        host("vm", "create", name, *TINY, "--autostart-order", order, "--autostart-delay", delay,
             *(() if name == "off" else ("--autostart",)))
    host.stop()
    host.start()
    assert {vm["state"] for vm in host("vm", "list")["items"]} == {"stopped"}  # no boot, only a restart
    host.stop()
    marker = host.run / "booted"
    marker.write_text("another boot")
    host.start()
    for name in ("early", "late"):
        wait_for(lambda: host.state_of(name) == "running", 30, f"the start of {name}")
    assert host.state_of("off") == "stopped"

    def started(name):
        return pathlib.Path(f"/proc/{host.status(name)['pid']}/stat").read_text().rsplit(")", 1)[1].split()[19]
    waited = (int(started("late")) - int(started("early"))) / os.sysconf("SC_CLK_TCK")
    assert waited >= 1.5, waited
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    wait_for(lambda: marker.read_text().split() == [boot], 30, "the end of the boot's starts")


def test_a_daemon_that_is_restarted_during_the_boot_starts_only_what_is_left(host):
    for name, order, delay in (("early", 1, 600), ("late", 2, 0)):
        host("vm", "create", name, *TINY, "--autostart-order", order, "--autostart-delay", delay, "--autostart")
    host.stop()
    (host.run / "booted").write_text("another boot")
    host.start()
    wait_for(lambda: host.state_of("early") == "running", 30, "the first start")
    host.kill()
    host.start()
    # Who had started is done with, and its delay is over.
    wait_for(lambda: host.state_of("late") == "running", 30, "the start that was left")
    host("vm", "stop", "early")
    host("vm", "stop", "late")
    host.stop()
    host.start()
    starts = [task["object"] for task in host("task", "list")["items"] if task["kind"] == "vm.start"]
    assert len(starts) == 2, starts
    assert {vm["state"] for vm in host("vm", "list")["items"]} == {"stopped"}


def test_what_does_not_start_at_a_boot_is_tried_again(host):
    host("vm", "create", "a", *TINY, "--autostart", "--autostart-order", 1)
    host("vm", "create", "b", *TINY, "--autostart", "--autostart-order", 2)
    volume = host.state / "storage" / (host.vm("a")["disks"]["disk0"]["volume"] + ".qcow2")
    hidden = volume.with_suffix(".away")
    volume.rename(hidden)
    host.stop()
    (host.run / "booted").write_text("another boot")
    host.start()
    wait_for(lambda: host.state_of("b") == "running", 30, "the other guest's start")
    assert now(host, "a") == ("stopped", "start-failed")
    assert "tried again in 5 s" in wait_for(lambda: "tried again" in host.tail() and host.tail(), 10, "the word of it")
    hidden.rename(volume)
    wait_for(lambda: host.state_of("a") == "running", 30, "the second try")
    # Nobody who stops it meanwhile is overruled.
    host("vm", "stop", "a")
    assert host.state_of("a") == "stopped"


def test_a_start_that_fails_says_why_and_leaves_nothing(host):
    host("vm", "create", "a", *TINY)
    volume = host.state / "storage" / (host.vm("a")["disks"]["disk0"]["volume"] + ".qcow2")
    hidden = volume.with_suffix(".away")
    volume.rename(hidden)
    with pytest.raises(CommandError) as refusal:
        host("vm", "start", "a")
    assert "disk0" in refusal.value.stderr or volume.name in refusal.value.stderr
    assert now(host, "a") == ("stopped", "start-failed")
    hidden.rename(volume)
    volume.write_bytes(b"this is no qcow2 image" * 1000)
    with pytest.raises(CommandError) as refusal:
        host("vm", "start", "a")
    assert "QEMU said: d-disk0: Image is not in qcow2 format" in refusal.value.stderr, refusal.value.stderr
    assert not (host.run / "vm" / str(host.vm("a")["id"]) / "pid").exists()
    time_before = time.monotonic()
    host("vm", "delete", "a", "--yes")
    assert time.monotonic() - time_before < 30
