"""Pictures of deposits: a crop in three planes, windowed as a radiologist would, with the outline drawn as a vector.

The image and the outline stay apart (a PNG and an SVG path) so that the outline prints sharply and can be switched off.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.measure import approximate_polygon, find_contours

from calciscope.domain.deposit import Deposit, PlacedDeposit
from calciscope.domain.image import Volume
from calciscope.domain.site import within

# Display windows (level, width) in HU, the usual ones of a CT console.
SOFT_TISSUE = (50.0, 400.0)
LUNG = (-550.0, 1600.0)
WIDE = (300.0, 1500.0)
_DENSE_HU = 700.0  # a deposit brighter than this drowns in the soft-tissue window; it is shown in the wide one
_FIELD_MM = 70.0
_MARGIN_MM = 25.0
_PIXELS = 260
_PLANES = (("axial", 0), ("coronal", 1), ("sagittal", 2))


@dataclass(frozen=True, slots=True)
class Picture:
    """One crop: a PNG as a data URI, the outlines as SVG paths, and the size of both in pixels."""

    plane: str
    window: str
    png: str
    outline: str
    others: str
    width: int
    height: int
    scale_mm: float


@dataclass(frozen=True, slots=True)
class DepositPictures:
    """The pictures of one deposit."""

    deposit: str
    site: str
    planes: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Marker:
    """Where a deposit lies in an overview, in its pixels."""

    deposit: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Overview:
    """A projection of a whole series from the front with the place of each deposit."""

    series: str
    png: str
    width: int
    height: int
    markers: tuple[Marker, ...]


def choose(placed: Sequence[PlacedDeposit], *, per_site: int = 6) -> tuple[tuple[PlacedDeposit, bool], ...]:
    """The deposits worth a picture: the largest ``per_site`` of each site, the largest of all in three planes."""
    by_site: dict[str, list[PlacedDeposit]] = {}
    for item in placed:
        by_site.setdefault(item.placement.site, []).append(item)
    chosen: list[tuple[PlacedDeposit, bool]] = []
    for items in by_site.values():
        ranked = sorted(items, key=lambda item: item.deposit.volume_mm3, reverse=True)[:per_site]
        chosen += [(item, position == 0) for position, item in enumerate(ranked)]
    return tuple(chosen)


def crops(volume: Volume, placed: Sequence[PlacedDeposit], *, per_site: int = 6) -> Mapping[str, DepositPictures]:
    """Pictures by deposit id: three planes for the largest deposit of each site, the axial one for the next largest."""
    made: dict[str, DepositPictures] = {}
    for item, main in choose(placed, per_site=per_site):
        planes = _PLANES if main else _PLANES[:1]
        window = window_of(item)
        pictures = tuple(_crop(volume, item.deposit, placed, plane, axis, window) for plane, axis in planes)
        made[item.deposit.id] = DepositPictures(item.deposit.id, item.placement.site, pictures)
    return made


def window_of(item: PlacedDeposit) -> str:
    """The name of the window that shows this deposit best."""
    if within(item.placement.site, "lung"):
        return "lung"
    return "wide" if item.deposit.peak_hu > _DENSE_HU else "soft tissue"


def overview(volume: Volume, placed: Sequence[PlacedDeposit], series: str, *, height: int = 420) -> Overview:
    """Maximum intensity projection from the front, bones visible, with a marker a deposit."""
    projection = volume.hu.max(axis=1)
    dz, _, dx = volume.geometry.spacing
    tall, wide = projection.shape[0] * dz, projection.shape[1] * dx
    scale = min(height / tall, 2 * height / wide)
    size = (max(1, round(wide * scale)), max(1, round(tall * scale)))
    grey = _grey(np.flipud(projection), (250.0, 900.0))
    image = Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC)
    markers = tuple(
        Marker(
            item.deposit.id,
            round((item.deposit.center_index[2] + 0.5) * dx * scale, 1),
            round((projection.shape[0] - item.deposit.center_index[0] - 0.5) * dz * scale, 1),
        )
        for item in placed
    )
    return Overview(series, _uri(image), size[0], size[1], markers)


def _crop(
    volume: Volume, deposit: Deposit, placed: Iterable[PlacedDeposit], plane: str, axis: int, window: str
) -> Picture:
    centre = _centre(deposit, axis)
    spacing = [volume.geometry.spacing[i] for i in range(3) if i != axis]
    low, high = deposit.voxels.min(axis=0), deposit.voxels.max(axis=0)
    extent = [(high[i] - low[i] + 1) * volume.geometry.spacing[i] for i in range(3) if i != axis]
    field = max(_FIELD_MM, *(size + 2 * _MARGIN_MM for size in extent))
    axes = [i for i in range(3) if i != axis]
    starts, stops = [], []
    for position, i in enumerate(axes):
        half = max(1, round(field / spacing[position] / 2))
        starts.append(max(0, centre[i] - half))
        stops.append(min(volume.hu.shape[i], centre[i] + half + 1))
    index: list[int | slice] = [slice(None)] * 3
    index[axis] = centre[axis]
    for i, start, stop in zip(axes, starts, stops, strict=True):
        index[i] = slice(start, stop)
    section = volume.hu[tuple(index)]
    # Head up: canonical slices ascend to the head, pictures start at the top.
    flip = axis != 0
    scale = _PIXELS / field
    size = (
        max(1, round(section.shape[1] * spacing[1] * scale)),
        max(1, round(section.shape[0] * spacing[0] * scale)),
    )
    level = {"lung": LUNG, "wide": WIDE, "soft tissue": SOFT_TISSUE}[window]
    grey = _grey(section[::-1] if flip else section, level)
    image = Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC)
    others = [item.deposit for item in placed if item.deposit.id != deposit.id]
    origin = (starts[0], starts[1])
    frame = _Frame(axis, centre[axis], origin, section.shape, flip, size)
    return Picture(
        plane,
        window,
        _uri(image),
        _outline([deposit], frame),
        _outline(others, frame),
        size[0],
        size[1],
        scale,
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    axis: int
    at: int
    origin: tuple[int, int]
    shape: tuple[int, ...]
    flip: bool
    size: tuple[int, int]


def _centre(deposit: Deposit, axis: int) -> tuple[int, int, int]:
    """The deposit's centre, moved along the axis to the plane that holds most of its voxels."""
    planes, counts = np.unique(deposit.voxels[:, axis], return_counts=True)
    centre = list(deposit.center_index)
    centre[axis] = int(planes[counts.argmax()])
    return centre[0], centre[1], centre[2]


def _outline(deposits: Iterable[Deposit], frame: _Frame) -> str:
    """SVG path data of the deposits' outlines in the plane, in pixels of the picture."""
    mask = np.zeros(frame.shape, dtype=np.uint8)
    axes = [i for i in range(3) if i != frame.axis]
    for deposit in deposits:
        inside = deposit.voxels[deposit.voxels[:, frame.axis] == frame.at][:, axes] - np.array(frame.origin)
        keep = np.all((inside >= 0) & (inside < np.array(frame.shape)), axis=1)
        mask[inside[keep, 0], inside[keep, 1]] = 1
    if not mask.any():
        return ""
    if frame.flip:
        mask = mask[::-1]
    # The outline runs along the edges of voxels: each voxel becomes the block of pixels that it fills in the picture.
    rows = np.minimum(np.arange(frame.size[1]) * frame.shape[0] // frame.size[1], frame.shape[0] - 1)
    columns = np.minimum(np.arange(frame.size[0]) * frame.shape[1] // frame.size[0], frame.shape[1] - 1)
    blocks = mask[np.ix_(rows, columns)]
    paths: list[str] = []
    for contour in find_contours(np.pad(blocks, 1), 0.5):  # type: ignore[no-untyped-call]
        corners = approximate_polygon(contour, tolerance=0.75)  # type: ignore[no-untyped-call]
        points = [f"{x - 0.5:.1f} {y - 0.5:.1f}" for y, x in corners[:-1]]
        paths.append("M" + "L".join(points) + "Z")
    return "".join(paths)


def _grey(section: NDArray[np.number], window: tuple[float, float]) -> NDArray[np.uint8]:
    level, width = window
    scaled = (section.astype(np.float32) - (level - width / 2)) * (255.0 / width)
    return np.ascontiguousarray(np.clip(scaled, 0, 255).astype(np.uint8))


def _uri(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=False, compress_level=6)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
