"""Bare QEMU with the arguments of one of Yado's guests: root, no cage, no control group, nobody at the other end of its
network card's socket, and nothing written anywhere."""
import fcntl
import json
import os
import re
import shlex
import socket
import subprocess
import time


def targets(pid):
    return {number: os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")}


def disks_of(pid):
    """The volumes that a guest's QEMU has open."""
    return sorted({path for path in targets(pid).values() if path.endswith((".qcow2", ".raw"))})


class Bare:
    """What a running guest was given, to be given to a QEMU of our own."""

    def __init__(self, pid, folder):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            self.argv = [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
        text = "\0".join(self.argv)
        self.folder = folder
        self.images = {int(number): targets(pid)[number] for number in re.findall(r"/proc/self/fd/(\d+)", text)}
        self.sets = [int(number) for number in re.findall(r"fd=(\d+),set=", text)]
        self.sockets = {name: int(number) for name, number in re.findall(r"socket,id=(\w+),fd=(\d+),server=on", text)}
        self.cards = [int(number) for number in re.findall(r'"type":"fd","str":"(\d+)"', text)]

    def begin(self, disks, label=""):
        """Starts one; returns when `cont` has returned."""
        return BareGuest(self, disks, label)

    def open_needs(self, disks, label):
        """What one guest is given: pairs of a descriptor, above all the numbers that are given out, and its number; and
        the other ends of its network cards."""
        pairs = [(os.open(path, os.O_RDONLY), number) for number, path in self.images.items()]
        pairs += [(os.open(path, os.O_RDWR), number) for number, path in zip(self.sets, disks, strict=True)]
        for name, number in self.sockets.items():
            path = self.socket_path(name, label)
            if os.path.exists(path):
                os.unlink(path)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            listener.listen(4)
            pairs.append((listener.detach(), number))
        peers = []
        for number in self.cards:
            ours, theirs = socket.socketpair()
            peers.append(ours)
            pairs.append((theirs.detach(), number))
        above = [(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64), number) for fd, number in pairs]
        for fd, _ in pairs:
            os.close(fd)
        return above, peers

    def socket_path(self, name, label):
        return f"{self.folder}/bare{label}-{name}"

    def connect(self, label):
        """To its monitor, for which its QEMU waits before it does anything else."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(300)
        connection.connect(self.socket_path("qmp", label))
        return connection

    @staticmethod
    def greet(connection):
        """What does one command on the monitor at each call, and waits for its answer."""
        lines = connection.makefile("rw")
        lines.readline()

        def do(command):
            lines.write(json.dumps({"execute": command}) + "\n")
            lines.flush()
            while "return" not in json.loads(lines.readline()):
                pass
        do("qmp_capabilities")
        return do


class BareGuest:
    def __init__(self, bare, disks, label):
        # Python opens close-on-exec, so sources need no closing in the child.
        given, self.peers = bare.open_needs(disks, label)
        quiet = os.open("/dev/null", os.O_RDWR)
        self.pid = os.posix_spawn(bare.argv[0], bare.argv, os.environ,
                                  file_actions=[(os.POSIX_SPAWN_DUP2, fd, number)
                                                for fd, number in [*given, (quiet, 1), (quiet, 2)]])
        for fd in (*(fd for fd, _ in given), quiet):
            os.close(fd)
        self.connection = bare.connect(label)
        bare.greet(self.connection)("cont")

    def end(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        self.connection.close()
        for peer in self.peers:
            peer.close()


class BareLoop:
    """Many at once, as somebody would start them by hand: a loop of the shell that puts each in the background. Without
    -S they run by themselves; one runs when its monitor answers."""

    def __init__(self, bare, all_disks):
        needs = [bare.open_needs(disks, str(number)) for number, disks in enumerate(all_disks)]
        given = [pairs for pairs, _ in needs]
        self.peers = [peer for _, peers in needs for peer in peers]
        words = " ".join(shlex.quote(word) for word in bare.argv if word != "-S")
        to = " ".join(f"{number}<&${{{column}}}" for column, (_, number) in enumerate(given[0], 1))
        table = "\n".join(" ".join(str(fd) for fd, _ in pairs) for pairs in given)
        columns = " ".join(f"fd{column}" for column in range(1, len(given[0]) + 1))
        script = (f"while read -r {columns}; do\n"
                  f"\tset -- {' '.join('$' + column for column in columns.split())}\n"
                  f"\t{words} {to} </dev/null >/dev/null 2>&1 &\n"
                  "\techo $!\n"
                  "done <<<\"$1\"\nwait\n")
        fds = [fd for pairs in given for fd, _ in pairs]
        begin = time.monotonic()
        self.shell = subprocess.Popen(["bash", "-c", script, "bash", table], pass_fds=fds, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True)
        for fd in fds:
            os.close(fd)
        self.pids = [int(self.shell.stdout.readline()) for _ in all_disks]
        for connection in [bare.connect(str(number)) for number in range(len(all_disks))]:
            bare.greet(connection)("query-status")
            connection.close()
        self.elapsed_ms = (time.monotonic() - begin) * 1000

    def end(self):
        for pid in self.pids:
            os.kill(pid, 9)
        self.shell.wait()
        for peer in self.peers:
            peer.close()
