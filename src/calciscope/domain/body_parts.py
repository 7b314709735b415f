"""Parts of the body as people name them, and the place of the site tree that calcification there is read as."""

from __future__ import annotations

import re
from dataclasses import dataclass

from calciscope.domain.site import SIDES, exists, label

# Other words for a place: nothing is lost by reading them so.
_SAME = {
    "airway": ("windpipe", "airways"),
    "adrenal": ("suprarenal", "suprarenal gland"),
    "abdomen": ("belly", "tummy"),
    "artery.coronary.lad": ("left anterior descending",),
    "bowel": ("gut", "small intestine", "large intestine", "intestines"),
    "breast": ("mammary gland",),
    "heart": ("cardiac",),
    "larynx": ("voice box", "voicebox"),
    "liver": ("hepatic",),
    "lung": ("pulmonary", "lower lobe", "upper lobe", "middle lobe", "lung base", "lung apex"),
    "ovary": ("ovaries",),
    "tendon.ankle": ("achilles",),
    "tendon.elbow": ("triceps tendon",),
    "tendon.hip": ("gluteal tendon", "gluteus medius tendon"),
    "tendon.knee": ("patellar tendon", "quadriceps tendon"),
    "tonsil": ("tonsils",),
    "uterus": ("womb", "fibroid", "fibroids"),
    "vein.pelvic": ("phlebolith", "phleboliths", "pelvic phlebolith", "pelvic phleboliths"),
    "joint.shoulder": ("glenohumeral joint",),
}
# A part that holds several places; the one that calcifies most is meant unless somebody says otherwise.
_USUAL = {
    "joint.shoulder": ("shoulder",),
    "joint.elbow": ("elbow",),
    "joint.hip": ("hip",),
    "joint.knee": ("knee", "meniscus", "menisci"),
    "joint.ankle": ("ankle",),
    "joint.wrist": ("wrist",),
    "node.axillary": ("axilla", "armpit"),
    "node.hilar": ("hilum", "lung hilum"),
    "node.mediastinal": ("mediastinum",),
    "node.mesenteric": ("mesentery",),
    "peritoneum": ("omentum",),
    "pleura": ("diaphragm",),
}
# A part that the tree does not know by itself: the place it is read as, with the name as its location.
_WITHIN = {
    "soft_tissue": (
        "buttock", "gluteal", "gluteus", "thigh", "calf", "foot", "heel", "sole", "toe", "big toe", "hand", "palm",
        "finger", "thumb", "fingertip", "forearm", "upper arm", "groin", "back", "chest wall", "abdominal wall",
        "flank", "face", "lower leg", "scalp",
    ),
    "skin": ("scrotum",),
    "bone": (
        "skull", "jaw", "mandible", "rib", "sternum", "kneecap", "patella", "collarbone", "clavicle", "shin", "femur",
        "tibia", "humerus", "vertebra",
    ),
    "disc": ("spine", "lumbar spine", "cervical spine", "thoracic spine"),
    "joint": (
        "symphysis", "pubic symphysis", "symphysis pubis", "sacroiliac joint", "temporomandibular joint", "jaw joint",
        "finger joint", "toe joint",
    ),
    "limb": ("leg", "arm", "lower limb", "upper limb", "lower extremity", "upper extremity"),
    "neck": ("throat",),
    "pelvis": ("vas deferens", "seminal vesicle"),
    "abdomen": ("retroperitoneum",),
}  # fmt: skip
_NOT_NAMES = ("the", "both", "bilateral", "of", "in")


@dataclass(frozen=True, slots=True)
class Part:
    """The place that a part of the body is read as, a location where the tree has no place of its own for it, and
    whether the name could mean another place as well."""

    site: str
    location: str | None = None
    usual: bool = False


def part(text: str) -> Part | None:
    """What a person means who writes ``left knee`` or ``thigh`` for a site; ``None`` where it is no part known here."""
    words = re.findall(r"[a-z]+", text.lower())
    sides = {word for word in words if word in SIDES}
    side = sides.pop() if len(sides) == 1 else None
    whole = " ".join(word for word in words if word not in _NOT_NAMES)
    name = " ".join(word for word in whole.split() if word not in SIDES)
    for one, its_side in ((whole, None), (name, side), (name.removesuffix("s"), side)):
        if (found := _NAMES.get(one)) is not None:
            base, sort = found
            path = f"{base}.{its_side}" if its_side and exists(f"{base}.{its_side}") else base
            return Part(path, whole if sort == "within" else None, sort != "same")
    return None


def how(text: str, found: Part) -> str:
    """How a name was read, in words, and what to write where another place is meant."""
    at = f", location {found.location}" if found.location else ""
    base = label(found.site)
    return f"'{text}' is read as {base}{at} ({found.site}); write another site if that is not meant"


_NAMES = {
    name: (path, sort)
    for sort, table in (("same", _SAME), ("usual", _USUAL), ("within", _WITHIN))
    for path, names in table.items()
    for name in names
}
