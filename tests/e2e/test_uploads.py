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
