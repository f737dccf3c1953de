"""Questions: a guest whose disk's storage is full, or fails, stands still with nothing lost until somebody answers."""
import contextlib
import os
import subprocess

import pytest

from yado import CommandError, Console, api, wait_for, wait_task

MIB = 1 << 20


@pytest.fixture
def small(tmp_path):
    """A file system of 24 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24M,mode=755", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def free(place):
    of = os.statvfs(place)
    return of.f_bavail * of.f_frsize


def question(host, name):
    reply = api(host, "GET", f"/vms/{name}/question")
    assert reply["status"] == 200, reply
    return reply["body"]


def answer(host, name, word):
    reply = api(host, "POST", f"/vms/{name}/answer", {"answer": word})
    assert reply["status"] == 202, reply
    return wait_task(host, reply["body"]["task"])


@contextlib.contextmanager
def faulty(path, switch):
    """Has reads and writes of the file fail as long as there is a file `switch`: it is nbdkit's meanwhile, by nbdfuse."""
    server = subprocess.Popen(
        ["nbdfuse", "-o", "allow_other", path, "[", "nbdkit", "--exit-with-parent", "--filter=error", "memory",
         str(path.stat().st_size), "error=EIO", "error-rate=100%", f"error-file={switch}", "]"],
        stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: str(path) in open("/proc/mounts").read(), what="the faulty file")
        yield
    finally:
        # Not lazily: the guest must have let go of it.
        wait_for(lambda: subprocess.run(["umount", path], capture_output=True).returncode == 0,
                 what="the end of the faulty file")
        server.wait(20)


def test_a_storage_that_is_full_or_fails_stops_the_guest_which_goes_on_when_that_is_answered(host, small, tmp_path):
    host("storage", "create", "small", "--path", str(small))
    host("storage", "create", "ailing", "--path", str(tmp_path / "ailing"))
    host("vm", "create", "writer", "--image", "tiny", "--display", "none",
         "--disk", "data:size=64M,storage=small,bus=virtio-blk,cache=writeback",
         "--disk", "extra:size=16M,storage=ailing,bus=virtio-blk,format=raw")
    volume = next((tmp_path / "ailing").rglob(host.vm("writer")["disks"]["extra"]["volume"] + "*"))
    switch = tmp_path / "switch"
    with faulty(volume, switch):
        try:
            console, wanted = storage_is_full(host, small)
            storage_fails(host, switch, console, wanted)
            storage_is_given_up(host, small, console)
        finally:
            host.run_command("vm", "stop", "writer")


def storage_is_full(host, small):
    """Leaves 8 MiB in /tmp/whole of the guest, and their sum."""
    assert api(host, "GET", "/vms/writer/question")["status"] == 404
    filler = small / "filler"
    filler.write_bytes(b"x" * (20 * MIB))
    host("vm", "start", "writer")
    console = Console(host, "writer").login()
    disk = "vda"
    wait_for(lambda: console.shell("cat /sys/block/vda/size /sys/block/vdb/size 2>&1").split() == ["131072", "32768"],
             what="the disks in the guest")

    # It writes more than there is room for, and knows nothing of it.
    wanted = console.shell("dd if=/dev/urandom of=/tmp/whole bs=1M count=8 2>/dev/null; sha256sum </tmp/whole").split()[0]
    console.send(f"dd if=/tmp/whole of=/dev/{disk} bs=1M conv=fsync 2>/dev/null; echo 'written' $?; sync\n")
    status = host.wait_state("writer", "paused")
    assert status["reason_code"] == "no-space" and "'small' for data" in status["reason"], status
    # What QEMU had begun to write is finished after the guest stands still, and frees what it had taken if it fails.
    wait_for(lambda: question(host, "writer")["disks"][0]["free"] == free(small), what="the free space in the question")
    asked = question(host, "writer")
    assert asked["problem"] == "no-space" and asked["name"] == "writer"
    assert [(one["disk"], one["storage"], one["problem"]) for one in asked["disks"]] == [("data", "small", "no-space")]
    assert asked["disks"][0]["free"] < 4 * MIB and "free space on storage 'small'" in asked["disks"][0]["remedy"]
    text = host.text("vm", "question")
    assert "writer" in text and "'small' is full" in text and "yado vm answer writer retry" in text
    assert host("vm", "question")["items"] == [asked]

    # Tried again without room, it asks again; a restarted daemon asks the same.
    task = answer(host, "writer", "retry")
    assert task["state"] == "failed" and "no space left" in task["error"]["message"], task
    host.kill()
    host.start()
    assert question(host, "writer")["disks"][0]["disk"] == "data"
    with pytest.raises(CommandError) as wrong:
        host("vm", "answer", "writer", "perhaps")
    assert "retry" in wrong.value.stderr

    # With room, nothing was lost.
    filler.unlink()
    host("vm", "answer", "writer", "retry")
    host.wait_state("writer", "running")
    assert api(host, "GET", "/vms/writer/question")["status"] == 404
    assert host("vm", "question")["items"] == []
    console = Console(host, "writer")
    console.read_until("written 0", 60)
    console.shell("echo 3 > /proc/sys/vm/drop_caches")
    assert console.shell(f"head -c {8 * MIB} /dev/{disk} | sha256sum").split()[0] == wanted
    return console, wanted


def storage_fails(host, switch, console, wanted):
    """As a disk, a controller or a file server fails: what is written and what is read comes to an error."""
    switch.touch()
    console.send("dd if=/tmp/whole of=/dev/vdb bs=1M conv=fsync 2>/dev/null; echo 'put' $?\n")
    status = host.wait_state("writer", "paused")
    assert status["reason_code"] == "io-error" and "I/O error of storage 'ailing' for extra" in status["reason"], status
    asked = question(host, "writer")
    assert [(one["disk"], one["storage"], one["problem"])
            for one in asked["disks"]] == [("extra", "ailing", "io-error")]
    assert "see why storage 'ailing' fails" in asked["disks"][0]["remedy"]
    text = host.text("vm", "question")
    assert "'ailing'" in text and "full" not in text and "yado vm answer writer retry" in text, text
    task = answer(host, "writer", "retry")
    assert task["state"] == "failed" and "I/O error" in task["error"]["message"], task
    switch.unlink()
    host("vm", "answer", "writer", "retry")
    console.read_until("put 0", 60)

    # What was written is whole, and a read that failed meanwhile is only late.
    switch.touch()
    console.send(f"echo 3 >/proc/sys/vm/drop_caches; head -c {8 * MIB} /dev/vdb | sha256sum; echo 'got' $?\n")
    assert host.wait_state("writer", "paused")["reason_code"] == "io-error"
    switch.unlink()
    host("vm", "answer", "writer", "retry")
    assert wanted in console.read_until("got 0", 60)
    assert host("vm", "question")["items"] == []


def storage_is_given_up(host, small, console):
    (small / "filler").write_bytes(b"x" * (12 * MIB))
    console.send("dd if=/dev/zero of=/dev/vda bs=1M seek=20 count=20 conv=fsync 2>/dev/null\n")
    host.wait_state("writer", "paused")
    said = api(host, "POST", "/vms/writer/answer?plan=1", {"answer": "stop"})["body"]["plan"]
    assert not said["refused"] and "power" in said["effects"][0]
    assert [(one["disk"], one["problem"]) for one in question(host, "writer")["disks"]] == [("data", "no-space")]
    assert answer(host, "writer", "stop")["state"] == "done"
    assert host.state_of("writer") == "stopped"
