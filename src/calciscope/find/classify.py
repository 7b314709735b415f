"""What a candidate is if it is not a deposit: rules in physical and anatomical terms, the first that holds decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from calciscope.find.context import Context


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules see of a candidate; lengths in mm, attenuation in HU, shares from 0 to 1.

    ``rim`` says that it is a rim around a core. ``height`` is its extent along z, ``slices`` its number of slices
    there, ``width`` its extent from side to side, ``size`` its largest. ``region`` is the part of the body. ``depth``
    is how deep it lies under the surface of muscle, ``ribs`` whether its slice has ribs, ``front`` whether it lies in
    front of the body's middle, ``spine_mm`` its distance to the vertebral bodies. ``at_border`` says that the field of
    view or the scan ends at it. ``in_metal`` is the share of it that is metal, ``metal_in_slice`` whether its slices
    hold any. ``beyond_lungs`` is how far it lies outside of the convex hull of the lungs, ``border_mm`` how far from
    where the field of view ends at its sides, ``at_end`` whether the scan ends at it above or below. ``in_brain``,
    ``in_thyroid``, ``in_larynx``, ``in_heart`` and ``in_bowel`` are its shares that lie there, ``over_bone`` whether
    bone lies close below it.
    ``ahead`` is how far it lies in front of the heart where the view cuts the wall of the chest before it.
    ``line`` is the length and width of what it is the brightest part of in its slice (:mod:`calciscope.find.lines`).
    ``lump`` says that it stands out of a bone by its form, in a joint or where a tendon inserts.
    ``floor`` is the threshold among blood and ``blood`` what enhanced blood may reach (0 without contrast).
    """

    context: Context
    voxels: int
    rim: bool
    floor: float
    volume: float
    peak: float
    mean: float
    size: float
    height: float
    slices: int
    width: float
    blood: float
    region: str | None
    at_border: bool
    in_metal: float
    metal_in_slice: bool
    depth: float
    ribs: bool
    front: bool
    spine_mm: float
    beyond_lungs: float = 0.0
    border_mm: float = 1000.0
    at_end: bool = False
    in_brain: float = 0.0
    in_thyroid: float = 0.0
    in_larynx: float = 0.0
    in_heart: float = 0.0
    in_bowel: float = 0.0
    over_bone: bool = False
    ahead: float = 0.0
    lump: bool = False
    line: tuple[float, float] = (0.0, 0.0)


# --- noise -----------------------------------------------------------------------------------------------------
# A body has some ten million voxels: 5.5 SD is where chance ends; the noise is not quite Gaussian and is correlated.
# What is large and faint is the sum of chance: its mean must stand out too.
_PEAK_SD, _MEAN_SD, _LARGE = 7.0, 3.5, 12
# So few voxels have no neighbours to vouch for them, and must stand out more.
_FEW, _FEW_SD = 3, 10.0
# Reconstruction leaves at least this SD, HU, however smooth a slice looks.
_LEAST_SD = 12.0
# Heads attenuate little and hold no gas that moves: their noise is less, and all around is brain or its fluid.
_BRAIN_SD, _BRAIN_FEW_SD = 5.0, 9.0
# The fat on the heart holds arteries and little else: few voxels of it are soft tissue, so chance ends earlier; not for
# single voxels. Fat is darker than this, HU.
_CORONARY_SD, _CORONARY_VOXELS, _FAT_HU = 5.0, 4, -50.0
# From this share on a candidate lies in a structure.
_INSIDE = 0.5
_SOFT_TISSUE_HU = 40.0


# Noise and enhanced walls do not draw closed rims that are this much brighter than the threshold in places.
_RIM = 1.2


def _clear_rim(f: Facts) -> bool:
    return f.rim and f.peak > _RIM * f.floor


def _noise(f: Facts) -> bool:
    if _clear_rim(f):
        return False
    brain = f.in_brain > _INSIDE
    sd = max(f.context.noise, _BRAIN_SD if brain else _LEAST_SD)
    few = _BRAIN_FEW_SD if brain else _FEW_SD
    in_fat = f.in_heart > _INSIDE and f.context.background < _FAT_HU and f.voxels >= _CORONARY_VOXELS
    peak = _CORONARY_SD if in_fat else _PEAK_SD
    # Vessels, nodes and muscle stand out of fat and lung by themselves: that is no calcium yet.
    background = max(f.context.background, _SOFT_TISSUE_HU)
    faint = f.peak - background < (few if f.voxels <= _FEW else peak) * sd
    return faint or (f.voxels > _LARGE and f.mean - background < _MEAN_SD * sd)


# --- metal and what is not the patient -------------------------------------------------------------------------
# No tissue is this bright; enamel ends near 2,800 HU but is thin.
METAL_HU = 2500.0
# Streaks run this far around metal and reach this many SD of their own noise.
_STREAK_MM, _STREAK_HU, _STREAK_SD = 12.0, 45.0, 9.0
# Electrodes, markers and clothes lie on the skin; calcium of the skin is smaller than this, mm, and fainter, HU.
_ON_SKIN_MM, _SKIN_SIZE, _SKIN_HU = 2.5, 5.0, 900.0
# What lies no deeper than this under the surface, mm, and mostly in air is clothing, padding or a lead.
_LOOSE_MM, _IN_AIR = 4.0, 0.45


def _metal(f: Facts) -> bool:
    return f.peak > METAL_HU or f.in_metal > 0.2


def _streak(f: Facts) -> bool:
    noisy = (
        f.metal_in_slice
        and f.context.noise > _STREAK_HU
        and f.peak < f.context.background + _STREAK_SD * f.context.noise
    )
    return f.context.metal_mm < _STREAK_MM or noisy


# A beating heart draws streaks of one slice: long, thin (this share of their length) and faint (HU above the floor).
_DRAWN_MM, _DRAWN_THIN, _DRAWN_HU = 6.0, 0.3, 100.0
# In the heart, away from the fat in which arteries run, a faint spot of two slices at most that is a part of a line at
# least this long, mm, and this many times as long as wide is drawn too, and so is what its edge against the lung draws:
# this share of what is around it is lung.
_LINE_MM, _LINE_SLIM, _LINE_SLICES, _NOT_FAT, _AT_LUNG = 5.0, 2.5, 2, 0.3, 0.15


def _motion(f: Facts) -> bool:
    # One slice high: the volume is length by thickness by height.
    thickness = f.volume / (f.height * f.size)
    thin = f.slices == 1 and f.size > _DRAWN_MM and thickness < _DRAWN_THIN * f.size
    if f.in_heart > _INSIDE and f.context.in_wall < _INSIDE:
        length, width = f.line
        slim = length >= max(_LINE_MM, _LINE_SLIM * width)
        thin = thin or (slim and f.slices <= _LINE_SLICES and f.context.fat < _NOT_FAT)
        thin = thin or (f.slices == 1 and f.size > _DRAWN_MM and f.context.lung > _AT_LUNG)
    return thin and f.region == "chest" and f.peak < f.floor + _DRAWN_HU


def _outside(f: Facts) -> bool:
    c = f.context
    on_skin = c.outside_mm < _ON_SKIN_MM and (f.size > _SKIN_SIZE or f.peak > _SKIN_HU)
    loose = f.depth < _LOOSE_MM and 1.0 - c.fat - c.soft - c.bright - c.lung > _IN_AIR
    return on_skin or loose


# --- bone ------------------------------------------------------------------------------------------------------
# A piece that shares this much of its surface with the skeleton is part of it; less is blur between two things,
# unless the bridge is nearly as bright as the piece. Plaque beside a vertebra may touch it a little more.
_TOUCHING, _TOUCHING_WALL, _BRIDGE = 0.1, 0.15, 0.6
# Tips of ribs and processes, sesamoids' and joints' edges: this near to bone and fainter than a stone or plaque so near
# would be; blur alone makes such islands of bone.
_CHIP_MM, LUMP_HU = 7.0, 420.0
# Behind the vertebral bodies and this near to them, processes and the ligaments between them ossify: brighter islands
# are bone there too.
_BEHIND_MM, _BEHIND_NEAR_MM, _BEHIND_HU = 60.0, 5.0, 700.0
# Calcium in an artery's wall lies this near to its course, mm.
_WALL_MM = 4.0
# Bone that the field of view cuts is large and bright.
_CUT_MM3, _CUT_HU = 400.0, 450.0
# Large pieces of bone of which the anatomy knew nothing, mm3: no stone or plaque is so large.
_HUGE_MM3 = 60_000.0
# This deep inside a vertebral body, mm, there is only bone.
_IN_VERTEBRA = -9.0


# A vertebra that the scan ends in is a few bright pieces this near to the bodies' course, mm.
_CUT_VERTEBRA_MM = 12.0


def _bone(f: Facts) -> bool:
    c = f.context
    beside_artery = c.artery_mm <= _WALL_MM
    part = c.touching > (_TOUCHING_WALL if beside_artery else _TOUCHING)
    bridged = c.touching > 0.0 and c.saddle > _BRIDGE * f.peak and not beside_artery
    chip = c.bone_mm < _CHIP_MM and f.peak < LUMP_HU and not beside_artery
    behind = f.spine_mm < _BEHIND_MM and not f.front and c.bone_mm < _BEHIND_NEAR_MM and f.peak < _BEHIND_HU
    chip = chip or (behind and not beside_artery)
    cut = f.at_border and f.volume > _CUT_MM3 and f.peak > _CUT_HU and not beside_artery
    return (
        part
        or bridged
        or chip
        or cut
        or f.volume > _HUGE_MM3
        or f.spine_mm < _IN_VERTEBRA
        or (f.at_end and f.spine_mm < _CUT_VERTEBRA_MM and c.bone_mm < _CUT_VERTEBRA_MM and not beside_artery)
        or (c.bony > 0.5 and not beside_artery)
    )


# Syndesmophytes lie on the vertebral body's edge and reach out of the aorta's wall; plaque is in it, or long, mm.
_ON_VERTEBRA_MM, _IN_WALL, _PLAQUE_MM = 6.0, 0.7, 30.0
_BRIDGING_MM, _BRIDGING_SLIM, _BRIDGING_BONY = 15.0, 3.0, 0.7


def _osteophyte(f: Facts) -> bool:
    c = f.context
    beside = f.spine_mm < _ON_VERTEBRA_MM and c.bone_mm < _ON_VERTEBRA_MM
    outgrowth = beside and c.in_wall < _IN_WALL and f.height < _PLAQUE_MM
    # One that bridges a disc stands along the spine as a narrow band within the outline of the bodies, and the anatomy
    # calls it bone; plaque follows the curve of the wall and is wide.
    band = f.height > max(_BRIDGING_MM, _BRIDGING_SLIM * f.width)
    bridging = band and f.spine_mm < 0.0 and c.bony > _BRIDGING_BONY
    return outgrowth or bridging


# A sesamoid (fabella) is a small dense body a few mm behind or beside a joint of a limb, in tendon.
_SESAMOID_MM, _SESAMOID_SIZE = 10.0, 14.0
# A candidate of which this share lies in the room of a joint or a tendon belongs to it.
IN_ROOM = 0.5


def _sesamoid(f: Facts) -> bool:
    small = f.context.bone_mm < _SESAMOID_MM and f.size < _SESAMOID_SIZE
    # A known joint's space and the insertions beside it hold no sesamoid: those lie behind it.
    return f.region == "limb" and small and f.context.in_room < IN_ROOM


# Crests of the skull base rise into the brain with blurred, faint tips, and the end of a scan cuts them: what stands on
# bone and is no brighter than this, or lies at the end and is brighter and larger than that (HU, mm3), is bone.
_CREST_HU, _ENDS_HU, _ENDS_MM3 = 300.0, 250.0, 60.0


def _crest(f: Facts) -> bool:
    if f.region != "head" or f.context.artery_mm <= _WALL_MM:
        return False
    ends = f.at_border and f.peak > _ENDS_HU and f.volume > _ENDS_MM3
    return ends or (f.over_bone and f.peak < _CREST_HU)


# --- cartilage -------------------------------------------------------------------------------------------------
# Costal cartilage lies this deep in the wall of the trunk, mm: under the muscle's surface, outside of the pleura.
_RIB_DEPTH = 24.0
_ALONG_AIRWAY, _ALONG_LARYNX = 3.5, 10.0
# Wider than this across the neck, mm, are only the larynx and the hyoid bone.
_ACROSS_NECK = 22.0


# A small field of view ends within the wall of the chest, so that its surface is not seen: the wall is what lies this
# far outside of the lungs' hull and this near to where the view ends, mm.
_BEYOND_MM, _CUT_WALL_MM = 2.5, 12.0


# What the sides of a view of the chest cut is a rib at this distance, mm, and what lies this far in front of the heart
# is sternum or cartilage; little of what is around it is lung.
_AT_SIDE_MM, _BEFORE_HEART_MM, _NO_LUNG = 2.0, 3.0, 0.5


def _cut_wall(f: Facts) -> bool:
    if not (f.ribs and f.depth > 0.0):
        return False
    cut = f.region == "chest" and f.border_mm < _AT_SIDE_MM and f.in_heart < _INSIDE and f.context.in_wall < _INSIDE
    before = f.ahead > _BEFORE_HEART_MM and f.context.lung < _NO_LUNG
    return cut or before or (f.beyond_lungs > _BEYOND_MM and f.border_mm < _CUT_WALL_MM)


def _costal(f: Facts) -> bool:
    # Outside of the muscles, in skin, fat and breast, there is no cartilage.
    in_wall = f.ribs and f.front and 0.0 < f.depth < _RIB_DEPTH and f.region in ("chest", "abdomen")
    return (in_wall or (f.front and _cut_wall(f))) and f.context.fat < 0.6


def _rib(f: Facts) -> bool:
    # At the sides and behind, the wall's muscles hold nothing else that is bright; fat and skin do.
    return _cut_wall(f) or (
        f.ribs
        and 0.0 < f.depth < _RIB_DEPTH
        and f.region in ("chest", "abdomen")
        and f.context.fat < 0.5 < f.context.soft + f.context.bright
    )


def _airway_cartilage(f: Facts) -> bool:
    across = f.region == "neck" and f.width > _ACROSS_NECK and f.front
    # The thyroid gland lies beside the airway, below the larynx; its rings are thin.
    larynx = f.region == "neck" and f.in_thyroid < _INSIDE
    return across or f.in_larynx > _INSIDE or f.context.air_mm < (_ALONG_LARYNX if larynx else _ALONG_AIRWAY)


# --- contrast and bowel ----------------------------------------------------------------------------------------
# Calcium exceeds enhanced blood by this factor, or it cannot be told from it.
_ABOVE_BLOOD, _VESSEL_MM3 = 1.1, 150.0
_AMONG_BRIGHT, _LUMEN_HU, _UNMIXED = 0.25, 150.0, 1.8
# Bowel content has gas beside it and is not as dense as a stone, HU.
_GAS, _CONTENT_HU = 0.04, 450.0
# Grains of food and tablets in a loop of bowel may be denser, but are small, mm3, lie in the loop and not in fat (share
# of what is around them), and the loop's gas is this near, mm.
_GRAIN_HU, _GRAIN_MM3, _GRAIN_FAT, _GRAIN_GAS_MM = 800.0, 60.0, 0.5, 10.0


def _contrast(f: Facts) -> bool:
    if f.blood == 0.0 or _clear_rim(f):
        return False
    # The mean of a large vessel is not raised by noise, its peak is.
    vessel = f.volume > _VESSEL_MM3 and f.mean < f.blood * _ABOVE_BLOOD
    # Contrast that has not mixed well is brighter in places; what surrounds them is above the floor of blood too.
    c = f.context
    unmixed = c.bright > _AMONG_BRIGHT and f.mean < f.blood * _UNMIXED
    unmixed = unmixed or (c.background > _LUMEN_HU and f.mean < c.background * _UNMIXED)
    return vessel or unmixed or f.peak < f.blood * _ABOVE_BLOOD + 2.0 * f.context.noise


def _bowel(f: Facts) -> bool:
    if f.region not in ("abdomen", "pelvis"):
        return False
    c = f.context
    grain = f.volume < _GRAIN_MM3 and f.peak < _GRAIN_HU and f.in_bowel > _INSIDE and c.artery_mm > _WALL_MM
    grain = grain and c.gas_mm < _GRAIN_GAS_MM and c.fat < _GRAIN_FAT
    return grain or (c.gas > _GAS and f.peak < _CONTENT_HU)


Rule = tuple[str, Callable[[Facts], bool]]

# The order matters: what attenuation decides comes first, then what place decides.
RULES: tuple[Rule, ...] = (
    ("metal", _metal),
    ("outside_body", _outside),
    ("streak", _streak),
    ("streak", _motion),
    ("costal_cartilage", _costal),
    ("noise", _noise),
    ("contrast", _contrast),
    ("laryngeal_cartilage", _airway_cartilage),
    ("sesamoid", _sesamoid),
    ("osteophyte", _osteophyte),
    ("bone", _bone),
    ("bone", _crest),
    ("bone", _rib),
    ("bowel_content", _bowel),
)
# What a lump on bone was told from by its form already.
_NO_LUMP = frozenset({"costal_cartilage", "laryngeal_cartilage", "sesamoid", "osteophyte", "bone"})


def rejected_as(facts: Facts) -> str | None:
    """The class of a candidate that is not a deposit, or ``None`` for a deposit."""
    for name, holds in RULES:
        if not (facts.lump and name in _NO_LUMP) and holds(facts):
            return name
    return None


# --- neighbours ------------------------------------------------------------------------------------------------
# A costal cartilage calcifies in many pieces: what lies this near to one, mm, and not deeper than this is another.
CARTILAGE_NEAR_MM = 25.0
# In the breast and the fat on the muscles only what all but touches it is another piece, mm.
_ON_CARTILAGE_MM = 12.0
_CARTILAGE_DEPTH = 38.0
# Contrast that has not mixed with blood yet is denser than calcium plaque and lies in the veins of one side, mm.
INFLOW_NEAR_MM = 90.0
_INFLOW_HU, _INFLOW_MM3 = 900.0, 60.0


def may_be_costal(f: Facts) -> bool:
    """Whether a candidate is a costal cartilage's piece if one is near."""
    return f.ribs and f.front and f.depth < _CARTILAGE_DEPTH and f.region in ("chest", "abdomen")


def costal_reach(f: Facts) -> float:
    """How near to a costal cartilage a candidate is a piece of it, mm; 0 if it is none however near."""
    if not may_be_costal(f):
        return 0.0
    return CARTILAGE_NEAR_MM if f.depth > 0.0 else _ON_CARTILAGE_MM


def inflow_reach(f: Facts) -> float:
    """How near to undiluted contrast a candidate is contrast too, mm; 0 if it is none however near."""
    return INFLOW_NEAR_MM if may_be_inflow(f) else 0.0


def is_inflow(f: Facts) -> bool:
    """Whether a candidate is undiluted contrast in a vein of the neck or shoulder."""
    upper = f.region == "neck" and f.blood > 0.0 and f.context.touching == 0.0
    return upper and f.peak > _INFLOW_HU and f.volume > _INFLOW_MM3


def may_be_inflow(f: Facts) -> bool:
    """Whether a candidate is contrast if undiluted contrast is near on its side."""
    return f.region in ("neck", "chest") and f.blood > 0.0 and f.context.in_wall == 0.0
