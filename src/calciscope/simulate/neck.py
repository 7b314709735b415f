"""Scans of the neck, from the base of the skull to the tops of the lungs, with calcium at known places.

Coordinates are mm from the middle of the fourth cervical vertebra: x to the left, y to the back, z up. Levels are those
of anatomy's textbooks (Gray's Anatomy, 41st ed., 2016, ch. 29 and 35): hyoid at C3, upper margin of the thyroid
cartilage and division of the carotid artery at C4, cricoid at C6, thyroid gland from C5 to T1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy import ndimage

from calciscope.domain.image import Geometry
from calciscope.simulate.body import Body, Habitus
from calciscope.simulate.canvas import Canvas
from calciscope.simulate.courses import Course
from calciscope.simulate.growth import Milieu
from calciscope.simulate.patient import Simulated, simulate
from calciscope.simulate.shapes import Vector, blend, curve, ellipsoid, plate, radii_along, tube
from calciscope.simulate.sites import Site, nodule, stone, wall

_BOX = ((-130.0, 130.0), (-105.0, 85.0))
_SPAN = (-118.0, 66.0)
_GRID = 1.5
# Middle of each vertebra from C1 to T3.
_LEVELS = (51.0, 35.0, 17.0, 0.0, -17.0, -34.0, -51.0, -69.0, -88.0, -108.0)
_PLAQUE = Milieu(0.0, years=14.0, density=700.0, filling=4.0, roughness=1.3)
_COARSE = Milieu(0.0, years=14.0, density=520.0, filling=4.0, roughness=1.2)
_STONE = Milieu(0.0, years=6.0, density=800.0, filling=1.0, roughness=0.4)


@dataclass(frozen=True, slots=True)
class Throat:
    """How one neck differs from the next.

    ``size`` scales it along x, y and z; ``fork`` is the height of the carotid division, ``goitre`` the calibre of the
    thyroid gland (0 where it was removed), ``ossified`` (0 to 1) how much of the larynx is bone; ``lean`` (mm) how far
    the windpipe is off the midline at its lower end, ``clip`` whether surgical clips lie in the bed of the gland.
    """

    size: Vector = (1.0, 1.0, 1.0)
    fork: float = 0.0
    goitre: float = 1.0
    ossified: float = 0.5
    lean: float = 0.0
    clip: bool = False


def lines(throat: Throat) -> dict[str, Course]:
    """Carotid arteries and the airway."""
    made = {}
    for side, s in (("left", 1.0), ("right", -1.0)):
        f = throat.fork
        common = curve([(20 * s, -14, -118), (23 * s, -14, -70), (25 * s, -14, f - 25), (26 * s, -13, f)], 2.0)
        inner = curve([(26 * s, -13, f), (30 * s, -9, f + 14), (28 * s, -6, f + 40), (27 * s, -4, 80)], 2.0)
        outer = curve([(26 * s, -13, f), (24 * s, -19, f + 14), (27 * s, -24, 55)], 2.0)
        made[f"common.{side}"] = Course(common, radii_along(common, (3.4, 3.3, 4.2)), "common_carotid_artery")
        made[f"internal.{side}"] = Course(inner, radii_along(inner, (4.0, 2.8, 2.4, 2.3)), "internal_carotid_artery")
        made[f"external.{side}"] = Course(outer, radii_along(outer, (2.8, 2.0, 1.8)), "external_carotid_artery")
    lean = throat.lean
    pipe = curve([(0, -24, 66), (0, -22, 30), (0, -26, 5), (0, -30, -20), (0, -28, -38), (lean, -20, -118)], 3.0)
    made["airway"] = Course(pipe, radii_along(pipe, (9, 9, 10, 6, 8, 8.5)), "airway")
    return made


def paint(canvas: Canvas, rng: np.random.Generator, throat: Throat) -> None:
    """Paint a neck on a canvas."""
    neck = tube(np.array([(0, -6, 80), (0, -4, 20), (0, 0, -40), (0, 4, -75)]), np.array([60, 58, 58, 66]))
    shoulders = ellipsoid((0, 5, -130), (210, 78, 72))
    jaw = ellipsoid((0, -42, 48), (56, 52, 34))
    whole = blend([neck, shoulders, jaw], 25.0)
    canvas.paint(whole, "skin")
    canvas.paint(whole.grow(-2.0), "fat", "subcutaneous_fat")
    for s in (-1.0, 1.0):
        canvas.paint(ellipsoid((22 * s, 32, -10), (24, 20, 90)), "muscle")
        strap = curve([(52 * s, 14, 60), (44 * s, -14, 0), (22 * s, -48, -75)])
        canvas.paint(tube(strap, 9.0), "muscle")
        canvas.paint(tube(np.array([(30 * s, -2, -20), (60 * s, 8, -90)]), 12.0), "muscle")
        canvas.paint(ellipsoid((60 * s, 20, -105), (60, 40, 30)), "muscle")
    canvas.paint(ellipsoid((0, -8, 0), (22, 8, 110)), "muscle")
    canvas.paint(ellipsoid((0, -46, 40), (26, 32, 18)), "muscle", "tongue")
    canvas.paint(tube(np.array([(0, -30, 60), (0, -30, -30)]), 17.0), "muscle", "pharynx")
    _vertebrae(canvas)
    _lungs(canvas)
    courses = lines(throat)
    _gland(canvas, throat, courses["airway"])
    for s in (-1.0, 1.0):
        side = "left" if s > 0 else "right"
        canvas.paint(ellipsoid((29 * s, -50, 16), (9, 14, 11)), "salivary", f"submandibular_{side}")
        canvas.paint(ellipsoid((52 * s, -18, 50), (10, 17, 20)), "salivary", f"parotid_{side}")
        canvas.paint(ellipsoid((15 * s, -32, 36), (5, 8, 10)), "node", f"tonsil_{side}")
        canvas.paint(tube(np.array([(34 * s, -8, 60), (33 * s, -14, -60), (24 * s, -20, -110)]), 6.0), "blood", "vein")
        for z in (22.0, -12.0, -48.0):
            canvas.paint(ellipsoid((42 * s, -4, z), (4, 4, 6)), "node", "node")
    _jaws(canvas)
    for name, course in courses.items():
        if name != "airway":
            canvas.paint(course.shape(1.0), "arterial_wall", course.structure)
            canvas.paint(course.shape(), "blood", course.structure)
    pipe = courses["airway"]
    canvas.paint(tube(pipe.points, pipe.radii + 2.0), "airway_wall")
    _larynx(canvas, rng, throat)
    canvas.paint(pipe.shape(), "air", "airway")
    canvas.paint(ellipsoid((0, -50, 58), (18, 26, 4)), "air", "mouth")


def _vertebrae(canvas: Canvas) -> None:
    for k, z in enumerate(_LEVELS):
        back = 8.0 * max(0, k - 6)
        wide = 10.0 + 0.8 * k
        canvas.bone(ellipsoid((0, back, z), (wide, 8.5 + 0.4 * k, 7.5)), "bone", 1.4)
        for s in (-1.0, 1.0):
            canvas.bone(ellipsoid((19 * s, 8 + back, z), (7, 7, 6)), "bone", 1.3)
            canvas.bone(
                plate(((17 * s, 14 + back, z + 4), (17 * s, 14 + back, z - 6), (0, 27 + back, z - 3)), 2.4), "bone", 1.2
            )
        canvas.bone(tube(np.array([(0, 26 + back, z - 2), (0, 40 + back, z - 9)]), 3.0), "bone", 1.2)
        if k:
            canvas.paint(ellipsoid((0, back, z + 8.7), (wide - 1, 8, 3)), "disc")
    canal = [(0, 17 + 8.0 * max(0, k - 6), z) for k, z in enumerate(_LEVELS)]
    canvas.paint(tube(np.array(canal), 7.5), "csf", "canal")
    canvas.paint(tube(np.array(canal), 5.0), "cord")


def _lungs(canvas: Canvas) -> None:
    for s in (-1.0, 1.0):
        canvas.paint(ellipsoid((44 * s, 16, -128), (33, 42, 56)), "lung", f"lung_{'left' if s > 0 else 'right'}")
        canvas.bone(tube(curve([(12 * s, -42, -92), (60 * s, -40, -88), (128 * s, -8, -74)]), 6.0), "bone", 2.0)
        canvas.bone(
            tube(curve([(18 * s, 26, -72), (60 * s, 20, -78), (48 * s, -30, -100), (20 * s, -45, -110)]), 4.5),
            "bone",
            1.4,
        )


def _jaws(canvas: Canvas) -> None:
    arch = curve([(46 * s, y, z) for s, y, z in ((-1, -20, 66), (-1, -30, 34), (-0.72, -58, 30))] + [(0, -84, 28)]
                 + [(46 * s, y, z) for s, y, z in ((0.72, -58, 30), (1, -30, 34), (1, -20, 66))])  # fmt: skip
    canvas.bone(tube(arch, 6.0, squash=(1.2, 1.2, 0.6)), "bone", 2.2)
    for x in np.linspace(-26, 26, 11):
        y = -80 + 0.03 * x * x
        canvas.paint(ellipsoid((float(x), float(y), 42), (2.2, 3.0, 6.0)), "enamel", "tooth")
    canvas.bone(ellipsoid((0, -10, 96), (60, 70, 26)), "bone", 3.0)


def _gland(canvas: Canvas, throat: Throat, pipe: Course) -> None:
    if throat.goitre <= 0:
        return
    big = throat.goitre
    for s in (-1.0, 1.0):
        x = 17 * s + throat.lean * 0.2
        canvas.paint(
            ellipsoid((x, -27, -45), (9 * big, 10 * big, 24 * big)),
            "thyroid",
            f"thyroid_{'left' if s > 0 else 'right'}",
        )
    canvas.paint(ellipsoid((throat.lean * 0.2, -39, -52), (15, 4 * big, 8 * big)), "thyroid", "thyroid_isthmus")


def _larynx(canvas: Canvas, rng: np.random.Generator, throat: Throat) -> None:
    """Hyoid bone and cartilages; with age they turn to bone in patches."""
    hyoid = curve([(-19, -22, 20), (-17, -40, 16), (0, -50, 14), (17, -40, 16), (19, -22, 20)])
    canvas.bone(tube(hyoid, 3.0, squash=(1.0, 1.0, 0.8)), "hyoid", 1.2)
    lamina = plate(((0, -51, 0), (19, -24, 4), (18, -24, -26)), 1.8) | plate(
        ((0, -51, 0), (0, -48, -18), (18, -24, -26)), 1.8
    )
    mirror = plate(((0, -51, 0), (-19, -24, 4), (-18, -24, -26)), 1.8) | plate(
        ((0, -51, 0), (0, -48, -18), (-18, -24, -26)), 1.8
    )
    ring = ellipsoid((0, -29, -34), (13, 13, 8)) - ellipsoid((0, -29, -34), (9.5, 9.5, 30))
    horns = tube(np.array([(19, -24, 4), (19, -22, 14)]), 1.8) | tube(np.array([(-19, -24, 4), (-19, -22, 14)]), 1.8)
    arytenoid = ellipsoid((5, -21, -22), (2.5, 2.5, 5)) | ellipsoid((-5, -21, -22), (2.5, 2.5, 5))
    for shape, name in (
        (lamina | mirror | horns, "thyroid_cartilage"),
        (ring, "cricoid_cartilage"),
        (arytenoid, "arytenoid"),
    ):
        box = canvas.box(shape)
        away = canvas.distance(shape, box)
        canvas.fill(box, away, "cartilage", name)
        if not throat.ossified:
            continue
        grain = ndimage.gaussian_filter(rng.standard_normal(away.shape, dtype=np.float32), [4.0 / _GRID] * 3)
        level = float(np.quantile(grain, 1.0 - throat.ossified))
        canvas.fill(
            box, np.maximum(away, (level - grain) / np.float32(grain.std()) * 3.0).astype(np.float32), "ossified", name
        )
    if throat.clip:
        for s in (-1.0, 1.0):
            canvas.paint(tube(np.array([(14 * s, -30, -44), (14 * s, -27, -44)]), 0.9), "metal", "metal")


def drawn(rng: np.random.Generator) -> Throat:
    """A neck as patients have them."""
    whole = rng.normal(1.0, 0.05)
    size = tuple(float(whole * rng.normal(1.0, 0.04)) for _ in range(3))
    removed = rng.random() < 0.08
    return Throat(
        size=(size[0], size[1], size[2]),
        fork=float(np.clip(rng.normal(3, 9), -16, 20)),
        goitre=0.0 if removed else float(rng.choice([rng.uniform(0.75, 1.15), rng.uniform(1.15, 1.6)], p=[0.75, 0.25])),
        ossified=float(rng.uniform(0.0, 0.8)),
        lean=float(rng.normal(0, 4)),
        clip=removed,
    )


def build(rng: np.random.Generator, throat: Throat, span: tuple[float, float], *, contrast: bool) -> Body:
    """The body of a neck between two heights (mm, unscaled)."""
    size = throat.size
    low = (_BOX[0][0] * size[0], _BOX[1][0] * size[1], span[0] * size[2])
    high = (_BOX[0][1] * size[0], _BOX[1][1] * size[1], span[1] * size[2])
    shape = [int(np.ceil((b - a) / _GRID)) for a, b in zip(low, high, strict=True)]
    canvas = Canvas(Geometry((shape[2], shape[1], shape[0]), (_GRID,) * 3, low), size, 120.0, contrast)
    paint(canvas, rng, throat)
    canvas.roughen(rng)
    tubes = {name: course.scaled(size) for name, course in lines(throat).items()}
    return Body(
        canvas.hu, canvas.labels, MappingProxyType(canvas.names), canvas.geometry, MappingProxyType(tubes), Habitus(),
        120.0, contrast,
    )  # fmt: skip


def neck_scan(
    seed: int = 1,
    *,
    thickness: float = 3.0,
    fov: float = 250.0,
    matrix: int = 512,
    noise: float = 10.0,
    contrast: bool = False,
    throat: Throat | None = None,
    span: tuple[float, float] | None = None,
    deposits: Sequence[Site] | None = None,
) -> Simulated:
    """A scan of a neck; build, coverage and deposits are drawn from the seed unless they are given."""
    rng = np.random.default_rng([seed, 37])
    built = drawn(rng) if throat is None else throat
    cut = rng.random()
    drawn_span = (
        float(rng.uniform(-60, -40)) if cut < 0.12 else _SPAN[0],
        float(rng.uniform(10, 30)) if cut > 0.85 else _SPAN[1],
    )
    body = build(rng, built, span or drawn_span, contrast=contrast)
    return simulate(
        seed, thickness=thickness, increment=thickness, pixel=fov / matrix, matrix=matrix, noise=noise,
        contrast=contrast, deposits=places(built, rng) if deposits is None else deposits, body=body,
    )  # fmt: skip


def places(throat: Throat, rng: np.random.Generator) -> tuple[Site, ...]:
    """Places of a neck that calcify."""
    made: list[Site] = []
    size = np.asarray(throat.size)

    def at(x: float, y: float, z: float, spread: float = 1.0) -> Vector:
        point = (np.array([x, y, z]) + rng.normal(0, spread, 3)) * size
        return (float(point[0]), float(point[1]), float(point[2]))

    for side, s in (("left", 1.0), ("right", -1.0)):
        artery = f"artery.carotid.{side}"
        if rng.random() < 0.5:
            which, where = (
                ("internal", rng.uniform(0.02, 0.15)) if rng.random() < 0.6 else ("common", rng.uniform(0.88, 0.98))
            )
            plaque = wall(
                f"{which}.{side}", float(where), float(rng.uniform(5, 12)), float(rng.uniform(0, 360)), 200, 1.4, 0.35
            )
            made.append(Site(artery, "dystrophic", "atheroma of the carotid division", plaque, _PLAQUE, 6))
        if rng.random() < 0.15:
            plaque = wall(
                f"common.{side}", float(rng.uniform(0.3, 0.7)), 6.0, float(rng.uniform(0, 360)), 150, 1.3, 0.35
            )
            made.append(Site(artery, "dystrophic", "atheroma of the common carotid artery", plaque, _PLAQUE, 4))
        if throat.goitre and rng.random() < 0.3:
            grain = nodule(
                at(17 * s, -27, -45 + float(rng.uniform(-12, 12)), 2.0), float(rng.uniform(1.5, 5.0)), "thyroid"
            )
            made.append(Site(f"thyroid.{side}", "dystrophic", "nodule of the thyroid gland", grain, _COARSE, 4))
        if rng.random() < 0.15:
            grain = nodule(
                at(42 * s, -3, float(rng.choice([22.0, -12.0, -48.0])), 1.0), float(rng.uniform(2.5, 4.5)), "node"
            )
            made.append(Site(f"node.neck.{side}", "dystrophic", "healed node", grain, _COARSE, 5))
        if rng.random() < 0.15:
            made.append(
                Site(
                    f"tonsil.{side}",
                    "dystrophic",
                    "tonsillolith",
                    nodule(at(14 * s, -32, 36, 1.0), 1.8, "node"),
                    _COARSE,
                    3,
                )
            )
        if rng.random() < 0.15:
            grit = stone(at(29 * s, -50, 16, 2.0), float(rng.uniform(1.5, 3.0)), "salivary")
            made.append(Site(f"salivary_gland.{side}", "lithiasis", "stone of the gland", grit, _STONE, factor=3.0))
    return tuple(made)


__all__ = ["Throat", "build", "drawn", "neck_scan", "paint", "places"]
