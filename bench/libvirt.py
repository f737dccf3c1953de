#!/usr/bin/env python3
"""libvirt as a peer: virtlogd and libvirtd of a directory of their own, started by hand and gone at the end.

  bench/libvirt.py [--domains N] [--rounds N]     the list of many defined guests, by `virsh list --all`

They see their usual paths in a mount namespace of their own, so they meet neither a libvirt that runs here nor what one
has left; only the socket is outside. bench/peers installs them. Their guests run as root and without a security
driver, which is less work than a host's own libvirt does; each has the hardware of Yado's guest as far as libvirt can
say it (it makes the PCI addresses itself, and its user network is QEMU's own)."""
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import xml.sax.saxutils

from host import Bench, arguments, wait_for

PROGRAMS = ("/usr/sbin/libvirtd", "/usr/sbin/virtlogd", "/usr/bin/virsh")
DRIVER = pathlib.Path(f"/usr/lib/{os.uname().machine}-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so")

OWN = """set -e
for path in /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /run/libvirt; do
	mkdir -p $path
	mount -t tmpfs -o mode=755 bench $path
done
cp "$1"/*.conf /etc/libvirt/
# The user whose name is built in has to be there, though nothing runs as it.
for file in passwd group; do
	cp /etc/$file "$1"/$file
	grep -q ^libvirt-qemu: "$1"/$file || cat "$1"/$file.more >> "$1"/$file
	mount --bind "$1"/$file /etc/$file
done
virtlogd --pid-file "$1"/virtlogd.pid &
exec libvirtd --config "$1"/libvirtd.conf --pid-file "$1"/libvirtd.pid
"""

DOMAIN = """<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type>{kernel}</os>
  <features><acpi/></features>
  <cpu mode='maximum'/>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>preserve</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    {disks}
    <controller type='scsi' model='virtio-scsi'/>
    <controller type='usb' model='qemu-xhci'/>
    <controller type='virtio-serial'/>
    <controller type='pci' model='pcie-root'/>
    {ports}
    <interface type='user'><model type='virtio'/><rom enabled='no'/></interface>
    <serial type='pty'/>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <input type='tablet' bus='usb'/>
    <video><model type='vga'/></video>
    <memballoon model='virtio'/>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    <panic model='isa'/>
  </devices>
</domain>"""
PORTS = "<controller type='pci' model='pcie-root-port'/>" * 16


def missing():
    """What is not installed, or None."""
    return next((str(path) for path in (*PROGRAMS, DRIVER) if not pathlib.Path(path).exists()), None)


class Libvirt:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="yado-bench-libvirt-", dir="/run"))
        self.process = None
        self.domains = []

    def __enter__(self):
        (self.folder / "libvirtd.conf").write_text(f'unix_sock_dir = "{self.folder}"\nauth_unix_rw = "none"\n')
        (self.folder / "qemu.conf").write_text('user = "root"\ngroup = "root"\nsecurity_driver = "none"\n')
        (self.folder / "passwd.more").write_text("libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin\n")
        (self.folder / "group.more").write_text("libvirt-qemu:x:64055:\n")
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", OWN, "sh",
                                         str(self.folder)], stdout=self.log, stderr=self.log, start_new_session=True)
        try:
            wait_for(self.answers, 60, "libvirtd's answer")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in self.domains:
            self.run("destroy", name)
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(60)
        pid = self.folder / "virtlogd.pid"
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGTERM)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"libvirtd ended with {self.process.returncode}:\n{(self.folder / 'log').read_text()}")
        return self.run("list").returncode == 0

    def run(self, *words, text=None):
        return subprocess.run(["virsh", "--quiet", "--connect",
                               f"qemu+unix:///system?socket={self.folder}/libvirt-sock", *words],
                              input=text, capture_output=True, text=True, timeout=600)

    def must(self, *words, **keywords):
        result = self.run(*words, **keywords)
        if result.returncode:
            raise RuntimeError(f"virsh {' '.join(words)}: {result.stderr}")
        return result.stdout

    def define(self, name, memory=96, kernel="", disks=()):
        """kernel: of the <os> element; disks: paths of qcow2 files."""
        path = self.folder / f"{name}.xml"
        lines = "".join(f"<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none' discard='unmap'/>"
                        f"<source file='{disk}'></source><backingStore/>"
                        f"<target dev='sd{chr(97 + index)}' bus='scsi'/></disk>" for index, disk in enumerate(disks))
        path.write_text(DOMAIN.format(name=name, memory=memory, kernel=kernel, disks=lines, ports=PORTS))
        return path

    def define_like(self, name, bare, disks):
        """A guest with what Yado's QEMU was given; its images must lie where they are."""
        argv = bare.argv
        kernel, initrd = list(bare.images.values())
        command = xml.sax.saxutils.escape(argv[argv.index("-append") + 1])
        path = self.define(name, argv[argv.index("-m") + 1],
                           f"<kernel>{kernel}</kernel><initrd>{initrd}</initrd><cmdline>{command}</cmdline>", disks)
        self.must("define", str(path))

    def start(self, name):
        """Milliseconds of `virsh start`, which returns when the guest runs."""
        begin = time.monotonic()
        self.must("start", name)
        elapsed = (time.monotonic() - begin) * 1000
        self.domains.append(name)
        return elapsed

    def end(self, name):
        self.must("destroy", name)
        self.domains.remove(name)


def main():
    options = arguments(__doc__, domains=1000, rounds=20)
    name = f"list of {options.domains:,} guests: virsh list --all"
    if missing():
        Bench.row(name, "not installed: bench/peers")
        return
    with Libvirt() as libvirt:
        paths = [libvirt.define(f"g{number}") for number in range(options.domains)]
        libvirt.must(text="".join(f"define {path}\n" for path in paths))
        times = []
        for _ in range(options.rounds):
            begin = time.monotonic()
            found = libvirt.must("list", "--all").split("\n")
            times.append((time.monotonic() - begin) * 1000)
            if len(found) < options.domains:
                raise RuntimeError(f"virsh lists {len(found)} lines of {options.domains}")
        Bench.row(name, f"{statistics.median(times):.1f} ms")


if __name__ == "__main__":
    main()
