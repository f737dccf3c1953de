"""The serial console and the display: many look on, one writes, nothing is lost, nobody can hold up the others."""
import fcntl
import hashlib
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import termios
import time

import pytest

from yado import BUILD, Console, request, wait_for


@pytest.fixture
def guest(host):
    """A guest whose shell is at the console; the first writer is still connected."""
    host("vm", "create", "subject", "--image", "tiny", "--display", "none")
    host("vm", "start", "subject")
    return Console(host, "subject").login()


def drain(client, quiet=0.5):
    """All that comes until it is quiet."""
    data = b""
    client.settimeout(quiet)
    while True:
        try:
            chunk = client.recv(65536)
        except TimeoutError:
            return data
        if not chunk:
            return data
        data += chunk


def test_one_writes_and_all_look_on(host, guest):
    readers = [Console(host, "subject", mode="read") for _ in range(3)]
    assert host.status("subject")["console"]["writer"] == "root"
    reply, _ = request(host, "POST", "/api/v1/vms/subject/console/serial", {"mode": "write"})
    assert reply["status"] == 409 and reply["body"]["error"]["code"] == "conflict"
    assert "in use by root" in reply["body"]["error"]["message"]
    assert guest.shell("echo seen $((6 * 7)) by all") == "seen 42 by all"
    for reader in readers:
        reader.read_until("seen 42 by all")
        reader.send("echo nobody hears this $((1 + 1))\n")  # a reader's keys go nowhere
    second = Console(host, "subject", take_over=True)
    second.count = 100  # its marks are not those that it finds in what was before
    guest.read_until("root took over this console")
    guest.send("echo nor this $((1 + 1))\n")
    assert second.shell("echo mine $((40 + 2))") == "mine 42"
    guest.read_until("mine 42")  # the former writer looks on
    assert "this 2" not in readers[0].read_until("mine 42") + second.shell("true")
    for client in (guest, second, *readers):
        client.close()
    wait_for(lambda: host.status("subject")["console"]["writer"] is None, what="the free console")
    reply, _ = request(host, "POST", "/api/v1/vms/subject/console/serial", {"mode": "sideways"})
    assert reply["body"]["error"]["field"] == "mode"


def test_everything_arrives_and_newcomers_see_what_was(host, guest):
    # A paste of 200 KB, counted and hashed by the guest.
    lines = "".join(f"{number:07d} " + "x" * 71 + "\n" for number in range(2560))
    guest.send("stty raw -echo; echo 'rea'dy; head -c 204800 | md5sum; stty sane -echo; echo 'pas'ted\n")
    guest.read_until("ready")
    guest.socket.settimeout(60)
    guest.socket.sendall(lines.encode())
    guest.socket.settimeout(0.2)
    assert hashlib.md5(lines.encode()).hexdigest() in guest.read_until("pasted", 120)

    # Megabytes of output come complete at one who reads, though another does not read at all.
    silent = Console(host, "subject", mode="read")
    silent.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    output = guest.shell("stty -opost; seq 1 300000; stty opost", 120)
    assert output.split() == [str(number) for number in range(1, 300001)]
    # The silent one is let go: its socket ends after what was on the way.
    silent.socket.settimeout(20)
    while silent.socket.recv(1 << 20):
        pass
    assert guest.shell("echo fine") == "fine"
    guest.read_until("\n")  # the end of its last line: what is still under way would come on top of the 64 KiB

    # 64 KiB of it are shown to a newcomer, also by the daemon's successor.
    before = drain(Console(host, "subject", mode="read").socket)
    assert len(before) == 64 << 10 and b"\nfine" in before[-200:]
    guest.close()
    host.kill()
    host.start()
    again = drain(Console(host, "subject", mode="read").socket)
    assert again[-30000:] == before[-30000:]
    assert Console(host, "subject").shell("echo still here") == "still here"


# --- `yado console` on a terminal ---

class Terminal:
    """A command on a pseudo-terminal."""

    def __init__(self, host, *arguments):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen([BUILD / "src/cli/yado", "--socket", host.socket, *arguments], stdin=slave,
                                        stdout=slave, stderr=slave, start_new_session=True,
                                        env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "dumb"})
        self.data = b""

    def read_until(self, text, timeout=60):
        end = time.monotonic() + timeout
        while text.encode() not in self.data:
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise TimeoutError(f"{text!r} not on the terminal: {self.data[-600:]!r}")
            self.data += os.read(self.master, 65536)
        seen, self.data = self.data.split(text.encode(), 1)
        return seen.decode(errors="replace")

    def send(self, text):
        os.write(self.master, text.encode())

    def is_raw(self):
        return not termios.tcgetattr(self.slave)[3] & termios.ICANON

    def is_restored(self):
        return termios.tcgetattr(self.slave) == self.before

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def test_the_command_gives_the_terminal_back(host, guest):
    guest.close()
    terminal = Terminal(host, "console", "subject")
    try:
        wait_for(terminal.is_raw, what="a raw terminal")
        terminal.send("echo typed $((20 + 3))\n")
        terminal.read_until("typed 23")
        terminal.send("\x1d?")
        terminal.read_until("[")
        # Somebody else takes over; the escape key brings it back.
        other = Console(host, "subject", take_over=True)
        terminal.read_until("took over")
        terminal.send("\x1dt")
        other.read_until("took over")
        other.close()
        terminal.send("echo back $((20 + 4))\n")
        terminal.read_until("back 24")
        terminal.send("\x1d.")
        assert terminal.process.wait(20) == 0
        assert terminal.is_restored()
    finally:
        terminal.close()

    terminal = Terminal(host, "console", "subject", "--read-only")
    try:
        wait_for(terminal.is_raw, what="a raw terminal")
        terminal.send("echo never $((20 + 5))\n")
        with Console(host, "subject").socket as writer:  # a reader is in nobody's way
            writer.sendall(b"echo other $((20 + 6))\n")
            assert "never 25" not in terminal.read_until("other 26")
        terminal.process.send_signal(signal.SIGTERM)
        terminal.process.wait(20)
        assert terminal.is_restored()
    finally:
        terminal.close()

    # The end of the guest is the end of the console.
    terminal = Terminal(host, "console", "subject")
    try:
        wait_for(terminal.is_raw, what="a raw terminal")
        host("vm", "stop", "subject")
        terminal.process.wait(20)
        assert terminal.is_restored()
    finally:
        terminal.close()
    reply, _ = request(host, "POST", "/api/v1/vms/subject/console/serial", {"mode": "read"})
    assert reply["status"] == 409


# --- the display ---

def read_exactly(client, length):
    data = b""
    while len(data) < length:
        chunk = client.recv(length - len(data))
        if not chunk:
            raise EOFError("the display closed the connection")
        data += chunk
    return data


def look_at_screen(client):
    """RFC 6143: handshake without authentication, then one whole picture, raw; its size and its bytes."""
    client.settimeout(30)
    assert read_exactly(client, 12) == b"RFB 003.008\n"
    client.sendall(b"RFB 003.008\n")
    types = read_exactly(client, read_exactly(client, 1)[0])
    assert 1 in types
    client.sendall(b"\x01")
    assert read_exactly(client, 4) == bytes(4)
    client.sendall(b"\x01")
    width, height = struct.unpack(">HH", read_exactly(client, 4))
    bits = read_exactly(client, 16)[0]
    read_exactly(client, struct.unpack(">I", read_exactly(client, 4))[0])
    client.sendall(struct.pack(">BxHi", 2, 1, 0))
    client.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, width, height))
    kind, count = struct.unpack(">BxH", read_exactly(client, 4))
    assert kind == 0 and count >= 1
    picture = b""
    for _ in range(count):
        x, y, w, h, encoding = struct.unpack(">HHHHi", read_exactly(client, 12))
        assert encoding == 0
        picture += read_exactly(client, w * h * bits // 8)
    return width, height, picture


def test_the_display_speaks_rfb(host, guest):
    reply, _ = request(host, "POST", "/api/v1/vms/subject/console/vnc")
    assert reply["status"] == 409 and "no display" in reply["body"]["error"]["message"]
    host("vm", "create", "screen", "--image", "tiny", "--display", "vga")
    host("vm", "start", "screen")
    clients = []
    for _ in range(3):
        reply, fds = request(host, "POST", "/api/v1/vms/screen/console/vnc", want_fds=1)
        assert reply["status"] == 200
        clients.append(socket.socket(fileno=fds[0]))
    for client in clients:
        width, height, picture = look_at_screen(client)
        assert width >= 640 and height >= 350 and len(picture) >= width * height
    for client in clients:
        client.close()
