"""What must hold of a daemon that nobody asks anything any more, whatever was done to it before. Each check gives the
faults that it finds, as sentences."""
import contextlib
import json
import pathlib
import re
import sqlite3
import subprocess

# Documents that follow from others: their commits have no audit entry of their own (docs/audit.md).
UNAUDITED = ("counter", "vm-state", "vm-identity", "vm-name")
DATABASES = ("store", "tasks", "audit", "requests")


def open_database(yado, name):
    return sqlite3.connect(f"file:{yado.state}/{name}.db?mode=ro", uri=True)


def list_groups(yado):
    """Control groups below this daemon's own, by name, each with its processes."""
    groups = {}
    for root in pathlib.Path("/sys/fs/cgroup").glob(f"*/{yado.run.name}"):
        for group in root.iterdir():
            if group.is_dir():
                found = groups.setdefault(group.name, set())
                with contextlib.suppress(OSError):  # it has gone meanwhile
                    found |= {int(line) for line in (group / "cgroup.procs").read_text().split()}
    return groups


def check_tasks(yado):
    rows = open_database(yado, "tasks").execute("SELECT id, kind, state FROM task WHERE state IN ('queued', 'running')")
    return [f"task {id} '{kind}' is still {state}" for id, kind, state in rows]


def check_processes(yado):
    """Control groups, their processes and the run directories are those of guests that run, and of nobody else."""
    faults, groups = [], list_groups(yado)
    guests = {f"vm-{row['id']}": row for row in yado("vm", "list")["items"]}
    for name, pids in sorted(groups.items()):
        if name == "httpd":
            continue
        row = guests.get(name)
        if not row or (row["state"] == "stopped" and pids):
            faults.append(f"control group {name} with processes {sorted(pids)} is of {row['state'] if row else 'no'} guest")
    for name, row in guests.items():
        status = yado.status(row["id"])
        pid = status.get("pid")
        if status["state"] != "stopped" and pid not in groups.get(name, ()):
            faults.append(f"{name} is {row['state']}, but its process {pid} is not in its control group")
    for folder in sorted((yado.run / "vm").glob("*")):
        if f"vm-{folder.name}" not in guests:
            faults.append(f"{folder} is of no guest")
    faults += [f"{folder} of a short-lived worker is left" for folder in sorted(yado.run.glob("worker-*"))]
    return faults


def check_mounts(yado):
    """No mount of a cage is left in the host's view."""
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    return [f"the mount {line.split()[4]} is left" for line in mounts.splitlines() if str(yado.run) in line]


def check_volumes(yado):
    """Files, documents of volumes and disks of guests name the same."""
    documents = {path.rsplit("/", 1)[1] for path, in
                 open_database(yado, "store").execute("SELECT path FROM doc WHERE path LIKE 'volume/local/%'")}
    files = {file.name.rsplit(".", 1)[0] for file in (yado.state / "storage").iterdir() if file.name[0] != "."}
    attached = {disk["volume"] for row in yado("vm", "list")["items"] for disk in yado.vm(row["id"])["disks"].values()}
    faults = [f"the file of volume {name} has no document" for name in sorted(files - documents)]
    faults += [f"volume {name} has no file" for name in sorted(documents - files)]
    return faults + [f"the disk {name} has no volume" for name in sorted(attached - documents)]


def check_images(yado):
    store = open_database(yado, "store")
    documents = {path.split("/")[1]: json.loads(body) for path, body in
                 store.execute("SELECT path, body FROM doc WHERE path LIKE 'image/%'")}
    used = {(kernel["image"], kernel["build"]) for body, in
            store.execute("SELECT body FROM doc WHERE path LIKE 'vm/%'")
            if (kernel := json.loads(body).get("kernel")) and kernel.get("build")}
    wanted = {(name, document["build"]) for name, document in documents.items()} | used
    found = {(folder.parent.name, folder.name) for folder in (yado.state / "images").glob("*/*")
             if folder.parent.name != ".cache"}
    return [f"image {'/'.join(build)} is {'missing' if build in wanted else 'left'}" for build in sorted(wanted ^ found)]


def check_uploads(yado):
    folder = yado.state / "uploads"
    records = {file.stem for file in folder.glob("*.json")}
    files = {file.name for file in folder.iterdir() if file.suffix != ".json"}
    return [f"upload {name} is half there" for name in sorted(records ^ files)]


def check_history(yado):
    """Revisions have no gap, each change begins where the one before ended, and documents are what it ends with."""
    store, faults = open_database(yado, "store"), []
    for words, query in (
            ("revisions have a gap", "SELECT count(DISTINCT rev) - max(rev) FROM change"),
            ("documents differ from their history",
             "SELECT count(*) FROM doc LEFT JOIN change USING (rev, path) WHERE body IS NOT after AND path NOT LIKE "
             "'storage/%'"),  # whose path the test has moved
            ("objects are gone without a change that says so",
             "SELECT count(*) FROM change c WHERE after IS NOT NULL AND NOT EXISTS (SELECT 1 FROM doc WHERE doc.path = "
             "c.path) AND NOT EXISTS (SELECT 1 FROM change n WHERE n.path = c.path AND n.rev > c.rev)"),
            ("changes do not begin where the one before ended",
             "SELECT count(*) FROM change c WHERE before IS NOT (SELECT after FROM change p WHERE p.path = c.path AND "
             "p.rev < c.rev ORDER BY p.rev DESC LIMIT 1)")):
        count = store.execute(query).fetchone()[0]
        if count:
            faults.append(f"{words} ({count})")
    uids = [uid for body, in store.execute("SELECT after FROM change WHERE path LIKE 'vm-identity/%' AND before IS NULL")
            for uid in [json.loads(body)["uid"]]]
    return faults + (["a uid was given twice"] if len(uids) != len(set(uids)) else [])


def check_rows(yado):
    """Rows of the list are their documents."""
    documents = {json.loads(body)["id"]: (rev, json.loads(body)) for rev, body in
                 open_database(yado, "store").execute("SELECT rev, body FROM doc WHERE path LIKE 'vm/%'")}
    rows = {row["id"]: row for row in yado("vm", "list")["items"]}
    faults = [f"VM {id} is in the list or in the store alone" for id in sorted(set(rows) ^ set(documents))]
    for id in set(rows) & set(documents):
        rev, document = documents[id]
        row = rows[id]
        same = (row["name"], row["memory"], row["rev"], sorted(row["tags"])) == (
            document["name"], document["memory"], rev, sorted(document["tags"]))
        if not same:
            faults.append(f"the row of VM {id} differs from its document: {row} {rev} {document}")
    return faults


def check_audit(yado):
    """The chain holds, and every commit that has to be in it is."""
    faults = [] if yado.run_command("audit", "verify").returncode == 0 else ["the audit log's chain does not hold"]
    seen = {(entry["rev"], entry["object"]) for text, in open_database(yado, "audit").execute("SELECT text FROM entry")
            for entry in [json.loads(text)] if entry["action"] == "commit"}
    for rev, path in open_database(yado, "store").execute("SELECT rev, path FROM change"):
        if path.split("/")[0] not in UNAUDITED and (rev, path) not in seen:
            faults.append(f"commit {rev} of {path} is not in the audit log")
    return faults


def check_acknowledged(yado, ledger):
    """What clients were told is there."""
    store, tasks = open_database(yado, "store"), open_database(yado, "tasks")
    faults = []
    for path, rev, text in ledger.acknowledged:
        row = store.execute("SELECT after FROM change WHERE rev = ? AND path = ?", (rev, path)).fetchone()
        if not row or text not in (row[0] or ""):
            faults.append(f"the acknowledged change {rev} of {path} is lost")
    known = {id for id, in tasks.execute("SELECT id FROM task")}
    oldest = min(known, default=0)
    faults += [f"the acknowledged task {id} is lost" for id in ledger.tasks if id not in known and id >= oldest]
    return faults


def check_databases(yado):
    faults = []
    for name in DATABASES:
        answer = open_database(yado, name).execute("PRAGMA integrity_check").fetchall()
        if answer != [("ok",)]:
            faults.append(f"{name}.db: {answer[:3]}")
    return faults


def check_disks(yado):
    """Every volume is whole; only for guests that are stopped."""
    faults = []
    for file in sorted((yado.state / "storage").glob("*.qcow2")):
        answer = subprocess.run(["qemu-img", "check", "-f", "qcow2", file], capture_output=True, text=True)
        # 3: clusters that nobody refers to, which a killed QEMU leaves and which cost nothing but space.
        if answer.returncode not in (0, 3):
            faults.append(f"qemu-img check {file.name}: {answer.stdout[-200:]}{answer.stderr[-200:]}")
    return faults


# What a daemon and its front may say when things around them are killed.
ALLOWED = [re.compile(text) for text in (
    r"yado-httpd was ended by signal (9|15)", r"VM \d+: .*(crash|signal|ended|killed|lost|adopt|monitor|agent|does not)",
    r"cannot restart VM", r"is not connected", r"was interrupted", r"passt", r"upload \S+ is given up",
    r"QEMU \d+ runs as VM", r"what is left of")]


def check_log(text):
    """Warnings beyond those that are due, critical messages, and what sanitizers say."""
    faults = []
    for line in text.splitlines():
        if re.search(r"CRITICAL|ERROR: (Address|Leak|Undefined)|runtime error|Assertion|\*\*ERROR", line) or (
                "WARNING" in line and not any(allowed.search(line) for allowed in ALLOWED)):
            faults.append("log: " + line[:300])
    return sorted(set(faults), key=faults.index)


CHECKS = (check_tasks, check_processes, check_mounts, check_volumes, check_images, check_uploads, check_history,
          check_rows, check_audit, check_databases)


def find_faults(yado, *more):
    return [fault for check in (*CHECKS, *more) for fault in check(yado)]
