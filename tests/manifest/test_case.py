"""Names of cases: their patient, and their order."""

import pytest

from stroke_tf.manifest.case import natural_order, patient_of


@pytest.mark.parametrize(
    ("case_id", "patient"),
    [("sub-a1_ses-2", "sub-a1"), ("sub-a1", "sub-a1"), ("7", "7"), ("subject_1", "subject_1"), ("sub-", "sub-")],
)
def test_the_patient_is_the_bids_subject_or_the_case(case_id, patient):
    assert patient_of(case_id) == patient


def test_natural_order_mixes_numbers_and_words():
    names = ["sub-10_ses-1", "b", "10", "sub-2_ses-1", "9", ""]
    assert sorted(names, key=natural_order) == ["", "9", "10", "b", "sub-2_ses-1", "sub-10_ses-1"]
