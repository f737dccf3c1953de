"""A yadod of the test's own, with its own state and run directories, and the command to drive it."""
import contextlib
import hashlib
import http.client
import itertools
import json
import os
import pathlib
import pwd
import shutil
import socket
import sqlite3
import ssl
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("YADO_BUILD", ROOT / "build"))
if not BUILD.is_absolute():
    BUILD = ROOT / BUILD


class CommandError(Exception):
    def __init__(self, arguments, result):
        self.code = result.returncode
        self.stdout = result.stdout
        self.stderr = result.stderr
        super().__init__(f"yado {' '.join(map(str, arguments))} ended with {result.returncode}: {result.stderr}")


def wait_for(condition, timeout=30, what="the condition"):
    """The condition's first true value; polled, since it is another process's."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come about within {timeout} s")
        time.sleep(0.02)


def build_images(state):
    """A state directory that has the image `tiny`, for YADO_TEST_IMAGES."""
    yado = Yado(state)
    yado.start()
    try:
        yado("image", "build", "tiny", timeout=600)
    finally:
        yado.stop()
        shutil.rmtree(yado.run, ignore_errors=True)


class Yado:
    def __init__(self, state):
        self.state = pathlib.Path(state)
        self.run = pathlib.Path("/run") / ("yado-" + hashlib.sha256(str(self.state).encode()).hexdigest()[:8])
        self.socket = self.run / "api.sock"
        self.log = self.state.parent / (self.state.name + ".log")
        self.web = BUILD / "web/web"
        self.process = None
        self.port = None
        self.around = []  # a command that starts the daemon, in a world of its own

    def copy_from(self, seed, place=None):
        """Begins with a copy of another daemon's state; its storage moves along with the copy, to where the daemon will
        see it."""
        shutil.copytree(seed, self.state, ignore=shutil.ignore_patterns(".cache"))
        database = sqlite3.connect(self.state / "store.db")
        database.execute("UPDATE doc SET body = replace(body, ?, ?) WHERE path LIKE 'storage/%'",
                         (str(seed), str(place or self.state)))
        database.commit()
        database.close()

    # --- the daemon ---
    def start(self, timeout=60):
        log = open(self.log, "ab")
        front = ["--https", f"127.0.0.1:{self.port}"] if self.port else []
        self.process = subprocess.Popen(
            [*self.around, BUILD / "src/daemon/yadod", "--debug", "--state", self.state, "--run", self.run,
             "--probe-rom", BUILD / "src/qemu/probe.rom", "--recipes", ROOT / "recipes", "--web", self.web, *front],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        log.close()

        def answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"yadod ended with {self.process.returncode}:\n{self.tail()}")
            return self.run_command("node", "show").returncode == 0
        wait_for(answers, timeout, "yadod's first answer")
        if self.port:
            self.wait_front(timeout)
        return self

    def wait_front(self, timeout=30):
        wait_for(self.front_answers, timeout, "yado-httpd's answer")

    def stop(self):
        if self.process:
            self.process.terminate()
            code = self.process.wait(60)
            self.process = None
            return code

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def tail(self, length=3000):
        if not self.log.exists():
            return ""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if "the peer left" not in line)[-length:]

    def clean(self):
        """Ends every guest and removes what is left of this daemon."""
        try:
            if not self.process:
                self.start()
            for vm in self("vm", "list")["items"]:
                if vm["state"] != "stopped":
                    self.run_command("vm", "stop", str(vm["id"]))
        finally:
            self.stop()
            shutil.rmtree(self.run, ignore_errors=True)

    # --- the command ---
    def run_command(self, *arguments, input=None, timeout=120, env=None):
        return subprocess.run([BUILD / "src/cli/yado", "--socket", self.socket, *map(str, arguments)],
                              input=input, capture_output=True, text=True, timeout=timeout,
                              env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})})

    def __call__(self, *arguments, **keywords):
        """Runs the command with JSON output; the parsed answer, or CommandError."""
        result = self.run_command("-o", "json", *arguments, **keywords)
        if result.returncode:
            raise CommandError(arguments, result)
        return json.loads(result.stdout) if result.stdout.strip() else None

    def text(self, *arguments, **keywords):
        result = self.run_command(*arguments, **keywords)
        if result.returncode:
            raise CommandError(arguments, result)
        return result.stdout

    # --- guests ---
    def vm(self, name):
        return self("vm", "show", name)

    def status(self, name):
        return self.vm(name)["status"]

    def state_of(self, name):
        return self.status(name)["state"]

    def wait_state(self, name, state, timeout=30):
        return wait_for(lambda: self.state_of(name) == state and self.status(name), timeout, f"{name} {state}")

    def wait_agent(self, name, timeout=60):
        return wait_for(lambda: self.status(name)["agent"]["state"] == "connected", timeout, f"the agent of {name}")

    def wait_address(self, name, timeout=60):
        wait_for(lambda: self.status(name)["addresses"], timeout, f"an address of {name}")
        return self.status(name)["addresses"][0]["address"]

    # --- raw frames, for what the command cannot say ---
    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(self.socket))
        client.settimeout(30)
        return client

    def connect_front(self):
        """A connection to front.sock, as the user that yado-httpd runs as."""
        client = socket.socket(socket.AF_UNIX)
        before = os.getcwd()
        os.chdir(self.run / "front")  # the way there is root's
        try:
            os.seteuid(pwd.getpwnam("yado").pw_uid)
            client.connect("front.sock")
        finally:
            os.seteuid(0)
            os.chdir(before)
        client.settimeout(30)
        return client

    # --- the front ---
    def with_front(self):
        """Before start(): yado-httpd too, at a port of its own."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        return self

    def front_answers(self):
        try:
            return self.https("GET", "/healthz")[0] == 200
        except (OSError, http.client.HTTPException):
            if self.process.poll() is not None:
                raise RuntimeError(f"yadod ended with {self.process.returncode}:\n{self.tail()}")
            return False

    def https(self, method, path, body=None, token=None, headers=None, timeout=30):
        """One request over HTTPS on a connection of its own: status, headers (lower case), and the body, parsed if it is
        JSON. `body` is bytes, or what becomes JSON."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=trusting(), timeout=timeout)
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            data = reply.read()
            names = {name.lower(): value for name, value in reply.getheaders()}
        finally:
            connection.close()
        return reply.status, names, json.loads(data) if data and "json" in names.get("content-type", "") else data

    def make_user(self, name, grants, password=None):
        """A user with roles: grants is {path: role}."""
        body = {"name": name, "grants": {f"g{i}": {"path": path, "role": role}
                                         for i, (path, role) in enumerate(grants.items())}}
        reply, _ = request(self, "POST", "/api/v1/users", body)
        if reply["status"] >= 300:
            raise RuntimeError(reply)
        if password:
            reply, _ = request(self, "POST", f"/api/v1/users/{name}/password", {"password": password})
            if reply["status"] >= 300:
                raise RuntimeError(reply)

    def make_token(self, user, **fields):
        """An API token's secret."""
        reply, _ = request(self, "POST", "/api/v1/tokens", {"user": user, "name": "test", **fields})
        if reply["status"] >= 300:
            raise RuntimeError(reply)
        return reply["body"]["secret"]

    @property
    def front_pid(self):
        """The process of yado-httpd; 0 between two of them."""
        try:
            record = (self.run / "httpd/pid").read_text().split()
        except FileNotFoundError:
            return 0
        return int(record[record.index("pid") + 1])


def trusting():
    """A TLS context that takes any certificate: the test's daemon has made its own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Console:
    """A serial console through the frame protocol's descriptor."""

    marks = itertools.count()  # of all consoles: a new one is shown again what earlier ones have asked

    def __init__(self, yado, name, mode="write", take_over=False, port=1):
        self.buffer = b""
        reply, fds = request(yado, "POST", f"/api/v1/vms/{name}/console/serial",
                             {"mode": mode, "take_over": take_over, "port": port}, want_fds=1)
        if reply["status"] != 200:
            raise RuntimeError(reply)
        self.socket = socket.socket(fileno=fds[0])
        self.socket.settimeout(0.2)

    def read_until(self, text, timeout=30):
        end = time.monotonic() + timeout
        while text.encode() not in self.buffer:
            if time.monotonic() > end:
                raise TimeoutError(f"{text!r} not on the console: …{self.buffer[-800:]!r}")
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                continue
            if not data:
                raise EOFError(f"the console ended: …{self.buffer[-800:]!r}")
            self.buffer += data
        seen, self.buffer = self.buffer.split(text.encode(), 1)
        return seen.decode(errors="replace")

    def look(self):
        """What has come and was not read yet, after a short wait for more."""
        with contextlib.suppress(TimeoutError):
            self.buffer += self.socket.recv(65536)
        return self.buffer.decode(errors="replace")

    def send(self, text):
        self.socket.sendall(text.encode())

    def login(self):
        self.send("\n")
        self.read_until("login:", 120)
        self.send("root\n")
        self.read_until("# ", 120)  # login throws away what is typed before its shell is there
        self.send("stty -echo; PS1=\n")
        self.shell("true")
        return self

    def shell(self, line, timeout=120):
        """Output of one line in the guest's shell."""
        mark = f"E{next(self.marks)}x{os.getpid()}"
        self.send(f"echo 'S'{mark}; {line}; echo 'D'{mark}\n")
        self.read_until("S" + mark + "\r\n", timeout)
        return self.read_until("D" + mark, timeout).replace("\r", "").strip()

    def close(self):
        self.socket.close()


def encode(kind, stream, payload, fds=0):
    return (len(payload).to_bytes(4, "little") + stream.to_bytes(4, "little") + bytes([kind, fds, 0, 0]) + payload)


def request(yado, method, path, body=None, headers=None, fds=(), want_fds=0, client=None, head=None):
    """One request over the frame protocol (docs/protocol.md); the reply's head with its body, and descriptors. `head`
    has members beside these, for front.sock (docs/front.md)."""
    head = {"method": method, "path": path, **(head or {})}
    if headers:
        head["headers"] = headers
    head_text = json.dumps(head).encode()
    body_text = json.dumps(body).encode() if body is not None else b""
    frame = encode(1, 1, len(head_text).to_bytes(4, "little") + head_text + body_text, len(fds))
    client = client or yado.connect()
    socket.send_fds(client, [frame], list(fds))
    data, received = b"", []
    while True:
        while len(data) < 12 or len(data) < 12 + int.from_bytes(data[:4], "little"):
            chunk, more, _, _ = socket.recv_fds(client, 65536, 16)
            if not chunk:
                raise EOFError("yadod closed the connection")
            data += chunk
            received += more
        length = int.from_bytes(data[:4], "little")
        kind, payload, data = data[8], data[12:12 + length], data[12 + length:]
        if kind != 2:
            continue
        head_length = int.from_bytes(payload[:4], "little")
        reply = json.loads(payload[4:4 + head_length])
        rest = payload[4 + head_length:]
        text = reply.get("headers", {}).get("content-type", "").startswith("text/")
        reply["body"] = rest.decode() if text else json.loads(rest) if rest else None
        return reply, received


def api(yado, method, path, body=None, **keywords):
    """One request to the API as root: the reply's head with its body."""
    return request(yado, method, "/api/v1" + path, body, **keywords)[0]


def wait_task(yado, task, timeout=300):
    """The record of the task once it has ended, well or not."""
    def ended():
        record = api(yado, "GET", f"/tasks/{task}/wait?timeout=20")["body"]
        return record["state"] not in ("queued", "running") and record
    return wait_for(ended, timeout, f"the end of task {task}")


def make(yado, name, *arguments, image="tiny"):
    """A guest that shows nothing on a screen; the command's answer."""
    return yado("vm", "create", name, "--image", image, "--display", "none", *arguments)


def boot(yado, name):
    """Starts the guest; a shell in it, once the guest has loaded the drivers of what it started with."""
    yado("vm", "start", name)
    console = Console(yado, name).login()
    console.shell("while ps | grep -q '[h]otplug cold'; do usleep 20000; done")
    return console
