"""Uploads and downloads: files come and go in parts through sockets whose other end is a pump, never through yadod."""
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import pytest

from yado import ROOT, Console, Yado, api, encode, trusting, wait_for, wait_task

MIB = 1 << 20


class Stream:
    """A request whose answer comes by an event, with a socket for the bytes."""

    def __init__(self, host, method, path, headers=None, head=None, connect=None):
        self.client = (connect or host.connect)()
        whole = {"method": method, "path": "/api/v1" + path, "headers": headers or {}, **(head or {})}
        text = json.dumps(whole).encode()
        with contextlib.suppress(BrokenPipeError):  # a connection too many is answered before it has asked
            self.client.sendall(encode(1, 1, len(text).to_bytes(4, "little") + text))
        self.data, self.fds = b"", []
        kind, self.head = self.frame()
        assert kind == 2
        self.socket = None
        if self.fds:
            self.socket = socket.socket(fileno=self.fds.pop())
            self.socket.settimeout(30)

    def frame(self):
        while len(self.data) < 12 or len(self.data) < 12 + int.from_bytes(self.data[:4], "little"):
            chunk, more, _, _ = socket.recv_fds(self.client, 65536, 16)
            if not chunk:
                raise EOFError("yadod closed the connection")
            self.data += chunk
            self.fds += more
        length = int.from_bytes(self.data[:4], "little")
        kind, payload, self.data = self.data[8], self.data[12:12 + length], self.data[12 + length:]
        if kind == 3:
            return kind, None
        head_length = int.from_bytes(payload[:4], "little")
        head = json.loads(payload[4:4 + head_length])
        if payload[4 + head_length:]:
            head["body"] = json.loads(payload[4 + head_length:])
        return kind, head

    def answer(self):
        """The event that is the answer; the stream ends after it."""
        kind, event = self.frame()
        assert kind == 6, kind
        assert self.frame() == (3, None)
        return event["response"]

    def close(self):
        self.client.close()
        if self.socket:
            self.socket.close()


def begin(host, size, **fields):
    reply = api(host, "POST", "/uploads", {"size": size, **fields})
    assert reply["status"] == 201, reply
    assert reply["body"]["offset"] == 0 and reply["headers"]["upload-offset"] == "0"
    return reply["body"]["id"]


def patch(host, upload, offset, length, **keywords):
    return Stream(host, "PATCH", f"/uploads/{upload}", {"upload-offset": str(offset)}, {"content_length": length},
                  **keywords)


def send(host, upload, offset, data, length=None):
    part = patch(host, upload, offset, len(data) if length is None else length)
    assert part.head["status"] == 100 and part.head["stream"], part.head
    try:
        part.socket.sendall(data)
        part.socket.shutdown(socket.SHUT_WR)
    except BrokenPipeError:
        pass
    answer = part.answer()
    part.close()
    return answer


def offset_of(host, upload):
    return api(host, "GET", f"/uploads/{upload}")["body"]["offset"]


def cages(host):
    return [path.name for path in host.run.iterdir() if path.name.startswith("worker-")]


def noise(length, seed=1):
    """Bytes that compress to nothing and repeat nowhere near."""
    block = hashlib.shake_256(str(seed).encode()).digest(min(length, MIB))
    return (block * (length // len(block) + 1))[:length]


def test_an_upload_in_parts_becomes_an_image(host, tmp_path):
    raw = noise(5 * MIB + 512)
    digest = hashlib.sha256(raw).hexdigest()
    upload = begin(host, len(raw), digest=digest)
    first = send(host, upload, 0, raw[:2 * MIB + 77])
    assert first["status"] == 200 and first["headers"]["upload-offset"] == str(2 * MIB + 77)
    assert first["body"]["id"] == upload and first["body"]["offset"] == 2 * MIB + 77
    early = api(host, "POST", "/images", {"name": "early", "format": "raw", "upload": upload})
    assert early["status"] == 409 and early["body"]["error"]["field"] == "upload"
    assert send(host, upload, 2 * MIB + 77, raw[2 * MIB + 77:])["body"]["offset"] == len(raw)
    file = host.state / "uploads" / upload
    assert file.read_bytes() == raw and file.stat().st_mode & 0o777 == 0o600 and file.stat().st_uid == 0
    plan = api(host, "POST", "/images?plan=1", {"name": "whole", "format": "raw", "upload": upload})["body"]["plan"]
    assert plan["refused"] == []
    task = api(host, "POST", "/images", {"name": "whole", "format": "raw", "upload": upload})["body"]["task"]
    assert wait_task(host, task)["state"] == "done"
    image = api(host, "GET", "/images/whole")["body"]
    assert image["digest"] == digest and image["kind"] == "disk" and "upload" not in image
    assert api(host, "GET", f"/uploads/{upload}")["status"] == 404
    assert list((host.state / "uploads").iterdir()) == []
    disk = host.state / "images" / "whole" / image["build"] / "disk"
    back = tmp_path / "back"
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", disk, back], check=True)
    assert back.read_bytes() == raw
    assert cages(host) == []


def test_what_does_not_fit_is_refused_and_says_where_to_go_on(host):
    data = noise(MIB)
    upload = begin(host, MIB)
    assert send(host, upload, 0, data[:1000])["status"] == 200
    for offset in (0, 999, 1001, MIB):
        wrong = patch(host, upload, offset, 10)
        assert wrong.head["status"] == 409 and wrong.socket is None
        assert wrong.head["headers"]["upload-offset"] == "1000"
        assert wrong.head["body"]["error"]["field"] == "upload-offset"
        wrong.close()
    over = patch(host, upload, 1000, MIB)
    assert over.head["status"] == 413 and over.head["headers"]["upload-offset"] == "1000"
    over.close()
    for headers, head in (({}, {"content_length": 5}), ({"upload-offset": "x"}, {"content_length": 5}),
                          ({"upload-offset": "-1"}, {"content_length": 5}), ({"upload-offset": "1000"}, {}),
                          ({"upload-offset": "1000"}, {"content_length": -1}),
                          ({"upload-offset": "1000"}, {"content_length": "5"}),
                          ({"upload-offset": "1000"}, {"content_length": 1 << 60})):
        bad = Stream(host, "PATCH", f"/uploads/{upload}", headers, head)
        assert bad.head["status"] == 400, (headers, head, bad.head)
        bad.close()
    few = send(host, upload, 1000, data[1000:1500], length=600)
    assert few["status"] == 400 and few["headers"]["upload-offset"] == "1500"
    assert "500 of 600" in few["body"]["error"]["message"]
    many = send(host, upload, 1500, data[1500:2500] + b"more", length=1000)
    assert many["status"] == 413 and many["headers"]["upload-offset"] == "2500"
    assert send(host, upload, 2500, data[2500:])["body"]["offset"] == MIB
    assert (host.state / "uploads" / upload).read_bytes() == data
    assert send(host, upload, MIB, b"")["status"] == 200
    for size in (0, -1, 1 << 60, "x", None):
        assert api(host, "POST", "/uploads", {"size": size})["body"]["error"]["field"] == "size"
    for digest in ("", "a" * 63, "G" * 64, "A" * 64):
        assert api(host, "POST", "/uploads", {"size": 1, "digest": digest})["body"]["error"]["field"] == "digest"
    for name in ("none", "..", "%2e%2e", upload + ".json"):
        assert api(host, "GET", f"/uploads/{name}")["status"] == 404
        gone = Stream(host, "PATCH", f"/uploads/{name}", {"upload-offset": "0"}, {"content_length": 1})
        assert gone.head["status"] == 404
        gone.close()
    assert cages(host) == []


def test_one_writes_at_a_time_and_a_deletion_cuts_it(host):
    upload = begin(host, 10 * MIB)
    first = patch(host, upload, 0, MIB)
    first.socket.sendall(b"x" * 5000)
    second = patch(host, upload, 0, MIB)
    assert second.head["status"] == 409 and "another part" in second.head["body"]["error"]["message"]
    second.close()
    wait_for(lambda: offset_of(host, upload) == 5000, what="progress that others can see")
    assert api(host, "DELETE", f"/uploads/{upload}")["status"] == 200
    answer = first.answer()
    assert answer["status"] == 503 and answer["headers"]["upload-offset"] == "5000"
    assert first.socket.recv(1) == b""
    first.close()
    assert list((host.state / "uploads").iterdir()) == [] and cages(host) == []


def test_there_are_only_so_many_uploads(host):
    made = [begin(host, 1000) for _ in range(16)]
    more = api(host, "POST", "/uploads", {"size": 1000})
    assert more["status"] == 429 and "16 uploads" in more["body"]["error"]["message"]
    assert [item["id"] for item in api(host, "GET", "/uploads")["body"]["items"]] and \
        {item["id"] for item in api(host, "GET", "/uploads")["body"]["items"]} == set(made)
    assert api(host, "DELETE", f"/uploads/{made[3]}?plan=1")["body"]["plan"]["refused"] == []
    assert api(host, "DELETE", f"/uploads/{made[3]}")["status"] == 200
    begin(host, 1000)
    assert api(host, "POST", "/uploads?plan=1", {"size": 1000})["body"]["plan"]["effects"]
    huge = api(host, "POST", "/uploads", {"size": 1 << 46})
    assert huge["status"] in (429, 507)
    assert api(host, "DELETE", f"/uploads/{made[0]}")["status"] == 200
    huge = api(host, "POST", "/uploads", {"size": 1 << 46})
    assert huge["status"] == 507 and "only" in huge["body"]["error"]["message"]


def test_a_client_that_dies_goes_on_where_it_was(host):
    data = noise(3 * MIB)
    upload = begin(host, len(data), digest=hashlib.sha256(data).hexdigest())
    part = patch(host, upload, 0, len(data))
    part.socket.sendall(data[:MIB + 5])
    part.close()  # as a killed client's descriptors are closed
    wait_for(lambda: patch_is_free(host, upload, MIB + 5), what="the end of the dead client's part")
    assert send(host, upload, MIB + 5, data[MIB + 5:])["body"]["offset"] == len(data)
    assert (host.state / "uploads" / upload).read_bytes() == data


def patch_is_free(host, upload, offset):
    probe = patch(host, upload, offset, 0)
    if probe.head["status"] != 100:
        assert probe.head["status"] == 409
        probe.close()
        return False
    probe.socket.shutdown(socket.SHUT_WR)
    assert probe.answer()["status"] == 200
    probe.close()
    return True


def test_uploads_survive_the_daemon_whatever_ends_it(host):
    data = noise(3 * MIB)
    upload = begin(host, len(data), digest=hashlib.sha256(data).hexdigest())
    file = host.state / "uploads" / upload
    part = patch(host, upload, 0, len(data))
    part.socket.sendall(data[:MIB])
    wait_for(lambda: file.stat().st_size == MIB, what="what was sent in the file")
    host.kill()
    assert part.socket.recv(1) == b""  # the pump has ended with it
    part.close()
    host.start()
    assert offset_of(host, upload) == MIB and cages(host) == []
    part = patch(host, upload, MIB, len(data) - MIB)
    part.socket.sendall(data[MIB:2 * MIB])
    wait_for(lambda: file.stat().st_size == 2 * MIB, what="what was sent in the file")
    assert host.stop() == 0
    part.close()
    host.start()
    assert offset_of(host, upload) == 2 * MIB
    assert send(host, upload, 2 * MIB, data[2 * MIB:])["status"] == 200
    assert file.read_bytes() == data
    # A power cut: of what the page cache had, only that counts which was synced.
    host.stop()
    record = json.loads((file.parent / (upload + ".json")).read_text())
    assert record["synced"] == len(data)
    record["boot"], record["synced"] = "another", MIB + 7
    (file.parent / (upload + ".json")).write_text(json.dumps(record))
    (file.parent / "stray").write_bytes(b"without a record")
    (file.parent / "broken.json").write_text("{")
    (file.parent / "broken").write_bytes(b"with a bad one")
    host.start()
    assert offset_of(host, upload) == MIB + 7
    assert sorted(path.name for path in file.parent.iterdir()) == [upload, upload + ".json"]
    assert send(host, upload, MIB + 7, data[MIB + 7:])["status"] == 200
    assert file.read_bytes() == data
    # A day without anything.
    host.stop()
    record["active"] = int((time.time() - 24 * 3600 - 1) * 1e6)
    (file.parent / (upload + ".json")).write_text(json.dumps(record))
    host.start()
    wait_for(lambda: not list(file.parent.iterdir()), what="the end of an idle upload")
    assert api(host, "GET", f"/uploads/{upload}")["status"] == 404


def test_a_wrong_digest_is_seen_and_the_upload_stays_to_be_looked_at(host):
    data = noise(MIB)
    upload = begin(host, MIB, digest="0" * 64)
    send(host, upload, 0, data)
    for kind in ("raw", "iso"):
        task = api(host, "POST", "/images", {"name": "wrong", "format": kind, "upload": upload})["body"]["task"]
        record = wait_task(host, task)
        assert record["state"] == "failed" and record["error"]["code"] == "invalid"
        message = record["error"]["message"]
        assert "0" * 64 in message and hashlib.sha256(data).hexdigest() in message
    assert api(host, "GET", "/images/wrong")["status"] == 404
    assert sorted(os.listdir(host.state / "images")) == ["tiny"]
    assert offset_of(host, upload) == MIB
    assert api(host, "DELETE", f"/uploads/{upload}")["status"] == 200


@pytest.fixture
def small_disk(tiny, tmp_path):
    """A daemon whose uploads are on a disk of their own, of 400 MiB."""
    yado = Yado(tmp_path / "state")
    yado.copy_from(tiny)
    uploads = yado.state / "uploads"
    uploads.mkdir(mode=0o700, exist_ok=True)
    disk = tmp_path / "disk"
    with open(disk, "wb") as file:
        file.truncate(400 * MIB)
    subprocess.run(["mke2fs", "-q", "-F", "-m", "0", disk], check=True)
    subprocess.run(["mount", "-o", "loop", disk, uploads], check=True)
    (uploads / "lost+found").rmdir()
    try:
        yield yado.start()
    finally:
        yado.clean()
        subprocess.run(["umount", uploads], check=True)


def test_a_full_disk_is_told_and_the_upload_goes_on_once_there_is_room(small_disk):
    host = small_disk
    data = noise(40 * MIB)
    refused = api(host, "POST", "/uploads", {"size": 200 * MIB})
    assert refused["status"] == 507 and refused["body"]["error"]["code"] == "no-space"
    upload = begin(host, len(data), digest=hashlib.sha256(data).hexdigest())
    promised = api(host, "POST", "/uploads", {"size": 110 * MIB})  # there is room for one of the two
    assert promised["status"] == 507, promised
    filler = host.state / "uploads" / "filler"
    space = os.statvfs(filler.parent)
    with open(filler, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize - 10 * MIB)
    answer = send(host, upload, 0, data)
    assert answer["status"] == 507 and answer["body"]["error"]["code"] == "no-space", answer
    came = int(answer["headers"]["upload-offset"])
    assert MIB < came < 12 * MIB and offset_of(host, upload) == came
    filler.unlink()
    assert send(host, upload, came, data[came:])["status"] == 200
    assert (host.state / "uploads" / upload).read_bytes() == data
    # The library is on another disk: there a copy has to be made.
    task = api(host, "POST", "/images", {"name": "disc", "format": "iso", "upload": upload})["body"]["task"]
    assert wait_task(host, task)["state"] == "done"
    image = api(host, "GET", "/images/disc")["body"]
    assert (host.state / "images" / "disc" / image["build"] / "disk").read_bytes() == data
    assert list((host.state / "uploads").iterdir()) == []


def resident(pid):
    """KiB of memory of a process."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise RuntimeError(f"no VmRSS of {pid}")


def allowance(pid):
    """KiB that a process may grow by; AddressSanitizer keeps up to 256 MiB of what was freed."""
    sanitized = "libasan" in pathlib.Path(f"/proc/{pid}/maps").read_text()
    return 16384 + (350 << 10 if sanitized else 0)


def check_growth(host, before, after):
    for pid, old, new in zip((host.process.pid, host.front_pid), before, after):
        assert new - old < allowance(pid), (before, after)


def pump_of(host):
    (cage,) = cages(host)
    words = (host.run / cage / "pid").read_text().split()
    return int(words[words.index("pid") + 1])


def test_who_sends_is_held_up_while_the_pump_is(host):
    upload = begin(host, 512 * MIB)
    part = patch(host, upload, 0, 512 * MIB)
    part.socket.sendall(b"x" * 1000)
    wait_for(lambda: offset_of(host, upload) == 1000, what="the begin")
    pump = pump_of(host)
    before = resident(host.process.pid)
    os.kill(pump, signal.SIGSTOP)
    part.socket.setblocking(False)
    sent = 0
    try:
        while sent < 64 * MIB:
            sent += part.socket.send(b"y" * 65536)
    except BlockingIOError:
        pass
    assert sent < 2 * MIB  # a socket's worth
    assert resident(host.process.pid) - before < 2048
    os.kill(pump, signal.SIGCONT)
    part.socket.settimeout(30)
    rest = 96 * MIB
    begun = time.monotonic()
    for _ in range(rest // MIB):
        part.socket.sendall(b"z" * MIB)
    part.close()
    wait_for(lambda: not cages(host), what="the end of the part")
    took = time.monotonic() - begun
    assert offset_of(host, upload) == 1000 + sent + rest
    grown = resident(host.process.pid) - before
    print(f"{rest // MIB} MiB in {took:.2f} s, yadod grew by {grown} KiB")
    assert grown < 4096


def test_an_uploaded_iso_is_a_cd_of_a_guest_and_not_copied(host):
    data = noise(4 * MIB)
    upload = begin(host, len(data), digest=hashlib.sha256(data).hexdigest())
    send(host, upload, 0, data)
    file = host.state / "uploads" / upload
    number = file.stat().st_ino
    task = api(host, "POST", "/images", {"name": "disc", "format": "iso", "upload": upload})["body"]["task"]
    assert wait_task(host, task)["state"] == "done"
    image = api(host, "GET", "/images/disc")["body"]
    disk = host.state / "images" / "disc" / image["build"] / "disk"
    assert (image["kind"], image["size"]) == ("iso", len(data))
    assert disk.stat().st_ino == number and disk.stat().st_nlink == 1 and disk.read_bytes() == data
    host("vm", "create", "subject", "--image", "tiny", "--display", "none", "--cdrom", "cd0:image=disc,bus=virtio-scsi")
    host("vm", "start", "subject")
    console = Console(host, "subject").login()
    wait_for(lambda: console.shell("ls /dev/sr0") == "/dev/sr0", what="the drive in the guest")
    assert hashlib.md5(data).hexdigest() in console.shell("dd if=/dev/sr0 bs=1M 2>/dev/null | md5sum", 60)
    console.close()


def test_imports_of_hostile_uploads_fail_and_leave_the_upload(host):
    upload = begin(host, 65536)
    send(host, upload, 0, b"QFI\xfb" + noise(65532))
    task = api(host, "POST", "/images", {"name": "bad", "format": "qcow2", "upload": upload})["body"]["task"]
    assert wait_task(host, task)["error"]["code"] == "invalid"
    assert offset_of(host, upload) == 65536
    # Named rightly, it is what it is.
    task = api(host, "POST", "/images", {"name": "good", "format": "raw", "upload": upload})["body"]["task"]
    assert wait_task(host, task)["state"] == "done"
    gone = api(host, "POST", "/images", {"name": "again", "format": "raw", "upload": upload})
    assert gone["status"] == 404
    both = begin(host, 4)
    send(host, both, 0, b"four")
    with open("/etc/hostname", "rb") as file:
        reply = api(host, "POST", "/images", {"name": "two", "format": "raw", "upload": both}, fds=[file.fileno()])
    assert reply["status"] == 400 and reply["body"]["error"]["field"] == "upload"


def test_an_upload_stays_while_an_image_is_made_of_it_and_after_it_was_interrupted(host):
    data = noise(8 * MIB)
    upload = begin(host, len(data), digest=hashlib.sha256(data).hexdigest())
    send(host, upload, 0, data)

    def import_held():
        """An import whose block worker is stopped."""
        task = api(host, "POST", "/images", {"name": "held", "format": "raw", "upload": upload})["body"]["task"]
        os.kill(wait_for(lambda: worker_of(host), what="the block worker"), signal.SIGSTOP)
        return task

    task = import_held()
    for refused in (api(host, "DELETE", f"/uploads/{upload}"),
                    patch(host, upload, len(data), 0).head):
        assert refused["status"] == 409 and "image is being made" in refused["body"]["error"]["message"], refused
    other = api(host, "POST", "/images", {"name": "other", "format": "raw", "upload": upload})["body"]["task"]
    assert wait_task(host, other)["error"]["code"] == "conflict"
    assert api(host, "POST", f"/tasks/{task}/cancel")["status"] == 200
    os.kill(worker_of(host), signal.SIGCONT)
    assert wait_task(host, task)["state"] == "cancelled"
    assert offset_of(host, upload) == len(data)
    task = import_held()
    host.kill()
    host.start()
    assert wait_task(host, task)["state"] == "failed"
    assert offset_of(host, upload) == len(data) and sorted(os.listdir(host.state / "images")) == ["tiny"]
    task = api(host, "POST", "/images", {"name": "held", "format": "raw", "upload": upload})["body"]["task"]
    assert wait_task(host, task)["state"] == "done"
    assert api(host, "GET", f"/uploads/{upload}")["status"] == 404


def worker_of(host):
    for cage in cages(host):
        try:
            words = (host.run / cage / "pid").read_text().split()
        except FileNotFoundError:
            continue
        return int(words[words.index("pid") + 1])
    return None


# --- Downloads ---

def download(host, path, headers=None):
    stream = Stream(host, "GET", path, headers)
    data = b""
    while stream.socket and (chunk := stream.socket.recv(1 << 20)):
        data += chunk
    stream.close()
    return stream.head, data


@pytest.fixture
def disc(host):
    """An image of some bytes."""
    data = noise(9 * MIB + 11)
    upload = begin(host, len(data))
    send(host, upload, 0, data)
    task = api(host, "POST", "/images", {"name": "disc", "format": "iso", "upload": upload})["body"]["task"]
    assert wait_task(host, task)["state"] == "done"
    return data


def test_what_is_downloaded_is_the_file_whole_or_in_parts(host, disc):
    size = len(disc)
    head, data = download(host, "/images/disc/disk")
    assert data == disc and head["status"] == 200 and head["content_length"] == size
    build = api(host, "GET", "/images/disc")["body"]["build"]
    assert head["etag"] == build
    assert head["headers"] == {"content-type": "application/octet-stream", "accept-ranges": "bytes",
                               "content-disposition": 'attachment; filename="disc.iso"'}
    for text, first, last in (("0-0", 0, 0), ("5-", 5, size - 1), ("1000-2000", 1000, 2000), ("-7", size - 7, size - 1),
                              (f"{size - 1}-", size - 1, size - 1), (f"0-{size * 2}", 0, size - 1),
                              (f"-{size * 2}", 0, size - 1)):
        head, data = download(host, "/images/disc/disk", {"range": "bytes=" + text, "if-match": build})
        assert head["status"] == 206 and head["content_length"] == last - first + 1, text
        assert head["headers"]["content-range"] == f"bytes {first}-{last}/{size}"
        assert data == disc[first:last + 1], text
    for text in ("bytes=5-4", "bytes=1-2,4-5", "bytes=", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=1-2-3"):
        head, data = download(host, "/images/disc/disk", {"range": text})
        assert head["status"] == 200 and data == disc, text
    for text in (f"bytes={size}-", "bytes=-0", f"bytes={1 << 60}-"):
        head, data = download(host, "/images/disc/disk", {"range": text})
        assert head["status"] == 416 and head["headers"]["content-range"] == f"bytes */{size}", text
    assert api(host, "GET", "/images/disc/disk", headers={"if-match": "0" * 16})["status"] == 412
    for path in ("/images/none/disk", "/images/disc/kernel", "/images/tiny/none", "/images/disc/manifest.json"):
        assert api(host, "GET", path)["status"] == 404, path
    head, data = download(host, "/images/tiny/initrd")
    assert hashlib.sha256(data).digest() == hashlib.sha256(
        next((host.state / "images" / "tiny").rglob("initrd")).read_bytes()).digest()
    assert head["headers"]["content-disposition"] == 'attachment; filename="tiny-initrd"'
    wait_for(lambda: not cages(host), what="the end of all pumps")


def test_a_reader_that_stops_or_leaves_costs_no_memory_and_ends_its_pump(host, disc):
    before = resident(host.process.pid)
    idle = [Stream(host, "GET", "/images/disc/disk") for _ in range(20)]
    assert len(cages(host)) == 20
    for stream in idle:
        assert stream.socket.recv(1000) == disc[:1000]
    grown = resident(host.process.pid) - before
    print(f"20 downloads of {len(disc) >> 20} MiB that wait: yadod grew by {grown} KiB")
    assert grown < 20 << 10  # of which the sanitizers' threads take most
    idle[0].close()
    wait_for(lambda: len(cages(host)) == 19, what="the end of the pump whose reader has left")
    for stream in idle:
        stream.close()
    wait_for(lambda: not cages(host), what="the end of all pumps")
    many = []
    for _ in range(70):
        many.append(Stream(host, "GET", "/images/disc/disk"))
        if many[-1].head["status"] != 200:
            break
    assert many[-1].head["status"] in (429,) and 60 <= len(many) <= 65, (len(many), many[-1].head)
    for stream in many:
        stream.close()
    wait_for(lambda: not cages(host), what="the end of all pumps")
    assert download(host, "/images/disc/disk")[1] == disc


# --- Over HTTPS ---

class Upload:
    """One PATCH over HTTPS, sent by hand, so that it can be interrupted."""

    def __init__(self, host, token, upload, offset, length):
        raw = socket.create_connection(("127.0.0.1", host.port), timeout=60)
        self.socket = trusting().wrap_socket(raw)
        self.socket.sendall((f"PATCH /api/v1/uploads/{upload} HTTP/1.1\r\nHost: localhost\r\n"
                             f"Authorization: Bearer {token}\r\nContent-Type: application/octet-stream\r\n"
                             f"Upload-Offset: {offset}\r\nContent-Length: {length}\r\n\r\n").encode())

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        reply = http.client.HTTPResponse(self.socket, method="PATCH")
        reply.begin()
        body = reply.read()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, json.loads(body)

    def close(self):
        self.socket.close()


def upload_file(host, token, upload, path, offset=0):
    size = path.stat().st_size
    part = Upload(host, token, upload, offset, size - offset)
    with open(path, "rb") as file:
        file.seek(offset)
        while chunk := file.read(MIB):
            part.send(chunk)
    answer = part.answer()
    part.close()
    return answer


@pytest.fixture
def front(tiny, tmp_path_factory):
    """A daemon with its front, a user who may upload, and his token."""
    yado = Yado(tmp_path_factory.mktemp("front") / "state")
    yado.copy_from(tiny)
    yado.with_front().start()
    try:
        yado.make_user("ann", {"/images": "operator"})
        yado.token = yado.make_token("ann")
        yield yado
    finally:
        yado.clean()


def begin_https(host, size, token=None, **fields):
    status, _, body = host.https("POST", "/api/v1/uploads", {"size": size, **fields}, token=token or host.token)
    assert status == 201, (status, body)
    return body["id"]


def offset_https(host, upload, token=None):
    status, headers, body = host.https("GET", f"/api/v1/uploads/{upload}", token=token or host.token)
    assert status == 200 and headers["upload-offset"] == str(body["offset"])
    return body["offset"]


def make_file(path, size):
    """A file as disks are: half of it noise, half of it zeros."""
    block = os.urandom(4 * MIB)
    with open(path, "wb") as file:
        for place in range(0, size, 8 * MIB):
            file.seek(place)
            file.write(bytes([place >> 23 & 255]) + block[1:])
        file.truncate(size)
    return path


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_a_large_file_comes_and_goes_over_https_at_constant_memory(front, tmp_path):
    host, size = front, int(os.environ.get("YADO_TEST_UPLOAD_MIB", "512")) * MIB
    path = make_file(tmp_path / "large", size)
    digest = sha256(path)
    begun = time.monotonic()
    shutil.copyfile(path, tmp_path / "copy")
    copied = time.monotonic() - begun
    (tmp_path / "copy").unlink()
    upload = begin_https(host, size, digest=digest)
    peak = [resident(host.process.pid), resident(host.front_pid)]
    before = list(peak)
    part = Upload(host, host.token, upload, 0, size)
    begun = time.monotonic()
    with open(path, "rb") as file:
        for number in range(size // MIB):
            part.send(file.read(MIB))
            if number % 32 == 0:
                peak = [max(old, resident(pid)) for old, pid in zip(peak, (host.process.pid, host.front_pid))]
    status, headers, body = part.answer()
    took = time.monotonic() - begun
    part.close()
    assert status == 200 and body["offset"] == size and headers["upload-offset"] == str(size)
    print(f"\nup: {size / MIB / took:.0f} MiB/s (a copy: {size / MIB / copied:.0f}); yadod {before[0]} -> {peak[0]} KiB, "
          f"yado-httpd {before[1]} -> {peak[1]} KiB")
    check_growth(host, before, peak)
    status, _, body = host.https("POST", "/api/v1/images", {"name": "large", "format": "iso", "upload": upload},
                                 token=host.token)
    assert status == 202 and wait_task(host, body["task"])["state"] == "done"
    image = api(host, "GET", "/images/large")["body"]
    disk = host.state / "images" / "large" / image["build"] / "disk"
    assert image["digest"] == digest and disk.stat().st_blocks * 512 < size * 0.6

    connection = http.client.HTTPSConnection("127.0.0.1", host.port, context=trusting(), timeout=60)
    authorization = {"Authorization": f"Bearer {host.token}"}
    before = peak = [resident(host.process.pid), resident(host.front_pid)]
    begun = time.monotonic()
    connection.request("GET", "/api/v1/images/large/disk", headers=authorization)
    reply = connection.getresponse()
    assert reply.status == 200 and int(reply.headers["content-length"]) == size
    assert reply.headers["accept-ranges"] == "bytes" and reply.headers["etag"] == f'"{image["build"]}"'
    assert reply.headers["content-disposition"] == 'attachment; filename="large.iso"'
    got, count = hashlib.sha256(), 0
    while chunk := reply.read(MIB):
        got.update(chunk)
        count += 1
        if count % 32 == 0:
            peak = [max(old, resident(pid)) for old, pid in zip(peak, (host.process.pid, host.front_pid))]
    took = time.monotonic() - begun
    print(f"down: {size / MIB / took:.0f} MiB/s; yadod {before[0]} -> {peak[0]} KiB, yado-httpd {before[1]} -> {peak[1]} KiB")
    assert got.hexdigest() == digest
    check_growth(host, before, peak)
    for text, first, last in (("0-0", 0, 0), (f"{size - 5}-", size - 5, size - 1), ("7777777-9999999", 7777777, 9999999)):
        connection.request("GET", "/api/v1/images/large/disk", headers={**authorization, "Range": "bytes=" + text})
        reply = connection.getresponse()
        data = reply.read()
        assert reply.status == 206 and reply.headers["content-range"] == f"bytes {first}-{last}/{size}"
        with open(disk, "rb") as file:
            file.seek(first)
            assert data == file.read(last - first + 1)
    connection.request("GET", "/api/v1/images/large/disk", headers={**authorization, "Range": f"bytes={size}-"})
    reply = connection.getresponse()
    assert reply.status == 416 and reply.headers["content-range"] == f"bytes */{size}"
    reply.read()
    connection.close()
    wait_for(lambda: not cages(host), what="the end of all pumps")


def test_an_upload_goes_on_after_whatever_was_killed(front, tmp_path):
    host = front
    path = make_file(tmp_path / "file", 24 * MIB)
    data = path.read_bytes()
    upload = begin_https(host, len(data), digest=sha256(path))
    file = host.state / "uploads" / upload

    def interrupted(offset, end, how):
        part = Upload(host, host.token, upload, offset, len(data) - offset)
        part.send(data[offset:end])
        wait_for(lambda: file.stat().st_size >= end - 4096, what="what was sent in the file")
        how(part)
        part.close()
        wait_for(lambda: not cages(host), what="the end of the part")

    def reset(part):
        part.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    def kill_front(part):
        os.kill(host.front_pid, signal.SIGKILL)
        wait_for(host.front_answers, what="a new yado-httpd")

    def kill_daemon(part):
        host.kill()
        host.start()

    reached = 0
    for number, how in enumerate((lambda part: None, reset, kill_front, kill_daemon)):
        interrupted(reached, (number + 1) * 5 * MIB, how)
        reached = offset_https(host, upload)
        assert reached == (number + 1) * 5 * MIB, how
    wrong = Upload(host, host.token, upload, 7, 10)
    wrong.send(b"0123456789")
    status, headers, body = wrong.answer()
    wrong.close()
    assert status == 409 and headers["upload-offset"] == str(reached) and body["error"]["field"] == "upload-offset"
    assert upload_file(host, host.token, upload, path, reached)[0] == 200
    assert sha256(file) == sha256(path)
    status, _, body = host.https("POST", "/api/v1/images", {"name": "whole", "format": "raw", "upload": upload},
                                 token=host.token)
    assert status == 202 and wait_task(host, body["task"])["state"] == "done"


def test_over_https_too_the_sender_is_held_up_by_the_disk(front):
    host = front
    upload = begin_https(host, 512 * MIB)
    part = Upload(host, host.token, upload, 0, 512 * MIB)
    part.send(b"x" * 1000)
    wait_for(lambda: offset_https(host, upload) == 1000, what="the begin")
    pump = pump_of(host)
    before = [resident(host.process.pid), resident(host.front_pid)]
    os.kill(pump, signal.SIGSTOP)
    part.socket.settimeout(1)
    sent = 0
    try:
        while sent < 128 * MIB:
            part.send(b"y" * 65536)
            sent += 65536
    except TimeoutError:
        pass
    after = [resident(host.process.pid), resident(host.front_pid)]
    print(f"\nheld up after {sent >> 10} KiB; yadod and yado-httpd grew by {after[0] - before[0]} and {after[1] - before[1]} KiB")
    assert sent < 32 * MIB  # what kernels hold on the way
    check_growth(host, before, after)
    assert host.https("GET", "/api/v1/images", token=host.token)[0] == 200  # others do not notice
    part.close()
    os.kill(pump, signal.SIGCONT)
    wait_for(lambda: not cages(host), what="the end of the part")


def test_readers_over_https_that_stop_cost_no_memory_and_hold_up_nobody(front):
    host, data = front, noise(16 * MIB)
    upload = begin_https(host, len(data))
    assert send_https(host, upload, data) == 200
    body = host.https("POST", "/api/v1/images", {"name": "disc", "format": "iso", "upload": upload}, token=host.token)[2]
    assert wait_task(host, body["task"])["state"] == "done"
    before = [resident(host.process.pid), resident(host.front_pid)]
    request_text = (f"GET /api/v1/images/disc/disk HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {host.token}\r\n\r\n"
                    .encode())
    readers = []
    for _ in range(16):
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
        raw.connect(("127.0.0.1", host.port))
        readers.append(trusting().wrap_socket(raw))
        readers[-1].sendall(request_text)
        assert readers[-1].recv(100).startswith(b"HTTP/1.1 200")
    assert len(cages(host)) == 16
    after = [resident(host.process.pid), resident(host.front_pid)]
    print(f"\n16 readers of 16 MiB that stop: yadod and yado-httpd grew by {after[0] - before[0]} and {after[1] - before[1]} KiB")
    check_growth(host, before, after)
    # One more of this user's has to wait; others have theirs.
    assert host.https("GET", "/api/v1/images/disc/disk", token=host.token)[0] == 429
    assert download(host, "/images/disc/disk")[1] == data
    for reader in readers:
        reader.close()
    wait_for(lambda: not cages(host), what="the end of all pumps")
    assert host.https("GET", "/api/v1/images/disc/disk", token=host.token)[2] == data


def test_a_right_that_is_withdrawn_cuts_what_is_on_its_way(front):
    host = front
    data = noise(8 * MIB)
    upload = begin_https(host, len(data))
    assert send_https(host, upload, data) == 200
    status, _, body = host.https("POST", "/api/v1/images", {"name": "disc", "format": "iso", "upload": upload},
                                 token=host.token)
    assert wait_task(host, body["task"])["state"] == "done"
    second = begin_https(host, len(data))
    part = Upload(host, host.token, second, 0, len(data))
    part.send(data[:MIB])
    wait_for(lambda: offset_https(host, second) == MIB, what="the begin")
    reader = socket.create_connection(("127.0.0.1", host.port), timeout=60)
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
    reader = trusting().wrap_socket(reader)
    reader.sendall(f"GET /api/v1/images/disc/disk HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {host.token}\r\n\r\n"
                   .encode())
    seen = reader.recv(1000)
    assert seen.startswith(b"HTTP/1.1 200")
    wait_for(lambda: len(cages(host)) == 2, what="both pumps")
    reply = api(host, "PATCH", "/users/ann", {"grants": {"g0": None}})
    assert reply["status"] == 200, reply
    status, headers, body = part.answer()
    assert status == 403 and "withdrawn" in body["error"]["message"] and headers["upload-offset"] == str(MIB)
    part.close()
    length = len(seen)
    try:
        while chunk := reader.recv(65536):
            length += len(chunk)
    except OSError:
        pass
    assert length < len(data)  # cut short, so that nobody takes it for the whole
    reader.close()
    wait_for(lambda: not cages(host), what="the end of all pumps")
    assert host.https("GET", "/api/v1/images/disc/disk", token=host.token)[0] == 403
    again = Upload(host, host.token, second, MIB, 10)
    again.send(b"0123456789")
    assert again.answer()[0] == 403
    again.close()


def send_https(host, upload, data, token=None):
    part = Upload(host, token or host.token, upload, 0, len(data))
    part.send(data)
    status, _, _ = part.answer()
    part.close()
    return status


def test_uploads_are_their_users(front):
    host = front
    host.make_user("bob", {"/images": "operator"})
    host.make_user("eve", {"/images": "user"})
    bob, eve = host.make_token("bob"), host.make_token("eve")
    mine = begin_https(host, 1000)
    assert send_https(host, mine, b"a" * 1000) == 200
    for token in (bob, eve):
        assert host.https("GET", f"/api/v1/uploads/{mine}", token=token)[0] in (403, 404)
        assert host.https("DELETE", f"/api/v1/uploads/{mine}", token=token)[0] in (403, 404)
        assert send_https(host, mine, b"b" * 10, token) in (403, 404)
        assert host.https("GET", "/api/v1/uploads", token=token)[2]["items"] == []
        assert host.https("POST", "/api/v1/images", {"name": "theft", "format": "raw", "upload": mine},
                          token=token)[0] in (403, 404)
    assert host.https("POST", "/api/v1/uploads", {"size": 5}, token=eve)[0] == 403
    assert host.https("POST", "/api/v1/uploads", {"size": 5})[0] == 401
    assert [item["id"] for item in host.https("GET", "/api/v1/uploads", token=host.token)[2]["items"]] == [mine]
    theirs = begin_https(host, 1000, bob)
    assert api(host, "GET", f"/uploads/{theirs}")["body"]["user"] == "bob"
    assert len(api(host, "GET", "/uploads")["body"]["items"]) == 2
    assert host.https("DELETE", f"/api/v1/uploads/{mine}", token=host.token)[0] == 200


def test_the_examples_of_the_docs_work_with_curl(front, tmp_path):
    host = front
    text = (ROOT / "docs" / "uploads.md").read_text()
    upload, download = [block.split("```")[0] for block in text.split("```sh\n")[1:3]]
    raw = make_file(tmp_path / "raw", 16 * MIB)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, tmp_path / "debian.qcow2"], check=True)
    setting = f"set -eu\nTOKEN={host.token}\n"
    ours = upload.replace("localhost:8006", f"127.0.0.1:{host.port}").replace("curl ", "curl -k ")
    theirs = download.replace("curl ", "curl -sk ")
    variables = "".join(line + "\n" for line in ours.splitlines() if line.startswith(("API=", "AUTH=")))
    done = subprocess.run(["bash", "-c", setting + ours], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout, done.stderr)
    task = json.loads(done.stdout.strip().splitlines()[-1][done.stdout.strip().splitlines()[-1].rindex('{"'):])["task"]
    assert wait_task(host, task)["state"] == "done"
    first = theirs.splitlines()[0]
    (tmp_path / "got").mkdir()
    done = subprocess.run(["bash", "-c", setting + variables + first], cwd=tmp_path / "got", capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout, done.stderr)
    disk = next((host.state / "images" / "debian").rglob("disk"))
    assert (tmp_path / "got" / "debian.qcow2").read_bytes() == disk.read_bytes()
    os.truncate(tmp_path / "got" / "debian.qcow2", 12345)
    done = subprocess.run(["bash", "-c", setting + variables + theirs.splitlines()[1]], cwd=tmp_path / "got",
                          capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert (tmp_path / "got" / "debian.qcow2").read_bytes() == disk.read_bytes()


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_both_versions_of_http_carry_files(front, tmp_path, version):
    host = front
    path = make_file(tmp_path / "file", 40 * MIB + 3)
    upload = begin_https(host, path.stat().st_size)
    common = ["curl", "-skf", version, "-H", f"authorization: Bearer {host.token}"]
    base = f"https://127.0.0.1:{host.port}/api/v1"
    done = subprocess.run([*common, "-X", "PATCH", "-H", "content-type: application/octet-stream", "-H", "upload-offset: 0",
                           "--data-binary", f"@{path}", f"{base}/uploads/{upload}"], capture_output=True, text=True)
    assert done.returncode == 0 and json.loads(done.stdout)["offset"] == path.stat().st_size, done
    task = api(host, "POST", "/images", {"name": "disc", "format": "iso", "upload": upload})["body"]["task"]
    assert wait_task(host, task)["state"] == "done"
    done = subprocess.run([*common, "-o", tmp_path / "back", f"{base}/images/disc/disk"])
    assert done.returncode == 0 and sha256(tmp_path / "back") == sha256(path)
    # A part that is refused before it was sent is told why, not cut off.
    late = begin_https(host, path.stat().st_size)
    for _ in range(5):
        done = subprocess.run([*[word for word in common if word != "-skf"], "-sk", "-w", "%{http_code}", "-X", "PATCH",
                               "-H", "content-type: application/octet-stream", "-H", "upload-offset: 5", "-H", "expect:",
                               "-T", path, f"{base}/uploads/{late}"], capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout.endswith("409") and "upload-offset" in done.stdout, done
