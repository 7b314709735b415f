"""Class numbers and names, as the package has them."""

_ORGANS = """
spleen kidney_right kidney_left gallbladder liver stomach pancreas adrenal_gland_right adrenal_gland_left
lung_upper_lobe_left lung_lower_lobe_left lung_upper_lobe_right lung_middle_lobe_right lung_lower_lobe_right
esophagus trachea thyroid_gland small_bowel duodenum colon urinary_bladder prostate kidney_cyst_left kidney_cyst_right
sacrum
"""
_VERTEBRAE = [
    f"vertebrae_{level}"
    for level in ("S1", *(f"{part}{n}" for part, last in (("L", 5), ("T", 12), ("C", 7)) for n in range(last, 0, -1)))
]
_VESSELS = """
heart aorta pulmonary_vein brachiocephalic_trunk subclavian_artery_right subclavian_artery_left
common_carotid_artery_right common_carotid_artery_left brachiocephalic_vein_left brachiocephalic_vein_right
atrial_appendage_left superior_vena_cava inferior_vena_cava portal_vein_and_splenic_vein iliac_artery_left
iliac_artery_right iliac_vena_left iliac_vena_right
"""
_LIMBS = """
humerus_left humerus_right scapula_left scapula_right clavicula_left clavicula_right femur_left femur_right hip_left
hip_right spinal_cord gluteus_maximus_left gluteus_maximus_right gluteus_medius_left gluteus_medius_right
gluteus_minimus_left gluteus_minimus_right autochthon_left autochthon_right iliopsoas_left iliopsoas_right brain skull
"""
_RIBS = [f"rib_{side}_{n}" for side in ("left", "right") for n in range(1, 13)]
_TOTAL = [*_ORGANS.split(), *_VERTEBRAE, *_VESSELS.split(), *_LIMBS.split(), *_RIBS, "sternum", "costal_cartilages"]

class_map = {
    "total": dict(enumerate(_TOTAL, start=1)),
    "lung_vessels": dict(enumerate(["lung_airways", "lung_airways_wall", "lung_arteries", "lung_veins"], start=1)),
    "hip_implant": {1: "hip_implant"},
    "coronary_arteries": {1: "coronary_arteries"},
}
