"""Shutting down all guests of the node: order, time, guests that cannot be asked, what is refused meanwhile."""
import os
import re
import signal
import sqlite3

import pytest

from test_power import DEAF, TINY, ended, now, task_of
from yado import CommandError, Console, Yado, request, wait_for


def shut_down(host, body=None, plan=False):
    path = "/api/v1/nodes/self/shutdown-guests" + ("?plan=1" if plan else "")
    return request(host, "POST", path, body)[0]


def log_of(host, task):
    return [line["text"] for line in host("task", "log", task)["lines"]]


def deafen(host, name):
    host.wait_agent(name, 300)
    console = Console(host, name).login()
    console.shell(DEAF, 120)
    console.close()
    wait_for(lambda: host.status(name)["agent"]["state"] == "waiting", 20, "the agent is seen to be gone")


def make(host, name, *flags):
    host("vm", "create", name, *TINY, *flags)
    host("vm", "start", name)
    return host.vm(name)["id"]


def test_guests_are_shut_down_in_the_reverse_of_their_start_order(host):
    first = make(host, "first", "--autostart-order", 1)
    twins = [make(host, name, "--autostart-order", 5) for name in ("left", "right")]
    last = make(host, "last", "--autostart-order", 9)
    for name in ("first", "left", "right", "last"):
        host.wait_agent(name, 300)

    plan = shut_down(host, plan=True)["body"]["plan"]
    assert [int(re.search(r"VM (\d+)", text)[1]) for text in plan["effects"]] == [last, *reversed(twins), first]
    assert "at the same time" in plan["effects"][2]
    assert host.state_of("last") == "running"

    result = host.run_command("--verbose", "node", "shutdown-guests")
    assert result.returncode == 0, result
    task = max(row["id"] for row in host("task", "list")["items"] if row["kind"] == "node.shutdown-guests")
    assert ended(host, task)["state"] == "done"
    lines = log_of(host, task)
    # What the unit of systemd leaves in the journal is the whole log, however fast its lines came.
    told = [line.split(": ", 1) for line in result.stderr.splitlines()]
    assert [text for title, text in told if title.startswith("node.shutdown-guests")][:len(lines)] == lines, result
    asked = [int(re.match(r"VM (\d+)", line)[1]) for line in lines if "is shut down within" in line]
    stopped = [int(re.match(r"VM (\d+)", line)[1]) for line in lines if "has stopped" in line]
    assert asked == [last, *reversed(twins), first]
    assert stopped[0] == last and stopped[-1] == first and set(stopped[1:3]) == set(twins)
    # The next order begins when the one before has ended; equal ones are asked together.
    order = [(int(re.match(r"VM (\d+)", line)[1]), "has stopped" in line) for line in lines if line.startswith("VM")]
    assert order[:2] == [(last, False), (last, True)] and order[-2:] == [(first, False), (first, True)]
    assert [end for _, end in order[2:6]] == [False, False, True, True]
    for name in ("first", "left", "right", "last"):
        assert now(host, name) == ("stopped", "node-shutdown")
    assert "shut down with its node by root" in host.status("last")["reason"]

    # Again: nothing to do. And they are started as before.
    again = task_of(shut_down(host))
    assert ended(host, again)["state"] == "done" and "no guest ran" in log_of(host, again)
    host("vm", "start", "first")
    assert host.state_of("first") == "running"


def test_a_guest_that_does_not_answer_is_turned_off_whatever_its_setting_says_and_the_rest_goes_on(host):
    make(host, "deaf", "--shutdown-timeout", 300, "--shutdown-action", "leave", "--autostart-order", 5)
    make(host, "paused", "--autostart-order", 4)
    make(host, "lost", "--autostart-order", 3)
    deafen(host, "deaf")
    host("vm", "pause", "paused")
    # Its QEMU answers nobody.
    os.kill(host.status("lost")["pid"], signal.SIGSTOP)

    task = task_of(shut_down(host, {"timeout": 4}))
    # Nothing is started meanwhile.
    host("vm", "create", "new", *TINY)
    with pytest.raises(CommandError) as refusal:
        host("vm", "start", "new")
    assert f"by task {task}" in refusal.value.stderr
    assert "all guests of this node are being shut down" in refusal.value.stderr
    assert "being shut down" in str(request(host, "POST", "/api/v1/vms/new/start?plan=1")[0]["body"])

    assert ended(host, task)["state"] == "done", log_of(host, task)
    assert now(host, "deaf") == ("stopped", "shutdown-forced")
    assert host.state_of("paused") == host.state_of("lost") == "stopped"
    lines = "\n".join(log_of(host, task))
    assert "within 4 s" in lines and "did not shut down in time" in lines, lines
    host("vm", "start", "new")


@pytest.mark.parametrize("end", [Yado.kill, Yado.stop])
def test_it_goes_on_after_an_end_of_the_daemon_and_never_after_a_boot(host, end):
    make(host, "slow", "--shutdown-timeout", 8, "--autostart-order", 5)
    make(host, "other", "--autostart-order", 1)
    deafen(host, "slow")
    task = task_of(shut_down(host))
    wait_for(lambda: host.state_of("slow") == "stopping", 20, "the first shutdown")
    end(host)
    host.start()
    assert ended(host, task)["state"] == "done", log_of(host, task)
    assert host.state_of("slow") == host.state_of("other") == "stopped"

    # The machine went down before the task had ended: the next boot's guests are none of its business.
    host("vm", "start", "other")
    host("vm", "start", "slow")
    task = task_of(shut_down(host))
    host.kill()
    with sqlite3.connect(host.state / "tasks.db") as database:
        database.execute("UPDATE task SET args = json_set(args, '$.boot', 'another') WHERE id = ?", (task,))
    database.close()
    host.start()
    result = ended(host, task)
    assert result["state"] == "failed" and "the node was restarted" in result["error"]["message"]


def test_wrong_requests_are_refused(host):
    for body, word in (({"timeout": 0}, "timeout"), ({"timeout": 9999}, "timeout"), ({"now": True}, "now")):
        answer = shut_down(host, body)
        assert answer["status"] == 400 and word in str(answer["body"]), answer
    answer = request(host, "POST", "/api/v1/nodes/elsewhere/shutdown-guests")[0]
    assert answer["status"] == 404
    result = host.run_command("node", "shutdown-guests", "--timeout", "x")
    assert result.returncode == 2, result
    assert host.run_command("node", "shutdown-guests", "elsewhere").returncode != 0
    result = host.run_command("--verbose", "node", "shutdown-guests")
    assert result.returncode == 0 and "no guest ran" in result.stderr, result
