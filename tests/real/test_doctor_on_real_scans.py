"""The doctor before real patients."""

from pathlib import Path

import pytest

from stroke_tf.doctor import main

pytestmark = pytest.mark.real


def examined(folder: Path, capsys) -> str:
    if not folder.is_dir():
        pytest.skip(f"no patient at {folder}")
    assert main([str(folder)]) == 0
    return capsys.readouterr().out


def test_the_isles_2022_case_is_well_though_its_flair_lies_on_another_grid(real_data: Path, capsys):
    printed = examined(real_data / "isles22-sub-strokecase0009", capsys)
    assert "FLAIR: a grid of its own; resampled linearly onto DWI" in printed
    assert "523 voxels, 4.18 ml" in printed
    assert "48 of 48 orientations" in printed


def test_an_ms_patient_with_negative_intensities_is_well(real_data: Path, capsys):
    printed = examined(real_data / "ms-lesjak2017" / "patient07", capsys)
    assert "1,300 voxels, 1.30 ml" in printed
    assert "skull-stripped" in printed and "note" not in printed
