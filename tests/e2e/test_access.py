"""Who may do what, asked of a real yadod through the socket that only yado-httpd speaks on."""
import json
import os
import re
import time

from yado import ROOT, encode, request, wait_for

MATRIX = ROOT / "tests/golden/access-matrix.txt"
PASSWORD = "correct horse battery"


class Asker:
    """Somebody with a token or a session, at an address."""

    def __init__(self, host, token=None, session=None, csrf=None, address="192.0.2.1"):
        self.host, self.csrf = host, csrf
        self.head = {"address": address}
        if token:
            self.head["token"] = token
        if session:
            self.head["session"] = session

    def __call__(self, method, path, body=None, headers=None, **head):
        """Status and body."""
        headers = dict(headers or {})
        if self.csrf and "x-csrf-token" not in headers:
            headers["x-csrf-token"] = self.csrf
        with self.host.connect_front() as client:
            reply, fds = request(self.host, method, "/api/v1" + path, body, headers, client=client,
                                 head={**self.head, **head})
        for fd in fds:  # of a download
            os.close(fd)
        self.reply = reply
        return reply["status"], reply["body"]

    def status(self, *arguments, **keywords):
        return self(*arguments, **keywords)[0]

    def refused(self, *arguments, **keywords):
        """What a plan says that it would be refused for: codes."""
        method, path, *rest = arguments
        status, body = self(method, path + "?plan=1", *rest, **keywords)
        assert status == 200, body
        return [entry["code"] for entry in body["plan"]["refused"]]


def root(host, method, path, body=None, expect=None):
    reply, _ = request(host, method, "/api/v1" + path, body)
    assert reply["status"] == expect if expect else reply["status"] < 300, reply
    return reply["body"]


def grants(*pairs):
    return {f"g{i}": {"path": path, "role": role} for i, (path, role) in enumerate(pairs)}


def by_token(host, user, *pairs, **fields):
    """A user with these roles, asking by a token."""
    root(host, "POST", "/users", {"name": user, "grants": grants(*pairs)})
    return Asker(host, host.make_token(user, **fields))


def sign_in(host, user, password=PASSWORD, address="192.0.2.1"):
    asker = Asker(host, address=address)
    status, body = asker("POST", "/session", {"user": user, "password": password})
    assert status == 201, body
    cookie = asker.reply["headers"]["set-cookie"]
    secret = re.fullmatch(r"__Host-yado=([\w-]{43}); Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=\d+", cookie)
    return Asker(host, session=secret[1], csrf=body["csrf"], address=address)


def by_session(host, user, *pairs):
    root(host, "POST", "/users", {"name": user, "grants": grants(*pairs)})
    root(host, "POST", f"/users/{user}/password", {"password": PASSWORD})
    return sign_in(host, user)


def make_vm(host, name, **fields):
    body = {"name": name, "image": "tiny", "display": "none", **fields}
    answer = root(host, "POST", "/vms", {key: value for key, value in body.items() if value is not None})
    task = root(host, "GET", f"/tasks/{answer['task']}/wait?timeout=60")
    assert task["state"] == "done", task
    return answer["id"], answer["task"]


def names(answer):
    status, body = answer
    assert status == 200, body
    return [item["name"] for item in body["items"]]


# --- the matrix ---

def read_matrix():
    """(method, path, {(place, role): mark}, mark of nobody) of each row."""
    lines = MATRIX.read_text().splitlines()
    places = re.findall(r"on (\S+)", lines[0])
    roles = lines[1].split()
    columns = list(zip([place for place in places for _ in range(len(roles) // len(places))], roles))
    for line in lines[2:]:
        method, path, *marks = line.split()
        assert len(marks) == len(columns) + 1
        yield method, path, dict(zip(columns, marks)), marks[-1]


def test_each_route_lets_in_whom_the_matrix_says(host):
    numbers = {}
    for number, (name, tags) in enumerate([("web", ["prod"]), ("db", [])]):
        vm, _ = make_vm(host, name, tags=tags)
        task = root(host, "POST", f"/vms/{vm}/start")["task"]
        assert root(host, "GET", f"/tasks/{task}/wait?timeout=60")["state"] == "done"
        numbers[f"/vms/{100 + number}"], numbers[f"/tasks/{1 + number}"] = f"/vms/{vm}", f"/tasks/{task}"
    rows = list(read_matrix())
    askers = {(place, role): by_token(host, f"{role}-{number}", (numbers.get(place, place), role))
              for number, (place, role) in enumerate(rows[0][2])}
    nobody = Asker(host)
    described = root(host, "GET", "/openapi.json")["paths"]
    patterns = {(method.upper(), re.compile(re.sub(r"\{[^}]*\}", "[^/]+", path) + "$")): operation
                for path, operations in described.items() for method, operation in operations.items()
                if isinstance(operation, dict)}
    # What is let through to look closer: at what is to be made, or brought back.
    closer = {"POST /vms", "POST /images", "POST /images/build", "POST /history/restore"}
    wrong, count = [], 0
    for method, path, marks, of_nobody in rows:
        if path in ("/healthz", "/metrics"):
            continue  # not below /api/v1; they have tests of their own
        operation = next(found for (verb, pattern), found in patterns.items() if verb == method and pattern.match(path))
        plan = any(parameter["name"] == "plan" for parameter in operation.get("parameters", []))
        asked = re.sub(r"^/(vms|tasks)/\d+", lambda found: numbers[found[0]], path)
        query = "?plan=1" if plan else "?timeout=0" if path.endswith("/wait") else ""
        body = {} if operation.get("requestBody") else None
        for (place, role), mark in list(marks.items()) + [((None, None), of_nobody)]:
            asker = askers[place, role] if place else nobody
            status, answer = asker(method, asked + query, body)
            count += 1
            if mark == "+":
                fine = status not in (401, 403) or (
                    status == 403 and f"{method} {path}" in closer and place != "/")
            else:
                fine = status == {".": 403, "p": 403, "-": 401}[mark]
            if not fine:
                wrong.append((method, path, place, role, mark, status, answer))
    assert not wrong, wrong
    assert count > 1000


# --- who asks ---

def test_a_request_has_one_credential_and_a_right_one(host):
    anna = by_token(host, "anna", ("/", "user"))
    secret = anna.head["token"]
    session = by_session(host, "berta", ("/", "user"))
    assert anna.status("GET", "/vms") == 200
    assert Asker(host).status("GET", "/vms") == 401
    assert Asker(host, secret[:-1] + ("a" if secret[-1] != "a" else "b")).status("GET", "/vms") == 401
    assert Asker(host, session="A" * 43).status("GET", "/vms") == 401
    assert Asker(host, secret, session=session.head["session"]).status("GET", "/vms") == 400
    # What there is, is told to nobody.
    for path in ("/nothing", "/vms/100/nothing"):
        assert Asker(host).status("GET", path) == 401
        assert anna.status("GET", path) == 404
    assert Asker(host).status("PUT", "/vms") == 401
    assert anna.status("PUT", "/vms") == 405
    # Neither front.sock nor its root are root.
    status, who = anna("GET", "/session")
    assert (status, who["user"], who["kind"]) == (200, "anna", "token")
    assert {right["path"] for right in who["rights"]} == {"/"} and "csrf" not in who
    assert root(host, "GET", "/session")["user"] == "root"


def test_what_another_page_makes_of_a_session_is_refused(host):
    session = by_session(host, "anna", ("/", "admin"))
    body = {"name": "more", "path": str(host.state / "more")}
    assert session.status("GET", "/vms") == 200
    assert session.status("GET", "/session") == 200 and session("GET", "/session")[1]["csrf"] == session.csrf
    for headers, head in [({"x-csrf-token": ""}, {}), ({"x-csrf-token": session.csrf[:-1]}, {}),
                          ({"x-csrf-token": session.csrf[:-1] + "!"}, {}), ({}, {"origin": "cross"})]:
        for method, path in [("POST", "/storages"), ("PATCH", "/settings/access"), ("DELETE", "/session")]:
            assert session.status(method, path, body, headers, **head) == 403
    assert session.status("POST", "/storages?plan=1", body, origin="same") == 200
    assert session.status("POST", "/storages?plan=1", body) == 200
    # A WebSocket has no such header: it needs the page's own origin.
    for head in ({}, {"origin": "cross"}):
        assert session.status("GET", "/events", upgrade=True, **head) == 403
    # Nor is anybody signed in as a user of another page's choice.
    login = {"user": "anna", "password": PASSWORD}
    assert Asker(host).status("POST", "/session", login, origin="cross") == 403
    # A stale cookie keeps nobody from signing in.
    assert Asker(host, session="A" * 43).status("POST", "/session", login, origin="same") == 201


def test_a_session_ends_with_its_sign_out_its_user_and_its_rights(host):
    for end in ("sign out", "revoked", "disabled", "deleted", "password"):
        user = "u-" + end.replace(" ", "")
        session = by_session(host, user, ("/", "user"))
        assert session.status("GET", "/vms") == 200
        if end == "sign out":
            assert session.status("DELETE", "/session") == 200
            assert "Max-Age=0" in session.reply["headers"]["set-cookie"]
        elif end == "revoked":
            [mine] = session("GET", "/sessions")[1]["items"]
            assert mine["current"] and mine["user"] == user and mine["address"] == "192.0.2.1"
            root(host, "DELETE", f"/sessions/{mine['id']}")
        elif end == "disabled":
            root(host, "PATCH", f"/users/{user}", {"enabled": False})
        elif end == "deleted":
            root(host, "DELETE", f"/users/{user}")
        else:
            root(host, "POST", f"/users/{user}/password", {"password": "another " + PASSWORD})
        assert session.status("GET", "/vms") == 401, end
    # A right that is withdrawn is gone for the next request, and the session stands.
    session = by_session(host, "rest", ("/", "user"))
    assert session.status("GET", "/vms") == 200
    root(host, "PATCH", "/users/rest", {"grants": None})
    assert session.status("GET", "/vms") == 403
    assert session.status("GET", "/session") == 200


def test_a_token_is_narrower_than_its_user_and_ends(host):
    web, _ = make_vm(host, "web")
    db, _ = make_vm(host, "db")
    admin = by_token(host, "anna", ("/", "admin"))
    narrow = Asker(host, host.make_token("anna", grants=grants((f"/vms/{web}", "user"))))
    beyond = by_token(host, "berta", (f"/vms/{web}", "auditor"), grants=grants(("/", "auditor")))
    assert names(admin("GET", "/vms")) == ["web", "db"]
    for asker in (narrow, beyond):
        assert names(asker("GET", "/vms")) == ["web"]
        assert asker.status("GET", f"/vms/{db}") == 403
        assert asker.status("DELETE", f"/vms/{web}") == 403
        assert asker.status("GET", "/users") == 403
    # It sees itself and may end itself, but not its user's others.
    [itself] = narrow("GET", "/tokens")[1]["items"]
    assert narrow("GET", "/sessions")[1]["items"] == []
    [other] = [token for token in admin("GET", "/tokens")[1]["items"]
               if token["user"] == "anna" and token["id"] != itself["id"]]
    assert narrow.status("GET", f"/tokens/{other['id']}") == 403
    assert narrow.status("DELETE", f"/tokens/{other['id']}") == 403
    assert "secret" not in json.dumps(admin("GET", "/tokens")[1])
    assert narrow.status("DELETE", f"/tokens/{itself['id']}") == 200
    assert narrow.status("GET", "/vms") == 401
    # Its user's tasks are not its business, but what it begins itself is.
    stopped = root(host, "POST", f"/vms/{db}/start")["task"]
    maker = Asker(host, host.make_token("anna", grants=grants(("/tags/lab", "operator"), ("/storages", "operator"),
                                                              ("/images", "user"), ("/networks", "operator"))))
    task = admin("POST", f"/vms/{db}/stop")[1]["task"]
    assert admin.status("GET", f"/tasks/{task}/wait?timeout=60") == 200
    assert maker.status("GET", f"/tasks/{task}") == 403 and maker.status("GET", f"/tasks/{stopped}") == 403
    status, made = maker("POST", "/vms", {"name": "lab1", "image": "tiny", "tags": ["lab"], "display": "none"})
    assert status == 202, made
    status, ended = maker("GET", f"/tasks/{made['task']}/wait?timeout=60")
    assert (status, ended["state"]) == (200, "done")
    assert names(maker("GET", "/vms")) == ["lab1"]
    status, made = maker("DELETE", f"/vms/{made['id']}")
    assert status == 202
    status, ended = maker("GET", f"/tasks/{made['task']}/wait?timeout=60")
    assert (status, ended["state"]) == (200, "done")
    # One that has expired is none.
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    short = Asker(host, host.make_token("anna", expires=soon))
    assert short.status("GET", "/vms") == 200
    wait_for(lambda: short.status("GET", "/vms") == 401, 10, "the token's end")


def test_a_token_makes_no_credential(host):
    admin = by_token(host, "anna", ("/", "admin"))
    for method, path, body in [("POST", "/tokens", {"name": "more"}),
                               ("POST", "/users/anna/password", {"password": "x" * 20}),
                               ("POST", "/users/nobody/password", {"password": "x" * 20})]:
        status, answer = admin(method, path, body)
        assert status == 403 and "token" in answer["error"]["message"]
    session = by_session(host, "berta", ("/", "user"))
    status, token = session("POST", "/tokens", {"name": "mine", "grants": grants(("/", "user"))})
    assert status == 201 and token["user"] == "berta"
    assert Asker(host, token["secret"])("GET", "/session")[1]["user"] == "berta"
    assert session("GET", "/tokens")[1]["items"][0]["id"] == token["id"]
    assert session.status("DELETE", f"/tokens/{token['id']}") == 200


def test_a_user_of_a_former_ones_name_finds_nothing_of_it(host):
    anna = by_session(host, "anna", ("/", "operator"))
    token = Asker(host, host.make_token("anna"))
    assert token.status("POST", "/uploads", {"size": 10}) == 201
    assert len(anna("GET", "/uploads")[1]["items"]) == 1
    task = anna("POST", "/vms", {"name": "empty", "nics": {}, "disks": {}})[1]["task"]
    assert task in [item["id"] for item in anna("GET", "/tasks")[1]["items"]]
    root(host, "DELETE", "/users/anna?plan=1")
    assert anna.status("GET", "/session") == 200 and len(anna("GET", "/uploads")[1]["items"]) == 1
    root(host, "DELETE", "/users/anna")
    assert anna.status("GET", "/session") == 401 and token.status("GET", "/session") == 401
    # The times of users are told to the second.
    made = root(host, "GET", f"/tasks/{task}")["created"]
    wait_for(lambda: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) > made[:19], 5, "the next second")
    again = by_session(host, "anna", ("/images", "operator"))
    assert again.status("GET", f"/tasks/{task}") == 403
    assert task not in [item["id"] for item in again("GET", "/tasks")[1]["items"]]
    assert again.status("POST", f"/tasks/{task}/cancel") == 403
    assert again("GET", "/uploads")[1]["items"] == [] and again("GET", "/tokens")[1]["items"] == []
    assert len(again("GET", "/sessions")[1]["items"]) == 1
    assert anna.status("GET", "/session") == 401 and token.status("GET", "/session") == 401


def test_an_upload_that_a_kill_left_of_a_former_user_is_not_the_next_ones(host):
    anna = by_session(host, "anna", ("/images", "operator"))
    status, upload = anna("POST", "/uploads", {"size": 10})
    assert status == 201
    host.stop()
    # As if the user had been deleted, the daemon killed before it came to the uploads, and a user of that name made.
    record = host.state / "uploads" / f"{upload['id']}.json"
    text = record.read_text()
    assert upload["created"] in text
    record.write_text(text.replace(upload["created"], "2020-01-01T00:00:00Z"))
    host.start()
    assert anna("GET", "/uploads")[1]["items"] == []
    assert anna.status("GET", f"/uploads/{upload['id']}") == 403
    assert anna.status("DELETE", f"/uploads/{upload['id']}") == 403
    assert anna.refused("POST", "/images", {"name": "a", "format": "iso", "upload": upload["id"]}) == ["forbidden"]
    assert [item["id"] for item in root(host, "GET", "/uploads")["items"]] == [upload["id"]]


# --- objects ---

def test_tags_decide_who_may_use_a_guest(host):
    web, _ = make_vm(host, "web", tags=["prod"])
    db, _ = make_vm(host, "db", tags=["free"])
    carl = by_token(host, "carl", ("/tags/prod", "operator"))
    free = by_token(host, "dora", ("/vms", "operator"))
    assert names(carl("GET", "/vms")) == ["web"]
    assert carl.status("GET", "/vms/web") == 200 and carl.status("GET", "/vms/db") == 403
    # A tag that nobody has rights by is anybody's to change who configures the guest; one that decides is not.
    assert free.status("PATCH", "/vms/db", {"tags": ["free", "blue"]}) == 200
    assert free.refused("PATCH", "/vms/db", {"tags": ["free", "prod"]}) == ["forbidden"]
    assert free.status("PATCH", "/vms/db", {"tags": ["free", "prod"]}) == 403
    assert free.status("PATCH", "/vms/web", {"tags": []}) == 403
    assert carl.status("PATCH", "/vms/web", {"tags": ["prod", "x"]}) == 200
    assert carl.status("PATCH", "/vms/web", {"tags": ["x"]}) == 403
    assert carl.status("GET", "/vms/web") == 200
    # What it may be taken from by who manages access, is gone at once.
    root(host, "PATCH", "/vms/web", {"tags": ["x"]})
    assert carl.status("GET", "/vms/web") == 403 and names(carl("GET", "/vms")) == []
    # A restore is no way around.
    root(host, "PATCH", "/vms/db", {"tags": ["prod"]})
    root(host, "POST", "/roles", {"name": "restorer", "privileges": [
        "vm.read", "vm.configure", "history.read", "history.restore"]})
    emil = by_token(host, "emil", ("/vms", "restorer"))
    then = root(host, "GET", f"/history?prefix=vm/{db}")["items"][0]["rev"]
    root(host, "PATCH", "/vms/db", {"tags": []})
    assert emil.refused("POST", "/history/restore", {"rev": then, "prefix": f"vm/{db}"}) == ["forbidden"]
    assert emil.status("POST", "/history/restore", {"rev": then, "prefix": f"vm/{db}"}) == 403
    assert emil.status("POST", "/history/restore", {"rev": then}) == 403
    assert root(host, "GET", f"/vms/{db}")["tags"] == []
    assert db and web


def test_a_guest_takes_only_what_its_maker_may_use(host):
    root(host, "POST", "/storages", {"name": "gold", "path": str(host.state / "gold")})
    anna = by_token(host, "anna", ("/tags/lab", "operator"), ("/storages/local", "operator"),
                    ("/images/tiny", "user"))
    ben = by_token(host, "ben", ("/vms", "operator"), ("/networks/user", "operator"))
    plain = {"name": "lab1", "tags": ["lab"], "nics": {}, "display": "none"}
    disk = {"disk0": {"size": 1 << 20}}

    def both(asker, body, code):
        assert asker.refused("POST", "/vms", body) == ([code] if code else []), body
        if code:
            assert asker.status("POST", "/vms", body) == 403

    both(anna, plain, None)
    both(anna, {**plain, "tags": []}, "forbidden")
    both(anna, {**plain, "tags": ["other"]}, "forbidden")
    both(anna, {**plain, "disks": disk}, None)
    both(anna, {**plain, "disks": {"disk0": {"size": 1 << 20, "storage": "gold"}}}, "forbidden")
    both(anna, {**plain, "disks": {"disk0": {"size": 1 << 20, "storage": "none"}}}, "forbidden")
    both(anna, {**plain, "image": "tiny"}, None)
    both(anna, {**plain, "nics": {"nic0": {}}}, "forbidden")
    both(anna, {key: plain[key] for key in plain if key != "nics"}, "forbidden")  # it would get one
    both(anna, {**plain, "nics": {"nic0": {"mode": "bridge", "bridge": "lo"}}}, "forbidden")
    both(ben, {**plain, "tags": []}, None)
    both(ben, {**plain, "tags": [], "nics": {"nic0": {}}}, None)
    both(ben, {**plain, "tags": [], "disks": disk}, "forbidden")
    both(ben, {**plain, "tags": [], "firmware": "uefi"}, "forbidden")
    # What is there and may not be seen is refused in the same words as what is not there.
    for field in ("image",):
        messages = {ben("POST", "/vms", {**plain, "tags": [], field: name})[1]["error"]["message"].replace(name, "NAME")
                    for name in ("tiny", "nothing")}
        assert len(messages) == 1 and "image.read" in messages.pop()
    for cdrom in ("tiny", "nothing"):
        assert ben.status("POST", "/vms", {**plain, "tags": [], "cdroms": {"cd0": {"image": cdrom}}}) == 403
        assert ben.status("POST", "/vms", {**plain, "tags": [], "kernel": {"image": cdrom}}) == 403

    # Changes: what is there already is not asked for again.
    vm, _ = make_vm(host, "lab2", tags=["lab"])
    cora = by_token(host, "cora", (f"/vms/{vm}", "operator"))
    size = root(host, "GET", f"/vms/{vm}")["disks"]["disk0"]["size"]
    assert cora.status("PATCH", f"/vms/{vm}", {"description": "x"}) == 200
    assert cora.status("PATCH", f"/vms/{vm}?plan=1", {"memory": 256 << 20}) == 200
    for patch in ({"disks": {"disk0": {"size": 2 * size}}}, {"disks": {"disk1": {"size": 1 << 20}}},
                  {"cdroms": {"cd0": {"image": "tiny"}}}, {"nics": {"nic1": {}}},
                  {"nics": {"nic0": {"mode": "bridge", "bridge": "lo"}}}):
        assert cora.refused("PATCH", f"/vms/{vm}", patch) == ["forbidden"], patch
        assert cora.status("PATCH", f"/vms/{vm}", patch) == 403
    # Whatever a client writes in their place, nothing breaks.
    for patch in ({"disks": []}, {"disks": {"disk1": 1}}, {"tags": "prod"}, {"tags": [1]}, {"nics": {"nic0": []}},
                  {"kernel": 1}, {"image": []}, {"cdroms": {"cd0": None}}):
        assert cora.status("PATCH", f"/vms/{vm}", patch) in (200, 202, 400, 403), patch
        assert ben.status("POST", "/vms?plan=1", {**plain, "tags": [], **patch}) == 200


def test_lists_hold_what_may_be_seen_page_by_page(host):
    made = {}
    for number in range(7):
        made[f"vm{number}"], task = make_vm(host, f"vm{number}", tags=["odd"] if number % 2 else [])
    anna = by_token(host, "anna", ("/tags/odd", "user"), (f"/vms/{made['vm4']}", "user"))
    pages, after = [], ""
    while after is not None:
        status, body = anna("GET", f"/vms?limit=2{after and '&after=' + after}")
        assert status == 200
        pages.append([item["name"] for item in body["items"]])
        after = body.get("next")
    assert pages == [["vm1", "vm3"], ["vm4", "vm5"]]
    assert names(anna("GET", "/vms?fields=name,tags")) == ["vm1", "vm3", "vm4", "vm5"]
    # Tasks: those on what may be read.
    status, body = anna("GET", "/tasks?limit=3")
    assert status == 200 and len(body["items"]) == 3 and body["next"]
    rest = anna("GET", f"/tasks?limit=3&after={body['next']}")[1]
    seen = {task["object"] for task in body["items"] + rest["items"]}
    assert seen == {f"vm/{made[name]}" for name in ("vm1", "vm3", "vm4", "vm5")} and "next" not in rest
    # The others' lists.
    for path in ("/images", "/storages", "/nodes"):
        assert anna.status("GET", path) == 403
    root(host, "POST", "/storages", {"name": "gold", "path": str(host.state / "gold")})
    ben = by_token(host, "ben", ("/storages/gold", "user"), ("/images/tiny", "user"))
    assert names(ben("GET", "/storages")) == ["gold"] and names(ben("GET", "/images")) == ["tiny"]
    assert ben.status("GET", "/storages/local") == 403 and ben.status("GET", "/storages/local/volumes") == 403
    assert ben.status("GET", "/vms") == 403


def test_the_history_of_what_may_be_seen(host):
    web, _ = make_vm(host, "web", tags=["prod"])
    db, _ = make_vm(host, "db")
    anna = by_token(host, "anna", ("/tags/prod", "user"))
    operator = by_token(host, "otto", ("/", "operator"))
    auditor = by_token(host, "aud", ("/", "auditor"))
    mine = anna("GET", f"/history?prefix=vm/{web}")
    assert mine[0] == 200 and {item["path"] for item in mine[1]["items"]} == {f"vm/{web}"}
    rev = mine[1]["items"][0]["rev"]
    assert anna.status("GET", f"/history/{rev}/vm/{web}") == 200
    for path in ("/history", "/history?prefix=vm/", f"/history?prefix=vm/{db}", f"/history/{rev}",
                 f"/history/{rev}/vm/{db}", f"/history/{rev}/vm-identity/{db}", "/history?prefix=user/anna",
                 f"/history/{rev}/user/anna", "/history?prefix=counter/vmid&facts=1"):
        assert anna.status("GET", path) == 403, path
    # Who reads the whole history does not read who may do what.
    everything = operator("GET", "/history?facts=1&limit=1000")[1]["items"]
    assert f"vm/{db}" in {item["path"] for item in everything}
    assert not [item for item in everything if item["path"].split("/")[0] in ("user", "role", "token", "setting")]
    made = [item["rev"] for item in auditor("GET", "/history?facts=1&limit=1000")[1]["items"]
            if item["path"] == "user/anna"]
    assert made and operator("GET", f"/history/{made[0]}")[1]["items"] == []
    assert operator.status("GET", f"/history/{made[0]}/user/anna") == 403
    assert operator.status("GET", "/history?prefix=user/anna&facts=1") == 403
    assert auditor.status("GET", f"/history/{made[0]}/user/anna") == 200
    # A guest that is gone is seen by who may see all.
    task = root(host, "DELETE", f"/vms/{web}")["task"]
    root(host, "GET", f"/tasks/{task}/wait?timeout=60")
    assert anna.status("GET", f"/history?prefix=vm/{web}") == 403 and anna.status("GET", f"/tasks/{task}") == 403
    assert operator.status("GET", f"/history?prefix=vm/{web}") == 200


def test_a_guest_is_looked_up_once(host):
    """By a name that is not one's own nothing is found out, also not by the errors."""
    web, _ = make_vm(host, "web")
    anna = by_token(host, "anna", ("/vms/99999", "admin"))
    messages = {anna("POST", f"/vms/{name}/start")[1]["error"]["message"].replace(name, "NAME")
                for name in ("web", "none", str(web), "424242")}
    assert len(messages) == 1


def test_a_task_is_cancelled_by_who_could_have_begun_it(host):
    web, task = make_vm(host, "web")
    reader = by_token(host, "rita", ("/", "auditor"))
    user = by_token(host, "udo", ("/", "user"))
    operator = by_token(host, "otto", ("/", "operator"))
    # It has ended: 409 for who may, 403 for who may not.
    assert reader.status("GET", f"/tasks/{task}") == 200
    assert reader.status("POST", f"/tasks/{task}/cancel") == 403
    assert user.status("POST", f"/tasks/{task}/cancel") == 403
    assert operator.status("POST", f"/tasks/{task}/cancel") == 409
    started = root(host, "POST", f"/vms/{web}/start")["task"]
    root(host, "GET", f"/tasks/{started}/wait?timeout=60")
    assert user.status("POST", f"/tasks/{started}/cancel") == 409


# --- nobody gets more than he has ---

def test_nobody_gives_or_gets_what_he_lacks(host):
    root(host, "POST", "/users", {"name": "admin", "grants": grants(("/", "admin"))})
    root(host, "POST", "/users/admin/password", {"password": PASSWORD})
    root(host, "POST", "/roles", {"name": "helpdesk", "privileges": [
        "access.read", "access.manage", "vm.read", "vm.power", "vm.console"]})
    root(host, "POST", "/users", {"name": "peer", "grants": grants(("/", "user"))})
    root(host, "POST", "/users", {"name": "less", "grants": grants(("/vms", "helpdesk"))})
    helper = by_session(host, "helper", ("/", "helpdesk"))
    administrators_token = Asker(host, host.make_token("admin"))
    [admins] = [token for token in root(host, "GET", "/tokens")["items"] if token["user"] == "admin"]
    admin_session = sign_in(host, "admin")
    [session] = [session for session in admin_session("GET", "/sessions")[1]["items"] if session["user"] == "admin"]
    assert session["current"]

    def refused(method, path, body=None):
        assert helper.refused(method, path, body) == ["forbidden"], (method, path, body)
        status, answer = helper(method, path, body)
        assert status == 403, (method, path, body, answer)

    everything = grants(("/", "admin"))
    refused("PATCH", "/users/helper", {"grants": everything})
    refused("PATCH", "/users/helper", {"grants": {"more": {"path": "/tags/x", "role": "operator"}}})
    refused("POST", "/users", {"name": "friend", "grants": everything})
    refused("POST", "/users", {"name": "friend", "grants": grants(("/vms/100", "operator"))})
    refused("PATCH", "/users/less", {"grants": everything})
    refused("PATCH", "/users/admin", {"enabled": False})
    refused("PATCH", "/users/admin", {"full_name": "x"})
    refused("PATCH", "/users/admin", {"grants": None})
    refused("DELETE", "/users/admin")
    refused("POST", "/users/admin/password", {"password": "y" * 20})
    refused("POST", "/tokens", {"user": "admin", "name": "x"})
    refused("POST", "/tokens", {"name": "x", "grants": everything})
    refused("DELETE", f"/tokens/{admins['id']}")
    refused("DELETE", f"/sessions/{session['id']}")
    refused("POST", "/roles", {"name": "mine", "privileges": ["vm.delete"]})
    refused("PATCH", "/roles/helpdesk", {"privileges": ["access.manage", "vm.delete"]})
    # A role that has more than he has is not his to change, also not to make it less.
    root(host, "POST", "/roles", {"name": "strong", "privileges": ["vm.read", "node.manage"]})
    refused("PATCH", "/roles/strong", {"privileges": ["vm.read"]})
    refused("DELETE", "/roles/strong")
    assert helper.status("PATCH", "/roles/admin", {"privileges": ["vm.read"]}) in (403, 409, 422)
    assert helper.status("POST", "/roles", {"name": "admin", "privileges": ["vm.read"]}) == 409
    # The password of one who has a role everywhere that he has there too, though of another name.
    assert helper.status("POST", "/users/less/password", {"password": "z" * 20}) == 200
    assert helper.status("POST", "/users/peer/password", {"password": "z" * 20}) == 403  # image.read
    # The past holds no rights that come back.
    status, answer = admin_session("POST", "/history/restore", {"rev": 1, "prefix": "user/helper"})
    assert (status, answer["error"]["field"]) == (400, "prefix")
    # What he may.
    assert helper.status("POST", "/users", {"name": "friend", "grants": grants(("/vms", "helpdesk"))}) == 201
    assert helper.status("PATCH", "/users/friend", {"grants": grants(("/tags/x", "helpdesk"))}) == 200
    assert helper.status("POST", "/roles", {"name": "power", "privileges": ["vm.power"]}) == 201
    assert helper.status("PATCH", "/roles/power", {"privileges": ["vm.read"]}) == 200
    assert helper.status("DELETE", "/roles/power") == 200
    assert helper.status("DELETE", "/users/friend") == 200
    # Nothing came of what was refused.
    assert administrators_token.status("GET", "/users") == 200 and admin_session.status("GET", "/users") == 200
    assert sorted(user["name"] for user in root(host, "GET", "/users")["items"]) == ["admin", "helper", "less", "peer"]
    assert helper("GET", "/session")[1]["rights"] == [{"path": "/", "privileges": [
        "vm.read", "vm.power", "vm.console", "access.read", "access.manage"]}]
    # Who manages access somewhere only, does not manage it.
    somewhere = by_session(host, "some", ("/vms", "admin"))
    assert somewhere.status("GET", "/users") == 403
    assert somewhere.status("PATCH", "/users/some", {"grants": everything}) == 403


def test_ones_own_password_needs_the_present_one(host):
    anna = by_session(host, "anna")
    other = sign_in(host, "anna", address="192.0.2.2")
    new = "a new one, quite long"
    assert anna.status("POST", "/users/anna/password", {"password": new}) == 400
    assert anna.status("POST", "/users/anna/password", {"password": new, "current": "wrong"}) in (401, 403)
    assert anna.status("POST", "/users/berta/password", {"password": new}) == 403
    assert anna.status("POST", "/users/anna/password", {"password": "short", "current": PASSWORD}) == 400
    assert anna.status("POST", "/users/anna/password", {"password": new, "current": PASSWORD}) == 200
    # This session goes on, the others do not.
    assert anna.status("GET", "/session") == 200 and other.status("GET", "/session") == 401
    sign_in(host, "anna", new)
    # The rules are a setting, and told to who needs them.
    root(host, "PATCH", "/settings/access", {"password_digit": True, "password_length": 20})
    assert anna("GET", "/session")[1]["password_rules"]["digit"] is True
    assert anna.status("POST", "/users/anna/password", {"password": "no digits in here at all", "current": new}) == 400


def test_a_strangers_failures_do_not_lock_the_administrator_out(host):
    root(host, "POST", "/users", {"name": "admin", "grants": grants(("/", "admin"))})
    root(host, "POST", "/users/admin/password", {"password": PASSWORD})
    sign_in(host, "admin", address="192.0.2.10")
    statuses = [Asker(host, address="203.0.113.5").status("POST", "/session", {"user": "admin", "password": "guess"})
                for _ in range(8)]
    assert set(statuses) <= {401, 429} and 429 in statuses
    assert Asker(host, address="203.0.113.5").status("POST", "/session", {"user": "admin", "password": PASSWORD}) == 429
    assert sign_in(host, "admin", address="192.0.2.10").status("GET", "/users") == 200
    # A name that there is not is answered as one that there is.
    assert Asker(host, address="203.0.113.6").status("POST", "/session", {"user": "nobody", "password": "x"}) == 401


# --- documents ---

def test_users_and_roles_have_revisions_and_plans(host):
    admin = by_token(host, "anna", ("/", "admin"))
    status, body = admin("POST", "/users?plan=1", {"name": "berta"})
    assert status == 200 and {change["path"] for change in body["plan"]["changes"]} >= {"name", "enabled"}
    assert admin.status("GET", "/users/berta") == 404
    assert admin.status("POST", "/users", {"name": "berta"}) == 201
    seen = admin.reply["etag"]
    assert admin.refused("POST", "/users", {"name": "berta"}) == ["exists"]
    assert admin.status("POST", "/users", {"name": "root"}) == 400
    for path, status in [("/networks/Lan0", 200), ("/networks/user", 200), ("/vms/0100", 400), ("/vms/web", 400),
                         ("/vm/100", 400), ("/tags", 400), ("/vms/100/", 400), ("vms", 400), ("/images/../x", 400)]:
        found = admin.refused("PATCH", "/users/berta", {"grants": grants((path, "user"))})
        assert found == ([] if status == 200 else ["invalid"]), path
    assert admin.status("PATCH", "/users/berta", {"full_name": "Berta"}, {"if-match": seen}) == 200
    assert admin.status("PATCH", "/users/berta", {"full_name": "B"}, {"if-match": seen}) == 412
    assert admin.status("DELETE", "/users/berta", headers={"if-match": seen}) == 412
    assert admin.refused("PATCH", "/users/berta", {"name": "carla"}) == ["invalid"]
    assert admin("PATCH", "/users/berta?plan=1", {"full_name": "C"})[1]["plan"]["changes"] == [
        {"path": "full_name", "before": "Berta", "after": "C", "when": "now"}]
    assert admin("GET", "/users/berta")[1]["full_name"] == "Berta"
    # A role that is granted stays.
    assert admin.status("POST", "/roles", {"name": "ops", "privileges": ["vm.read"]}) == 201
    assert admin.status("PATCH", "/users/berta", {"grants": grants(("/vms", "ops"))}) == 200
    assert admin.refused("DELETE", "/roles/ops") == ["conflict"]
    assert admin.status("DELETE", "/roles/ops") == 409
    assert admin.status("DELETE", "/users/berta") == 200 and admin.status("DELETE", "/roles/ops") == 200
    assert {role["name"] for role in admin("GET", "/roles")[1]["items"]} == {"admin", "operator", "user", "auditor"}
    assert len(admin("GET", "/privileges")[1]["items"]) >= 20
    # Who takes the last administrator away is told so.
    effects = admin("PATCH", "/users/anna?plan=1", {"enabled": False})[1]["plan"]["effects"]
    assert any("no enabled user is left" in effect for effect in effects)
    # One page after another, of users too.
    for name in ("u1", "u2", "u3"):
        admin("POST", "/users", {"name": name})
    assert names(admin("GET", "/users?limit=2")) == ["anna", "u1"]
    assert names(admin("GET", "/users?limit=2&after=u1")) == ["u2", "u3"]


class Many:
    """Many requests at once, each a stream of one connection, as yado-httpd makes them."""

    def __init__(self, host):
        self.client, self.data, self.last = host.connect_front(), b"", 0

    def send(self, asker, method, path):
        self.last += 1
        head = json.dumps({**asker.head, "method": method, "path": "/api/v1" + path}).encode()
        self.client.sendall(encode(1, self.last, len(head).to_bytes(4, "little") + head))
        return self.last

    def receive(self, count):
        """Statuses of the next answers, by stream."""
        statuses = {}
        while len(statuses) < count:
            while len(self.data) < 12 or len(self.data) < 12 + int.from_bytes(self.data[:4], "little"):
                chunk = self.client.recv(65536)
                assert chunk, "yadod closed the connection"
                self.data += chunk
            length, stream = (int.from_bytes(self.data[at:at + 4], "little") for at in (0, 4))
            payload, self.data = self.data[12:12 + length], self.data[12 + length:]
            head = payload[4:4 + int.from_bytes(payload[:4], "little")]
            statuses[stream] = json.loads(head)["status"]
        return statuses


def test_who_waits_learns_nothing_that_was_withdrawn_meanwhile(host):
    vm, _ = make_vm(host, "empty", image=None, nics={}, memory=64 << 20)
    task = root(host, "POST", f"/vms/{vm}/start")["task"]
    root(host, "GET", f"/tasks/{task}/wait?timeout=60")
    task = root(host, "POST", f"/vms/{vm}/shutdown", {"timeout": 30, "action": "leave"})["task"]
    # Whose token has ended need not wait longer; whose right has, is refused in the end.
    for path, change, status in [("/tokens", ("DELETE",), 401),
                                 ("/users/ben", ("PATCH", {"grants": grants(("/vms/999", "user"))}), 403)]:
        asker = by_token(host, "ann" if status == 401 else "ben", (f"/vms/{vm}", "user"))
        [token] = asker("GET", "/tokens")[1]["items"]
        many, timeout = Many(host), 20 if status == 401 else 2
        many.send(asker, "GET", f"/tasks/{task}/wait?timeout={timeout}")
        assert asker.status("GET", f"/tasks/{task}") == 200
        method, *body = change
        root(host, method, f"{path}/{token['id']}" if status == 401 else path, *body)
        began = time.monotonic()
        assert list(many.receive(1).values()) == [status]
        assert time.monotonic() - began < 10
    root(host, "POST", f"/tasks/{task}/cancel")


def test_nobody_takes_all_threads(host):
    # A guest with nothing in it does not hear that it is to shut down: what waits for that, waits.
    vm, _ = make_vm(host, "empty", image=None, nics={}, memory=64 << 20)
    users = [by_token(host, f"u{number}", ("/", "operator")) for number in range(3)]
    task = root(host, "POST", f"/vms/{vm}/start")["task"]
    root(host, "GET", f"/tasks/{task}/wait?timeout=60")
    task = root(host, "POST", f"/vms/{vm}/shutdown", {"timeout": 30, "action": "leave"})["task"]
    wait, many = f"/tasks/{task}/wait?timeout=4", Many(host)

    for _ in range(36):
        many.send(users[0], "GET", wait)
    assert list(many.receive(4).values()) == 4 * [429]
    # Of this user nothing more is worked on, of others it is.
    stream = many.send(users[0], "GET", "/vms")
    assert many.receive(1) == {stream: 429}
    assert users[1].status("GET", "/vms") == 200
    assert list(many.receive(32).values()) == 32 * [200]

    for user in users:
        for _ in range(20):
            many.send(user, "GET", wait)
    assert list(many.receive(12).values()) == 12 * [429]
    # Meanwhile everybody is served with what does not wait.
    assert [user.status("GET", "/vms") for user in users] == [200, 200, 200]
    assert list(many.receive(48).values()) == 48 * [200]
    assert users[0].status("POST", f"/tasks/{task}/cancel") == 200
