"""The door of Aboudi 2022; its smoke preset, all six models, is slow, and tests/workflows/test_aboudi2022.py is not."""

import json

import pytest

from stroke_tf.reproduce_aboudi2022 import main, parser


@pytest.mark.slow
def test_the_smoke_preset_runs_from_phantoms_to_the_answer(tmp_path, capsys, next_command):
    out = tmp_path / "out"
    assert main(["--preset", "smoke", "--weights", "none", "--device", "cpu", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert (out / "aboudi2022.md").read_text(encoding="utf-8") in printed
    assert next_command(printed) == ["report", str(out)]
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["synthetic"] is True
    assert len(results["models"]) == 6
    # The categorical twin is trained as printed only, and stands in the table but not beside those that went on.
    assert len(results["main_rows"]) == 5
    assert all(path.name.endswith("-SYNTHETIC.png") for path in (out / "figures").iterdir())
    assert printed.count("SYNTHETIC PHANTOMS") >= 1


def test_data_that_is_not_there_is_an_error(tmp_path, capsys):
    arguments = ["--weights", "none", "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "nowhere: no such manifest or folder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [["--preset", "fast"], ["--protocol", "isles2017"], ["--seed", "one"]])
def test_a_word_that_is_no_choice_is_refused(words, capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(words)
    assert "invalid" in capsys.readouterr().err
