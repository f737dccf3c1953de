#!/usr/bin/env python3
"""Lists of many defined guests over HTTPS, and what they cost in memory.

  bench/lists.py [--small N] [--large N] [--rounds N]

Creates guests without disks through api.sock (eight connections, each with one request after another). Then the whole
list with default rows is read in pages of 1,000 over one kept HTTPS connection: by an administrator, by one who may see all guests by
a tag, and by one who may see every tenth; then the same while a tenth of the guests changes each second. The median
counts, as the client (bench-load) sees it; beside it stands the processor time of both daemons a list. Memory is the
proportional set size of both, taken when they have gone idle."""
import json
import threading
import time

from host import Bench, Connection, arguments, wait_for

CONNECTIONS = 8
READERS = {"administrator": {"/": "admin"}, "all by a tag": {"/tags/all": "user"}, "a tenth by a tag": {"/tags/tenth": "user"}}


def tags_of(number):
    return ["all", "tenth"] if number % 10 == 0 else ["all"]


def create(bench, first, count):
    """Guests per second, each create waited for."""
    failures = []

    def work(numbers):
        try:
            client = Connection(bench.yado)
            tasks = [client.ask("POST", "/api/v1/vms", {"name": f"g{number}", "memory": 96 << 20, "tags": tags_of(number)},
                                status=202)["task"] for number in numbers]
            for task in tasks:
                answer = client.ask("GET", f"/api/v1/tasks/{task}/wait?timeout=60")["body"]
                if answer["state"] != "done":
                    raise RuntimeError(answer)
        except Exception as failure:  # seen below
            failures.append(failure)

    numbers = range(first, first + count)
    threads = [threading.Thread(target=work, args=(numbers[index::CONNECTIONS],)) for index in range(CONNECTIONS)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return count / (time.monotonic() - begin)


class Changes:
    """Changes a tenth of the guests each second while it is entered, one after another on kept connections."""

    def __init__(self, bench, count):
        self.bench, self.rate, self.made, self.failures = bench, count / 10, 0, []
        self.ids = [guest["id"] for guest in rows(bench)][:count // 10]
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(index,)) for index in range(CONNECTIONS)]

    def work(self, index):
        client, begin, done = Connection(self.bench.yado), time.monotonic(), 0
        ids = self.ids[index::CONNECTIONS]
        try:
            while not self.over.is_set():
                number, lap = ids[done % len(ids)], done // len(ids)
                client.ask("PATCH", f"/api/v1/vms/{number}", {"memory": (96 + lap % 2) << 20})
                self.made += 1
                done += 1
                self.over.wait(max(0, begin + done * CONNECTIONS / self.rate - time.monotonic()))
        except Exception as failure:  # seen below
            self.failures.append(failure)

    def __enter__(self):
        self.begin = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise self.failures[0]
        self.seconds = time.monotonic() - self.begin


def rows(bench):
    found, after = [], ""
    while after is not None:
        page = bench.ask("GET", f"/api/v1/vms?limit=1000&after={after or 0}")["body"]
        found += page["items"]
        after = page.get("next")
    return found


def measure(bench, tokens, count, rounds, goal, when=""):
    for reader, token in tokens.items():
        before = sum(bench.daemon_time())
        result = bench.load(token, "/api/v1/vms?limit=1000", "--pages", "--rounds", rounds)
        cost = f", {(sum(bench.daemon_time()) - before) * 1000 / rounds:.2f} ms CPU" if not when else ""
        bench.row(f"list of {count:,} guests{when}: {reader} ({result['bytes'] / 1024:.0f} KiB{cost})",
                  f"{result['median_ms']:.2f} ms", "", goal)


def measure_changing(bench, tokens, count, rounds, goal):
    with Changes(bench, count) as changes:
        measure(bench, tokens, count, rounds, goal, ", changing")
    bench.row(f"changes a second meanwhile, of {count // 10:,} wanted", f"{changes.made / changes.seconds:.0f}/s")


def measure_filter(bench, token, count, rounds, goal):
    """All rows are looked at, few are kept."""
    path = "/api/v1/vms?limit=1000&filter=state:stopped%20memory%3C1G%20name~9" + str(count - 1)[1:]
    before = sum(bench.daemon_time())
    result = bench.load(token, path, "--rounds", rounds)
    cost = (sum(bench.daemon_time()) - before) * 1000 / rounds
    found = len(bench.ask("GET", path)["body"]["items"])
    if found != 1:
        raise RuntimeError(f"the filter keeps {found} guests")
    bench.row(f"filter of three terms over {count:,} guests ({cost:.2f} ms CPU)", f"{result['median_ms']:.2f} ms", "", goal)


def idle_memory(bench):
    """Once it no longer changes."""
    last = [0]

    def settled():
        now, before = bench.daemon_memory(), last[0]
        last[0] = now
        return now if abs(now - before) < 0.05 else None
    return wait_for(settled, 30, "idle")


def main():
    options = arguments(__doc__, small=1000, large=10000, rounds=100)
    with Bench(image=False, front=True) as bench:
        bench.row("memory of yadod and yado-httpd, no guests", f"{idle_memory(bench):.1f} MiB", "", "< 15 MB")
        tokens = {}
        for number, (reader, grants) in enumerate(READERS.items()):
            bench.yado.make_user(f"reader{number}", grants)
            tokens[reader] = bench.yado.make_token(f"reader{number}")
        rate = create(bench, 0, options.small)
        bench.row(f"create {options.small:,} guests", f"{rate:.0f}/s")
        measure(bench, tokens, options.small, options.rounds, "< 2 ms")
        measure_changing(bench, tokens, options.small, options.rounds, "< 2 ms")
        bench.row(f"memory of both, {options.small:,} guests", f"{idle_memory(bench):.1f} MiB", "", "< 40 MB")
        if options.large <= options.small:
            return
        rate = create(bench, options.small, options.large - options.small)
        bench.row(f"create up to {options.large:,} guests", f"{rate:.0f}/s")
        if len(rows(bench)) != options.large:
            raise RuntimeError(f"the list has {len(rows(bench))} guests of {options.large}")
        measure(bench, tokens, options.large, options.rounds, "< 20 ms")
        measure_changing(bench, tokens, options.large, options.rounds, "< 20 ms")
        measure_filter(bench, tokens["administrator"], options.large, options.rounds, "< 20 ms")
        bench.row(f"memory of both, {options.large:,} guests", f"{idle_memory(bench):.1f} MiB")
        bench.yado.stop()
        begin = time.monotonic()
        bench.yado.start()
        bench.row(f"start of yadod with {options.large:,} guests", f"{(time.monotonic() - begin) * 1000:.0f} ms")
        bench.row("memory of both after that", f"{idle_memory(bench):.1f} MiB")


if __name__ == "__main__":
    main()
