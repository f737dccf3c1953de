#!/usr/bin/env python3
"""LXD as a peer: a daemon of a directory of its own, started by hand and gone at the end.

  bench/lxd.py [--instances N] [--rounds N]     the list of many stopped instances with their rows; memory of the daemon

The instances are empty containers: LXD makes virtual machines only where the module vhost_vsock is loaded. Asked is its
Unix socket, over a kept connection and without TLS, which is less work than HTTPS. bench/peers installs it."""
import http.client
import json
import pathlib
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

from host import Bench, arguments, wait_for

PROGRAM = pathlib.Path("/usr/bin/lxd")


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("lxd", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Lxd:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="yado-bench-lxd-", dir="/var/tmp"))
        self.process = self.connection = None

    def __enter__(self):
        self.log = open(self.folder / "log", "wb")
        # What it mounts is gone with it.
        self.process = subprocess.Popen(["unshare", "--mount", PROGRAM], stdout=self.log, stderr=self.log,
                                        env={"LXD_DIR": str(self.folder), "PATH": "/usr/sbin:/usr/bin"},
                                        start_new_session=True)
        try:
            wait_for(self.answers, 60, "LXD's answer")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(60)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"LXD ended with {self.process.returncode}:\n{(self.folder / 'log').read_text()}")
        try:
            self.connection = Connection(str(self.folder / "unix.socket"))
            return self.ask("GET", "/1.0")
        except OSError:
            return None

    def read(self, path):
        self.connection.request("GET", path)
        return self.connection.getresponse().read()

    def ask(self, method, path, body=None):
        self.connection.request(method, path, json.dumps(body) if body else None)
        answer = json.loads(self.connection.getresponse().read())
        if answer["type"] == "error":
            raise RuntimeError(f"{method} {path}: {answer['error']}")
        if answer["type"] == "async":
            ended = self.ask("GET", answer["operation"] + "/wait?timeout=60")["metadata"]
            if ended["status"] != "Success":
                raise RuntimeError(f"{method} {path}: {ended['err']}")
        return answer

    def memory(self):
        """Proportional set size in MiB."""
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(text.split("Pss:")[1].split()[0]) / 1024


def main():
    options = arguments(__doc__, instances=1000, rounds=20)
    count = f"{options.instances:,}"
    if not PROGRAM.exists():
        Bench.row(f"LXD: list of {count} instances", "not installed: bench/peers")
        return
    with Lxd() as lxd:
        Bench.row("LXD: memory, no instances", f"{lxd.memory():.1f} MiB")
        lxd.ask("POST", "/1.0/storage-pools", {"name": "bench", "driver": "dir"})
        root = {"root": {"type": "disk", "path": "/", "pool": "bench"}}
        for number in range(options.instances):
            lxd.ask("POST", "/1.0/instances", {"name": f"g{number}", "source": {"type": "none"}, "devices": root})
        times = []
        for _ in range(options.rounds):
            begin = time.monotonic()
            text = lxd.read("/1.0/instances?recursion=1")
            times.append((time.monotonic() - begin) * 1000)
        if len(json.loads(text)["metadata"]) != options.instances:
            raise RuntimeError("LXD does not list all instances")
        Bench.row(f"LXD: list of {count} instances ({len(text) / 1024:.0f} KiB)", f"{statistics.median(times):.1f} ms")
        Bench.row(f"LXD: memory, {count} instances", f"{lxd.memory():.1f} MiB")


if __name__ == "__main__":
    main()
