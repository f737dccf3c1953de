#!/usr/bin/env python3
"""Start of a VM: from the request until QEMU's `cont` has returned, beside bare QEMU in the same run.

  bench/start.py [--rounds N] [--profile]

Both start the same guest with the very arguments that Yado gives QEMU, taken from /proc/PID/cmdline, and the same kinds
of descriptors (bare.py). They take turns in each round, since the machine's speed changes while one looks; each
side's median counts. Where libvirt is installed (bench/peers), `virsh start` of the same guest takes its turn too; its time
is that of the command. Yado's end is taken where the caller sees it, at the answer that the task is done (which follows
a durable record of that), and where `cont` has returned, by the time of the task's log line."""
import contextlib
import datetime
import statistics
import sys
import time

import libvirt
from bare import Bare, disks_of
from host import Bench, arguments


def yado_start(bench):
    """Milliseconds until the caller knows, until `cont` had returned, and what the task's log says of the way."""
    sent, begin = time.time(), time.monotonic()
    task = bench.ask("POST", "/api/v1/vms/bench/start", status=202)["task"]
    answer = bench.ask("GET", f"/api/v1/tasks/{task}/wait?timeout=60")["body"]
    elapsed = (time.monotonic() - begin) * 1000
    if answer["state"] != "done":
        raise RuntimeError(answer)
    lines = bench.ask("GET", f"/api/v1/tasks/{task}/log")["body"]["lines"]
    line = next(entry for entry in lines if "running after" in entry["text"])
    at = datetime.datetime.fromisoformat(line["at"].replace("Z", "+00:00")).timestamp()
    return elapsed, (at - sent) * 1000, line["text"]


def main():
    options = arguments(__doc__, rounds=20, profile=False)
    with Bench() as bench, contextlib.ExitStack() as peers:
        peer = None if libvirt.missing() else peers.enter_context(libvirt.Libvirt())
        bench.yado("vm", "create", "bench", "--image", "tiny")
        yado_start(bench)
        pid = bench.guest_pid("bench")
        bare, disks = Bare(pid, bench.yado.run), disks_of(pid)
        bench.yado("vm", "stop", "bench")
        if peer:
            peer.define_like("bench", bare, disks)
        done, cont, alone, virsh, texts = [], [], [], [], []
        for _ in range(options.rounds):
            begin = time.monotonic()
            guest = bare.begin(disks)
            alone.append((time.monotonic() - begin) * 1000)
            guest.end()
            seen, returned, text = yado_start(bench)
            done.append(seen)
            cont.append(returned)
            texts.append(text)
            bench.yado("vm", "stop", "bench")
            if peer:
                virsh.append(peer.start("bench"))
                peer.end("bench")
        if options.profile:
            print("\n".join(texts), file=sys.stderr)
        for name, values, goal in (("bare QEMU, cont returned", alone, ""), ("yado, cont returned", cont, "< 1.25"),
                                   ("yado, answered", done, ""), ("virsh start", virsh, "")):
            if not values:
                bench.row(f"start: {name}", "not installed: bench/peers")
                continue
            middle = statistics.median(values)
            bench.row(f"start: {name} (least {min(values):.1f})", f"{middle:.1f} ms",
                      f"{middle / statistics.median(alone):.2f}", goal)


main()
