"""The first whole path: a guest is made from an image, boots, reports, is used over its console, and ends cleanly."""


def test_a_guest_boots_reports_and_shuts_down(host):
    from yado import Console
    # One document, that of the last that was done.
    assert host("vm", "create", "hello", "--image", "tiny", "--start")["kind"] == "vm.start"
    assert host.state_of("hello") == "running"
    assert host.wait_address("hello") == "10.0.2.15"
    console = Console(host, "hello").login()
    assert console.shell("cat /sys/class/net/eth0/address") == host.vm("hello")["nics"]["nic0"]["mac"]
    host("vm", "shutdown", "hello", "--timeout", "60")
    status = host.status("hello")
    assert (status["state"], status["reason_code"]) == ("stopped", "user-shutdown")
