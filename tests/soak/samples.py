"""What the daemons use, over time, and whether it stays flat."""
import pathlib
import time

FIELDS = ("pss_kib", "front_kib", "fds", "front_fds", "threads", "guests", "processes", "databases_kib")


def pss_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise ProcessLookupError(pid)


def count_fds(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


def take(yado, groups):
    """A sample, or None while something is between two lives."""
    try:
        pid, front = yado.process.pid, yado.front_pid
        return {"at": time.monotonic(), "pid": pid, "front": front,
                "pss_kib": pss_kib(pid), "front_kib": pss_kib(front),
                "fds": count_fds(pid), "front_fds": count_fds(front),
                "threads": len(list(pathlib.Path(f"/proc/{pid}/task").iterdir())),
                "guests": sum(name.startswith("vm-") and bool(pids) for name, pids in groups.items()),
                "processes": sum(map(len, groups.values())),
                "databases_kib": sum(file.stat().st_size for file in yado.state.glob("*.db*")) // 1024}
    except (OSError, AttributeError, ProcessLookupError):
        return None


def slope(samples, field):
    """Least squares: growth of the field a minute."""
    if len(samples) < 3:
        return 0.0
    times = [(sample["at"] - samples[0]["at"]) / 60 for sample in samples]
    values = [sample[field] for sample in samples]
    mean_time, mean = sum(times) / len(times), sum(values) / len(values)
    spread = sum((t - mean_time) ** 2 for t in times)
    return sum((t - mean_time) * (v - mean) for t, v in zip(times, values)) / spread if spread else 0.0


def print_samples(samples, begin, rows=30):
    print(f"{'s':>6} {'yadod KiB':>10} {'front KiB':>10} {'fds':>5} {'front fds':>9} {'threads':>7} {'guests':>6} "
          f"{'processes':>9} {'databases KiB':>13}")
    step = max(1, len(samples) // rows)
    former = None
    for sample in samples[::step]:
        print(f"{sample['at'] - begin:6.0f} {sample['pss_kib']:10} {sample['front_kib']:10} {sample['fds']:5} "
              f"{sample['front_fds']:9} {sample['threads']:7} {sample['guests']:6} {sample['processes']:9} "
              f"{sample['databases_kib']:13}{'  a new yadod' if former and former != sample['pid'] else ''}")
        former = sample["pid"]
