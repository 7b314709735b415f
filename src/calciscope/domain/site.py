"""The site tree: every place a calcification can be, as a path with a label, a parent and laterality."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache

UNPLACED = "unplaced"
SIDES = ("left", "right")
REGIONS = ("head", "neck", "chest", "abdomen", "pelvis", "limb")

# path -> (label, whether the body has two of it)
_TREE: dict[str, tuple[str, bool]] = {
    "heart": ("heart", False),
    "heart.aortic_valve": ("aortic valve", False),
    "heart.mitral_annulus": ("mitral annulus", False),
    "heart.mitral_valve": ("mitral valve", False),
    "heart.myocardium": ("myocardium", False),
    "heart.pericardium": ("pericardium", False),
    "artery": ("artery", False),
    "artery.coronary": ("coronary arteries", False),
    "artery.coronary.lm": ("left main coronary artery", False),
    "artery.coronary.lad": ("left anterior descending artery", False),
    "artery.coronary.lcx": ("left circumflex artery", False),
    "artery.coronary.rca": ("right coronary artery", False),
    "artery.aorta": ("aorta", False),
    "artery.aorta.root": ("aortic root", False),
    "artery.aorta.ascending": ("ascending aorta", False),
    "artery.aorta.arch": ("aortic arch", False),
    "artery.aorta.thoracic": ("thoracic aorta", False),
    "artery.aorta.abdominal": ("abdominal aorta", False),
    "artery.brachiocephalic": ("brachiocephalic artery", False),
    "artery.subclavian": ("subclavian artery", True),
    "artery.carotid": ("carotid artery", True),
    "artery.renal": ("renal artery", True),
    "artery.mesenteric": ("mesenteric artery", False),
    "artery.iliac": ("iliac artery", True),
    "artery.leg": ("leg artery", True),
    "artery.arm": ("arm artery", True),
    "artery.cerebral": ("cerebral artery", True),
    "artery.breast": ("breast artery", True),
    "artery.splenic": ("splenic artery", False),
    "vein": ("vein", False),
    "vein.pelvic": ("pelvic veins", True),
    "vein.leg": ("leg vein", True),
    "vein.portal": ("portal vein", False),
    "lung": ("lung", True),
    "lung.nodule": ("lung nodule", False),
    "pleura": ("pleura", True),
    "airway": ("airway", False),
    "node": ("lymph node", False),
    "node.mediastinal": ("mediastinal lymph node", False),
    "node.hilar": ("hilar lymph node", True),
    "node.mesenteric": ("mesenteric lymph node", False),
    "node.neck": ("neck lymph node", True),
    "node.axillary": ("axillary lymph node", True),
    "kidney": ("kidney", True),
    "ureter": ("ureter", True),
    "bladder": ("bladder", False),
    "urethra": ("urethra", False),
    "liver": ("liver", False),
    "gallbladder": ("gallbladder", False),
    "bile_duct": ("bile duct", False),
    "pancreas": ("pancreas", False),
    "spleen": ("spleen", False),
    "adrenal": ("adrenal gland", True),
    "stomach": ("stomach", False),
    "bowel": ("bowel", False),
    "appendix": ("appendix", False),
    "peritoneum": ("peritoneum", False),
    "prostate": ("prostate", False),
    "uterus": ("uterus", False),
    "ovary": ("ovary", True),
    "testis": ("testis", True),
    "penis": ("penis", False),
    "breast": ("breast", True),
    "thyroid": ("thyroid", True),
    "parathyroid": ("parathyroid gland", True),
    "salivary_gland": ("salivary gland", True),
    "tonsil": ("tonsil", True),
    "larynx": ("larynx", False),
    "brain": ("brain", False),
    "brain.pineal": ("pineal gland", False),
    "brain.habenula": ("habenula", False),
    "brain.choroid_plexus": ("choroid plexus", True),
    "brain.falx": ("falx", False),
    "brain.basal_ganglia": ("basal ganglia", True),
    "brain.cerebellum": ("cerebellum", False),
    "brain.parenchyma": ("brain parenchyma", False),
    "eye": ("eye", True),
    "tendon": ("tendon", False),
    "tendon.shoulder": ("shoulder tendon", True),
    "tendon.elbow": ("elbow tendon", True),
    "tendon.hip": ("hip tendon", True),
    "tendon.knee": ("knee tendon", True),
    "tendon.ankle": ("ankle tendon", True),
    "tendon.wrist": ("wrist tendon", True),
    "joint": ("joint", False),
    "joint.shoulder": ("shoulder joint", True),
    "joint.elbow": ("elbow joint", True),
    "joint.hip": ("hip joint", True),
    "joint.knee": ("knee joint", True),
    "joint.ankle": ("ankle joint", True),
    "joint.wrist": ("wrist joint", True),
    "disc": ("intervertebral disc", False),
    "cartilage": ("cartilage", False),
    "cartilage.costal": ("costal cartilage", False),
    "cartilage.laryngeal": ("laryngeal cartilage", False),
    "bone": ("bone", False),
    "skin": ("skin", False),
    "scar": ("scar", False),
    "soft_tissue": ("soft tissue", False),
    "head": ("head", False),
    "neck": ("neck", False),
    "chest": ("chest", False),
    "abdomen": ("abdomen", False),
    "pelvis": ("pelvis", False),
    "limb": ("limb", False),
    UNPLACED: ("unplaced", False),
}

# Other forms of words in the names of places, and words that name none.
_ONE = {
    "arteries": "artery", "veins": "vein", "valves": "valve", "nodules": "nodule", "nodes": "node", "kidneys": "kidney",
    "lungs": "lung", "tendons": "tendon", "joints": "joint", "discs": "disc", "breasts": "breast", "ureters": "ureter",
    "coronaries": "coronary",
}  # fmt: skip
_IDLE = ("the", "of", "in", "gland")
# Further names of places, in the form that is left when sides, plurals and idle words are taken out.
_ALSO = {
    "artery.coronary": ("cac", "coronary tree", "coronary vessel"),
    "artery.coronary.lm": ("left main", "left main stem", "left main artery", "lmca"),
    "artery.coronary.lcx": ("circumflex", "circumflex artery", "cx"),
    "artery.carotid": (
        "carotid bifurcation", "carotid bulb", "carotid sinus", "common carotid", "common carotid artery",
        "internal carotid", "internal carotid artery", "ica",
    ),
    "artery.leg": (
        "femoral artery", "superficial femoral artery", "popliteal artery", "tibial artery", "crural artery",
        "lower limb artery", "artery leg",
    ),
    "artery.arm": ("brachial artery", "radial artery", "ulnar artery", "upper limb artery"),
    "artery.cerebral": ("carotid siphon", "vertebral artery", "basilar artery", "intracranial artery"),
    "artery.mesenteric": ("superior mesenteric artery", "sma", "celiac artery", "coeliac artery"),
    "artery.aorta.thoracic": ("descending aorta", "descending thoracic aorta"),
    "artery.aorta.abdominal": ("infrarenal aorta",),
    "heart.mitral_annulus": ("mac", "mitral ring", "mitral valve annulus", "mitral annular"),
    "lung.nodule": ("pulmonary nodule",),
    "airway": ("trachea", "bronchus", "bronchi", "bronchial wall", "tracheobronchial tree"),
    "node.hilar": ("hilar node",),
    "node.mediastinal": ("mediastinal node",),
    "node.mesenteric": ("mesenteric node",),
    "node.neck": ("cervical lymph node", "cervical node"),
    "node.axillary": ("axillary node",),
    "kidney": ("renal pelvis", "renal calyx", "renal parenchyma", "renal medulla", "renal cortex"),
    "bladder": ("urinary bladder",),
    "gallbladder": ("gall bladder",),
    "bile_duct": ("common bile duct", "cbd", "choledochus", "biliary tree"),
    "bowel": ("colon", "intestine", "small bowel", "large bowel"),
    "thyroid": ("thyroid lobe", "thyroid nodule"),
    "salivary_gland": ("parotid", "submandibular"),
    "testis": ("testicle", "testes"),
    "brain.basal_ganglia": ("globus pallidus", "putamen", "caudate nucleus", "lentiform nucleus"),
    "brain.cerebellum": ("dentate nucleus", "dentate nuclei"),
    "eye": ("globe", "orbit", "optic disc"),
    "tendon.shoulder": ("rotator cuff", "supraspinatus", "supraspinatus tendon", "infraspinatus tendon"),
    "tendon.ankle": ("achilles tendon",),
    "soft_tissue": ("soft tissues", "subcutaneous tissue", "subcutaneous fat", "muscle"),
    "disc": ("intervertebral disk", "disk"),
}  # fmt: skip


def exists(path: str) -> bool:
    """Whether the path is in the tree, with or without a side."""
    base, side = split(path)
    return base in _TREE and (side is None or _TREE[base][1])


def split(path: str) -> tuple[str, str | None]:
    """The path without its side, and the side (``left``, ``right`` or ``None``)."""
    head, _, tail = path.rpartition(".")
    return (head, tail) if tail in SIDES and head else (path, None)


def label(path: str) -> str:
    """The name a person reads, such as ``left kidney``. Unknown leaves of knowledge folders read as their path."""
    base, side = split(path)
    name = _TREE[base][0] if base in _TREE else base.replace(".", " ").replace("_", " ")
    return f"{side} {name}" if side else name


def parent(path: str) -> str | None:
    """The next place up (``artery.coronary.lad`` -> ``artery.coronary``), or ``None`` at the top."""
    head, _, _ = path.rpartition(".")
    return head or None


def ancestors(path: str) -> tuple[str, ...]:
    """All places above, nearest first."""
    found: list[str] = []
    above = parent(path)
    while above:
        found.append(above)
        above = parent(above)
    return tuple(found)


def within(path: str, place: str) -> bool:
    """Whether ``path`` is ``place`` or lies in it."""
    return path == place or path.startswith(place + ".")


def named(text: str) -> str | None:
    """The path of a place as a person writes it, such as ``left kidney``, ``LAD`` or ``coronary artery``.

    ``None`` where no place or more than one has this name, or where a side is given of what the body has once.
    """
    spoken, words = _spoken(), _words(text)
    if (whole := spoken.get(words)) is not None:  # "right" belongs to the name of a coronary artery
        return whole
    rest, side = _without_side(words)
    base = spoken.get(rest)
    path = f"{base}.{side}" if side else base
    return path if path is not None and base is not None and exists(path) else None


def names() -> dict[str, str]:
    """Every name of a place as people write it -> its path; not the last parts of paths that are other words too."""
    found = {_words(name): path for path, (name, _) in _TREE.items() if path != UNPLACED and path not in REGIONS}
    return {**found, **{name: path for path, also in _ALSO.items() for name in also}}


def nearest(path: str) -> str | None:
    """The known path that is spelled most alike, with the side that was given, for error messages."""
    if exists(path):
        return path
    sided = [f"{base}.{side}" for base, (_, paired) in _TREE.items() if paired for side in SIDES]
    rest, side = _without_side(_words(path))
    spoken = _spoken()
    alike = [rest, *get_close_matches(rest, spoken, n=1, cutoff=0.75)]
    close = [base for one in alike if (base := spoken.get(one)) is not None]
    # Of the places that share the last part of their path, such as the knee, the last is as good a hint as any.
    close = close or [path for path in reversed(_TREE) if path.endswith(f".{rest}")][:1]
    close = close or get_close_matches(path, [*_TREE, *sided], n=1, cutoff=0.6)
    if not close:
        return None
    return f"{close[0]}.{side}" if side and close[0] in _TREE and _TREE[close[0]][1] else close[0]


def _words(text: str) -> str:
    """The words of a place in lower case and the singular."""
    words = (_ONE.get(word, word) for word in re.findall(r"[a-z0-9]+", text.lower()))
    return " ".join(word for word in words if word not in _IDLE)


def _without_side(words: str) -> tuple[str, str | None]:
    """The words without left and right, and which of them was there, if it was one."""
    found = {word for word in words.split() if word in SIDES}
    rest = " ".join(word for word in words.split() if word not in SIDES)
    return (rest, found.pop()) if len(found) == 1 else (words, None)


@lru_cache(maxsize=1)
def _spoken() -> dict[str, str | None]:
    """Names of places -> their path; ``None`` for a last part of a path that several places share."""
    found: dict[str, str | None] = {}
    for path in _TREE:
        leaf = _words(path.rpartition(".")[2])
        found[leaf] = path if leaf not in found or leaf == path else None
    found.update({name: path for path, names in _ALSO.items() for name in names})
    for path, (name, _) in _TREE.items():
        found[_words(path)] = path
        found[_words(name)] = path
    return found


def paths() -> tuple[str, ...]:
    """Every path without sides."""
    return tuple(_TREE)
