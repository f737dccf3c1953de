"""Presets: hardware for each operating system, with reasons, from the plan to QEMU."""
import json
import shutil
import time

import pytest

from yado import CommandError, Console, Yado, api, request

MIB = 1 << 20


@pytest.fixture(scope="module")
def inn(tiny, tmp_path_factory):
    """One yadod for all tests here; each deletes what the next must not see."""
    yado = Yado(tmp_path_factory.mktemp("presets") / "state")
    yado.copy_from(tiny)
    yado.start()
    yield yado
    yado.clean()
    shutil.rmtree(yado.state, ignore_errors=True)


@pytest.fixture(scope="module")
def medium(tmp_path_factory):
    """Some bytes, which nobody but a guest would read."""
    path = tmp_path_factory.mktemp("medium") / "medium.iso"
    path.write_bytes(b"CD001" * 50_000)
    return path


def plan(host, **document):
    reply = api(host, "POST", "/vms?plan=1", {"name": "guest", **document})
    assert reply["status"] == 200, reply
    return reply["body"]["plan"]


def chosen(host, **document):
    """field -> value, of a plan that is not refused."""
    made = plan(host, **document)
    assert not made["refused"], made
    return {entry["field"]: entry["value"] for entry in made.get("chosen", [])}


def at(document, path):
    for step in path.split("."):
        document = document[step]
    return document


def test_every_preset_comes_true_in_a_guest_that_this_qemu_starts(inn):
    """Each is planned and created; of those with the same hardware one is started."""
    names = [item["name"] for item in api(inn, "GET", "/presets?limit=1000")["body"]["items"]]
    assert len(names) >= 40 and len(set(names)) == len(names)
    started = set()
    for name in names:
        said = chosen(inn, os=name)
        settings = {entry["field"]: entry["value"] for entry in api(inn, "GET", f"/presets/{name}")["body"]["settings"]}
        assert {field.replace("disk0", "*").replace("nic0", "*"): value for field, value in said.items()} == settings
        shown = tuple((field, value) for field, value in sorted(said.items()) if field != "memory"
                      and ".size" not in field)
        if shown in started:
            continue
        started.add(shown)
        # Less memory and disk than recommended, as nothing is installed.
        less = {"memory": 256 * MIB, "disks": {"disk0": {"size": MIB}}}
        inn("vm", "create", "guest", "--os", name, "--memory", "256M", "--disk", "size=1M", "--start")
        document = inn.vm("guest")
        assert document["status"]["state"] == "running" and document["os"] == name
        for field, value in said.items():
            try:
                value = at(less, field)
            except KeyError:
                pass
            assert at(document, field) == value, field
        inn("vm", "stop", "guest")
        inn("vm", "delete", "guest")
    assert len(started) > 10


def test_what_is_said_counts_and_the_rest_has_its_reason(inn):
    made = chosen(inn, os="windows-11", memory=5 << 30, firmware="uefi",
                  disks={"disk0": {"bus": "virtio-blk"}, "data": {}})
    assert not {"memory", "firmware", "disks.disk0.bus"} & set(made)
    assert made["disks.data.bus"] == "sata" and made["cpu.hyperv"] is True and made["clock"] == "local"
    english = inn.text("vm", "create", "guest", "--os", "windows-11", "--plan")
    assert "cpu.hyperv = yes" in english and "memory = 8 GiB" in english and "local time" in english
    assert "--os virtio-win" in english
    effects = " ".join(plan(inn, os="windows-11")["effects"])
    assert ("cpu.hyperv has no effect" in effects) == (inn("node", "show")["acceleration"] == "tcg")
    japanese = inn.text("--lang", "ja", "vm", "create", "guest", "--os", "windows-11", "--plan")
    assert "Fedoraプロジェクト" in japanese
    with pytest.raises(CommandError) as caught:
        inn("vm", "create", "guest", "--os", "debian12")
    assert "did you mean 'debian-12'" in caught.value.stderr
    # A drive for cloud-init is where Windows sees it, with its reason; others keep what cloud kernels know.
    made = plan(inn, os="windows-server-2022", cloud_init={"user": "ana"})
    assert {entry["field"]: entry["value"] for entry in made["chosen"]}["cloud_init.bus"] == "sata"
    assert "cloud_init.bus" not in chosen(inn, os="windows-server-2022", cloud_init={"bus": "virtio-scsi"})
    assert "cloud_init.bus" not in chosen(inn, os="debian-12", cloud_init={"user": "ana"})
    # Without a system nothing is decided, as ever.
    nothing = plan(inn)
    assert "chosen" not in nothing
    assert {"firmware", "display"} <= {entry["path"] for entry in nothing["changes"]}


def test_the_system_of_a_guest_can_be_corrected_and_changes_nothing_else(inn):
    inn("vm", "create", "guest", "--os", "debian-12", "--memory", "256M")
    before = inn.vm("guest")
    inn("vm", "set", "guest", "--os", "windows-10")
    after = inn.vm("guest")
    changed = {key for key in after if after[key] != before.get(key)}
    assert changed <= {"os", "status"} and after["os"] == "windows-10"
    with pytest.raises(CommandError, match="windows-9"):
        inn("vm", "set", "guest", "--os", "windows-9")
    inn("vm", "set", "guest", "--unset", "os")
    assert "os" not in inn.vm("guest")
    inn("vm", "delete", "guest")


def test_an_image_says_what_its_guests_are(inn, medium):
    with pytest.raises(CommandError) as caught:
        inn("image", "import", medium, "--name", "wrong", "--format", "raw", "--os", "windows-server-2918")
    assert "windows-server-2019" in caught.value.stderr
    # A copied Windows may lack drivers; an installer's disk is made, of the recommended size.
    inn("image", "import", medium, "--name", "moved", "--format", "raw", "--os", "windows-server-2019")
    inn("image", "import", medium, "--name", "setup", "--format", "iso", "--os", "freebsd-14")
    assert inn("image", "show", "moved")["os"] == "windows-server-2019"
    made = chosen(inn, image="moved")
    assert made["os"] == "windows-server-2019" and made["disks.disk0.bus"] == "sata" and made["clock"] == "local"
    assert "disks.disk0.size" not in made
    made = chosen(inn, cdroms={"cd0": {"image": "setup"}})
    assert made["os"] == "freebsd-14" and made["disks.disk0.bus"] == "virtio-scsi" and made["disks.disk0.size"] >= 1 << 30
    # What was not known at the import can be said later, and what was wrong corrected.
    inn("image", "set", "moved", "--os", "windows-10")
    assert inn("image", "show", "moved")["os"] == chosen(inn, image="moved")["os"] == "windows-10"
    inn("image", "set", "moved", "--unset", "os")
    assert not chosen(inn, image="moved")
    with pytest.raises(CommandError, match="windows-9"):
        inn("image", "set", "moved", "--os", "windows-9")
    # What is given is not asked of the image.
    assert chosen(inn, image="moved", os="linux")["disks.disk0.bus"] == "virtio-scsi"
    for name in ("moved", "setup"):
        inn("image", "delete", name)


def test_the_small_linux_keeps_its_hardware(inn):
    assert inn("image", "show", "tiny")["os"] == "linux"
    inn("vm", "create", "guest", "--image", "tiny")
    document = inn.vm("guest")
    assert document["os"] == "linux" and document["firmware"] == "bios" and document["display"] == "vga"
    assert document["disks"]["disk0"]["bus"] == "virtio-scsi" and document["nics"]["nic0"]["model"] == "virtio"
    assert document["memory"] == inn("image", "show", "tiny")["memory"] and document["clock"] == "utc"
    inn("vm", "delete", "guest")


def test_a_clock_in_local_time_is_the_nodes(tiny, tmp_path):
    """On a node in Japan, nine hours ahead of UTC all year."""
    node = Yado(tmp_path / "state")
    node.around = ["unshare", "--mount", "sh", "-c",
                   'mount --bind /usr/share/zoneinfo/Asia/Tokyo /etc/localtime && exec "$@"', "-"]
    node.copy_from(tiny)
    node.start()
    try:
        node("vm", "create", "guest", "--image", "tiny", "--clock", "local", "--display", "none", "--start")
        seconds = int(Console(node, "guest").login().shell("cat /sys/class/rtc/rtc0/since_epoch"))
        assert round((seconds - time.time()) / 3600) == 9
    finally:
        node.clean()


def test_windows_gets_its_drivers_where_they_are_at_hand(inn, medium):
    assert "cdroms.virtio.image" not in chosen(inn, os="windows-10")
    inn("image", "import", medium, "--name", "virtio-win-0.1", "--format", "iso")
    made = chosen(inn, os="windows-10", cdroms={"cd0": {"image": "virtio-win-0.1"}})
    assert made["cdroms.virtio.image"] == "virtio-win-0.1"
    assert made["disks.disk0.bus"] == "virtio-scsi" and made["nics.nic0.model"] == "virtio"
    # One that is marked counts as one that is named; the newest is taken.
    inn("image", "import", medium, "--name", "drivers", "--format", "iso", "--os", "virtio-win")
    inn("vm", "create", "guest", "--os", "windows-10", "--memory", "256M", "--disk", "size=1M", "--start")
    document = inn.vm("guest")
    assert document["status"]["state"] == "running" and document["cdroms"]["virtio"]["image"] == "drivers"
    inn("vm", "stop", "guest")
    inn("vm", "delete", "guest")
    # Who may not use an image does not get it, and is told of none.
    inn.make_user("narrow", {"/vms": "admin", "/storages": "admin", "/networks": "admin"})
    secret = inn.make_token("narrow")
    client = inn.connect_front()
    reply, _ = request(inn, "POST", "/api/v1/vms?plan=1", {"name": "guest", "os": "windows-10"}, client=client,
                       head={"token": secret, "address": "192.0.2.1"})
    assert reply["status"] == 200, reply
    narrow = reply["body"]["plan"]
    assert not narrow["refused"] and "drivers" not in json.dumps({entry["field"]: entry["value"]
                                                                  for entry in narrow["chosen"]})
    for name in ("virtio-win-0.1", "drivers"):
        inn("image", "delete", name)
