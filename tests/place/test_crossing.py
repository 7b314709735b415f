"""Where the ureter crosses the iliac artery, neither reading is sure."""

import pytest

from calciscope.place.decide import confidence
from calciscope.place.hypotheses import Hypothesis, _crossed


def read(**scores):
    """The readings by site, from scores by site with ``_`` for ``.``."""
    items = [Hypothesis(site.replace("_", "."), score, site) for site, score in scores.items()]
    return {item.site: item for item in items}


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(("ureter", "artery"), [(0.95, 0.4), (0.3, 0.8), (0.6, 0.6)])
def test_near_the_crossing_neither_is_sure(side, ureter, artery):
    made = _crossed(read(**{f"ureter_{side}": ureter, f"artery_iliac_{side}": artery}))
    first, second = (made[f"ureter.{side}"].score, made[f"artery.iliac.{side}"].score)
    assert max(first, second) == max(ureter, artery)
    assert (first >= second) == (ureter >= artery)
    assert confidence(max(first, second), min(first, second)) < 0.6


@pytest.mark.parametrize(
    "scores",
    [
        {"ureter_left": 0.9, "artery_iliac_right": 0.8},
        {"ureter_left": 0.9, "artery_iliac_left": 0.1},
        {"ureter_left": 0.9, "vein_pelvic": 0.5},
        {},
    ],
    ids=["other side", "hardly near", "a vein", "nothing"],
)
def test_elsewhere_nothing_changes(scores):
    found = read(**scores)
    assert _crossed(found) == found
