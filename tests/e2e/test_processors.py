"""Processors of guests: where they run, how much they may use, what they offer, and guests within a guest."""
import base64
import json
import os
import pathlib

import pytest

from yado import BUILD, CommandError, Console, api, make, wait_for


def set_live(host, name, *flags):
    """A change that the running guest has at once."""
    said = host("vm", "set", name, *flags, "--plan")["plan"]
    assert {entry["when"] for entry in said["changes"]} == {"now"}, said
    host("vm", "set", name, *flags)
    assert host.status(name)["pending"] == []


def cpus_of_threads(host, name):
    """The CPUs that each vCPU thread of the guest's QEMU may run on, as the kernel says."""
    tasks = pathlib.Path(f"/proc/{host.status(name)['pid']}/task")
    found = set()
    for task in tasks.iterdir():
        if "CPU" in (task / "comm").read_text():  # "CPU 0/KVM", "ALL CPUs/TCG"
            found.add([line.split()[1] for line in (task / "status").read_text().splitlines()
                       if line.startswith("Cpus_allowed_list:")][0])
    assert found, "no thread of QEMU's is a vCPU's"
    return found


def group_file(host, name, v1, v2):
    """What a file of the guest's control group says, in whichever version there is."""
    groups = pathlib.Path(f"/proc/{host.status(name)['pid']}/cgroup").read_text().split()
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if "cpu" in controllers.split(","):
            return pathlib.Path(f"/sys/fs/cgroup/{controllers}{path}/{v1}").read_text().strip()
    return pathlib.Path("/sys/fs/cgroup" + groups[0].split(":", 2)[2], v2).read_text().strip()


def shares(host, name):
    v1 = group_file(host, name, "cpu.shares", "cpu.weight")
    return int(v1)


def quota(host, name):
    return group_file(host, name, "cpu.cfs_quota_us", "cpu.max")


def refusal(host, name, cpu):
    reply = api(host, "PATCH", f"/vms/{name}", {"cpu": cpu})
    assert reply["status"] >= 400, reply
    assert api(host, "PATCH", f"/vms/{name}?plan=1",
               {"cpu": cpu})["body"]["plan"]["refused"] == [reply["body"]["error"]]
    return reply["body"]["error"]


def test_processors_are_placed_and_bounded_while_the_guest_runs(host):
    every = host("node", "show")["processors"]["cpus"]
    make(host, "subject", "--cpu-cores", "2", "--cpu-pin", "0", "--cpu-shares", "200", "--cpu-limit", "150")
    host("vm", "start", "subject")
    usual = 1024 if pathlib.Path("/sys/fs/cgroup/cpu/cpu.shares").exists() else 100
    assert cpus_of_threads(host, "subject") == {"0"}
    assert shares(host, "subject") == usual * 2
    assert quota(host, "subject") in ("150000", "150000 100000")

    set_live(host, "subject", "--cpu-shares", "50", "--cpu-limit", "25")
    assert shares(host, "subject") == usual // 2
    assert quota(host, "subject") in ("25000", "25000 100000")
    set_live(host, "subject", "--unset", "cpu.shares", "--unset", "cpu.limit")
    assert shares(host, "subject") == usual
    assert quota(host, "subject") in ("-1", "max 100000")

    set_live(host, "subject", "--unset", "cpu.pin")
    assert cpus_of_threads(host, "subject") == {every}
    # A daemon that comes anew finds it as it was left, and changes it further.
    set_live(host, "subject", "--cpu-pin", "0")
    host.kill()
    host.start()
    assert host.status("subject")["pending"] == [] and cpus_of_threads(host, "subject") == {"0"}
    set_live(host, "subject", "--cpu-pin", every, "--cpu-limit", "300")
    assert cpus_of_threads(host, "subject") == {every}

    # What else is asked of the processors waits for the next start, beside what is applied.
    host("vm", "set", "subject", "--cpu-cores", "1", "--cpu-limit", "200")
    assert [entry["path"] for entry in host.status("subject")["pending"]] == ["cpu.cores"]
    assert quota(host, "subject") in ("200000", "200000 100000")


def test_a_running_guest_gets_more_processors_and_uses_them(host):
    # It begins with two: QEMU's translator then has one thread for all of them, which is safe with several.
    make(host, "subject", "--cpu-cores", "4", "--cpu-online", "2", "--cpu-pin", "0")
    host("vm", "start", "subject")
    console = Console(host, "subject").login()
    assert console.shell("nproc; cat /sys/devices/system/cpu/possible").split() == ["2", "0-3"]
    wait_for(lambda: host.status("subject")["agent"]["state"] == "connected", what="the agent")
    set_live(host, "subject", "--cpu-online", "3")
    assert console.shell("nproc") == "3"  # the agent was asked to switch it on
    assert cpus_of_threads(host, "subject") == {"0"}
    assert [row["cpus"] for row in host("vm", "list")["items"]] == [3]
    host.kill()
    host.start()
    assert host.status("subject")["pending"] == []
    assert api(host, "GET", "/vms/subject/stats")["body"]["cpu"]["vcpus"] == 3
    console = Console(host, "subject")
    wait_for(lambda: host.status("subject")["agent"]["state"] == "connected", what="the agent again")
    set_live(host, "subject", "--unset", "cpu.online")
    assert console.shell("nproc") == "4"
    said = refusal(host, "subject", {"online": 5})
    assert said["field"] == "cpu.online" and "5 CPUs are more than the 4" in said["message"], said
    # They go only where KVM is: what runs is told as it is, and the next start has it.
    if host("node", "show")["acceleration"] == "tcg":
        host("vm", "set", "subject", "--cpu-online", "3")
        assert [entry["path"] for entry in host.status("subject")["pending"]] == ["cpu.online"]
    console.close()


def test_what_the_node_cannot_give_is_refused_with_its_reason(host):
    make(host, "subject")
    beyond = os.cpu_count() + 5000
    said = refusal(host, "subject", {"pin": f"0,{beyond}"})
    assert said["field"] == "cpu.pin" and f"no CPU {beyond}" in said["message"] and said["hint"], said
    for text in ("", "x", "3-1", "0,", "0-9999"):
        assert refusal(host, "subject", {"pin": text})["field"] == "cpu.pin"
    said = refusal(host, "subject", {"flags": ["+no-such-thing"]})
    assert said["field"] == "cpu.flags" and "knows no CPU feature 'no-such-thing'" in said["message"], said
    assert "cpu.nested" in refusal(host, "subject", {"flags": ["+svm"]})["hint"]
    assert refusal(host, "subject", {"flags": ["+aes", "-aes"]})["field"] == "cpu.flags"
    for flag in ("aes", "+", "+aes,enforce=off", "+enforce"):
        assert refusal(host, "subject", {"flags": [flag]})["field"] == "cpu.flags"
    assert refusal(host, "subject", {"numa": 2})["field"] == "cpu.numa"
    said = api(host, "PATCH", "/vms/subject?plan=1",
               {"numa": {"node0": {"host_nodes": "0,99"}}})["body"]["plan"]["refused"][0]
    nodes = host("node", "show")["processors"]["numa"]
    assert said["field"] == "numa.node0.host_nodes" and "no NUMA node 99" in said["message"], said
    assert len(nodes) > 1 or said["hint"] == "it has 0", said
    assert refusal(host, "subject", {"limit": 1})["field"] == "cpu.limit"
    assert refusal(host, "subject", {"shares": 0})["field"] == "cpu.shares"
    node = host("node", "show")
    if not node["processors"]["kinds"]:
        said = refusal(host, "subject", {"kind": "efficiency"})
        assert said["field"] == "cpu.kind" and "of one kind" in said["message"], said
    if node["acceleration"] == "tcg":
        assert "does not offer the CPU feature 'avx512f'" in refusal(host, "subject",
                                                                     {"flags": ["+avx512f"]})["message"]
        # A model that the guest would have in part only, and how to have that part.
        said = refusal(host, "subject", {"model": "Skylake-Server-v4", "flags": ["-pcid"]})
        assert said["field"] == "cpu.model" and "avx512f" in said["message"], said
        flags = said["hint"].split("--cpu-flags=")[1]
        assert flags.startswith("-pcid,")
        host("vm", "set", "subject", "--cpu-model", "Skylake-Server-v4", f"--cpu-flags={flags}")
    # A limit that cannot be reached is taken, and called so.
    def effects(cpu):
        return str(api(host, "PATCH", "/vms/subject?plan=1", {"cpu": cpu})["body"]["plan"]["effects"])
    own = os.cpu_count() * 100
    assert f"cpu.limit has no effect: {own + 50}% is never reached" in effects({"limit": own + 50})
    if own > 100:
        assert "150% is more than the guest's 1 CPU(s) can use" in effects({"limit": 150})
        assert "cpu.limit" not in effects({"limit": 150, "cores": 2})
    assert "cpu.limit" not in effects({"limit": 100})
    many = os.cpu_count() + 1
    assert f"{many} CPUs are more" in str(host("vm", "set", "subject", "--cpu-cores", str(many),
                                               "--plan")["plan"]["effects"])


def test_the_node_shows_its_processors_and_nodes_find_what_they_have_in_common(host, tmp_path):
    processors = host("node", "show")["processors"]
    assert processors["threads"] == host("node", "show")["cpus"]
    assert processors["cores"] <= processors["threads"] and processors["sockets"] >= 1
    assert "processors.cpus" in host.text("node", "show")
    own = host("node", "cpu-features")
    assert "sse2" in own["features"] and own["models"]
    files = []
    for name, without in (("n1", ()), ("n2", ("aes", "ssse3"))):
        kept = {**own, "node": name, "features": [f for f in own["features"] if f not in without]}
        if without:
            kept["models"] = [model for model in own["models"] if model.startswith("qemu64")]
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps(kept))
    baseline = host("node", "baseline", *files)
    assert baseline["model"].startswith("qemu64"), baseline
    assert "aes" not in baseline["features"] and "+ssse3" not in baseline["flags"]
    assert [node for node in baseline["nodes"] if node["node"] == "n1"][0]["unused"] == ["aes", "ssse3"]
    text = host.text("node", "baseline", *files)
    assert f"--cpu-model {baseline['model']}" in text
    # What comes out is what a guest takes.
    make(host, "subject", "--cpu-model", baseline["model"], "--cpu-flags", ",".join(baseline["flags"][:60]))
    host("vm", "start", "subject")
    (tmp_path / "bad.json").write_text("{}")
    for wrong in ([tmp_path / "bad.json"], [tmp_path / "none.json"], [files[0], files[0]]):
        with pytest.raises(CommandError):
            host("node", "baseline", *wrong)


def test_a_guest_sees_its_numa_nodes_and_runs_a_guest_only_where_that_is_switched_on(host):
    # Whose memory comes from where on the host is seen in QEMU's address space (numa_maps in proc(5)).
    make(host, "subject", "--cpu-sockets", "2", "--cpu-numa", "2", "--memory", "200M",
         "--numa", "node0:host_nodes=0", "--numa", "node1:host_nodes=0,policy=interleave")
    assert host.vm("subject")["cpu"]["nested"] is False
    host("vm", "start", "subject")
    maps = pathlib.Path(f"/proc/{host.status('subject')['pid']}/numa_maps").read_text().split()
    assert maps.count("bind:0") == 1 and maps.count("interleave:0") == 1, set(maps)
    assert cpus_of_threads(host, "subject") == {host("node", "show")["processors"]["numa"][0]["cpus"]}
    console = Console(host, "subject").login()
    assert console.shell("grep -cwE 'svm|vmx' /proc/cpuinfo") == "0"
    nodes = "/sys/devices/system/node"
    assert console.shell(f"cat {nodes}/online {nodes}/node0/cpulist {nodes}/node1/cpulist").split() == ["0-1", "0", "1"]
    sizes = [int(console.shell(f"grep MemTotal {nodes}/node{node}/meminfo").split()[3]) for node in (0, 1)]
    assert all(size > 40 << 10 for size in sizes), sizes
    console.close()
    host("vm", "set", "subject", "--cpu-nested", "--cpu-flags=-aes", "--cpu-sockets", "1", "--unset", "cpu.numa",
         "--no-numa", "node0", "--no-numa", "node1")
    assert {entry["path"].split(".node")[0] for entry in host.status("subject")["pending"]} == {
        "cpu.nested", "cpu.flags", "cpu.sockets", "cpu.numa", "numa"}
    host("vm", "stop", "subject")
    host("vm", "start", "subject")
    console = Console(host, "subject").login()
    assert console.shell("grep -cwE 'svm|vmx' /proc/cpuinfo") == "1"
    assert console.shell("grep -cw aes /proc/cpuinfo") == "0"
    console.shell("load-modules kvm 2>/dev/null")  # that of the other maker does not load
    wait_for(lambda: console.shell("ls /dev/kvm") == "/dev/kvm", what="KVM in the guest")
    program = base64.b64encode((BUILD / "tests/e2e/inner").read_bytes()).decode()
    for at in range(0, len(program), 1000):
        console.shell(f"echo {program[at:at + 1000]} >>/tmp/inner.base64")
    assert console.shell("base64 -d /tmp/inner.base64 >/tmp/inner; chmod +x /tmp/inner; /tmp/inner") == "inner guest: 2+3=5"
