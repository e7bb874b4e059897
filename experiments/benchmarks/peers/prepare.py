"""Make the peers' networks once: nnU-Net's own plans for a cohort, and random weights for every network.

nnU-Net chooses its networks from the data, so its fingerprint and its default planner run on the cohort, as
`nnUNetv2_plan_and_preprocess` runs them; what that command then preprocesses for training is not needed. Weights are
random, in the files that the predictors read: time and memory do not depend on them.

    python prepare.py --cases phantoms --out models

Writes OUT/nnunet/{2d,3d_fullres}/, OUT/monai/*.pt and, at the very end, OUT/prepared.json.
"""

import argparse
import importlib.metadata
import json
import os
import shutil
from pathlib import Path
from typing import Any

from monai_predict import CHANNELS, NETWORKS, build

DATASET = "Dataset001_Phantoms"
SEQUENCES = ("Flair", "DWI", "T2")
CONFIGURATIONS = {"2d": (0, 1), "3d_fullres": (0, 1, 2)}
"""Each configuration, and the axes that nnU-Net's trainer lets its predictor mirror."""
PACKAGES = ("torch", "nnunetv2", "monai", "numpy")


def case_images(case: Path) -> list[Path]:
    """Return the channels of a case folder in the layout of SISS 2015: FLAIR, DWI, T2.

    Raises: FileNotFoundError if a sequence is missing or found twice.
    """
    return [_only_file(case, f"MR_{sequence}") for sequence in SEQUENCES]


def main() -> None:
    """Plan, draw weights, write."""
    options = argparse.ArgumentParser(description="Plan and initialise the peers' networks for a cohort.")
    options.add_argument("--cases", type=Path, required=True, help="cohort in the layout of SISS 2015")
    options.add_argument("--out", type=Path, required=True, help="folder for the networks")
    asked = options.parse_args()

    import torch

    torch.manual_seed(1)
    found: dict[str, Any] = {
        **prepare_nnunet(asked.cases, asked.out / "nnunet"),
        **prepare_monai(asked.out / "monai"),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    (asked.out / "prepared.json").write_text(json.dumps(found, indent=1))


def prepare_nnunet(cohort: Path, out: Path) -> dict[str, Any]:
    """Write one model folder for each configuration; return patch sizes and parameter counts by configuration."""
    for name in ("raw", "preprocessed", "results"):
        # nnU-Net takes its folders from the environment only.
        os.environ[f"nnUNet_{name}"] = str(out.resolve() / name)
        (out / name).mkdir(parents=True, exist_ok=True)
    import torch
    from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprints, plan_experiments
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    description = write_dataset(cohort, out / "raw" / DATASET)
    extract_fingerprints([1], num_processes=os.cpu_count() or 1, check_dataset_integrity=True)
    identifier = plan_experiments([1])
    plans_file = out / "preprocessed" / DATASET / f"{identifier}.json"
    plans = PlansManager(str(plans_file))
    found = {}
    for name, mirrored in CONFIGURATIONS.items():
        configuration = plans.get_configuration(name)
        network = nnUNetTrainer.build_network_architecture(
            plans, configuration, CHANNELS, plans.get_label_manager(description).num_segmentation_heads
        )
        folder = out / name
        (folder / "fold_0").mkdir(parents=True, exist_ok=True)
        shutil.copy(plans_file, folder / "plans.json")
        (folder / "dataset.json").write_text(json.dumps(description, indent=1))
        # A checkpoint of a real training carries the optimizer's state too, which makes it slower to load than this.
        checkpoint = {
            "network_weights": network.state_dict(),
            "init_args": {"configuration": name},
            "trainer_name": "nnUNetTrainer",
            "inference_allowed_mirroring_axes": mirrored,
        }
        torch.save(checkpoint, folder / "fold_0" / "checkpoint_final.pth")
        found[name] = {
            "patch": [int(side) for side in configuration.patch_size],
            "spacing_mm": [float(side) for side in configuration.spacing],
            "parameters": parameter_count(network),
        }
    return found


def write_dataset(cohort: Path, folder: Path) -> dict[str, Any]:
    """Describe the cohort as nnU-Net wants it, by the paths of its files, and return that description.

    Raises: FileNotFoundError if there is no case.
    """
    cases = sorted(each for each in cohort.resolve().iterdir() if each.is_dir() and each.name.isdigit())
    if not cases:
        raise FileNotFoundError(f"{cohort}: no case folder (1, 2, ...) there.")
    listed = {
        f"case{each.name}": {
            "images": [str(image) for image in case_images(each)],
            "label": str(_only_file(each, ".OT.")),
        }
        for each in cases
    }
    described: dict[str, Any] = {
        "channel_names": {str(index): sequence for index, sequence in enumerate(SEQUENCES)},
        "labels": {"background": 0, "lesion": 1},
        "numTraining": len(listed),
        "file_ending": ".nii",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.json").write_text(json.dumps({**described, "dataset": listed}, indent=1))
    return described


def prepare_monai(out: Path) -> dict[str, Any]:
    """Write random weights of each network; return parameter counts by network."""
    import torch

    out.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in NETWORKS:
        network = build(name)
        torch.save(network.state_dict(), out / f"{name}.pt")
        found[name] = {"parameters": parameter_count(network)}
    return found


def parameter_count(network: Any) -> int:
    """Return how many numbers a torch network learns."""
    return sum(each.numel() for each in network.parameters())


def _only_file(case: Path, word: str) -> Path:
    """Return the one .nii below a case folder whose name has a word."""
    found = sorted(each for each in case.rglob("*.nii") if word in each.name and each.is_file())
    if len(found) != 1:
        raise FileNotFoundError(f"{case}: {len(found)} .nii files with {word} in their name; one is needed.")
    return found[0]


if __name__ == "__main__":
    main()
