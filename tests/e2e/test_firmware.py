"""Firmware: TPM, Secure Boot, firmware set-up at the next start, machine version."""
from yado import Console

# TPM2_ReadClock (TPM 2.0 part 3, 29.1); of the answer, resetCount: how often the TPM was reset, which is kept in its state.
# The command goes in one write.
READ_CLOCK = "echo 80010000000a00000181 | xxd -r -p > /tmp/c; exec 3<>/dev/tpm0; cat /tmp/c >&3; dd bs=64 count=1 <&3 2>/dev/null | xxd -p -c 64"


def reset_count(console):
    answer = bytes.fromhex(console.shell(READ_CLOCK))
    assert answer[6:10] == b"\0\0\0\0", answer
    return int.from_bytes(answer[26:30], "big")


def test_a_guest_has_a_tpm_whose_state_outlives_power_and_daemon(host):
    host("vm", "create", "subject", "--image", "tiny", "--display", "none", "--tpm")
    host("vm", "start", "subject")
    console = Console(host, "subject").login()
    assert console.shell("cat /sys/class/tpm/tpm0/tpm_version_major") == "2"
    first = reset_count(console)
    host("vm", "stop", "subject")
    host("vm", "start", "subject")
    console = Console(host, "subject").login()
    assert reset_count(console) == first + 1
