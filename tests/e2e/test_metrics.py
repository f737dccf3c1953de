"""/metrics and /healthz: the format to its rules, the numbers against the guest's real work, and what hangs."""
import fcntl
import os
import re
import signal
import sqlite3
import time

import pytest

from yado import Console, request, wait_for

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"^({NAME})(?:\{{(.*)\}})? (\S+)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)')


def parse(text):
    """The text format 0.0.4, as strictly as its description: {family: (type, {(name, labels): value})}."""
    assert text.endswith("\n")
    families, current = {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name, help_text = line[7:].split(" ", 1)
            assert re.fullmatch(NAME, name) and help_text, line
            assert name not in families, f"two groups of {name}"
            current, families[name] = name, [None, {}]
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            assert name == current and families[name] == [None, {}], "TYPE comes once, before the samples"
            assert kind in ("counter", "gauge", "histogram", "summary", "untyped")
            assert (kind == "counter") == name.endswith("_total"), name
            families[name][0] = kind
        else:
            found = SAMPLE.match(line)
            assert found, f"no sample: {line!r}"
            name, rest, value = found.groups()
            kind, samples = families[current]
            allowed = [current] if kind != "histogram" else [current + end for end in ("_bucket", "_sum", "_count")]
            assert name in allowed, f"{name} is not of {current}"
            labels, position = {}, 0
            while rest and position < len(rest):
                label = LABEL.match(rest, position)
                assert label and label[1] not in labels, line
                labels[label[1]] = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], label[2])
                position = label.end()
            key = (name, tuple(sorted(labels.items())))
            assert key not in samples, f"twice: {line}"
            samples[key] = float(value)
    for name, (kind, samples) in families.items():
        assert kind and samples, name
        if kind == "histogram":
            check_histogram(name, samples)
    return families


def check_histogram(name, samples):
    series = {}
    for (sample, labels), value in samples.items():
        if sample == name + "_bucket":
            labels = dict(labels)
            series.setdefault(tuple(sorted((k, v) for k, v in labels.items() if k != "le")), []).append(
                (float(labels["le"]), value))
    assert series
    for labels, buckets in series.items():
        buckets.sort()
        assert [value for _, value in buckets] == sorted(value for _, value in buckets)
        assert buckets[-1][0] == float("inf")
        assert buckets[-1][1] == samples[(name + "_count", labels)]
        assert (name + "_sum", labels) in samples


def scrape(yado):
    reply, _ = request(yado, "GET", "/metrics")
    assert reply["status"] == 200
    assert reply["headers"]["content-type"].startswith("text/plain; version=0.0.4")
    return parse(reply["body"])


def value(families, metric, /, **labels):
    family = families.get(metric) or families.get(re.sub("_(bucket|sum|count)$", "", metric)) or (None, {})
    return family[1].get((metric, tuple(sorted(labels.items()))))


def make_running(host, name="counted"):
    host("vm", "create", name, "--image", "tiny", "--memory", "128M", "--disk", "data:size=64M,bus=virtio-blk")
    host("vm", "start", name)
    host.wait_agent(name)
    return host.vm(name)["id"]


def test_the_counters_follow_what_the_guest_does(host):
    vm = str(make_running(host))
    labels = {"id": vm, "name": "counted"}
    before = scrape(host)
    assert value(before, "yado_vm_state", **labels, state="running") == 1
    assert value(before, "yado_vm_up", **labels) == 1
    assert value(before, "yado_vms", state="running") == 1
    assert value(before, "yado_vm_memory_limit_bytes", **labels) == 128 << 20
    assert 0 < value(before, "yado_vm_memory_used_bytes", **labels)
    assert value(before, "yado_vm_vcpus", **labels) >= 1
    assert value(before, "yado_vm_agent_connected", **labels) == 1
    disks = sorted(dict(key[1])["disk"] for key in before["yado_vm_disk_written_bytes_total"][1])
    assert len(disks) >= 1

    console = Console(host, "counted").login()
    for disk in console.shell("cd /sys/block; ls -d vd* sd* 2>/dev/null").split():
        size = int(console.shell(f"cat /sys/block/{disk}/size")) * 512
        if size == 64 << 20:
            console.shell(f"dd if=/dev/zero of=/dev/{disk} bs=1M count=8 conv=fsync 2>/dev/null")
            console.shell(f"echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/{disk} of=/dev/null bs=1M count=4 2>/dev/null")
    console.shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done", timeout=60)
    after = scrape(host)

    def grown(name):
        return sum(after[name][1].values()) - sum(before[name][1].values())
    assert grown("yado_vm_disk_written_bytes_total") >= 8 << 20
    assert grown("yado_vm_disk_written_bytes_total") < 24 << 20
    assert grown("yado_vm_disk_read_bytes_total") >= 4 << 20
    assert grown("yado_vm_disk_writes_total") >= 8
    assert 0.05 < grown("yado_vm_cpu_seconds_total") < 120
    console.close()
    host("vm", "stop", "counted")
    stopped = scrape(host)
    assert value(stopped, "yado_vm_up", **labels) == 0
    assert value(stopped, "yado_vm_state", **labels, state="stopped") == 1
    assert value(stopped, "yado_vm_cpu_seconds_total", **labels) is None


def test_the_node_its_storages_tasks_and_requests_are_there(host):
    host("vm", "create", "idle", "--image", "tiny", "--memory", "128M")
    families = scrape(host)
    assert value(families, "yado_node_cpus") == os.cpu_count()
    assert value(families, "yado_node_memory_bytes") > value(families, "yado_node_memory_available_bytes") > 0
    assert value(families, "yado_node_uptime_seconds") > value(families, "yado_daemon_uptime_seconds") > 0
    assert value(families, "yado_storage_usable", storage="local") == 1
    space = os.statvfs(host.state)
    assert value(families, "yado_storage_size_bytes", storage="local") == space.f_blocks * space.f_frsize
    assert value(families, "yado_tasks_ended_total", kind="vm.create", state="done") == 1
    assert value(families, "yado_vms", state="stopped") == 1
    audit, _ = request(host, "GET", "/api/v1/audit?limit=1")
    assert value(families, "yado_audit_entries_total") == audit["body"]["items"][0]["seq"]
    asked = value(families, "yado_api_requests_total", method="GET", route="/metrics", status="2xx") or 0
    request(host, "GET", "/api/v1/vms/none")
    families = scrape(host)
    assert value(families, "yado_api_requests_total", method="GET", route="/metrics", status="2xx") == asked + 1
    assert value(families, "yado_api_requests_total", method="GET", route="/vms/{}", status="4xx") == 1
    assert value(families, "yado_api_request_duration_seconds_count", method="GET", route="/metrics") == asked + 1


def test_a_guest_that_hangs_does_not_hold_up_the_scrape(host):
    good, bad = str(make_running(host, "good")), str(make_running(host, "bad"))
    pid = host.status("bad")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(3):
            began = time.monotonic()
            families = scrape(host)
            assert time.monotonic() - began < 2
            written = [dict(labels)["name"] for _, labels in families["yado_vm_disk_written_bytes_total"][1]]
            assert "good" in written and "bad" not in written
            assert value(families, "yado_vm_cpu_seconds_total", id=bad, name="bad") > 0
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: ("bad", True) in [(dict(labels)["name"], True) for _, labels in
                                       scrape(host)["yado_vm_disk_written_bytes_total"][1]], what="its disks again")


def test_a_scrape_of_very_many_guests_comes_whole(front):
    host = front
    host("vm", "create", "first", "--image", "tiny", "--memory", "128M")
    host.stop()
    database = sqlite3.connect(host.state / "store.db")
    body = database.execute("SELECT body FROM doc WHERE path = 'vm/100'").fetchone()[0]
    rows = [(f"vm/{i}", 1, re.sub(r'"id":\s*100', f'"id":{i}', body).replace('"first"', f'"guest-{i}"'))
            for i in range(1000, 13000)]
    database.executemany("INSERT INTO doc (path, rev, body) VALUES (?, ?, ?)", rows)
    database.commit()
    database.close()
    host.start()
    try:
        reply, descriptors = request(host, "GET", "/metrics")
        assert reply["status"] == 200 and reply["content_length"] > 900000 and len(descriptors) == 1
        text = b""
        with os.fdopen(descriptors[0], "rb") as source:
            text = source.read()
        assert len(text) == reply["content_length"]
        families = parse(text.decode())
        assert len(families["yado_vm_up"][1]) == 12001
        host.make_user("scraper", {"/": "auditor"})
        status, headers, over = host.https("GET", "/metrics", token=host.make_token("scraper"))
        assert status == 200 and int(headers["content-length"]) == len(over)
        assert len(parse(over.decode())["yado_vm_up"][1]) == 12001
        assert value(families, "yado_vms", state="stopped") == 12001
    finally:
        host.stop()
        database = sqlite3.connect(host.state / "store.db")
        database.execute("DELETE FROM doc WHERE path LIKE 'vm/%' AND path <> 'vm/100'")
        database.commit()
        database.close()


def test_healthz_says_ok_and_nothing_else(host):
    reply, _ = request(host, "GET", "/healthz")
    assert (reply["status"], reply["body"]) == (200, "ok\n")
    assert request(host, "POST", "/healthz")[0]["status"] == 405
    assert request(host, "GET", "/healthz?verbose=1")[0]["status"] == 400


def test_over_https_metrics_need_a_token_and_health_does_not(front):
    assert front.https("GET", "/healthz")[0::2] == (200, b"ok\n")
    assert front.https("GET", "/metrics")[0] == 401
    front.make_user("scraper", {"/vms": "operator"})  # metrics tell of everything: somewhere is not enough
    assert front.https("GET", "/metrics", token=front.make_token("scraper"))[0] == 403
    request(front, "POST", "/api/v1/roles", {"name": "prometheus", "privileges": ["metrics.read"]})
    request(front, "PATCH", "/api/v1/users/scraper", {"grants": {"g0": {"path": "/", "role": "prometheus"}}})
    token = front.make_token("scraper")
    status, headers, body = front.https("GET", "/metrics", token=token)
    assert status == 200 and headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert value(parse(body.decode()), "yado_storage_usable", storage="local") == 1
    assert front.https("GET", "/api/v1/vms", token=token)[2]["error"]["code"] == "forbidden"


@pytest.mark.parametrize("part", ["store", "tasks"])
def test_healthz_names_the_part_that_does_not_answer(host, part):
    """Somebody holds the locks that SQLite's readers need, as a broken backup program might."""
    with open(host.state / f"{part}.db-shm", "r+b") as shared:
        def locked():
            try:
                fcntl.lockf(shared, fcntl.LOCK_EX | fcntl.LOCK_NB, 8, 120)  # SQLite's "WAL-Index Locks"
                return True
            except OSError:
                return False
        wait_for(locked)
        for _ in range(3):
            began = time.monotonic()
            reply, _ = request(host, "GET", "/healthz")
            assert (reply["status"], reply["body"]) == (503, f"{part} does not answer\n")
            assert time.monotonic() - began < 1.5
    wait_for(lambda: request(host, "GET", "/healthz")[0]["status"] == 200, what="health after the lock")
