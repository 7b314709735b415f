import numpy as np

from calciscope.domain.anatomy import Anatomy, Manifest, Region, Structure
from calciscope.domain.image import Geometry


def make() -> Anatomy:
    labels = np.zeros((4, 3, 3), np.uint8)
    labels[1], labels[2], labels[3] = 1, 2, 7
    structures = {name: Structure(name, value, 0.9) for name, value in (("liver", 1), ("spleen", 2), ("bone", 7))}
    regions = (Region("abdomen", 0, 2, 0.9), Region("chest", 2, 4, 0.9))
    return Anatomy(labels, structures, Geometry((4, 3, 3), (1, 1, 1)), Manifest("test", "1", "Apache-2.0"), regions)


def test_a_mask_of_several_structures_is_their_union():
    anatomy = make()
    assert anatomy.mask("liver").sum() == 9
    assert np.array_equal(anatomy.mask("liver", "bone"), anatomy.mask("liver") | anatomy.mask("bone"))
    assert not anatomy.mask("gallbladder").any()
    assert anatomy.mask("liver", "gallbladder").sum() == 9


def test_the_region_of_a_slice():
    anatomy = make()
    assert anatomy.region_at(1) == "abdomen"
    assert anatomy.region_at(2) == "chest"
    assert anatomy.region_at(9) is None


def test_has_knows_structures_and_tubes():
    assert make().has("spleen")
    assert not make().has("aorta")
