"""The door `stroke-tf report`."""

from pathlib import Path

from stroke_tf.report import main


def test_the_door_says_what_it_wrote_and_what_comes_next(tmp_path: Path, capsys, next_command):
    run = tmp_path / "run"
    run.mkdir()
    (run / "run_card.json").write_text('{"synthetic": false, "best_validation_dice": 0.5, "best_epoch": 3}')
    assert main([str(run), "--out", str(tmp_path / "page.html")]) == 0
    said = capsys.readouterr().out
    assert f"wrote {tmp_path / 'page.html'}" in said
    assert next_command(said) == ["verify", str(run)]
    assert "The best validation Dice is 50.0 %, in epoch 3" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_page_that_exists_is_kept(tmp_path: Path, capsys):
    (tmp_path / "run_card.json").write_text("{}")
    (tmp_path / "report.html").write_text("mine")
    assert main([str(tmp_path)]) == 2
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "report.html").read_text() == "mine"


def test_a_folder_of_something_else_is_told_in_one_line(tmp_path: Path, capsys):
    assert main([str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {tmp_path}: neither results.json") and said.count("\n") == 1
