"""The door that turns scans into masks on the scans' own grid."""

import json
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

from stroke_tf.choices import FusionRule, TieRule
from stroke_tf.files import sha256_of_file
from stroke_tf.fuse import main as fuse
from stroke_tf.fusion.fitted import FittedFusion, write_fitted
from stroke_tf.fusion.origin import Origin, read_origin
from stroke_tf.manifest.layouts import find_cases
from stroke_tf.predict import main

SHAPE = (22, 26, 18)
SPACING = (6.0, 5.0, 7.0)
ON_CPU = ["--device", "cpu", "--precision", "float32"]
"""Which engine computes is left open, as users leave it."""
DESCRIPTION = {"recipe": "hand-made", "sequences": ["FLAIR", "DWI", "T2"], "fit": "brain", "threshold": 0.5}
"""As the runs of conftest.py have it."""


@pytest.fixture(scope="module")
def runs(random_runs) -> Path:
    return random_runs


def write_case(folder: Path, number: int, *, orientation: str = "RAS") -> None:
    """Write three sequences of a noisy brain, stored in an orientation; the anatomy depends on the number alone."""
    generator = np.random.default_rng(number)
    folder.mkdir(parents=True)
    for kind in ("FLAIR", "DWI", "T2"):
        image = np.zeros(SHAPE, np.float32)
        image[3:-3, 4:-4, 2:-4] = generator.normal(100, 8, (16, 18, 12))
        affine = np.diag([*SPACING, 1.0])
        affine[:3, 3] = -11, 7, 30
        nibabel.save(turned(nibabel.Nifti1Image(image, affine), orientation), folder / f"{kind}.nii.gz")


def turned(image: nibabel.Nifti1Image, orientation: str) -> nibabel.Nifti1Image:
    """Store the same anatomy along other axes."""
    own = nibabel.io_orientation(image.affine)
    return image.as_reoriented(nibabel.orientations.ornt_transform(own, nibabel.orientations.axcodes2ornt(orientation)))


@pytest.fixture(scope="module")
def two_cases(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    for number in (1, 2):
        write_case(folder / f"case{number}", number)
    return folder


def predict(runs: Path, names: str, data: Path, out: Path, *more: str) -> int:
    folders = [str(runs / name) for name in names.split()]
    return main(["--runs", *folders, "--data", str(data), "--out", str(out), *ON_CPU, *more])


def voxels(path: Path) -> np.ndarray:
    return np.asarray(nibabel.load(path).dataobj)


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} if folder.exists() else {}


def images(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.nii.gz")}


ORIENTATIONS = ("RAS", "LPS", "PIR", "SLA", "ARI")


@pytest.fixture(scope="module")
def oriented(runs, tmp_path_factory) -> Path:
    """Return a folder with `data` and `masks` of one brain, stored in five orientations."""
    home = tmp_path_factory.mktemp("oriented")
    for orientation in ORIENTATIONS:
        write_case(home / "data" / orientation, 1, orientation=orientation)
    assert predict(runs, "x y z", home / "data", home / "masks", "--probabilities") == 0
    return home


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_mask_lies_on_the_cases_own_grid(oriented, orientation):
    scan = nibabel.load(oriented / "data" / orientation / "FLAIR.nii.gz")
    for name in ("mask", "mask-x", "prob-y"):
        found = nibabel.load(oriented / "masks" / f"{orientation}_{name}.nii.gz")
        assert found.shape == scan.shape
        assert np.array_equal(found.affine, scan.affine)
        assert nibabel.aff2axcodes(found.affine) == tuple(orientation)
        assert (found.header["qform_code"], found.header["sform_code"]) == (
            scan.header["qform_code"],
            scan.header["sform_code"],
        )


@pytest.mark.parametrize("orientation", ORIENTATIONS[1:])
@pytest.mark.parametrize("name", ["mask", "prob-x", "prob-y", "prob-z"])
def test_how_a_brain_is_stored_changes_nothing_of_what_is_found(oriented, orientation, name):
    first = nibabel.load(oriented / "masks" / f"RAS_{name}.nii.gz")
    other = nibabel.as_closest_canonical(nibabel.load(oriented / "masks" / f"{orientation}_{name}.nii.gz"))
    assert np.array_equal(np.asarray(first.dataobj), np.asarray(other.dataobj))


def test_something_is_found_and_not_everything(oriented):
    # Without this the tests of geometry would pass on empty masks.
    share = voxels(oriented / "masks" / "RAS_mask.nii.gz").mean()
    assert 0.01 < share < 0.6
    assert np.unique(voxels(oriented / "masks" / "RAS_prob-x.nii.gz")).size > 1000


@pytest.mark.parametrize("plane", "xyz")
def test_a_planes_mask_is_where_its_probability_reaches_the_threshold(oriented, plane):
    probability = voxels(oriented / "masks" / f"PIR_prob-{plane}.nii.gz")
    mask = voxels(oriented / "masks" / f"PIR_mask-{plane}.nii.gz")
    assert probability.dtype == np.float32 and mask.dtype == np.uint8
    assert probability.min() >= 0 and probability.max() <= 1
    assert np.array_equal(mask, probability >= 0.5)


def test_the_mask_is_the_vote_of_the_planes(oriented):
    planes = [voxels(oriented / "masks" / f"PIR_mask-{plane}.nii.gz") for plane in "xyz"]
    assert np.array_equal(voxels(oriented / "masks" / "PIR_mask.nii.gz"), sum(planes) >= 2)


def test_what_lies_beside_a_planes_probabilities_tells_which_network_made_them(oriented, runs):
    for plane in "xyz":
        origin = read_origin(oriented / "masks" / f"PIR_prob-{plane}.nii.gz")
        assert origin == Origin(plane, sha256_of_file(runs / plane / "model.weights.h5"), 0.5, "hand-made")


def test_nothing_is_found_outside_the_brain_that_was_cut(oriented):
    probability = voxels(oriented / "masks" / "RAS_prob-z.nii.gz")
    inside = np.zeros(SHAPE, bool)
    inside[3:-3, 4:-4, 2:-4] = True
    away = ~inside
    away[1:-1, 2:-2, :-2] = False  # the box that is cut has a margin of two voxels
    assert not probability[away].any()
    assert probability[inside].all()


@pytest.fixture(scope="module")
def isles2022(tmp_path_factory) -> Path:
    from stroke_tf.phantoms import write_cohort

    folder = tmp_path_factory.mktemp("bids")
    write_cohort(folder, cases=1, shape=(58, 58, 40), spacing_mm=(4.0, 4.0, 4.0), seed=1, layout="isles2022")
    return folder


def test_an_isles_2022_mask_lies_on_the_grid_of_dwi(runs, isles2022, tmp_path):
    run = Path(shutil.copytree(runs / "z", tmp_path / "run"))
    edit(run, description={**DESCRIPTION, "plane": "z", "sequences": ["FLAIR", "DWI", "ADC"]})
    assert predict(tmp_path, "run", isles2022, tmp_path / "out") == 0
    (mask,) = (nibabel.load(path) for path in (tmp_path / "out").glob("*.nii.gz"))
    (case,) = find_cases(isles2022)
    dwi, flair = (nibabel.load(case.images[name]) for name in ("DWI", "FLAIR"))
    assert mask.shape == dwi.shape != flair.shape
    assert np.array_equal(mask.affine, dwi.affine)
    assert np.asarray(mask.dataobj).any()


def test_only_the_vote_is_written_unless_the_planes_are_asked_for(runs, two_cases, tmp_path):
    assert predict(runs, "x y z", two_cases, tmp_path / "vote", "--case", "case1") == 0
    assert images(tmp_path / "vote") == {"case1_mask.nii.gz"}
    assert predict(runs, "x y z", two_cases, tmp_path / "all", "--case", "case1", "--plane-masks") == 0
    assert images(tmp_path / "all") == {f"case1_mask{plane}.nii.gz" for plane in ("", "-x", "-y", "-z")}
    # Asking for the planes makes every slice be predicted; the vote is the same.
    vote = voxels(tmp_path / "vote" / "case1_mask.nii.gz")
    assert vote.any()
    assert np.array_equal(vote, voxels(tmp_path / "all" / "case1_mask.nii.gz"))


def test_the_engines_find_the_same_lesion(runs, two_cases, tmp_path, capsys):
    found = {}
    for engine in ("keras", "openvino"):
        assert predict(runs, "x y z", two_cases, tmp_path / engine, "--engine", engine, "--probabilities") == 0
        assert {"keras": "float32, Keras", "openvino": "float32, OpenVINO"}[engine] in capsys.readouterr().out
        found[engine] = {path.name: voxels(path) for path in sorted((tmp_path / engine).glob("*.nii.gz"))}
    assert found["keras"].keys() == found["openvino"].keys()
    for name, volume in found["keras"].items():
        other = found["openvino"][name]
        if "prob" in name:
            np.testing.assert_allclose(other, volume, atol=1e-4)
        else:
            # Random weights: nothing keeps their probabilities away from the threshold, as training does.
            assert (other != volume).mean() < 1e-3


def test_one_plane_writes_one_mask_a_case_and_says_what_next(runs, two_cases, tmp_path, capsys, next_command):
    out = tmp_path / "out"
    assert predict(runs, "y", two_cases, out) == 0
    assert images(out) == {"case1_mask.nii.gz", "case2_mask.nii.gz"}
    said = capsys.readouterr().out
    printed = said.splitlines()
    assert printed[0].startswith("device: CPU") and "2 cases" in printed[0] and "weights: " in printed[0]
    milliliters = voxels(out / "case1_mask.nii.gz").sum() * np.prod(SPACING) / 1000
    assert printed[1].startswith(f"case1: {milliliters:.2f} ml of lesion")
    assert next_command(said) == ["report", str(out)]


def test_the_3d_network_predicts_alone(runs, two_cases, tmp_path):
    assert predict(runs, "3d", two_cases, tmp_path / "out", "--case", "case2", "--probabilities") == 0
    assert images(tmp_path / "out") == {"case2_mask.nii.gz", "case2_prob-3d.nii.gz"}
    assert (tmp_path / "out" / "case2_prob-3d.json").is_file()


@pytest.mark.parametrize("rule", ["mean-probability", "fastsurfer", "fitted"])
def test_planes_fused_while_they_are_predicted_are_those_fused_afterwards(runs, oriented, tmp_path, rule):
    stored = [str(oriented / "masks" / f"PIR_prob-{plane}.nii.gz") for plane in "xyz"]
    asked = {
        "mean-probability": ["--rule", "mean-probability"],
        "fastsurfer": ["--rule", "weighted-logits", "--weights", "fastsurfer"],
        "fitted": ["--fitted", fitted_fusion(runs, tmp_path)],
    }[rule]
    assert fuse([*stored, "--out", str(tmp_path / "m.nii.gz"), *asked]) == 0
    word = asked[1] if rule == "fitted" else rule
    assert predict(runs, "x y z", oriented / "data", tmp_path, "--case", "PIR", "--fusion", word) == 0
    now = voxels(tmp_path / "PIR_mask.nii.gz")
    assert np.array_equal(now, voxels(tmp_path / "m.nii.gz"))
    assert not np.array_equal(now, voxels(oriented / "masks" / "PIR_mask.nii.gz"))


def fitted_fusion(runs: Path, folder: Path, **networks: str) -> str:
    digests = {plane: sha256_of_file(runs / plane / "model.weights.h5") for plane in "xyz"}
    weights = {"x": 0.1, "y": 0.3, "z": 0.6}
    fitted = FittedFusion(
        FusionRule.WEIGHTED_LOGITS, weights, 0.45, 1.0, True, TieRule.BACKGROUND, ("5",), digests | networks
    )
    write_fitted(folder / "fusion.json", fitted)
    return str(folder / "fusion.json")


@pytest.mark.parametrize(
    ("names", "word", "said"),
    [
        ("x y z", "median", "Received: 'median'"),
        ("x y z", "weighted-majority", "Received: 'weighted-majority'"),
        ("x", "union", "one run alone has nothing to fuse"),
        ("x y", "FITTED", "fitted for the planes x, y, z. Received: x, y"),
        ("x y z", "OTHER", "fitted for other networks"),
    ],
)
def test_a_fusion_that_does_not_fit_the_runs_is_refused(runs, two_cases, tmp_path, capsys, names, word, said):
    if word in ("FITTED", "OTHER"):
        word = fitted_fusion(runs, tmp_path, **({"z": "0" * 64} if word == "OTHER" else {}))
    assert predict(runs, names, two_cases, tmp_path / "out", "--fusion", word) == 2
    assert said in capsys.readouterr().err
    assert files(tmp_path / "out") == {}


def test_masks_that_exist_are_replaced_only_with_force(runs, two_cases, tmp_path, capsys):
    out = tmp_path / "out"
    assert predict(runs, "y", two_cases, out, "--case", "case2") == 0
    before = files(out)
    assert predict(runs, "y", two_cases, out) == 2
    assert "case2_mask.nii.gz exists already" in capsys.readouterr().err
    # Not even the case that was free, which comes first, was written.
    assert files(out) == before
    assert predict(runs, "y", two_cases, out, "--force") == 0
    assert files(out)["case2_mask.nii.gz"] > before["case2_mask.nii.gz"]


def test_one_case_that_fails_does_not_stop_the_others_and_is_not_passed_over(runs, two_cases, tmp_path, capsys):
    data, out = Path(shutil.copytree(two_cases, tmp_path / "data")), tmp_path / "out"
    path = data / "case1" / "DWI.nii.gz"
    path.write_bytes(path.read_bytes()[:2000])
    assert predict(runs, "x y z", data, out) == 2
    assert {"case2_mask.nii.gz"} <= set(files(out))
    assert not any(name.startswith("case1") for name in files(out))
    fault = capsys.readouterr().err
    assert "error: case case1 failed: " in fault and "DWI.nii.gz" in fault
    assert "1 of 2 cases failed" in fault


def test_a_mask_beside_the_images_is_not_looked_at(runs, two_cases, tmp_path):
    data = Path(shutil.copytree(two_cases, tmp_path / "data"))
    image = nibabel.load(data / "case1" / "FLAIR.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.zeros(SHAPE, np.uint8), image.affine), data / "case1" / "lesion.nii.gz")
    (data / "case2" / "lesion.nii.gz").write_bytes(b"not an image")
    for folder, out in ((two_cases, "without"), (data, "with")):
        assert predict(runs, "x", folder, tmp_path / out) == 0
    for name in ("case1_mask.nii.gz", "case2_mask.nii.gz"):
        assert np.array_equal(voxels(tmp_path / "without" / name), voxels(tmp_path / "with" / name))


def test_an_image_that_claims_too_many_voxels_is_refused(runs, two_cases, tmp_path, capsys):
    assert predict(runs, "x", two_cases, tmp_path / "out", "--max-voxels", "1000") == 2
    assert "2 of 2 cases failed" in capsys.readouterr().err
    assert set(files(tmp_path / "out")) == {"failed.csv"}


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        ("x x", "Name one run of each plane"),
        ("x t1", "trained on different sequences or fits"),
        ("x plain", "trained on different sequences or fits"),
        ("x nowhere", "Pass the folder of a finished run"),
    ],
    ids=["plane twice", "other sequences", "other fit", "no run"],
)
def test_runs_that_do_not_fit_together_are_refused(runs, two_cases, tmp_path, capsys, names, fault):
    assert predict(runs, names, two_cases, tmp_path / "out") == 2
    assert fault in capsys.readouterr().err
    assert files(tmp_path / "out") == {}


def edit(run: Path, **changed) -> None:
    """Change entries of network.json."""
    path = run / "network.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changed}), encoding="utf-8")


def test_weights_of_another_architecture_are_refused(runs, two_cases, tmp_path, capsys):
    run = Path(shutil.copytree(runs / "x", tmp_path / "run"))
    shutil.copyfile(runs / "3d" / "model.weights.h5", run / "model.weights.h5")
    assert predict(tmp_path, "run", two_cases, tmp_path / "out") == 2
    assert "damaged, or of another run" in capsys.readouterr().err
    edit(run, weights_sha256=sha256_of_file(run / "model.weights.h5"))
    assert predict(tmp_path, "run", two_cases, tmp_path / "out") == 2
    assert "the weights do not fit the network" in capsys.readouterr().err


def test_a_network_without_a_plane_is_refused(runs, two_cases, tmp_path, capsys):
    run = Path(shutil.copytree(runs / "x", tmp_path / "run"))
    edit(run, description={**DESCRIPTION, "plane": None})
    assert predict(tmp_path, "run", two_cases, tmp_path / "out") == 2
    assert "network.json names no plane" in capsys.readouterr().err


def test_a_case_that_is_not_there_is_named_beside_those_that_are(runs, two_cases, tmp_path, capsys):
    assert predict(runs, "x", two_cases, tmp_path / "out", "--case", "case9") == 2
    assert "No case is called case9. There are: case1, case2." in capsys.readouterr().err


def test_a_sequence_the_case_lacks_is_named(runs, two_cases, tmp_path, capsys):
    assert predict(runs, "t1", two_cases, tmp_path / "out", "--case", "case1") == 2
    assert "no T1 image; it has" in capsys.readouterr().err


def carded(runs: Path, folder: Path, *, train: list[str]) -> Path:
    """Return a copy of plane x's folder with the run card of a finished training."""
    run = folder / "x"
    shutil.copytree(runs / "x", run)
    (run / "history.csv").write_text("epoch\n1\n")
    files = {name: sha256_of_file(run / name) for name in ("network.json", "model.weights.h5", "history.csv")}
    told = dict.fromkeys(("recipe", "seed", "plane", "data_sha256", "weights", "device", "wall_seconds"))
    card = {**told, "split": {"train": train, "validation": []}, "files": files}
    (run / "run_card.json").write_text(json.dumps(card))
    return run


def test_a_network_whose_plane_was_edited_after_the_run_is_refused(runs, two_cases, tmp_path, capsys):
    run = carded(runs, tmp_path, train=[])
    told = (run / "network.json").read_text().replace('"plane": "x"', '"plane": "y"')
    (run / "network.json").write_text(told)
    assert predict(tmp_path, "x", two_cases, tmp_path / "out") == 2
    assert "network.json: its SHA-256 is not the one in the run card" in capsys.readouterr().err
    assert files(tmp_path / "out") == {}


def test_a_case_that_trained_the_network_is_named_and_not_measured(runs, two_cases, tmp_path, capsys, next_command):
    data = tmp_path / "data"
    shutil.copytree(two_cases, data)
    names = [case.case_id for case in find_cases(data)]
    carded(runs, tmp_path, train=names[:1])
    assert predict(tmp_path, "x", data, tmp_path / "out") == 0
    assert f"note: {names[0]} trained these networks" in capsys.readouterr().out
    for name in names:
        shutil.copy(tmp_path / "out" / f"{name}_mask.nii.gz", data / name / "lesion.nii.gz")
    assert predict(tmp_path, "x", data, tmp_path / "again") == 0
    words = ["--truth", str(data), "--masks", str(tmp_path / "again"), "--case", names[1], "--out", "evaluation"]
    assert next_command(capsys.readouterr().out) == ["evaluate", *words]
