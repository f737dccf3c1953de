"""Watchdog, displays, sound, random numbers, serial ports, vsock: what the guest sees of them, and what they do."""
import os
import re

import pytest

from changes import change_as_planned, plan
from yado import Console, api, wait_for

MIB = 1 << 20
# QEMU's default times of the i6300esb (two stages of 0xfffff) at its faster clock are two seconds. Its two registers are in
# its PCI configuration (6300ESB ICH datasheet, 16.3), so that no driver is needed to arm it.
ARM = ("cd /sys/bus/pci/devices/0000:00:09.0; printf '\\004\\000' | dd of=config bs=2 seek=48 conv=notrunc 2>&1; "
       "printf '\\002' | dd of=config bs=1 seek=104 conv=notrunc 2>&1; cd")


def make(host, name, *arguments):
    return host("vm", "create", name, "--image", "tiny", *arguments)


def pci_ids(console):
    """The PCI devices that the guest sees: address -> "vendor:device"."""
    text = console.shell("for d in /sys/bus/pci/devices/*; do echo ${d##*:} $(cat $d/vendor $d/device); done")
    return {line.split()[0]: line.split()[1][2:] + ":" + line.split()[2][2:] for line in text.splitlines()}


def watchdog_of(host, state):
    """The reason, once that is the watchdog and the guest's state is this."""
    return wait_for(lambda: (now := host.status("g")) and (now["reason_code"], now["state"]) == ("watchdog", state) and
                    now["reason"], what=f"the watchdog, and {state}")


def test_the_guest_sees_what_it_has_and_the_watchdog_does_what_was_chosen(host):
    make(host, "g", "--display", "none", "--watchdog-model", "i6300esb", "--watchdog-action",
         "none", "--sound", "hda", "--rng-limit", "1K", "--serial-ports", "3")
    host("vm", "start", "g")
    console = Console(host, "g").login()
    ids = pci_ids(console)
    assert ids["05.0"] == "1af4:1005"  # virtio-rng
    assert ids["09.0"] == "8086:25ab"  # 6300ESB
    assert ids["0a.0"] == "8086:293e"  # HD Audio of an ICH9
    ports = re.findall(r"uart:16550A port:(\w+) irq:(\d+)", console.shell("cat /proc/tty/driver/serial"))
    assert ports == [("000003F8", "4"), ("000002F8", "3"), ("000003E8", "7")], ports

    # Each serial port has a console of its own, and what was printed on it before.
    # In sessions of their own, or the shell's terminal would be another one.
    console.shell("(setsid sh -c 'read -r line < /dev/ttyS2; echo third: $line > /dev/ttyS2' &); "
                  "setsid sh -c 'echo from the second > /dev/ttyS1'")
    assert "from the second" in host.text("console", "g", "--port", "2", "--linger", "1", input="")
    third = Console(host, "g", port=3)
    wait_for(lambda: third.send("typed\n") or "third: typed" in third.look(), what="the answer of the third port")
    assert api(host, "POST", "/vms/g/console/serial", {"port": 4})["body"]["error"]["field"] == "port"

    console.shell(ARM)
    assert "nothing was done" in watchdog_of(host, "running")
    # What it does is chosen live.
    change_as_planned(host, "g", {"watchdog": {"action": "pause"}})
    console.shell(ARM)
    assert "paused" in watchdog_of(host, "paused")
    host("vm", "resume", "g")
    change_as_planned(host, "g", {"watchdog": {"action": "reset"}})
    console.shell(ARM)
    assert "was reset" in watchdog_of(host, "running")
    console.login()
    change_as_planned(host, "g", {"watchdog": {"action": "nmi"}})
    console.shell(ARM)
    wait_for(lambda: "interrupted (NMI)" in host.status("g")["reason"], what="the word of the NMI")
    wait_for(lambda: "NMI" in console.shell("dmesg | grep 'NMI received'; dmesg | grep -i 'unknown NMI'"),
             what="the NMI in the guest")
    # The guest's system hears of it as of the power button.
    change_as_planned(host, "g", {"watchdog": {"action": "shutdown"}})
    console.shell("until ls -l /proc/$(pidof acpid)/fd 2>/dev/null | grep -q /dev/input/; do sleep 0.1; done")
    console.shell(ARM)
    host.wait_state("g", "stopped")
    assert host.status("g")["reason_code"] == "guest-shutdown"
    host("vm", "start", "g")
    console = Console(host, "g").login()
    # QEMU does it without a daemon too, and the next one says so.
    change_as_planned(host, "g", {"watchdog": {"action": "poweroff"}})
    pid = host.status("g")["pid"]
    console.shell(ARM)
    host.kill()
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"), what="the end of QEMU")
    host.start()
    assert "power was turned off" in watchdog_of(host, "stopped")


def test_each_display_that_this_qemu_has_is_shown_and_others_are_refused(host):
    make(host, "g", "--restart-policy", "never")
    for display in ("vga", "virtio", "qxl", "vmware", "cirrus", "bochs"):
        host("vm", "set", "g", "--display", display, "--display-memory", "16M")
        host("vm", "start", "g")
        assert host.state_of("g") == "running"
        reply = api(host, "POST", "/vms/g/console/vnc", {})
        assert reply["status"] == 200, (display, reply)
        host("vm", "stop", "g")
    refused = plan(host, "g", {"display": "none"})["refused"][0]
    assert refused["field"] == "display_memory" and "no meaning" in refused["message"]
    refused = plan(host, "g", {"display": "cirrus", "display_memory": 64 * MIB})["refused"][0]
    assert "power of two from 4 to 16 MiB" in refused["message"]
    # As on a node whose QEMU came without a part: the probe's answer is kept for the boot.
    host.stop()
    known = host.run / "qemu.json"
    known.write_text(known.read_text().replace('"qxl-vga"', '"other"'))
    host.start()
    refused = plan(host, "g", {"display": "qxl"})["refused"][0]
    assert refused["field"] == "display" and refused["hint"] == "it has vga, virtio, vmware, cirrus, bochs, none"


@pytest.mark.skipif(os.path.exists("/dev/vhost-vsock"), reason="the host has vhost-vsock")
def test_what_would_do_nothing_is_refused_with_the_reason(host):
    make(host, "g")
    refused = plan(host, "g", {"vsock": True})["refused"][0]
    assert refused["field"] == "vsock" and "/dev/vhost-vsock" in refused["message"], refused
    assert "modprobe vhost_vsock" in refused["hint"]
    # Nor is an action taken for a watchdog.
    refused = plan(host, "g", {"watchdog": {"action": "pause"}})["refused"][0]
    assert refused["field"] == "watchdog.action" and "i6300esb" in refused["hint"], refused


def test_what_has_no_effect_for_now_is_told_in_the_plan_and_what_is_set_is_shown(host):
    make(host, "g", "--memory-min", "64M", "--smbios-serial", "SN-1", "--disk", "d:size=8M,limit_iops=500")

    def effects(patch):
        return " ".join(plan(host, "g", patch)["effects"])
    assert "boot has no effect" in effects({"boot": ["disk0"]})
    assert "no effect" not in effects({"boot": ["disk0"], "kernel": None})
    assert "memory_min has no effect, as a balloon would give the node nothing: the guest has hugepages" in effects({"hugepages": "2M"})
    assert "cloud_init has no effect" in effects({"cloud_init": {"user": "ana", "enabled": False}})
    if host("node", "show")["acceleration"] == "tcg":
        said = effects({"cpu": {"model": "Nehalem", "nested": True}})
        assert "cpu.nested has no effect with the model 'Nehalem'" in said
        assert "no effect" not in effects({"cpu": {"model": "qemu64", "nested": True}})
    # What is refused says by which flag it was given.
    said = host.run_command("vm", "set", "g", "--boot", "nic7", "--plan")
    assert "no device 'nic7' to boot from (--boot)" in said.stdout and "it has d, disk0, nic0" in said.stdout
    assert "revision" not in said.stdout, said.stdout
    settings = host.text("vm", "show", "g").split("Further settings\n")[1].split()
    assert settings == ["memory_min", "64", "MiB", "smbios.serial", "SN-1"], settings
    assert "limit_iops=500" in host.text("vm", "show", "g")
    # Once it is set, the change says so, once, and the guest as long as it is so.
    said = host.text("vm", "set", "g", "--cloud-init-user", "ana", "--no-cloud-init-enabled")
    assert "  · cloud_init has no effect while cloud_init.enabled is off" in said, said
    assert "no effect" not in host.text("vm", "set", "g", "--description", "a guest")
    assert [one["field"] for one in host.status("g")["no_effect"]] == ["cloud_init"]
    assert "Without effect\n  cloud_init has no effect" in host.text("vm", "show", "g")
    assert "効果のない設定\n  cloud_init は、" in host.run_command("vm", "show", "g", env={"LC_ALL": "ja_JP.UTF-8"}).stdout
    host.kill()
    host.start()
    assert [one["field"] for one in host.status("g")["no_effect"]] == ["cloud_init"]
    host.text("vm", "set", "g", "--cloud-init-enabled")
    assert "no_effect" not in host.status("g") and "Without effect" not in host.text("vm", "show", "g")
    # Nobody is told to install the agent in a guest that is off.
    said = host.run_command("vm", "exec", "g", "--", "true").stderr
    assert "does not run" in said and "install" not in said, said
    said = host.run_command("vm", "exec", "g", "--plan", "--", "true").stdout
    assert "refused" in said and "does not run" in said, said
