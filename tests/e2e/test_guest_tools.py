"""What can be done inside a guest through its agent: one guest for all that a true agent does, and a false agent in its
place for what it may lie about."""
import base64
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import pytest

from yado import BUILD, CommandError, Yado, request, wait_for


@pytest.fixture(scope="module")
def guest(tiny, tmp_path_factory):
    """A daemon with the front, and a guest `g` whose agent answers."""
    yado = Yado(tmp_path_factory.mktemp("tools") / "state").with_front()
    yado.copy_from(tiny)
    yado.start()
    try:
        yado("vm", "create", "g", "--image", "tiny", "--memory", "128M")
        yado("vm", "start", "g")
        yado.wait_agent("g", 120)
        yield yado
    finally:
        yado.clean()


def run(yado, *command, **keywords):
    return yado.run_command("vm", "exec", "g", "--", *command, **keywords)


def shell(yado, script):
    result = run(yado, "sh", "-c", script)
    assert result.returncode == 0, result.stderr
    return result.stdout


def wait_data(yado):
    wait_for(lambda: "/data" in shell(yado, "mount"), 20, "the guest's data disk")


def popen(yado, *arguments):
    return subprocess.Popen([BUILD / "src/cli/yado", "--socket", yado.socket, *arguments], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def test_a_command_gives_its_output_its_errors_and_its_exit_code(guest):
    result = run(guest, "sh", "-c", "echo out; echo wrong >&2; exit 7")
    assert (result.stdout, result.stderr, result.returncode) == ("out\n", "wrong\n", 7)
    result = guest.run_command("vm", "exec", "g", "-i", "--", "sh", "-c", "cat; kill -9 $$", input="given")
    assert (result.stdout, result.returncode) == ("given", 128 + 9)
    # No shell looks at the arguments, and the same may stand there twice.
    assert run(guest, "printf", "%s|", "a b", "$x", "$x", "'").stdout == "a b|$x|$x|'|"
    assert run(guest, "no-such-program").returncode == 127
    assert shell(guest, "ls /tmp") == "", "its output leaves nothing in the guest"


def test_output_comes_while_the_command_runs_and_several_run_at_once(guest):
    first = popen(guest, "vm", "exec", "g", "--", "sh", "-c",
                  "echo begun; cat /tmp/go; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo over")
    assert first.stdout.readline() == "begun\n"
    assert shell(guest, "echo beside; touch /tmp/go") == "beside\n"
    out, err = first.communicate(timeout=20)
    assert out == "over\n" and "No such file" in err and first.returncode == 0
    shell(guest, "rm /tmp/go")


def test_what_takes_too_long_or_writes_too_much_is_ended(guest):
    result = guest.run_command("vm", "exec", "g", "--timeout", "1", "--", "sleep", "4711")
    assert result.returncode == 124 and "too long" in result.stderr
    result = guest.run_command("vm", "exec", "g", "--output-limit", "64K", "--", "yes")
    assert result.returncode == 125 and "too much" in result.stderr and len(result.stdout) < 1 << 20
    wait_for(lambda: "4711" not in processes(guest) and "yes" not in processes(guest), 10, "the end of both")


def processes(yado):
    return [line.split()[-1] for line in shell(yado, "ps -o comm,args").splitlines()]


def test_a_command_whose_client_leaves_is_ended_with_its_children_unless_it_is_to_be_left(guest):
    for option, runs_on in ((), False), (("--leave",), True):
        client = popen(guest, "vm", "exec", *option, "g", "--", "sh", "-c", "echo here; sleep 4712 & sleep 4713")
        assert client.stdout.readline() == "here\n"
        client.send_signal(signal.SIGINT)
        _, told = client.communicate(timeout=10)
        assert client.returncode == 130 and ("runs on" in told if runs_on else "is being ended" in told)
        if runs_on:
            assert {"4712", "4713"} <= set(processes(guest))
            shell(guest, "killall sleep")
        else:
            wait_for(lambda: not {"4712", "4713"} & set(processes(guest)), 10, "the end of what it began")


def test_files_go_in_and_come_out_as_they_are(guest, tmp_path):
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(os.urandom(300_001))
    wait_data(guest)
    shell(guest, "mkdir /data/t")
    guest("vm", "put-file", "g", there, "/data/t/it's a file", "--mode", "640")
    assert shell(guest, "stat -c %a \"/data/t/it's a file\"") == "640\n"
    guest.text("vm", "get-file", "g", "/data/t/it's a file", back)
    assert back.read_bytes() == there.read_bytes() and back.stat().st_mode & 0o777 == 0o600
    # Another in its place, through a link: owner and mode stay, and so does the link.
    shell(guest, "chown 7:8 \"/data/t/it's a file\"; ln -s \"it's a file\" /data/t/link")
    put = guest("vm", "put-file", "g", "-", "/data/t/link", input="new")
    assert put == {"path": "/data/t/it's a file", "size": 3, "atomic": True}
    assert shell(guest, "stat -c '%a %u %g' /data/t/it*; readlink /data/t/link; cat /data/t/link; ls -A /data/t") == \
        "640 7 8\nit's a file\nnewit's a file\nlink\n"
    assert guest.text("vm", "get-file", "g", "/proc/version", "-").startswith("Linux version")
    for path, why in ("/no/such", "No such file"), ("relative", "absolute"), ("/data", "irectory"):
        with pytest.raises(CommandError, match=why):
            guest("vm", "get-file", "g", path, "-")
        with pytest.raises(CommandError, match=why if path == "relative" else "in the guest"):
            guest("vm", "put-file", "g", there, path)
    missing, _ = request(guest, "GET", "/api/v1/vms/g/guest/file?path=/no/such")
    assert missing["status"] == 404 and missing["body"]["error"]["field"] == "path"


def test_a_full_disk_leaves_the_former_file_and_no_part(guest, tmp_path):
    large = tmp_path / "large"
    large.write_bytes(bytes(600_000))
    shell(guest, "mkdir /small && mount -t tmpfs -o size=256k none /small && echo former >/small/file")
    with pytest.raises(CommandError, match="No space|nothing of a piece|flush"):
        guest("vm", "put-file", "g", large, "/small/file")
    assert shell(guest, "cat /small/file; ls -A /small") == "former\nfile\n"
    handles = shell(guest, "ls -l /proc/$(pidof qemu-ga | cut -d' ' -f1)/fd | grep -c small || true")
    assert handles.strip() == "0", "the agent's file is closed after the failure"
    shell(guest, "umount /small")


def test_file_systems_are_told_with_their_disks(guest):
    wait_data(guest)
    data = {one["mountpoint"]: one for one in guest("vm", "filesystems", "g")["items"]}["/data"]
    assert data["disks"] == ["disk0"] and data["type"] == "ext4" and 0 < data["used"] < data["total"]
    info = guest("vm", "guest-info", "g")
    assert info["hostname"] and info["agent"][0].isdigit()
    assert info["frozen"] is False and info["disabled"] == [] and info["os"]["machine"] == "x86_64"


def test_the_clock_is_set(guest):
    shell(guest, "date -s '2001-02-03 04:05:06'")
    answer = guest("vm", "sync-time", "g")
    assert answer["before_ms"] < -1e9 and abs(answer["after_ms"]) < 2000
    assert abs(int(shell(guest, "date +%s")) - time.time()) < 10


def test_a_password_is_set_and_is_in_no_log(guest, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("Uncommon-4714-word\n")
    # The small guest has no users of its own: what would set their passwords notes what it is told.
    (tmp_path / "chpasswd").write_text("#!/bin/sh\necho \"$@\" >/tmp/told\ncat >>/tmp/told\n")
    for name in "chpasswd", "passwd":
        shell(guest, f"rm -f /bin/{name}")  # a link to the program that is all of them
        guest("vm", "put-file", "g", tmp_path / "chpasswd", f"/bin/{name}", "--mode", "755")
    guest.text("vm", "set-password", "g", "root", "--password-file", secret)
    assert "root:Uncommon-4714-word" in shell(guest, "cat /tmp/told; rm /tmp/told")
    with pytest.raises(CommandError, match="colon"):
        guest("vm", "set-password", "g", "a:b", "--password-file", secret)
    assert "Uncommon-4714-word" not in guest.log.read_text()
    for database in guest.state.glob("*.db*"):
        assert b"Uncommon-4714-word" not in database.read_bytes(), database
    audited = json.dumps(guest("audit", "list"))
    assert "/guest/password" in audited and "Uncommon" not in audited


def is_frozen(yado):
    return "frozen_until" in yado.status("g")["agent"]


def test_a_frozen_guest_is_thawed_when_its_time_is_over_and_when_it_is_asked_to(guest):
    assert guest.run_command("vm", "freeze", "g", "--seconds", "600").returncode == 0
    assert is_frozen(guest) and guest("vm", "guest-info", "g")["frozen"] is True
    refused = run(guest, "true")
    assert refused.returncode == 125 and "frozen" in refused.stderr and "yado vm thaw" in refused.stderr
    guest.text("vm", "thaw", "g")
    assert not is_frozen(guest) and run(guest, "true").returncode == 0
    guest.text("vm", "freeze", "g", "--seconds", "1")
    wait_for(lambda: not is_frozen(guest), 10, "the guest to be thawed by itself")
    shell(guest, "echo x >/data/after; sync; rm /data/after")


def test_a_frozen_guest_is_thawed_after_the_daemon_died_and_when_it_ends(guest):
    guest.text("vm", "freeze", "g", "--seconds", "2")
    guest.kill()
    guest.start()
    wait_for(lambda: not is_frozen(guest), 20, "the next daemon to thaw the guest")
    guest.wait_agent("g")
    assert guest("vm", "guest-info", "g")["frozen"] is False
    guest.text("vm", "freeze", "g", "--seconds", "600")
    guest.stop()
    guest.start()
    guest.wait_agent("g")
    assert not is_frozen(guest) and guest("vm", "guest-info", "g")["frozen"] is False


def test_what_a_killed_daemon_left_in_the_guest_is_ended_by_the_next(guest, tmp_path):
    (tmp_path / "big").write_bytes(bytes(40 << 20))
    record = next((guest.run / "vm").iterdir()) / "work"

    def begin(*arguments):
        return subprocess.Popen([BUILD / "src/cli/yado", "--socket", guest.socket, "vm", *map(str, arguments)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    loop = begin("exec", "g", "--", "sh", "-c", "while :; do echo again; sleep 0.3; done")
    put = begin("put-file", "g", tmp_path / "big", "/root/big")
    wait_for(lambda: record.exists() and
             {"file", "process"} <= {line.split()[0] for line in record.read_text().splitlines()}
             and record.read_text().count("handle") == 3, what="both at work")
    guest.kill()
    assert loop.wait(30) and put.wait(30)
    guest.start()
    guest.wait_agent("g")
    wait_for(lambda: not record.exists(), what="the end of what was left")
    left = run(guest, "sh", "-c", "ps | grep -c '[e]cho again'; ls -A /root | grep -c yado-").stdout.split()
    assert left == ["0", "0"]
    assert "that a former daemon left in the guest is ended" in guest.log.read_text()


@contextlib.contextmanager
def no_shell(yado):
    """As in an image of a few programs: the agent, some tools, kill(1)."""
    assert run(yado, "mv", "/bin/sh", "/bin/sh.away").returncode == 0
    try:
        yield
    finally:
        assert run(yado, "mv", "/bin/sh.away", "/bin/sh").returncode == 0


def test_a_command_in_a_guest_without_a_shell_is_ended_while_the_daemon_lives_and_by_the_next(guest):
    record = next((guest.run / "vm").iterdir()) / "work"
    with no_shell(guest):
        assert guest.run_command("vm", "exec", "g", "--timeout", "1", "--", "sleep", "4714").returncode == 124
        client = popen(guest, "vm", "exec", "g", "--", "sleep", "4715")
        wait_for(lambda: record.exists() and "process" in record.read_text(), what="the command")
        guest.kill()
        client.communicate(timeout=30)
        guest.start()
        guest.wait_agent("g")
        wait_for(lambda: not record.exists(), what="the end of what was left")
    assert not {"4714", "4715"} & set(processes(guest))


def test_trimming_is_a_task_that_tells_what_came_of_it(guest):
    wait_data(guest)
    result = guest("vm", "trim", "g")["result"]
    assert result["filesystems"] >= 1 and result["failed"] == 0 and result["trimmed"] > 0


def test_over_https_files_and_commands_need_the_right(guest, tmp_path):
    guest.make_user("ann", {"/vms": "operator"})
    guest.make_user("bob", {"/vms": "user"})
    ann, bob = guest.make_token("ann"), guest.make_token("bob")
    path = "/api/v1/vms/g/guest/file?path=/root/by-https"
    octets = {"Content-Type": "application/octet-stream"}
    status, _, body = guest.https("POST", path + "&permissions=600", b"carried", ann, octets)
    assert (status, body) == (200, {"path": "/root/by-https", "size": 7, "atomic": True})
    status, headers, body = guest.https("GET", path, token=ann)
    assert (status, body) == (200, b"carried") and "by-https" in headers["content-disposition"]
    status, _, body = guest.https("POST", "/api/v1/vms/g/guest/file?path=/none/x", b"carried", ann, octets)
    assert status == 500 and "in the guest" in body["error"]["message"]
    for method, what in ("GET", ""), ("GET", "/filesystems"), ("GET", "/file?path=/etc/passwd"), ("POST", "/exec"), \
            ("POST", "/freeze"), ("POST", "/password"):
        assert guest.https(method, "/api/v1/vms/g/guest" + what, token=bob)[0] == 403, what
    # The same by the command, from another host.
    secret = tmp_path / "token"
    secret.write_text(ann)
    fingerprint = front_fingerprint(guest)
    remote = [BUILD / "src/cli/yado", "--remote", f"https://127.0.0.1:{guest.port}", "--token-file", secret,
              "--fingerprint", fingerprint]
    done = subprocess.run([*remote, "vm", "exec", "g", "--", "sh", "-c", "echo far; exit 3"], capture_output=True,
                          text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("far\n", 3), done.stderr
    (tmp_path / "far").write_text("from far")
    done = subprocess.run([*remote, "vm", "put-file", "g", tmp_path / "far", "/root/far"], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([*remote, "vm", "get-file", "g", "/root/far", "-"], capture_output=True, text=True,
                          timeout=60)
    assert done.stdout == "from far", done.stderr


def test_one_user_does_not_take_all_places_of_a_guest(guest):
    guest.make_user("eve", {"/vms": "operator"})
    eve = guest.make_token("eve")
    body = {"command": ["sleep", "60"]}  # nobody follows it
    seen = [guest.https("POST", "/api/v1/vms/g/guest/exec", body, eve)[0] for _ in range(13)]
    assert seen == [201] * 12 + [429]
    assert run(guest, "echo", "still").stdout == "still\n"
    # With the right they end.
    assert request(guest, "PATCH", "/api/v1/users/eve", {"grants": {"g0": None}})[0]["status"] == 200
    wait_for(lambda: run(guest, "pidof", "sleep").returncode, what="the end of all of them")


def front_fingerprint(yado):
    text = subprocess.run(["openssl", "x509", "-in", yado.state / "front/cert.pem", "-noout",
                           "-fingerprint", "-sha256"],
                          capture_output=True, text=True, check=True).stdout
    return text.strip().split("=")[1]


# --- An agent that lies ---

class FalseAgent:
    """In the agent's place on its socket, while it is open; `answer` makes what it says to a command, or None: nothing.
    With greets=False it does not even answer guest-sync."""

    def __init__(self, yado, answer, greets=True):
        self.folder = next((yado.run / "vm").iterdir())
        self.answer, self.greets, self.asked, self.clients = answer, greets, [], []

    def __enter__(self):
        self.path, self.true = self.folder / "agent.sock", self.folder / "agent.sock.true"
        self.path.rename(self.true)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self.true.rename(self.path)

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                self.clients.append(client)
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError):
            for line in client.makefile("rb"):
                asked = json.loads(line.lstrip(b"\xff"))
                name, arguments = asked["execute"], asked.get("arguments", {})
                self.asked.append(name)
                if name.startswith("guest-sync"):
                    if self.greets:
                        client.sendall(b"\xff" + json.dumps({"return": arguments["id"]}).encode() + b"\n")
                    continue
                value = self.answer(name, arguments)
                if value is not None:
                    value = value if isinstance(value, bytes) else json.dumps({"return": value}).encode()
                    client.sendall(value + b"\n")


WRONG = [[], {}, 7, "text", [None], [[]], {"pid": "x", "handle": [], "exited": 7},
         {"pid": 7, "exited": True, "exitcode": [],
         "out-data": 7}, [{"mountpoint": {}, "disk": 7}], {"supported_commands": {"a": 1}, "version": []},
         {"count": 1 << 60, "buf-b64": "%%%", "eof": "no"}, {"paths": [7, {"path": {}, "trimmed": -1 << 62}]}]


def resident(guest):
    status = pathlib.Path(f"/proc/{guest.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])  # KiB


def test_an_agent_that_is_there_and_silent_is_not_said_to_be_missing(guest):
    guest.stop()
    with FalseAgent(guest, lambda *_: None, greets=False) as silent:
        guest.start()
        said = run(guest, "true").stderr
        assert "is not connected" in said and "try again" in said and "install" not in said, said
        wait_for(lambda: silent.asked, what="the daemon's greeting")
        said = run(guest, "true").stderr
        assert "it has opened its port and does not answer" in said and "restart qemu-guest-agent" in said, said
    guest.wait_agent("g")


def test_a_lying_agent_is_nobodys_trouble_but_its_own(guest):
    """After a restart of the daemon the false agent is the one that it finds."""
    now = {"value": {}}
    guest.stop()
    with FalseAgent(guest, lambda name, arguments: now["value"]):
        guest.start()
        guest.wait_agent("g")
        for now["value"] in WRONG:
            for method, path, body in ("GET", "", None), ("GET", "/filesystems", None), ("POST", "/sync-time", {}), \
                    ("POST", "/exec", {"command": ["true"], "timeout": 1}), ("GET", "/file?path=/etc/x", None):
                reply, fds = request(guest, method, "/api/v1/vms/g/guest" + path, body)
                assert reply["status"] in (200, 201, 413, 422, 500, 503, 504), (now["value"], path, reply)
                for fd in fds:
                    os.close(fd)
        # A text of sixteen thousand letters and escape sequences, in a refusal and in a name.
        nasty = "\x1b[2J\x07\u202e" + "x" * 16384
        now["value"] = json.dumps({"error": {"class": "GenericError", "desc": nasty}}).encode()
        refusal = guest.run_command("vm", "filesystems", "g")
        assert refusal.returncode and len(refusal.stderr) < 3000 and "\x1b[2J" not in refusal.stderr
        now["value"] = [{"mountpoint": "/" + nasty, "name": nasty, "type": nasty}]
        table = guest.run_command("vm", "filesystems", "g")
        assert table.returncode == 0 and "\x1b[2J" not in table.stdout and "\u202e" not in table.stdout
        reply, _ = request(guest, "GET", "/api/v1/vms/g/guest/filesystems")
        assert len(json.dumps(reply["body"])) < 8000
        # More than was asked for, and a file without an end.
        far = base64.b64encode(bytes(1 << 20)).decode()
        now["value"] = {"count": 1 << 20, "buf-b64": far, "eof": False, "position": 0}
        assert guest.run_command("vm", "get-file", "g", "/x", "-").returncode != 0
        # Few letters that would take hundreds of MiB.
        before = resident(guest)
        now["value"] = b'{"return": [' + b"{}," * 500000 + b"{}]}"
        assert "values" in guest.run_command("vm", "filesystems", "g").stderr
        assert resident(guest) - before < 64 << 10
        # Not JSON, and nothing at all: the connection is begun anew, and nobody else waits.
        now["value"] = b'{"return": '
        begun = time.monotonic()
        assert guest.run_command("vm", "guest-info", "g").returncode != 0
        assert guest("vm", "list")["items"] and time.monotonic() - begun < 15
        assert guest.process.poll() is None
        log = guest.log.read_text()
        assert "CRITICAL" not in log and "runtime error" not in log
    guest.wait_agent("g")
    wait_for(lambda: run(guest, "echo", "true again").stdout == "true again\n", 40, "the true agent")
