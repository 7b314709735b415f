"""The damage that the default patient has, and the mineral metabolism it meets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from calciscope.simulate import heart
from calciscope.simulate.abdomen import GALLBLADDER, calyx
from calciscope.simulate.growth import Milieu
from calciscope.simulate.sites import Site, concretion, diffuse, leaflets, nodule, on, rim, scar, stone, wall


@dataclass(frozen=True, slots=True)
class Metabolism:
    """A state of mineral metabolism: laboratory values in the units of the patient file, and the history with it."""

    labs: Mapping[str, float]
    conditions: tuple[str, ...]
    medications: tuple[str, ...] = ()

    @property
    def product(self) -> float:
        """Calcium times phosphate in mg2/dL2."""
        return self.labs["calcium"] * self.labs["phosphate"]


METABOLISM: dict[str, Metabolism] = {
    "normal": Metabolism(
        MappingProxyType(
            {
                "calcium": 9.5,
                "albumin": 4.3,
                "phosphate": 3.4,
                "pth": 42.0,
                "vitamin_d_25": 27.0,
                "alp": 74.0,
                "creatinine": 0.95,
                "egfr": 82.0,
            }
        ),
        ("hypertension", "former smoker"),
        ("statin",),
    ),
    "renal": Metabolism(
        MappingProxyType(
            {
                "calcium": 10.7,
                "albumin": 3.9,
                "phosphate": 7.6,
                "pth": 640.0,
                "vitamin_d_25": 16.0,
                "alp": 182.0,
                "creatinine": 8.3,
                "egfr": 6.0,
                "bicarbonate": 25.0,
            }
        ),
        ("chronic kidney disease stage 5", "haemodialysis", "hypertension"),
        ("calcium acetate",),
    ),
}

_PLAQUE = Milieu(0.0, years=14.0, density=750.0, filling=4.0, roughness=1.3)
_STONE = Milieu(0.0, years=6.0, density=1050.0, filling=1.0, roughness=0.35)

DEPOSITS: tuple[Site, ...] = (
    Site(
        "artery.coronary.lad",
        "dystrophic",
        "atheroma of the proximal left anterior descending artery",
        wall("coronary.lad", 0.22, 17.0, 200, 300, 1.5, 0.3),
        _PLAQUE,
        nuclei=8,
    ),
    Site(
        "artery.coronary.rca",
        "dystrophic",
        "atheroma of the right coronary artery",
        wall("coronary.rca", 0.34, 8.0, 40, 260, 1.4, 0.3),
        _PLAQUE,
        nuclei=5,
    ),
    Site(
        "artery.aorta.arch",
        "dystrophic",
        "atheroma of the aortic arch",
        wall("aorta.arch", 0.70, 15.0, 20, 70, 1.6),
        _PLAQUE,
        nuclei=4,
    ),
    Site(
        "artery.aorta.abdominal",
        "dystrophic",
        "atheroma of the infrarenal aorta",
        wall("aorta.abdominal", 0.72, 22.0, 60, 150, 1.7),
        _PLAQUE,
        nuclei=7,
    ),
    Site(
        "artery.iliac.left",
        "dystrophic",
        "atheroma of the left common iliac artery",
        wall("iliac.left", 0.16, 14.0, 80, 150, 1.5),
        _PLAQUE,
        nuclei=4,
    ),
    Site(
        "lung.nodule",
        "dystrophic",
        "healed granuloma of the right upper lobe",
        nodule((-70.0, 18.0, 524.0), 4.4),
        Milieu(0.0, 24.0, 620.0, 5.0, roughness=0.9),
        nuclei=3,
    ),
    Site(
        "node.mediastinal",
        "dystrophic",
        "healed granuloma of a right paratracheal node",
        nodule((-15.0, 0.0, 508.0), 4.2, "node"),
        Milieu(0.0, 24.0, 560.0, 6.0, roughness=1.2),
        nuclei=5,
    ),
    Site(
        "gallbladder",
        "lithiasis",
        "cholesterol stone with a calcified rim",
        rim((GALLBLADDER[0] + 1, GALLBLADDER[1] + 5, GALLBLADDER[2] + 1), 7.0),
        Milieu(0.0, 9.0, 520.0, 3.0, roughness=1.1),
        nuclei=40,
        factor=1.4,
    ),
    Site("kidney.left", "lithiasis", "stone in a lower calyx", stone(calyx("left", -22.0), 3.2), _STONE, factor=2.2),
    Site(
        "ureter.right",
        "lithiasis",
        "stone in the middle ureter",
        stone(on("ureter.right", 0.36), 3.3),
        _STONE,
        factor=2.2,
    ),
    Site(
        "vein.pelvic.left",
        "dystrophic",
        "phlebolith: thrombus of a pelvic vein",
        concretion((45.0, 34.0, 30.0), 2.7),
        Milieu(0.0, 20.0, 560.0, 3.0, rhythm=0.45, roughness=0.4),
    ),
    Site(
        "vein.pelvic.right",
        "dystrophic",
        "phlebolith: thrombus of a pelvic vein",
        concretion((-40.0, 42.0, 22.0), 2.3),
        Milieu(0.0, 20.0, 560.0, 3.0, rhythm=0.45, roughness=0.4),
    ),
    Site(
        "scar",
        "dystrophic",
        "injection granuloma in the fat of the left buttock",
        scar((96.0, 86.0, 76.0), (9.0, 4.5, 8.0)),
        Milieu(0.0, 16.0, 480.0, 6.0, roughness=1.3),
        nuclei=8,
    ),
)

VALVE = Site(
    "heart.aortic_valve",
    "dystrophic",
    "worn leaflets of the aortic valve",
    leaflets(heart.VALVE, 12.5),
    Milieu(0.0, 14.0, 800.0, 4.0, roughness=1.2),
    nuclei=9,
)

# Sound tissue that secretes acid: nothing grows here unless the ion product passes what sound tissue can hold.
METASTATIC: tuple[Site, ...] = (
    Site(
        "lung.right",
        "metastatic",
        "alveolar septa of the upper lobe, alkaline and sound",
        diffuse((-66.0, 0.0, 530.0), (20.0, 22.0, 18.0), tissue="node"),
        Milieu(0.0, 8.0, 480.0, 5.0, roughness=1.2),
        nuclei=1200,
        factor=1.25,
    ),
    Site(
        "kidney.right",
        "metastatic",
        "medulla of the right kidney, alkaline and sound",
        diffuse((-60.0, 22.0, 262.0), (8.0, 9.0, 22.0)),
        Milieu(0.0, 9.0, 600.0, 4.0, roughness=1.2),
        nuclei=200,
        factor=1.25,
    ),
    Site(
        "stomach",
        "metastatic",
        "wall of the gastric fundus, alkaline and sound",
        diffuse((89.5, -4.0, 360.0), (3.5, 12.0, 12.0)),
        Milieu(0.0, 9.0, 600.0, 4.0, roughness=1.2),
        nuclei=150,
        factor=1.25,
    ),
)
