"""The door that predicts, on what people have: files, folders, BIDS, lists; many cases; skulls; missing sequences."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest

from stroke_tf.evaluate import main as evaluate
from stroke_tf.index import main as index
from stroke_tf.phantoms import SYNTHETIC_MARK
from stroke_tf.predict import main, parser

SHAPE, SIDE_MM = (24, 28, 20), 6.0
ON_CPU = ["--device", "cpu", "--precision", "float32"]


def save_case(folder: Path, seed: int, names: dict[str, str], *, shape=SHAPE) -> Path:
    """Write a noisy brain in air, one file for each sequence: names maps a sequence to a path below the folder."""
    generator = np.random.default_rng(seed)
    affine = np.diag([-SIDE_MM, SIDE_MM, SIDE_MM, 1.0])  # stored from right to left, as many scanners do
    for name in names.values():
        image = np.zeros(shape, np.float32)
        image[3:-3, 4:-4, 2:-4] = generator.normal(
            100, 8, tuple(side - 6 - 2 * (i == 1) for i, side in enumerate(shape))
        )
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(image, affine), folder / name)
    return folder


PLAIN = {name: f"{name}.nii.gz" for name in ("FLAIR", "DWI", "T2")}


@pytest.fixture(scope="module")
def anna(tmp_path_factory) -> Path:
    return save_case(tmp_path_factory.mktemp("scans") / "anna", 1, PLAIN)


@pytest.fixture(scope="module")
def three(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("three")
    for number in (1, 2, 3):
        save_case(folder / f"case{number}", number, PLAIN)
    # Two patients, as it were, and a phantom.
    (folder / "case3" / SYNTHETIC_MARK).touch()
    return folder


def bids_names(case: str) -> dict[str, str]:
    folder = "/".join(case.split("_"))
    anat = {"FLAIR": f"{folder}/anat/{case}_FLAIR.nii.gz", "T2": f"{folder}/anat/{case}_T2w.nii.gz"}
    return {**anat, "DWI": f"{folder}/dwi/{case}_dwi.nii.gz"}


@pytest.fixture(scope="module")
def bids(tmp_path_factory) -> Path:
    """Return a raw BIDS dataset of two subjects, one with two sessions."""
    root = tmp_path_factory.mktemp("bids")
    told = {"Name": "noise", "BIDSVersion": "1.10.0", "DatasetType": "raw", "License": "CC0", "Authors": ["nobody"]}
    (root / "dataset_description.json").write_text(json.dumps(told))
    (root / "README").write_text("Images of noise, drawn for a test of the names of files; they show nothing.\n" * 3)
    for number, case in enumerate(("sub-01", "sub-02_ses-a", "sub-02_ses-b")):
        save_case(root, number, bids_names(case))
    return root


def predict(runs: Path, names: str, out: Path, *more: object) -> int:
    folders = [str(runs / name) for name in names.split()]
    return main(["--runs", *folders, "--out", str(out), *ON_CPU, *map(str, more)])


def voxels(path: Path) -> np.ndarray:
    return np.asarray(nibabel.load(path).dataobj)


def told(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def table(path: Path) -> dict[str, dict]:
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["case"]: row for row in csv.DictReader(stream)}


@pytest.fixture(scope="module")
def as_folder(random_runs, anna, tmp_path_factory) -> Path:
    """Return the outputs for anna's folder, with three planes that vote."""
    out = tmp_path_factory.mktemp("as-folder")
    assert predict(random_runs, "x y z", out, "--data", anna) == 0
    return out


def test_a_file_for_each_sequence_gives_the_mask_of_the_folder(random_runs, anna, as_folder, tmp_path):
    files = ["--flair", anna / "FLAIR.nii.gz", "--dwi", anna / "DWI.nii.gz", "--t2", anna / "T2.nii.gz"]
    assert predict(random_runs, "x y z", tmp_path, *files) == 0
    mask = voxels(tmp_path / "anna_mask.nii.gz")
    assert 0.01 < mask.mean() < 0.6
    assert np.array_equal(mask, voxels(as_folder / "anna_mask.nii.gz"))


def test_scans_with_a_truth_are_measured_next(random_runs, anna, as_folder, tmp_path, capsys, next_command):
    data, out = tmp_path / "data", tmp_path / "out"
    shutil.copytree(anna, data / "anna")
    shutil.copy(as_folder / "anna_mask.nii.gz", data / "anna" / "lesion.nii.gz")
    assert predict(random_runs, "y", out, "--data", data) == 0
    words = ["evaluate", "--truth", str(data), "--masks", str(out), "--out", "evaluation"]
    assert next_command(capsys.readouterr().out) == words


def test_the_record_tells_what_the_mask_holds(anna, as_folder):
    record, mask = told(as_folder / "anna_mask.json"), voxels(as_folder / "anna_mask.nii.gz").astype(bool)
    voxel_ml = SIDE_MM**3 / 1000
    assert record["lesion_ml"] == pytest.approx(mask.sum() * voxel_ml, abs=1e-3)
    # The file counts from right to left, and the brain's box is the middle 18 of 24 voxels: 12 lie on each side.
    assert record["right_ml"] == pytest.approx(mask[:12].sum() * voxel_ml, abs=1e-3)
    assert record["left_ml"] == pytest.approx(mask[12:].sum() * voxel_ml, abs=1e-3)
    assert sum(lesion["volume_ml"] for lesion in record["lesions"]) == pytest.approx(record["lesion_ml"], abs=1e-2)
    assert record["planes_compared"][0]["planes"] in (["x", "y"], ["x", "z"], ["y", "z"])
    assert set(record["inputs"]) == {"FLAIR", "DWI", "T2"}
    assert record["brain"]["skull_stripped"] is True and record["synthetic"] is False
    assert "diameter_mm" in record["definitions"] and "not for diagnosis" in record["notice"]


def test_the_table_has_a_line_for_the_case(as_folder):
    row = table(as_folder / "predictions.csv")["anna"]
    record = told(as_folder / "anna_mask.json")
    assert float(row["lesion_ml"]) == record["lesion_ml"] and int(row["lesions"]) == len(record["lesions"])
    assert (row["brain_mask"], row["stand_ins"], row["skull_stripped"]) == ("as given", "", "yes")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "Received: neither"),
        (["--data", "DATA", "--flair", "FLAIR"], "Received: --data and --flair"),
        (["--flair", "FLAIR", "--dwi", "FLAIR"], "named for FLAIR and DWI"),
        (["--flair", "nowhere.nii.gz"], "no such file, for FLAIR"),
        (["--data", "FLAIR"], "Say which sequence it shows"),
        (["--flair", "FLAIR", "--name", "../x"], "no / or"),
        (["--flair", "FLAIR", "--reference", "T1"], "no T1 image, on whose grid"),
    ],
)
def test_what_cannot_be_a_case_is_refused(random_runs, anna, tmp_path, capsys, more, said):
    words = {"DATA": anna, "FLAIR": anna / "FLAIR.nii.gz"}
    assert predict(random_runs, "x", tmp_path / "out", *(words.get(word, word) for word in more)) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_list_is_gone_through_and_its_bad_lines_are_listed(random_runs, three, tmp_path, capsys):
    (tmp_path / "list.txt").write_text(f"# scans\n{three / 'case1'}\n\nnowhere\n{three / 'case3'}\n", encoding="utf-8")
    assert predict(random_runs, "y", tmp_path / "out", "--data", tmp_path / "list.txt") == 2
    done = table(tmp_path / "out" / "predictions.csv")
    assert {name: row["synthetic"] for name, row in done.items()} == {"case1": "no", "case3": "yes"}
    failed = table(tmp_path / "out" / "failed.csv")
    assert set(failed) == {"nowhere"} and "line 4" in failed["nowhere"]["reason"]
    assert "1 of 3 cases failed; they are listed in" in capsys.readouterr().err
    # Mended, the list of failures goes away.
    (tmp_path / "list.txt").write_text(f"{three / 'case1'}\n{three / 'case3'}\n", encoding="utf-8")
    assert predict(random_runs, "y", tmp_path / "out", "--data", tmp_path / "list.txt", "--continue") == 0
    assert not (tmp_path / "out" / "failed.csv").exists()


@pytest.fixture(scope="module")
def derived(random_runs, bids) -> Path:
    """Return the derivative of the BIDS dataset, inside it, with the planes' masks and probabilities."""
    out = bids / "derivatives" / "stroke_tf"
    assert predict(random_runs, "x y z", out, "--data", bids, "--probabilities") == 0
    return out


def test_a_bids_dataset_gets_a_derivative(bids, derived):
    stem = "sub-02/ses-a/dwi/sub-02_ses-a_space-orig_label-lesion"
    mask, dwi = (
        nibabel.load(path) for path in (derived / f"{stem}_mask.nii.gz", bids / bids_names("sub-02_ses-a")["DWI"])
    )
    assert np.array_equal(mask.affine, dwi.affine) and mask.shape == dwi.shape
    assert {path.name.split("label-lesion_")[1] for path in (derived / "sub-02/ses-a/dwi").glob("*.nii.gz")} == {
        "mask.nii.gz",
        *(f"desc-{plane}_{kind}.nii.gz" for plane in "xyz" for kind in ("mask", "probseg")),
    }
    sidecar = told(derived / f"{stem}_mask.json")
    assert sidecar["SpatialReference"] == "bids:raw:sub-02/ses-a/dwi/sub-02_ses-a_dwi.nii.gz"
    assert "bids:raw:sub-02/ses-a/anat/sub-02_ses-a_FLAIR.nii.gz" in sidecar["Sources"]
    description = told(derived / "dataset_description.json")
    assert (description["DatasetType"], description["GeneratedBy"][0]["Name"]) == ("derivative", "stroke_tf")
    assert (derived / description["DatasetLinks"]["raw"]).resolve() == bids.resolve()
    assert set(table(derived / "predictions.csv")) == {"sub-01", "sub-02_ses-a", "sub-02_ses-b"}


def test_predicted_masks_are_nobodys_truth(bids, derived, tmp_path, capsys):
    assert index([str(bids), "--out", str(tmp_path / "manifest.csv")]) == 0
    assert "no case has a lesion mask" in capsys.readouterr().out


def test_masks_of_a_derivative_are_found_by_evaluate(bids, derived, tmp_path):
    truth = tmp_path / "truth"
    truth.mkdir()
    for case in ("sub-01", "sub-02_ses-b"):
        shutil.copy(next(derived.rglob(f"{case}_space-orig_label-lesion_mask.nii.gz")), truth / f"{case}.nii.gz")
    assert evaluate(["--truth", str(truth), "--masks", str(derived), "--out", str(tmp_path / "out")]) == 0
    assert {float(row["dice"]) for row in table(tmp_path / "out" / "per_case.csv").values()} == {1.0}


def test_a_folder_that_is_another_dataset_is_no_place_for_a_derivative(random_runs, bids, tmp_path, capsys):
    copy = Path(shutil.copytree(bids, tmp_path / "bids", ignore=shutil.ignore_patterns("derivatives")))
    assert predict(random_runs, "x", copy, "--data", copy, "--case", "sub-01") == 2
    assert "another BIDS dataset" in capsys.readouterr().err
    assert not list(copy.rglob("*_mask.nii.gz"))


def test_cases_of_other_names_have_no_derivative(random_runs, anna, tmp_path, capsys):
    assert predict(random_runs, "x", tmp_path / "out", "--data", anna, "--naming", "bids") == 2
    assert "sub-<label>" in capsys.readouterr().err


def test_a_case_with_two_images_of_one_sequence_does_not_stop_the_others(random_runs, bids, tmp_path):
    copy = Path(shutil.copytree(bids, tmp_path / "bids", ignore=shutil.ignore_patterns("derivatives")))
    flair = copy / bids_names("sub-01")["FLAIR"]
    shutil.copy(flair, flair.with_name("sub-01_run-2_FLAIR.nii.gz"))
    assert predict(random_runs, "x", tmp_path / "out", "--data", copy, "--naming", "plain") == 2
    assert set(table(tmp_path / "out" / "predictions.csv")) == {"sub-02_ses-a", "sub-02_ses-b"}
    assert "a second FLAIR" in table(tmp_path / "out" / "failed.csv")["sub-01"]["reason"]


@pytest.mark.slow
def test_the_derivative_passes_the_validator_of_bids(bids, derived):
    validator = shutil.which("bids-validator-deno") or shutil.which(
        "bids-validator-deno", path=str(Path(sys.executable).parent)
    )
    if validator is None:
        pytest.skip("bids-validator-deno is not installed; it is in the extra dev")
    ran = subprocess.run([validator, "--format", "json", str(derived)], capture_output=True, text=True)
    assert ran.stdout.startswith("{"), f"the validator did not finish: {ran.stderr[-300:]}"
    issues = json.loads(ran.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue.get("severity", "error") == "error"] == []


def mtimes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.nii.gz")}


@pytest.fixture(scope="module")
def finished_once(random_runs, three, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("finished")
    assert predict(random_runs, "y", out, "--data", three) == 0
    return out


@pytest.fixture
def finished(finished_once, tmp_path) -> Path:
    """Return a copy of the predictions of three cases by one plane, which a test may change."""
    return Path(shutil.copytree(finished_once, tmp_path / "out"))


def test_going_on_keeps_what_is_intact_and_mends_what_is_not(random_runs, three, finished, capsys):
    before, mask = mtimes(finished), finished / "case2_mask.nii.gz"
    whole = mask.read_bytes()
    mask.write_bytes(whole[:-30])
    (finished / "case3_mask.nii.gz").unlink()
    assert predict(random_runs, "y", finished, "--data", three, "--continue") == 0
    after = mtimes(finished)
    assert after["case1_mask.nii.gz"] == before["case1_mask.nii.gz"]
    assert set(after) == set(before) and after["case3_mask.nii.gz"] > before["case3_mask.nii.gz"]
    # What someone may have changed by hand is put aside, not lost.
    assert mask.read_bytes() == whole
    assert (finished / "case2_mask.nii.gz.changed").read_bytes() == whole[:-30]
    said = capsys.readouterr().out
    assert "kept: 1 of 3 cases are there, intact" in said and "case1:" not in said
    assert set(table(finished / "predictions.csv")) == {"case1", "case2", "case3"}


def test_a_case_whose_scan_has_changed_is_predicted_again(random_runs, three, finished, tmp_path):
    # Where the scans lie does not matter, what is in them does.
    data, out = Path(shutil.copytree(three, tmp_path / "data")), finished
    first = voxels(out / "case1_mask.nii.gz")
    save_case(data / "case1", 9, PLAIN)
    before = mtimes(out)
    assert predict(random_runs, "y", out, "--data", data, "--continue") == 0
    assert mtimes(out)["case2_mask.nii.gz"] == before["case2_mask.nii.gz"]
    assert not np.array_equal(voxels(out / "case1_mask.nii.gz"), first)


def test_going_on_with_other_networks_or_settings_is_refused(random_runs, three, finished, capsys):
    before = mtimes(finished)
    for names, more in (("x", []), ("y", ["--brain-mask", "simple"])):
        assert predict(random_runs, names, finished, "--data", three, "--continue", *more) == 2
        assert "made with other settings" in capsys.readouterr().err
    assert mtimes(finished) == before


def test_a_mask_without_a_record_is_left_alone(random_runs, three, finished, capsys):
    (finished / "case2_mask.json").unlink()
    before = mtimes(finished)
    assert predict(random_runs, "y", finished, "--data", three, "--continue") == 2
    assert "nothing beside it tells what made it" in capsys.readouterr().err
    assert mtimes(finished) == before
    assert predict(random_runs, "y", finished, "--data", three, "--continue", "--force") == 0


def test_a_case_that_was_begun_is_done_again(random_runs, three, finished):
    # A process that was killed between the first volume and the last leaves a record of state "begun".
    record = told(finished / "case3_mask.json")
    begun = {name: record[name] for name in ("format", "case", "settings")} | {"state": "begun"}
    (finished / "case3_mask.json").write_text(json.dumps(begun))
    whole = (finished / "case3_mask.nii.gz").read_bytes()
    (finished / "case3_mask.nii.gz").write_bytes(b"half of it")
    assert predict(random_runs, "y", finished, "--data", three, "--continue") == 0
    assert (finished / "case3_mask.nii.gz").read_bytes() == whole


@pytest.mark.slow
def test_a_prediction_that_is_killed_goes_on_to_the_same_masks(random_runs, tmp_path):
    data = tmp_path / "data"
    for number in range(1, 9):
        save_case(data / f"case{number}", number, PLAIN, shape=(64, 64, 64))
    runs = [str(random_runs / plane) for plane in "xyz"]
    command = [sys.executable, "-m", "stroke_tf", "predict", "--runs", *runs, "--data", str(data), *ON_CPU]
    assert subprocess.run([*command, "--out", str(tmp_path / "whole")]).returncode == 0
    out = tmp_path / "out"
    killed = subprocess.Popen([*command, "--out", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(out.glob("case2_mask.nii.gz")) and killed.poll() is None:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    done = mtimes(out)
    assert 2 <= len(done) < 8
    assert subprocess.run([*command, "--out", str(out), "--continue"]).returncode == 0
    assert {name: when for name, when in mtimes(out).items() if name in done and name != max(done)} == {
        name: when for name, when in done.items() if name != max(done)
    }
    for path in sorted((tmp_path / "whole").glob("*.nii.gz")):
        assert np.array_equal(voxels(path), voxels(out / path.name))
    assert set(table(out / "predictions.csv")) == {f"case{number}" for number in range(1, 9)}


PEAK = (
    "import sys; from stroke_tf import predict; from stroke_tf.training.record import peak_memory_mb; "
    "code = predict.main(sys.argv[1:]); print(code, peak_memory_mb())"
)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_cases(random_runs, tmp_path):
    from stroke_tf.phantoms import write_cohort

    write_cohort(tmp_path / "data", cases=3, shape=(80, 96, 64), spacing_mm=(2.4, 2.4, 2.6), seed=4)
    for number in range(4, 31):
        shutil.copytree(tmp_path / "data" / str(1 + number % 3), tmp_path / "data" / str(number))
    few = [str(number) for number in range(1, 6)]
    peaks = {}
    for name, more in (("5 cases", ["--case", *few]), ("30 cases", [])):
        runs = [str(random_runs / plane) for plane in "xyz"]
        options = ["--runs", *runs, "--data", str(tmp_path / "data"), "--out", str(tmp_path / name), *ON_CPU, *more]
        ran = subprocess.run([sys.executable, "-c", PEAK, *options], capture_output=True, text=True, check=True)
        code, peaks[name] = ran.stdout.split()[-2:]
        assert code == "0"
    # A case of this size needs 12 MB as float32 channels and slices: 25 more of them would show.
    assert float(peaks["30 cases"]) < float(peaks["5 cases"]) + 25, peaks


def test_a_missing_sequence_is_an_error_unless_something_stands_in(random_runs, anna, tmp_path, capsys):
    files = ["--flair", anna / "FLAIR.nii.gz", "--t2", anna / "T2.nii.gz", "--name", "anna"]
    assert predict(random_runs, "y", tmp_path / "error", *files) == 2
    said = capsys.readouterr().err
    assert "case anna failed: no DWI image" in said and "--missing-sequence repeat, or zeros" in said
    masks = []
    for word, filled in (("zeros", "zeros"), ("repeat", "FLAIR")):
        out = tmp_path / word
        assert predict(random_runs, "y", out, *files, "--missing-sequence", word) == 0
        record = told(out / "anna_mask.json")
        assert record["sequences"] == {"FLAIR": "FLAIR", "DWI": filled, "T2": "T2"}
        assert any(warning.startswith("DWI is missing") for warning in record["warnings"])
        assert table(out / "predictions.csv")["anna"]["stand_ins"] == f"DWI={filled}"
        assert f"DWI={filled}" in str(nibabel.load(out / "anna_mask.nii.gz").header["descrip"])
        assert "warning: DWI is missing" in capsys.readouterr().out
        masks.append(voxels(out / "anna_mask.nii.gz"))
    assert not np.array_equal(*masks)


def test_what_is_offered_for_a_missing_sequence_helps(random_runs, anna, tmp_path, capsys):
    files = ["--flair", anna / "FLAIR.nii.gz", "--dwi", anna / "DWI.nii.gz", "--name", "anna"]
    for word in ("error", "repeat"):
        assert predict(random_runs, "y", tmp_path / "out", *files, "--missing-sequence", word) == 2
        said = capsys.readouterr().err
        assert "no T2 image" in said and "--missing-sequence zeros" in said


@pytest.fixture(scope="module")
def unstripped(tmp_path_factory) -> tuple[Path, np.ndarray]:
    """Return the folder of a SYNTHETIC head with skull and scalp, and where its brain is."""
    from stroke_tf.phantoms.case import draw_case
    from stroke_tf.phantoms.scalp import with_scalp

    folder, spacing = tmp_path_factory.mktemp("heads") / "head", (3.0, 3.0, 3.0)
    phantom = draw_case(seed=3, shape=(77, 80, 58), spacing_mm=spacing, sequences=tuple(PLAIN))
    folder.mkdir()
    for name, image in phantom.sequences.items():
        raw = with_scalp(image, phantom.brain, spacing, name=name, seed=3)
        nibabel.save(nibabel.Nifti1Image(raw, np.diag([*spacing, 1.0])), folder / PLAIN[name])
    nibabel.save(nibabel.Nifti1Image(phantom.brain.astype(np.uint8), np.diag([*spacing, 1.0])), folder / "brain.nii.gz")
    return folder, phantom.brain


def test_a_scan_with_its_skull_is_told_from_one_without(random_runs, unstripped, tmp_path, capsys):
    folder, brain = unstripped
    assert predict(random_runs, "z", tmp_path / "as-given", "--data", folder) == 0
    assert "warning: not skull-stripped" in capsys.readouterr().out
    as_given = told(tmp_path / "as-given" / "head_mask.json")
    assert as_given["brain"]["skull_stripped"] is False and as_given["brain"]["skull_share"] > 0.5
    assert table(tmp_path / "as-given" / "predictions.csv")["head"]["skull_stripped"] == "no"

    assert predict(random_runs, "z", tmp_path / "simple", "--data", folder, "--brain-mask", "simple") == 0
    simple = told(tmp_path / "simple" / "head_mask.json")
    assert any("built-in simple mask" in warning for warning in simple["warnings"])
    assert table(tmp_path / "simple" / "predictions.csv")["head"]["brain_mask"] == "simple"
    header = nibabel.load(tmp_path / "simple" / "head_mask.nii.gz").header
    assert "brain simple" in str(header["descrip"])
    brain_ml = brain.sum() * 27 / 1000
    assert simple["brain"]["volume_ml"] == pytest.approx(brain_ml, rel=0.15)
    assert as_given["brain"]["volume_ml"] > 1.4 * brain_ml

    mask = str(folder / "brain.nii.gz").replace("head/", "{case}/")
    assert predict(random_runs, "z", tmp_path / "file", "--data", folder, "--brain-mask", mask) == 0
    file = told(tmp_path / "file" / "head_mask.json")
    assert file["brain"]["volume_ml"] == pytest.approx(brain_ml, abs=0.1)
    assert "brain mask" in file["inputs"] and file["warnings"] == []


def test_one_brain_mask_for_several_cases_is_refused(random_runs, three, tmp_path, capsys):
    mask = three / "case1" / "FLAIR.nii.gz"
    assert predict(random_runs, "y", tmp_path / "out", "--data", three, "--brain-mask", mask) == 2
    assert "one mask for 3 cases" in capsys.readouterr().err


def test_sequences_on_other_grids_are_resampled_only_when_asked(random_runs, anna, tmp_path, capsys):
    folder = Path(shutil.copytree(anna, tmp_path / "anna"))
    image = nibabel.load(folder / "T2.nii.gz")
    moved = image.affine.copy()
    moved[2, 3] += 3.0
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), moved), folder / "T2.nii.gz")
    assert predict(random_runs, "y", tmp_path / "refused", "--data", folder) == 2
    assert "predict --resample" in capsys.readouterr().err
    assert predict(random_runs, "y", tmp_path / "out", "--data", folder, "--resample") == 0
    assert told(tmp_path / "out" / "anna_mask.json")["resampled"] == ["T2"]


def test_an_option_for_several_may_be_given_several_times():
    asked = parser().parse_args(["--runs", "x", "--runs", "y", "z", "--out", "o", "--case", "1", "--case", "2"])
    assert [path.name for path in asked.runs] == ["x", "y", "z"] and asked.case == ["1", "2"]
