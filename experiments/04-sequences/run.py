"""Train on single sequences and on sets of three; question and expectation stand in README.md."""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from arms import BASE, Arm, Experiment, main

SETS = {
    "FLAIR, DWI, T2 (the recipe's)": ("FLAIR", "DWI", "T2"),
    "without FLAIR: DWI, T1, T2": ("T1", "DWI", "T2"),
    "without DWI: FLAIR, T1, T2": ("FLAIR", "T1", "T2"),
    "FLAIR alone": ("FLAIR",),
    "DWI alone": ("DWI",),
    "T2 alone": ("T2",),
    "T1 alone": ("T1",),
}
ALL = next(iter(SETS))

EXPERIMENT = Experiment(
    folder=Path(__file__).resolve().parent,
    question="Which sequence matters?",
    arms=tuple(Arm(name, replace(BASE, sequences=sequences)) for name, sequences in SETS.items()),
    comparisons=tuple(
        (ALL, name) for name in ("DWI alone", *(name for name in SETS if name not in (ALL, "DWI alone")))
    ),
    minutes=24,
)

if __name__ == "__main__":
    main(EXPERIMENT)
