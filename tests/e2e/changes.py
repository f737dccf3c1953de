"""Changing a guest by patches, and holding its plan to its word."""
from yado import api, wait_task


def plan(host, name, patch):
    reply = api(host, "PATCH", f"/vms/{name}?plan=1", patch)
    assert reply["status"] == 200, reply
    return reply["body"]["plan"]


def change(host, name, patch, headers=None):
    """Applies a patch; the task that it took (None: at once). Its failure is for the caller to see."""
    reply = api(host, "PATCH", f"/vms/{name}", patch, headers=headers)
    assert reply["status"] in (200, 202), reply
    return wait_task(host, reply["body"]["task"]) if reply["status"] == 202 else None


def pending_paths(host, name):
    return [entry["path"] for entry in host.status(name)["pending"]]


def differences(before, after, path=""):
    """What changed between two documents, as the plan has it: path -> (before, after)."""
    if isinstance(before, dict) or isinstance(after, dict):
        found = {}
        before, after = before or {}, after or {}
        for key in {**before, **after}:
            if path or key != "status":
                found.update(differences(before.get(key), after.get(key), f"{path}.{key}" if path else key))
        return found
    return {} if before == after else {path: (before, after)}


def change_as_planned(host, name, patch):
    """A patch does exactly what its plan said; afterwards what is pending is what was said to wait."""
    said = plan(host, name, patch)
    assert not said["refused"], said
    before, waiting = host.vm(name), set(pending_paths(host, name))
    task = change(host, name, patch)
    assert not task or task["state"] == "done", task
    after = host.vm(name)
    made = differences(before, after)
    for entry in said["changes"]:
        # A MAC, a serial or a WWN is decided anew by the change itself.
        if entry["path"].rsplit(".")[-1] not in ("mac", "serial", "wwn"):
            for path, pair in differences(entry.get("before"), entry.get("after"), entry["path"]).items():
                assert made.get(path) == pair, (path, pair, made)
        made = {path: pair for path, pair in made.items()
                if path != entry["path"] and not path.startswith(entry["path"] + ".")}
    assert not made, f"not in the plan: {made}"
    running = before["status"]["state"] == "running"
    later = {entry["path"] for entry in said["changes"] if entry["when"] == "restart"}
    assert running or not later
    now = {entry["path"] for entry in said["changes"] if entry["when"] == "now"}
    found = set(pending_paths(host, name))
    assert found - waiting <= later and later <= found | waiting, (found, later)
    assert not now & found, (now, found)
    return said
