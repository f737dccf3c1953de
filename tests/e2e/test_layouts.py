"""Every file of the state has a layout, and a copy is made before it changes (tests/unit/migrate.c has the steps)."""
import sqlite3

import pytest

FILES = ["store.db", "tasks.db", "audit.db", "requests.db"]


def layout(path, number=None):
    database = sqlite3.connect(path)
    try:
        if number is not None:
            database.execute(f"PRAGMA user_version = {number}")
            database.commit()
        return database.execute("PRAGMA user_version").fetchone()[0]
    finally:
        database.close()


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_a_newer_version_keeps_the_daemon_from_starting_and_is_not_touched(host, name):
    host.stop()
    path = host.state / name
    known = layout(path)
    layout(path, known + 7)
    content = path.read_bytes()
    with pytest.raises(RuntimeError) as refused:
        host.start()
    assert f"{name}' was written by a newer version of Yado" in str(refused.value)
    assert f"its layout is {known + 7}, this version knows up to {known}" in str(refused.value)
    assert "-> install the version of Yado that wrote it" in str(refused.value)
    assert path.read_bytes() == content
    layout(path, known)
    host.start()
    assert host("vm", "list")["items"] == []
