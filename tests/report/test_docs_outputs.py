"""The page about outputs is true: its formats and columns are those of the program, and its command writes them."""

import re
import shlex
from pathlib import Path

from calciscope.report import formats, tables
from tests.studies import run, series

PAGE = (Path(__file__).parents[2] / "docs" / "outputs.md").read_text("utf-8")


def rows(heading):
    part = PAGE.partition(heading)[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([\w-]+)` \| (.*?) \|", part, re.MULTILINE))


def test_every_format_is_listed():
    assert list(rows("| `--format` | file | needs |")) == list(formats.FORMATS)


def test_every_column_is_described_as_in_the_files():
    assert rows("## Columns of `findings.csv`") == tables.FINDINGS
    assert rows("## Columns of `deposits.csv`") == tables.DEPOSITS


def test_the_command_writes_the_files_of_the_table(tmp_path):
    command = re.search(r"\$ calciscope (assess .*)", PAGE).group(1)
    words = shlex.split(command)
    series(uid="1.2.3.8", study="1.2.3.9", header={"StudyTime": "101500", "PatientSex": "M"}).write(tmp_path / "ct")
    wanted = words[words.index("--format") + 1]
    ran = run("assess", tmp_path / "ct", "--format", wanted, out=tmp_path / "out")
    assert ran.code == 0
    assert "not written" not in ran.err
    there = [str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()]
    for name in re.findall(r"`((?:dicom/)?[\w-]+\.\w+)`", PAGE.partition("\n## ")[0]):
        pattern = re.escape(name).replace("SERIES", "[\\w-]+").replace("N", "\\d+")
        assert [path for path in there if re.fullmatch(pattern, path)], name
