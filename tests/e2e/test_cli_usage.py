"""The command without a daemon: help, wrong usage, exit codes, languages, completion."""
import json
import os
import pty
import re
import subprocess

import pytest

from yado import BUILD, ROOT

YADO = str(BUILD / "src/cli/yado")

DONE, REFUSED, USAGE, MISSING, CONFLICT, UNREACHABLE = range(6)
GROUPS = ["vm", "image", "storage", "task", "node", "history", "user", "role", "token", "session", "access", "audit",
          "remote"]


@pytest.fixture
def yado(tmp_path):
    def run(*words, stdin="", **variables):
        environment = {
            "PATH": os.environ["PATH"],
            "YADO_SOCKET": str(tmp_path / "nobody.sock"),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "LANG": "C",
            **{name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")},
            **variables,
        }
        return subprocess.run(
            [YADO, *words], input=stdin, capture_output=True, encoding="utf-8", timeout=30, env=environment
        )

    return run


def commands():
    """Every command, as the help lists them."""
    found = [["console"], ["vnc"], ["events"], ["whoami"], ["help"], ["version"], ["completion"]]
    for group in GROUPS:
        text = subprocess.run([YADO, group, "--help"], capture_output=True, encoding="utf-8", timeout=30).stdout
        found += [[group, match] for match in re.findall(r"^  ([a-z-]+)", text, re.M)]
    return found


def test_every_group_has_commands(yado):
    for group in GROUPS:
        answer = yado(group, "--help")
        assert answer.returncode == DONE
        assert re.search(r"^  (list|show) ", answer.stdout, re.M)
        assert answer.stderr == ""


def test_no_command_is_wrong_usage_and_shows_the_help_on_stderr(yado):
    for words in ([], ["vm"], ["history"]):
        answer = yado(*words)
        assert answer.returncode == USAGE
        assert answer.stdout == ""
        assert "Usage: yado" in answer.stderr


def test_every_command_has_help_in_both_languages(yado):
    for words in commands():
        english, japanese = yado("help", *words), yado("help", *words, "--lang", "ja")
        assert english.returncode == japanese.returncode == DONE, words
        assert english.stdout.startswith("Usage: yado " + " ".join(words))
        assert japanese.stdout.startswith("使い方: yado " + " ".join(words))
        assert len(english.stdout.splitlines()) == len(japanese.stdout.splitlines()), words
        assert english.stdout.isascii() or "…" in english.stdout, words
        assert yado(*words, "--help").stdout == english.stdout


@pytest.mark.parametrize("variables", [{"LANG": "ja_JP.UTF-8"}, {"LC_MESSAGES": "ja_JP.UTF-8"}, {"LC_ALL": "ja"}])
def test_the_language_comes_from_the_locale(yado, variables):
    assert "使い方" in yado("--help", **variables).stdout
    assert "Usage" in yado("--help", "--lang", "en", **variables).stdout


def test_lc_all_wins_over_lang(yado):
    assert "Usage" in yado("--help", LC_ALL="C", LANG="ja_JP.UTF-8").stdout


def test_the_flags_of_create_come_from_the_table(yado):
    text = yado("vm", "create", "--help").stdout
    for flag in ["--memory SIZE", "--cpu-cores N", "--firmware bios|uefi", "--disk ", "--[no-]agent", "--start"]:
        assert flag in text
    assert "  --name " not in text


@pytest.mark.parametrize(
    "words, message, hint",
    [
        (["vm", "lst"], "there is no command 'lst'", "did you mean 'yado vm list'?"),
        (["storge"], "there is no command 'storge'", "did you mean 'yado storage'?"),
        (["vm", "set", "a", "--memry", "2G"], "there is no option --memry", "did you mean --memory?"),
        (["vm", "list", "--stat=x"], "there is no option --stat ", "did you mean --state?"),
        (["vm", "set", "a", "--uuid", "x"], "--uuid is fixed", "make a new one"),
        (["vm", "set", "a"], "no field to change", "--help"),
        (["vm", "create"], "needs an argument: NAME", None),
        (["vm", "create", "a", "b"], "'b' is one argument too many", None),
        (["vm", "create", "a", "--name", "b"], "there is no option --name", None),
        (["vm", "create", "a", "--start", "--no-wait"], "do not go together", "leave out"),
        (["vm", "create", "a", "--memory", "lots"], "--memory", None),
        (["vm", "list", "-o", "yaml"], "-o must be one of table, json", None),
        (["vm", "list", "-o"], "-o needs a value", None),
        (["vm", "list", "--quiet=yes"], "--quiet takes no value", None),
        (["vm", "list", "--plan"], "there is no option --plan", None),
        (["vm", "set", "a", "--memory", "2G", "--if-rev", "x"], "--if-rev must be a whole number", None),
        (["vm", "shutdown", "a", "--timeout", "0"], "--timeout must be a whole number from 1 to 3600", None),
        (["vm", "shutdown", "a", "--action", "stpo"], "must be one of stop, leave", "did you mean stop?"),
        (["task", "wait", "x"], "'x' is not the number of a task", "yado task list"),
        (["history", "diff", "1", "x"], "'x' is not a revision", "yado history list"),
        (["console", "a", "--escape", "ab"], "--escape is not a key", None),
        (["image", "build", "x", "--recipe", "tiny", "--name", "y"], "the image has two names", None),
        (["image", "import", "/dev/null", "--name", "x", "--format", "raw"], "not a regular file", "save it"),
        (["user", "set", "a"], "no field to change", "--help"),
        (["user", "set", "a", "--name", "b"], "--name is fixed", "make a new one"),
        (["user", "create", "a", "--no-password", "--generate-password"], "in one way only", None),
        (["user", "creat", "a"], "there is no command 'creat'", "did you mean 'yado user create'?"),
        (["role", "create"], "needs an argument: NAME", None),
        (["token", "create", "a", "--expire", "x"], "there is no option --expire", "did you mean --expires?"),
        (["access", "set"], "no field to change", "--password-length"),
        (["access", "set", "--password-length", "many"], "--password-length", None),
        (["audit", "list", "--outcome", "refusd"], "must be one of done, refused, failed", "did you mean refused?"),
        (["audit", "list", "-n", "0"], "--limit must be a whole number from 1 to 1000", None),
        (["audit", "verify", "5"], "[SEQ HASH]", None),
        (["remote", "add", "a"], "needs an argument: NAME URL", None),
        (["remote", "add", "none", "https://x"], "cannot be the name of a remote", None),
        (["--remote", "https://x", "--socket", "/x", "vm", "list"], "do not go together", "leave out"),
        (["completion", "fish"], "no completion for 'fish'", None),
        (["--start", "vm", "list"], "there is no global option --start", "come after"),
        ([""], "there is no command ''", None),
        (["help", "vm", "lst"], "there is no command 'lst'", None),
    ],
)
def test_wrong_usage_is_told_with_a_next_step(yado, words, message, hint):
    answer = yado(*words)
    assert answer.returncode == USAGE
    assert answer.stdout == ""
    assert answer.stderr.startswith("yado: ")
    assert message in answer.stderr
    if hint:
        assert re.search(rf"^  → .*{re.escape(hint)}", answer.stderr, re.M)


@pytest.mark.parametrize(
    "words",
    [
        ["vm", "list"],
        ["vm", "show", "a"],
        ["vm", "set", "a", "--memory", "2G"],
        ["vm", "start", "a", "b"],
        ["vm", "stats"],
        ["image", "list"],
        ["task", "log", "1", "-f"],
        ["task", "wait", "1"],
        ["history", "diff", "1", "2"],
        ["console", "a"],
        ["vnc", "a"],
        ["events"],
        ["user", "list"],
        ["token", "create", "a"],
        ["audit", "verify"],
        ["whoami"],
    ],
)
def test_no_daemon_is_exit_code_5_and_names_the_socket(yado, tmp_path, words):
    answer = yado(*words)
    assert answer.returncode == UNREACHABLE
    assert str(tmp_path / "nobody.sock") in answer.stderr
    assert "  → " in answer.stderr


def test_the_socket_option_wins_over_the_environment_and_may_stand_anywhere(yado, tmp_path):
    other = str(tmp_path / "other.sock")
    for words in (["--socket", other, "vm", "list"], ["vm", f"--socket={other}", "list"], ["vm", "list", "--socket", other]):
        answer = yado(*words)
        assert answer.returncode == UNREACHABLE
        assert other in answer.stderr


def test_a_missing_file_to_import_is_named(yado):
    answer = yado("image", "import", "/nowhere/disk.raw", "--name", "x", "--format", "raw")
    assert answer.returncode == MISSING
    assert "/nowhere/disk.raw" in answer.stderr


def test_the_exit_codes_of_the_help_are_those_of_the_documentation(yado):
    listed = re.findall(r"^ *(\d+)  ", yado("help", "exit-codes").stdout, re.M)
    documented = re.findall(r"^\| (\d+) \|", (ROOT / "docs/command.md").read_text(), re.M)
    assert listed == documented == ["0", "1", "2", "3", "4", "5", "6", "7", "130"]


def test_every_command_is_documented(yado):
    text = (ROOT / "docs/command.md").read_text()
    for words in commands():
        assert "yado " + " ".join(words) in text, words


def test_version_as_text_and_as_json(yado):
    version = yado("--version").stdout.split()[1]
    assert json.loads(yado("version", "-o", "json").stdout) == {"version": version}


def test_output_to_a_file_has_no_escape_sequences(yado):
    for words in (["--help"], ["vm", "create", "--help"], ["vm", "lst"]):
        answer = yado(*words, TERM="xterm")
        assert "\033" not in answer.stdout + answer.stderr


def on_terminal(words, **variables):
    """What the command prints when its output is a terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(YADO, ["yado", *words], {"PATH": "/usr/bin", "TERM": "xterm", "LANG": "C", **variables})
    output = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        output += part
    os.close(terminal)
    os.waitpid(pid, 0)
    return output.decode()


def test_colours_are_for_terminals_without_no_color():
    assert "\033[" in on_terminal(["--help"])
    assert "\033[" not in on_terminal(["--help"], NO_COLOR="1")
    assert "\033[" not in on_terminal(["--help"], TERM="dumb")


def complete(yado, *words):
    answer = yado("__complete", *words)
    assert answer.returncode == DONE
    return answer.stdout.splitlines()


def test_completion_offers_groups_commands_flags_and_values(yado):
    assert {"vm", "image", "console"} <= set(complete(yado, ""))
    assert complete(yado, "vm", "sta") == ["start", "stats"]
    assert complete(yado, "vm", "create", "x", "--firm") == ["--firmware"]
    assert complete(yado, "vm", "create", "x", "--firmware", "") == ["bios", "uefi"]
    assert complete(yado, "vm", "list", "-o", "") == ["table", "json"]
    assert complete(yado, "audit", "list", "--outcome", "re") == ["refused"]
    assert complete(yado, "remote", "re") == ["remove"]
    assert complete(yado, "user", "create", "x", "--pass") == ["--password-file"]
    assert "grant0:path=" in complete(yado, "user", "create", "x", "--grant", "grant0:")
    assert "--name" not in complete(yado, "vm", "create", "x", "--")
    assert "--uuid" not in complete(yado, "vm", "set", "x", "--")
    assert "disk0:bus=sata" in complete(yado, "vm", "create", "x", "--disk", "disk0:bus=s")


def test_completion_never_complains(yado):
    for words in ([], ["nonsense", "x"], ["vm", "nonsense", ""], ["vm", "start", ""], ["--socket"], ["vm", "set", "--"]):
        answer = yado("__complete", *words)
        assert answer.returncode == DONE
        assert answer.stderr == ""


def bash_complete(line, script):
    """What bash offers at the end of the line, with the words split as readline splits them."""
    program = f"""
        source {script}
        compopt() {{ :; }}
        COMP_WORDS=({" ".join(line)}) COMP_CWORD={len(line) - 1}
        _yado
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    answer = subprocess.run(["bash", "-c", program], capture_output=True, encoding="utf-8", timeout=30)
    assert answer.stderr == ""
    return answer.stdout.split()


def test_the_bash_script_completes_words_that_bash_splits(yado, tmp_path):
    script = tmp_path / "yado.bash"
    script.write_text(yado("completion", "bash").stdout)
    assert bash_complete([YADO, "vm", "crea"], script) == ["create"]
    assert bash_complete([YADO, "vm", "create", "x", "--firmware", "''"], script) == ["bios", "uefi"]
    assert bash_complete([YADO, "vm", "create", "x", "--firmware", "=", "u"], script) == ["uefi"]
    assert bash_complete([YADO, "vm", "create", "x", "--disk", "disk0", ":", "bus", "=", "s"], script) == ["sata"]
