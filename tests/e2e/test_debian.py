"""A whole Debian: the image is made here by the recipe, once, and boots by itself from either firmware."""
import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import subprocess

import pytest

from yado import CommandError, Console, Yado, api, wait_for

GIB = 1 << 30
UIDS = range(2100065536, 2100131072)  # root and all others of the namespace that the recipe works in


@pytest.fixture(scope="module")
def inn(tiny, tmp_path_factory):
    """A yadod with the image "web": a Debian 12 with one package more."""
    yado = Yado(tmp_path_factory.mktemp("debian") / "state")
    yado.copy_from(tiny)
    yado.start()
    # Who keeps packages from one run to the next (YADO_TEST_IMAGES) keeps these there too.
    kept = pathlib.Path(tiny) / "images/.cache/debian"
    try:
        if kept.is_dir():
            shutil.copytree(kept, yado.state / "images/.cache/debian")
        yado("image", "build", "web", "--suite", "bookworm", "--packages", "openssh-server,cloud-init", "--size", "3G",
             timeout=1500)
        yield yado
    finally:
        yado.clean()
        shutil.rmtree(yado.state, ignore_errors=True)


def stages(host):
    return [path.name for path in (host.state / "images").iterdir() if path.name.startswith(".new-")]


def build_processes():
    """Processes of a recipe's namespace, on the whole machine."""
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and folder.stat().st_uid in UIDS:
                found.append((folder / "cmdline").read_text())
        except OSError:
            pass
    return found


def start_build(host, step, **fields):
    """A build that has come to the step."""
    task = api(host, "POST", "/images/build", {"recipe": "debian-12", **fields})["body"]["task"]

    def arrived():
        record = api(host, "GET", f"/tasks/{task}")["body"]
        assert record["state"] in ("queued", "running"), record
        return record.get("step", "").startswith(step)
    wait_for(arrived, 300, f"step {step!r} of the build")
    return task


def enter(console):
    """Root's shell, on a console that asks for no password. What is typed while the login begins is thrown away."""
    def prompts():
        console.send("\n")
        with contextlib.suppress(TimeoutError):
            console.read_until("# ", 10)
            return True
    wait_for(prompts, 300, "root's prompt")
    console.send("bind 'set enable-bracketed-paste off'; stty -echo; PS1=\n")
    console.shell("true", 60)
    return console


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFv4Qd0Fz3i0N9zJ0y4mXW6cNq5vYk0s0r0o9b8m7c6d me@example"


def hand_over(inn, folder):
    """To the guest `plain`: what cloud-init is to make of it, by fields and by a script of its own."""
    inn("vm", "set", "plain", "--cloud-init-user", "ana", "--cloud-init-keys", KEY, "--guestinfo", "role=db",
        "--cloud-init-nic", "nic1:address=192.0.2.10/24,gateway=192.0.2.1", "--nic", "nic1:mode=user,link=no")
    (folder / "password").write_text("Correct-horse-2\n")
    (folder / "user-data").write_text("#!/bin/sh\necho 宿 >/etc/mark\n")
    inn("vm", "cloud-init-password", "plain", "--password-file", folder / "password")
    inn("vm", "user-data", "plain", folder / "user-data")


def check_handed(inn, console):
    assert "status: done" in console.shell("cloud-init status --wait", 600)
    assert "DataSourceNoCloud" in console.shell("cat /run/cloud-init/result.json", 60)
    assert console.shell("cat /etc/mark", 60) == "宿"
    assert console.shell("cat /home/ana/.ssh/authorized_keys", 60).splitlines()[-1] == KEY
    assert console.shell("sudo -u ana sudo -n id -u", 60) == "0"
    # The password is that, by the guest's own crypt(3).
    salt, shadow = console.shell("getent shadow ana | cut -d: -f2 | cut -d$ -f3; getent shadow ana | cut -d: -f2",
                                 60).split()
    made = subprocess.run(["openssl", "passwd", "-6", "-salt", salt, "Correct-horse-2"], capture_output=True, text=True,
                          check=True).stdout.strip()
    assert shadow == made
    # Its cards have the names that they have here, and the addresses that were given.
    links = console.shell("ls /sys/class/net", 60).split()
    assert {"nic0", "nic1"} <= set(links)
    assert console.shell("cat /sys/class/net/nic1/address", 60) == inn.vm("plain")["nics"]["nic1"]["mac"]
    assert "192.0.2.10/24" in console.shell("cat /etc/systemd/network/*nic1*", 60)
    assert console.shell("modprobe qemu_fw_cfg; cat /sys/firmware/qemu_fw_cfg/by_name/opt/org.yado/guestinfo/role/raw; echo",
                         60) == "db"


def check_booted(inn, name, firmware, console):
    """What each guest of the image is; gives what tells it from another."""
    assert console.shell("cat /etc/hostname", 60) == name
    # The root file system has taken all of the larger disk.
    assert int(console.shell("df --output=size -B 1M / | tail -n 1", 60)) > 4500
    assert console.shell("test -d /sys/firmware/efi && echo uefi || echo bios", 60) == firmware
    assert console.shell("systemctl is-active systemd-networkd systemd-resolved fstrim.timer ssh", 60).split() == \
        ["active"] * 4
    assert console.shell("passwd --status root", 60).split()[1] == "L"
    assert console.shell("timedatectl show -p Timezone --value", 60) in ("Etc/UTC", "UTC")
    return tells_apart(console)


def tells_apart(console):
    return [console.shell("cat /etc/machine-id", 60),
            console.shell("cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub", 60)]


def life_from_bios(inn):
    """A guest that is handed what cloud-init does."""
    inn.wait_agent("plain", 600)
    inn.wait_address("plain", 120)
    console = enter(Console(inn, "plain"))
    check_handed(inn, console)
    assert not inn.vm("plain")["secure_boot"]
    return check_booted(inn, "plain", "bios", console)


def life_from_uefi(inn):
    """A guest that is handed nothing, and boots twice."""
    inn.wait_agent("modern", 600)
    inn.wait_address("modern", 120)
    console = enter(Console(inn, "modern"))
    assert "disabled" in console.shell("cloud-init status", 60)  # without a drive nothing is looked for
    # With Secure Boot, as the preset of the image's system has it: its boot loader and kernel are signed.
    assert inn.vm("modern")["secure_boot"]
    assert console.shell("od -An -t u1 -j 4 /sys/firmware/efi/efivars/SecureBoot-*", 60) == "1"
    seen = check_booted(inn, "modern", "uefi", console)

    # The second boot is that of a newer kernel (by its name), which the hook of Debian's kernel packages has made known to
    # the boot loader; the guest's identity stays.
    console.shell("for file in vmlinuz initrd.img; do cp /boot/$file-$(uname -r) /boot/$file-9.9.9-new; done; "
                  "/etc/kernel/postinst.d/zz-update-grub 9.9.9-new /boot/vmlinuz-9.9.9-new; sync", 300)
    before = console.shell("cat /proc/sys/kernel/random/boot_id", 60)
    console.send("systemctl reboot\n")
    console.read_until("login:", 600)
    enter(console)
    assert console.shell("cat /proc/sys/kernel/random/boot_id", 60) != before
    assert "vmlinuz-9.9.9-new" in console.shell("cat /proc/cmdline", 60)
    assert tells_apart(console) == seen
    # A password for root closes the console.
    console.shell("echo root:Correct-horse-1 | chpasswd", 60)
    console.send("exit\n")
    console.read_until("login: ", 120)
    console.send("root\n")
    console.read_until("Password: ", 60)
    return seen


def test_a_debian_boots_by_itself_from_bios_and_from_uefi_and_does_what_it_is_handed(inn, tmp_path):
    image = inn("image", "show", "web")
    assert image["kind"] == "disk" and image["recipe"] == "debian" and image["size"] == 3 * GIB
    assert "openssh-server" in image["description"] and image["os"] == "debian-12"
    for name, firmware in (("plain", "bios"), ("modern", "uefi")):
        inn("vm", "create", name, "--image", "web", "--firmware", firmware, "--disk", "disk0:size=5G")
        document = inn.vm(name)
        assert "kernel" not in document and document["hostname"] == name
    hand_over(inn, tmp_path)
    for name in ("plain", "modern"):
        inn("vm", "start", name)
    with concurrent.futures.ThreadPoolExecutor() as both:
        plain, modern = [life.result() for life in (both.submit(life_from_bios, inn), both.submit(life_from_uefi, inn))]
    # Nothing that is secret, or tells one from another, came with the image.
    for ours, theirs in zip(plain, modern):
        assert len(ours) > 30 and ours != theirs


def test_what_a_recipe_does_not_take_or_know_is_refused(inn):
    def refused(*arguments):
        with pytest.raises(CommandError) as caught:
            inn("image", "build", *arguments, timeout=300)
        return caught.value.stderr
    assert "tiny" in refused("nosuch")
    assert "takes no packages" in refused("tiny", "--packages", "nginx")
    assert "takes no suite" in refused("debian-12", "--suite", "trixie")
    assert "needs suite" in refused("debian")
    assert "must be" in refused("debian-12", "--packages", "../etc")
    assert "must be" in refused("debian-12", "--mirror", "file:///etc")
    assert "no-such-package" in refused("debian-12", "--packages", "no-such-package")
    assert "no-such-suite" in refused("x", "--suite", "no-such-suite")
    assert "tiny" in refused("web", "--recipe", "tiny")  # that name is another recipe's image
    assert not stages(inn)
    names = [item["name"] for item in api(inn, "GET", "/recipes")["body"]["items"]]
    assert names == ["debian", "debian-12", "tiny"]
    assert inn.text("__complete", "image", "build", "").splitlines() == names


def test_a_build_that_is_cancelled_leaves_nothing(inn):
    task = start_build(inn, "installing", name="cancelled")
    wait_for(build_processes, 60, "a process in the build's namespace")
    assert api(inn, "POST", f"/tasks/{task}/cancel")["status"] == 200
    wait_for(lambda: api(inn, "GET", f"/tasks/{task}")["body"]["state"] == "cancelled", 60, "the cancel")
    wait_for(lambda: not build_processes(), 30, "the end of the build's processes")
    assert not stages(inn)
    assert api(inn, "GET", "/images/cancelled")["status"] == 404


def test_a_build_ends_with_its_daemon(inn):
    task = start_build(inn, "installing", name="orphan")
    wait_for(build_processes, 60, "a process in the build's namespace")
    inn.kill()
    wait_for(lambda: not build_processes(), 30, "the end of the build's processes")
    inn.start()
    wait_for(lambda: api(inn, "GET", f"/tasks/{task}")["body"]["state"] == "failed", 60, "the task's end")
    assert not stages(inn)


def test_a_build_without_room_says_so_and_leaves_nothing(inn, tmp_path):
    program = pathlib.Path(__file__).resolve().parents[2] / "recipes/debian/build"
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=50M", "small", small], check=True)
    try:
        (small / "out").mkdir()
        result = subprocess.run([program, small / "out", small / "cache", "suite=bookworm"], capture_output=True,
                                text=True)
        assert result.returncode and "No space left" in result.stderr and "MiB" in result.stderr
        assert not os.listdir(small / "out")
    finally:
        subprocess.run(["umount", small], check=True)
