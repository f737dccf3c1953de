"""A guest's memory: grown and shrunk while it runs, taken back when the node is short of it, of huge pages; and what is really
used of it, as the guest says."""
import contextlib
import pathlib
import re

import pytest

from changes import change, change_as_planned, pending_paths, plan
from test_measurements import Follower
from test_metrics import scrape, value
from yado import CommandError, Console, boot, make, wait_for

MIB = 1 << 20
KSM = pathlib.Path("/sys/kernel/mm/ksm/run")
PAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")


def meminfo(console, field="MemTotal"):
    """MiB, as the guest sees them."""
    return int(re.search(rf"{field}:\s+(\d+)", console.shell("cat /proc/meminfo")).group(1)) // 1024


def wait_meminfo(console, least, most):
    """The driver says that a block is there before the guest's kernel has brought all of it online."""
    wait_for(lambda: least <= meminfo(console) <= most, what=f"{least} to {most} MiB in the guest")


def metrics_of(host, name):
    families, labels = scrape(host), {"id": str(host.vm(name)["id"]), "name": name}
    return {key: value(families, f"yado_vm_memory_{key}_bytes", **labels)
            for key in ("limit", "used", "guest_total", "guest_used", "taken_back")}


def refusals(host, name, patch):
    return [(entry["field"], entry["message"]) for entry in plan(host, name, patch)["refused"]]


def test_memory_grows_and_shrinks_under_a_running_guest_as_soon_as_it_takes_it(host):
    make(host, "subject", "--memory", "192M", "--memory-max", "576M")
    console = boot(host, "subject")
    before = meminfo(console)
    driver = "/sys/bus/virtio/drivers/virtio_mem"
    device = wait_for(lambda: console.shell(f"ls {driver} 2>/dev/null | grep ^virtio"), what="the driver")

    # One that does not take what it is offered: the change is saved and waits for the guest.
    console.shell(f"echo {device} > {driver}/unbind")
    task = change(host, "subject", {"memory": 256 * MIB})
    assert task["state"] == "failed" and "taken it up to 192 MiB" in task["error"]["message"], task
    assert "virtio_mem" in task["error"]["hint"]
    assert host.vm("subject")["memory"] == 256 * MIB and pending_paths(host, "subject") == ["memory"]
    console.shell(f"echo {device} > {driver}/bind")
    wait_for(lambda: pending_paths(host, "subject") == [], what="the memory, taken late")
    wait_meminfo(console, before + 56, before + 64)

    said = change_as_planned(host, "subject", {"memory": 448 * MIB})
    assert said["changes"][0]["when"] == "now"
    wait_meminfo(console, before + 240, before + 256)
    # What a restarted daemon knows of it is the same.
    host.kill()
    host.start()
    console = Console(host, "subject")
    said = change_as_planned(host, "subject", {"memory": 320 * MIB})
    assert said["changes"][0]["when"] == "now"
    wait_meminfo(console, before + 112, before + 128)
    # Below what it began with, and above the device's room, only another process can go.
    assert plan(host, "subject", {"memory": 64 * MIB})["changes"][0]["when"] == "restart"
    whens = {entry["path"]: entry["when"]
             for entry in plan(host, "subject", {"memory": 768 * MIB, "memory_max": 768 * MIB})["changes"]}
    assert whens == {"memory": "restart", "memory_max": "restart"}
    # The next start begins with all of it.
    console.close()
    host("vm", "stop", "subject")
    console = boot(host, "subject")
    assert meminfo(console) >= before + 64
    assert pending_paths(host, "subject") == []


def test_what_a_guest_uses_is_known_and_a_node_that_is_short_takes_the_rest_down_to_the_floor(host):
    make(host, "subject", "--memory", "256M", "--memory-min", "160M")
    console = boot(host, "subject")

    def memory():
        return host("vm", "stats", "subject")["memory"]
    before = wait_for(lambda: memory()["guest_used"] and memory(), what="the guest's own figures")
    assert before["limit"] == 256 * MIB and before["guest_used"] < before["guest_total"] < before["limit"]
    assert before["taken_back"] == 0
    console.shell("mkdir /tmp/full; mount -t tmpfs tmpfs /tmp/full; dd if=/dev/zero of=/tmp/full/x bs=1M count=40 2>&1")
    wait_for(lambda: memory()["guest_used"] >= before["guest_used"] + 35 * MIB, what="what the guest has filled")
    follower = Follower(host, "vms/subject")
    assert follower.until(lambda values: values["memory_guest"])["values"]["memory_guest"] > before["guest_used"]
    follower.close()
    console.shell("umount /tmp/full")
    told = memory()
    in_metrics = metrics_of(host, "subject")
    assert in_metrics["guest_total"] == told["guest_total"] and in_metrics["limit"] == 256 * MIB
    assert abs(in_metrics["guest_used"] - told["guest_used"]) < 16 * MIB and in_metrics["guest_used"] < in_metrics["guest_total"]
    # Its process has what the guest has ever touched.
    assert in_metrics["used"] > in_metrics["guest_used"] - 32 * MIB

    total = meminfo(console)
    host("node", "memory", "--balloon-at", "1")  # any node is short of memory then
    wait_for(lambda: memory()["taken_back"] == 96 * MIB, what="the guest at its floor")
    wait_meminfo(console, total - 98, total - 94)
    assert metrics_of(host, "subject")["taken_back"] == 96 * MIB
    change_as_planned(host, "subject", {"memory_min": 192 * MIB})
    wait_for(lambda: memory()["taken_back"] == 64 * MIB, what="the guest at its new floor")
    host("node", "memory", "--balloon-at", "99")
    wait_for(lambda: memory()["taken_back"] == 0, what="all given back")
    wait_meminfo(console, total - 1, total + 1)
    console.close()
    host("vm", "stop", "subject")
    assert not any(metrics_of(host, "subject").values())


def test_of_a_guest_without_a_driver_of_its_balloon_nothing_is_claimed(host):
    host("vm", "create", "nothing", "--memory", "64M", "--memory-min", "32M", "--display", "none", "--os", "generic")
    host("vm", "start", "nothing")
    # QEMU has been asked, and knew what the balloon took.
    shown = wait_for(lambda: (memory := host("vm", "stats", "nothing")["memory"])["taken_back"] == 0 and memory,
                     what="an answer of QEMU's")
    assert shown["guest_total"] is None and shown["guest_used"] is None
    in_metrics = metrics_of(host, "nothing")
    assert in_metrics["guest_total"] is None and in_metrics["guest_used"] is None
    assert in_metrics["taken_back"] == 0 and in_metrics["used"] > 0


@pytest.mark.skipif(not KSM.exists(), reason="this kernel has no KSM")
def test_merging_of_equal_pages_is_left_alone_until_it_is_set(host):
    state = KSM.read_text()
    try:
        KSM.write_text("0")
        assert host("node", "memory")["ksm_state"] == "off"
        host("node", "memory", "--balloon-at", "70")
        assert KSM.read_text().strip() == "0"
        assert host("node", "memory", "--ksm", "on")["ksm_state"] == "on"
        assert KSM.read_text().strip() == "1"
        # Set by somebody else meanwhile: what is set here comes back with the daemon.
        KSM.write_text("0")
        host.stop()
        host.start()
        shown = host("node", "memory")
        assert shown["ksm_state"] == "on" and shown["balloon_at"] == 70 and shown["ksm_saved"] >= 0
        host("node", "memory", "--ksm", "off")
        assert KSM.read_text().strip() == "2"
    finally:
        KSM.write_text(state.strip())
    make(host, "apart", "--no-ksm")
    host("vm", "start", "apart")
    arguments = pathlib.Path(f"/proc/{host.status('apart')['pid']}/cmdline").read_bytes()
    assert b"mem-merge=off" in arguments


def test_sizes_that_do_not_fit_each_other_are_refused(host):
    make(host, "subject", "--memory", "128M")
    assert refusals(host, "subject", {"memory_max": 64 * MIB})[0][0] == "memory_max"
    assert refusals(host, "subject", {"memory_min": 256 * MIB})[0][0] == "memory_min"
    assert refusals(host, "subject", {"memory_max": 130 * MIB})[0] == (
        "memory_max", "memory_max must be a multiple of 4 MiB, as memory_max is set")
    assert refusals(host, "subject", {"hugepages": "2M", "memory": 129 * MIB})[0][0] == "memory"
    assert not refusals(host, "subject", {"memory_max": 256 * MIB, "memory_min": 64 * MIB, "hugepages": "2M"})


@contextlib.contextmanager
def huge_pages(count):
    """That many more of 2 MiB on this machine."""
    pages = PAGES / "nr_hugepages"
    before = int(pages.read_text())
    pages.write_text(str(before + count))
    try:
        yield int(pages.read_text()) - before
    finally:
        pages.write_text(str(before))


@pytest.mark.skipif(not PAGES.exists(), reason="this kernel has no huge pages of 2 MiB")
def test_huge_pages_hold_a_guest_or_the_start_says_how_to_get_them(host):
    make(host, "subject", "--memory", "192M", "--memory-max", "256M", "--hugepages", "2M")
    free = int((PAGES / "free_hugepages").read_text())
    if free < 96:
        with pytest.raises(CommandError) as refused:
            host("vm", "start", "subject")
        assert "nr_hugepages" in refused.value.stderr and "96 huge pages" in refused.value.stderr
    with huge_pages(128) as got:
        if got < 128:
            pytest.skip("this machine cannot set 256 MiB of huge pages aside")
        console = boot(host, "subject")
        pid = host.status("subject")["pid"]
        smaps = pathlib.Path(f"/proc/{pid}/smaps").read_text()
        assert "KernelPageSize:     2048 kB" in smaps
        before = meminfo(console)
        change_as_planned(host, "subject", {"memory": 224 * MIB})
        wait_meminfo(console, before + 28, before + 32)
        console.close()
        host("vm", "stop", "subject")
