"""The proof of the round trip: it holds, and each kind of mistake makes it fail."""

import nibabel
import numpy as np
import pytest

from stroke_tf.planes import Plane
from stroke_tf.volumes.grid import grid_of_file
from stroke_tf.workflows import round_trip
from stroke_tf.workflows.round_trip import all_orientations, numbered_marker, prove_round_trip

TILTED = nibabel.affines.from_matvec(
    nibabel.eulerangles.euler2mat(0.1, -0.2, 0.15) @ np.array([[0, -0.9, 0], [0, 0, 5.0], [0.9, 0, 0]]), [5, -6, 7]
)


def prove():
    return prove_round_trip(grid_of_file((60, 50, 20), TILTED, "marker"))


def test_there_are_48_orientations_and_no_two_are_alike():
    affines = {"".join(nibabel.orientations.ornt2axcodes(axes)) for axes in all_orientations()}
    assert len(affines) == len(all_orientations()) == 48


def test_every_voxel_of_the_marker_has_a_value_of_its_own():
    assert np.unique(numbered_marker()).size == numbered_marker().size
    assert len(set(numbered_marker().shape)) == 3


def test_a_tilted_anisotropic_grid_makes_the_round_trip_in_all_orientations():
    trip = prove()
    assert trip.faults == ()
    assert trip.orientations == 48
    assert trip.shift_voxels < 0.02


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_reading_that_mirrors_an_axis_is_found(monkeypatch, axis: int):
    real = round_trip.read_scan

    def mirrored(path):
        scan = real(path)
        object.__setattr__(scan, "data", np.flip(scan.data, axis))
        return scan

    monkeypatch.setattr(round_trip, "read_scan", mirrored)
    trip = prove()
    assert trip.orientations == 0
    assert any("does not give RAS+" in fault for fault in trip.faults)


def test_two_mirrors_that_hide_each_other_are_found(monkeypatch):
    cut, restack = round_trip.cut_labels, round_trip.restack
    monkeypatch.setattr(round_trip, "cut_labels", lambda *given: cut(*given)[:, ::-1])
    monkeypatch.setattr(round_trip, "restack", lambda stack, geometry: restack(stack[:, ::-1], geometry))
    trip = prove()
    assert trip.orientations == 0
    assert any("does not show" in fault for fault in trip.faults)
    assert not any("did not come back" in fault for fault in trip.faults)


def test_slices_put_back_in_another_order_are_found(monkeypatch):
    restack = round_trip.restack
    monkeypatch.setattr(round_trip, "restack", lambda stack, geometry: restack(stack[::-1], geometry))
    faults = prove().faults
    assert any(Plane.Y.anatomical in fault and "did not come back" in fault for fault in faults)
    assert any("own grid moved" in fault for fault in faults)
