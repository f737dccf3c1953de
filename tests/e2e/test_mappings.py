"""Mappings: names for devices and directories of the host; who may make them, who may give them to guests."""
import os
import pathlib

import pytest

from yado import Yado, api


def refused(host, method, path, body=None, **keywords):
    reply = api(host, method, path, body, **keywords)
    assert reply["status"] >= 400, reply
    return reply["body"]["error"]


@pytest.fixture(scope="module")
def host(tiny, tmp_path_factory):
    """One yadod with its front for all of them: what they make has names of its own."""
    yado = Yado(tmp_path_factory.mktemp("host") / "state").with_front()
    yado.copy_from(tiny)
    yado.start()
    yado.wait_front()
    yield yado
    yado.clean()


@pytest.fixture(scope="module")
def media(host, tmp_path_factory):
    path = tmp_path_factory.mktemp("media")
    host("mapping", "create", "media", "--kind", "directory", "--path", str(path))
    return path


def test_a_mapping_is_made_shown_changed_and_deleted(host, tmp_path):
    made = host("mapping", "create", "papers", "--kind", "directory", "--path", str(tmp_path), "--read-only")
    assert made["usable"] and made["guests"] == [] and made["read_only"]
    assert [row["name"] for row in host("mapping", "list", "--filter", "name:papers")["items"]] == ["papers"]
    host("mapping", "set", "papers", "--description", "to be read", "--no-read-only")
    assert host("mapping", "show", "papers")["description"] == "to be read"
    assert not host("mapping", "show", "papers")["read_only"]
    rev = host("history", "list", "--prefix", "mapping/papers")["items"][0]["rev"]
    host("mapping", "delete", "papers", "--yes")
    assert "papers" not in [row["name"] for row in host("mapping", "list")["items"]]
    host("history", "restore", str(rev), "--prefix", "mapping/papers", "--yes")
    assert host("mapping", "show", "papers")["path"] == str(tmp_path)
    host("mapping", "delete", "papers", "--yes")


def test_what_is_the_hosts_own_cannot_be_shared(host, tmp_path):
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "file").write_text("")
    for path, said in [("/etc", "host's own"), ("/proc/1/root", "host's own"), ("/root", "host's own"),
                       ("/var", "host's own"), ("/", "must"), ("/srv/../etc", "must"),
                       (str(host.state), "Yado itself"), (str(host.state.parent), "Yado itself"),
                       (str(host.state / "storage"), "Yado itself"), (str(tmp_path / "link"), "symbolic link"),
                       (str(tmp_path / "none"), "cannot open"), (str(tmp_path / "file"), "cannot open")]:
        error = refused(host, "POST", "/mappings", {"name": "bad", "kind": "directory", "path": path})
        assert error["field"] == "path", error
        assert said in error["message"], error
        plan = api(host, "POST", "/mappings?plan=1", {"name": "bad", "kind": "directory", "path": path})
        assert plan["status"] == 400 or plan["body"]["plan"]["refused"], plan


def test_the_hosts_devices_are_those_of_its_kernel(host):
    devices = {row["name"]: row for row in host("node", "devices")["items"]}
    there = pathlib.Path("/sys/bus/pci/devices")
    assert {name for name, row in devices.items() if row["bus"] == "pci"} == set(os.listdir(there))
    for name in os.listdir(there):
        number = lambda file: (there / name / file).read_text().strip()[2:]
        assert devices[name]["device"] == f"{number('vendor')}:{number('device')}"


def test_a_pci_mapping_knows_its_card_by_its_numbers(host):
    """Of a card that is there they are filled in; another card in that slot is not the one that was meant."""
    first = next(row for row in host("node", "devices")["items"] if row["bus"] == "pci")
    made = host("mapping", "create", "card", "--kind", "pci", "--address", first["name"])
    assert made["device"] == first["device"]
    assert next(row for row in host("node", "devices")["items"] if row["name"] == first["name"])["mappings"] == ["card"]
    if not os.listdir("/sys/kernel/iommu_groups"):
        assert not made["usable"] and "no IOMMU" in made["problem"]
    error = refused(host, "POST", "/mappings", {"name": "ghost", "kind": "pci", "address": "00ff:00:00.0"})
    assert error["field"] == "address" and "no PCI device" in error["message"]
    host("mapping", "delete", "card", "--yes")


def test_mappings_are_made_by_who_manages_them_alone(host, media, tmp_path):
    host.make_user("operator", {"/": "operator"})
    token = host.make_token("operator")
    assert host.https("GET", "/api/v1/mappings", token=token)[0] == 200
    body = {"name": "mine", "kind": "directory", "path": str(tmp_path)}
    status, _, answer = host.https("POST", "/api/v1/mappings", body, token=token)
    assert status == 403 and "mapping.manage" in str(answer)
    assert host.https("PATCH", "/api/v1/mappings/media", {"path": str(tmp_path)}, token=token)[0] == 403
    assert host.https("DELETE", "/api/v1/mappings/media", token=token)[0] == 403


def test_a_share_for_reading_becomes_one_for_writing_only_by_who_may_use_its_mapping(host, media):
    host("vm", "create", "reader", "--memory", "64M", "--share", "media:mapping=media,read_only=true")
    api(host, "POST", "/roles", {"name": "keeper", "privileges": ["vm.read", "vm.configure"]})
    host.make_user("keeper", {"/vms": "keeper"})
    token = host.make_token("keeper")

    def status(body):
        return host.https("PATCH", "/api/v1/vms/reader", body, token=token)[0]
    assert status({"description": "kept"}) == 200
    assert status({"shares": {"media": {"read_only": False}}}) == 403
    assert status({"shares": {"other": {"mapping": "media"}}}) == 403
    assert host("vm", "show", "reader")["shares"]["media"]["read_only"]
    assert status({"shares": {"media": None}}) == 200
