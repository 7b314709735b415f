"""Bodies that a method meets seldom: a pregnancy, a transplanted kidney, one lung missing, tubes in the urinary tract.

Each takes a body and returns another; the one that was given stays as it is. Lengths are mm of the reference body.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from calciscope.simulate.body import Body
from calciscope.simulate.canvas import Canvas
from calciscope.simulate.ct import Mineral
from calciscope.simulate.devices import minerals
from calciscope.simulate.pelvis import BLADDER
from calciscope.simulate.shapes import Vector, curve, ellipsoid, tube
from calciscope.simulate.tissue import TISSUES

# Radiopaque polyurethane and silicone, HU beyond what surrounds them.
_PLASTIC_HU = 700.0
# Fetal head: the middle and the half axes of the skull, near term head down in the pelvis.
_HEAD: Vector = (4.0, -34.0, 104.0)
_SKULL: Vector = (36.0, 44.0, 38.0)


def _canvas(body: Body) -> Canvas:
    """A canvas that holds a copy of a body, to be painted on."""
    canvas = Canvas(body.geometry, body.scale, body.kvp, body.contrast)
    canvas.hu, canvas.labels, canvas.names = body.hu.copy(), body.labels.copy(), dict(body.names)
    return canvas


def _body(body: Body, canvas: Canvas) -> Body:
    return replace(body, hu=canvas.hu, labels=canvas.labels, names=MappingProxyType(canvas.names))


def pregnant(body: Body) -> Body:
    """A woman in the third trimester: the womb with its fluid, and the bones of the child, named ``fetus``."""
    canvas = _canvas(body)
    canvas.hollow(ellipsoid((0, -46, 176), (92, 56, 128)), "uterus", 7.0, "urine", "uterus")
    canvas.paint(ellipsoid((10, -44, 176), (44, 38, 62)), "muscle", "fetal_tissue")
    canvas.hollow(ellipsoid(_HEAD, _SKULL), "cortical_thin", 1.6, "white", "fetus")
    spine = curve([(2, 2, 126), (10, -6, 160), (16, -10, 200), (8, -24, 246)], 5.0)
    for at in spine:
        # Three centres of bone for each vertebra: the body and an arch on either side.
        for aside, behind in ((0.0, 0.0), (-4.5, 6.0), (4.5, 6.0)):
            centre = (float(at[0]) + aside, float(at[1]) + behind, float(at[2]))
            canvas.paint(ellipsoid(centre, (2.4, 2.0, 1.9)), "trabecular_dense", "fetus")
    for k, at in enumerate(spine[3:13]):
        for side in (-1.0, 1.0):
            x, y, z = (float(v) for v in at)
            size = 22.0 + 1.2 * min(k, 9 - k)
            rib = curve(
                [(x + side * 4, y + 3, z), (x + side * size, y - 10, z - 4), (x + side * 12, y - 38, z - 9)], 4.0
            )
            canvas.paint(tube(rib, 0.9), "cortical", "fetus")
    for start, end in _LIMBS:
        canvas.bone(tube(np.array([start, end]), 2.6), "fetus", 1.2, "cortical")
    return _body(body, canvas)


_LIMBS: tuple[tuple[Vector, Vector], ...] = (
    ((-20.0, -30.0, 236.0), (-48.0, -60.0, 206.0)),
    ((-48.0, -62.0, 204.0), (-30.0, -78.0, 166.0)),
    ((34.0, -36.0, 240.0), (56.0, -62.0, 214.0)),
    ((56.0, -64.0, 210.0), (34.0, -80.0, 172.0)),
    ((-28.0, -34.0, 156.0), (-52.0, -54.0, 178.0)),
    ((44.0, -34.0, 154.0), (60.0, -50.0, 186.0)),
)


def transplanted(body: Body) -> Body:
    """A kidney in the right iliac fossa, in a bed of fat, named ``kidney_transplant``."""
    canvas = _canvas(body)
    middle, axis = (-72.0, -44.0, 122.0), (0.2, 0.1, 1.0)
    canvas.paint(ellipsoid(middle, (36, 32, 62), axis), "fat", "abdominal_fat")
    canvas.paint(ellipsoid(middle, (27, 24, 52), axis), "kidney", "kidney_transplant")
    canvas.paint(
        ellipsoid((middle[0] + 8, middle[1] + 4, middle[2]), (10, 10, 26), axis), "sinus_fat", "kidney_transplant"
    )
    duct = curve([(middle[0] + 10, middle[1] + 6, 112), (-44, -34, 84), (-22, -24, 70)], 4.0)
    canvas.hollow(tube(duct, 3.0), "bowel_wall", 1.2, "urine", "ureter_transplant")
    return _body(body, canvas)


def without_lung(body: Body, side: str = "left") -> Body:
    """One half of the chest without air: fluid, as after the removal of a lung."""
    mask = body.mask(f"lung_{side}")
    x = body.geometry.origin[0] + body.geometry.spacing[2] * np.arange(body.geometry.shape[2])
    mask |= body.mask("lung_vessels") & ((x > 0) == (side == "left"))[None, None, :]
    hu = body.hu.copy()
    hu[mask] = TISSUES["joint_fluid"].hu
    labels = body.labels.copy()
    fluid = max(body.names.values()) + 1
    labels[mask] = fluid
    return replace(body, hu=hu, labels=labels, names=MappingProxyType({**body.names, "pleural_fluid": fluid}))


def ureteral_stent(body: Body, side: str = "right") -> Sequence[Mineral]:
    """A double-J stent: a thin tube from the renal pelvis into the bladder, curled at both ends."""
    line = body.courses[f"ureter.{side}"].points
    first, last = line[0], line[-1]
    sign = -1.0 if side == "right" else 1.0
    turn = np.linspace(0, 1.6 * np.pi, 12)[:, None]
    curl = np.concatenate([np.sin(turn), np.zeros_like(turn), 1 - np.cos(turn)], axis=1) * (8.0 * sign, 0.0, 8.0)
    whole = np.concatenate([(first + curl)[::-1], line[1:-1], last - curl * (1.0, 0.0, 1.0)])
    return minerals(tube(whole, 1.1), body, _PLASTIC_HU, 0.4)


def bladder_catheter(body: Body) -> Sequence[Mineral]:
    """A catheter through the urethra with its balloon in the bladder."""
    scale = np.asarray(body.scale)
    x, y, z = BLADDER
    line = np.array([(x, y + 8, z - 62), (x, y + 2, z - 26), (x, y, z + 8)]) * scale
    middle = np.array((x, y, z - 6)) * scale
    ball = ellipsoid((float(middle[0]), float(middle[1]), float(middle[2])), (13, 13, 13))
    pipe = tube(line, 2.7) - tube(line, 1.5)
    return [
        *minerals(pipe, body, 0.6 * _PLASTIC_HU, 0.4),
        *minerals(ball - ball.grow(-1.0), body, 0.4 * _PLASTIC_HU, 0.4),
    ]
