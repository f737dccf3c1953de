"""Images: what people bring in is opened by nobody but a caged worker, and what guests use stays."""
import hashlib
import json
import os
import pathlib
import re
import struct
import subprocess

import pytest

from yado import Console, api, wait_for, wait_task

MIB = 1 << 20


def start_import(host, name, kind, path):
    with open(path, "rb") as file:
        reply = api(host, "POST", "/images", {"name": name, "format": kind}, fds=[file.fileno()])
    assert reply["status"] == 202, reply
    return reply["body"]["task"]


def bring(host, name, kind, path):
    return wait_task(host, start_import(host, name, kind, path))


@pytest.fixture
def source(tmp_path):
    """A disk with something at its begin, its middle and its end."""
    path = tmp_path / "source.raw"
    with open(path, "wb") as file:
        file.truncate(16 * MIB)
        for place in (0, 7 * MIB + 512, 16 * MIB - 512):
            file.seek(place)
            file.write(hashlib.sha512(str(place).encode()).digest() * 8)
    return path


def convert(source, kind, *options):
    target = source.with_suffix("." + kind + "".join(options))
    subprocess.run(["qemu-img", "convert", "-O", kind, *(word for option in options for word in ("-o", option)),
                    source, target], check=True)
    return target


def test_every_format_comes_in_with_its_content(host, source, tmp_path):
    files = {kind: convert(source, kind) for kind in ("qcow2", "vmdk", "vdi", "vhdx")}
    files["stream"] = convert(source, "vmdk", "subformat=streamOptimized")
    files["raw"] = source
    for name, path in files.items():
        task = bring(host, name, "vmdk" if name == "stream" else name, path)
        assert task["state"] == "done", (name, task)
        image = api(host, "GET", f"/images/{name}")["body"]
        assert (image["kind"], image["size"]) == ("disk", 16 * MIB)
        assert image["digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
        disk = next((host.state / "images" / name).rglob("disk"))
        back = tmp_path / "back.raw"
        subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", disk, back], check=True)
        assert back.read_bytes() == source.read_bytes(), name
    again = api(host, "POST", "/images", {"name": "raw", "format": "raw"})
    assert again["status"] == 409 and again["body"]["error"]["code"] == "exists"
    assert bring(host, "disc", "iso", source)["state"] == "done"
    assert api(host, "GET", "/images/disc")["body"]["kind"] == "iso"
    names = [item["name"] for item in api(host, "GET", "/images")["body"]["items"]]
    first = api(host, "GET", "/images?limit=3&fields=name")["body"]
    rest = api(host, "GET", f"/images?after={first['next']}")["body"]
    assert [item["name"] for item in first["items"] + rest["items"]] == names and "next" not in rest


def qcow2_header(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def test_hostile_images_are_refused(host, source, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"SECRET" * 200000)
    wrong = {}

    def hostile(name, kind, make):
        path = tmp_path / name
        make(path)
        wrong[name] = (kind, path)

    def backing(target):
        def make(path):
            subprocess.run(["qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", target, path, "1M"],
                           check=True)
        return make
    hostile("backing", "qcow2", backing("/etc/shadow"))
    hostile("backing-json", "qcow2", backing('json:{"driver":"file","filename":"/etc/shadow"}'))
    hostile("backing-fd", "qcow2", backing("/dev/fdset/1"))
    hostile("data-file", "qcow2", lambda path: subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-o", f"data_file={path}.data,data_file_raw=on", path, "1M"],
        check=True))
    descriptor = ('# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="{}"\n'
                  '{}\nddb.virtualHWVersion = "4"\nddb.geometry.cylinders = "1"\nddb.geometry.heads = "16"\n'
                  'ddb.geometry.sectors = "63"\nddb.adapterType = "ide"\n')
    for name, extent in {"flat-shadow": "/etc/shadow", "flat-secret": str(secret), "flat-own": "/dev/fdset/1",
                         "flat-fd": "/proc/self/fd/3", "flat-relative": "../../etc/shadow",
                         "flat-json": 'json:{\\"driver\\":\\"file\\",\\"filename\\":\\"/etc/shadow\\"}'}.items():
        text = descriptor.format("monolithicFlat", f'RW 2048 FLAT "{extent}" 0')
        hostile(name, "vmdk", lambda path, text=text: path.write_text(text))
    hostile("sparse-shadow", "vmdk", lambda path: path.write_text(
        descriptor.format("twoGbMaxExtentSparse", 'RW 2048 SPARSE "/etc/shadow"')))
    hostile("not-qcow2", "qcow2", lambda path: path.write_bytes(b"QFI\xfb" + os.urandom(8192)))
    hostile("not-qcow2-at-all", "qcow2", lambda path: path.write_bytes(source.read_bytes()[:65536]))
    for kind in ("vdi", "vhdx", "vmdk", "qcow2"):
        good = convert(source, kind).read_bytes()
        if kind != "vdi":  # QEMU reads what is past its end as zeroes
            hostile("cut-" + kind, kind, lambda path, good=good: path.write_bytes(good[:700]))
        hostile("noise-" + kind, kind, lambda path, good=good: path.write_bytes(
            good[:16] + hashlib.sha512(good[:100]).digest() * 64 + good[4112:65536]))
    for options in ([], ["-c"], ["-o", "cluster_size=4k"]):  # cut in the middle of the data, and before the tables' end
        path = tmp_path / "whole"
        subprocess.run(["qemu-img", "convert", *options, "-O", "qcow2", source, path], check=True)
        whole = path.read_bytes()
        for number, length in enumerate((len(whole) // 2, len(whole) * 3 // 4)):
            hostile(f"cut{number}-qcow2-{'-'.join(options)}", "qcow2",
                    lambda path, whole=whole, length=length: path.write_bytes(whole[:length]))
    for name, path in (("vmdk", convert(source, "vmdk")), ("stream", convert(source, "vmdk", "subformat=streamOptimized"))):
        whole = path.read_bytes()
        hostile("half-" + name, "vmdk", lambda path, whole=whole: path.write_bytes(whole[:len(whole) // 2]))
    hostile("empty", "raw", lambda path: path.write_bytes(b""))
    huge = tmp_path / "huge"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", huge, "1M"], check=True)
    qcow2_header(huge, 24, struct.pack(">Q", 1 << 62))
    wrong["huge"] = ("qcow2", huge)

    stored = sorted(os.listdir(host.state / "images"))
    for name, (kind, path) in wrong.items():
        task = bring(host, re.sub("[^a-z0-9]+", "-", name).strip("-"), kind, path)
        assert task["state"] == "failed", name
        assert task["error"]["code"] == "invalid", (name, task["error"])
        assert api(host, "GET", f"/images/{task['object'].removeprefix('image/')}")["status"] == 404
    # Raw is raw: what looks like another format inside is data.
    assert bring(host, "looks-like", "raw", wrong["backing"][1])["state"] == "done"
    size = wrong["backing"][1].stat().st_size
    assert api(host, "GET", "/images/looks-like")["body"]["size"] == -(-size // 512) * 512
    assert sorted(os.listdir(host.state / "images")) == sorted(stored + ["looks-like"])
    for file in host.state.rglob("*"):
        assert not file.is_file() or b"SECRETSECRET" not in file.read_bytes()[:1 << 20], file
    read, write = os.pipe()
    reply = api(host, "POST", "/images", {"name": "pipe", "format": "raw"}, fds=[read])
    assert reply["status"] == 400 and "regular file" in reply["body"]["error"]["message"]
    os.close(read), os.close(write)
    assert api(host, "POST", "/images", {"name": "none", "format": "raw"})["status"] == 400
    for name in ("../up", "a/b", ".", "A", ""):
        assert api(host, "POST", "/images", {"name": name, "format": "raw"})["body"]["error"]["field"] == "name"


def test_a_guest_keeps_its_build_and_what_is_used_stays(host, tmp_path):
    host("vm", "create", "subject", "--image", "tiny", "--display", "none")
    old = host.vm("subject")["kernel"]["build"]
    library = host.state / "images" / "tiny"
    # Another build is published: the same files with other bytes after them, as a rebuild with newer packages makes.
    host.stop()
    new = "0123456789abcdef"
    subprocess.run(["cp", "-a", library / old, library / new], check=True)
    import sqlite3
    database = sqlite3.connect(host.state / "store.db")
    database.execute("UPDATE doc SET body = replace(body, ?, ?) WHERE path = 'image/tiny'", (old, new))
    database.commit()
    database.close()
    host.start()
    host("vm", "create", "newer", "--image", "tiny", "--display", "none")
    assert host.vm("newer")["kernel"]["build"] == new and host.vm("subject")["kernel"]["build"] == old
    host("vm", "start", "subject")
    Console(host, "subject").login().close()
    task = wait_task(host, api(host, "DELETE", "/images/tiny")["body"]["task"])
    assert task["error"]["code"] == "conflict"
    assert "subject" in task["error"]["message"] and "newer" in task["error"]["message"]
    refused = api(host, "DELETE", "/images/tiny?plan=1")["body"]["plan"]["refused"]
    assert refused[0]["code"] == "conflict"
    host("vm", "stop", "subject")
    for name in ("subject", "newer"):
        host("vm", "delete", name, "--yes")
    assert wait_task(host, api(host, "DELETE", "/images/tiny")["body"]["task"])["state"] == "done"
    assert not library.exists()
    reply = api(host, "POST", "/vms", {"name": "late", "image": "tiny"})
    assert reply["status"] in (400, 404) and "tiny" in json.dumps(reply["body"])


def test_an_import_can_be_cancelled_and_an_image_deleted_under_a_creation(host, tmp_path):
    path = tmp_path / "large.raw"
    with open(path, "wb") as file:  # written data, so that it takes a while; its space comes back with the test
        block = os.urandom(MIB)
        for _ in range(400):
            file.write(block)
    task = start_import(host, "large", "raw", path)
    wait_for(lambda: api(host, "GET", f"/tasks/{task}")["body"]["state"] == "running", what="the import")
    # The name is claimed: a second one waits for nobody, it is told which task.
    with open(path, "rb") as file:
        reply = api(host, "POST", "/images", {"name": "large", "format": "raw"}, fds=[file.fileno()])
    assert reply["status"] == 409 and str(task) in reply["body"]["error"]["message"]
    assert api(host, "POST", f"/tasks/{task}/cancel")["status"] == 200
    record = wait_task(host, task)
    assert record["state"] == "cancelled", record
    assert api(host, "GET", "/images/large")["status"] == 404
    assert sorted(os.listdir(host.state / "images")) == ["tiny"]

    small = tmp_path / "small.raw"
    small.write_bytes(os.urandom(MIB) * 24)
    assert bring(host, "small", "raw", small)["state"] == "done"
    create = api(host, "POST", "/vms", {"name": "subject", "disks": {"d": {"image": "small"}}, "nics": {}})
    delete = api(host, "DELETE", "/images/small")
    made = wait_task(host, create["body"]["task"])
    if delete["status"] == 202:
        wait_task(host, delete["body"]["task"])
    else:
        assert delete["status"] == 409
    # Either it was there in time, or nothing was made; never half a guest.
    assert made["state"] == "done", made
    assert pathlib.Path(next(host.state.rglob("vm-*-d*"))).stat().st_size > 0
