"""Which provider a name means, alone and with others; the one that the documentation shows is installed and run."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import calciscope
from calciscope import anatomy as providers
from calciscope.domain.anatomy import Anatomy
from calciscope.errors import AnatomyError
from calciscope.place import place
from calciscope.read.mask import read_label_map
from tests.anatomy.test_labelmap import GEOMETRY, SHAPE, base, labelled, volume, written
from tests.place.make import deposit

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"


@pytest.fixture(autouse=True)
def embedded(monkeypatch):
    """A quick stand-in for the embedded anatomy."""
    monkeypatch.setattr("calciscope.anatomy.embedded.segment", base)


def installed(folder, name, code, target, monkeypatch):
    """A package with an entry point, as an installer leaves it."""
    (folder / f"{name}.py").write_text(code, encoding="utf-8")
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[calciscope.anatomy]\n{name} = {target}\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, name, raising=False)


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def iodine():
    hu = np.zeros(SHAPE, dtype=np.int16)
    hu[1:8, 2:14, 17:28] = 110
    return calciscope.domain.image.Volume(hu, GEOMETRY)


@pytest.fixture
def clinic(tmp_path, monkeypatch):
    (code,) = blocks("python")
    (project,) = blocks("toml")
    name, target = re.search(r'anatomy"\]\n(\w+) = "([\w:]+)"', project).groups()
    installed(tmp_path, name, code, target, monkeypatch)
    yield name
    sys.modules.pop(name, None)


def test_the_provider_of_the_documentation_works_as_it_stands(clinic):
    body = providers.provider(clinic)(iodine())
    assert body.mask("thyroid_gland").sum() == 7 * 12 * 11
    assert body.has("spleen")
    assert [one.provider for one in body.manifests] == ["embedded", "clinic_thyroid"]
    (found,) = place([deposit((4, 7, 22), series="s")], iodine(), body)
    assert (found.placement.site, found.placement.provider) == ("thyroid", "clinic_thyroid")
    assert found.placement.structure == "thyroid_gland"


def test_it_is_about_25_lines(clinic):
    assert len([line for line in blocks("python")[0].splitlines() if line.strip()]) <= 25


def test_a_provider_says_why_it_cannot(clinic):
    with pytest.raises(AnatomyError, match="sees no thyroid"):
        providers.provider(clinic)(volume())
    with pytest.raises(AnatomyError, match="clinic_thyroid has no options"):
        providers.provider(f"{clinic}:fast")


def test_one_that_does_not_fit_is_left_out_while_another_does(clinic, tmp_path):
    file = written(tmp_path / "map.nii.gz", labelled())
    (tmp_path / "map.csv").write_text("label,structure\n1,liver\n2,aorta\n")
    body = providers.provider(f"{clinic}+{file}", read_label_map)(volume())
    assert np.array_equal(body.mask("liver"), labelled() == 1)
    assert any("sees no thyroid" in note for note in body.notes)


def test_a_later_one_overrides_an_earlier_one(clinic, tmp_path):
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[4, 6, 21] = 1
    file = written(tmp_path / "one+two.nii.gz", labels)
    (tmp_path / "one+two.csv").write_text("label,structure\n1,thyroid_gland\n")
    for spec in ([clinic, str(file)], ["embedded", clinic, str(file)], f"embedded+{clinic}", [f"{file}", clinic]):
        body = providers.provider(spec, read_label_map)(iodine())
        last = spec[-1] if isinstance(spec, list) else clinic
        assert body.provider_of("thyroid_gland") == ("label map" if last == str(file) else clinic)
        assert body.mask("thyroid_gland").sum() == (1 if last == str(file) else 924)


def test_the_embedded_anatomy_alone_is_itself():
    assert providers.provider("embedded") is base
    assert providers.provider(["embedded", "embedded"]) is base


@pytest.mark.parametrize("spec", ["", " ", "embedded+", [], ["embedded", ""], ",names.csv"])
def test_nothing_named_is_said(spec):
    with pytest.raises(AnatomyError, match="no anatomy is named"):
        providers.provider(spec)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AnatomyError, match=r"'nothing' \(known: .*embedded.*totalsegmentator"):
        providers.provider("embedded+nothing")


@pytest.mark.parametrize(
    ("code", "target", "says"),
    [
        ("raise ImportError('x')", "broken:segment", r"broken cannot be loaded \(ImportError\)"),
        ("", "broken:segment", r"broken cannot be loaded \(AttributeError\)"),
        ("segment = 3", "broken:segment", "broken is no function"),
    ],
)
def test_a_broken_one_is_one_line(tmp_path, monkeypatch, code, target, says):
    installed(tmp_path, "broken", code, target, monkeypatch)
    with pytest.raises(AnatomyError, match=says):
        providers.provider("broken")


def test_a_provider_that_gives_something_else_is_one_line(tmp_path, monkeypatch):
    installed(tmp_path, "odd", "def segment(volume):\n    return volume.hu\n", "odd:segment", monkeypatch)
    with pytest.raises(AnatomyError, match="gave ndarray and no Anatomy"):
        providers.provider("odd")(volume())


CONFIGURABLE = """
from dataclasses import dataclass
from calciscope.domain.anatomy import Anatomy, Manifest
import numpy as np

@dataclass(frozen=True)
class P:
    options: str = "never asked"
    def configured(self, options):
        return P(options)
    def __call__(self, volume):
        return Anatomy(np.zeros(volume.hu.shape, np.uint8), {}, volume.geometry, Manifest("p", self.options, "MIT"))

provider = P()
"""


@pytest.mark.parametrize(("spec", "version"), [("optional", ""), ("optional:a,b:1", "a,b:1"), ("optional: x ", "x")])
def test_options_are_what_follows_the_colon(tmp_path, monkeypatch, spec, version):
    installed(tmp_path, "optional", CONFIGURABLE, "optional:provider", monkeypatch)
    body = providers.provider(spec)(volume())
    assert isinstance(body, Anatomy)
    assert body.laid_over[0].version == version
