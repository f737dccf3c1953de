"""Clients that do at random, over HTTPS, what people and programs do; and what they saw."""
import collections
import http.client
import json
import random
import socket
import ssl
import threading
import time
import uuid

import websocket

from yado import trusting

GUESTS_MAX = 8
RUNNING_MAX = 6
CONSOLES_MAX = 3
# An upload that somebody else gives up cuts what is being sent to it (docs/uploads.md).
EXPECTED = {("send", 503)}
DISTURBED_S = 20  # after a kill: what is refused or cut meanwhile is its consequence


class Ledger:
    """What all clients share: what they saw, and when the last thing was killed."""

    def __init__(self):
        self.lock = threading.Lock()
        self.answers = collections.Counter()
        self.faults = []
        self.acknowledged = []  # (path, rev, text) of changes that were answered with a revision
        self.tasks = []         # that were answered with 202
        self.slowest = collections.defaultdict(float)
        self.disturbed_at = -1e9
        self.stop, self.pause = threading.Event(), threading.Event()

    def disturb(self):
        self.disturbed_at = time.monotonic()

    def is_disturbed(self, since):
        return self.disturbed_at + DISTURBED_S > since

    def note(self, operation, status, code, seconds, began):
        with self.lock:
            self.answers[operation, status, code] += 1
            self.slowest[operation] = max(self.slowest[operation], seconds)
            if status >= 500 and not self.is_disturbed(began) and (operation, status) not in EXPECTED:
                self.faults.append(f"{operation} was answered {status} {code}")

    def fault(self, text):
        with self.lock:
            self.faults.append(text)


class Client(threading.Thread):
    def __init__(self, number, yado, token, ledger, seed):
        super().__init__(name=f"client{number}", daemon=True)
        self.number, self.yado, self.token, self.ledger = number, yado, token, ledger
        self.chance = random.Random(f"{seed}-{number}")
        self.connection, self.consoles, self.events, self.made, self.waits = None, [], [], 0, False

    # --- requests ---
    def ask(self, operation, method, path, body=None, headers=None, timeout=90):
        """(status, body); (0, {}) if the connection broke, which only a kill explains."""
        began = time.monotonic()
        headers = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            if not self.connection:
                self.connection = http.client.HTTPSConnection("127.0.0.1", self.yado.port, context=trusting(),
                                                              timeout=timeout)
            self.connection.request(method, "/api/v1" + path, body, headers)
            reply = self.connection.getresponse()
            data = reply.read()
            if reply.will_close:
                self.hang_up()
        except (OSError, http.client.HTTPException) as error:
            self.hang_up()
            # A kept connection may have been closed while it was idle.
            if not self.ledger.is_disturbed(began) and not isinstance(
                    error, (http.client.RemoteDisconnected, ConnectionError, ssl.SSLEOFError)):
                self.ledger.fault(f"{operation}: {method} {path} after {time.monotonic() - began:.1f} s: {error!r}")
            with self.ledger.lock:
                self.ledger.answers[operation, 0, type(error).__name__] += 1
            return 0, {}
        answer = json.loads(data) if "json" in reply.getheader("content-type", "") else {}
        error = answer.get("error", {}) if isinstance(answer, dict) else {}
        if reply.status >= 400 and not (error.get("code") and error.get("message")):
            self.ledger.fault(f"{operation}: {reply.status} without a reason: {data[:200]!r}")
        self.ledger.note(operation, reply.status, error.get("code", ""), time.monotonic() - began, began)
        if reply.status == 202 and "task" in answer:
            with self.ledger.lock:
                self.ledger.tasks.append(answer["task"])
        return reply.status, answer

    def hang_up(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def post(self, operation, path, body=None):
        """Sent again with the same key when its answer was lost."""
        headers = {"Idempotency-Key": str(uuid.UUID(int=self.chance.getrandbits(128)))}
        for _ in range(3):
            status, answer = self.ask(operation, "POST", path, body, headers)
            if status:
                break
            self.ledger.stop.wait(1)
        return status, answer

    def guests(self, *states):
        _, answer = self.ask("list", "GET", "/vms?fields=id,name,state,rev")
        return [row for row in answer.get("items", []) if not states or row["state"] in states]

    def pick(self, *states):
        found = self.guests(*states)
        return self.chance.choice(found) if found else None

    def follow(self, answer):
        """Waits for the task, or leaves it, or cancels it."""
        task = answer.get("task")
        what = self.chance.random()
        if task and what < 0.1:
            self.ask("cancel", "POST", f"/tasks/{task}/cancel")
        elif task and what < 0.7:
            self.ask("wait", "GET", f"/tasks/{task}/wait?timeout=20")

    # --- operations ---
    def create(self):
        if len(self.guests()) >= GUESTS_MAX:
            return self.delete()
        self.made += 1
        body = {"name": f"c{self.number}-{self.made}", "memory": "96M", "display": "none",
                "restart": {"policy": self.chance.choice(["never", "on-crash"])},
                "tags": [f"client{self.number}"]}
        if self.chance.random() < 0.7:
            body["image"] = "tiny"
        else:
            body["disks"] = {"disk0": {"size": "64M", "format": self.chance.choice(["qcow2", "raw"])}}
        if self.chance.random() < 0.6:
            body["nics"] = {"nic0": {"mode": "user"}}
        status, answer = self.post("create", "/vms", body)
        if status == 202:
            self.follow(answer)

    def power(self, action, *states, body=None):
        guest = self.pick(*states)
        if guest:
            status, answer = self.post(action, f"/vms/{guest['id']}/{action}", body)
            if status == 202:
                self.follow(answer)

    def start_guest(self):
        if len(self.guests("running", "starting", "paused")) < RUNNING_MAX:
            self.power("start", "stopped")
        else:
            self.power("stop", "running", "paused")

    def change(self):
        guest = self.pick()
        if not guest:
            return
        patch = self.chance.choice([
            {"description": f"by client {self.number}, {self.chance.random()}"},
            {"memory": self.chance.choice(["96M", "112M", "128M"])},
            {"tags": [f"client{self.number}", f"t{self.chance.randrange(5)}"]},
            {"restart": {"policy": self.chance.choice(["never", "on-crash"])}},
            {"cpu": {"cores": self.chance.choice([1, 2])}},
            {"nics": {"nic0": {"link": self.chance.random() < 0.5}}}])
        headers = {"If-Match": f'"{guest["rev"]}"'} if self.chance.random() < 0.5 else None
        plan = "?plan=1" if self.chance.random() < 0.3 else ""
        status, answer = self.ask("plan" if plan else "change", "PATCH", f"/vms/{guest['id']}{plan}", patch, headers)
        if status == 200 and not plan and "description" in patch:
            with self.ledger.lock:
                self.ledger.acknowledged.append((f"vm/{guest['id']}", answer["status"]["rev"], patch["description"]))
        elif status == 202:
            self.follow(answer)

    def plug(self):
        guest = self.pick("running", "stopped")
        if not guest:
            return
        key = f"disk{self.chance.randrange(1, 4)}"
        part = self.chance.choice([{"disks": {key: {"size": "32M"}}}, {"disks": {key: None}},
                                   {"nics": {"nic1": {"mode": "user"}}}, {"nics": {"nic1": None}}])
        status, answer = self.ask("plug", "PATCH", f"/vms/{guest['id']}", part)
        if status == 202:
            self.follow(answer)

    def delete(self):
        guest = self.pick("stopped")
        if guest:
            status, answer = self.ask("delete", "DELETE", f"/vms/{guest['id']}")
            if status == 202:
                self.follow(answer)

    def delete_volume(self):
        """One that was taken off a guest."""
        _, answer = self.ask("volumes", "GET", "/storages/local/volumes?limit=100")
        volumes = [row for row in answer.get("items", []) if not row.get("attached", True)]
        if volumes:
            name = self.chance.choice(volumes)["name"]
            status, answer = self.ask("delete-volume", "DELETE", f"/storages/local/volumes/{name}")
            if status == 202:
                self.follow(answer)

    def dial(self, operation, path, headers):
        began = time.monotonic()
        try:
            client = websocket.create_connection(
                f"wss://127.0.0.1:{self.yado.port}/api/v1{path}", timeout=10, header=headers, suppress_origin=True,
                sslopt={"cert_reqs": ssl.CERT_NONE, "check_hostname": False})
        except websocket.WebSocketBadStatusException as error:
            self.ledger.note(operation, error.status_code, "upgrade", time.monotonic() - began, began)
            return None
        except (OSError, websocket.WebSocketException) as error:
            if not self.ledger.is_disturbed(began):
                self.ledger.fault(f"{operation}: {path}: {error!r}")
            return None
        self.ledger.note(operation, 101, "", time.monotonic() - began, began)
        return client

    @staticmethod
    def drop(client, chance):
        """Closes it as it should be, or lets go of it."""
        try:
            if chance.random() < 0.5:
                client.close(timeout=1)
            else:
                client.sock.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError, websocket.WebSocketException):
            pass
        client.shutdown()

    def console(self):
        guest = self.pick("running", "paused")
        if not guest:
            return
        headers = [f"Authorization: Bearer {self.token}"]
        path = f"/vms/{guest['id']}/console/serial"
        query = self.chance.choice(["?take_over=1", "?mode=read", ""])
        if self.chance.random() < 0.3:
            _, answer = self.ask("ticket", "POST", path, {})
            query, headers = f"?ticket={answer.get('ticket', 'none')}", []
        client = self.dial("console", path + query, headers)
        if not client:
            return
        try:
            client.settimeout(0.5)
            if "read" not in query:
                client.send_binary(self.chance.choice([b"\n", b"root\n", b"ls /\n" * 20, b"\xff\x00"]))
            client.recv()
        except (OSError, websocket.WebSocketException):
            pass
        self.consoles.append(client)
        if len(self.consoles) > CONSOLES_MAX or self.chance.random() < 0.5:
            self.drop(self.consoles.pop(0), self.chance)

    def listen(self):
        client = self.dial("events", "/events", [f"Authorization: Bearer {self.token}"])
        if client:
            self.events.append(client)
        for open_ in self.events:
            try:
                open_.settimeout(0.2)
                for _ in range(self.chance.randrange(20)):
                    open_.recv()
            except (OSError, websocket.WebSocketException):
                pass
        if len(self.events) > 2:
            self.drop(self.events.pop(0), self.chance)

    def upload(self):
        size = self.chance.choice([65536, 1 << 20, 4 << 20])
        status, answer = self.post("upload", "/uploads", {"size": size})
        if status != 201:
            return
        name = answer["id"]
        data = self.chance.randbytes(4096) * (size // 4096)
        sent = size if self.chance.random() < 0.7 else self.chance.randrange(size)
        status, answer = self.ask("send", "PATCH", f"/uploads/{name}", data[:sent],
                                  {"Upload-Offset": "0", "Content-Type": "application/octet-stream"})
        if sent == size and status == 200:
            self.made += 1
            status, answer = self.post("import", "/images", {"name": f"i{self.number}-{self.made}", "format": "raw",
                                                             "upload": name})
            if status == 202:
                return self.follow(answer)
        if self.chance.random() < 0.7:
            self.ask("give-up", "DELETE", f"/uploads/{name}")

    def tidy_uploads(self):
        _, answer = self.ask("uploads", "GET", "/uploads")
        for row in answer.get("items", [])[:4]:
            self.ask("give-up", "DELETE", f"/uploads/{row['id']}")

    def image(self):
        _, answer = self.ask("images", "GET", "/images")
        mine = [row["name"] for row in answer.get("items", []) if row["name"].startswith(f"i{self.number}-")]
        if mine:
            name = self.chance.choice(mine)
            if self.chance.random() < 0.5:
                self.ask("download", "GET", f"/images/{name}/disk")
            status, answer = self.ask("delete-image", "DELETE", f"/images/{name}")
            if status == 202:
                self.follow(answer)

    def restore(self):
        _, answer = self.ask("history", "GET", "/history?limit=30")
        revs = [item["rev"] for item in answer.get("items", [])]
        if revs:
            plan = "?plan=1" if self.chance.random() < 0.5 else ""
            self.post("restore-plan" if plan else "restore", "/history/restore" + plan,
                      {"rev": self.chance.choice(revs), "prefix": "vm/"})

    def user(self):
        """A user made, changed and taken away."""
        name = f"u{self.number}-{self.chance.randrange(3)}"
        self.post("user", "/users", {"name": name, "grants": {"g": {"path": "/vms", "role": "user"}}})
        self.ask("user-set", "PATCH", f"/users/{name}", {"full_name": str(self.chance.random())})
        if self.chance.random() < 0.6:
            self.ask("user-delete", "DELETE", f"/users/{name}")

    def look(self):
        guest = self.pick()
        paths = ["/tasks?limit=20", "/nodes/self", "/storages", "/audit?limit=5", "/openapi.json", "/session"]
        if guest:
            paths += [f"/vms/{guest['id']}", f"/vms/{guest['id']}/stats"] * 2
        path = self.chance.choice(paths)
        self.ask("look", "GET", path)

    OPERATIONS = (
        (14, lambda self: self.start_guest()), (8, create), (8, change), (6, plug), (8, look), (4, delete),
        (4, lambda self: self.power("stop", "running", "paused")), (3, lambda self: self.power("reset", "running")),
        (3, lambda self: self.power("pause", "running")), (4, lambda self: self.power("resume", "paused")),
        (3, lambda self: self.power("shutdown", "running", body={"timeout": 2, "action": "stop"})),
        (1, lambda self: self.power("reboot", "running", body={"timeout": 2, "action": "stop"})),
        (6, console), (3, listen), (4, upload), (1, tidy_uploads), (3, image), (1, restore), (2, user),
        (3, delete_volume))

    def run(self):
        weights = [weight for weight, _ in self.OPERATIONS]
        while not self.ledger.stop.is_set():
            self.waits = self.ledger.pause.is_set()
            if self.waits:
                self.ledger.stop.wait(0.05)
                continue
            _, operation = self.chance.choices(self.OPERATIONS, weights)[0]
            try:
                operation(self)
            except Exception as error:  # of the test's own making, or an answer without what it must have
                self.ledger.fault(f"{operation}: {error!r}")
            self.ledger.stop.wait(self.chance.uniform(0, 0.3))
        for client in self.consoles + self.events:
            self.drop(client, self.chance)
        self.hang_up()
