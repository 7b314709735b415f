"""The PDF holds the answer; where its library is missing, one line says which to install."""

import builtins

import pytest

from calciscope.errors import OutputError
from calciscope.report import html, pdf
from calciscope.report.html import Pictures
from calciscope.report.pictures import crops, overview
from tests.report import make


def missing(monkeypatch, error):
    real = builtins.__import__

    def blocked(name, *arguments, **more):
        if name.startswith("weasyprint"):
            raise error
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", blocked)


def test_a_report_becomes_pages(tmp_path):
    pytest.importorskip("weasyprint", reason="WeasyPrint is not installed")
    placed = [make.placed()]
    shown = Pictures(crops(make.volume(), placed), (overview(make.volume(), placed, "s1"),))
    document = pdf.write(make.assessment(), shown, tmp_path / "report.pdf").read_bytes()
    assert document.startswith(b"%PDF-")
    assert document.rstrip().endswith(b"%%EOF")
    without = pdf.render(make.assessment(), None)
    assert len(document) > len(without)


def test_outlines_are_lines_in_every_picture():
    placed = [make.placed()]
    page = html.render(
        make.assessment(), Pictures(crops(make.volume(), placed), (overview(make.volume(), placed, "s1"),))
    )
    styled = pdf.styled(page)
    assert styled.count("<svg") == styled.count("<style>.outline { fill: none;") == page.count("<svg") == 4
    assert "circle.level-urgent { stroke" in styled


def test_a_missing_package_is_named(monkeypatch):
    missing(monkeypatch, ImportError("weasyprint"))
    with pytest.raises(OutputError, match=r"pip install 'calciscope\[pdf\]'"):
        pdf.render(make.assessment(), None)


def test_a_missing_system_library_is_named(monkeypatch):
    missing(monkeypatch, OSError("cannot load library 'libpango-1.0-0'"))
    with pytest.raises(OutputError, match=r"libpango-1\.0-0, libpangoft2-1.0-0") as caught:
        pdf.render(make.assessment(), None)
    assert "\n" not in str(caught.value)


def test_tables_have_the_whole_page_and_pictures_stand_below():
    weasyprint = pytest.importorskip("weasyprint", reason="WeasyPrint is not installed")
    placed = [make.placed()]
    shown = Pictures(crops(make.volume(), placed), (overview(make.volume(), placed, "s1"),))
    page = weasyprint.HTML(string=pdf.styled(html.render(make.assessment(), shown))).render(
        stylesheets=[weasyprint.CSS(string=pdf._SHEET)]
    )
    for one in page.pages:
        right = one._page_box.position_x + one._page_box.margin_width()
        for box in one._page_box.descendants():
            if box.element_tag in ("table", "svg"):
                assert box.position_x + box.width <= right
