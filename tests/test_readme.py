"""What the README says is what happens: its commands are run, and their output is compared with the one shown."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from calciscope import cli

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?<![\w.-])\d[\d,]*(?:\.\d+)?")
# Arithmetic differs in the last digits between processors, and a voxel at the threshold may go either way.
TOLERANCE = 0.03


def blocks(kind: str) -> list[str]:
    return [body for found, body in BLOCK.findall(TEXT) if found == kind]


def named_files() -> dict[str, str]:
    """Files that the README shows: a block that starts with its name, and the corrections table."""
    files = {body.partition("\n")[0].removeprefix("# ").strip(): body.partition("\n")[2] for body in blocks("text")}
    files |= {body.splitlines()[0].removeprefix("# ").strip(): body for body in blocks("yaml")}
    files["corrections.csv"] = next(body for body in blocks("") if body.startswith("deposit,action"))
    return files


def commands() -> list[tuple[str, str]]:
    shown = []
    for body in blocks("console"):
        first, _, output = body.partition("\n")
        shown.append((first.removeprefix("$ "), output))
    return shown


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    for name, text in named_files().items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def same(shown: str, printed: str) -> bool:
    """Equal in words, and in numbers within the tolerance; runs of blanks count as one."""
    words = [re.sub(r"\s+", " ", NUMBER.sub("#", text)).strip() for text in (shown, printed)]
    if words[0] != words[1]:
        return False
    pairs = zip(*([float(n.replace(",", "")) for n in NUMBER.findall(text)] for text in (shown, printed)), strict=True)
    return all(a == pytest.approx(b, rel=TOLERANCE, abs=0.11) for a, b in pairs)


@pytest.mark.parametrize(("command", "output"), commands(), ids=[command[:40] for command, _ in commands()])
def test_a_command_prints_what_the_readme_shows(command, output, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit) as stop:
        cli.main()
    out, err = capsys.readouterr()
    assert stop.value.code in (0, None)
    # On a terminal both streams mix; what was not used goes to standard error.
    lines = output.splitlines()
    shown_err = [line for line in lines if line.startswith("not used:")]
    shown_out = [line for line in lines if not line.startswith("not used:")]
    assert same("\n".join(shown_err), err.strip()), err
    assert same("\n".join(shown_out), out), f"\nREADME shows:\n{output}\nprinted:\n{out}"


PRINTED = ("ureter.right", "54.0 mm3\n")


@pytest.mark.parametrize(("body", "printed"), list(zip(blocks("python"), PRINTED, strict=True)))
def test_a_python_example_runs(body, printed, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    exec(body, {})
    assert printed in capsys.readouterr().out


def test_comparison_of_outputs_can_fail():
    assert same("stone of 6.8 mm at x", "stone  of 6.8 mm at x")
    assert same("volume 305 mm3", "volume 303 mm3")
    assert not same("volume 305 mm3", "volume 405 mm3")
    assert not same("stone of 6.8 mm", "plaque of 6.8 mm")


def test_the_two_commands_are_those_of_the_check():
    install, test = (body.strip() for body in blocks("")[:2])
    assert install == "pip install . && calciscope demo"
    steps = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert all(part.strip() in steps for part in test.split("&&"))


def test_links_of_the_readme_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / target).exists(), target
