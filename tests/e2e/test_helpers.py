"""The processes beside QEMU: when one of them dies the guest runs on, what is broken is shown, and how it comes back."""
import os
import signal

from changes import change_as_planned
from yado import Console, wait_for

# By the one card that it has.
LEASE = ("card=$(basename /sys/class/net/eth*); ip link set $card up; "
         "udhcpc -i $card -n -q -t 5 -T 1 -s /bin/true >/dev/null 2>&1; echo $?")


def helper_pid(host, helper):
    path, = host.run.glob(f"vm/*/{helper}/pid")
    return int(dict(line.split(" ", 1) for line in path.read_text().splitlines())["pid"])


def broken(host):
    return {part["part"]: part for part in host.status("g").get("broken") or []}


def kill(host, helper):
    os.kill(helper_pid(host, helper), signal.SIGKILL)


def console_again(host):
    return Console(host, "g", take_over=True)


def test_the_end_of_what_serves_a_guest_is_shown_and_what_brings_it_back(host, tmp_path):
    (tmp_path / "song").write_text("la\n")
    host("mapping", "create", "media", "--kind", "directory", "--path", str(tmp_path))
    host("vm", "create", "g", "--image", "tiny", "--display", "none", "--tpm", "--share", "media:mapping=media")
    host("vm", "start", "g")
    console = Console(host, "g").login()
    assert broken(host) == {} and console.shell(LEASE) == "0"

    kill(host, "nic-nic0")
    wait_for(lambda: set(broken(host)) == {"nics.nic0"}, what="the broken card")
    found = broken(host)["nics.nic0"]
    assert (found["kind"], found["problem"]) == ("nic", "its passt has ended: killed by signal 9 (Killed)")
    assert "plug it in again" in found["remedy"]
    # As it says; what was plugged in later is watched as well.
    change_as_planned(host, "g", {"nics": {"nic0": None}})
    change_as_planned(host, "g", {"nics": {"late": {}}})
    assert broken(host) == {}
    wait_for(lambda: console.shell(LEASE) == "0", what="the network by the new card")
    kill(host, "nic-late")
    wait_for(lambda: set(broken(host)) == {"nics.late"}, what="the broken late card")

    # What died while no daemon ran is found by the next.
    host.kill()
    kill(host, "tpm")
    host.start()
    wait_for(lambda: set(broken(host)) == {"nics.late", "tpm"}, what="all that is broken")
    kill(host, "share-media")
    wait_for(lambda: set(broken(host)) == {"nics.late", "tpm", "shares.media"}, what="all that is broken")
    assert all("stop and start" in part["remedy"] for part in broken(host).values())
    row = next(row for row in host("vm", "list")["items"] if row["name"] == "g")
    assert set(row["broken"]) == set(broken(host))
    said = host.text("vm", "show", "g")
    for program in ("swtpm", "passt", "virtiofsd"):
        assert said.count(program + " has ended: killed by signal 9") == 1, said
    assert host.state_of("g") == "running" and Console(host, "g", take_over=True).shell("echo alive") == "alive"
    host("vm", "stop", "g")
    assert broken(host) == {}
    host("vm", "start", "g")
    assert broken(host) == {} and {row["serving"] for row in host.status("g")["shares"]} == {True}
    host("vm", "stop", "g")
