"""The command from afar: over HTTPS it does what it does on the host itself, and trusts nobody it was not told to trust."""
import hashlib
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from yado import BUILD, Yado, request, wait_for

YADO = BUILD / "src/cli/yado"
DONE, REFUSED, USAGE, MISSING, CONFLICT, UNREACHABLE, TASK_FAILED, TIMED_OUT = range(8)
PASSWORD = "a-Long-password-1"
MIB = 1 << 20


class Afar:
    """A person on another machine: a home of its own, and the command."""

    def __init__(self, lab, home, user="far"):
        self.lab, self.home = lab, home
        self.url = f"https://127.0.0.1:{lab.port}"
        self.token = lab.make_token(user)
        self.file = home / "token"
        self.file.write_text(self.token + "\n")

    def environment(self, **more):
        return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": str(self.home / "config"), "TERM": "xterm",
                **{name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}, **more}

    @property
    def fingerprint(self):
        der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", self.lab.port)))
        return hashlib.sha256(der).hexdigest()

    def pinned(self):
        return ["--remote", self.url, "--token-file", str(self.file), "--fingerprint", self.fingerprint]

    def bare(self, *words, input="", timeout=120, **more):
        """Without anything said about where."""
        return subprocess.run([YADO, *map(str, words)], input=input, capture_output=True, text=True, timeout=timeout,
                              env=self.environment(**more))

    def run(self, *words, **keywords):
        return self.bare(*self.pinned(), *words, **keywords)

    def __call__(self, *words, **keywords):
        answer = self.run("-o", "json", *words, **keywords)
        assert answer.returncode == DONE, (words, answer.stderr)
        return json.loads(answer.stdout) if answer.stdout.strip() else None

    def start(self, *words, **keywords):
        return subprocess.Popen([YADO, *self.pinned(), *map(str, words)], env=self.environment(), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed_interrupt, **keywords)

    def terminal(self, *words, pinned=True, **more):
        return Terminal([str(YADO), *(self.pinned() if pinned else []), *map(str, words)], self.environment(**more))


def heed_interrupt():
    """Also where the tests were put into the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """The command on a terminal."""

    def __init__(self, words, environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(words[0], words, environment)
        self.seen, self.code = "", None

    def read_until(self, text, timeout=60):
        end = time.monotonic() + timeout
        while text not in self.seen:
            assert time.monotonic() < end, f"{text!r} was not seen in …{self.seen[-800:]!r}"
            if not self.read(0.2):
                break
        assert text in self.seen, f"it ended without {text!r}: …{self.seen[-800:]!r}"
        before, self.seen = self.seen.split(text, 1)
        return before

    def read(self, timeout):
        """FALSE at the end."""
        if not select.select([self.fd], [], [], timeout)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)

    def send(self, text):
        os.write(self.fd, text.encode())

    def wait(self, timeout=60):
        """The exit code."""
        end = time.monotonic() + timeout
        while self.read(0.1):
            assert time.monotonic() < end, f"it did not end: …{self.seen[-800:]!r}"
        os.close(self.fd)
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code


@pytest.fixture(scope="module")
def lab(tiny, tmp_path_factory):
    """A host with a front and a running guest `subject`, for the tests of this file together."""
    folder = tmp_path_factory.mktemp("lab") / "state"
    yado = Yado(folder).with_front()
    yado.copy_from(tiny)
    yado.start()
    yado.make_user("far", {"/": "admin"}, password=PASSWORD)
    yado("vm", "create", "subject", "--image", "tiny")
    yado("vm", "start", "subject")
    yield yado
    try:
        yado.clean()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def afar(lab, tmp_path):
    return Afar(lab, tmp_path)


def carriers():
    """Processes of this build's yado-remote that live."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "exe") == str((BUILD / "src/remote/yado-remote").resolve()):
                found.append(int(process.name))
        except OSError:
            pass
    return found


# --- The certificate ---

def test_an_unknown_certificate_is_shown_asked_about_and_known_from_then_on(afar):
    words = ["--remote", afar.url, "--token-file", str(afar.file), "vm", "list", "-q"]
    terminal = afar.terminal(*words, pinned=False)
    shown = terminal.read_until("[y/N]")
    assert ":".join(re.findall("..", afar.fingerprint.upper())) in shown
    terminal.send("n\n")
    assert terminal.wait() == REFUSED
    terminal = afar.terminal(*words, pinned=False)
    terminal.read_until("[y/N]")
    terminal.send("y\n")
    assert terminal.wait() == DONE
    again = afar.bare(*words)
    assert again.returncode == DONE and again.stdout.strip(), again.stderr


def test_without_a_terminal_an_unknown_certificate_is_refused_and_nothing_is_sent(afar):
    with Impostor(afar.lab) as other:
        answer = afar.bare("--remote", other.url, "--token-file", afar.file, "vm", "list")
        assert answer.returncode == REFUSED
        assert ":".join(re.findall("..", afar.fingerprint.upper())) in answer.stderr
        assert "--fingerprint" in answer.stderr
        assert other.requests == []


def test_the_certificate_of_somebody_who_stands_between_is_refused_and_nothing_is_sent(afar):
    with Impostor(afar.lab) as other:
        for words in (["vm", "list"], ["events"], ["console", "subject"]):
            answer = afar.bare("--remote", other.url, "--token-file", afar.file, "--fingerprint", "ab" * 32, *words)
            assert answer.returncode == REFUSED
            assert "has changed" in answer.stderr and "ab" * 32 in answer.stderr and afar.fingerprint in answer.stderr
            assert "yado remote trust" in answer.stderr
        assert other.requests == []


def test_a_certificate_that_was_renewed_is_refused_until_it_is_trusted(afar):
    assert afar.bare("remote", "add", "lab", afar.url, "--fingerprint", afar.fingerprint, "--token-file",
                     afar.file).returncode == DONE
    former = afar.fingerprint
    afar.lab.stop()
    for name in ("cert.pem", "key.pem"):
        (afar.lab.state / "front" / name).unlink()
    afar.lab.start()
    assert afar.fingerprint != former
    answer = afar.bare("--remote", "lab", "vm", "list")
    assert answer.returncode == REFUSED and "has changed" in answer.stderr
    assert afar.bare("remote", "trust", "lab").returncode == REFUSED  # nobody there to say yes
    terminal = afar.terminal("remote", "trust", "lab", pinned=False)
    terminal.read_until("[y/N]")
    terminal.send("y\n")
    assert terminal.wait() == DONE
    assert afar.bare("--remote", "lab", "vm", "list").returncode == DONE


@pytest.mark.parametrize("wrong", ["12:34", "zz" * 32, "ab" * 33])
def test_a_fingerprint_that_is_none_is_told(afar, wrong):
    answer = afar.bare("--remote", afar.url, "--token-file", afar.file, "--fingerprint", wrong, "vm", "list")
    assert answer.returncode == REFUSED and "not the SHA-256" in answer.stderr


# --- The same as on the host ---

def test_a_guest_is_made_started_changed_and_deleted(afar):
    made = afar("vm", "create", "fresh", "--image", "tiny", "--memory", "96M", "--tags", "a,b")
    assert made
    assert afar.lab.vm("fresh")["memory"] == 96 * MIB
    assert afar("vm", "show", "fresh")["tags"] == ["a", "b"]
    afar("vm", "start", "fresh")
    assert afar.lab.state_of("fresh") == "running"
    plan = afar("vm", "set", "fresh", "--memory", "128M", "--plan")
    assert plan["plan"]["changes"][0]["path"] == "memory" and afar.lab.vm("fresh")["memory"] == 96 * MIB
    afar("vm", "set", "fresh", "--description", "von fern 遠く")
    assert afar.lab.vm("fresh")["description"] == "von fern 遠く"
    assert afar.run("vm", "set", "fresh", "--description", "x", "--if-rev", "1").returncode == CONFLICT
    afar("vm", "stop", "fresh", "-y")
    assert afar.run("vm", "delete", "fresh", "-y").returncode == DONE
    assert afar.run("vm", "show", "fresh").returncode == MISSING


def test_lists_and_documents_are_those_of_the_host(afar):
    for words in (["vm", "list"], ["image", "list"], ["storage", "list"], ["role", "list"], ["node", "list"],
                  ["history", "list"], ["user", "show", "far"], ["access", "show"], ["storage", "volumes", "local"]):
        there, here = afar.lab("-o", "json", *words), afar(*words)
        for answer in (there, here):  # what moves by itself
            for item in answer.get("items", []):
                for moving in ("uptime", "memory_free", "space", "last_used"):
                    item.pop(moving, None)
        assert there == here, words


def test_refusals_have_the_exit_codes_and_words_of_the_host(afar):
    for words in (["vm", "show", "nobody"], ["vm", "create", "subject", "--image", "tiny"], ["vm", "delete", "subject", "-y"],
                  ["vm", "set", "subject", "--memory", "1K"], ["image", "show", "none"], ["task", "show", "999999"]):
        there, here = afar.lab.run_command(*words), afar.run(*words)
        assert (there.returncode, there.stderr) == (here.returncode, here.stderr)
        assert here.returncode not in (DONE, USAGE)


def test_a_task_that_fails_is_told_as_on_the_host(afar, tmp_path):
    torn = tmp_path / "torn.qcow2"
    torn.write_bytes(b"QFI\xfb" + bytes(100))
    answer = afar.run("image", "import", torn, "--name", "torn", "--format", "qcow2")
    assert answer.returncode == TASK_FAILED and "yado task log" in answer.stderr


def test_messages_of_the_command_are_japanese_where_wanted(afar):
    answer = afar.bare("--remote", "https://127.0.0.1:1", "vm", "list", "--lang", "ja")
    assert answer.returncode == REFUSED and "トークンがありません" in answer.stderr
    assert "リモート" in afar.bare("remote", "list", "--lang", "ja").stderr
    answer = afar.bare("--remote", "https://127.0.0.1:1", "--token-file", afar.file, "vm", "list", "--lang", "ja")
    assert answer.returncode == UNREACHABLE and "接続できません" in answer.stderr and "確認してください" in answer.stderr


def test_who_is_not_root_needs_no_more_than_the_token(afar):
    """The program may lie where only root gets to, so it is copied, together with what it starts."""
    folder = pathlib.Path("/var/tmp") / f"yado-afar-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        for program in (YADO, BUILD / "src/remote/yado-remote"):
            shutil.copy(program, folder)
        home = folder / "home"
        home.mkdir()
        os.chown(home, 65534, 65534)
        answer = subprocess.run([folder / "yado", "--remote", afar.url, "--fingerprint", afar.fingerprint, "vm", "list", "-q"],
                                user=65534, group=65534, extra_groups=[], capture_output=True, text=True, cwd="/",
                                env=afar.environment(YADO_TOKEN=afar.token, XDG_CONFIG_HOME=str(home)))
        assert answer.returncode == DONE and answer.stdout.strip(), answer.stderr
    finally:
        shutil.rmtree(folder)


def test_events_come_as_they_happen_and_end_with_ctrl_c(afar):
    follower = afar.start("events", "-o", "json")
    try:
        time_limit = time.monotonic() + 30
        seen = b""
        count = 0
        while b"changed by a test" not in seen and b'"path":"vm/' not in seen.split(b"snapshot")[-1]:
            assert time.monotonic() < time_limit, seen
            count += 1
            afar("vm", "set", "subject", "--description", f"changed by a test {count}")
            while select.select([follower.stdout], [], [], 0.3)[0]:
                seen += os.read(follower.stdout.fileno(), 65536)
        assert all(json.loads(line) for line in seen.splitlines()[:-1])
        before = carriers()
        assert before
        follower.send_signal(signal.SIGINT)
        assert follower.wait(60) == -signal.SIGINT
    finally:
        follower.kill()
        follower.communicate()
    wait_for(lambda: not set(before) & set(carriers()), 10, "the end of yado-remote")


def test_a_task_is_followed_and_ctrl_c_leaves_it_running(afar):
    terminal = afar.terminal("image", "build", "tiny", "--name", "second")
    terminal.read_until("image.build", 60)
    terminal.send("\x03")
    terminal.read_until("goes on")
    assert terminal.wait() == 130
    task = next(task for task in afar("task", "list")["items"] if task["kind"] == "image.build")
    assert task["state"] in ("queued", "running")
    assert afar.run("task", "wait", task["id"], timeout=300).returncode == DONE
    afar("image", "delete", "second", "-y")


# --- Consoles ---

def test_a_console_on_a_terminal_carries_keys_and_output_both_ways(afar):
    terminal = afar.terminal("console", "subject", "--take-over")
    terminal.read_until("Console of subject")
    log_in(terminal)
    terminal.send("echo $((6 * 7)) from afar\r")
    terminal.read_until("42 from afar")
    terminal.send("seq 1 20000 | tail -n 20000 | md5sum; seq 1 20000; echo e''nd\r")
    output = terminal.read_until("end\r\n", 120)
    assert [int(line) for line in re.findall(r"^(\d+)\r", output, re.M)] == list(range(1, 20001))
    terminal.send("\x1dq")
    terminal.read_until("left the console")
    assert terminal.wait() == DONE


def prompt(terminal, timeout):
    """The prompt that the console ends with once it is quiet; None if none comes in that time."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        length = len(terminal.seen)
        terminal.read(1)
        last = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", terminal.seen.rsplit("\n", 1)[-1])
        if len(terminal.seen) == length and last.endswith(("login: ", "# ")):
            return last
    return None


def log_in(terminal):
    """To a shell's prompt, whatever came before: the guest may only just have begun to boot."""
    log_in.count = getattr(log_in, "count", 0) + 1
    for _ in range(8):
        terminal.send("\r")
        last = prompt(terminal, 20)
        if last and last.endswith("login: "):
            terminal.send("root\r")
            last = prompt(terminal, 20)
        if last and last.endswith("# "):
            terminal.send(f"echo re{log_in.count}''ady\r")
            terminal.read_until(f"re{log_in.count}ady")
            return
    raise AssertionError(terminal.seen[-500:])


def test_a_console_from_a_pipe_sends_what_comes_and_prints_what_is_answered(afar):
    terminal = afar.terminal("console", "subject", "--take-over")
    terminal.read_until("Console of subject")
    log_in(terminal)
    terminal.send("\x1dq")
    terminal.wait()
    answer = afar.run("console", "subject", "--linger", "3", input="echo piped $((40 + 2))\n", timeout=60)
    assert answer.returncode == DONE and "piped 42" in answer.stdout


def test_a_console_in_use_can_be_taken_over_or_looked_at(afar):
    first = afar.terminal("console", "subject", "--take-over")
    first.read_until("Console of subject")
    log_in(first)
    answer = afar.run("console", "subject", input="x")
    assert answer.returncode == CONFLICT and "in use by far" in answer.stderr and "--take-over" in answer.stderr
    asked = afar.terminal("console", "subject")
    assert "in use by far" in asked.read_until("[y/N]")
    asked.send("y\n")
    asked.read_until("Console of subject")
    first.read_until("took over")
    log_in(asked)
    asked.send("echo mine $((1 + 1))\r")
    first.read_until("mine 2")  # looks on
    first.send("\x1dt")  # and takes it back
    first.read_until("you can type now")
    log_in(first)
    first.send("echo back $((2 + 2))\r")
    asked.read_until("back 4")
    for terminal in (first, asked):
        terminal.send("\x1dq")
        assert terminal.wait() == DONE
    wait_for(lambda: afar.lab.status("subject")["console"]["writer"] is None, what="the free console")


def test_viewers_see_the_screen_each_over_a_connection_of_its_own(afar, tmp_path):
    path = tmp_path / "vnc"
    door = afar.start("vnc", "subject", "--listen", path)
    try:
        assert door.stdout.readline().decode().strip() == str(path)
        viewers = []
        for _ in range(3):
            viewer = socket.socket(socket.AF_UNIX)
            viewer.settimeout(120)
            viewer.connect(str(path))
            viewers.append(viewer)
        for viewer in viewers:
            assert viewer.recv(12, socket.MSG_WAITALL) == b"RFB 003.008\n"
        viewer = viewers[1]
        viewer.sendall(b"RFB 003.008\n")
        assert viewer.recv(2, socket.MSG_WAITALL) == b"\x01\x01"  # one kind of security: none
        viewer.sendall(b"\x01")
        assert viewer.recv(4, socket.MSG_WAITALL) == bytes(4)
        viewer.sendall(b"\x01")
        width, height = (int.from_bytes(viewer.recv(2, socket.MSG_WAITALL), "big") for _ in range(2))
        assert width >= 320 and height >= 200
        name = viewer.recv(16, socket.MSG_WAITALL)
        viewer.recv(int.from_bytes(viewer.recv(4, socket.MSG_WAITALL), "big"), socket.MSG_WAITALL)
        assert name[0] == 32
        # The whole screen, raw: more than any buffer on the way holds.
        viewer.sendall(bytes([2, 0, 0, 1, 0, 0, 0, 0]) + bytes([3, 0]) + bytes(4) + width.to_bytes(2, "big")
                       + height.to_bytes(2, "big"))
        left = 4 + 12 + width * height * 4
        while left > 12:
            data = viewer.recv(65536)
            assert data
            left -= len(data)
        for viewer in viewers:
            viewer.close()
    finally:
        door.send_signal(signal.SIGINT)
        door.wait(10)
        door.communicate()
    wait_for(lambda: not carriers(), 10, "the end of every yado-remote")


def test_a_console_is_cut_when_its_token_is_revoked_and_the_next_command_says_why(afar):
    other = Afar(afar.lab, afar.home)
    terminal = other.terminal("console", "subject", "--take-over")
    terminal.read_until("Console of subject")
    log_in(terminal)
    mine = next(token for token in afar("token", "list")["items"] if token["id"] in other.token)
    afar("token", "delete", mine["id"], "-y")
    terminal.read_until("closed by the other side", 10)
    assert terminal.wait() == DONE
    answer = other.run("vm", "list")
    assert answer.returncode == REFUSED and "  → " in answer.stderr
    assert afar.lab.state_of("subject") == "running"


# --- Files ---

def import_words(path, name):
    return ["image", "import", path, "--name", name, "--format", "raw"]


def test_an_image_goes_up_with_its_digest_and_comes_back(afar, tmp_path):
    blob = tmp_path / "blob.raw"
    blob.write_bytes(os.urandom(20 * MIB + 512))
    terminal = afar.terminal(*import_words(blob, "blob"))
    progress = terminal.read_until("image.import", 120)
    assert "%" in progress and "/ 20" in progress
    assert terminal.wait(120) == DONE
    assert afar.lab("image", "show", "blob")["digest"] == hashlib.sha256(blob.read_bytes()).hexdigest()
    assert afar.lab.run_command("image", "list").returncode == DONE
    back, local = tmp_path / "back.qcow2", tmp_path / "local.qcow2"
    assert afar.run("image", "export", "blob", back).returncode == DONE
    afar.lab.text("image", "export", "blob", local)
    assert back.read_bytes() == local.read_bytes() and len(back.read_bytes()) > 20 * MIB
    assert afar.run("image", "export", "blob", back).returncode == USAGE
    assert afar.run("image", "export", "none", tmp_path / "x").returncode == MISSING
    assert not list(tmp_path.glob("*.part"))
    afar("image", "delete", "blob", "-y")
    assert afar.lab("-o", "json", "image", "list")["items"][0]["name"] == "tiny"


def arrived(lab):
    """The upload on its way, and how much of it has come. (That of an import that failed stays for another try.)"""
    items = [item for item in request(lab, "GET", "/api/v1/uploads")[0]["body"]["items"] if item["size"] > MIB]
    return items[0] if items else None


def big_file(path, size=768 * MIB):
    """Large enough to be caught on its way; mostly zeros, so that it costs little."""
    with open(path, "wb") as file:
        file.write(os.urandom(4 * MIB))
        file.truncate(size)
    return path


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(MIB):
            digest.update(chunk)
    return digest.hexdigest()


def test_an_upload_goes_on_after_the_front_was_killed(afar, tmp_path):
    blob = big_file(tmp_path / "blob.raw")
    command = afar.start("-v", *import_words(blob, "survivor"))
    try:
        wait_for(lambda: (arrived(afar.lab) or {}).get("offset", 0) > MIB, 60, "the beginning of the upload")
        os.kill(afar.lab.front_pid, signal.SIGKILL)
        left = arrived(afar.lab)
        assert left["offset"] < left["size"], "it was killed in the middle"
        output, messages = command.communicate(timeout=180)
        assert command.returncode == DONE, messages
    finally:
        command.kill()
        afar.lab.wait_front()
    assert afar.lab("image", "show", "survivor")["digest"] == digest_of(blob)
    afar("image", "delete", "survivor", "-y")


def test_an_interrupted_upload_goes_on_where_it_stopped(afar, tmp_path):
    blob = big_file(tmp_path / "blob.raw")
    command = afar.start(*import_words(blob, "patient"))
    begun = wait_for(lambda: (found := arrived(afar.lab)) and found["offset"] > MIB and found, 60, "the upload")
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=30)
    left = arrived(afar.lab)
    assert left["id"] == begun["id"] and 0 < left["offset"] < blob.stat().st_size
    terminal = afar.terminal(*import_words(blob, "patient"))
    terminal.read_until("image.import", 120)
    assert terminal.wait(120) == DONE
    assert arrived(afar.lab) is None
    assert afar.lab("image", "show", "patient")["digest"] == digest_of(blob)
    uploads = [entry for entry in afar("audit", "list", "-n", "200")["items"] if entry["action"] == "POST /uploads"]
    assert len([entry for entry in uploads if begun["id"] in entry["object"]]) <= 1
    assert uploads[0]["object"].endswith(begun["id"])  # the second command began none
    afar("image", "delete", "patient", "-y")


# --- Who may come in ---

def test_a_wrong_token_is_told_with_what_to_do(afar):
    afar.file.write_text("yado_" + "x" * 40)
    for words in (["vm", "list"], ["events"], ["console", "subject"]):
        answer = afar.run(*words)
        assert answer.returncode == REFUSED
        assert answer.stderr.startswith("yado: ") and "  → " in answer.stderr
    afar.file.write_text("not a token!\n")
    assert "not well-formed" in afar.run("vm", "list").stderr
    afar.file.write_text("\n")
    assert "no text on the first line" in afar.run("vm", "list").stderr
    assert afar.bare("--remote", afar.url, "vm", "list").returncode == REFUSED


def test_what_a_user_may_not_do_is_refused_with_what_to_do(afar):
    afar.lab.make_user("looker", {"/vms": "user"})
    looker = Afar(afar.lab, afar.home, "looker")
    assert looker.run("vm", "list").returncode == DONE
    answer = looker.run("vm", "set", "subject", "--memory", "256M")
    assert answer.returncode == REFUSED and "  → " in answer.stderr
    assert looker.run("user", "list").returncode == REFUSED
    assert looker.run("token", "create", "another").returncode == REFUSED


@pytest.mark.parametrize("how", ["nobody listens", "no such name", "no TLS"])
def test_a_host_that_cannot_be_reached_is_exit_code_5(afar, how):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if how == "no TLS":
            def answer():
                client, _ = listener.accept()
                client.recv(1024)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                client.close()
            threading.Thread(target=answer, daemon=True).start()
        else:
            listener.close()
        url = f"https://nowhere.invalid:{port}" if how == "no such name" else f"https://127.0.0.1:{port}"
        answer = afar.bare("--remote", url, "--token-file", afar.file, "--fingerprint", "ab" * 32, "vm", "list")
        assert answer.returncode == UNREACHABLE
        assert url.removeprefix("https://") in answer.stderr and "  → " in answer.stderr


def test_secrets_are_in_no_argument_and_no_environment(afar):
    """Looked for in all of /proc while a console is open, whichever way the token came."""
    ways = [(["--token", afar.token], {}), ([f"--token={afar.token}"], {}), ([], {"YADO_TOKEN": afar.token}),
            (["--token-file", str(afar.file)], {})]
    needle = afar.token.encode()
    for words, variables in ways:
        terminal = afar.terminal("--remote", afar.url, *words, "--fingerprint", afar.fingerprint, "console", "subject",
                                 "--read-only", pinned=False, **variables)
        terminal.read_until("Console of subject")
        assert len(carriers()) >= 2  # the requests' and the console's
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            for part in ("cmdline", "environ"):
                try:
                    # The test itself and its children hold it in memory, never here.
                    assert needle not in process.joinpath(part).read_bytes(), (words, process, part)
                except OSError:
                    pass
        terminal.send("\x1dq")
        assert terminal.wait() == DONE


# --- Saved remotes ---

def test_a_remote_is_saved_used_and_forgotten(afar):
    assert afar.bare("remote", "list").stdout == ""
    added = afar.bare("remote", "add", "lab", afar.url, "--fingerprint", afar.fingerprint, input=afar.token + "\n")
    assert added.returncode == DONE and "user far" in added.stdout
    file = afar.home / "config/yado/remotes.json"
    assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700
    shown = afar.bare("remote", "show", "lab", "-o", "json").stdout + afar.bare("remote", "list").stdout
    assert afar.url in shown and afar.token not in shown
    assert afar.bare("--remote", "lab", "vm", "list", "-q").stdout.strip()
    assert afar.bare("vm", "list", "-q", YADO_REMOTE="lab").stdout.strip()
    assert afar.bare("remote", "use", "lab").returncode == DONE
    assert afar.bare("vm", "list", "-q").stdout.strip()
    assert json.loads(afar.bare("whoami", "-o", "json").stdout)["kind"] == "token"
    local = ["--socket", str(afar.lab.socket)]
    assert json.loads(afar.bare(*local, "whoami", "-o", "json").stdout)["kind"] == "socket"
    assert "/run/yado/api.sock" in afar.bare("--remote", "none", "whoami", "-o", "json").stderr or os.path.exists("/run/yado")
    assert "lab" in afar.bare("__complete", "remote", "show", "").stdout.split()
    assert "subject" in afar.bare("__complete", "vm", "show", "su").stdout.split()
    assert afar.bare("remote", "add", "lab", afar.url, input="x").returncode == CONFLICT
    assert afar.bare("remote", "use", "none").returncode == DONE
    assert afar.bare("remote", "remove", "lab").returncode == DONE
    assert afar.bare("--remote", "lab", "vm", "list").returncode == MISSING
    assert afar.token not in file.read_text()


def test_a_wrong_token_is_not_saved(afar):
    answer = afar.bare("remote", "add", "lab", afar.url, "--fingerprint", afar.fingerprint, input="yado_wrong\n")
    assert answer.returncode == REFUSED
    assert afar.bare("remote", "show", "lab").returncode == MISSING


def test_saved_secrets_that_others_can_read_are_not_used(afar):
    afar.bare("remote", "add", "lab", afar.url, "--fingerprint", afar.fingerprint, input=afar.token + "\n")
    file = afar.home / "config/yado/remotes.json"
    file.chmod(0o640)
    answer = afar.bare("--remote", "lab", "vm", "list")
    assert answer.returncode == REFUSED and "can be read by others" in answer.stderr and "chmod" in answer.stderr
    file.chmod(0o600)
    assert afar.bare("--remote", "lab", "vm", "list").returncode == DONE


def test_with_the_password_a_remote_gets_a_token_of_its_own_and_the_password_is_changed(afar):
    afar.lab.make_user("wanderer", {"/vms": "user"}, password=PASSWORD)
    terminal = afar.terminal("remote", "add", "mine", afar.url, "--user", "wanderer", "--fingerprint", afar.fingerprint,
                             pinned=False)
    terminal.read_until("Password of wanderer there: ")
    terminal.send(PASSWORD + "\n")
    terminal.read_until("user wanderer there")
    assert terminal.wait() == DONE
    assert afar.bare("--remote", "mine", "vm", "list", "-q").stdout.strip()
    terminal = afar.terminal("--remote", "mine", "user", "password", pinned=False)
    for prompt, answer in (("New password: ", "another-Long-one-2"), ("Once more: ", "another-Long-one-2"),
                           ("Your present password: ", PASSWORD)):
        terminal.read_until(prompt)
        terminal.send(answer + "\n")
    terminal.read_until("is set")
    assert terminal.wait() == DONE
    assert not afar.lab("session", "list")["items"]  # neither left one behind
    wrong = afar.home / "former"
    wrong.write_text(PASSWORD)
    answer = afar.bare("--remote", "mine", "user", "password", "--current-file", wrong, "--generate-password")
    assert answer.returncode == REFUSED


# --- Somebody who is not what he seems ---

class Impostor:
    """Another server with the host's own certificate and key: what it answers is ours to choose."""

    def __init__(self, lab, answer=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(lab.state / "front/cert.pem", lab.state / "front/key.pem")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        self.answer = answer or (lambda client: client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"))
        self.requests = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            client = self.context.wrap_socket(client, server_side=True)
            while data := client.recv(65536):
                self.requests.append(data)
                self.answer(client)
        except OSError:
            pass
        finally:
            client.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def page(status, body, *headers):
    return b"\r\n".join([f"HTTP/1.1 {status} X".encode(), f"content-length: {len(body)}".encode(),
                         *map(str.encode, headers), b"", body])


def endless(client):
    client.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"items\":[")
    while True:
        client.sendall(b"1," * 4096)


@pytest.mark.parametrize("answer, code, words", [
    (page(500, b""), REFUSED, "status 500"),
    (page(503, b"<html>"), UNREACHABLE, "status 503"),
    (page(429, b"{}"), REFUSED, "status 429"),
    (page(302, b"", "location: https://127.0.0.1:1/steal"), None, ""),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}", UNREACHABLE, "lost"),
    (b"\x00\x01\x02 nonsense\r\n\r\n", UNREACHABLE, ""),
    (page(200, b"{" * 1000), None, ""),
    (endless, REFUSED, "over 1 MiB"),
])
def test_nonsense_for_an_answer_ends_the_command_and_goes_nowhere_else(afar, answer, code, words):
    def give(client):
        if callable(answer):
            answer(client)
        else:
            client.sendall(answer)
            client.close()
    with Impostor(afar.lab, give) as other:
        said = afar.bare("--remote", other.url, "--token-file", afar.file, "--fingerprint", afar.fingerprint, "vm", "show", "x",
                         timeout=60)
        assert "Sanitizer" not in said.stderr
        assert words in said.stderr
        if code is not None:
            assert said.returncode == code, said.stderr
        assert len(other.requests) == 1


def websocket_answer(key, *frames):
    accept = __import__("base64").b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return b"\r\n".join([b"HTTP/1.1 101 X", b"upgrade: websocket", b"connection: upgrade", b"sec-websocket-accept: " + accept,
                         b"", b""]) + b"".join(frames)


@pytest.mark.parametrize("frames, code", [
    ([b"\x88\x02\x11\x3b"], REFUSED),                                 # refused with 4411
    ([b"\x88\x13" + (4403).to_bytes(2, "big") + b"not your business"], REFUSED),
    ([b"\x88\x02\x03\xf5"], UNREACHABLE),                              # 1013 before anything
    ([b"\x81\x05hello"], TIMED_OUT),                                   # no JSON
    ([b"\x81\x7f" + (1 << 40).to_bytes(8, "big") + b"x" * 100000], None),  # a terabyte
    ([b"\xf1\x02{}"], None),                                           # reserved bits
    ([b"\x81\x02{}" * 10000, b"\x88\x02\x03\xe8"], DONE),
])
def test_nonsense_for_events_ends_the_command(afar, frames, code):
    with Impostor(afar.lab) as other:
        def give(client):
            head = other.requests[-1]
            key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)
            if key:
                client.sendall(websocket_answer(key[1], *frames))
                time.sleep(0.5)
                client.close()
        other.answer = give
        said = afar.bare("--remote", other.url, "--token-file", afar.file, "--fingerprint", afar.fingerprint, "events", "-o",
                         "json", timeout=60)
        assert "Sanitizer" not in said.stderr
        if code is not None:
            assert said.returncode == code, said.stderr
    wait_for(lambda: not carriers(), 10, "the end of yado-remote")
