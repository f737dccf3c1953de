"""The doctor and the support bundle, with a daemon and without one."""
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import ssl
import subprocess
import tarfile

import pytest

from yado import BUILD

DONE, REFUSED, USAGE, MISSING, CONFLICT, UNREACHABLE = range(6)
STATES = {"ok", "note", "unknown", "warning", "problem"}
PASSWORD = "hunter2-Correct-horse"
HOSTILE = "evil\x1b]0;owned\x07\x1b[31m"


def findings(answer):
    return {finding["id"]: finding for finding in answer["checks"]}


def look(yado, *arguments, **keywords):
    """The doctor's answer; its exit code says only whether there is a problem."""
    result = yado.run_command("-o", "json", "doctor", *arguments, **keywords)
    assert result.returncode in (DONE, REFUSED), result.stderr
    return json.loads(result.stdout)


def unpack(path):
    """{name: bytes} without the leading folder; every file is private."""
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        assert all(member.isfile() and member.mode == 0o600 and member.uid == 0 for member in members)
        folders = {member.name.split("/")[0] for member in members}
        assert len(folders) == 1
        return {member.name.split("/", 1)[1]: archive.extractfile(member).read() for member in members}


def test_each_finding_says_what_is_so_and_what_is_missing_what_it_costs_in_both_languages(host):
    answer = look(host)
    assert answer["node"] == host("node", "show")["name"]
    assert {finding["check"] for finding in answer["checks"]} >= {
        "daemon", "kvm", "iommu", "cgroups", "modules", "packages", "time", "space", "disk-speed", "host-id", "certificate"}
    for finding in answer["checks"]:
        assert finding["state"] in STATES and finding["id"].startswith((finding["check"], "unknown"))
        for name in ("title", "found"):
            assert finding[name] and finding[name + "_ja"], finding
        if finding["state"] != "ok":
            for name in ("cost", "cost_ja", "remedy", "remedy_ja"):
                assert finding[name], finding
        assert not re.search(r"\{[a-z]+\}", finding["found"] + finding["remedy"]), finding
    counts = {state: sum(finding["state"] == state for finding in answer["checks"]) for state in STATES}
    assert counts == answer["summary"]
    # What this host is, seen by other means.
    found = findings(answer)
    assert found["daemon.answers"]["parameters"]["pid"] == str(host.process.pid)
    assert ("kvm.works" in found) == (host("node", "show")["acceleration"] == "kvm")
    assert re.search(r"takes [0-9.]+ ms", found["disk-speed.quick" if "disk-speed.quick" in found else
                                                 next(i for i in found if i.startswith("disk-speed."))]["found"])
    assert not list(host.state.glob(".yado-doctor*")) and not list((host.state / "storage").glob(".yado-doctor*"))


def test_the_language_is_the_callers_and_only_some_checks_can_be_asked_for(host):
    english = host.text("doctor", "--only", "names,limits", "--lang", "en")
    japanese = host.text("doctor", "--only", "names,limits", "--lang", "ja")
    assert "name resolution" in english and "名前解決" in japanese
    assert "hardware virtualization" not in english
    assert "\x1b" not in english + japanese
    wrong = host.run_command("doctor", "--only", "names,bogus")
    assert wrong.returncode == REFUSED and "no check 'bogus'" in wrong.stderr and "disk-speed" in wrong.stderr
    assert host.run_command("doctor", "elsewhere").returncode == MISSING
    assert host.run_command("doctor", "--bogus").returncode == USAGE


def test_a_problem_is_told_by_the_exit_code_too(host):
    assert host.run_command("doctor", "--only", "daemon").returncode == DONE
    shutil.rmtree(host.state / "storage")
    gone = host.run_command("doctor", "--only", "space", "--quiet")
    assert gone.returncode == REFUSED and str(host.state / "storage") in gone.stdout
    assert "yado storage list" in gone.stdout
    (host.state / "storage").mkdir(mode=0o700)
    assert host.run_command("doctor", "--only", "space").returncode == DONE


def test_two_guests_of_one_mac_are_noticed(host):
    for name in ("one", "two"):
        host("vm", "create", name, "--memory", "64M", "--nic", "mode=user")
    assert findings(look(host, "--only", "guest-ids"))["guest-ids.unique"]["state"] == "ok"
    mac, other = (host.vm(name)["nics"]["nic0"]["mac"] for name in ("one", "two"))
    # Yado refuses to make such a guest; a store that somebody has put together may have it.
    database = sqlite3.connect(host.state / "store.db")
    database.execute("UPDATE doc SET body = replace(body, ?, ?)", (other, mac))
    database.commit()
    database.close()
    finding = findings(look(host, "--only", "guest-ids"))["guest-ids.mac"]
    assert finding["state"] == "warning" and mac in finding["found"]
    assert "VM 100 nic0, VM 101 nic0" in finding["found"]


def test_without_a_daemon_the_command_looks_by_itself(host):
    assert host.stop() == 0
    result = host.run_command("doctor")
    assert result.returncode == REFUSED
    assert "looking without it" in result.stderr and str(host.socket) in result.stderr
    assert re.search(r"problem +daemon +yadod does not run", result.stdout)
    assert str(host.state) in result.stdout  # found by way of the run directory
    answer = look(host, "--only", "daemon,databases")
    assert findings(answer)["databases.whole"]["state"] == "ok"
    assert "there is no check 'bogus'" in host.run_command("doctor", "--only", "bogus").stderr
    # A damaged store is what keeps a daemon from starting.
    database = host.state / "tasks.db"
    kept = database.read_bytes()
    for beside in host.state.glob("tasks.db-*"):
        beside.unlink()
    database.write_bytes(b"not a database" * 1000)
    damaged = findings(look(host, "--only", "databases,tasks"))
    assert "databases.damaged" in damaged and "unknown" in damaged
    database.write_bytes(kept)


def test_a_daemon_that_hangs_is_found_out(host, tmp_path):
    os.kill(host.process.pid, 19)  # SIGSTOP
    try:
        answer = look(host, "--only", "daemon")
        assert findings(answer)["daemon.silent"]["parameters"]["pid"] == str(host.process.pid)
        file = tmp_path / "hangs.tar.gz"
        assert host.run_command("support-bundle", file, timeout=200).returncode == DONE
        assert f"== {host.process.pid} ".encode() in unpack(file)["yado/processes"]
    finally:
        os.kill(host.process.pid, 18)


def test_who_may_not_see_the_node_asks_in_vain(front):
    front.make_user("reader", {"/": "auditor"})
    front.make_user("guest", {"/vms/100": "user"})
    front.make_user("keeper", {"/nodes": "admin"})
    reader, guest, keeper = (front.make_token(name) for name in ("reader", "guest", "keeper"))
    path = "/api/v1/nodes/self/"
    status, _, answer = front.https("GET", path + "doctor?only=kvm", token=reader)
    assert status == 200 and answer["checks"][0]["check"] == "kvm"
    assert front.https("GET", path + "doctor", token=guest)[0] == 403
    assert front.https("GET", path + "doctor")[0] == 401
    assert front.https("GET", path + "doctor?only=" + "x" * 300, token=reader)[0] == 400
    assert front.https("GET", path + "doctor?only=kvm,--bundle", token=reader)[0] == 400
    for token in (reader, guest, keeper):
        assert front.https("GET", path + "support-bundle", token=token)[0] == 403
    # The keeper of the node may not see the guests.
    _, _, refused = front.https("GET", path + "support-bundle", token=keeper)
    assert "vm.read" in refused["error"]["message"]
    front.make_user("admin", {"/": "admin"})
    status, headers, bundle = front.https("GET", path + "support-bundle", token=front.make_token("admin"), timeout=120)
    assert status == 200 and headers["content-type"] == "application/octet-stream"
    assert int(headers["content-length"]) == len(bundle)
    assert tarfile.open(fileobj=io.BytesIO(bundle)).getnames()[0].endswith("/README")
    entries = front("audit", "list")["items"]
    sent = [entry for entry in entries if entry["action"] == "GET /nodes/{}/support-bundle"]
    assert {entry["outcome"] for entry in sent} == {"done", "refused"}
    assert [entry["user"] for entry in sent if entry["outcome"] == "done"] == ["admin"]


def test_what_others_call_their_things_does_not_drive_the_terminal(host, tmp_path):
    folder = tmp_path / HOSTILE
    folder.mkdir()
    # Yado refuses such names; somebody who has got at the store does not.
    database = sqlite3.connect(host.state / "store.db")
    database.execute("INSERT INTO doc VALUES ('storage/evil', 1, ?)",
                     (json.dumps({"name": "evil", "path": str(folder / "gone")}),))
    database.commit()
    database.close()
    result = host.run_command("doctor", "--only", "space")
    assert "evil" in result.stdout and "owned" in result.stdout
    assert "\x1b" not in result.stdout and "\x07" not in result.stdout
    file = tmp_path / "b.tar.gz"
    host.text("support-bundle", file)
    for name, data in unpack(file).items():
        assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", data), name


def plant(yado):
    """Secrets wherever there can be any; by the place where they are."""
    secrets = {}
    yado.make_user("somebody", {"/": "admin"}, PASSWORD)
    secrets["password"] = PASSWORD
    secrets["token"] = yado.make_token("somebody")
    status, headers, answer = yado.https("POST", "/api/v1/session", {"user": "somebody", "password": PASSWORD},
                                         headers={"Origin": f"https://127.0.0.1:{yado.port}"})
    assert status < 300, answer
    secrets["session"] = re.search(r"__Host-yado=([^;]+)", headers["set-cookie"])[1]
    secrets["csrf"] = answer["csrf"]
    # An answer that an Idempotency-Key brings back, and one that was refused with a secret in it.
    yado.https("POST", "/api/v1/vms", {"name": "keyed", "memory": "64M", "description": "idempotent-Secret-9x"},
               token=secrets["token"], headers={"Idempotency-Key": "0123456789-planted-key"})
    secrets["answer"] = "idempotent-Secret-9x"
    yado.https("POST", "/api/v1/session", {"user": "somebody", "password": "wrong-Password-7q"})
    secrets["wrong password"] = "wrong-Password-7q"
    # In what people write, in logs, and in what a guest's kernel is told.
    yado("vm", "create", "told", "--memory", "64M", "--image", "tiny", "--description", "the password is described-8z",
         "--kernel-image", "tiny", "--kernel-append", "console=ttyS0 luks.passphrase=append-Secret-5k")
    secrets["description"] = "described-8z"
    secrets["kernel"] = "append-Secret-5k"
    with open(yado.run / "httpd/log", "a") as log:
        log.write("Authorization: Bearer logged-Secret-3m\nGET /?password=logged-Query-4n\n")
        log.write("-----BEGIN PRIVATE KEY-----\nlogged-Key-6p\n-----END PRIVATE KEY-----\n")
    secrets["log: header"], secrets["log: query"], secrets["log: key"] = "logged-Secret-3m", "logged-Query-4n", "logged-Key-6p"
    pem = (yado.state / "front/key.pem").read_text().splitlines()
    secrets["key of the certificate"] = pem[1][:40]
    secrets["key of the secrets"] = (yado.state / "secret.key").read_bytes()
    return secrets


def hashes(yado):
    """What the store keeps instead of secrets, and is none of a reader's business either."""
    kept = []
    for name in ("store.db", "requests.db"):
        database = sqlite3.connect(yado.state / name)
        if name == "store.db":
            kept += [value for row in database.execute("SELECT nonce, value FROM secret") for value in row]
            for (body,) in database.execute("SELECT body FROM doc WHERE path LIKE 'token/%' OR path LIKE 'user/%'"):
                kept += [text.encode() for text in re.findall(r'"([0-9a-f]{64}|\$y\$[^"]+)"', body)]
        else:
            kept += [(value or "").encode() for (value,) in database.execute("SELECT fingerprint FROM request")]
        database.close()
    return [value for value in kept if value]


@pytest.mark.parametrize("alive", [True, False], ids=["by the daemon", "without the daemon"])
def test_no_secret_is_in_a_bundle(front, tmp_path, alive):
    secrets = plant(front)
    file = tmp_path / "bundle.tar.gz"
    if not alive:
        front.stop()
    front.text("support-bundle", file)
    files = unpack(file)
    whole = b"\n".join(files.values())
    assert b"keyed" in whole and b"somebody" in whole  # it was there to be collected
    assert files["yado/httpd.log"].count(b"taken out") >= 3 or not alive
    for place, secret in secrets.items():
        secret = secret.encode() if isinstance(secret, str) else secret
        for name, data in files.items():
            assert secret not in data and secret.hex().encode() not in data, (place, name)
    for secret in hashes(front):
        assert secret not in whole and secret.hex().encode() not in whole
    # The same search finds what is there.
    with pytest.raises(AssertionError):
        assert b"keyed" not in whole


def test_a_bundle_holds_what_a_report_needs_and_says_so(host, tmp_path):
    host("vm", "create", "web", "--memory", "64M", "--image", "tiny")
    host("vm", "start", "web")
    file = tmp_path / "bundle.tar.gz"
    said = host.run_command("support-bundle", file)
    assert said.returncode == DONE and str(file) in said.stderr and "README" in said.stderr
    assert file.stat().st_mode & 0o7777 == 0o600
    files = unpack(file)
    readme = files["README"].decode()
    assert list(files)[0] == "README"
    for name, data in files.items():
        if name != "README":
            assert re.search(rf"^  {re.escape(name)} +{len(data)} ", readme, re.M), name
    for line in readme.splitlines():
        if "LEFT OUT" in line:
            assert line.split()[0] not in files
    documents = json.loads(files["yado/documents.json"])
    assert documents["vm/100"]["name"] == "web" and "node/self" in documents
    assert any(task["kind"] == "vm.start" for task in json.loads(files["yado/tasks.json"]))
    assert b"-nodefaults" in files["guests/processes"]
    assert b"pid" in files["guests/100/pid"]
    assert not any("ring" in name or "console" in name for name in files)
    assert json.loads(files["doctor.json"])["checks"]
    assert b"quick_check: ok" in files["yado/databases"]
    assert b"LISTEN" not in readme.encode() and b"lo:" in files["host/addresses"]
    assert b"qemu-system-x86" in files["host/packages"]


def test_a_file_is_not_overwritten_unasked(host, tmp_path):
    file = tmp_path / "bundle.tar.gz"
    file.write_text("precious")
    refused = host.run_command("support-bundle", file)
    assert refused.returncode == USAGE and "--force" in refused.stderr
    assert file.read_text() == "precious"
    file.chmod(0o644)
    host.text("support-bundle", "--force", file)
    assert file.stat().st_mode & 0o7777 == 0o600
    unpack(file)
    aim = tmp_path / "aim"
    link = tmp_path / "link"
    link.symlink_to(aim)
    assert host.run_command("support-bundle", link).returncode == USAGE
    nowhere = host.run_command("support-bundle", tmp_path / "nowhere/b.tar.gz")
    assert nowhere.returncode != DONE and "nowhere" in nowhere.stderr
    assert not list(tmp_path.glob("*.part"))


def test_both_work_from_afar(front, tmp_path):
    front.make_user("far", {"/": "admin"})
    (tmp_path / "token").write_text(front.make_token("far"))
    der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", front.port)))

    def afar(*words):
        return subprocess.run([BUILD / "src/cli/yado", "--remote", f"https://127.0.0.1:{front.port}", "--token-file",
                               tmp_path / "token", "--fingerprint", hashlib.sha256(der).hexdigest(), *words],
                              capture_output=True, text=True, timeout=180,
                              env={**os.environ, "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": str(tmp_path)})
    answer = afar("-o", "json", "doctor", "--only", "daemon,front")
    assert answer.returncode == DONE, answer.stderr
    assert f":{front.port}" in findings(json.loads(answer.stdout))["front.answers"]["found"]
    file = tmp_path / "far.tar.gz"
    assert afar("support-bundle", str(file)).returncode == DONE
    assert gzip.decompress(file.read_bytes())[:512].split(b"/")[1].startswith(b"README")
    # Of another host nothing is found out here.
    front.stop()
    dead = afar("doctor")
    assert dead.returncode != DONE and "looking without" not in dead.stderr
    assert not dead.stdout
