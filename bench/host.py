"""What the benches share: a yadod of their own, one kept connection to it, and the form of their results."""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from yado import BUILD, Yado, wait_for  # noqa: E402


def arguments(text, **defaults):
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in defaults.items():
        if isinstance(value, bool):
            parser.add_argument("--" + name, action="store_true")
        else:
            parser.add_argument("--" + name, type=type(value), default=value)
    return parser.parse_args()


class Connection:
    """One kept connection to api.sock; requests one after another."""

    def __init__(self, yado):
        self.client = yado.connect()
        self.client.settimeout(120)
        self.stream = 0

    def close(self):
        self.client.close()

    def ask(self, method, path, body=None, status=200):
        """One request on the kept connection."""
        raw, head = self.exchange(method, path, body)
        if head["status"] != status:
            raise RuntimeError(f"{method} {path}: {head['status']}: {raw[:500]}")
        head["body"] = json.loads(raw) if raw else None
        return head

    def exchange(self, method, path, body=None):
        self.stream += 1
        head = json.dumps({"method": method, "path": path, "deadline_ms": 120000}).encode()
        payload = len(head).to_bytes(4, "little") + head + (json.dumps(body).encode() if body is not None else b"")
        self.client.sendall(len(payload).to_bytes(4, "little") + self.stream.to_bytes(4, "little") + bytes([1, 0, 0, 0])
                            + payload)
        header = self.read(12)
        payload = self.read(int.from_bytes(header[:4], "little"))
        length = int.from_bytes(payload[:4], "little")
        return payload[4 + length:], json.loads(payload[4:4 + length])

    def read(self, length):
        data = bytearray(length)
        view = memoryview(data)
        while view:
            count = self.client.recv_into(view)
            if not count:
                raise EOFError("yadod closed the connection")
            view = view[count:]
        return bytes(data)


class Bench:
    """A daemon with the image `tiny`, gone with all its guests at the end. YADO_BUILD names the build directory,
    YADO_TEST_IMAGES a state directory that has the image already."""

    def __init__(self, image=True, front=False):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="yado-bench-", dir="/var/tmp"))
        self.yado = Yado(self.folder / "state")
        if front:
            self.yado.with_front()
        self.image = image

    def __enter__(self):
        seed = os.environ.get("YADO_TEST_IMAGES")
        if self.image and seed:
            self.yado.copy_from(seed)
        self.yado.start()
        if self.image and not seed:
            self.yado("image", "build", "tiny", timeout=600)
        self.connection = Connection(self.yado)
        return self

    def __exit__(self, *_):
        self.yado.clean()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, *words, **keywords):
        return self.connection.ask(*words, **keywords)

    def guest_pid(self, name):
        return self.yado.status(name)["pid"]

    @property
    def daemons(self):
        """Processes of yadod and, where it runs, yado-httpd."""
        return [self.yado.process.pid] + ([self.yado.front_pid] if self.yado.port else [])

    def daemon_memory(self):
        """Proportional set size of the daemons in MiB."""
        texts = [pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.daemons]
        return sum(int(text.split("Pss:")[1].split()[0]) for text in texts) / 1024

    def daemon_time(self):
        """Seconds of processor time that each of the daemons has used, in user mode and in the kernel."""
        fields = [pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.daemons]
        return [(int(field[11]) + int(field[12])) / os.sysconf("SC_CLK_TCK") for field in fields]

    def load(self, token, path, *options):
        """What bench-load says of reading a path over HTTPS."""
        result = subprocess.run([BUILD / "bench/bench-load", *map(str, options), str(self.yado.port), path], check=True,
                                stdout=subprocess.PIPE, text=True, env={**os.environ, "YADO_TOKEN": token})
        return json.loads(result.stdout)

    @staticmethod
    def row(name, value, ratio="", goal=""):
        print("\t".join((name, value, ratio, goal)), flush=True)


__all__ = ["Bench", "Connection", "arguments", "wait_for"]
