"""Long measurements keep their pieces: what is done is not done again, and what breaks stops nothing."""

import sys
import tempfile
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "docs"))
import kept_runs


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_piece_that_breaks_is_told_and_the_others_stand(capsys: pytest.CaptureFixture[str]) -> None:
    made = kept_runs.run({"b": partial(pow, 2, 5), "broken": partial(int, "x"), "a": partial(pow, 2, 3)})
    assert list(made.items()) == [("b", 32), ("a", 8)]
    assert "broken left out: ValueError" in capsys.readouterr().err


def test_what_is_kept_is_not_made_again_until_the_source_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    monkeypatch.setattr(kept_runs, "SOURCE", source)
    monkeypatch.setattr(kept_runs, "HERE", tmp_path / "docs")
    (source / "a.py").write_text("one")
    assert kept_runs.run({"a": partial(pow, 2, 3)}) == {"a": 8}
    assert kept_runs.run({"a": partial(pow, 9, 9)}) == {"a": 8}
    (source / "a.py").write_text("two")
    assert kept_runs.run({"a": partial(pow, 9, 2)}) == {"a": 81}
