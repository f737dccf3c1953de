"""USB devices: plugged in and out under a running guest, which sees it in its controller; PCI and USB devices of the host,
refused for a reason where the host has none to give."""
import json
import os
import pathlib

import pytest

from changes import change, change_as_planned, pending_paths
from yado import Console, Yado, api


@pytest.fixture(scope="module")
def host(tiny, tmp_path_factory):
    yado = Yado(tmp_path_factory.mktemp("host") / "state").with_front()
    yado.copy_from(tiny)
    yado.start()
    yado.wait_front()
    yado("vm", "create", "desk", "--image", "tiny", "--display", "none", "--usb", "mouse:type=mouse")
    yado("vm", "create", "bare", "--image", "tiny", "--display", "none")
    yado("vm", "start", "desk")
    yado("vm", "start", "bare")
    yield yado
    yado.clean()


@pytest.fixture(scope="module")
def desk(host):
    console = Console(host, "desk").login()
    yield console
    console.close()


# The controller's registers (xHCI specification, 5.3 and 5.4): the operational ones begin where the first byte says, a
# port's 0x400 behind that, 16 bytes each; bit 0 of PORTSC is set while something is connected. No driver is needed.
LOOK = """base=$(sed -n '1s/ .*//p' /sys/bus/pci/devices/0000:00:07.0/resource)
ports=$(( $(devmem $((base + 4)) 32) >> 24 )); first=$((base + $(devmem $base 8) + 0x400)); n=0
for i in $(seq 0 $((ports - 1))); do n=$((n + ($(devmem $((first + 16 * i)) 32) & 1))); done; echo "$n of $ports" """


def connected(console):
    return console.shell(LOOK.replace("\n", "; ")).strip().splitlines()[-1]


def test_a_guest_sees_its_usb_devices_come_and_go(host, desk):
    assert connected(desk) == "1 of 30"
    said = change_as_planned(host, "desk", {"usb": {"pen": {"type": "tablet"}, "keys": {"type": "keyboard"}}})
    assert {entry["when"] for entry in said["changes"]} == {"now"}
    assert connected(desk) == "3 of 30"
    assert host.vm("desk")["usb"]["mouse"]["address"] == "usb:2"
    change_as_planned(host, "desk", {"usb": {"pen": None, "mouse": None}})
    assert connected(desk) == "1 of 30"
    change_as_planned(host, "desk", {"usb": {"again": {"type": "mouse"}}})
    assert host.vm("desk")["usb"]["again"]["address"] == "usb:2"
    assert connected(desk) == "2 of 30"


def test_a_controller_comes_with_the_next_start_and_the_plan_says_so(host):
    """pcie.0 takes no device while the machine runs."""
    said = change_as_planned(host, "bare", {"usb": {"mouse": {"type": "mouse"}}})
    assert {entry["when"] for entry in said["changes"]} == {"restart"}
    assert any(path.startswith("usb.") for path in pending_paths(host, "bare"))
    host("vm", "stop", "bare")
    host("vm", "start", "bare")
    assert pending_paths(host, "bare") == []
    # It stays when the last device is taken off, now and from the next start on.
    change_as_planned(host, "bare", {"usb": {"mouse": None}})
    said = change_as_planned(host, "bare", {"usb": {"keys": {"type": "keyboard"}}})
    assert {entry["when"] for entry in said["changes"]} == {"now"}, said
    change_as_planned(host, "bare", {"usb": {"keys": None}})
    host("vm", "stop", "bare")
    host("vm", "start", "bare")
    said = change_as_planned(host, "bare", {"usb": {"mouse": {"type": "mouse"}}})
    assert {entry["when"] for entry in said["changes"]} == {"now"}, said
    change_as_planned(host, "bare", {"usb": {"mouse": None}})
    host("vm", "stop", "bare")


def test_a_device_of_the_host_that_is_not_there_is_named(host):
    host("mapping", "create", "dongle", "--kind", "usb", "--device", "0529:0001")
    assert not host("mapping", "show", "dongle")["usable"]
    reply = api(host, "PATCH", "/vms/desk", {"usb": {"dongle": {"mapping": "dongle"}}})
    assert reply["status"] == 202, reply
    task = api(host, "GET", f"/tasks/{reply['body']['task']}/wait?timeout=20")["body"]
    assert task["state"] == "failed" and "dongle" in json.dumps(task) and "is not there" in json.dumps(task), task
    assert any(path.startswith("usb.dongle") for path in pending_paths(host, "desk"))
    change(host, "desk", {"usb": {"dongle": None}})
    for entry, said in [({"type": "mouse", "mapping": "dongle"}, "no meaning"), ({}, "is missing"),
                        ({"mapping": "none"}, "no mapping 'none'")]:
        refused = api(host, "PATCH", "/vms/desk", {"usb": {"bad": entry}})
        assert refused["status"] == 400 and refused["body"]["error"]["field"] == "usb.bad.mapping", refused
        assert said in refused["body"]["error"]["message"], refused
    host("mapping", "delete", "dongle", "--yes")


@pytest.mark.skipif(bool(os.listdir("/sys/kernel/iommu_groups")), reason="this host has an IOMMU")
def test_a_pci_device_is_refused_where_the_host_has_no_iommu(host):
    address = sorted(os.listdir("/sys/bus/pci/devices"))[-1]
    host("mapping", "create", "card", "--kind", "pci", "--address", address)
    for query in ("", "?plan=1"):
        reply = api(host, "PATCH", f"/vms/bare{query}", {"pci": {"card": {"mapping": "card"}}})
        error = reply["body"]["plan"]["refused"][0] if reply["status"] == 200 else reply["body"]["error"]
        assert error["field"] == "pci.card.mapping" and "no IOMMU" in error["message"], error
        assert "intel_iommu=on" in error["hint"]
    assert pathlib.Path(f"/sys/bus/pci/devices/{address}").exists()
    host("mapping", "delete", "card", "--yes")


def test_who_may_change_guests_gives_them_only_the_mappings_that_he_may_use(host):
    host("mapping", "create", "stick", "--kind", "usb", "--device", "0951:1666")
    host("role", "create", "keeper", "--privileges", "vm.read,vm.configure")
    host.make_user("ann", {"/vms": "keeper"})
    token = host.make_token("ann")
    patch = {"usb": {"stick": {"mapping": "stick"}}}
    status, _, answer = host.https("PATCH", "/api/v1/vms/bare", patch, token=token)
    assert status == 403 and "mapping.use" in answer["error"]["message"], answer
    # What does not exist looks the same.
    other = host.https("PATCH", "/api/v1/vms/bare", {"usb": {"stick": {"mapping": "none"}}}, token=token)
    assert other[0] == 403
    assert host.https("PATCH", "/api/v1/vms/bare", {"usb": {"pen": {"type": "tablet"}}}, token=token)[0] in (200, 202)
    change(host, "bare", {"usb": patch["usb"]})
    assert host("mapping", "show", "stick")["guests"] == [host.vm("bare")["id"]]
    refused = api(host, "DELETE", "/mappings/stick")
    assert refused["status"] == 409 and "used by 1 guest" in refused["body"]["error"]["message"]
    # It is there already: another change asks for nothing.
    assert host.https("PATCH", "/api/v1/vms/bare", {"description": "x"}, token=token)[0] == 200
    change(host, "bare", {"usb": {"stick": None, "pen": None}})
    host("mapping", "delete", "stick", "--yes")
