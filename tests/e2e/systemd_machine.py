"""A machine with systemd, made of namespaces: this one's files under an overlay, its own processes, control groups v2 and
network, and a real systemd as its first process that runs Yado by the repository's own units.

systemd takes it for a container, and so leaves devices and kernel parameters alone; /sys and /proc/sys are read-only
besides. Of the host's units none is enabled there: /etc/systemd is hidden. A boot is a second, and a poweroff ends it for
real; its disk (the overlay and the state) is there at the next boot, /run is not. What it does not have is a boot id of
its own: a new /run tells a boot here."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import uuid

from yado import BUILD, ROOT, CommandError, Yado, wait_for

INIT = pathlib.Path(__file__).with_name("machine-init")


class Machine:
    def __init__(self, folder, seed):
        self.folder = pathlib.Path(folder)
        self.root = self.folder / "root"
        self.state = self.folder / "state"
        self.console = self.folder / "console"
        self.init = None
        self.process = None
        for name in ("root", "layers", "group"):
            (self.folder / name).mkdir(mode=0o755)
        Yado(self.state).copy_from(seed, "/var/lib/yado")
        # A tmpfs: an overlay does not take another one as its upper layer, which / may be.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "layers", self.folder / "layers"], check=True)
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", self.folder / "group"], check=True)
        self.group = self.folder / "group" / f"yado-test-{os.getpid()}-{self.folder.name}"
        self.group.mkdir()
        for name in ("upper", "work"):
            (self.folder / "layers" / name).mkdir(mode=0o755)
        subprocess.run(["mount", "-t", "overlay", "-o", f"lowerdir=/,upperdir={self.folder}/layers/upper,"
                        f"workdir={self.folder}/layers/work", "overlay", self.root], check=True)
        self.install()

    def install(self):
        """The units as they are built, and the programs where these look for them."""
        units = self.root / "run-units"  # moved to its place in /etc by machine-init, which hides the host's
        units.mkdir()
        for unit in ("yadod.service", "yado-guests.service"):
            shutil.copy(BUILD / "systemd" / unit, units)
        shutil.copy(ROOT / "systemd/yado-guests.slice", units)
        text = (units / "yadod.service").read_text() + (units / "yado-guests.service").read_text()
        for name, target in (("yadod", BUILD / "src/daemon/yadod"), ("yado", BUILD / "src/cli/yado")):
            path = self.root / re.search(rf"(/\S*bin/{name})[ \n]", text)[1].lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.symlink_to(target)
        asan = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        (units / "yadod.service.d").mkdir()
        (units / "yadod.service.d/test.conf").write_text(
            f"[Service]\nExecStart=\nExecStart={BUILD}/src/daemon/yadod --probe-rom {BUILD}/src/qemu/probe.rom "
            f"--recipes {ROOT}/recipes\nEnvironment=ASAN_OPTIONS={asan}\n")
        (units / "machine.target").write_text(
            "[Unit]\nRequires=basic.target\nWants=dbus.socket yadod.service\nAfter=basic.target\nAllowIsolate=yes\n")
        # A journal of its own, kept over its boots.
        identity = uuid.uuid4().hex
        (self.root / "etc/machine-id").unlink(missing_ok=True)
        (self.root / "etc/machine-id").write_text(identity + "\n")
        self.log = self.root / "var/log/journal" / identity
        self.log.mkdir(parents=True)
        (self.root / "var/lib/yado").mkdir(mode=0o700, parents=True, exist_ok=True)

    # --- its power ---
    def boot(self):
        binds = [BUILD, ROOT / "recipes", ROOT / "systemd"]
        log = open(self.console, "ab")
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--cgroup", "--net", "--uts", "--ipc",
             INIT, self.root, self.state, *binds],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            preexec_fn=lambda: (self.group / "cgroup.procs").write_text(str(os.getpid())))
        log.close()
        self.init = wait_for(self.find_init, 30, "the machine's first process")
        wait_for(lambda: self.run("systemctl", "is-active", "machine.target").stdout.strip() == "active", 120,
                 "the machine's boot")
        wait_for(lambda: self.run("yado", "node", "show").returncode == 0, 120, "yadod's first answer")
        return self

    def find_init(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the machine has ended: {self.console.read_text(errors='replace')[-2000:]}")
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        if not children:
            return None
        comm = pathlib.Path(f"/proc/{children[0]}/comm").read_text().strip()
        return int(children[0]) if comm == "systemd" else None

    def power_off(self, timeout=120):
        """As its administrator does; returns when it is off."""
        self.run("systemctl", "poweroff", "--no-block")
        self.wait_off(timeout)

    def wait_off(self, timeout=120):
        self.process.wait(timeout)
        self.process = self.init = None

    def cut_power(self):
        os.kill(self.init, signal.SIGKILL)
        self.wait_off()

    def clean(self):
        if self.process:
            self.cut_power()
        subprocess.run(["umount", self.root], check=True)
        for folder in sorted(self.group.rglob("*/"), key=lambda path: -len(path.parts)):
            if folder.is_dir():
                folder.rmdir()
        self.group.rmdir()
        for name in ("group", "layers"):
            subprocess.run(["umount", self.folder / name], check=True)

    # --- what runs in it ---
    def run(self, *command, timeout=120):
        """A program inside; its result, also of a failure."""
        return subprocess.run(
            ["nsenter", "-t", str(self.init), "--mount", "--pid", "--cgroup", "--net", "--uts", "--ipc", "--root",
             "--wd", "env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
             "LC_ALL=C.UTF-8", "ASAN_OPTIONS=detect_leaks=0", *map(str, command)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)

    def text(self, *command, timeout=120):
        result = self.run(*command, timeout=timeout)
        if result.returncode:
            raise CommandError(command, result)
        return result.stdout.strip()

    def __call__(self, *arguments, timeout=120):
        answer = self.text("yado", "-o", "json", *arguments, timeout=timeout)
        return json.loads(answer) if answer else None

    def status(self, name):
        return self("vm", "show", name)["status"]

    def state_of(self, name):
        return self.status(name)["state"]

    def property(self, unit, name):
        return self.text("systemctl", "show", "-P", name, unit)

    def group_of(self, pid):
        return self.text("cat", f"/proc/{pid}/cgroup").splitlines()[-1].split(":", 2)[2]

    def journal(self):
        """What systemd and its units have said since the first boot; also when it is off."""
        return subprocess.run(["journalctl", "-D", self.log, "--no-pager", "-o", "short-precise"],
                              capture_output=True, text=True, check=True).stdout
