#!/usr/bin/env python3
"""Many small guests at once: all are asked to start together, beside a loop of the shell that starts bare QEMU with the
same arguments.

  bench/many.py [--guests N] [--rounds N]

They take turns; counted is the time from the first request until every guest runs (Yado: until its task is done; bare:
until its monitor answers). After the last round also the memory of all of each side's processes, once the guests have
booted and it no longer changes (proportional set sizes; Yado's with its launchers and passt, which bare QEMU has none
of)."""
import pathlib
import statistics
import time

from bare import Bare, BareLoop, disks_of
from host import Bench, arguments, wait_for


def memory_of(pids):
    """MiB of all of them together."""
    total = 0
    for pid in pids:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(text.split("Pss:")[1].split()[0])
    return total / 1024


def settled_memory(pids):
    """The same once it stays as it is."""
    last = [0]

    def settled():
        time.sleep(2)
        now, before = memory_of(pids), last[0]
        last[0] = now
        return now if now - before < now / 500 else None
    return wait_for(settled, 300, "guests that have booted")


def start_all(bench, names):
    begin = time.monotonic()
    tasks = [bench.ask("POST", f"/api/v1/vms/{name}/start", status=202)["task"] for name in names]
    for task in tasks:
        answer = bench.ask("GET", f"/api/v1/tasks/{task}/wait?timeout=60")["body"]
        if answer["state"] != "done":
            raise RuntimeError(answer)
    return (time.monotonic() - begin) * 1000


def group_of(bench):
    """The processes of all guests, and those of their QEMUs: Yado's control groups know them."""
    groups = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    found = set()
    for line in groups:
        if " - cgroup" in line:
            found |= {int(pid) for file in pathlib.Path(line.split()[4]).glob(f"{bench.yado.run.name}/vm-*/cgroup.procs")
                      for pid in file.read_text().split()}
    return found


def launchers_of(bench, names):
    return [int(line.split()[1]) for name in names
            for path in (bench.yado.run / "vm" / str(bench.yado.vm(name)["id"])).rglob("pid")
            for line in path.read_text().splitlines() if line.startswith("launcher ")]


def main():
    options = arguments(__doc__, guests=50, rounds=3)
    count = options.guests
    names = [f"m{number}" for number in range(count)]
    with Bench() as bench:
        for name in names:
            bench.yado("vm", "create", name, "--image", "tiny", "--memory", "96M")
        start_all(bench, names)  # gives the cards their users
        pids = [bench.guest_pid(name) for name in names]
        bare, disks = Bare(pids[0], bench.yado.run), [disks_of(pid) for pid in pids]
        for name in names:
            bench.yado("vm", "stop", name)
        ours, alone = [], []
        for round_ in range(options.rounds):
            last = round_ == options.rounds - 1
            loop = BareLoop(bare, disks)
            alone.append(loop.elapsed_ms)
            if last:
                bare_used = settled_memory(loop.pids)
            loop.end()
            ours.append(start_all(bench, names))
            if last:
                pids = [bench.guest_pid(name) for name in names]
                used = settled_memory(pids)
                beside = memory_of((group_of(bench) | set(launchers_of(bench, names))) - set(pids))
            for name in names:
                bench.yado("vm", "stop", name)
        elapsed, loop_ms = statistics.median(ours), statistics.median(alone)
        bench.row(f"{count} guests of 96 MiB at once: shell loop of bare QEMU", f"{loop_ms:.0f} ms", "1.00")
        bench.row(f"{count} guests of 96 MiB at once: yado", f"{elapsed:.0f} ms", f"{elapsed / loop_ms:.2f}")
        bench.row("memory of a booted guest's QEMU: bare", f"{bare_used / count:.1f} MiB", "1.00")
        bench.row("memory of a booted guest's QEMU: yado", f"{used / count:.1f} MiB", f"{used / bare_used:.2f}")
        bench.row("memory of its launcher and its passt", f"{beside / count:.1f} MiB")


main()
