#!/usr/bin/env python3
"""Many small guests at once: all are asked to start together, beside a loop that starts bare QEMU with the same arguments.

  bench/many.py [--guests N]

Counted is the time from the first request until every guest's `cont` has returned, and the memory of all their QEMUs a
moment later (proportional set sizes; those of bare QEMU, too)."""
import concurrent.futures
import pathlib
import time

from bare import Bare, disks_of
from host import Bench, arguments


def memory_of(pids):
    """MiB of all of them together."""
    total = 0
    for pid in pids:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(text.split("Pss:")[1].split()[0])
    return total / 1024


def start_all(bench, names):
    begin = time.monotonic()
    tasks = [bench.ask("POST", f"/api/v1/vms/{name}/start", status=202)["task"] for name in names]
    for task in tasks:
        answer = bench.ask("GET", f"/api/v1/tasks/{task}/wait?timeout=60")["body"]
        if answer["state"] != "done":
            raise RuntimeError(answer)
    return (time.monotonic() - begin) * 1000


def main():
    options = arguments(__doc__, guests=20)
    names = [f"m{number}" for number in range(options.guests)]
    with Bench() as bench:
        for name in names:
            bench.yado("vm", "create", name, "--image", "tiny", "--memory", "96M")
        bench.yado("vm", "start", names[0])
        bare = Bare(bench.guest_pid(names[0]), bench.yado.run)
        bench.yado("vm", "stop", names[0])
        elapsed = start_all(bench, names)
        pids = [bench.guest_pid(name) for name in names]
        used = memory_of(pids)
        disks = [disks_of(pid) for pid in pids]
        for name in names:
            bench.yado("vm", "stop", name)
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            guests = list(pool.map(lambda pair: bare.begin(pair[1], str(pair[0])), enumerate(disks)))
        alone = (time.monotonic() - begin) * 1000
        bare_used = memory_of([guest.pid for guest in guests])
        for guest in guests:
            guest.end()
        count = options.guests
        bench.row(f"{count} guests of 96 MiB at once: bare QEMU", f"{alone:.0f} ms", "1.00")
        bench.row(f"{count} guests of 96 MiB at once: yado", f"{elapsed:.0f} ms", f"{elapsed / alone:.2f}")
        bench.row("memory of a guest's QEMU after start: bare", f"{bare_used / count:.1f} MiB", "1.00")
        bench.row("memory of a guest's QEMU after start: yado", f"{used / count:.1f} MiB",
                  f"{used / bare_used:.2f}")


main()
