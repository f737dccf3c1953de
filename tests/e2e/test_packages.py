"""The packages: what is in them, and that installing, upgrading, removing and purging them leaves guests alone.

./package has made them from this checkout, as a user would: in $YADO_TEST_PACKAGES, or here and now, only without
optimization, which takes half of the time."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from machine import Machine
from yado import ROOT, wait_for

NAMES = ["yado-client", "yado", "yado-httpd"]


def output(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def debs(tmp_path_factory):
    if folder := os.environ.get("YADO_TEST_PACKAGES"):
        return {name: next(pathlib.Path(folder).glob(f"{name}_*_amd64.deb")) for name in NAMES}
    folder = tmp_path_factory.mktemp("packages")
    made = subprocess.run([ROOT / "package", "--out", folder], capture_output=True, text=True, timeout=1800,
                          env={**os.environ, "DEB_BUILD_OPTIONS": "noopt"})
    assert made.returncode == 0, made.stdout + made.stderr
    line = re.search(r"sudo apt install (/\S+)/\{yado,yado-httpd,yado-client\}_(\S+)_amd64\.deb", made.stdout)
    assert line and line[1] == str(folder), made.stdout
    return {name: folder / f"{name}_{line[2]}_amd64.deb" for name in NAMES}


@pytest.fixture(scope="module")
def former(debs, tmp_path_factory):
    """The same programs as packages of a lower version: what an upgrade comes from."""
    folder = tmp_path_factory.mktemp("former")
    made = {}
    for name, deb in debs.items():
        output("dpkg-deb", "-R", deb, folder / name)
        control = folder / name / "DEBIAN/control"
        version = output("dpkg-deb", "-f", deb, "Version").strip()
        control.write_text(control.read_text().replace(f"Version: {version}\n", "Version: 0.0.9\n")
                           .replace(f"(= {version})", "(= 0.0.9)"))
        made[name] = folder / f"{name}_0.0.9_amd64.deb"
        output("dpkg-deb", "--root-owner-group", "-Znone", "-b", folder / name, made[name])
        shutil.rmtree(folder / name)
    return made


@pytest.fixture
def machine():
    # The overlay needs a file system that can be its upper layer, and QEMU one with O_DIRECT.
    machine = Machine(tempfile.mkdtemp(prefix="yado-machine-", dir="/var/tmp"))
    yield machine
    machine.close()


def install(machine, debs, **keywords):
    for deb in debs.values():
        shutil.copy(deb, machine.path("/tmp"))
    return machine("dpkg", "-i", *[f"/tmp/{deb.name}" for deb in debs.values()], **keywords)


def contents(deb):
    """Path -> mode, of files and links."""
    lines = [line.split(None, 5) for line in output("dpkg-deb", "-c", deb).splitlines()]
    return {line[5].split(" -> ")[0].removeprefix("."): line[0] for line in lines if not line[0].startswith("d")}


def test_each_package_has_its_files(debs):
    files = {name: contents(deb) for name, deb in debs.items()}
    units = "/lib/systemd/system/"
    assert {"/usr/sbin/yadod", "/usr/lib/yado/yado-launch", "/usr/lib/yado/yado-pump", "/usr/lib/yado/yado-nvram", "/usr/lib/yado/yado-seed", "/usr/share/yado/probe.rom",
            "/usr/share/yado/recipes/tiny/build", units + "yadod.service", units + "yado-guests.slice",
            units + "yado-guests.service", "/usr/lib/sysusers.d/yado.conf", "/usr/lib/tmpfiles.d/yado.conf",
            "/usr/lib/sysctl.d/30-yado.conf", "/usr/share/man/man8/yadod.8.gz",
            "/usr/share/man/ja/man8/yadod.8.gz"} <= files["yado"].keys()
    assert {"/usr/lib/yado/yado-httpd", units + "yado-httpd.service", units + "yado-httpd.socket",
            units + "yado-certificate.service", "/usr/share/man/man8/yado-httpd.8.gz"} <= files["yado-httpd"].keys()
    assert {"/usr/bin/yado", "/usr/lib/yado/yado-remote", "/usr/share/bash-completion/completions/yado",
            "/usr/share/man/man1/yado.1.gz", "/usr/share/man/man1/yado-vm.1.gz",
            "/usr/share/man/ja/man1/yado-vm.1.gz"} <= files["yado-client"].keys()
    for name in NAMES:
        assert f"/usr/share/doc/{name}/copyright" in files[name]
        for path, mode in files[name].items():
            assert "s" not in mode and mode[5] != "w" and mode[8] != "w", f"{mode} {path}"
    assert files["yado"]["/usr/share/yado/recipes/tiny/build"] == "-rwxr-xr-x"


def test_nothing_of_the_build_folder_is_in_the_programs(debs, tmp_path):
    for name, deb in debs.items():
        output("dpkg-deb", "-x", deb, tmp_path / name)
        for path in (tmp_path / name).rglob("*"):
            if path.is_file():
                assert str(ROOT).encode() not in path.read_bytes(), path


def test_the_daemons_unit_makes_no_mount_namespace():
    # systemd.exec(5): what implies one. What yadod mounts must be the host's.
    text = (ROOT / "systemd/yadod.service.in").read_text()
    directives = re.findall(r"^([A-Za-z]+)=", text, re.M)
    assert "KillMode" in directives and "Delegate" in directives
    for directive in directives:
        assert not re.match("Private|Protect|ReadWrite|ReadOnly|Inaccessible|ExecPaths|NoExec|Bind|Temporary|Root|Mount|"
                            "DynamicUser|(State|Cache|Logs|Runtime|Configuration)Directory|SystemCall|Restrict[^P]",
                            directive) or directive.startswith("Restart"), directive


def test_units_are_correct_and_the_front_is_confined(machine, debs):
    install(machine, debs)
    units = ["yadod.service", "yado-guests.service", "yado-guests.slice", "yado-httpd.socket", "yado-httpd.service",
             "yado-certificate.service"]
    assert machine("systemd-analyze", "verify", "--man=no", *units) == ""
    for unit, bound in {"yado-httpd.service": 0.5, "yado-certificate.service": 1.0}.items():
        report = machine("systemd-analyze", "security", "--offline=yes", "--no-pager", unit)
        level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", report)
        assert float(level[1]) <= bound, report


def test_installing_makes_the_user_and_its_folders_and_says_what_is_next(machine, debs):
    said = install(machine, debs)
    assert "yado user create admin --grant path=/,role=admin" in said
    assert re.search(r"^yado:x:\d+:\d+:.*:/usr/sbin/nologin$", machine("getent", "passwd", "yado"))
    modes = machine("stat", "-c", "%n %a %U", "/run/yado", "/run/yado/front", "/var/lib/yado", "/var/lib/yado/front")
    assert modes.splitlines() == ["/run/yado 700 root", "/run/yado/front 711 root", "/var/lib/yado 700 root",
                                  "/var/lib/yado/front 700 yado"]
    enabled = machine("bash", "-c", "ls /etc/systemd/system/*.wants/")
    for unit in ["yadod.service", "yado-httpd.service", "yado-httpd.socket"]:
        assert unit in enabled
    assert "yado vm create" in machine("bash", "-c", "man -P cat yado-vm || zcat /usr/share/man/man1/yado-vm.1.gz")
    # Nobody has used it: nothing stays.
    said = machine("dpkg", "--purge", *NAMES)
    assert "kept" not in said
    assert machine("bash", "-c", "ls -d /var/lib/yado /run/yado /usr/lib/yado 2>/dev/null || :") == ""


def test_the_certificate_is_made_for_the_hosts_names_by_its_own_step(machine, debs):
    install(machine, debs)
    make = ["setpriv", "--reuid=yado", "--regid=yado", "--clear-groups", "/usr/lib/yado/yado-httpd", "--make-certificate",
            "--tls-dir", "/tmp/tls"]
    machine("install", "-d", "-o", "yado", "-m", "700", "/tmp/tls")
    machine(*make)
    names = machine("openssl", "x509", "-in", "/tmp/tls/cert.pem", "-noout", "-ext", "subjectAltName")
    host = machine("hostname").strip()
    assert f"DNS:{host}" in names and "DNS:localhost" in names
    for address in machine("hostname", "-I").split():
        if ":" not in address:
            assert f"IP Address:{address}" in names
    before = machine("cat", "/tmp/tls/key.pem")
    machine(*make)
    assert machine("cat", "/tmp/tls/key.pem") == before


class Installed:
    """The installed daemon, started by hand as its unit would, and the installed command."""

    def __init__(self, machine):
        self.machine = machine
        self.daemon = None

    def start(self):
        self.daemon = self.machine.start("/usr/sbin/yadod", log="yadod.log")
        wait_for(lambda: self.machine.run("yado", "node", "show").returncode == 0 or self.daemon.poll() is not None, 60)
        assert self.daemon.poll() is None, (self.machine.folder / "yadod.log").read_text()

    def stop(self):
        self.daemon.terminate()
        # nsenter passes no signal on; the daemon is its child.
        self.machine("bash", "-c", "kill -TERM $(pidof yadod)")
        self.daemon.wait(30)
        wait_for(lambda: self.machine.run("pidof", "yadod").returncode != 0, 30, "yadod's end")


@pytest.fixture
def used(machine, former, tiny):
    """The former version, with a guest that runs."""
    install(machine, former)
    state = machine.path("/var/lib/yado")
    shutil.copytree(tiny, state, ignore=shutil.ignore_patterns(".cache", "vm-*"), dirs_exist_ok=True)
    machine("bash", "-c", "chown -R root:root /var/lib/yado; chown yado:yado /var/lib/yado/front")
    machine("sqlite3", "/var/lib/yado/store.db",
            f"UPDATE doc SET body = replace(body, '{tiny}', '/var/lib/yado') WHERE path LIKE 'storage/%'")
    installed = Installed(machine)
    installed.start()
    machine("yado", "vm", "create", "hello", "--image", "tiny", "--start")
    return installed


def guest_pid(machine):
    shown = machine("yado", "-o", "json", "vm", "show", "hello")
    return int(re.search(r'"pid": (\d+)', shown)[1])


def test_guests_live_through_upgrade_removal_and_purge(machine, used, debs):
    pid = guest_pid(machine)
    alive = ["kill", "-0", str(pid)]
    install(machine, debs)
    assert output("dpkg-deb", "-f", debs["yado"], "Version").strip() in machine("dpkg-query", "-W", "yado")
    machine(*alive)
    used.stop()
    used.start()
    assert guest_pid(machine) == pid

    said = machine("dpkg", "--remove", "yado", "yado-httpd")
    assert "guests that run on without the daemon: 100" in said
    assert "yado node shutdown-guests" in said
    machine(*alive)
    said = machine("dpkg", "--purge", "yado", "yado-httpd", env={"LC_ALL": "ja_JP.UTF-8"})
    assert "は残します" in said and "rm -r /var/lib/yado" in said
    machine(*alive)
    disks = machine("find", "/var/lib/yado/storage", "-type", "f", "-name", "*.qcow2")
    assert disks.count("\n") == 1
    assert machine("ls", "-A", "/var/lib/yado/store.db")

    # What was told is true: installed again, it takes the guest over, and ends it.
    used.stop()
    install(machine, debs)
    used.start()
    assert guest_pid(machine) == pid
    machine("yado", "vm", "stop", "hello")
    assert machine.run(*alive).returncode != 0
    used.stop()
    said = machine("dpkg", "--purge", "yado", "yado-httpd")
    assert "guests that run on" not in said and "is kept" in said
