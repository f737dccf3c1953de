"""The API's description: valid OpenAPI, complete, and true: every answer that comes is one that it describes."""
import json
import re
import shutil
import subprocess

import jsonschema
import pytest

from yado import BUILD, ROOT, request, wait_for

SOURCES = ROOT / "tests/openapi"


@pytest.fixture(scope="session")
def validator():
    """The validator's folder, installed in the build directory."""
    folder = BUILD / "openapi"
    stamp = folder / "installed-lock.json"
    lock = (SOURCES / "package-lock.json").read_bytes()
    folder.mkdir(exist_ok=True)
    for source in SOURCES.iterdir():
        if source.is_file():
            shutil.copy(source, folder)
    if not stamp.exists() or stamp.read_bytes() != lock:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, check=True, timeout=300)
        stamp.write_bytes(lock)
    return folder


def fetch(host):
    reply, _ = request(host, "GET", "/api/v1/openapi.json")
    assert reply["status"] == 200
    return reply["body"]


class Described:
    """Calls the API, and holds every answer against the document."""

    def __init__(self, host):
        self.host = host
        self.document = fetch(host)
        self.seen = set()  # (method, path as the document has it, status)
        self.paths = [(re.compile("^" + re.sub(r"\{[^}]*\}", "[^/]+", path) + "$"), path)
                      for path in sorted(self.document["paths"], key=lambda path: (path.count("{"), path))]

    def operation(self, method, path):
        for pattern, name in self.paths:
            if pattern.match(path) and method.lower() in self.document["paths"][name]:
                return name, self.document["paths"][name][method.lower()]
        raise AssertionError(f"the document has no {method} {path}")

    def check(self, schema, value, what):
        whole = {**schema, "components": self.document["components"]}
        checker = jsonschema.Draft202012Validator(whole)
        errors = sorted(checker.iter_errors(value), key=lambda error: list(error.path))
        assert not errors, f"{what}: {[(list(e.path), e.message[:300]) for e in errors[:5]]}\n{json.dumps(value)[:2000]}"

    def fits(self, schema, value):
        whole = {**schema, "components": self.document["components"]}
        return jsonschema.Draft202012Validator(whole).is_valid(value)

    def __call__(self, method, target, body=None, status=None, **keywords):
        path, _, query = target.partition("?")
        name, operation = self.operation(method, path)
        top = "servers" in self.document["paths"][name]
        reply, _ = request(self.host, method, target if top else "/api/v1" + target, body, **keywords)
        code, what = reply["status"], f"{method} {target}"
        if status is not None:
            assert code == status, (what, reply)
        self.seen.add((method, name, code))
        # What was accepted is what the document takes.
        if code < 300 and body is not None:
            for media in operation["requestBody"]["content"].values():
                self.check(media["schema"], body, what + " (body)")
        for parameter in query.split("&") if query and code < 300 else ():
            known = [p for p in operation.get("parameters", ()) if p["in"] == "query"]
            assert parameter.split("=")[0] in [p["name"] for p in known], what
        responses = operation["responses"]
        response = responses.get(str(code)) or responses.get(f"{code // 100}XX")
        assert response, (what, code, list(responses))
        if "$ref" in response:
            response = self.document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
        media = response.get("content", {}).get("application/json")
        if media:
            self.check(media["schema"], reply["body"], f"{what} -> {code}")
        return reply["body"]

    def wait(self, reply):
        task = self("GET", f"/tasks/{reply['task']}/wait?timeout=60", status=200)
        assert task["state"] == "done", task
        return task


@pytest.fixture
def api(host):
    return Described(host)


def test_the_description_is_valid_openapi(host, validator, tmp_path):
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(fetch(host)))
    result = subprocess.run(["node", "validate.mjs", path], cwd=validator, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout == "valid OpenAPI 3.1\n"
    # The validator can say no.
    broken = fetch(host)
    del broken["paths"]["/vms"]["get"]["responses"]["200"]["description"]
    path.write_text(json.dumps(broken))
    assert subprocess.run(["node", "validate.mjs", path], cwd=validator, capture_output=True).returncode == 1


def references(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_every_route_is_described_whole(host):
    document = fetch(host)
    names = set()
    count = 0
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method == "servers":
                continue
            where = (method, path)
            count += 1
            assert operation["operationId"] not in names, where
            names.add(operation["operationId"])
            assert operation["summary"] and operation["tags"], where
            assert operation["x-privilege"] and operation["x-scope"] not in (None, "unset"), where
            declared = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"]
            assert declared == re.findall(r"\{([^}]*)\}", path), where
            for parameter in operation.get("parameters", ()):
                assert parameter["description"] and parameter["schema"]["type"], (where, parameter)
            assert any(status[0] in "12" for status in operation["responses"]), where
            for status, response in operation["responses"].items():
                content = response.get("content", {}).get("application/json")
                if content and content["schema"] == {"type": "object"}:
                    assert path in ("/openapi.json", "/schemas/{schema}", "/history/{rev}/{kind}/{name}"), where
    assert count > 40
    for reference in references(document):
        value = document
        for step in reference.removeprefix("#/").split("/"):
            value = value[step]
    # Components that nothing refers to would be of no use.
    used = {reference.rsplit("/", 1)[1] for reference in references(document)}
    assert used == set(document["components"]["schemas"]) | set(document["components"]["responses"])


def examples(api):
    """A value for each parameter of a path, of objects that there are."""
    storage = {"name": "second", "path": str(api.host.state / "second")}
    api("POST", "/storages?plan=1", storage, status=200)
    api("POST", "/storages", storage, status=201)
    api("POST", "/storages", storage, status=409)
    api("PATCH", "/storages/second", {"description": "for tests"}, status=200)
    api("PATCH", "/storages/second?plan=1", {"description": None}, status=200)
    guest = {"name": "subject", "image": "tiny", "tags": ["prod"],
             "disks": {"data": {"size": "8M"}}, "nics": {"nic0": {}}}
    api("POST", "/vms?plan=1", guest, status=200)
    made = api("POST", "/vms", guest, status=202)
    api.wait(made)
    refused = api("POST", "/vms?plan=1", guest, status=200)
    assert refused["plan"]["refused"]
    api("POST", "/vms", guest, status=409)
    api("POST", "/vms", {"name": "x", "memory": 7}, status=400)
    vm = made["id"]
    api.wait(api("POST", f"/vms/{vm}/start", status=202))
    api("POST", f"/vms/{vm}/start", status=409)
    api("POST", f"/vms/{vm}/start?plan=1", status=200)
    wait_for(lambda: api("GET", f"/vms/{vm}")["status"]["agent"]["state"] == "connected", 60, "the agent")
    wait_for(lambda: api("GET", f"/vms/{vm}")["status"]["addresses"], 60, "an address")
    rev = api("GET", f"/vms/{vm}")["status"]["rev"]
    plan = api("PATCH", f"/vms/{vm}?plan=1", {"cpu": {"cores": 2}, "description": "b"}, status=200)
    assert plan["plan"]["rev"] == rev and {c["when"] for c in plan["plan"]["changes"]} == {"now", "restart"}
    changed = api("PATCH", f"/vms/{vm}", {"cpu": {"cores": 2}, "description": "b"}, headers={"if-match": str(rev)},
                  status=200)
    assert changed["status"]["pending"]
    api("PATCH", f"/vms/{vm}", {"description": "c"}, headers={"if-match": str(rev)}, status=412)
    api.wait(api("PATCH", f"/vms/{vm}", {"disks": {"data": None}}, status=202))
    volumes = api("GET", "/storages/local/volumes", status=200)["items"]
    detached = [volume["name"] for volume in volumes if not volume["attached"]]
    assert detached
    api("POST", "/history/restore?plan=1", {"rev": rev, "prefix": f"vm/{vm}"}, status=200)
    api("PATCH", "/images/tiny?plan=1", {"os": "generic"}, status=200)
    api("PATCH", "/images/tiny", {"os": "linux", "description": "for tests"}, status=200)
    api("PATCH", "/images/tiny", {"os": "nosuch"}, status=400)
    api("POST", "/images/build?plan=1", {"recipe": "tiny", "name": "other"}, status=200)
    task = made["task"]
    commit = api("GET", f"/history?prefix=vm/{vm}", status=200)["items"][0]["rev"]
    values = {"vm": vm, "image": "tiny", "storage": "local", "volume": detached[0], "task": task, "node": "self",
              "rev": commit, "kind": "vm", "name": vm, "schema": "vm", "preset": "linux"}
    media = api.host.state.parent / "media"
    media.mkdir()
    mapping = {"name": "media", "kind": "directory", "path": str(media)}
    api("POST", "/mappings?plan=1", mapping, status=200)
    api("POST", "/mappings", mapping, status=201)
    api("PATCH", "/mappings/media", {"read_only": True}, status=200)
    values["mapping"] = "media"
    api("POST", "/uploads?plan=1", {"size": 7}, status=200)
    values["upload"] = api("POST", "/uploads", {"size": 7}, status=201)["id"]
    return {**values, **access_examples(api)}


def access_examples(api):
    role = {"name": "starters", "privileges": ["vm.read", "vm.power"]}
    api("POST", "/roles?plan=1", role, status=200)
    api("POST", "/roles", role, status=201)
    api("PATCH", "/roles/starters", {"description": "may start"}, status=200)
    user = {"name": "ann", "grants": {"vms": {"path": "/vms", "role": "starters"}}}
    api("POST", "/users?plan=1", user, status=200)
    api("POST", "/users", user, status=201)
    api("PATCH", "/users/ann", {"full_name": "Ann"}, status=200)
    api("POST", "/users/ann/password", {"password": "x"}, status=400)
    api("POST", "/users/ann/password", {"password": "correct horse battery"}, status=200)
    token = {"user": "ann", "name": "for tests", "expires": "2099-01-01T00:00:00Z"}
    api("POST", "/tokens?plan=1", token, status=200)
    made = api("POST", "/tokens", token, status=201)
    assert made["secret"]
    api("PATCH", "/settings/access?plan=1", {"password_length": 16}, status=200)
    api("PATCH", "/settings/access", {"password_length": 16}, status=200)
    return {"role": "starters", "user": "ann", "token": made["id"]}


def test_what_comes_is_what_is_described(api):
    values = examples(api)
    count = 0
    for path, item in api.document["paths"].items():
        operation = item.get("get")
        if not operation or "x-websocket" in operation:
            continue
        target = re.sub(r"\{([^}]*)\}", lambda match: str(values[match[1]]), path)
        # What runs well asks nothing; which file is wanted must be said.
        refusal = 404 if path.endswith("/question") else 400 if path.endswith("/guest/file") else None
        api("GET", target, status=refusal or 200)
        count += 1
        if "{" in path and "-1" not in target:
            missing = re.sub(r"\{[^}]*\}", "999999", path)
            reply, _ = request(api.host, "GET", "/api/v1" + missing)
            assert reply["status"] in (404, 400), (missing, reply)
            api("GET", missing)
        if refusal:
            continue
        names = [parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"]
        if "limit" in names:
            check_paging(api, target, operation)
    assert count > 15
    # The rest of what can be done to a guest, until it is gone.
    vm = values["vm"]
    for action in ("pause", "resume", "reset"):
        api("POST", f"/vms/{vm}/{action}?plan=1", status=200)
        api.wait(api("POST", f"/vms/{vm}/{action}", status=202))
    api("POST", f"/vms/{vm}/shutdown", {"timeout": 0}, status=400)
    api("POST", f"/vms/{vm}/reboot?plan=1", {"timeout": 5, "action": "stop"}, status=200)
    api.wait(api("POST", f"/vms/{vm}/shutdown", {"timeout": 1, "action": "stop"}, status=202))
    api("POST", f"/tasks/{values['task']}/cancel", status=409)
    api.wait(api("DELETE", f"/storages/local/volumes/{values['volume']}", status=202))
    restored = api("POST", "/history/restore", {"rev": values["rev"], "prefix": f"vm/{vm}"})
    assert restored
    api("DELETE", f"/vms/{vm}?plan=1", status=200)
    api.wait(api("DELETE", f"/vms/{vm}", status=202))
    api("DELETE", "/storages/second", status=200)
    api("DELETE", f"/uploads/{values['upload']}", status=200)
    api("DELETE", "/roles/starters", status=409)
    api("DELETE", f"/tokens/{values['token']}?plan=1", status=200)
    api("DELETE", f"/tokens/{values['token']}", status=200)
    api("DELETE", "/users/ann", status=200)
    api("DELETE", "/roles/starters", status=200)


def check_paging(api, target, operation):
    """All pages of one row are the whole list, in its order, with any filter that keeps all."""
    whole = api("GET", f"{target}?limit=1000", status=200)["items"]
    names = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"]
    position = "before" if "before" in names else "after"
    pages, after = [], None
    while True:
        page = api("GET", f"{target}?limit=1" + (f"&{position}={after}" if after else ""), status=200)
        pages += page["items"]
        after = page.get("next")
        if not after:
            break
        assert page["items"], (target, page)
    key = [name for name in ("id", "seq", "rev", "name") if whole and name in whole[0]][:1]
    assert [[row[k] for k in key] for row in pages] == [[row[k] for k in key] for row in whole], target
    if "fields" in names and whole:
        field = sorted(whole[0])[0]
        assert all(list(row) == [field] for row in request_rows(api, f"{target}?fields={field}"))
        error = api("GET", f"{target}?fields=nonsense", status=400)["error"]
        assert error["field"] == "fields" and field in error["hint"]
    if "filter" in names:
        assert api("GET", f"{target}?filter=zzzzzzzz", status=200) == {"items": []}
        error = api("GET", f"{target}?filter=nonsense:1", status=400)["error"]
        assert error["field"] == "filter" and "nonsense" in error["message"]
    api("GET", f"{target}?limit=0", status=400)
    api("GET", f"{target}?limit=1001", status=400)
    api("GET", f"{target}?nonsense=1", status=400)


def request_rows(api, target):
    reply, _ = request(api.host, "GET", "/api/v1" + target)
    return reply["body"]["items"]


def test_lists_keep_what_their_filter_asks_for(api):
    for number in range(12):
        api("POST", "/vms", {"name": f"guest-{number}", "tags": ["even"] if number % 2 == 0 else [],
                             "memory": "64M" if number < 6 else "2G"}, status=202)
    wait_for(lambda: len(api("GET", "/vms")["items"]) == 12, 60, "the guests")

    def names(text, more=""):
        return [row["name"] for row in api("GET", f"/vms?filter={text}{more}", status=200)["items"]]

    assert names("tags:even") == [f"guest-{number}" for number in range(0, 12, 2)]
    assert names("tags:even%20memory%3E1G") == ["guest-6", "guest-8", "guest-10"]
    assert names("-tags:even%20memory%3C=64M") == ["guest-1", "guest-3", "guest-5"]
    assert names("guest-1") == ["guest-1", "guest-10", "guest-11"]
    assert names("name:guest-1") == ["guest-1"]
    assert names("state:running") == []
    # Pages of a filtered list are full, and the last one says that it is the last.
    first = api("GET", "/vms?filter=tags:even&limit=4", status=200)
    assert [row["name"] for row in first["items"]] == ["guest-0", "guest-2", "guest-4", "guest-6"]
    rest = api("GET", f"/vms?filter=tags:even&limit=4&after={first['next']}", status=200)
    assert [row["name"] for row in rest["items"]] == ["guest-8", "guest-10"] and "next" not in rest
    exact = api("GET", "/vms?filter=tags:even&limit=6", status=200)
    assert len(exact["items"]) == 6 and "next" not in exact
    # fields and filter together: the filter may ask for what is not shown.
    rows = request_rows(api, "/vms?filter=name:guest-7&fields=id,memory")
    assert rows == [{"id": rows[0]["id"], "memory": 2 << 30}]
    for text, word in (("state:runing", "running"), ("memory%3Emuch", "memory"), ("nonsense:1", "nonsense"),
                       ("name:%22a", "%22".replace("%22", '"'))):
        error = api("GET", f"/vms?filter={text}", status=400)["error"]
        assert error["field"] == "filter" and word in error["message"], error
    # The command passes it on.
    ids = api.host.text("vm", "list", "-q", "--filter", "memory>1G -name:guest-7", "--tag", "even").split()
    assert [row["name"] for row in api("GET", "/vms")["items"] if str(row["id"]) in ids] == names("tags:even%20memory%3E1G")
    assert api.host("vm", "list", "--tag", 'no"such\\tag') == {"items": []}
    assert [row["name"] for row in api.host("storage", "list", "--filter", "usable:true loc")["items"]] == ["local"]
    refused = api.host.run_command("vm", "list", "--filter", "memory>much")
    assert refused.returncode != 0 and "filter: memory must be" in refused.stderr
    # The same in lists that are read piece by piece.
    done = api("GET", "/tasks?filter=kind:vm.create%20guest", status=200)["items"]
    assert done == []
    tasks = api("GET", "/tasks?filter=kind:vm.create&limit=5", status=200)
    assert len(tasks["items"]) == 5 and tasks["next"]
    assert [row["action"] for row in api("GET", "/history?filter=action:created&limit=3")["items"]] == ["created"] * 3


def test_routes_without_a_body_refuse_one(api):
    api("POST", "/vms", {"name": "subject"}, status=202)
    wait_for(lambda: api("GET", "/vms")["items"], 30, "the guest")
    vm = api("GET", "/vms")["items"][0]["id"]
    for path, item in api.document["paths"].items():
        for method, operation in item.items():
            if method in ("servers", "get") or "requestBody" in operation:
                continue
            target = path.replace("{vm}", str(vm)).replace("{", "").replace("}", "")
            reply, _ = request(api.host, method.upper(), "/api/v1" + target, {"nonsense": 1})
            assert reply["status"] == 400 and "no body" in reply["body"]["error"]["message"], (method, path, reply)


def test_bodies_that_the_description_forbids_are_refused(api):
    api("POST", "/vms", {"name": "subject"}, status=202)
    wait_for(lambda: api("GET", "/vms")["items"], 30, "the guest")
    vm = api("GET", "/vms")["items"][0]["id"]
    count = 0
    for path, item in api.document["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {}) if method != "servers" else {}
            if "application/json" not in content:
                continue
            schema = content["application/json"]["schema"]
            target = path.replace("{vm}", str(vm)).replace("{storage}", "local").replace("{", "").replace("}", "")
            for body in ({"nonsense": 1}, [], 7, {"name": 7}, {"rev": "x", "mode": 1, "timeout": "x", "size": []}):
                assert not api.fits(schema, body) or body == {}, (method, path, body)
                reply, _ = request(api.host, method.upper(), "/api/v1" + target, body)
                if reply["status"] != 404:  # of an object that is not there
                    assert reply["status"] == 400, (method, path, body, reply)
                    count += 1
    assert count > 20


def test_anybody_may_read_the_description_over_https(front):
    status, headers, document = front.https("GET", "/api/v1/openapi.json")
    assert status == 200 and headers["content-type"].startswith("application/json")
    assert document == fetch(front)
    assert front.https("GET", "/api/v1/vms")[0] == 401


def test_the_examples_of_the_docs_work_with_curl(front, tmp_path):
    request(front, "POST", "/api/v1/users", {"name": "ann", "grants": {"all": {"path": "/", "role": "operator"}}})
    request(front, "POST", "/api/v1/users/ann/password", {"password": "correct horse battery"})
    token = front.make_token("ann")
    reply, _ = request(front, "POST", "/api/v1/vms", {"name": "web", "image": "tiny"})
    wait_for(lambda: request(front, "GET", f"/api/v1/tasks/{reply['body']['task']}")[0]["body"]["state"] == "done", 60)
    text = (ROOT / "docs/api.md").read_text()
    script = "\n".join(block.split("```")[0] for block in text.split("```sh\n")[1:])
    script = script.replace("localhost:8006", f"127.0.0.1:{front.port}").replace("curl ", "curl -k ")
    setting = f"set -eux -o pipefail\nTOKEN={token} NAME=ann PASSWORD='correct horse battery'\n"
    done = subprocess.run(["bash", "-c", setting + script], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert '{"items":[{"id":100,"name":"web","state":"running"}]}' in done.stdout, done.stdout
    assert done.stdout.endswith('{"items":[]}'), done.stdout
