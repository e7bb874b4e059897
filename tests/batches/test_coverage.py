import numpy as np
import pytest

from stroke_tf.batches.coverage import as_coverage, require_coverage
from stroke_tf.errors import SettingError


def test_255_is_lesion_as_a_whole():
    assert as_coverage(np.array([0, 51, 255], np.uint8)).tolist() == pytest.approx([0, 0.2, 1])


def test_floats_are_coverage_already():
    coverage = as_coverage(np.array([0, 0.25, 1], np.float16))
    assert coverage.tolist() == [0, 0.25, 1]
    assert coverage.dtype == np.float32


def test_a_mask_becomes_0_and_1():
    assert as_coverage(np.array([False, True])).tolist() == [0, 1]


def test_a_mask_stored_as_uint8_is_refused():
    with pytest.raises(SettingError, match=r"case 7: .*Save them as bool"):
        require_coverage(np.array([0, 1, 0], np.uint8), "case 7")


@pytest.mark.parametrize("value", [1.5, -0.1, np.nan])
def test_coverage_outside_0_to_1_is_refused(value):
    with pytest.raises(SettingError, match=r"Received: .*"):
        require_coverage(np.array([0, value], np.float32), "case 7")


def test_other_integers_are_refused():
    with pytest.raises(SettingError, match="int32"):
        require_coverage(np.array([0, 1], np.int32), "case 7")


def test_a_fault_in_a_late_slice_is_found():
    stack = np.zeros((200, 2, 2), np.float32)
    stack[199] = 2
    with pytest.raises(SettingError):
        require_coverage(stack, "case 7")


@pytest.mark.parametrize(
    "stack", [np.zeros(3, np.uint8), np.array([0, 2], np.uint8), np.array([0.0, 1.0]), np.eye(2) > 0]
)
def test_labels_without_fault_pass(stack):
    require_coverage(stack, "case 7")
