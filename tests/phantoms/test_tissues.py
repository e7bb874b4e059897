"""Tissues belong to the head that the same seed draws, and share every voxel of its brain among them."""

import numpy as np
import pytest

from stroke_tf.phantoms import draw_case, draw_tissues, seed_of_case
from stroke_tf.phantoms.write import write_cohort
from stroke_tf.volumes.nifti import read_scan

SMALL = {"shape": (58, 58, 40), "spacing_mm": (4.0, 4.0, 4.0)}
TISSUES = draw_tissues(seed=5, **SMALL)


def test_tissues_share_each_voxel_of_the_brain_and_nothing_lies_outside():
    total = TISSUES.fluid + TISSUES.grey + TISSUES.white
    np.testing.assert_allclose(total[TISSUES.brain], 1, atol=1e-5)
    assert not total[~TISSUES.brain].any()
    assert min(each.min() for each in (TISSUES.fluid, TISSUES.grey, TISSUES.white)) >= 0


def test_tissues_are_those_of_the_case_of_the_same_seed():
    phantom = draw_case(seed=5, sequences=("T1",), **SMALL)
    np.testing.assert_array_equal(TISSUES.brain, phantom.brain)
    medians = [np.median(phantom.sequences["T1"][share > 0.75]) for share in (TISSUES.fluid, TISSUES.grey)]
    medians.append(np.median(phantom.sequences["T1"][TISSUES.white > 0.95]))
    # T1 shows fluid darkest and white matter brightest.
    assert medians == sorted(medians)


def test_a_case_of_a_written_cohort_is_found_by_its_number(tmp_path):
    folders = write_cohort(tmp_path, cases=2, seed=11, **SMALL)
    (path,) = folders[1].glob("*T1*/*.nii")
    tissues = draw_tissues(seed=seed_of_case(11, 2), **SMALL)
    np.testing.assert_array_equal(read_scan(path).data > 0, tissues.brain)


def test_white_matter_and_cortex_are_where_a_brain_has_them():
    shares = [float(share.sum() / TISSUES.brain.sum()) for share in (TISSUES.fluid, TISSUES.grey, TISSUES.white)]
    assert all(0.1 < share < 0.6 for share in shares), shares


def test_another_seed_is_another_head():
    assert (draw_tissues(seed=6, **SMALL).brain != TISSUES.brain).any()


def test_a_field_of_view_without_room_is_refused():
    with pytest.raises(Exception, match="at least 16 voxels"):
        draw_tissues(seed=1, shape=(8, 58, 58))
