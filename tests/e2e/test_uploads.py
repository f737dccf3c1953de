"""Uploads and downloads: files come and go in parts through sockets whose other end is a pump, never through yadod."""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from yado import BUILD, Console, encode, request, wait_for

MIB = 1 << 20


def api(host, method, path, body=None, **keywords):
    return request(host, method, "/api/v1" + path, body, **keywords)[0]


def wait_task(host, task, timeout=300):
    def ended():
        record = api(host, "GET", f"/tasks/{task}/wait?timeout=20")["body"]
        return record["state"] not in ("queued", "running") and record
    return wait_for(ended, timeout, f"the end of task {task}")


class Stream:
    """A request whose answer comes by an event, with a socket for the bytes."""

    def __init__(self, host, method, path, headers=None, head=None, connect=None):
        self.client = (connect or host.connect)()
        whole = {"method": method, "path": "/api/v1" + path, "headers": headers or {}, **(head or {})}
        text = json.dumps(whole).encode()
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
    from yado import Yado
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
