#!/usr/bin/env python3
"""Small reads over HTTPS: how many the two daemons answer in a second of their processor time.

  bench/reads.py [--seconds S] [--rounds N] [--connections N] [--guests N]

Kept HTTPS/1.1 connections, each with one request after another, with the token of a user who may see one guest among
many. The processor time of yadod and of yado-httpd counts, with the kernel's on their behalf, so that a busy machine and
the client (bench-load) do not; the median of the rounds is shown, with microseconds a request of each daemon."""
import statistics

from host import Bench, arguments
from lists import create

PATHS = {  # and the goal, which is for an answer of 300 bytes
    "rows that one may see": ("/api/v1/vms?limit=1", "≥ 20,000"),
    "a guest": ("/api/v1/vms/{}", ""),
    "who asks": ("/api/v1/session", ""),
}
TAGS = ["linux", "production", "web", "front", "backup-daily", "team-operations", "floor-three", "rack-twelve"]


def measure(bench, token, path, options):
    """Requests a second of processor time, microseconds of each daemon, bytes."""
    before = bench.daemon_time()
    result = bench.load(token, path, "--connections", options.connections, "--seconds", options.seconds)
    used = [after - begin for begin, after in zip(before, bench.daemon_time())]
    return result["rounds"] / sum(used), [time * 1e6 / result["rounds"] for time in used], result


def main():
    options = arguments(__doc__, seconds=4, rounds=3, connections=8, guests=20)
    with Bench(image=False, front=True) as bench:
        create(bench, 0, options.guests)
        seen = bench.ask("GET", "/api/v1/vms?limit=1")["body"]["items"][0]["id"]
        bench.ask("PATCH", f"/api/v1/vms/{seen}", {"tags": TAGS})
        bench.yado.make_user("reader", {f"/vms/{seen}": "user"})
        token = bench.yado.make_token("reader")
        for name, (path, goal) in PATHS.items():
            measure(bench, token, path.format(seen), options)  # warm
            results = [measure(bench, token, path.format(seen), options) for _ in range(options.rounds)]
            rate = statistics.median(result[0] for result in results)
            yadod, httpd = (statistics.median(result[1][index] for result in results) for index in (0, 1))
            size = results[0][2]["bytes"]
            latency = statistics.median(result[2]["median_ms"] for result in results)
            bench.row(f"small read: {name} ({size} bytes, yadod {yadod:.1f} µs, yado-httpd {httpd:.1f} µs, "
                      f"answered in {latency:.2f} ms)", f"{rate:,.0f}/CPU-s", "", goal)


if __name__ == "__main__":
    main()
