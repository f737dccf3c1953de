"""Directories of the host inside a guest: read and written, read-only where that was said, and nothing beyond them."""
import hashlib
import os
import pathlib
import signal
import stat

import pytest

from changes import change_as_planned, plan
from yado import CommandError, Console, Yado, wait_for

BOB = 4711  # owns some of the files, here and in the guest


@pytest.fixture(scope="module")
def host(tiny, tmp_path_factory):
    yado = Yado(tmp_path_factory.mktemp("host") / "state")
    yado.copy_from(tiny)
    yado.start()
    yield yado
    yado.clean()


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("not for guests\n")
    path = tmp_path_factory.mktemp("media")
    (path / "song").write_text("la la la\n")
    (path / "locked").write_text("for bob alone\n")
    os.chown(path / "locked", BOB, BOB)
    os.chmod(path / "locked", 0o600)
    (path / "out").symlink_to(outside / "secret")
    (path / "up").symlink_to("../../../../../../etc/shadow")
    return path


@pytest.fixture(scope="module")
def guest(host, media):
    """A guest with the directory as `media`, and once more to be read only."""
    host("mapping", "create", "media", "--kind", "directory", "--path", str(media))
    host("vm", "create", "player", "--image", "tiny", "--display", "none", "--share", "media:mapping=media",
         "--share", "safe:mapping=media,read_only=true,tag=archive")
    host("vm", "start", "player")
    console = Console(host, "player").login()
    console.shell("load-modules share; until grep -q virtiofs /proc/filesystems; do sleep 0.1; done; "
                  "mkdir -p /mnt/rw /mnt/ro")
    assert console.shell("mount -t virtiofs media /mnt/rw 2>&1; mount -t virtiofs archive /mnt/ro 2>&1") == ""
    yield console
    console.close()


def serving(host):
    return {row["share"]: row["serving"] for row in host.status("player")["shares"]}


def virtiofsd(host, share):
    record = dict(line.split(" ", 1) for line in
                  (host.run / "vm" / str(host.vm("player")["id"]) / f"share-{share}/pid").read_text().splitlines())
    return int(record["pid"])


def test_guest_and_host_read_what_the_other_has_written(host, guest, media):
    assert guest.shell("cat /mnt/rw/song") == "la la la"
    assert guest.shell("cat /mnt/rw/locked") == "for bob alone"
    guest.shell("mkdir /mnt/rw/new; echo from the guest > /mnt/rw/new/file; chown 4711:4712 /mnt/rw/new/file; chmod 640 /mnt/rw/new/file")
    made = media / "new/file"
    assert made.read_text() == "from the guest\n"
    assert (made.stat().st_uid, made.stat().st_gid, stat.S_IMODE(made.stat().st_mode)) == (BOB, BOB + 1, 0o640)
    (media / "new/answer").write_text("from the host\n")
    assert guest.shell("cat /mnt/rw/new/answer") == "from the host"
    guest.shell("dd if=/dev/urandom of=/mnt/rw/big bs=1M count=4 2>/dev/null; sync")
    assert guest.shell("sha256sum /mnt/rw/big").split()[0] == hashlib.sha256((media / "big").read_bytes()).hexdigest()
    assert serving(host) == {"media": True, "safe": True}


def test_a_share_to_be_read_only_is_so_at_the_host(guest, media):
    """The guest mounts it for writing: it is the server's view that has it read-only."""
    assert guest.shell("cat /mnt/ro/song") == "la la la"
    said = guest.shell("mount -o remount,rw /mnt/ro; echo x > /mnt/ro/new2; rm /mnt/ro/song; touch /mnt/ro/song; chmod 777 /mnt/ro/song; mkdir /mnt/ro/d 2>&1")
    assert said.count("Read-only file system") >= 4, said
    assert (media / "song").read_text() == "la la la\n" and not (media / "new2").exists()


def test_nothing_outside_of_the_directory_can_be_reached(host, guest, media):
    """Links lead where they lead in the guest; the server itself sees no more than the directory."""
    assert "No such file" in guest.shell("cat /mnt/rw/out 2>&1")
    assert "not for guests" not in guest.shell("cat /mnt/rw/../../mnt/rw/out /mnt/rw/up 2>&1")
    root = f"/proc/{virtiofsd(host, 'media')}/root"
    assert sorted(os.listdir(root)) == sorted(os.listdir(media))
    # What the guest's root makes gives nobody on the host more rights: no file runs as its owner, no device.
    said = guest.shell("cp /bin/busybox /mnt/rw/sh; chmod 4755 /mnt/rw/sh 2>&1; mknod /mnt/rw/disk b 8 0 2>&1; ls -l /mnt/rw/sh")
    assert said.count("Operation not permitted") == 2 and "rws" not in said, said
    assert stat.S_IMODE((media / "sh").stat().st_mode) & (stat.S_ISUID | stat.S_ISGID) == 0
    assert not (media / "disk").exists()


def test_a_share_is_plugged_in_and_taken_off_under_the_running_guest(host, guest, media):
    for _ in range(2):  # what was there once leaves nothing in the way
        said = change_as_planned(host, "player", {"shares": {"late": {"mapping": "media"}}})
        assert {entry["when"] for entry in said["changes"]} == {"now"}
        mount = "mkdir -p /mnt/late; mount -t virtiofs late /mnt/late 2>/dev/null && cat /mnt/late/song"
        wait_for(lambda: guest.shell(mount) == "la la la", what="the share in the guest")
        pid = virtiofsd(host, "late")
        guest.shell("umount /mnt/late")
        said = change_as_planned(host, "player", {"shares": {"late": None}})
        assert {entry["when"] for entry in said["changes"]} == {"now"}
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), what="the end of its server")
        assert guest.shell("mount -t virtiofs late /mnt/late 2>/dev/null; echo $?") != "0"
    assert serving(host) == {"media": True, "safe": True} and not host.status("player").get("broken")
    # What the guest has mounted stays as it is until its next start.
    assert [entry["when"] for entry in plan(host, "player",
                                            {"shares": {"safe": {"read_only": False}}})["changes"]] == ["restart"]
    # One that began without a share has its memory to itself.
    host("vm", "create", "plain", "--image", "tiny", "--display", "none")
    host("vm", "start", "plain")
    said = change_as_planned(host, "plain", {"shares": {"late": {"mapping": "media"}}})
    assert {entry["when"]
            for entry in said["changes"]} == {"restart"} and "its first share comes with its next start" in " ".join(said["effects"])
    host("vm", "stop", "plain")


def test_the_server_has_no_rights_of_the_hosts(host, guest):
    """It is root of a namespace of its own, where its few privileges are for files."""
    pid = virtiofsd(host, "media")
    assert os.readlink(f"/proc/{pid}/ns/user") != os.readlink("/proc/self/ns/user")
    assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
                  if ":\t" in line)
    chown, dac_override, fowner, setgid, setuid = 0, 1, 3, 6, 7
    assert int(status["CapEff"], 16) & ~sum(1 << bit for bit in (chown, dac_override, fowner, setgid,
                                                                 setuid)) == 0, status["CapEff"]
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"


def test_a_share_outlives_the_daemon_and_its_end_is_shown(host, guest, media):
    before = virtiofsd(host, "media")
    host.kill()
    (media / "meanwhile").write_text("no daemon ran\n")
    host.start()
    host.wait_state("player", "running")
    console = Console(host, "player", take_over=True)
    try:
        assert console.shell("cat /mnt/rw/meanwhile; echo still > /mnt/rw/still") == "no daemon ran"
        assert (media / "still").read_text() == "still\n" and virtiofsd(host, "media") == before
        assert serving(host) == {"media": True, "safe": True}
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: serving(host) == {"media": False, "safe": True}, 20, "the end of virtiofsd being shown")
        problem = next(row["problem"] for row in host.status("player")["shares"] if row["share"] == "media")
        assert "virtiofsd has ended" in problem
        assert host.state_of("player") == "running" and console.shell("cat /mnt/ro/song") == "la la la"
    finally:
        console.close()
    host("vm", "stop", "player")
    host("vm", "start", "player")
    assert serving(host) == {"media": True, "safe": True}
    host("vm", "stop", "player")


def test_a_directory_that_is_gone_is_named(host, tmp_path):
    path = tmp_path / "gone"
    path.mkdir()
    host("mapping", "create", "gone", "--kind", "directory", "--path", str(path))
    host("vm", "create", "late", "--image", "tiny", "--display", "none", "--share", "gone:mapping=gone")
    path.rmdir()
    with pytest.raises(CommandError) as failed:
        host("vm", "start", "late")
    assert str(path) in str(failed.value)
    path.symlink_to("/etc")
    with pytest.raises(CommandError) as failed:
        host("vm", "start", "late")
    assert "symbolic link" in str(failed.value)
    said = plan(host, "late", {"shares": {"two": {"mapping": "gone"}}})
    assert "symbolic link" in said["refused"][0]["message"] and said["refused"][0]["field"] == "shares.two.mapping"
    said = plan(host, "late", {"shares": {"gone": None}})
    assert not said["refused"]
