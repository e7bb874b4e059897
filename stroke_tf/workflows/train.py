"""Train one network: the workflow behind `stroke-tf train`."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from stroke_tf.choices import Architecture, Device, Precision
from stroke_tf.errors import SettingError
from stroke_tf.models.backbones import require_backbone
from stroke_tf.planes import Plane
from stroke_tf.recipes.multiplane_2025 import TABLE1
from stroke_tf.recipes.recipe import Cohort, Recipe
from stroke_tf.volumes.cache import ArrayCache
from stroke_tf.workflows.cohort import (
    Cases,
    Split,
    chosen_cases,
    open_cases,
    phantom_cases,
    split_of_fold,
    with_all_digests,
)
from stroke_tf.workflows.networks import build_trainable
from stroke_tf.workflows.planar import train_plane, viewing_of
from stroke_tf.workflows.prepare import cache_folder, prepare_all
from stroke_tf.workflows.run import Job, RunOptions, require_free
from stroke_tf.workflows.start import start
from stroke_tf.workflows.volumetric import train_volumetric


@dataclass(frozen=True)
class TrainRequest:
    """What the user asked for.

    Args:
        data: manifest or folder; None trains on phantoms.
        train_cases: ids; empty takes the fold's.
        overrides: of the recipe's fields, those the user named.
    """

    plane: Plane | None
    architecture: Architecture
    preset: str
    data: Path | None
    data_root: Path | None
    fold: int
    train_cases: tuple[str, ...]
    validation_cases: tuple[str, ...]
    weights: str
    weights_folder: Path | None
    out: Path
    seed: int
    device: Device
    precision: Precision
    overrides: dict
    options: RunOptions


def train(request: TrainRequest, *, say: Callable[[str], None] = print) -> Path:
    """Train the network that was asked for and return its run folder."""
    recipe = recipe_of(request)
    require_free(request.out, request.options)
    cohort = TABLE1[request.preset].cohort
    chosen, weights = start(request, backbone=recipe.backbone, cohort=cohort, say=say)
    cases = _cases(request, cohort)
    split = _split(request, recipe, cases)
    cache = ArrayCache(cache_folder(request.out.parent))
    viewing = viewing_of(recipe, [request.plane] if request.plane else [], patches=request.plane is None)
    seen = {case.case_id: case for case in (*split.train, *split.validation)}
    prepared = {case.case.case_id: case for case in prepare_all(seen.values(), viewing, cache)}
    job = Job(recipe, request.plane, split.train, split.validation, weights, request.seed, cases.synthetic)
    trainable = build_trainable(recipe, weights, precision=chosen.precision, seed=request.seed)
    teach = train_volumetric if request.plane is None else train_plane
    return teach(job, trainable, prepared, chosen, request.out, request.options)


def recipe_of(request: TrainRequest) -> Recipe:
    """Return the preset's recipe for an architecture, with the user's changes.

    Raises: SettingError for a plane with the 3-D network, or none with a 2-D one; for an encoder that there is not, or
        that the 3-D network has no use for.
    """
    preset = TABLE1[request.preset]
    recipes = {
        Architecture.UNET_2D: preset.planar,
        Architecture.UNET_2D_DEEP: preset.deep,
        Architecture.LINKNET: replace(preset.planar, architecture=Architecture.LINKNET),
        Architecture.FPN: replace(preset.planar, architecture=Architecture.FPN),
        Architecture.ATTENTION_UNET: replace(preset.planar, architecture=Architecture.ATTENTION_UNET),
        Architecture.UNET_3D: preset.volumetric,
    }
    if request.architecture not in recipes:
        known = ", ".join(each.value for each in recipes)
        raise SettingError(f"stroke-tf train makes {known}. Received: {request.architecture.value}")
    volumetric = request.architecture is Architecture.UNET_3D
    if (request.plane is None) != volumetric:
        raise SettingError("Give --axis x, y or z with a 2-D network, and none with unet3d.")
    if "backbone" in request.overrides:
        if volumetric:
            raise SettingError("The 3-D U-Net has no encoder to choose. Leave --backbone away.")
        require_backbone(request.overrides["backbone"])
    return replace(recipes[request.architecture], **request.overrides)


def phantoms_folder(request: TrainRequest) -> Path:
    """Return where the phantoms of a run without data lie: beside it, so that the other planes find them."""
    return request.out.parent / f"synthetic-phantoms-{request.preset}-{request.seed}"


def _cases(request: TrainRequest, cohort: Cohort) -> Cases:
    if request.data is not None:
        return open_cases(request.data, data_root=request.data_root)
    return phantom_cases(phantoms_folder(request), cohort, seed=request.seed)


def _split(request: TrainRequest, recipe: Recipe, cases: Cases) -> Split:
    if not request.train_cases:
        hashed = with_all_digests(cases.cases)
        return split_of_fold(hashed, request.fold, validation_share=recipe.validation_share, seed=request.seed)
    train = with_all_digests(chosen_cases(cases.cases, request.train_cases))
    if request.validation_cases:
        overlap = sorted(set(request.train_cases) & set(request.validation_cases))
        if overlap:
            raise SettingError(f"Case {', '.join(overlap)} cannot both train and validate.")
        return Split(train, with_all_digests(chosen_cases(cases.cases, request.validation_cases)), ())
    # With so few cases that none can be spared, something must still choose the epoch; the run card shows which cases.
    print("note: no validation cases were named, so the training cases choose the epoch", file=sys.stderr)
    return Split(train, train, ())
