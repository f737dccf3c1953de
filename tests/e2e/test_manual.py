"""Manual pages: there is one for everything, they say what the programs take, and no formatter complains."""
import re
import subprocess

import pytest

from yado import BUILD

LANGUAGES = {"en": BUILD / "man", "ja": BUILD / "man/ja"}
DAEMONS = {"yadod": BUILD / "src/daemon/yadod", "yado-httpd": BUILD / "src/httpd/yado-httpd"}


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("folder", LANGUAGES.values(), ids=LANGUAGES)
def test_every_group_of_commands_has_a_page(folder):
    wanted = {f"{name}.1" for name in output(BUILD / "src/cli/yado", "__manual").split()}
    assert {path.name for path in folder.glob("*.1")} == wanted
    assert len(wanted) > 10


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_has_every_command_and_option_of_its_group(language):
    page = (LANGUAGES[language] / "yado-vm.1").read_text().replace("\\-", "-")
    commands = re.findall(r"^  (\w+)", output(BUILD / "src/cli/yado", "--lang", language, "help", "vm"), re.M)
    assert {"list", "create", "shutdown"} <= set(commands)
    for command in commands:
        assert f'.SS "yado vm {command}' in page
    # Usage, what it does, its own options, those of every change, fields, global options.
    sections = output(BUILD / "src/cli/yado", "--lang", language, "help", "vm", "create").split("\n\n")
    options = re.findall(r"^ +(--\S+)", sections[2] + "\n" + sections[4], re.M)
    assert {"--start", "--memory", "--disk"} <= set(options)
    for option in options:
        assert f'.B "{option}' in page


@pytest.mark.parametrize("name", DAEMONS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_daemons_pages_name_the_options_that_they_take(name, language):
    taken = set(re.findall(r"--[a-z-]+(?:=\S+)?", output(DAEMONS[name], "--help")))
    page = (LANGUAGES[language] / f"{name}.8").read_text().replace("\\-", "-")
    named = {option for tag in re.findall(r'^\.B "(-.*)"$', page, re.M) for option in re.findall(r"--[^ ,]+", tag)}
    assert named == taken


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_formatter_has_a_warning(language):
    pages = sorted(LANGUAGES[language].glob("*.[18]"))
    macros = ["-man", "-mja"] if language == "ja" else ["-man"]
    for page in pages:
        groff = subprocess.run(["groff", "-ww", "-Kutf8", "-Tutf8", "-z", *macros, page], capture_output=True, text=True)
        assert (groff.returncode, groff.stderr) == (0, "")
    # What is only style: lines of source longer than 80 bytes, which Japanese cannot avoid.
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning" if language == "ja" else "-Wstyle", *pages],
                          capture_output=True, text=True)
    assert (lint.returncode, lint.stdout) == (0, "")
