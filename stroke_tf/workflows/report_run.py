"""The page of one training run: how far it got, how it learnt, and its run card."""

from pathlib import Path

from stroke_tf.reports.page import Page, Section, Text
from stroke_tf.reports.tables import percent
from stroke_tf.training.record import HISTORY, read_history, read_run_card
from stroke_tf.workflows.report_measures import learning_chart, marked, run_facts


def run_page(folder: Path) -> Page:
    """Gather the page.

    Args:
        folder: that stroke-tf train wrote, or one below the runs of a results folder.
    Raises: InputFileError or TrainingError for a damaged run folder.
    """
    card = read_run_card(folder)
    synthetic = bool(card.get("synthetic"))
    mark = marked(synthetic)
    recipe = card.get("recipe") or {}
    plane = f", plane {card['plane']}" if card.get("plane") else ""
    split = card.get("split") or {}
    best = card.get("best_validation_dice")
    name = folder.resolve().name
    history = read_history(folder) if (folder / HISTORY).exists() else []
    headline = "The network was trained"
    if best is not None:
        headline = f"The best validation Dice is {percent(best)} %, in epoch {card.get('best_epoch')}"
    facts = {
        "Recipe": recipe.get("name"),
        "Training cases": len(split.get("train", [])),
        "Validation cases": len(split.get("validation", [])),
        "Encoder weights": (card.get("weights") or {}).get("name"),
        "Device": card.get("device"),
        "Seed": card.get("seed"),
        "Commit": (card.get("commit") or "")[:12],
    }
    return Page(
        title=f"Training run {name}",
        headline=f"{headline}; {recipe.get('architecture', 'the network')}{plane}.",
        synthetic=synthetic,
        data="the cases that the run card names" if not synthetic else "SYNTHETIC phantoms",
        facts={name: str(value) for name, value in facts.items() if value not in (None, "")},
        sections=[
            Section(
                "learning",
                "How it learnt",
                [
                    *learning_chart({name: history}, mark=mark),
                    Text("Validation cases chose the epoch, so this Dice flatters; measure test cases with evaluate."),
                ],
            ),
            Section("card", "Run card", [run_facts("Run card", card, unfolded=True)]),
        ],
    )
