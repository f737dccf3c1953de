"""Bare QEMU with the arguments of one of Yado's guests: root, no cage, no control group, nobody at the other end of its
network card's socket, and nothing written anywhere."""
import fcntl
import json
import os
import re
import socket


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


class BareGuest:
    def __init__(self, bare, disks, label):
        pairs = [(os.open(path, os.O_RDONLY), number) for number, path in bare.images.items()]
        pairs += [(os.open(path, os.O_RDWR), number) for number, path in zip(bare.sets, disks, strict=True)]
        for name, number in bare.sockets.items():
            path = f"{bare.folder}/bare{label}-{name}"
            if os.path.exists(path):
                os.unlink(path)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            listener.listen(4)
            pairs.append((listener.detach(), number))
        self.peers = []
        for number in bare.cards:
            ours, theirs = socket.socketpair()
            self.peers.append(ours)
            pairs.append((theirs.detach(), number))
        quiet = os.open("/dev/null", os.O_RDWR)
        pairs += [(quiet, 1), (quiet, 2)]
        # Python opens close-on-exec, so sources need no closing in the child; but none may lie among the targets.
        above = [(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64), number) for fd, number in pairs]
        self.pid = os.posix_spawn(bare.argv[0], bare.argv, os.environ,
                                  file_actions=[(os.POSIX_SPAWN_DUP2, fd, number) for fd, number in above])
        for fd in {fd for fd, _ in pairs} | {fd for fd, _ in above}:
            os.close(fd)
        self.monitor = socket.socket(socket.AF_UNIX)
        self.monitor.settimeout(60)
        self.monitor.connect(f"{bare.folder}/bare{label}-qmp")
        lines = self.monitor.makefile("rw")
        lines.readline()
        for command in ("qmp_capabilities", "cont"):
            lines.write(json.dumps({"execute": command}) + "\n")
            lines.flush()
            while "return" not in json.loads(lines.readline()):
                pass

    def end(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        self.monitor.close()
        for peer in self.peers:
            peer.close()
