#!/usr/bin/env python3
"""Start of a VM: from the request until QEMU's `cont` has returned, beside bare QEMU in the same run.

  bench/start.py [--rounds N] [--profile]

Both start the same guest with the very arguments that Yado gives QEMU, taken from /proc/PID/cmdline, and the same kinds
of descriptors. Bare QEMU runs as root with no cage, no control group, no passt at the other end of its network card's
socket, and nothing is written. They take turns in each round, since the machine's speed changes while one looks; each
side's median counts. Yado's end is taken where the caller sees it, at the answer that the task is done (which follows
a durable record of that), and where `cont` has returned, by the time of the task's log line."""
import datetime
import json
import os
import re
import socket
import statistics
import sys
import time

from host import Bench, arguments


def file_behind(pid, number):
    return os.readlink(f"/proc/{pid}/fd/{number}")


def regular_files(pid):
    for number in os.listdir(f"/proc/{pid}/fd"):
        path = os.readlink(f"/proc/{pid}/fd/{number}")
        if path.endswith((".qcow2", ".raw")):
            yield path


class Bare:
    """What Yado's guest was given, given to a QEMU of our own."""

    def __init__(self, pid, folder):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            self.argv = [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
        text = "\0".join(self.argv)
        self.folder = folder
        self.files = {int(number): (file_behind(pid, number), os.O_RDONLY)
                      for number in re.findall(r"/proc/self/fd/(\d+)", text)}
        disks = sorted(set(regular_files(pid)))
        for number, path in zip(re.findall(r"fd=(\d+),set=", text), disks, strict=True):
            self.files[int(number)] = (path, os.O_RDWR)
        self.sockets = {name: int(number)
                        for name, number in re.findall(r"socket,id=(\w+),fd=(\d+),server=on", text)}
        self.cards = [int(number) for number in re.findall(r'"type":"fd","str":"(\d+)"', text)]

    def start(self):
        """Milliseconds until `cont` has returned."""
        paths = {name: f"{self.folder}/bare-{name}" for name in self.sockets}
        begin = time.monotonic()
        opened, actions, above = [], [], 100

        def give(fd, number):
            opened.append(fd)
            actions.append((os.POSIX_SPAWN_DUP2, fd, number))

        for number, (path, flags) in self.files.items():
            give(os.open(path, flags), number)
        listeners, peers = [], []
        for name, number in self.sockets.items():
            listener = socket.socket(socket.AF_UNIX)
            listeners.append(listener)
            if os.path.exists(paths[name]):
                os.unlink(paths[name])
            listener.bind(paths[name])
            listener.listen(4)
            give(os.dup(listener.fileno()), number)
        for number in self.cards:
            ours, theirs = socket.socketpair()
            peers.append(ours)
            give(os.dup(theirs.fileno()), number)
            theirs.close()
        # Numbers must not overwrite one another: all sources go above all targets first.
        for index, (_, fd, number) in enumerate(actions):
            moved = above + index
            os.dup2(fd, moved)
            os.close(fd)
            opened[index] = moved
            actions[index] = (os.POSIX_SPAWN_DUP2, moved, number)
        quiet = os.open("/dev/null", os.O_RDWR)
        pid = os.posix_spawn(self.argv[0], self.argv, os.environ,
                             file_actions=actions + [(os.POSIX_SPAWN_DUP2, quiet, 1), (os.POSIX_SPAWN_DUP2, quiet, 2)])
        for fd in opened + [quiet]:
            os.close(fd)
        for listener in listeners:
            listener.close()
        monitor = socket.socket(socket.AF_UNIX)
        monitor.settimeout(30)
        monitor.connect(paths["qmp"])
        lines = monitor.makefile("rw")
        lines.readline()
        for command in ("qmp_capabilities", "cont"):
            lines.write(json.dumps({"execute": command}) + "\n")
            lines.flush()
            while "return" not in json.loads(lines.readline()):
                pass
        elapsed = (time.monotonic() - begin) * 1000
        monitor.close()
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        for peer in peers:
            peer.close()
        return elapsed


def yado_start(bench):
    """Milliseconds until the caller knows, until `cont` had returned, and what the task's log says of the way."""
    sent, begin = time.time(), time.monotonic()
    task = bench.ask("POST", "/api/v1/vms/bench/start", status=202)["task"]
    answer = bench.ask("GET", f"/api/v1/tasks/{task}/wait?timeout=60")["body"]
    elapsed = (time.monotonic() - begin) * 1000
    if answer["state"] != "done":
        raise RuntimeError(answer)
    lines = bench.ask("GET", f"/api/v1/tasks/{task}/log")["body"]["lines"]
    line = next(entry for entry in lines if "running after" in entry["text"])
    at = datetime.datetime.fromisoformat(line["at"].replace("Z", "+00:00")).timestamp()
    return elapsed, (at - sent) * 1000, line["text"]


def main():
    options = arguments(__doc__, rounds=20, profile=False)
    with Bench() as bench:
        bench.yado("vm", "create", "bench", "--image", "tiny")
        yado_start(bench)
        pid = bench.guest_pid("bench")
        bare = Bare(pid, bench.yado.run)
        bench.yado("vm", "stop", "bench")
        done, cont, alone, texts = [], [], [], []
        for _ in range(options.rounds):
            alone.append(bare.start())
            seen, returned, text = yado_start(bench)
            done.append(seen)
            cont.append(returned)
            texts.append(text)
            bench.yado("vm", "stop", "bench")
        if options.profile:
            print("\n".join(texts), file=sys.stderr)
        base = statistics.median(alone)
        bench.row("start: bare QEMU, cont returned", f"{base:.1f} ms", "1.00", "")
        for name, values, goal in (("start: yado, cont returned", cont, "< 1.25"), ("start: yado, answered", done, "")):
            bench.row(name, f"{statistics.median(values):.1f} ms", f"{statistics.median(values) / base:.2f}", goal)


main()
