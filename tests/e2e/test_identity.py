"""What must be one of its kind: refused when asked for twice, found when it is there twice, mended on request."""
import json
import sqlite3

from yado import api

UUID = "5f0f6a3e-8a4c-4c55-9a3e-0c1d2e3f4a5b"
MAC = "52:54:00:12:34:56"


def make(host, name, *arguments):
    host("vm", "create", name, "--image", "tiny", "--display", "none", *arguments)
    return host.vm(name)


def copy_by_hand(host, name, copy):
    """As somebody does who edits the database: the same guest once more, with another number, name and volume."""
    document = {**host.vm(name), "name": copy}
    del document["status"]
    identity = document["id"]
    document["id"] = identity + 50
    document["disks"] = {key: {**disk, "volume": disk["volume"] + "x"} for key, disk in document["disks"].items()}
    host.stop()
    database = sqlite3.connect(host.state / "store.db")
    rev = database.execute("SELECT max(rev) FROM doc").fetchone()[0]
    columns = [row[1] for row in database.execute("PRAGMA table_info(doc)")]
    for path, body in ((f"vm/{document['id']}", document), (f"vm-name/{copy}", {"id": document["id"]}),
                       (f"vm-identity/{document['id']}", {"uid": 1950000000, "nics": {}})):
        row = {"path": path, "rev": rev, "body": json.dumps(body)}
        assert set(row) <= set(columns), columns
        database.execute("INSERT INTO doc (path, rev, body) VALUES (?, ?, ?)", tuple(row.values()))
    database.commit()
    database.close()
    host.start()
    return document["id"]


def test_what_another_guest_has_is_refused_and_the_guest_is_named(host):
    first = make(host, "first", "--uuid", UUID, "--nic", f"mac={MAC}", "--disk", "d:size=8M,serial=ONE")
    for given, field in (({"uuid": UUID}, "uuid"), ({"nics": {"n": {"mac": MAC}}}, "nics.n.mac"),
                         ({"disks": {"e": {"size": 8 << 20, "serial": "ONE"}}}, "disks.e.serial"),
                         ({"disks": {"e": {"size": 8 << 20, "wwn": first["disks"]["d"]["wwn"]}}}, "disks.e.wwn")):
        reply = api(host, "POST", "/vms", {"name": "second", **given})
        said = reply["body"]["error"]
        assert reply["status"] == 409 and said["code"] == "exists" and said["field"] == field, said
        assert f"VM {first['id']} has" in said["message"] and "leave it out" in said["hint"], said
    second = make(host, "second")
    for given in ({"nics": {"n": {"mac": MAC}}}, {"disks": {"e": {"size": 8 << 20, "serial": "ONE"}}}):
        reply = api(host, "PATCH", "/vms/second", given)
        assert reply["status"] == 409 and f"VM {first['id']}" in reply["body"]["error"]["message"], reply
        assert api(host, "PATCH", "/vms/second?plan=1", given)["body"]["plan"]["refused"] == [reply["body"]["error"]]
    reply = api(host, "POST", "/vms", {"name": "none", "uuid": "00000000-0000-0000-0000-000000000000"})
    assert (reply["status"], reply["body"]["error"]["field"]) == (400, "uuid"), reply
    # Once the other has gone it is free.
    host("vm", "delete", "first", "--yes")
    host("vm", "set", "second", "--nic", f"n:mac={MAC}")
    assert host.vm("second")["nics"]["n"]["mac"] == MAC and host.vm("second")["uuid"] == second["uuid"]


def test_a_guest_that_was_copied_by_hand_is_shown_not_started_and_mended(host):
    first = make(host, "first", "--disk", "d:size=8M")
    number = copy_by_hand(host, "first", "copy")
    conflicts = host.status("copy")["conflicts"]
    assert {entry["path"] for entry in conflicts} == {"uuid", "nics.nic0.mac", "disks.disk0.serial", "disks.disk0.wwn",
                                                      "disks.d.serial", "disks.d.wwn"}
    assert {entry["vm"] for entry in conflicts} == {first["id"]}
    assert {entry["vm"] for entry in host.status("first")["conflicts"]} == {number}
    assert [row.get("conflict") for row in host("vm", "list")["items"]] == [True, True]
    text = host.text("vm", "show", "copy")
    assert first["uuid"] in text and "renew-identity" in text
    found = [check for check in api(host, "GET", "/nodes/self/doctor")["body"]["checks"]
             if check["check"] == "guest-ids"]
    assert any(first["uuid"] in json.dumps(check) for check in found), found

    # The copy is told why, in the plan as well; the first one may run.
    plan = api(host, "POST", f"/vms/{number}/start?plan=1")["body"]["plan"]
    reply = api(host, "POST", f"/vms/{number}/start")
    assert reply["status"] == 409 and plan["refused"] == [reply["body"]["error"]]
    assert f"that of VM {first['id']}" in reply["body"]["error"]["message"], reply
    assert "renew-identity" in reply["body"]["error"]["hint"]
    host("vm", "start", "first")
    said = api(host, "POST", "/vms/first/renew-identity", {})["body"]["error"]
    assert said["code"] == "conflict" and "while it is stopped" in said["message"], said

    plan = host("vm", "renew-identity", "copy", "--plan")["plan"]
    assert {change["path"] for change in plan["changes"]} == {entry["path"] for entry in conflicts}
    assert any("activated" in effect for effect in plan["effects"])
    host("vm", "renew-identity", "copy")
    mended = host.vm("copy")
    assert not mended["status"].get("conflicts") and not host.status("first").get("conflicts")
    assert all("conflict" not in row for row in host("vm", "list")["items"])
    assert mended["uuid"] != first["uuid"] and mended["nics"]["nic0"]["mac"] != first["nics"]["nic0"]["mac"]
    assert mended["disks"]["d"]["volume"] == first["disks"]["d"]["volume"] + "x"
    assert api(host, "POST", f"/vms/{number}/start?plan=1")["body"]["plan"]["refused"] == []

    # What is not shared is renewed when it is named, and only that.
    said = api(host, "POST", "/vms/copy/renew-identity", {})["body"]["error"]
    assert "shares nothing" in said["message"] and "--macs" in said["hint"]
    host("vm", "renew-identity", "copy", "--serials")
    renewed = host.vm("copy")
    assert renewed["uuid"] == mended["uuid"] and renewed["nics"] == mended["nics"]
    for key, disk in renewed["disks"].items():
        assert disk["serial"] != mended["disks"][key]["serial"] and disk["wwn"] != mended["disks"][key]["wwn"]


def test_a_guest_that_comes_back_after_its_address_was_given_away_says_so(host):
    make(host, "first", "--nic", f"n:mac={MAC}")
    number = host.vm("first")["id"]
    host("vm", "set", "first", "--no-nic", "n")
    with_card = [commit["rev"] for commit in host("history", "list", f"vm/{number}")["items"]][-1]
    second = make(host, "second", "--nic", f"mac={MAC}")
    plan = host("history", "restore", with_card, f"vm/{number}", "--plan")["plan"]
    assert any(f"that of VM {second['id']}" in effect for effect in plan["effects"]), plan
    host("history", "restore", with_card, f"vm/{number}", "--yes")
    assert [entry["path"] for entry in host.status("first")["conflicts"]] == ["nics.n.mac"]
    host("vm", "renew-identity", "first")
    assert host.vm("first")["nics"]["n"]["mac"] != MAC and not host.status("first").get("conflicts")
