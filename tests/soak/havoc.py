"""Kills what runs, at random: QEMU, passt, launchers, workers, the front, and yadod itself."""
import os
import pathlib
import random
import signal
import threading

from invariants import list_groups


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


class Havoc(threading.Thread):
    """Until `calm_at` (seconds from now) with the daemons, until it is stopped with what belongs to guests."""

    def __init__(self, yado, ledger, seed, pause_s, calm_at):
        super().__init__(name="havoc", daemon=True)
        self.yado, self.ledger, self.pause_s, self.calm_at = yado, ledger, pause_s, calm_at
        self.chance = random.Random(f"{seed}-havoc")
        self.done = []
        self.held = threading.Lock()  # while yadod is between two lives

    def kill_member(self, word):
        members = [pid for group, pids in list_groups(self.yado).items() if group.startswith(("vm-", "worker-"))
                   for pid in pids if name_of(pid).startswith(word)]
        return bool(members) and kill(self.chance.choice(members))

    def kill_front(self):
        pid = self.yado.front_pid
        return bool(pid) and kill(pid)

    def kill_launcher(self):
        records = list((self.yado.run / "vm").glob("*/pid"))
        if not records:
            return False
        words = self.chance.choice(records).read_text().split()
        return name_of(int(words[words.index("launcher") + 1])) == "yado-launch" and \
            kill(int(words[words.index("launcher") + 1]))

    def restart_daemon(self, kill_it):
        with self.held:
            if kill_it:
                self.yado.kill()
            elif self.yado.stop() != 0:
                self.ledger.fault("yadod did not end with 0 when it was asked to")
            self.ledger.disturb()
            self.yado.start(120)
        return True

    def run(self):
        guests = [("qemu", lambda: self.kill_member("qemu")), ("passt", lambda: self.kill_member("passt")),
                  ("pump", lambda: self.kill_member("yado-pump")), ("launcher", self.kill_launcher)]
        daemons = [("front", self.kill_front), ("yadod -9", lambda: self.restart_daemon(True)),
                   ("yadod -15", lambda: self.restart_daemon(False))]
        waited = 0
        while not self.ledger.stop.wait(pause := self.chance.uniform(0.5, 1.5) * self.pause_s):
            waited += pause
            what, act = self.chance.choice(guests if waited > self.calm_at else guests + daemons)
            self.ledger.disturb()
            try:
                if act():
                    self.done.append(what)
            except (OSError, ValueError, RuntimeError, TimeoutError) as error:
                self.ledger.fault(f"havoc '{what}': {error!r}")
            self.ledger.disturb()
