"""Limits of what a guest's disks and network cards may move, measured in the guest; set at its start and while it runs."""
import contextlib
import fcntl
import os
import socket
import subprocess
import termios
import threading
import time

import pytest

from changes import change_as_planned, plan
from yado import Console, wait_for

MIB = 1 << 20
# IPv6, since the guest's DHCP client takes away any address of IPv4; a network that no other run has.
NETWORK = f"fd00:77:{os.getpid() & 0xffff:x}:{os.getpid() >> 16:x}"
HOST, GUEST = f"{NETWORK}::1", f"{NETWORK}::2"


@pytest.fixture
def bridge(tap_names):
    """A bridge on which this machine has an address."""
    name = f"ylim{os.getpid() % 100000}"
    subprocess.run(["ip", "link", "add", name, "type", "bridge"], check=True)
    try:
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
        subprocess.run(["ip", "addr", "add", f"{HOST}/64", "dev", name, "nodad"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "link", "del", name], check=False)


def serve(listener, size, times):
    """One connection: sends so much until the guest has acknowledged it, or with 0 takes all; how long that took."""
    connection, _ = listener.accept()
    with connection:
        begin = time.monotonic()
        if size:
            connection.sendall(bytes(size))
            wait_for(lambda: fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)) == bytes(4), 60, "all acknowledged")
        else:
            while connection.recv(65536):
                pass
        times.append(time.monotonic() - begin)


def rate_of(console, sends, size):
    """Bytes per second over the network, as the other end saw them."""
    times = []
    with contextlib.closing(socket.create_server((HOST, 0), family=socket.AF_INET6)) as listener:
        thread = threading.Thread(target=serve, args=(listener, 0 if sends else size, times), daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        console.shell(f"dd if=/dev/zero bs=64k count={size // 65536} 2>/dev/null | nc {HOST} {port}" if sends
                      else f"nc {HOST} {port} < /dev/null > /dev/null")
        thread.join(60)
    return size / times[0]


def read_disk(console, device, size, block=65536):
    """Seconds that it takes to read so much; each block is a request of its own."""
    console.shell(f"echo 3 > /proc/sys/vm/drop_caches; echo {block // 1024 if block > 4096 else 0} > "
                  f"/sys/block/{device}/queue/read_ahead_kb")
    begin = time.monotonic()
    console.shell(f"dd if=/dev/{device} of=/dev/null bs={block} count={size // block} 2>/dev/null")
    return time.monotonic() - begin


def helpers(number):
    """The devices through which what the guest sends is led."""
    return [name for name in os.listdir("/sys/class/net") if name.startswith(f"yi{number}.")]


def assert_near(value, wanted):
    """A limit is kept, and nearly reached; a busy machine may stay below."""
    assert 0.25 * wanted < value < 1.3 * wanted, f"{value:.0f} where {wanted} is the limit"


def test_disks_and_cards_keep_their_limits_from_the_start_and_live(host, bridge):
    host("vm", "create", "g", "--image", "tiny", "--display", "none",
         "--disk", "a:size=64M,bus=virtio-blk,limit_read_bandwidth=2M", "--disk", "b:size=64M,bus=virtio-scsi",
         "--nic", f"nic0:mode=bridge,bridge={bridge},limit_receive=1M,limit_send=128K")
    host("vm", "start", "g")
    console = Console(host, "g").login()
    number = host.vm("g")["id"]
    up = f"ip link set eth0 up; ip addr replace {GUEST}/64 dev eth0; ping -c 1 -W 1 {HOST}"
    wait_for(lambda: "bytes from" in console.shell(up), what="the network")

    # From the start.
    assert_near(rate_of(console, False, 2 * MIB), MIB)
    assert_near(rate_of(console, True, MIB // 4), MIB // 8)
    assert_near(4 * MIB / read_disk(console, "vda", 4 * MIB), 2 * MIB)
    # Live, both kinds of disk; a burst lets pass what the limit alone would take six seconds for.
    b = console.shell("for d in /sys/block/sd*; do [ $(cat $d/size) = 131072 ] && echo ${d##*/}; done")
    change_as_planned(host, "g", {"disks": {"b": {"limit_iops": 60}}})
    assert_near(120 * 4096 / read_disk(console, b, 120 * 4096, 4096), 60 * 4096)
    change_as_planned(host, "g", {"disks": {"b": {"limit_iops": 20, "limit_iops_burst": 1000, "limit_burst_seconds": 5},
                                            "a": {"limit_read_bandwidth": None}}})
    assert read_disk(console, b, 120 * 4096, 4096) < 3
    assert read_disk(console, "vda", 4 * MIB) < 1.5
    change_as_planned(host, "g", {"nics": {"nic0": {"limit_send": None, "limit_receive": 2 * MIB}}})
    assert rate_of(console, True, MIB) > MIB // 4  # emulated processors send no faster than some MiB/s
    assert_near(rate_of(console, False, 4 * MIB), 2 * MIB)
    # A card that is plugged in has its limits at once.
    change_as_planned(host, "g", {"nics": {"nic1": {"mode": "bridge", "bridge": bridge, "limit_send": MIB}}})
    assert len(helpers(number)) == 1
    change_as_planned(host, "g", {"nics": {"nic1": None}})
    assert not helpers(number)
    change_as_planned(host, "g", {"nics": {"nic0": {"limit_send": MIB}}})
    host("vm", "stop", "g")
    assert not helpers(number)


def test_limits_that_mean_nothing_are_refused_with_the_field(host):
    host("vm", "create", "g", "--image", "tiny")

    def refusal(patch):
        return plan(host, "g", patch)["refused"][0]
    for patch, field, word in (
            ({"disks": {"disk0": {"limit_iops_burst": 5}}}, "disks.disk0.limit_iops_burst", "without the limit"),
            ({"disks": {"disk0": {"limit_iops": 9, "limit_iops_burst": 5}}}, "disks.disk0.limit_iops_burst",
             "at least"),
            ({"disks": {"disk0": {"limit_iops": 9, "limit_read_iops": 5}}}, "disks.disk0.limit_read_iops", "beside"),
            ({"disks": {"disk0": {"limit_burst_seconds": 5}}}, "disks.disk0.limit_burst_seconds", "without a burst"),
            ({"nics": {"nic0": {"limit_send": MIB}}}, "nics.nic0.limit_send", "mode 'user'"),
            ({"nics": {"n": {"mode": "bridge", "bridge": "lo", "limit_send_burst": MIB}}}, "nics.n.limit_send_burst",
             "without the limit")):
        refused = refusal(patch)
        assert refused["field"] == field and word in refused["message"], refused
