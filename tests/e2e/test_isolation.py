"""What a guest, its QEMU, its passt and a block worker can see and do: the other side of what they may.

The attempts are made by `takeover`, which has the live process itself make system calls of our choice: what it is
denied then is denied by the kernel, whatever code runs in it."""
import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from yado import BUILD, ROOT, CommandError, Console, Yado, wait_for

TAKEOVER = BUILD / "tests/e2e/takeover"
NO_CAPABILITIES = "0" * 16
DENIED = {"killed SYS", "EPERM", "EACCES", "ESRCH", "ENOENT"}


def run(*command, check=True):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=check).stdout


def attempt(pid, *what):
    result = subprocess.run([TAKEOVER, str(pid), *map(str, what)], capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, f"{what}: {result.stderr}"
    return result.stdout.strip()


def recorded_pid(folder):
    return int((folder / "pid").read_text().split()[1])


def start_in(yado, prefix):
    """Starts yadod by another command: in other namespaces."""
    with open(yado.log, "ab") as log:
        yado.process = subprocess.Popen(
            [*prefix, BUILD / "src/daemon/yadod", "--debug", "--state", yado.state, "--run", yado.run,
             "--probe-rom", BUILD / "src/qemu/probe.rom", "--recipes", ROOT / "recipes"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    wait_for(lambda: yado.process.poll() is not None or yado.run_command("node", "show").returncode == 0, 60,
             "yadod's first answer")
    return yado


class Guest:
    def __init__(self, yado, name, *options):
        self.yado, self.name = yado, name
        yado("vm", "create", name, "--image", "tiny", *options)
        self.id = yado.vm(name)["id"]
        self.run = yado.run / "vm" / str(self.id)

    def start(self):
        self.yado("vm", "start", self.name)
        return self

    @property
    def qemu(self):
        return recorded_pid(self.run)

    @property
    def passt(self):
        return recorded_pid(self.run / "nic-nic0")

    @property
    def disk(self):
        return self.yado.state / "storage" / f"vm-{self.id}-disk0.qcow2"


@contextlib.contextmanager
def a_yadod(tiny, folder, start=Yado.start):
    yado = Yado(folder / "state")
    yado.copy_from(tiny)
    start(yado)
    try:
        yield yado
    except BaseException:
        print(yado.tail())
        raise
    finally:
        yado.clean()
        shutil.rmtree(yado.state, ignore_errors=True)


@pytest.fixture(scope="module")
def pair(tiny, tmp_path_factory):
    """Two running guests of one daemon: `victim` is taken over, `other` is what it must not get at."""
    with a_yadod(tiny, tmp_path_factory.mktemp("pair")) as yado:
        yield yado, Guest(yado, "victim", "--restart-policy", "never").start(), Guest(yado, "other").start()


OUTSIDE = "198.51.100.2"  # RFC 5737: nobody's


def in_namespace(name, make):
    """What make() gives when it runs in that network namespace: a socket stays where it was made."""
    made = []

    def work():
        with open(f"/run/netns/{name}") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0) == 0:
                made.append(make())
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return made[0]


class Service:
    """Notes who connects, so that "not reached" is not just "no answer"."""

    def __init__(self, address, family=socket.AF_INET, namespace=None):
        self.seen = []
        self.listener = in_namespace(namespace, lambda: socket.create_server((address, 0), family=family)) \
            if namespace else socket.create_server((address, 0), family=family)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                peer, address = self.listener.accept()
                self.seen.append(address)
                peer.settimeout(5)
                peer.recv(1)
                peer.sendall(b"a secret\n")
                peer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def host_address():
    """An address of this machine that is not loopback's, or None."""
    found = re.findall(r"inet ([0-9.]+)/\d+.* scope global", run("ip", "-4", "addr", "show", "scope", "global"))
    return found[0] if found else None


# --- QEMU taken over ---

def test_a_taken_over_qemu_opens_what_is_in_its_view(pair):
    """The control: the tool does what it says, so a refusal below is a refusal."""
    _, victim, _ = pair
    assert attempt(victim.qemu, "open", "/usr/bin/env").startswith("ok")
    assert attempt(victim.qemu, "open", "/dev/null", "rw").startswith("ok")


def test_a_taken_over_qemu_opens_nothing_of_others(pair):
    yado, victim, other = pair
    pid = victim.qemu
    paths = [other.disk, victim.disk, yado.state / "store.db", yado.state / "secret.key", yado.socket,
             yado.run / "vm", victim.run / "qmp.sock", other.run / "qmp.sock", "/etc/shadow", "/etc/passwd",
             "/root", "/home", "/var", "/run", "/sys", "/boot", "/dev/mem", "/dev/sda", "/dev/vda", "/dev/loop0",
             "/dev/net/tun", "/dev/kvm", "/dev/fuse", "/proc/kcore", "/proc/sysrq-trigger", "/proc/1/root",
             "/proc/1/environ"]
    for process in (other.qemu, other.passt, victim.passt, yado.process.pid, os.getpid()):
        paths += [f"/proc/{process}/{name}" for name in ("root/etc/shadow", "fd/5", "fd/10", "mem", "environ", "maps")]
    # The victim's own pid namespace has small numbers: none of them is anybody but itself.
    paths += [f"/proc/{number}/root" for number in (1, 2)]
    for path in paths:
        said = attempt(pid, "open", path)
        if path == "/proc/2/root":  # itself
            continue
        if path == "/dev/kvm" and yado.status("victim")["acceleration"] == "kvm":
            continue
        assert said in {"ENOENT", "EACCES", "EPERM"}, f"{path}: {said}"
    assert yado.state_of("victim") == "running"


def test_a_taken_over_qemu_writes_nothing_of_its_view(pair):
    _, victim, _ = pair
    for path in ("/usr/bin/env", "/etc/ld.so.cache", "/usr/lib/x86_64-linux-gnu/libc.so.6"):
        assert attempt(victim.qemu, "open", path, "rw") in {"EROFS", "EACCES"}


def test_a_taken_over_qemu_cannot_reopen_what_it_got_read_only_for_writing(pair):
    _, victim, _ = pair
    read_only = []
    for number in os.listdir(f"/proc/{victim.qemu}/fd"):
        target = os.readlink(f"/proc/{victim.qemu}/fd/{number}")
        flags = re.search(r"flags:\s+(\d+)", pathlib.Path(f"/proc/{victim.qemu}/fdinfo/{number}").read_text())[1]
        if "/images/" in target and int(flags, 8) & os.O_ACCMODE == os.O_RDONLY:
            read_only.append(number)
    assert read_only, "the guest's kernel is passed read-only"
    for number in read_only:
        assert attempt(victim.qemu, "open", f"/proc/self/fd/{number}", "rw") in {"EACCES", "EPERM"}


def test_a_taken_over_qemu_has_no_network(pair):
    yado, victim, other = pair
    address = host_address()
    with Service("127.0.0.1") as loopback, Service(address or "127.0.0.1") as outer:
        for where, service in (("127.0.0.1", loopback), ("0.0.0.0", loopback), (address, outer)):
            if where:
                assert attempt(victim.qemu, "connect", where, service.port) in \
                    {"EAFNOSUPPORT", "ENETUNREACH", "EPERM", "ECONNREFUSED"}
        assert not loopback.seen and not outer.seen
    for path in (yado.socket, victim.run / "qmp.sock", other.run / "qmp.sock", other.run / "serial.sock",
                 "/run/dbus/system_bus_socket"):
        assert attempt(victim.qemu, "connect-unix", path) in {"ENOENT", "EACCES"}


def test_a_taken_over_qemu_signals_nobody(pair):
    yado, victim, other = pair
    for pid in (other.qemu, other.passt, victim.passt, yado.process.pid, os.getpid()):
        assert attempt(victim.qemu, "kill", pid) == "ESRCH"
    assert attempt(victim.qemu, "kill", 1) == "EPERM"


@pytest.mark.parametrize("what", ["ptrace", "read-memory", "unshare", "setns", "mount", "exec"])
def test_what_no_qemu_needs_is_refused_or_ends_it(pair, what):
    yado, victim, other = pair
    if yado.state_of("victim") != "running":
        victim.start()
    argument = {"ptrace": other.qemu, "read-memory": other.qemu, "unshare": "0x10000000", "setns": 10,
                "mount": "/tmp", "exec": "/usr/bin/env"}[what]
    said = attempt(victim.qemu, what, argument)
    assert said in DENIED
    if said == "killed SYS":
        # The whole process, not one thread of it: the rest would go on as a guest that nobody can see into.
        assert yado.wait_state("victim", "stopped")["reason_code"] == "crash"
    assert yado.state_of("other") == "running"


# --- Seen from outside ---

def status_of(pid):
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
                if ":\t" in line)


def check_privileges(pid):
    # passt makes a user namespace of its own and has a capability within it until it has set itself up; its filter is last.
    wait_for(lambda: (status_of(pid)["CapEff"], status_of(pid)["Seccomp"]) == (NO_CAPABILITIES, "2"), 10,
             f"process {pid} without capabilities")
    status = status_of(pid)
    uids = set(status["Uid"].split()) | set(status["Gid"].split())
    assert len(uids) == 1 and int(uids.pop()) >= 1900000000
    assert status["Groups"].strip() == ""
    for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert status[name] == NO_CAPABILITIES, name
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    return int(status["Uid"].split()[0])


def check_namespaces(pid, *names):
    for name in names:
        assert os.readlink(f"/proc/{pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}"), name


def check_group(pid, name):
    lines = pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    joined = [line for line in lines if line.endswith(f"/{name}")]
    assert joined, lines
    for controller in ("memory", "pids", "cpu"):
        for line in lines:
            if controller in line.split(":")[1].split(","):
                assert line in joined


def check_descriptors(pid, *files):
    """Only what is anonymous, and these files; no directory at all."""
    allowed = re.compile(r"(pipe|socket|anon_inode):.*|/dev/(null|urandom|zero|kvm|net/tun)|/memfd:.*")
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            continue  # it was open for a moment
        assert allowed.fullmatch(target) or pathlib.Path(target) in files, target
        assert not os.path.isdir(f"/proc/{pid}/fd/{number}")


VIEW = {"bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "tmp", "usr"}


def check_view(pid, etc=("ld.so.cache", "localtime")):
    root = pathlib.Path(f"/proc/{pid}/root")
    assert set(os.listdir(root)) <= VIEW
    assert set(os.listdir(root / "dev")) <= {"fd", "null", "urandom", "zero", "kvm"}
    assert set(os.listdir(root / "etc")) <= set(etc)
    assert not os.listdir(root / "tmp")


def test_the_processes_of_a_guest_have_nothing_to_spare(pair):
    yado, victim, other = pair
    if yado.state_of("victim") != "running":
        victim.start()
    uids = set()
    for guest in (victim, other):
        build = yado.state / "images/tiny"
        files = [guest.disk, *build.glob("*/kernel*"), *build.glob("*/initrd")]
        uids |= {check_privileges(guest.qemu), check_privileges(guest.passt)}
        assert status_of(guest.qemu)["CapBnd"] == NO_CAPABILITIES
        check_namespaces(guest.qemu, "net", "mnt", "ipc", "uts", "pid")
        check_namespaces(guest.passt, "mnt", "ipc", "uts", "pid")
        check_group(guest.qemu, f"vm-{guest.id}")
        check_group(guest.passt, f"vm-{guest.id}")
        check_descriptors(guest.qemu, *files)
        check_descriptors(guest.passt)
        check_view(guest.qemu)
        # passt builds one more, empty view for itself.
        assert os.listdir(f"/proc/{guest.passt}/root") == []
    assert len(uids) == 4, "each process has a uid of its own"
    names = ("net", "mnt", "ipc", "uts", "pid")
    assert all(os.readlink(f"/proc/{victim.qemu}/ns/{name}") != os.readlink(f"/proc/{other.qemu}/ns/{name}")
               for name in names)


def test_a_taken_over_passt_is_ended_by_its_first_step(pair):
    yado, _, other = pair
    third = Guest(yado, "third").start()
    try:
        check_privileges(third.passt)  # it has set itself up
        assert attempt(third.passt, "open", "/etc/shadow") in DENIED
        assert yado.state_of("third") == "running"
        assert yado.state_of("other") == "running"
    finally:
        yado("vm", "stop", "third")
        yado("vm", "delete", "third")


def test_a_uid_is_never_given_twice(pair):
    yado, _, _ = pair
    seen = set()
    for _ in range(2):
        guest = Guest(yado, "passing").start()
        uid = check_privileges(guest.qemu)
        assert uid not in seen
        seen.add(uid)
        yado("vm", "stop", "passing")
        yado("vm", "delete", "passing")


def test_files_and_sockets_are_roots_alone(pair):
    yado, victim, _ = pair
    for top in (yado.state, yado.run):
        assert top.stat().st_mode & 0o777 == 0o700
        assert top.stat().st_uid == 0
    for path in (yado.socket, victim.run / "qmp.sock", victim.run / "serial.sock", victim.run / "log",
                 yado.state / "store.db", yado.state / "secret.key", victim.disk):
        if path.exists():
            assert path.stat().st_mode & 0o077 == 0, path


def test_a_block_worker_has_nothing_but_its_images(pair):
    yado, _, _ = pair
    caught = {}

    def catch():
        for folder in yado.run.glob("worker-*"):
            with contextlib.suppress(OSError, IndexError, ValueError):
                pid = recorded_pid(folder)
                open_now = [os.readlink(path) for path in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
                if any(target.startswith(str(yado.state)) for target in open_now):
                    os.kill(pid, signal.SIGSTOP)
                    caught.update(pid=pid, name=folder.name)
                    return True
        return False

    task = threading.Thread(target=lambda: yado("vm", "create", "copied", "--image", "tiny"))
    task.start()
    try:
        wait_for(catch, 30, "a block worker")
        pid = caught["pid"]
        newest = max((yado.state / "storage").glob("vm-*"), key=lambda path: int(path.name.split("-")[1]))
        images = [newest, *(yado.state / "images/tiny").glob("*/disk")]
        assert check_privileges(pid) >= 2100000000
        assert status_of(pid)["CapBnd"] == NO_CAPABILITIES
        check_namespaces(pid, "net", "mnt", "ipc", "uts", "pid")
        check_group(pid, caught["name"])
        check_descriptors(pid, *images)
        check_view(pid)
    finally:
        if caught:
            os.kill(caught["pid"], signal.SIGCONT)
        task.join(60)
    assert yado.state_of("copied") == "stopped"
    assert not list(yado.run.glob("worker-*"))
    yado("vm", "delete", "copied")


# --- User-mode network ---

@contextlib.contextmanager
def outside():
    """A host of our own that the machine routes to, in a namespace behind a veth."""
    name = f"ytest{os.getpid()}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "link", "add", "ytestv0", "type", "veth", "peer", "name", "ytestv1", "netns", name)
        run("ip", "addr", "add", "198.51.100.1/24", "dev", "ytestv0")
        run("ip", "link", "set", "ytestv0", "up")
        for command in (f"addr add {OUTSIDE}/24 dev ytestv1", "link set ytestv1 up", "link set lo up",
                        "route add default via 198.51.100.1"):
            run("ip", "-n", name, *command.split())
        yield name
    finally:
        run("ip", "link", "del", "ytestv0", check=False)
        run("ip", "netns", "del", name, check=False)


def log_in(yado, name):
    """A console of a guest that has an address. The guest says so itself: the agent is asked only now and then."""
    console = Console(yado, name).login()
    console.shell("until ip route | grep -q ^default; do usleep 50000; done", timeout=60)
    return console


def fetch(console, port, *addresses):
    """What the services there say, all asked at once."""
    tries = " ".join(f"(echo | timeout 3 nc -w 2 {address} {port} 2>&1) &" for address in addresses)
    return console.shell(f"{tries} wait", timeout=30)


def test_a_guest_reaches_outside_and_not_the_hosts_loopback(pair):
    """Also not with packets that no honest guest sends: its root gives 127.0.0.1 up and routes it to the gateway."""
    yado, _, other = pair
    console = log_in(yado, "other")
    with outside() as name, Service(OUTSIDE, namespace=name) as there, Service("127.0.0.1") as loopback, \
            Service("::1", socket.AF_INET6) as loopback6:
        assert "a secret" in fetch(console, there.port, OUTSIDE)
        assert "secret" not in fetch(console, loopback.port, "10.0.2.2", "10.0.2.3", "127.0.0.1")
        console.shell("for f in all eth0; do echo 1 >/proc/sys/net/ipv4/conf/$f/route_localnet; done; "
                      "ip addr del 127.0.0.1/8 dev lo; ip route flush table local dev lo; "
                      "ip route add 127.0.0.0/8 via 10.0.2.2 src 10.0.2.15; ip -6 addr del ::1/128 dev lo; "
                      "gateway=$(ip -6 route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p'); "
                      "ip -6 route add ::1/128 via $gateway dev eth0; "
                      "ip -6 route add ::1/128 via fe80::1 dev eth0")
        assert "eth0" in console.shell("ip route get 127.0.0.1")
        assert "secret" not in fetch(console, loopback.port, "127.0.0.1", "127.1.2.3")
        assert "secret" not in fetch(console, loopback6.port, "::1")
        assert not loopback.seen and not loopback6.seen
        # The way that was tried is there: what is not loopback still goes through.
        assert "a secret" in fetch(console, there.port, OUTSIDE)
        assert len(there.seen) == 2
    console.close()


def test_a_guest_boots_on_a_machine_without_a_network(tiny, tmp_path):
    name = f"ytestno{os.getpid()}"
    run("ip", "netns", "add", name)
    try:
        with a_yadod(tiny, tmp_path, lambda yado: start_in(yado, ["nsenter", f"--net=/run/netns/{name}"])) as yado:
            Guest(yado, "alone").start()
            console = log_in(yado, "alone")
            assert "10.0.2.15/24" in console.shell("ip -4 addr show eth0")
            console.close()
    finally:
        run("ip", "netns", "del", name)


def serve_dns(listener, answers):
    """An A record for each question, which are noted."""
    with contextlib.suppress(OSError):
        while True:
            question, peer = listener.recvfrom(512)
            name, at = [], 12
            while question[at]:
                name.append(question[at + 1:at + 1 + question[at]].decode())
                at += 1 + question[at]
            answers.append(".".join(name))
            query = question[12:at + 5]
            address = question[at + 1:at + 3] == b"\0\1"
            reply = question[:2] + b"\x81\x80\0\1" + (b"\0\1" if address else b"\0\0") + b"\0\0\0\0" + query
            if address:
                reply += b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton("203.0.113.7")
            listener.sendto(reply, peer)


def test_a_guest_asks_the_hosts_resolver(tiny, tmp_path):
    answers = []
    config = tmp_path / "resolv.conf"
    # The first cannot be reached by a guest, and is left out.
    config.write_text(f"nameserver 127.0.0.53\nnameserver {OUTSIDE}\n")
    config.chmod(0o644)
    prefix = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', config]

    def listen():
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind((OUTSIDE, 53))
        return listener
    with outside() as name, in_namespace(name, listen) as listener, \
            a_yadod(tiny, tmp_path, lambda yado: start_in(yado, prefix)) as yado:
        threading.Thread(target=serve_dns, args=(listener, answers), daemon=True).start()
        Guest(yado, "asking").start()
        console = log_in(yado, "asking")
        assert console.shell("cat /etc/resolv.conf") == f"nameserver {OUTSIDE}"
        said = console.shell("nslookup inn.example")
        assert "203.0.113.7" in said, said
        assert "inn.example" in answers
        console.close()


# --- Bridges ---

def serve_dhcp(listener, leased):
    """Offers 198.18.0.10 to whoever asks (RFC 2131): the client's message with another operation and our options."""
    kinds = {1: 2, 3: 5}  # DISCOVER: OFFER, REQUEST: ACK
    with contextlib.suppress(OSError):
        while True:
            message, _ = listener.recvfrom(1500)
            kind = kinds.get(message[message.index(b"\x35\x01", 240) + 2])
            if not kind:
                continue
            address = socket.inet_aton("198.18.0.10")
            server = socket.inet_aton("198.18.0.1")
            options = bytes([53, 1, kind, 54, 4]) + server + bytes([51, 4, 0, 0, 255, 255]) + \
                bytes([1, 4, 255, 255, 255, 0, 3, 4]) + server + b"\xff"
            listener.sendto(b"\2" + message[1:16] + address + message[20:240] + options, ("255.255.255.255", 68))
            if kind == 5:
                leased.append(message[28:34].hex(":"))


@contextlib.contextmanager
def bridge(name="ytestbr0"):
    """A bridge of the machine with a DHCP server on it, which is in a namespace of its own; whom it gave an address."""
    space = f"ytestb{os.getpid()}"
    leased = []

    def listen():
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"ytestw1")
        listener.bind(("", 67))
        return listener
    run("ip", "link", "add", name, "type", "bridge")
    try:
        run("ip", "link", "set", name, "up")
        run("ip", "netns", "add", space)
        run("ip", "link", "add", "ytestw0", "type", "veth", "peer", "name", "ytestw1", "netns", space)
        run("ip", "link", "set", "ytestw0", "master", name, "up")
        run("ip", "-n", space, "addr", "add", "198.18.0.1/24", "dev", "ytestw1")
        run("ip", "-n", space, "link", "set", "ytestw1", "up")
        with in_namespace(space, listen) as listener:
            threading.Thread(target=serve_dhcp, args=(listener, leased), daemon=True).start()
            yield name, leased
    finally:
        run("ip", "link", "del", "ytestw0", check=False)
        run("ip", "link", "del", name, check=False)
        run("ip", "netns", "del", space, check=False)


def taps():
    return {name for name in os.listdir("/sys/class/net") if name.startswith("yt") and "." in name}


def test_a_guest_on_a_bridge_gets_an_address_there_and_its_traffic_is_counted(pair, tap_names):
    yado, _, _ = pair
    before = taps()
    with bridge() as (name, leased):
        guest = Guest(yado, "bridged", "--nic", f"nic0:mode=bridge,bridge={name}")
        guest.start()
        console = log_in(yado, "bridged")
        assert "198.18.0.10/24" in console.shell("ip -4 addr show eth0")
        assert leased == [yado.vm("bridged")["nics"]["nic0"]["mac"]]
        assert len(taps() - before) == 1
        first = yado("vm", "stats", "bridged")["nics"]["nic0"]
        console.shell("ping -c 3 -s 8000 -i 0.1 -w 5 198.18.0.1")
        second = yado("vm", "stats", "bridged")["nics"]["nic0"]
        for direction in ("rx_bytes", "tx_bytes"):
            assert second[direction] - first[direction] > 24000
        check_descriptors(guest.qemu, guest.disk, *(yado.state / "images/tiny").glob("*/kernel*"),
                          *(yado.state / "images/tiny").glob("*/initrd"))
        # The bridge goes under the running guest: that is a cable pulled, and no more.
        run("ip", "link", "del", name)
        assert console.shell("echo alive") == "alive"
        assert yado.state_of("bridged") == "running"
        console.close()
        yado("vm", "stop", "bridged")
        assert taps() == before
        # Now it is missing at the start.
        with pytest.raises(CommandError) as failed:
            guest.start()
        assert f"bridge '{name}' does not exist" in failed.value.stderr
        assert yado.state_of("bridged") == "stopped"
        assert taps() == before
        assert not (guest.run / "pid").exists()
        run("ip", "link", "add", name, "type", "bridge")
    yado("vm", "delete", "bridged")
