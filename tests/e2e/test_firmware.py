"""Firmware: Secure Boot, TPM, set-up at the next start, machine version, names of disks."""
import json
import os
import socket
import struct
import subprocess
import time

import pytest

from yado import Console, CommandError, request, wait_for

MIB = 1 << 20
SHIM = "/usr/lib/shim/shimx64.efi.signed"
GRUB = "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"
GRUB_CFG = """serial --unit=0
terminal_output serial
set timeout=0
menuentry tiny {
  search --set=root --file /vmlinuz
  linux /vmlinuz console=ttyS0 quiet tsc=reliable no_timer_check mitigations=off cryptomgr.notests random.trust_cpu=on
  initrd /initrd
}
"""
# TPM2_ReadClock (TPM 2.0 part 3, 29.1); of the answer, resetCount: how often the TPM was reset, which is kept in its state.
# The command goes in one write.
READ_CLOCK = ("echo 80010000000a00000181 | xxd -r -p > /tmp/c; exec 3<>/dev/tpm0; cat /tmp/c >&3;"
              " dd bs=64 count=1 <&3 2>/dev/null | xxd -p -c 64; exec 3>&-")
ESCAPE, ONE = 0xFF1B, ord("1")


def reset_count(console):
    answer = bytes.fromhex(console.shell(READ_CLOCK))
    assert answer[6:10] == b"\0\0\0\0", answer
    return int.from_bytes(answer[26:30], "big")


def start(host, name):
    host("vm", "start", name)
    return Console(host, name)


def refusal(host, *arguments):
    with pytest.raises(CommandError) as error:
        host(*arguments)
    return error.value.stderr


def run(*arguments):
    subprocess.run([str(argument) for argument in arguments], check=True, capture_output=True)


def volume_path(host, name, suffix):
    return host.state / "storage" / f"vm-{host.vm(name)['id']}-{suffix}"


def test_a_tpm_keeps_its_state_and_a_guest_its_disks_names_while_its_machine_version_is_upgraded(host):
    host("vm", "create", "subject", "--image", "tiny", "--display", "none", "--tpm", "--machine", "pc-q35-7.1")
    assert {volume["role"] for volume in host("storage", "volumes", "local")["items"]} == {"disk", "tpm"}
    wwn = host.vm("subject")["disks"]["disk0"]["wwn"]
    console = start(host, "subject").login()
    assert console.shell("cat /sys/class/dmi/id/product_version") == "pc-q35-7.1"
    assert "deep" not in console.shell("cat /sys/power/mem_sleep")  # a new guest has no ACPI S3
    wait_for(lambda: console.shell("cat /sys/block/sda/device/wwid") == "naa." + wwn, what="the disk by its name")
    first = reset_count(console)
    pid = int((host.run / f"vm/{host.vm('subject')['id']}/tpm/pid").read_text().split()[1])
    assert os.stat(f"/proc/{pid}").st_uid not in (0, os.stat(f"/proc/{host.status('subject')['pid']}").st_uid)

    assert "it has pc-q35-" in refusal(host, "vm", "upgrade-hardware", "subject", "--machine", "pc-q35-99.9")
    said = host("vm", "upgrade-hardware", "subject", "--plan")["plan"]
    newest = said["changes"][0]["after"]
    assert [(entry["path"], entry["before"], entry["when"]) for entry in said["changes"]] == [
        ("machine", "pc-q35-7.1", "restart")], said
    host("vm", "upgrade-hardware", "subject")
    assert [entry["path"] for entry in host.status("subject")["pending"]] == ["machine"]
    assert console.shell("cat /sys/class/dmi/id/product_version") == "pc-q35-7.1"

    # The TPM goes on with a new daemon as with the old one, and ends with its guest.
    host.kill()
    host.start()
    console = Console(host, "subject").login()
    assert reset_count(console) == first
    host("vm", "stop", "subject")
    assert not os.path.exists(f"/proc/{pid}")
    console = start(host, "subject").login()
    assert reset_count(console) == first + 1
    assert console.shell("cat /sys/class/dmi/id/product_version") == newest
    wait_for(lambda: console.shell("cat /sys/block/sda/device/wwid") == "naa." + wwn, what="the disk by its name")
    assert host.status("subject")["pending"] == []
    assert host("vm", "upgrade-hardware", "subject", "--plan")["plan"]["changes"] == []

    # An older one is no upgrade, and is not called one.
    host("vm", "stop", "subject")
    back = ("vm", "upgrade-hardware", "subject", "--machine", "pc-q35-7.1")
    said = " ".join(host(*back, "--plan")["plan"]["effects"])
    assert "step back" in said and f"--machine {newest}" in said and "activated" in said, said
    assert "後戻り" in host.run_command(*back, env={"LC_ALL": "ja_JP.UTF-8", "LANG": "ja_JP.UTF-8"}).stdout
    assert host.vm("subject")["machine"] == "pc-q35-7.1"
    assert "step back" not in host.run_command("vm", "upgrade-hardware", "subject").stdout

    # Its volume stays when the TPM goes, and goes with the guest.
    host("vm", "set", "subject", "--no-tpm")
    assert [volume["attached"] for volume in host("storage", "volumes", "local")["items"]
            if volume["role"] == "tpm"] == [False]
    host("vm", "delete", "subject", "--yes")
    assert host("storage", "volumes", "local")["items"] == []


def test_what_a_firmware_cannot_do_is_refused_with_what_to_do(host):
    assert "choose firmware 'uefi'" in refusal(host, "vm", "create", "x", "--secure-boot")
    assert "no version of q35" in refusal(host, "vm", "create", "x", "--machine", "pc-i440fx-7.2")
    assert "boot loader" in refusal(host, "vm", "create", "x", "--image", "tiny", "--firmware", "uefi", "--secure-boot")
    assert "virtio-blk has no world wide name" in refusal(
        host, "vm", "create", "x", "--disk", "disk0:size=1M,bus=virtio-blk,wwn=5000c500a1b2c3d4")
    assert "16 hexadecimal digits" in refusal(host, "vm", "create", "x", "--disk", "disk0:size=1M,wwn=123")
    assert "256 MiB" in refusal(host, "vm", "create", "x", "--image", "tiny", "--firmware", "uefi", "--memory", "128M")
    assert "64 MiB" in refusal(host, "vm", "create", "x", "--firmware", "uefi", "--memory", "32M")
    assert "cannot sleep" in refusal(host, "vm", "create", "x", "--firmware", "uefi", "--secure-boot", "--sleep")
    host("vm", "create", "direct", "--image", "tiny")
    said = refusal(host, "vm", "firmware-setup", "direct")
    assert "starts a kernel directly" in said and "yado vm set ID --unset kernel" in said
    host("vm", "set", "direct", "--unset", "kernel")
    host("vm", "firmware-setup", "direct")
    host("vm", "create", "blind", "--display", "none")
    assert "has no display" in refusal(host, "vm", "firmware-setup", "blind")


def test_a_machine_version_that_a_new_qemu_lacks_keeps_a_guest_down_until_it_is_upgraded(host):
    host("vm", "create", "subject", "--machine", "pc-q35-7.1", "--display", "none")
    host("vm", "start", "subject")
    host.stop()
    probe = host.run / "qemu.json"
    found = json.loads(probe.read_text())
    found["machines"].remove("pc-q35-7.1")
    probe.write_text(json.dumps(found))
    host.start()
    # It runs on, and is not taken down for a reboot that would fail.
    for action in ("reboot", "start"):
        said = refusal(host, "vm", action, "subject")
        assert "pc-q35-7.1" in said and f"it has {found['machines'][0]}" in said and "upgrade-hardware" in said, said
    assert host.state_of("subject") == "running"
    host("vm", "set", "subject", "--description", "can be changed")
    host("vm", "stop", "subject")
    assert "upgrade-hardware" in refusal(host, "vm", "start", "subject")
    host("vm", "upgrade-hardware", "subject")
    host("vm", "start", "subject")


def make_esp(path, host):
    """A disk that Debian's signed shim, GRUB and kernel start the system of `tiny` from."""
    build = next((host.state / "images/tiny").iterdir())
    with open(path, "wb") as file:
        file.truncate(48 * MIB)
    config = path.parent / "grub.cfg"
    config.write_text(GRUB_CFG)
    run("mformat", "-i", path, "-F", "::")
    run("mmd", "-i", path, "::/EFI", "::/EFI/BOOT", "::/EFI/debian")
    for source, target in ((SHIM, "EFI/BOOT/BOOTX64.EFI"), (GRUB, "EFI/BOOT/grubx64.efi"),
                           (build / "kernel-efi", "vmlinuz"),
                           (build / "initrd", "initrd"), (config, "EFI/debian/grub.cfg")):
        run("mcopy", "-i", path, source, "::/" + target)


def tamper(volume, original):
    """Changes one byte in the middle of that file, which lies on the volume."""
    content = open(original, "rb").read()
    middle = len(content) // 2 // 4096 * 4096
    with open(volume, "r+b") as file:
        disk = file.read()
        at = disk.find(content[middle:middle + 4096])
        assert at > 0 and disk.count(content[middle:middle + 4096]) == 1
        file.seek(at)
        file.write(bytes([disk[at] ^ 1]))


def test_secure_boot_starts_what_is_signed_and_nothing_tampered_with_and_set_up_is_entered_once(host, tmp_path):
    make_esp(tmp_path / "esp.img", host)
    host("image", "import", tmp_path / "esp.img", "--name", "esp", "--format", "raw")
    host("vm", "create", "subject", "--image", "esp", "--disk", "disk0:format=raw", "--memory", "384M",
         "--display", "none",
         "--firmware", "uefi", "--secure-boot", "--tpm")
    console = start(host, "subject").login()
    assert "Secure boot enabled" in console.shell("dmesg | grep -i 'secure boot enabled'")
    assert "[integrity]" in console.shell("mount -t securityfs s /sys/kernel/security; cat /sys/kernel/security/lockdown")
    assert int(console.shell("cat /sys/class/tpm/tpm0/pcr-sha256/7"), 16) != 0  # the firmware has measured its keys
    # Asked of a running guest, it is the next start that enters it.
    host("vm", "firmware-setup", "subject")
    assert host.status("subject")["firmware_setup"] is True
    host("vm", "firmware-setup", "subject", "--cancel")
    assert host.status("subject")["firmware_setup"] is False
    host("vm", "firmware-setup", "subject")
    host("vm", "stop", "subject")

    tamper(volume_path(host, "subject", "disk0.raw"), next((host.state / "images/tiny").iterdir()) / "kernel-efi")
    host.kill()
    host.start()
    assert host.status("subject")["firmware_setup"] is True
    console = start(host, "subject")
    console.read_until("Device Manager", 60)
    assert host.status("subject")["firmware_setup"] is False
    host("vm", "stop", "subject")

    console = start(host, "subject")
    seen = console.read_until("bad shim signature", 60)
    assert "Device Manager" not in seen
    host("vm", "stop", "subject")

    tamper(volume_path(host, "subject", "disk0.raw"), SHIM)
    console = start(host, "subject")
    console.read_until("Access Denied", 60)
    host("vm", "stop", "subject")

    # With the boot menu's time, the firmware waits for a key before it tries any disk.
    host("vm", "set", "subject", "--boot-menu", "60")
    console = start(host, "subject")
    wait_for(lambda: console.send("\x1b") or "Device Manager" in console.look(), 60, "the menu")
    assert "Access Denied" not in console.look()


def press(host, name, *keys):
    """Presses keys at the guest's display (RFC 6143, 7.5.4)."""
    _, fds = request(host, "POST", f"/api/v1/vms/{name}/console/vnc", want_fds=1)
    client = socket.socket(fileno=fds[0])
    client.settimeout(30)
    assert client.recv(12, socket.MSG_WAITALL) == b"RFB 003.008\n"
    client.sendall(b"RFB 003.008\n")
    client.recv(client.recv(1)[0], socket.MSG_WAITALL)
    client.sendall(b"\x01")
    assert client.recv(4, socket.MSG_WAITALL) == bytes(4)
    client.sendall(b"\x01")
    client.recv(24, socket.MSG_WAITALL)
    for key in keys:
        client.sendall(struct.pack(">BBxxI", 4, 1, key) + struct.pack(">BBxxI", 4, 0, key))
    client.close()


def import_sector(host, path, name, text):
    """An image that writes the text to the serial port and halts."""
    code = bytes.fromhex("fa31c08ed8be167cac84c07406baf803eeebf5f4ebfd") + text.encode() + b"\r\n\0"
    path.write_bytes(code.ljust(510, b"\0") + b"\x55\xaa" + bytes(MIB - 512))
    host("image", "import", path, "--name", name, "--format", "raw")


def test_a_bios_guest_starts_from_what_its_boot_order_says_and_waits_for_its_boot_menu_once(host, tmp_path):
    import_sector(host, tmp_path / "sector.img", "sector", "boot sector")
    host("vm", "create", "subject", "--image", "sector", "--firmware", "bios")
    host("vm", "firmware-setup", "subject")
    console = start(host, "subject")
    assert host.status("subject")["firmware_setup"] is False
    with pytest.raises(TimeoutError):
        console.read_until("boot sector", 4)

    def chosen():
        press(host, "subject", ESCAPE, ONE)
        return "boot sector" in console.look()
    wait_for(chosen, 20, "the boot from the menu")
    host("vm", "stop", "subject")
    begin = time.monotonic()
    start(host, "subject").read_until("boot sector", 20)
    assert time.monotonic() - begin < 20
    host("vm", "stop", "subject")
    import_sector(host, tmp_path / "other.img", "other", "other disk")
    host("vm", "set", "subject", "--disk", "other:image=other", "--boot", "other,disk0")
    assert "boot sector" not in start(host, "subject").read_until("other disk", 20)
    host("vm", "stop", "subject")
    host("vm", "set", "subject", "--boot-menu", "60")
    console = start(host, "subject")
    with pytest.raises(TimeoutError):
        console.read_until("other disk", 4)
