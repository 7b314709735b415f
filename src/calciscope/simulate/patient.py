"""A simulated patient: body, deposits that grew in it, laboratory values that fit them, and the CT that shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from calciscope.domain.image import Acquisition, Contrast, Point, Volume
from calciscope.domain.patient import Patient
from calciscope.errors import CalciscopeError
from calciscope.simulate import ct, growth, mask
from calciscope.simulate.body import SPAN, Body, Habitus, build
from calciscope.simulate.catalogue import DEPOSITS, METABOLISM, METASTATIC
from calciscope.simulate.heart import REFERENCE, Heart
from calciscope.simulate.shapes import Vector
from calciscope.simulate.sites import Damage, Site
from calciscope.simulate.tissue import TISSUES
from calciscope.simulate.wear import USUAL, Chest


@dataclass(frozen=True, slots=True)
class TrueDeposit:
    """What really is there: hydroxyapatite ``mass_mg``, ``volume_mm3`` and mean ``density`` of the mineral.

    ``center_mm`` is the centre of mass, ``low_mm`` and ``high_mm`` the corners of its box (LPS mm). ``density`` is
    mg/cm3. ``kind`` is a kind of calcification, ``mechanism`` what happened in words.
    """

    site: str
    kind: str
    mechanism: str
    center_mm: Point
    low_mm: Point
    high_mm: Point
    mass_mg: float
    volume_mm3: float
    density: float


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """A study with known truth. The same ``seed`` and ``parameters`` give the same voxels bit for bit.

    ``mask`` ``(z, y, x)`` numbers the voxels of the deposits of ``truth``, from 1 on in their order.
    """

    volume: Volume
    truth: tuple[TrueDeposit, ...]
    mask: NDArray[np.uint8]
    patient: Patient
    seed: int
    parameters: Mapping[str, float | str | bool]
    labels: Mapping[str, int]
    body: Body


def simulate(
    seed: int = 1,
    *,
    kvp: float = 120.0,
    kernel: str = "standard",
    thickness: float = 3.0,
    increment: float = 3.0,
    pixel: float = 0.8,
    matrix: int = 512,
    noise: float = 12.0,
    contrast: float = False,
    metabolism: str = "normal",
    deposits: Sequence[Site] | None = None,
    habitus: Habitus | None = None,
    prosthesis: bool = False,
    span: tuple[float, float] = SPAN,
    centre: tuple[float, float] | None = None,
    heart: Heart = REFERENCE,
    body: Body | None = None,
    chest: Chest = USUAL,
    devices: Sequence[Callable[[Body], Sequence[ct.Mineral]]] = (),
    grid: tuple[float, float, float] | None = None,
    quick: bool = False,
) -> Simulated:
    """Simulate a patient, the growth of deposits and a CT from the lower neck to the upper thighs.

    ``kvp`` in kV, ``kernel`` soft, standard or sharp, lengths in mm, ``noise`` in HU (see :class:`ct.Protocol`).
    ``metabolism`` is ``normal`` or ``renal`` (calcium and phosphate so high that sound tissue calcifies too).
    ``deposits`` are the places that may calcify, by default those of the catalogue. ``span`` is the part of the body
    that is scanned, in mm of the reference body, ``centre`` the middle of the field of view (x and y of the reference
    body; by default the body's), ``heart`` and ``chest`` what is in it, ``devices`` its metal. ``grid`` is the spacing
    of the body ``(z, y, x)`` in mm. A ``body`` that is given is scanned as it is, whatever is said of its build, and
    deposits add their soft tissue to it. ``quick`` gives a coarse body and 2.4 mm pixels for tests.

    Raises:
        CalciscopeError: a kernel or metabolism that does not exist, or a size that cannot be.

    """
    if metabolism not in METABOLISM:
        raise CalciscopeError(f"no metabolism '{metabolism}'; there are {', '.join(METABOLISM)}")
    if quick:
        pixel, matrix = 2.4, 176
    protocol = ct.Protocol(kvp, kernel, thickness, increment, pixel, matrix, noise)
    build_of = habitus or _habitus(np.random.default_rng([seed, 2]))
    if centre is not None:
        protocol = replace(protocol, centre=(centre[0] * build_of.scale[0], centre[1] * build_of.scale[1]))
    state = METABOLISM[metabolism]
    rng = np.random.default_rng([seed, 1])
    spacing = grid or ((3.0, 2.4, 2.4) if quick else (1.5, 1.25, 1.25))
    if body is None:
        body = build(
            rng, build_of, kvp=kvp, contrast=contrast, prosthesis=prosthesis, spacing=spacing, span=span, heart=heart,
            chest=chest,
        )  # fmt: skip
    places = (*DEPOSITS, *METASTATIC) if deposits is None else tuple(deposits)
    minerals: list[ct.Mineral] = []
    truth: list[TrueDeposit] = []
    for number, place in enumerate(places):
        grown = _grow(body, place, state.product, np.random.default_rng([seed, 3, number]))
        if grown is not None:
            minerals.append(grown)
            truth.append(_truth(place, grown))
    metal = [piece for device in devices for piece in device(body)]
    hu, geometry = ct.scan(body.hu, body.geometry, [*minerals, *metal], protocol, (seed, 4))
    acquisition = Acquisition(
        kvp=kvp,
        kernel=ct.KERNELS[kernel].name,
        sharp_kernel=kernel == "sharp",
        slice_thickness=thickness,
        increment=increment,
        contrast=Contrast.GIVEN if contrast else Contrast.NONE,
        manufacturer="Calciscope",
        model="Simulated CT",
        field_of_view=pixel * matrix,
    )
    parameters: dict[str, float | str | bool] = {
        "kvp": kvp, "kernel": kernel, "thickness": thickness, "increment": increment, "pixel": pixel, "matrix": matrix,
        "noise": noise, "contrast": contrast, "metabolism": metabolism, "prosthesis": prosthesis, "quick": quick,
        "height": build_of.height, "width": build_of.width, "fat": build_of.fat, "sex": build_of.sex,
        "from": span[0], "to": span[1], "places": "; ".join(place.site for place in places),
    }  # fmt: skip
    return Simulated(
        Volume(hu, geometry, acquisition),
        tuple(truth),
        mask.label_map(minerals, geometry),
        _patient(metabolism, build_of, np.random.default_rng([seed, 5]), truth),
        seed,
        MappingProxyType(parameters),
        body.names,
        body,
    )


def _habitus(rng: np.random.Generator) -> Habitus:
    """A build drawn from the seed: men and women of ordinary size."""
    sex = "male" if rng.random() < 0.6 else "female"
    height = float(np.clip(rng.normal(175 if sex == "male" else 163, 5), 152, 188))
    return Habitus(
        round(height, 1), round(float(rng.uniform(0.94, 1.05)), 3), round(float(rng.uniform(0.75, 1.3)), 3), sex
    )


def _grow(body: Body, place: Site, product: float, rng: np.random.Generator) -> ct.Mineral | None:
    """Let a deposit grow, put its soft tissue into the body (in place), and return its mineral, if there is any."""
    damage = place.damage(body, rng)
    milieu = replace(place.milieu, product=product)
    grown = growth.grow(
        damage.field, damage.spacing, milieu, rng, nuclei=place.nuclei, factor=place.factor, habit=damage.habit
    )
    filled = np.argwhere(grown.density > 0)
    if not len(filled):
        return None
    for effect in place.effects:
        _lay(body, effect(body, rng))
    if damage.bed is not None:
        _lay(body, damage)
    low, high = filled.min(axis=0), filled.max(axis=0) + 1
    part = grown.density[low[0] : high[0], low[1] : high[1], low[2] : high[2]].copy()
    origin = tuple(float(o + damage.spacing * i) for o, i in zip(damage.origin, low[::-1], strict=True))
    still = ct.Mineral(part, damage.spacing, (origin[0], origin[1], origin[2]))
    return _moving(still, place.motion) if any(place.motion) else still


def _moving(still: ct.Mineral, motion: Vector) -> ct.Mineral:
    """What moves while a slice is taken: its mineral spread evenly over its path."""
    path = np.asarray(motion[::-1]) / still.spacing
    count = max(2, int(np.ceil(np.abs(path).max())) + 1)
    shifts = np.rint(np.linspace(-0.5, 0.5, count)[:, None] * path).astype(int)
    low = shifts.min(axis=0)
    size = np.asarray(still.density.shape)
    spread = np.zeros(tuple(size + shifts.max(axis=0) - low), dtype=np.float32)
    for a, b, c in shifts - low:
        spread[a : a + size[0], b : b + size[1], c : c + size[2]] += still.density / np.float32(count)
    x, y, z = (float(o + still.spacing * s) for o, s in zip(still.origin, low[::-1], strict=True))
    return ct.Mineral(spread, still.spacing, (x, y, z))


def _lay(body: Body, damage: Damage) -> None:
    """Replace what a lesion's soft tissue displaces."""
    assert damage.bed is not None
    size = damage.bed.shape
    corner = np.asarray(damage.origin)
    far = corner + damage.spacing * (np.asarray(size[::-1]) - 1)
    first = np.floor(body.geometry.to_index(corner)).astype(int)
    last = np.ceil(body.geometry.to_index(far)).astype(int) + 1
    first, last = np.maximum(first, 0), np.minimum(last, body.geometry.shape)
    if (last <= first).any():
        return
    box = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    axes = [
        (body.geometry.origin[2 - k] + body.geometry.spacing[k] * np.arange(first[k], last[k]) - damage.origin[2 - k])
        / damage.spacing
        for k in range(3)
    ]
    # Averaging over a body voxel first keeps the share of tissue right where the body's grid is coarser.
    smooth = ndimage.uniform_filter(
        damage.bed, [max(1, round(s / damage.spacing)) for s in body.geometry.spacing], mode="constant"
    )
    share = ndimage.map_coordinates(smooth, np.meshgrid(*axes, indexing="ij"), order=1, mode="constant")
    view = body.hu[box]
    level = TISSUES[damage.bed_tissue].attenuation(body.kvp, body.contrast)
    view += share.astype(np.float32) * (np.float32(level) - view)


def _truth(place: Site, mineral: ct.Mineral) -> TrueDeposit:
    weight = mineral.density.sum(dtype=np.float64)
    centre = [
        float((mineral.axis(k) * mineral.density.sum(axis=tuple(a for a in range(3) if a != k))).sum() / weight)
        for k in (2, 1, 0)
    ]
    half = mineral.spacing / 2
    low = [float(mineral.axis(k)[0] - half) for k in (2, 1, 0)]
    high = [float(mineral.axis(k)[-1] + half) for k in (2, 1, 0)]
    volume = int((mineral.density > 0).sum()) * mineral.spacing**3
    return TrueDeposit(
        place.site,
        place.kind,
        place.mechanism,
        (centre[0], centre[1], centre[2]),
        (low[0], low[1], low[2]),
        (high[0], high[1], high[2]),
        mineral.mass_mg,
        volume,
        1000.0 * mineral.mass_mg / volume,
    )


def _patient(metabolism: str, habitus: Habitus, rng: np.random.Generator, truth: Sequence[TrueDeposit]) -> Patient:
    """Age, sex and laboratory values of the state, and the symptoms and history that belong to what grew."""
    state = METABOLISM[metabolism]
    labs = {name: float(f"{value * rng.normal(1.0, 0.01):.3g}") for name, value in state.labs.items()}
    there = {deposit.site for deposit in truth}
    symptoms = tuple(f"{side} flank pain" for side in ("left", "right") if f"ureter.{side}" in there)
    history = ("old tuberculosis",) if "lung.nodule" in there else ()
    return Patient(
        age=float(rng.integers(58, 75)),
        sex=habitus.sex,
        height=habitus.height,
        weight=round(22.5 * (habitus.height / 100) ** 2 * habitus.width * (0.8 + 0.25 * habitus.fat), 1),
        systolic=float(rng.integers(118, 146)),
        diastolic=float(rng.integers(70, 90)),
        labs=MappingProxyType(labs),
        conditions=state.conditions,
        medications=state.medications,
        history=history,
        symptoms=symptoms,
    )
