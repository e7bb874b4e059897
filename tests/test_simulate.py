"""The door `stroke-tf simulate`."""

import pytest

from stroke_tf.simulate import main, parser

SMALL = ["--cases", "1", "--shape", "32", "34", "28", "--spacing", "6", "--seed", "4"]


def test_simulate_writes_a_cohort_and_says_so(tmp_path, capsys, next_command):
    assert main([*SMALL, "--out", str(tmp_path / "phantoms")]) == 0
    said = capsys.readouterr().out
    assert "wrote 1 SYNTHETIC cases" in said
    assert next_command(said)[:2] == ["index", str(tmp_path / "phantoms")]
    assert len(list((tmp_path / "phantoms").rglob("*.nii"))) == 5


def test_simulate_takes_three_spacings(tmp_path):
    arguments = ["--cases", "1", "--shape", "32", "34", "28", "--spacing", "6", "6", "7", "--out", str(tmp_path)]
    assert main(arguments) == 0


def test_two_spacings_are_an_error(tmp_path, capsys):
    assert main([*SMALL, "--out", str(tmp_path / "a"), "--spacing", "1", "2"]) == 2
    assert "three axes" in capsys.readouterr().err


def test_simulate_refuses_a_folder_that_holds_other_things(tmp_path, capsys):
    (tmp_path / "scan.nii").write_bytes(b"real")
    assert main([*SMALL, "--out", str(tmp_path)]) == 2
    assert "Choose an empty folder" in capsys.readouterr().err
    assert (tmp_path / "scan.nii").read_bytes() == b"real"


PERFUSION = ["--layout", "isles2018", "--cases", "1", "--size", "32", "--slices", "2", "2", "--frames", "30", "31"]


def test_simulate_writes_ct_perfusion(tmp_path, capsys):
    assert main([*PERFUSION, "--spacing", "7", "--out", str(tmp_path / "ctp")]) == 0
    assert "wrote 1 SYNTHETIC cases" in capsys.readouterr().out
    assert len(list((tmp_path / "ctp" / "case_1").rglob("*.nii"))) == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*PERFUSION, "--shape", "32", "32", "2"], "--shape means nothing for --layout isles2018"),
        ([*PERFUSION, "--spacing", "7", "7", "5"], "one number, that of a pixel; slices are 5 mm. Received: 7 7 5"),
        ([*SMALL, "--size", "64"], "--size means nothing for --layout siss2015"),
    ],
)
def test_options_of_another_layout_are_refused(tmp_path, capsys, arguments, message):
    assert main([*arguments, "--out", str(tmp_path / "a")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_an_unknown_layout_is_refused_by_the_parser():
    with pytest.raises(SystemExit):
        parser().parse_args(["--out", "x", "--layout", "nrrd"])
