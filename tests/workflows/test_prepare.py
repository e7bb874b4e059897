"""From files to what networks see: once, and the same for training and for prediction."""

from dataclasses import replace

import nibabel
import numpy as np
import pytest

from stroke_tf.choices import FitRule
from stroke_tf.errors import InputFileError, ManifestError
from stroke_tf.manifest.layouts import find_cases
from stroke_tf.planes import Plane
from stroke_tf.slices import restack
from stroke_tf.volumes.cache import ArrayCache
from stroke_tf.workflows.prepare import Viewing, content_digest, prepare, prepare_all, with_digests

VIEWING = Viewing(("FLAIR", "DWI", "T2"), FitRule.BRAIN)


@pytest.fixture
def case(tmp_path, write_case):
    write_case(tmp_path / "data", 1)
    return find_cases(tmp_path / "data")[0]


def arrays_of(prepared) -> dict[str, np.ndarray]:
    """Return everything a network or a measure is given."""
    by_plane = {f"image {plane.value}": array for plane, array in prepared.images.items()}
    by_plane |= {f"coverage {plane.value}": array for plane, array in prepared.coverage.items()}
    return by_plane | {"channels": prepared.channels, "brain": prepared.brain, "truth": prepared.truth}


def require_same(first, second) -> None:
    assert (first.geometries, first.box, first.spacing_mm) == (second.geometries, second.box, second.spacing_mm)
    ones, others = arrays_of(first), arrays_of(second)
    assert list(ones) == list(others)
    for name, one in ones.items():
        assert one.dtype == others[name].dtype, name
        assert one.tobytes() == others[name].tobytes(), name


def entries(cache: ArrayCache) -> list[str]:
    return sorted(path.name for path in cache.folder.iterdir())


def test_cached_arrays_equal_uncached_ones_bit_for_bit(case, tmp_path):
    cache = ArrayCache(tmp_path / "cache")
    made = prepare(case, VIEWING, None)
    require_same(prepare(case, VIEWING, cache), made)
    require_same(prepare(case, VIEWING, cache), made)


def test_a_case_is_made_once(case, tmp_path):
    cache = ArrayCache(tmp_path / "cache")
    prepare(case, VIEWING, cache)
    # Without its images the case can only come from the cache; the digests are those the manifest would hold.
    known = with_digests(case)
    for path in case.images.values():
        path.unlink()
    assert prepare(known, VIEWING, cache).channels.any()


@pytest.mark.parametrize(
    "changed",
    [
        {"sequences": ("DWI", "FLAIR", "T2")},
        {"sequences": ("FLAIR",)},
        {"fit": FitRule.PLAIN},
        {"planes": (Plane.X,)},
    ],
    ids=["order of sequences", "one sequence", "fit", "planes"],
)
def test_other_settings_make_another_entry(case, tmp_path, changed):
    cache = ArrayCache(tmp_path / "cache")
    prepare(case, VIEWING, cache)
    prepare(case, replace(VIEWING, **changed), cache)
    assert len(entries(cache)) == 2


@pytest.mark.parametrize("changed", ["DWI", "lesion"])
def test_another_content_makes_another_entry(case, tmp_path, write_case, changed):
    cache = ArrayCache(tmp_path / "cache")
    prepare(case, VIEWING, cache)
    write_case(tmp_path / "other", 2)
    other = find_cases(tmp_path / "other")[0]
    source, target = ({**each.images, "lesion": each.lesion}[changed] for each in (other, case))
    target.write_bytes(source.read_bytes())
    prepare(case, VIEWING, cache)
    assert len(entries(cache)) == 2


def test_a_sequence_that_is_not_looked_at_does_not_count(case, tmp_path):
    cache = ArrayCache(tmp_path / "cache")
    prepare(case, VIEWING, cache)
    case.images["T1"].write_bytes(b"")
    prepare(case, VIEWING, cache)
    assert len(entries(cache)) == 1


def test_prediction_sees_what_training_saw(case, tmp_path):
    trained_on = prepare(case, VIEWING, ArrayCache(tmp_path / "cache"), need_truth=True)
    predicted = prepare(replace(case, lesion=None), VIEWING, None)
    assert predicted.truth is None and not predicted.coverage
    for plane in Plane:
        assert predicted.images[plane].tobytes() == trained_on.images[plane].tobytes()
    assert predicted.channels.tobytes() == trained_on.channels.tobytes()


def test_one_plane_alone_is_cut_as_with_the_others(case):
    alone = prepare(case, replace(VIEWING, planes=(Plane.Y,)), None)
    assert alone.images[Plane.Y].tobytes() == prepare(case, VIEWING, None).images[Plane.Y].tobytes()


def test_one_sequence_fills_three_channels(case):
    images = prepare(case, replace(VIEWING, sequences=("FLAIR",)), None).images[Plane.Z]
    assert images.any()
    assert np.array_equal(images[..., 0], images[..., 1]) and np.array_equal(images[..., 0], images[..., 2])


@pytest.mark.parametrize("plane", Plane)
def test_coverage_lies_where_the_lesion_is(case, plane):
    prepared = prepare(case, VIEWING, None)
    restacked = restack(prepared.coverage[plane].astype(np.float32) / 255, prepared.geometries[plane])
    assert np.array_equal(restacked >= 0.5, prepared.truth)


def test_the_lesion_in_the_box_is_the_whole_lesion(case):
    prepared = prepare(case, VIEWING, None)
    assert prepared.lesion_in_box.shape == prepared.channels.shape[:3]
    assert prepared.lesion_in_box.sum() == prepared.truth.sum() > 0


def test_training_needs_a_mask(case):
    with pytest.raises(ManifestError, match="case 1: no lesion mask"):
        prepare(replace(case, lesion=None), VIEWING, None, need_truth=True)


def test_an_empty_mask_is_refused_unless_the_manifest_says_so(case, write_case, tmp_path):
    image = nibabel.load(case.lesion)
    empty = nibabel.Nifti1Image(np.zeros(image.shape, np.uint8), image.affine)
    nibabel.save(empty, case.lesion)
    with pytest.raises(InputFileError, match="OT"):
        prepare(case, VIEWING, None)
    assert not prepare(replace(case, lesion_volume_ml=0.0), VIEWING, None).truth.any()


def test_a_missing_sequence_is_named(case):
    images = {name: path for name, path in case.images.items() if name != "T2"}
    with pytest.raises(ManifestError, match="Case 1: no T2 image"):
        prepare(replace(case, images=images), VIEWING, None)


def test_all_cases_are_prepared_in_their_order(six_cases, tmp_path):
    cases = find_cases(six_cases)
    prepared = prepare_all(cases, VIEWING, ArrayCache(tmp_path / "cache"))
    assert [each.case.case_id for each in prepared] == [case.case_id for case in cases]


def test_the_digest_of_cases_changes_with_a_byte_and_with_a_name(case):
    known = with_digests(case)
    before = content_digest([known])
    assert content_digest([replace(known, case_id="other")]) != before
    with open(case.images["DWI"], "ab") as stream:
        stream.write(b"\0")
    assert content_digest([known]) == before
    assert content_digest([known], trust_manifest=False) != before
