"""Debian's own installer reads the answers that Yado hands it. Not part of every run: it takes some minutes, and needs
Debian's archive: run-tests --full, or pytest tests/e2e/test_installer.py."""
import pathlib
import shutil
import subprocess

from yado import Console

PACKAGE = "debian-installer-12-netboot-amd64"
# What the installer's initial RAM disk on Debian's CD has more than that of the network: it reads drives.
MODULES = ["ata", "sata", "scsi-core", "scsi", "cdrom-core", "isofs"]
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
ANSWERS = """d-i debian-installer/locale string en_US.UTF-8
d-i keyboard-configuration/xkb-keymap select us
d-i preseed/include_command string echo "READ $(debconf-get keyboard-configuration/xkb-keymap) AS IT WAS GIVEN" >/dev/ttyS0
"""


def run(*words, folder, **keywords):
    return subprocess.run(list(map(str, words)), cwd=folder, check=True, capture_output=True, text=True,
                          **keywords).stdout


def installer_packages(folder):
    """The installer's modules for drives: packages of a section that apt has no sources for by itself."""
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    (folder / "sources").write_text(f"deb [signed-by={KEYRING}] http://deb.debian.org/debian bookworm main/debian-installer\n")
    (folder / "apt.conf").write_text(
        f'Dir::State::lists "{folder}/lists";\nDir::Cache "{folder}/cache";\nDir::Etc::sourcelist "{folder}/sources";\n'
        'Dir::Etc::sourceparts "/dev/null";\nAPT::Sandbox::User "root";\n')
    return {"APT_CONFIG": str(folder / "apt.conf"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def make_iso(folder, line):
    """An installer on an ISO that BIOS boots: its own kernel, initial RAM disk and modules, and the line that a person would
    type at its boot menu."""
    run("apt-get", "download", PACKAGE, folder=folder)
    run("dpkg", "-x", *folder.glob("*.deb"), "net", folder=folder)
    files = folder / "net/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64"
    root = folder / "root"
    root.mkdir()
    run("bsdtar", "-xf", files / "initrd.gz", folder=root)
    [kernel] = [path.name for path in (root / "lib/modules").iterdir()]
    environment = installer_packages(folder / "apt")
    run("apt-get", "update", folder=folder, env=environment)
    run("apt-get", "download", *(f"{name}-modules-{kernel}-di" for name in MODULES), folder=folder, env=environment)
    for package in folder.glob("*.udeb"):
        run("dpkg", "-x", package, root, folder=folder)
    run("depmod", "-b", root, kernel, folder=folder)
    boot = folder / "iso/boot/grub"
    boot.mkdir(parents=True)
    shutil.copy(files / "linux", folder / "iso/linux")
    run("bsdtar", "-cf", "../iso/initrd.gz", "--format", "newc", "--gzip", "--options", "gzip:compression-level=1", ".",
        folder=root)
    (boot / "grub.cfg").write_text(
        f'linux /linux console=ttyS0 TERM=dumb DEBIAN_FRONTEND=text {line}\ninitrd /initrd.gz\nboot\n')
    run("grub-mkrescue", "-d", "/usr/lib/grub/i386-pc", "-o", folder / "installer.iso", folder / "iso", folder=folder)
    return folder / "installer.iso"


def test_debians_installer_reads_its_answers_from_the_drive(host, tmp_path):
    docs = (pathlib.Path(__file__).resolve().parents[2] / "docs/first-boot.md").read_text()
    work = tmp_path / "work"
    (work / "apt").mkdir(parents=True)
    (tmp_path / "preseed.cfg").write_text(ANSWERS)
    for bus in ("sata", "virtio-scsi"):
        name = f"by-{bus}"
        host("vm", "create", name, "--os", "debian-12", "--firmware", "bios", "--no-secure-boot", "--memory", "1G",
             "--disk", "disk0:size=1G")
        host("vm", "answers", name, tmp_path / "preseed.cfg", "--kind", "preseed", "--bus", bus)
        if bus == "sata":
            line = host("vm", "handed", name)["boot_line"]
            assert line in docs
            host("image", "import", make_iso(work, line), "--name", "installer", "--format", "iso", timeout=300)
        host("vm", "set", name, "--cdrom", "image=installer")
        host("vm", "start", name)
        console = Console(host, name)
        console.read_until("READ us AS IT WAS GIVEN", 500)
        # It goes on, and complains of nothing.
        console.read_until("Detecting network hardware", 200)
        console.close()
        host("vm", "stop", name)
