"""The side of a mention where its own words say none."""

import pytest

pytest.importorskip("spacy", reason="the text extra is not installed")

from calciscope.text.reader import reader


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("MRI of the right shoulder. The supraspinatus tendon contains calcification.", "right"),
        ("The left kidney is small. A calculus is seen in the kidney.", "left"),
        ("The left kidney is small. Calculi are seen in the kidneys.", None),
        ("Left shoulder radiograph with calcification of the deltoid muscle.", "left"),
        ("MRI of the left shoulder. There is calcification of the deltoid muscle.", "left"),
        ("MRI of the left shoulder. There is calcification of the heart.", None),
        ("The left kidney is small. The right kidney is large. A calculus is seen in the kidney.", None),
    ],
)
def test_the_side_of_the_part_that_was_spoken_of_before(text: str, side: str | None) -> None:
    assert reader().read(text).mentions[0].laterality == side
