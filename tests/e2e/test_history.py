"""Every change is kept: who, when, what it was before; and the way back."""
import json

from yado import Console, api, request, wait_for

MIB = 1 << 20


def history(host, query=""):
    return api(host, "GET", f"/history{query}")["body"]["items"]


def etag(host, name):
    return int(api(host, "GET", f"/vms/{name}")["etag"])


def restore(host, rev, prefix=""):
    """As planned; the tasks have ended when it returns."""
    body = {"rev": rev, "prefix": prefix}
    said = api(host, "POST", "/history/restore?plan=1", body)["body"]["plan"]
    reply = api(host, "POST", "/history/restore", body)
    if reply["status"] != 200:
        assert said["refused"], (said, reply)
        return reply
    made = reply["body"]["plan"]
    assert (said["changes"], said["refused"]) == (made["changes"], made["refused"])
    for task in reply["body"]["tasks"]:
        wait_for(lambda: api(host, "GET", f"/tasks/{task}/wait?timeout=20")["body"]["state"] == "done", what="the task")
    return reply


def documents(host, *names):
    return [{key: value for key, value in host.vm(name).items() if key != "status"} for name in names]


def test_what_was_is_listed_and_comes_back(host):
    host("vm", "create", "one", "--image", "tiny", "--display", "none")
    host("vm", "create", "two", "--image", "tiny", "--display", "none")
    first, id_one = etag(host, "two"), host.vm("one")["id"]
    then = documents(host, "one", "two")
    host("vm", "set", "one", "--memory", "256M", "--description", "a\nb 宿")
    host("vm", "set", "two", "--name", "zwei", "--tags", "x,y")
    host("storage", "create", "more", "--path", str(host.state / "more"))
    host("vm", "set", "one", "--disk", "extra:size=8M,storage=more")

    # The list: configuration, newest first; everything where it is asked for.
    items = history(host)
    assert {item["path"].split("/")[0] for item in items} == {"vm", "storage"}
    assert [item["rev"] for item in items] == sorted((item["rev"] for item in items), reverse=True)
    everything = history(host, "?facts=1")
    assert {"vm-name", "vm-identity", "volume"} <= {item["path"].split("/")[0] for item in everything}
    renamed = next(item for item in items if any(c["path"] == "name" for c in item["changes"])
                   and item["action"] == "changed")
    assert renamed["author"] == "root" and {c["path"]: (c.get("before"), c.get("after")) for c in renamed["changes"]}[
        "name"] == ("two", "zwei")
    # Pages join without a gap and without an overlap; a prefix means one object, or all below a slash.
    for query in ("?limit=1", "?limit=2&facts=1"):
        joined, before = [], ""
        while True:
            page = api(host, "GET", f"/history{query}{before}")["body"]
            joined += page["items"]
            if "next" not in page:
                break
            before = f"&before={page['next']}"
        assert joined == (everything if "facts" in query else items)
    assert {item["path"] for item in history(host, f"?prefix=vm/{id_one}")} == {f"vm/{id_one}"}
    assert history(host, "?prefix=vm/10") == []
    assert {item["path"] for item in history(host, "?prefix=storage/")} == {"storage/local", "storage/more"}
    diff = host("history", "diff", str(renamed["rev"]))
    assert "zwei" in json.dumps(diff)
    commit = api(host, "GET", f"/history/{renamed['rev']}")["body"]["items"]
    assert {"vm-name/two", "vm-name/zwei"} <= {item["path"] for item in commit}

    # One guest goes back; the other stays.
    uid = [item for item in everything if item["path"].startswith("vm-identity/")]
    restore(host, first, f"vm/{id_one}")
    assert documents(host, "one") == then[:1] and host.vm("zwei")["tags"] == ["x", "y"]
    assert "vm-100-extra" in {v["name"] for v in host("storage", "volumes", "more")["items"]}  # facts stay
    # And forward again, with the disk.
    host("vm", "create", "late", "--image", "tiny")
    with_disk = renamed["rev"] + 0
    last = max(item["rev"] for item in items)
    restore(host, last, f"vm/{id_one}")
    assert host.vm("one")["disks"]["extra"]["storage"] == "more" and with_disk < last
    # The whole configuration, in one commit; the guest that was made later stays.
    reply = restore(host, first)
    assert any("later and stays" in effect for effect in reply["body"]["plan"]["effects"])
    assert documents(host, "one", "two") == then
    assert host.vm("late")["id"] > id_one
    newest = history(host, "?limit=1")
    changed = {item["path"] for item in history(host) if item["rev"] == newest[0]["rev"]}
    assert changed == {f"vm/{document['id']}" for document in then}
    assert [item for item in history(host, "?facts=1") if item["path"].startswith("vm-identity/")][-len(uid):] == uid
    assert restore(host, first)["body"]["tasks"] == []  # there already: nothing happens
    assert history(host, "?limit=1") == newest

    # What cannot go back: a name that another has, volumes that are gone. Then nothing goes back.
    host("vm", "set", "one", "--name", "uno")
    host("vm", "set", "two", "--name", "one")
    now = documents(host, "uno", "one")
    reply = restore(host, newest[0]["rev"], f"vm/{id_one}")
    assert reply["status"] == 409 and "'one'" in reply["body"]["error"]["message"]
    assert documents(host, "uno", "one") == now
    host("vm", "set", "one", "--name", "two")
    host("vm", "set", "uno", "--name", "one", "--memory", "192M")
    rev = etag(host, "one")
    host("vm", "delete", "two", "--yes")
    reply = restore(host, rev)
    assert reply["status"] == 409 and "is gone" in reply["body"]["error"]["message"]
    assert restore(host, first, f"vm/{id_one}")["status"] == 200
    assert documents(host, "one") == then[:1]
    for body, field in (({"rev": 0}, "rev"), ({"rev": 1 << 40}, "rev"), ({"rev": first, "prefix": "vm-identity/"},
                        "prefix"), ({"rev": first, "what": 1}, "what")):
        reply = api(host, "POST", "/history/restore", body)
        assert reply["status"] == 400 and reply["body"]["error"]["field"] == field, reply


def test_a_running_guest_goes_along_as_far_as_it_can(host):
    host("vm", "create", "subject", "--image", "tiny", "--display", "none")
    host("vm", "start", "subject")
    console = Console(host, "subject").login()
    first = etag(host, "subject")
    mac = host.vm("subject")["nics"]["nic0"]["mac"]
    host("vm", "set", "subject", "--disk", "extra:size=8M", "--nic", "nic1:mode=user", "--memory", "256M")
    count = "ls /sys/class/net | grep -c eth"
    wait_for(lambda: console.shell(count) == "2", what="the second card")
    second = etag(host, "subject")
    restore(host, first, "vm/")
    assert console.shell(count) == "1" and console.shell("cat /sys/class/net/eth0/address") == mac
    assert console.shell("grep -slx 16384 /sys/block/*/size") == ""
    assert host.status("subject")["pending"] == []  # memory went back before it came into effect
    restore(host, second, "vm/")
    wait_for(lambda: console.shell(count) == "2", what="the second card again")
    wait_for(lambda: console.shell("grep -slx 16384 /sys/block/*/size") != "", what="the disk again")
    assert [entry["path"] for entry in host.status("subject")["pending"]] == ["memory"]


def test_a_document_of_the_past_and_the_schemas_can_be_read(host):
    host("vm", "create", "past", "--memory", "64M")
    path = f"vm/{host.vm('past')['id']}"
    rev = host.status("past")["rev"]
    host("vm", "set", "past", "--memory", "128M")
    assert host.status("past")["rev"] > rev
    assert host("history", "show", rev, path)["memory"] == 64 << 20
    refused = host.run_command("history", "show", 1, path)
    assert refused.returncode == 3, refused.stderr
    names = [item["name"] for item in request(host, "GET", "/api/v1/schemas")[0]["body"]["items"]]
    assert "vm" in names
    schema = request(host, "GET", "/api/v1/schemas/vm")[0]["body"]
    assert schema["properties"]["memory"]["minimum"] == 16 << 20
    assert request(host, "GET", "/api/v1/schemas/nothing")[0]["status"] == 404
