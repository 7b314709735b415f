"""A simulated patient's body: attenuation and names of everything but the deposits, on a grid of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from calciscope.domain.image import Geometry
from calciscope.simulate import abdomen, bowel, hips, pelvis, ribs, spine, thorax, wall
from calciscope.simulate.canvas import Canvas
from calciscope.simulate.courses import Course, courses
from calciscope.simulate.heart import REFERENCE, Heart, coronaries, vessels
from calciscope.simulate.wear import USUAL, Chest, outgrowths

# The reference body: a man of this height (cm) whose habitus factors are 1.
_HEIGHT = 175.0
# The trunk from the lower neck to the upper thighs, mm above the symphysis of the reference body.
SPAN = (-60.0, 612.0)


@dataclass(frozen=True, slots=True)
class Habitus:
    """Build: height in cm, ``width`` and ``fat`` as factors of the average, sex ``female`` or ``male``."""

    height: float = 175.0
    width: float = 1.0
    fat: float = 1.0
    sex: str = "male"

    @property
    def scale(self) -> tuple[float, float, float]:
        """Size along x, y and z relative to the reference body; people grow less in depth than in height."""
        tall = self.height / _HEIGHT
        across = self.width * float(np.sqrt(tall))
        return (across, 0.5 * (across + 1.0), tall)


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """``hu`` float32 and ``labels`` uint8 ``(z, y, x)`` on ``geometry``; ``names`` maps structures to labels.

    ``courses`` are the vessels and ducts in patient mm. ``scale`` maps the reference body onto this one.
    """

    hu: NDArray[np.float32]
    labels: NDArray[np.uint8]
    names: Mapping[str, int]
    geometry: Geometry
    courses: Mapping[str, Course]
    habitus: Habitus
    kvp: float
    contrast: float

    @property
    def scale(self) -> tuple[float, float, float]:
        """Size along x, y and z relative to the reference body."""
        return self.habitus.scale

    def mask(self, *names: str) -> NDArray[np.bool_]:
        """Voxels of any of the named structures."""
        return np.isin(self.labels, [self.names[name] for name in names if name in self.names])


def build(
    rng: np.random.Generator,
    habitus: Habitus,
    *,
    kvp: float = 120.0,
    contrast: float = False,
    prosthesis: bool = False,
    spacing: tuple[float, float, float] = (1.5, 1.25, 1.25),
    span: tuple[float, float] = SPAN,
    heart: Heart = REFERENCE,
    chest: Chest = USUAL,
    excreted: float = 0.0,
) -> Body:
    """Build a body on a grid of ``spacing`` ``(z, y, x)`` mm over ``span`` (mm of the reference body).

    The same generator state, ``heart`` and ``chest`` give the same body. ``contrast`` adds iodine: 1 as in the portal
    venous phase, more as when blood is brightest (see :meth:`Tissue.attenuation`). ``excreted`` is what contrast that
    the kidneys have excreted adds to urine, HU.
    """
    scale = habitus.scale
    low, high = span[0] * scale[2], span[1] * scale[2]
    reach_x = 205.0 * scale[0] + 22.0 * habitus.fat
    bust = 20.0 if habitus.sex == "female" else 0.0
    front, back = -(118.0 * scale[1] + 22.0 * habitus.fat + bust), 128.0 * scale[1] + 34.0 * habitus.fat
    shape = (
        int(np.ceil((high - low) / spacing[0])),
        int(np.ceil((back - front) / spacing[1])),
        2 * int(np.ceil(reach_x / spacing[2])),
    )
    origin = (-(shape[2] - 1) / 2 * spacing[2], front, low)
    canvas = Canvas(Geometry(shape, spacing, origin), scale, kvp, contrast)
    clear = canvas.values["urine"]
    canvas.values["urine"] = clear + np.float32(excreted)
    wall.paint(canvas, habitus.fat, habitus.sex)
    thorax.paint(canvas, rng, heart, chest.dome)
    abdomen.paint(canvas, chest.dome)
    bowel.paint(canvas, rng)
    pelvis.paint(canvas, habitus.sex)
    # What else is as dark as urine (the spinal canal) holds none of it.
    canvas.values["urine"] = clear
    ribs.paint(canvas, rng, chest.cartilage)
    hips.paint(canvas, prosthesis)
    spine.paint(canvas, rng)
    outgrowths(canvas, chest)
    canvas.roughen(rng)
    tubes = {name: course.scaled(scale) for name, course in (courses() | vessels(heart) | coronaries(heart)).items()}
    return Body(
        canvas.hu,
        canvas.labels,
        MappingProxyType(canvas.names),
        canvas.geometry,
        MappingProxyType(tubes),
        habitus,
        kvp,
        contrast,
    )
