"""Fit ``knowledge/confidence.yaml`` and write ``docs/anatomy.md``: the embedded anatomy, measured.

    python docs/make_anatomy.py [BODIES] [HEARTS]

Needs the scans beside the checkout. Two hundred bodies and sixty hearts take about half an hour on two cores; what is
done is kept (``kept_runs``), so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import anatomy_heads  # noqa: E402
import anatomy_hearts  # noqa: E402
import anatomy_limbs  # noqa: E402
import anatomy_views  # noqa: E402
import confidence_fit  # noqa: E402
import kept_runs  # noqa: E402
from anatomy_bodies import FOUND, IN_VIEW_ML, POSTURES, USUAL_ML, Row, Setting, look, settings  # noqa: E402
from confidence_rows import Said, body, heart, scans, sown  # noqa: E402
from tests.real.conftest import SHARED  # noqa: E402

from calciscope.anatomy.embedded import segment  # noqa: E402
from calciscope.domain.image import Acquisition, Geometry, Volume  # noqa: E402
from calciscope.place import confidence as place_confidence  # noqa: E402

AORTA = ("aorta_ascending", "aorta_arch", "aorta_descending", "aorta_abdominal")
# Numbers of the label maps, and what the embedded provider calls the same.
MAP = {
    "liver": ((5,), ("liver",)),
    "spleen": ((1,), ("spleen",)),
    "kidney_right": ((2,), FOUND["kidney_right"]),
    "kidney_left": ((3,), FOUND["kidney_left"]),
    "gallbladder": ((4,), ("gallbladder",)),
    "aorta": ((52,), AORTA),
    "stomach and bowel": ((6, 18, 19, 20), ("bowel", "small_bowel", "colon")),
    "lungs": ((10, 11, 12, 13, 14), ("lung_left", "lung_right")),
}
# Less of a structure than this in a map says nothing, ml.
ENOUGH_ML = 10.0
# A structure at this confidence or more of which less than half is right is confidently wrong.
CONFIDENT, RIGHT = 0.7, 0.5
CALCIUM_HU = 130
# Seeds from this one on were not looked at while the method was made.
UNSEEN = 340


def main() -> None:
    """Look, fit, write."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    hearts = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    made = kept_runs.run(
        {f"body-{s.seed}": partial(one_body, s) for s in settings(count)}
        | {f"heart-{seed}": partial(one_heart, seed) for seed in range(hearts)}
        | {f"{p}-{s.seed}": partial(one_turned, s) for p in POSTURES[5:] for s in settings(6, p)}
    )
    bodies = [some for name, some in made.items() if name.startswith("body-")]
    pumped = [some for name, some in made.items() if name.startswith("heart-")]
    lying = [(p, *some) for p in POSTURES[5:] for name, some in made.items() if name.startswith(f"{p}-")]
    rows = [row for looked, _ in bodies for row in looked]
    known = [*scans(SHARED / "data" / "ct"), *(said for _, some in bodies for said in some)]
    known += [said for some in pumped for said in some]
    curves = confidence_fit.fitted(known)
    confidence_fit.write(curves, len(bodies), len(pumped))
    place_confidence.curves.cache_clear()
    # What follows is placed with the new curves.
    with ProcessPoolExecutor(2) as pool:
        beat = pool.submit(_hearts, max(1, hearts // 3))
        bent = pool.submit(_limbs, max(1, count // 5))
        sections = [anatomy_views.section(SHARED / "data" / "ct").splitlines(), beat.result(), [], bent.result()]
    sections[2] = anatomy_heads.section(anatomy_heads.rows(max(1, count // 5))).splitlines()
    write(rows, lying, known, sections)


def one_body(setting: Setting) -> tuple[list[Row], list[Said]]:
    """One simulated body: its structures, and what is said of its deposits."""
    looked = look(setting, sown(setting))
    return looked.rows, list(body(looked, setting))


def one_heart(seed: int) -> list[Said]:
    """What is said of the calcium of one simulated scan of the heart."""
    return list(heart(seed))


def one_turned(setting: Setting) -> tuple[list[Row], tuple[str, ...]]:
    """One body that lies otherwise than its header says: its structures and the notes."""
    looked = look(setting)
    return looked.rows, looked.anatomy.notes


def _hearts(count: int) -> list[str]:
    """The section of the hearts: people on whom nothing was chosen."""
    return anatomy_hearts.section(list(anatomy_hearts.rows(count, first=UNSEEN)))


def _limbs(count: int) -> list[str]:
    """The section of the limbs."""
    return anatomy_limbs.section(anatomy_limbs.rows(count)).splitlines()


def write(
    rows: list[Row], turned: list[tuple[str, list[Row], tuple[str, ...]]], known: list[Said], sections: list[list[str]]
) -> None:
    """The page from what was seen."""
    text = [
        "# Anatomy: measured",
        "",
        "Written by `python docs/make_anatomy.py`, which also fits how sure a place is. *Dice* is overlap (1 is the "
        "same), *off* the distance of the centres, *calcium right* the share of voxels above 130 HU in the structure "
        "that are in what was found.",
        "",
        "## How sure a place is",
        "",
        "A place is scored, and `knowledge/confidence.yaml` says how often places of its kind with such a score were "
        "right, in simulated patients and in the real scans, of which each counts more. Each real scan was also placed "
        "with curves fitted without it:",
        "",
        "| scan | known deposits | exact at 0.8 or more | at 0.8 or more | of these right |",
        "|---|---|---|---|---|",
        *confidence_fit.left_out(known),
        "",
        "The same for simulated patients, each fifth left out in turn; a plaque in the walls of two arteries, "
        "at the origin of a branch, may be said to be in either:",
        "",
        "| patients | known deposits | exact at 0.8 or more | at 0.8 or more | of these right |",
        "|---|---|---|---|---|",
        *confidence_fit.left_out_simulated(known),
        "",
        "## Against label maps of real scans",
        "",
        "The maps are partial: one of 30 slices of 3 mm and one of 20 slices of 2 mm of an abdomen, and the vessels of "
        "a dissected aorta. Small parts of a structure (less than 10 ml) are left out.",
        "",
        "| scan | structure | ml there | ml found | Dice | off, mm | calcium right |",
        "|---|---|---|---|---|---|---|",
        *real(SHARED / "data" / "ct" / "totalsegmentator"),
        "",
        "## Against simulated bodies",
        "",
        f"{len({r.setting.seed for r in rows})} bodies of varied build, sex, coverage, noise, thickness (3 to 8 mm), "
        "kernel, voltage and contrast; one in five with arms down, a curved spine, one lung missing or a small field "
        "of view. Bodies and scans are coarse (2.4 mm), which harms thin structures. *Falsely there* is found where "
        "the body in view has none; *confident and wrong* is found at 0.7 or more where less than half of it is right.",
        "",
        "| structure | in view | missing | Dice, median | Dice, worst tenth | falsely there | confident and wrong |",
        "|---|---|---|---|---|---|---|",
        *simulated(rows),
        "",
        "| ureter | traced | off, mm, median | worst tenth |",
        "|---|---|---|---|",
        *ureters(rows),
        "",
        "## Bodies that lie otherwise than their header says",
        "",
        "| posture | bodies | noted | structures confident and wrong |",
        "|---|---|---|---|",
        *postures(turned),
        "",
        *(line for section in sections for line in (*section, "")),
    ]
    (HERE / "anatomy.md").write_text("\n".join(text).rstrip("\n") + "\n", encoding="utf-8")


def real(folder: Path) -> Iterator[str]:
    """One row of the table for each structure of each label map."""
    for scan, labels in (
        ("example_ct_sm.nii.gz", "example_seg.nii.gz"),
        ("example_ct_dicom", "example_seg_dicom.nii.gz"),
    ):
        volume = read(folder / scan)
        anatomy = segment(volume)
        there = sitk.GetArrayFromImage(sitk.DICOMOrient(sitk.ReadImage(str(folder / labels)), "LPS"))
        for name, (values, parts) in MAP.items():
            yield from compare(scan.split(".")[0], name, np.isin(there, values), anatomy.mask(*parts), volume)
    volume = read(folder / "aorta_report" / "ct_cropped.nii.gz")
    aorta = read(folder / "aorta_report" / "aorta.nii.gz").hu > 0
    yield from compare("aorta_report, dissected", "aorta", aorta, segment(volume).mask(*AORTA), volume)


def read(path: Path) -> Volume:
    """A series or an image as a volume in canonical orientation."""
    if path.is_dir():
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(path)))
        image = reader.Execute()
    else:
        image = sitk.ReadImage(str(path))
    image = sitk.Cast(sitk.DICOMOrient(image, "LPS"), sitk.sitkInt16)
    hu = sitk.GetArrayFromImage(image)
    x, y, z = image.GetSpacing()
    return Volume(hu, Geometry(hu.shape, (z, y, x), image.GetOrigin()), Acquisition())


def compare(scan: str, name: str, there: np.ndarray, found: np.ndarray, volume: Volume) -> Iterator[str]:
    """The row of one structure, if there is enough of it."""
    ml = volume.geometry.voxel_mm3 / 1000.0
    if there.sum() * ml < ENOUGH_ML:
        return
    dice = 2 * (there & found).sum() / (there.sum() + found.sum())
    spacing = np.array(volume.geometry.spacing)
    off = "-"
    if found.any():
        off = f"{np.linalg.norm((np.argwhere(there).mean(axis=0) - np.argwhere(found).mean(axis=0)) * spacing):.1f}"
    dense = there & (volume.hu > CALCIUM_HU)
    right = f"{(dense & found).sum() / dense.sum():.2f} of {dense.sum()}" if dense.sum() > 3 else "-"
    yield f"| {scan} | {name} | {there.sum() * ml:.0f} | {found.sum() * ml:.0f} | {dice:.2f} | {off} | {right} |"


def simulated(rows: list[Row]) -> Iterator[str]:
    """One row of the table for each structure."""
    by_name = defaultdict(list)
    for row in rows:
        if not row.name.startswith("ureter"):
            by_name[row.name].append(row)
    for name, some in by_name.items():
        view = [row for row in some if row.true_ml >= IN_VIEW_ML.get(name, USUAL_ML)]
        dice = [row.dice for row in view if row.found_ml > 0] or [0.0]
        absent = [row for row in some if row.true_ml < 0.5]
        yield (
            f"| {name} | {len(view)} | {sum(row.found_ml == 0 for row in view)} | {np.median(dice):.2f} "
            f"| {np.percentile(dice, 10):.2f} | {sum(row.found_ml > 1.0 for row in absent)} of {len(absent)} "
            f"| {sum(map(confidently_wrong, some))} of {sum(row.found_ml > 1.0 for row in some)} |"
        )


def confidently_wrong(row: Row) -> bool:
    """Whether less than half of a structure is right, at a confidence at which it would be believed."""
    return row.found_ml > 1.0 and row.right < RIGHT and row.sure >= CONFIDENT


def ureters(rows: list[Row]) -> Iterator[str]:
    """One row for the upper and one for the lower half; distances are the 90th percentile along each ureter."""
    for name in ("ureter upper", "ureter lower"):
        off = [row.off_mm for row in rows if row.name == name]
        if off:
            yield f"| {name.split()[1]} | {len(off)} | {np.median(off):.0f} | {np.percentile(off, 90):.0f} |"


def postures(turned: list[tuple[str, list[Row], tuple[str, ...]]]) -> Iterator[str]:
    """How many bodies were noted as turned, and what was confidently wrong in them."""
    for posture in dict.fromkeys(p for p, _, _ in turned):
        some = [(rows, notes) for p, rows, notes in turned if p == posture]
        noted = sum(any("may be" in n or "scanned" in n for n in notes) for _, notes in some)
        wrong = sum(confidently_wrong(row) for rows, _ in some for row in rows)
        yield f"| {posture} | {len(some)} | {noted} | {wrong} |"


if __name__ == "__main__":
    main()
