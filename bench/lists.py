#!/usr/bin/env python3
"""Lists of many defined guests over api.sock, and what they cost in memory.

  bench/lists.py [--small N] [--large N] [--rounds N]

Creates guests without disks through the API (eight connections, each with one request after another), then reads the
whole list with default rows in pages of 1,000 over one kept connection, and one filtered page; the median counts. Memory is yadod's
proportional set size, taken when it has gone idle."""
import json
import statistics
import threading
import time

from host import Bench, Connection, arguments, wait_for

CONNECTIONS = 8


def create(bench, first, count):
    """Guests per second, each create waited for."""
    failures = []

    def work(names):
        try:
            client = Connection(bench.yado)
            tasks = [client.ask("POST", "/api/v1/vms", {"name": name, "memory": 96 << 20}, status=202)["task"]
                     for name in names]
            for task in tasks:
                answer = client.ask("GET", f"/api/v1/tasks/{task}/wait?timeout=60")["body"]
                if answer["state"] != "done":
                    raise RuntimeError(answer)
        except Exception as failure:  # seen below
            failures.append(failure)

    names = [f"g{number}" for number in range(first, first + count)]
    threads = [threading.Thread(target=work, args=(names[index::CONNECTIONS],)) for index in range(CONNECTIONS)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return count / (time.monotonic() - begin)


def read_list(client):
    """Milliseconds for the whole list; the pages are parsed outside the measured time."""
    pages, after, begin = [], None, time.monotonic()
    while True:
        raw, head = client.exchange("GET", "/api/v1/vms?limit=1000" + (f"&after={after}" if after else ""))
        if head["status"] != 200:
            raise RuntimeError(raw)
        pages.append(raw)
        tail = raw.rpartition(b'"next":"')[2]
        if b'"next":"' not in raw[-40:]:
            break
        after = tail.split(b'"')[0].decode()
    elapsed = (time.monotonic() - begin) * 1000
    return elapsed, sum(len(json.loads(page)["items"]) for page in pages), sum(map(len, pages))


def measure(bench, count, rounds, goal):
    client = Connection(bench.yado)
    times = []
    for _ in range(rounds):
        elapsed, found, size = read_list(client)
        if found != count:
            raise RuntimeError(f"the list has {found} guests of {count}")
        times.append(elapsed)
    bench.row(f"list of {count:,} guests ({size / 1024:.0f} KiB)", f"{statistics.median(times):.2f} ms", "", goal)


def measure_filter(bench, count, rounds, goal):
    """All rows are looked at, few are kept."""
    client = Connection(bench.yado)
    path = "/api/v1/vms?limit=1000&filter=state:stopped%20memory%3C1G%20name~9" + str(count - 1)[1:]
    times = []
    for _ in range(rounds):
        begin = time.monotonic()
        raw, _ = client.exchange("GET", path)
        times.append((time.monotonic() - begin) * 1000)
    found = len(json.loads(raw)["items"])
    if found != 1:
        raise RuntimeError(f"the filter keeps {found} guests")
    bench.row(f"filter of three terms over {count:,} guests", f"{statistics.median(times):.2f} ms", "", goal)


def idle_memory(bench):
    """Once it no longer changes."""
    last = [0]

    def settled():
        now, before = bench.daemon_memory(), last[0]
        last[0] = now
        return now if abs(now - before) < 0.05 else None
    return wait_for(settled, 30, "idle")


def main():
    options = arguments(__doc__, small=1000, large=10000, rounds=30)
    with Bench(image=False) as bench:
        bench.row("memory of yadod, no guests", f"{idle_memory(bench):.1f} MiB", "", "< 15 with httpd")
        rate = create(bench, 0, options.small)
        bench.row(f"create {options.small:,} guests", f"{rate:.0f}/s")
        measure(bench, options.small, options.rounds, "< 2 ms")
        bench.row(f"memory of yadod, {options.small:,} guests", f"{idle_memory(bench):.1f} MiB", "", "< 40 with httpd")
        if options.large <= options.small:
            return
        rate = create(bench, options.small, options.large - options.small)
        bench.row(f"create up to {options.large:,} guests", f"{rate:.0f}/s")
        measure(bench, options.large, options.rounds, "< 20 ms")
        measure_filter(bench, options.large, options.rounds, "< 20 ms")
        bench.row(f"memory of yadod, {options.large:,} guests", f"{idle_memory(bench):.1f} MiB")
        bench.yado.stop()
        begin = time.monotonic()
        bench.yado.start()
        bench.row(f"start of yadod with {options.large:,} guests", f"{(time.monotonic() - begin) * 1000:.0f} ms")
        bench.row("memory of yadod after that", f"{idle_memory(bench):.1f} MiB")


main()
