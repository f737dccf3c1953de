"""A machine to install packages on: this one's file system under an overlay, with process and mount namespaces of its
own. Packages, dpkg and their scripts are real; what it lacks is a running systemd (tests/lab has one)."""
import os
import pathlib
import shutil
import signal
import subprocess

SETUP = """
set -e
mount --make-rprivate /
mkdir -p "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
for place in /dev /sys; do mount --rbind "$place" "$1/root$place"; done
mount -t proc proc "$1/root/proc"
mount -t tmpfs -o mode=755 tmpfs "$1/root/run"
mount -t tmpfs -o mode=1777 tmpfs "$1/root/tmp"
echo ready
exec sleep infinity
"""


class Machine:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.root = self.folder / "root"
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", SETUP, "setup", self.folder],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            raise RuntimeError(self.holder.stderr.read())
        children = pathlib.Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text()
        self.init = int(children.split()[0])
        # What this machine has of Yado is not there.
        self("bash", "-c", "rm -rf /var/lib/yado /etc/systemd/system/*yado*; ! getent passwd yado || userdel yado")

    def command(self, *arguments):
        return ["nsenter", f"--target={self.init}", "--mount", "--pid", "chroot", self.root, *map(str, arguments)]

    def run(self, *arguments, env=None, timeout=300):
        """The finished process, its output as text; stderr goes into stdout, as on a terminal."""
        return subprocess.run(self.command(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root",
                                   "DEBIAN_FRONTEND": "noninteractive", **(env or {})})

    def __call__(self, *arguments, **keywords):
        result = self.run(*arguments, **keywords)
        assert result.returncode == 0, f"{arguments} ended with {result.returncode}:\n{result.stdout}"
        return result.stdout

    def start(self, *arguments, log):
        with open(self.folder / log, "ab") as output:
            return subprocess.Popen(self.command(*arguments), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                    start_new_session=True)

    def path(self, path):
        """Of a file as this machine's own processes see it, under the overlay's mount."""
        return pathlib.Path(f"/proc/{self.init}/root{self.root}") / str(path).lstrip("/")

    def close(self):
        """Its processes end with its first one."""
        os.kill(self.init, signal.SIGKILL)
        self.holder.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)
