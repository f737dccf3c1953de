"""What a guest is handed: SMBIOS fields, guest info, cloud-init's drive, an installer's answers."""
import hashlib
import json
import os
import pathlib
import sqlite3
import subprocess

import pytest

from yado import CommandError, Console, api, make, wait_for

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFv4Qd0Fz3i0N9zJ0y4mXW6cNq5vYk0s0r0o9b8m7c6d me@example"
GUESTINFO = "/sys/firmware/qemu_fw_cfg/by_name/opt/org.yado/guestinfo"
# As many as there may be.
INFO = {"role": "db, and =more", "empty": "", **{f"k{i}": "x" * 20 * i for i in range(2, 16)}}
PASSWORD = "Correct-horse-1"


def pending(host, name):
    return {entry["path"] for entry in host.status(name)["pending"]}


def files_of(console, drive):
    """The files of a drive as the guest sees them: name -> text."""
    console.shell(f"mkdir -p /mnt/{drive} && mount -t iso9660 -o ro /dev/{drive} /mnt/{drive}")
    names = console.shell(f"ls /mnt/{drive}").split()
    return {name: console.shell(f"cat /mnt/{drive}/{name}") for name in names}


def label_of(console, drive):
    """The volume identifier of an ISO 9660 file system (ECMA-119 §8.4.7)."""
    return console.shell(f"dd if=/dev/{drive} bs=1 skip=32808 count=32 2>/dev/null; echo").strip()


def instance(files):
    return json.loads(files["meta-data"])["instance-id"]


def everything_kept(host):
    """All bytes that the daemon has put on disk or into logs, and that processes show as their arguments; without what the
    guest itself has written onto its console."""
    for folder in (host.state, host.run):
        for path in folder.rglob("*"):
            if path.is_file() and not {"images", "storage", "serial.ring"} & set(path.parts):
                yield str(path), path.read_bytes()
    yield "log", host.log.read_bytes()
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                yield str(folder), (folder / "cmdline").read_bytes()
            except OSError:
                pass


def test_a_guest_reads_what_it_is_handed_and_changes_reach_it_at_its_next_start(host, tmp_path):
    make(host, "web", "--hostname", "web.example.org", "--nic", "nic1:mode=user",
         "--smbios-manufacturer", "Example, Inc.", "--smbios-product", "Model 1=2", "--smbios-version", "v 3",
         "--smbios-serial", "SN,,1", "--smbios-sku", "K", "--smbios-family", "F", "--smbios-asset-tag", "A,B",
         *(word for pair in INFO.items() for word in ("--guestinfo", "=".join(pair))),
         "--cloud-init-user", "ana", "--cloud-init-keys", KEY, "--cloud-init-packages", "nginx-light,jq",
         "--cloud-init-nic", "nic1:address=192.0.2.10/24,gateway=192.0.2.1", "--cloud-init-dns", "192.0.2.53")
    host("vm", "start", "web")
    console = Console(host, "web").login()
    wait_for(lambda: set(console.shell(f"ls {GUESTINFO}").split()) == set(INFO), what="the guest info")
    assert console.shell(f"cat {GUESTINFO}/role/raw; echo") == "db, and =more"
    assert console.shell(f"cat {GUESTINFO}/k15/raw; echo") == "x" * 300
    dmi = console.shell("cd /sys/class/dmi/id; for f in sys_vendor product_name product_version product_serial "
                        "product_sku product_family board_asset_tag chassis_asset_tag; do echo \"$(cat $f)\"; done")
    assert dmi.splitlines() == ["Example, Inc.", "Model 1=2", "v 3", "SN,,1", "K", "F", "A,B", "A,B"]

    document = host.vm("web")
    assert document["cloud_init"]["address"] == "scsi:63"
    wait_for(lambda: console.shell("ls /dev/sr0") == "/dev/sr0", what="the drive")
    assert label_of(console, "sr0") == "CIDATA"
    files = first = files_of(console, "sr0")
    assert set(files) == {"meta-data", "network-config", "user-data"}
    assert json.loads(files["meta-data"])["local-hostname"] == "web.example.org"
    head, config = files["user-data"].split("\n", 1)
    config = json.loads(config)
    assert head == "#cloud-config" and config["user"] == {"name": "ana"} and config["packages"] == ["nginx-light", "jq"]
    assert config["ssh_authorized_keys"] == [KEY] and "password" not in config
    card = json.loads(files["network-config"])["ethernets"]["nic1"]
    assert card["match"] == {"macaddress": document["nics"]["nic1"]["mac"]} and card["addresses"] == ["192.0.2.10/24"]
    assert card["routes"] == [{"to": "0.0.0.0/0", "via": "192.0.2.1"}] and not card["dhcp4"]
    # Nothing can write there, not even the guest's root.
    assert "Read-only" in console.shell("echo x >/mnt/sr0/x")

    # What is changed now waits for the next start, and says so.
    assert pending(host, "web") == set()
    own = tmp_path / "user-data"
    own.write_text("#!/bin/sh\necho 宿 secret-of-the-script\n")
    (tmp_path / "password").write_text(PASSWORD + "\n")
    (tmp_path / "ks.cfg").write_text("rootpw --plaintext secret-of-the-answers\n")
    host("vm", "user-data", "web", own)
    host("vm", "cloud-init-password", "web", "--password-file", tmp_path / "password")
    host("vm", "answers", "web", tmp_path / "ks.cfg", "--kind", "kickstart", "--bus", "virtio-scsi")
    host("vm", "set", "web", "--guestinfo", "role=web", "--no-guestinfo", "empty", "--unset", "smbios.family",
         "--smbios-sku", "K2")
    waiting = pending(host, "web")
    assert {"cloud_init.user_data.sha256", "cloud_init.password_set", "answers.kind", "smbios.sku",
            "guestinfo.role.value"} <= waiting, waiting
    document = host.vm("web")
    assert document["cloud_init"]["user_data"] == {
        "size": len(own.read_bytes()), "sha256": hashlib.sha256(own.read_bytes()).hexdigest()}
    assert document["answers"]["kind"] == "kickstart" and document["answers"]["address"] == "scsi:62"
    console.close()
    host("vm", "reboot", "web", timeout=120)
    assert pending(host, "web") == set()
    console = Console(host, "web").login()
    wait_for(lambda: set(console.shell(f"ls {GUESTINFO}").split()) == set(INFO) - {"empty"}, what="the guest info")
    assert console.shell(f"cat {GUESTINFO}/role/raw; echo") == "web"
    assert console.shell("cat /sys/class/dmi/id/product_sku") == "K2"
    assert console.shell("cat /sys/class/dmi/id/product_family") == ""
    wait_for(lambda: len(console.shell("ls /dev | grep ^sr").split()) == 2, what="both drives")
    drives = {label_of(console, drive): drive for drive in ("sr0", "sr1")}
    files = files_of(console, drives["CIDATA"])
    assert files["user-data"] + "\n" == own.read_text()
    config = json.loads(files["vendor-data"].split("\n", 1)[1])
    assert config["user"] == {"name": "ana"} and config["ssh_pwauth"] and config["chpasswd"] == {"expire": False}
    assert subprocess.run(["openssl", "passwd", "-6", "-salt", config["password"].split("$")[2], PASSWORD],
                          capture_output=True, text=True, check=True).stdout.strip() == config["password"]
    # cloud-init takes the guest for a new one, and does its work again.
    assert instance(files) != instance(first)
    assert files_of(console, drives["OEMDRV"]) == {"ks.cfg": "rootpw --plaintext secret-of-the-answers"}
    # What is shown of it has no secrets, and neither has anything that is kept.
    shown = host("vm", "handed", "web")["files"]
    assert {(file["drive"], file["name"]) for file in shown} == {
        ("CIDATA", "meta-data"), ("CIDATA", "user-data"), ("CIDATA", "vendor-data"), ("CIDATA", "network-config"),
        ("OEMDRV", "ks.cfg")}
    assert next(file for file in shown if file["name"] == "meta-data")["content"].strip() == files["meta-data"].strip()
    secrets = [b"secret-of-the-script", b"secret-of-the-answers", PASSWORD.encode(), config["password"].encode()]
    assert not any(secret in json.dumps(shown).encode() for secret in secrets)
    for place, content in everything_kept(host):
        assert not any(secret in content for secret in secrets), place
    console.close()

    text = host.text("vm", "show", "web")
    assert "Guest info\n" in text and "kickstart" in text and "cloud-init" in text, text

    # Taken away they are gone, and their secrets with them.
    def kept():
        with sqlite3.connect(f"file:{host.state}/store.db?mode=ro", uri=True) as store:
            return {row[0] for row in store.execute("SELECT name FROM secret WHERE name LIKE 'vm-handed/%'")}
    number = document["id"]
    assert kept() == {f"vm-handed/{number}/{name}" for name in ("user-data", "password", "answers")}
    host("vm", "answers", "web", "--remove")
    assert "answers" not in host.vm("web") and kept() == {f"vm-handed/{number}/{name}"
                                                          for name in ("user-data", "password")}
    # A former document says that there was user-data; what there is, stays what it is now.
    host("vm", "user-data", "web", "--remove")
    host("history", "restore", document["status"]["rev"], f"vm/{number}", "--yes")
    restored = host.vm("web")
    assert "answers" not in restored and "user_data" not in restored["cloud_init"] and "password_set" in restored["cloud_init"]
    host("vm", "set", "web", "--unset", "cloud_init")
    assert kept() == set()
    host("vm", "cloud-init-password", "web", "--password-file", tmp_path / "password")
    host("vm", "stop", "web")
    host("vm", "delete", "web", "--yes")
    assert kept() == set()


def drives_of(host, name):
    """The different drives that a running guest's QEMU has been handed, as bytes."""
    folder = pathlib.Path(f"/proc/{host.status(name)['pid']}/fd")
    return {entry.read_bytes() for entry in folder.iterdir() if "memfd:handed-drive" in os.readlink(entry)}


def test_each_drive_is_laid_out_as_its_readers_look_for_it(host, tmp_path):
    """By label and name. Linux reads Rock Ridge, Windows Joliet: each has the name as it is, and the bytes as given."""
    make(host, "web")
    folder = tmp_path / "drive"
    folder.mkdir()
    for kind, label, name, content in (
            ("kickstart", "OEMDRV", "ks.cfg", "reboot\n"),
            ("autounattend", "UNATTEND", "autounattend.xml", "<unattend>\r\n</unattend>\r\n"),
            ("preseed", "PRESEED", "preseed.cfg", "d-i a/b string 宿\n"),
            (None, "CIDATA", "user-data", "#cloud-config\r\nautoinstall: {version: 1}\r\n")):
        given, drive = tmp_path / name, tmp_path / "drive.iso"
        given.write_bytes(content.encode())
        if kind:
            host("vm", "answers", "web", given, "--kind", kind)
        else:
            host("vm", "answers", "web", "--remove")
            host("vm", "user-data", "web", given)
        host("vm", "start", "web")
        [image] = drives_of(host, "web")
        host("vm", "stop", "web")
        drive.write_bytes(image)
        line = host("vm", "handed", "web")["boot_line"]
        assert (label in line and name in line) if kind == "preseed" else not line
        assert subprocess.run(["blkid", "-p", "-o", "value", "-s", "LABEL", drive], capture_output=True, text=True,
                              check=True).stdout == label + "\n"
        for left_out in ("joliet", "rockridge"):
            subprocess.run(["bsdtar", "-xf", drive, "-C", folder, "--options", f"iso9660:!{left_out}"], check=True)
            there = {file.name for file in folder.iterdir()}
            assert there == ({name} if kind else {"user-data", "vendor-data", "meta-data", "network-config"})
            assert (folder / name).read_bytes() == given.read_bytes()
            for file in folder.iterdir():
                file.unlink()


def test_what_makes_no_sense_is_refused_with_the_field(host, tmp_path):
    make(host, "web")

    def refused(*arguments):
        with pytest.raises(CommandError) as caught:
            host("vm", "set", "web", *arguments)
        return caught.value.stderr
    assert "network card" in refused("--cloud-init-nic", "nic7:address=192.0.2.1/24")
    assert "fixed address" in refused("--cloud-init-nic", "nic0:gateway=192.0.2.1")
    assert "cloud_init.dns" in refused("--cloud-init-user", "ana", "--cloud-init-dns", "192.0.2.53")
    assert "not in the network" in refused("--cloud-init-nic", "nic0:address=192.0.2.1/24,gateway=198.51.100.1")
    assert "192.0.2.10/24" in refused("--cloud-init-nic", "nic0:address=192.0.2.1")
    for address in "224.0.0.1/24", "127.0.0.1/8":
        assert "can have" in refused("--cloud-init-nic", "nic0:address=" + address)
    assert "network itself" in refused("--cloud-init-nic", "nic0:address=192.0.2.0/24")
    assert "broadcast" in refused("--cloud-init-nic", "nic0:address=192.0.2.255/24")
    assert "network itself" in refused("--cloud-init-nic", "nic0:address6=2001:db8::/64")
    assert "can have" in refused("--cloud-init-nic", "nic0:address6=ff02::1/64")
    assert "own address" in refused("--cloud-init-nic", "nic0:address=192.0.2.1/24,gateway=192.0.2.1")
    assert "(--cloud-init-nic)" in refused("--nic", "nic1:mode=user", "--cloud-init-nic",
                                           "nic0:address6=2001:db8::1/64",
                                           "--cloud-init-nic", "nic1:address6=2001:db8:0::1/48")
    assert "2001:db8" in refused("--cloud-init-nic", "nic0:address6=fe80:::1/64")
    assert "public key" in refused("--cloud-init-keys", "-----BEGIN OPENSSH PRIVATE KEY-----")
    assert "packages" in refused("--cloud-init-packages", "--force-yes")
    assert "user" in refused("--cloud-init-user", "Ana Maria")
    assert "ASCII" in refused("--smbios-serial", "宿")
    assert "KEY=VALUE" in refused("--guestinfo", "role")
    assert "at most 32" in refused("--guestinfo", "k" * 33 + "=x")
    assert "at most 16 entries" in refused(*(word for i in range(17) for word in ("--guestinfo", f"k{i}=x")))
    for method, path, body in (("POST", "user-data", {"content": "宿" * 30000}),
                               ("POST", "user-data", {"content": "a\u0001"}),
                               ("POST", "user-data", {}), ("POST", "answers", {"kind": "autoyast", "content": "x"}),
                               ("POST", "cloud-init-password", {"password": "two\nlines"}),
                               # What its reader would pass over, or take for something else than it says.
                               ("POST", "user-data", {"content": "packages: [jq]\n"}),
                               ("POST", "user-data", {"content": "#!/bin/sh\r\ntrue\r\n"}),
                               ("POST", "answers", {"kind": "preseed", "content": "d-i a/b string c\r\n"}),
                               ("POST", "answers", {"kind": "kickstart", "content": "reboot\r\n"})):
        reply = api(host, method, f"/vms/web/{path}", body)
        assert reply["status"] == 400 and reply["body"]["error"]["field"], (path, reply)
    for field in ({"answers": {"kind": "preseed"}}, {"cloud_init": {"user_data": {"size": 1}}},
                  {"cloud_init": {"password_set": "now"}}):
        reply = api(host, "PATCH", "/vms/web", field)
        assert reply["status"] == 400 and "set by Yado" in reply["body"]["error"]["message"], reply
    # On Windows cloudbase-init reads the drive: on a bus that Windows knows, in its own words, and not all of it.
    host("vm", "create", "win", "--os", "windows-11", "--disk", "size=1M", "--memory", "256M")
    reply = api(host, "POST", "/vms/win/cloud-init-password", {"password": "secret"})
    assert reply["status"] == 422 and reply["body"]["error"]["field"] == "password" and "set-password" in reply["body"]["error"]["hint"]
    reply = api(host, "PATCH", "/vms/win", {"cloud_init": {"packages": ["jq"]}})
    assert reply["status"] == 422 and reply["body"]["error"]["field"] == "cloud_init.packages"
    api(host, "POST", "/vms/win/user-data", {"content": "#ps1_sysnative\r\necho 1\r\n"})
    host("vm", "set", "win", "--cloud-init-user", "ana", "--cloud-init-keys", KEY)
    given = host.vm("win")["cloud_init"]
    assert given["bus"] == "sata" and given["address"].startswith("sata:")
    files = {file["name"]: file.get("content", "") for file in host("vm", "handed", "win")["files"]}
    assert set(files) == {"user-data", "meta-data", "network-config"}
    assert json.loads(files["meta-data"])["public-keys"] == [KEY] and json.loads(files["network-config"])["version"] == 1
    host("vm", "set", "win", "--cloud-init-bus", "virtio-scsi")
    assert host.vm("win")["cloud_init"]["bus"] == "virtio-scsi"
    # A file as Windows writes it stays as it is.
    (tmp_path / "autounattend.xml").write_bytes(b"<unattend>\r\n</unattend>\r\n")
    host("vm", "answers", "web", tmp_path / "autounattend.xml", "--kind", "autounattend")
    answers = host.vm("web")["answers"]
    assert answers["size"] == 25 and answers["bus"] == "sata" and answers["address"] == "sata:5"
    plan = api(host, "POST", "/vms/web/user-data?plan=1", {"content": "#cloud-config\n"})["body"]["plan"]
    assert {change["path"] for change in plan["changes"]} >= {"cloud_init.user_data.sha256"}
    assert "cloud_init" not in host.vm("web")

    # Who changes what is on cloud-init's drive is told what follows, and nobody else.
    def effects(patch):
        return " ".join(api(host, "PATCH", "/vms/web?plan=1", patch)["body"]["plan"]["effects"])
    assert "cloud-init" not in effects({"cloud_init": {}})
    host("vm", "set", "web", "--cloud-init")
    assert "SSH host keys" in effects({"hostname": "other"}) and "SSH host keys" in effects({"nics": {"nic1": {}}})
    assert "SSH host keys" in effects({"cloud_init": {"packages": ["jq"]}})
    assert "cloud-init" not in effects({"memory": 256 << 20}) + effects({"cloud_init": {"bus": "sata"}})
    # Six drives on SATA are all that there is room for.
    with pytest.raises(CommandError) as caught:
        host("vm", "set", "web", *(word for i in range(6) for word in ("--disk", f"d{i}:size=8M,bus=sata")))
    assert "all 6 SATA ports" in caught.value.stderr
