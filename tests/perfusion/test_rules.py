"""The threshold rules, on six voxels that can be checked by eye."""

import numpy as np

from stroke_tf.perfusion import core_by_flow, hypoperfused, relative_flow

#            normal normal normal penumbra core  fluid outside
CBF = np.array([40, 50.0, 60, 25, 5, 2, 0]).reshape(7, 1, 1)
TMAX = np.array([1, 2.0, 3, 9, 12, 4, 20]).reshape(7, 1, 1)
BRAIN = np.array([1, 1, 1, 1, 1, 1, 0], bool).reshape(7, 1, 1)


def marked(mask):
    return mask.ravel().astype(int).tolist()


def test_hypoperfused_is_later_than_six_seconds_in_the_brain():
    assert marked(hypoperfused(TMAX, BRAIN)) == [0, 0, 0, 1, 1, 0, 0]
    assert marked(hypoperfused(np.full_like(TMAX, 6.0), BRAIN)) == [0] * 7


def test_flow_is_relative_to_the_median_of_the_brain_that_is_not_late():
    # Of 40, 50, 60 and the fluid's 2 the median is 45.
    np.testing.assert_allclose(relative_flow(CBF, TMAX, BRAIN).ravel() * 45, CBF.ravel(), rtol=1e-6)


def test_the_core_rule_takes_fluid_in_unless_tissue_must_be_late_too():
    assert marked(core_by_flow(CBF, TMAX, BRAIN)) == [0, 0, 0, 0, 1, 1, 0]
    assert marked(core_by_flow(CBF, TMAX, BRAIN, only_hypoperfused=True)) == [0, 0, 0, 0, 1, 0, 0]


def test_a_brain_that_is_late_throughout_has_no_normal_flow():
    assert not relative_flow(CBF, np.full_like(TMAX, 9.0), BRAIN).any()
    assert not relative_flow(np.zeros_like(CBF), TMAX, BRAIN).any()
