import fcntl
import os
import pathlib
import shutil

import pytest

from yado import Yado, build_images


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The image, built once by a daemon of its own, to be copied into others' states."""
    cached = os.environ.get("YADO_TEST_IMAGES")
    if cached and pathlib.Path(cached).exists():
        yield pathlib.Path(cached)
        return
    folder = pathlib.Path("/var/tmp") / f"yado-test-{os.getpid()}" / "seed"
    folder.parent.mkdir(mode=0o700)
    build_images(folder)
    yield folder
    shutil.rmtree(folder.parent, ignore_errors=True)


def running(yado, tiny, request):
    """Started with the image `tiny`; everything it started is gone after the test, its state only if that passed."""
    yado.copy_from(tiny)
    yado.start()
    yield yado
    try:
        yado.clean()
    finally:
        if getattr(request.node, "rep_call", None) and request.node.rep_call.passed:
            shutil.rmtree(yado.state, ignore_errors=True)


@pytest.fixture
def host(tiny, tmp_path_factory, request):
    """A running yadod that has the image `tiny`."""
    yield from running(Yado(tmp_path_factory.mktemp("host") / "state"), tiny, request)


@pytest.fixture
def front(tiny, tmp_path_factory, request):
    """As `host`, with yado-httpd."""
    yield from running(Yado(tmp_path_factory.mktemp("front") / "state").with_front(), tiny, request)


@pytest.fixture
def tap_names():
    """Devices of the machine are named after guests' numbers, which all daemons count from 100: one test at a time has any."""
    with open("/run/yado-test-taps", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    setattr(item, "rep_" + report.when, report)
    for name in ("host", "front"):
        if report.when == "call" and report.failed and name in item.funcargs:
            report.sections.append(("yadod's log", item.funcargs[name].tail()))
