"""Tissues: attenuation at a tube voltage, with or without contrast medium.

Attenuation at 120 kV is the usual textbook level of each tissue. Mineral and iodine depend on the voltage, soft tissue
and fat hardly: 100 mg/cm3 of hydroxyapatite is 130 HU at 120 kV (McCollough 2007, the international standard for mass)
and 147, 177 and 207 HU at 100, 80 and 70 kV (the voltage-adapted thresholds are that same attenuation); 140 kV
continues the fall. Iodine gives about 25 HU per mg/mL at 120 kV and follows its own mass attenuation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Tube voltage (kV) -> HU per mg/cm3 of hydroxyapatite, and HU per mg/mL of iodine.
_KV = (70.0, 80.0, 90.0, 100.0, 110.0, 120.0, 130.0, 140.0, 150.0)
_MINERAL = (2.07, 1.77, 1.60, 1.47, 1.38, 1.30, 1.24, 1.19, 1.15)
_IODINE = (47.0, 40.0, 35.0, 31.0, 27.5, 25.0, 23.0, 21.5, 20.0)

# What takes up at least this much iodine (mg/mL) is blood or the cortex of the kidney.
_BLOOD_LIKE = 4.5


def mineral_hu(kvp: float) -> float:
    """HU per mg/cm3 of hydroxyapatite at a tube voltage in kV."""
    return float(np.interp(kvp, _KV, _MINERAL))


def iodine_hu(kvp: float) -> float:
    """HU per mg/mL of iodine at a tube voltage in kV."""
    return float(np.interp(kvp, _KV, _IODINE))


@dataclass(frozen=True, slots=True)
class Tissue:
    """``hu`` is what is not mineral, ``mineral`` hydroxyapatite in mg/cm3, ``iodine`` mg/mL in the portal venous phase.

    ``texture`` is the standard deviation in HU of the tissue's own unevenness, not of the noise.
    """

    hu: float
    texture: float = 0.0
    mineral: float = 0.0
    iodine: float = 0.0

    def attenuation(self, kvp: float, contrast: float) -> float:
        """HU at a tube voltage; ``contrast`` is 0 without, 1 in the portal venous phase.

        Above 1 it multiplies the iodine of blood (about 3 in a CT angiography), while the tissue has taken up as much
        as in the portal venous phase.
        """
        dose = contrast if self.iodine >= _BLOOD_LIKE else min(contrast, 1.0)
        return self.hu + self.mineral * mineral_hu(kvp) + self.iodine * iodine_hu(kvp) * dose


TISSUES: dict[str, Tissue] = {
    "air": Tissue(-1000),
    "skin": Tissue(15, 5, iodine=0.4),
    "fat": Tissue(-104, 7),
    "septum": Tissue(-70, 6),
    "muscle": Tissue(54, 7, iodine=0.7),
    "fascia": Tissue(-35, 8),
    "gland": Tissue(-5, 24, iodine=0.6),
    "lung": Tissue(-862, 26, iodine=0.5),
    "airway_wall": Tissue(20, 4, iodine=0.8),
    "blood": Tissue(42, 2, iodine=4.8),
    "arterial_wall": Tissue(45, 2, iodine=2.5),
    "myocardium": Tissue(50, 3, iodine=2.8),
    "liver": Tissue(57, 3, iodine=2.1),
    "bile": Tissue(6, 2),
    "gallstone": Tissue(35, 6),
    "spleen": Tissue(49, 3, iodine=2.8),
    "pancreas": Tissue(40, 8, iodine=2.2),
    "kidney": Tissue(33, 3, iodine=5.6),
    "sinus_fat": Tissue(-75, 10),
    "urine": Tissue(6, 2),
    "adrenal": Tissue(20, 3, iodine=2.0),
    "bowel_wall": Tissue(40, 4, iodine=2.4),
    "chyme": Tissue(25, 10),
    "stool": Tissue(20, 90),
    "gas": Tissue(-985, 4),
    "node": Tissue(45, 3, iodine=2.0),
    "scar": Tissue(40, 5, iodine=0.8),
    "prostate": Tissue(42, 4, iodine=1.6),
    "uterus": Tissue(50, 4, iodine=2.6),
    "thyroid": Tissue(105, 6, iodine=3.0),
    "disc": Tissue(85, 6),
    "cartilage": Tissue(95, 9),
    "cord": Tissue(28, 3),
    "joint_fluid": Tissue(15, 3),
    "trabecular": Tissue(0, 32, mineral=125),
    "trabecular_dense": Tissue(20, 38, mineral=190),
    "marrow": Tissue(-55, 15, mineral=45),
    "cortical": Tissue(50, 45, mineral=720),
    "cortical_thin": Tissue(45, 45, mineral=520),
    "shaft": Tissue(60, 40, mineral=980),
    "table": Tissue(-880, 8),
    "table_shell": Tissue(120, 15),
    "metal": Tissue(9000),
    "grey": Tissue(37, 2, iodine=0.25),
    "white": Tissue(29, 2, iodine=0.15),
    "csf": Tissue(8, 2),
    "dura": Tissue(50, 2, iodine=2.0),
    "haematoma": Tissue(68, 4),
    "vitreous": Tissue(10, 2),
    "lens": Tissue(75, 4),
    "diploe": Tissue(10, 60, mineral=320),
    "petrous": Tissue(80, 60, mineral=1150),
    "enamel": Tissue(100, 60, mineral=1700),
    "ossified": Tissue(40, 40, mineral=330),
    "salivary": Tissue(18, 8, iodine=0.9),
}
