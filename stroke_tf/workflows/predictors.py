"""Run folders become functions that look at a case; three of them vote, and no slice is computed for nothing."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stroke_tf.arrays import Mask, Probabilities, SliceStack
from stroke_tf.choices import Architecture, Device, Engine, FitRule, Precision, TieRule
from stroke_tf.errors import SettingError, WeightsError
from stroke_tf.fusion import lesion_where, majority
from stroke_tf.fusion.origin import Origin
from stroke_tf.inference.run import Predict, filled_slices, predict_stack
from stroke_tf.models.device import Chosen
from stroke_tf.models.engines import choose_engine, start_network
from stroke_tf.models.network import SavedNetwork, read_network
from stroke_tf.neighbours import WithNeighbours, with_neighbours
from stroke_tf.planes import Plane
from stroke_tf.slices import restack
from stroke_tf.training.record import RUN_CARD, faults_of_run
from stroke_tf.volumes.nifti import DEFAULT_MAX_VOXELS
from stroke_tf.workflows.prepare import Prepared, Viewing
from stroke_tf.workflows.probabilities import predict_plane, predict_volume


@dataclass(frozen=True)
class Predictor:
    """A trained network, ready to look at cases.

    Args:
        name: what its files are called after: the plane, or 3d.
        plane: None for the 3-D network.
        patch: side of the 3-D network's patches in voxels; not used by a plane.
        origin: what is told beside its probabilities; None for a function that is no saved network.
        neighbours: how many slices on each side a plane's network sees beside the one it answers for.
    """

    name: str
    plane: Plane | None
    threshold: float
    predict: Predict
    patch: int
    origin: Origin | None = None
    neighbours: int = 0

    def probabilities(self, case: Prepared) -> Probabilities:
        """Return the lesion probability of every voxel of a case, shape (x, y, z), float32."""
        if self.plane is None:
            return predict_volume(case, self.predict, self.patch)
        return predict_plane(case, self.plane, self.predict, neighbours=self.neighbours)

    def mask(self, case: Prepared, *, needed: Mask | None = None) -> Mask:
        """Return where the lesion is, shape (x, y, z), bool.

        Args:
            needed: the voxels whose answer matters. Slices of the plane that hold none of them are not predicted, and
                are background in the answer; None needs all.
        """
        if needed is None or self.plane is None:
            return lesion_where(self.probabilities(case), threshold=self.threshold)
        geometry = case.geometries[self.plane]
        others = tuple({0, 1, 2} - {self.plane.axis})
        wanted = needed.any(axis=others)[geometry.indices.start : geometry.indices.stop]
        stack = predict_stack(self.images(case), self.predict, wanted=wanted)
        return lesion_where(restack(stack, geometry), threshold=self.threshold)

    def images(self, case: Prepared) -> SliceStack | WithNeighbours:
        """Return the images of a plane's network, with the neighbours that it sees."""
        return with_neighbours(case.images[self.plane], self.neighbours)


@dataclass(frozen=True)
class Opening:
    """What is known of the runs before their weights are loaded, and where they will run."""

    saved: tuple[SavedNetwork, ...]
    engine: Engine
    chosen: Chosen
    max_voxels: int
    threads: int | None = None
    """That compute; None is all that this process may use."""

    @property
    def names(self) -> list[str]:
        """Return what each network's files are called after."""
        return [_name(saved) for saved in self.saved]

    def viewing(self) -> Viewing:
        """Return how all of the networks look at a case.

        Raises: SettingError if two of them are of one plane, or look at a case in different ways.
        """
        views = [_viewing(saved, self.max_voxels) for saved in self.saved]
        if len(set(self.names)) < len(self.names):
            named = zip(self.saved, self.names, strict=True)
            received = ", ".join(f"{saved.folder} ({name})" for saved, name in named)
            raise SettingError(f"Each plane votes once. Received: {received}. Name one run of each plane.")
        if len({(view.sequences, view.fit, view.repeat_one) for view in views}) > 1:
            different = {(view.sequences, view.fit.value) for view in views}
            raise SettingError(
                f"The runs were trained on different sequences or fits ({different}), or one of them on one sequence "
                "with neighbours and another without; they cannot vote together. Name runs of one recipe, or predict "
                "with each alone and fuse the results."
            )
        planes = tuple(plane for view in views for plane in view.planes)
        patches = any(view.patches for view in views)
        return replace(views[0], planes=planes, patches=patches)

    def __str__(self) -> str:
        return f"{self.chosen}, {'OpenVINO' if self.engine is Engine.OPENVINO else 'Keras'}"


def look_at_runs(
    runs: Sequence[Path],
    *,
    engine: Engine,
    device: Device,
    precision: Precision,
    max_voxels: int = DEFAULT_MAX_VOXELS,
    threads: int | None = None,
) -> Opening:
    """Read which networks the runs hold, and decide where they will run.

    Raises: WeightsError for a run without a readable network; SettingError for wishes that do not go together.
    """
    saved = tuple(read_network(run) for run in runs)
    engine, chosen = choose_engine(engine, device, precision, [each.network for each in saved], threads=threads)
    return Opening(saved, engine, chosen, max_voxels, threads)


def open_predictors(opening: Opening) -> list[Predictor]:
    """Load the networks.

    Raises: WeightsError if a file of a finished run is not what its card says, or its weights do not load.
    """
    # Keras holds its number format in one global place, so its networks are built one after the other. Of OpenVINO's
    # two are built at a time: a third would bring no speed beside the case that is being read, and needs 0.1 GB more.
    at_once = 2 if opening.engine is Engine.OPENVINO else 1
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda saved: _opened(saved, opening), opening.saved))


def voted_mask(
    predictors: Sequence[Predictor],
    case: Prepared,
    *,
    tie: TieRule,
    done: Callable[[str], None],
    complete: Callable[[str, Mask], None] = lambda name, mask: None,
) -> Mask:
    """Return the vote of the predictors, the same as if each had been asked for every slice.

    A majority of three is settled wherever the first two agree. So the plane with the most slices is asked last, and
    only for those slices that hold a voxel on which the others differ.

    Args:
        done: told the name of each predictor that has finished.
        complete: given the mask of each predictor that was asked for every slice.
    Returns: (x, y, z), bool.
    """
    ordered = sorted(predictors, key=lambda each: _work(each, case)) if len(predictors) == 3 else predictors
    masks: list[Mask] = []
    for each in ordered:
        needed = masks[0] ^ masks[1] if len(masks) == 2 and len(predictors) == 3 else None
        masks.append(each.mask(case, needed=needed))
        if needed is None:
            complete(each.name, masks[-1])
        done(each.name)
    return majority(masks, tie=tie)


def _work(predictor: Predictor, case: Prepared) -> tuple[bool, int]:
    """Order planes by the slices they must predict; the 3-D network, which cannot leave any out, comes first."""
    if predictor.plane is None:
        return (False, 0)
    return (True, int(np.count_nonzero(filled_slices(predictor.images(case)))))


def _opened(saved: SavedNetwork, opening: Opening) -> Predictor:
    predict = start_network(saved, opening.engine, opening.chosen.precision, threads=opening.threads)
    # A run in training has no card yet; a finished one must still be what its card says, or it may cut the wrong way.
    # The weights were just found to be those of network.json, so they are not read a second time.
    digests = {saved.weights.name: saved.weights_sha256}
    if (saved.folder / RUN_CARD).exists() and (faults := faults_of_run(saved.folder, digests)):
        raise WeightsError(f"{faults[0]}. Copy the run folder again, or train it anew.")
    threshold = saved.description["threshold"]
    origin = Origin(_name(saved), saved.weights_sha256, threshold, str(saved.description.get("recipe", "")))
    patch, neighbours = saved.network.patch[0], _neighbours(saved)
    return Predictor(_name(saved), _plane(saved), threshold, predict, patch, origin, neighbours)


def _viewing(saved: SavedNetwork, max_voxels: int) -> Viewing:
    description = saved.description
    plane = _plane(saved)
    planes = () if plane is None else (plane,)
    sequences, fit = tuple(description["sequences"]), FitRule(description["fit"])
    repeat_one = not (len(sequences) == 1 and _neighbours(saved))
    return Viewing(sequences, fit, planes, max_voxels, patches=plane is None, repeat_one=repeat_one)


def _name(saved: SavedNetwork) -> str:
    plane = _plane(saved)
    return "3d" if plane is None else plane.value


def _neighbours(saved: SavedNetwork) -> int:
    # Networks of before there were neighbours say nothing of them.
    return int(saved.description.get("neighbours", 0))


def _plane(saved: SavedNetwork) -> Plane | None:
    if saved.network.architecture is Architecture.UNET_3D:
        return None
    if not saved.description.get("plane"):
        raise SettingError(f"{saved.folder}: network.json names no plane; it was not written by stroke-tf train.")
    return Plane(saved.description["plane"])
