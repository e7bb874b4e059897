"""What a job needs of a machine: threads, cards, memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stroke_tf.choices import Architecture, Device
from stroke_tf.errors import SettingError
from stroke_tf.models.device import Chosen, usable_threads
from stroke_tf.recipes.perfusion import PerfusionRecipe
from stroke_tf.recipes.recipe import Recipe

GB = 10**9
# Peaks of a training process on a processor in float32, the heavier format, on random pixels: ResNet50-UNet 3.2 GB with
# 32 slices a step (2.5 in bfloat16), with a feature pyramid 4.3, 3-D U-Net 1.5 with two patches; the process itself,
# with a network of 33 million weights and its moments, 1.6. Here each is rounded up, and maps of the cache come on top.
_PROCESS_GB = 2.0
_SLICE_GB = 0.05
_PYRAMID_SLICE_GB = 0.08
# A patch of 64 voxels a side through a 3-D U-Net of 16 filters.
_PATCH_GB, _PATCH_VOXELS, _PATCH_FILTERS = 0.4, 64**3, 16
# Peaks of three planes on cases of 230x230x154 voxels in mixed_bfloat16: OpenVINO 1.1 GB from the second
# case on (README), Keras 1.8.
_OPENVINO_GB, _KERAS_GB = 1.5, 2.5


@dataclass(frozen=True)
class Needs:
    """What is set aside for a job while it runs.

    Args:
        threads: that it computes with.
        cards: GPUs, 0 or 1.
        memory_bytes: of main memory. Nothing enforces it: it keeps jobs from meeting on a machine that is too small.
    """

    threads: int
    cards: int
    memory_bytes: int

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise SettingError(f"--threads takes 1 or more. Received: {self.threads}")

    def fit(self, resources: Mapping[str, float]) -> bool:
        """Tell whether a machine could take such a job when it is idle; resources by Ray's names."""
        have = (resources.get(name, 0.0) for name in ("CPU", "GPU", "memory"))
        return all(own >= need for own, need in zip(have, (self.threads, self.cards, self.memory_bytes), strict=True))

    def at_once(self, resources: Mapping[str, float]) -> int:
        """Return how many such jobs a machine could do side by side when it is idle."""
        each = {"CPU": self.threads, "GPU": self.cards, "memory": self.memory_bytes}
        return min(int(resources.get(name, 0.0) // need) for name, need in each.items() if need)

    def __str__(self) -> str:
        card = ", 1 GPU" if self.cards else ""
        return f"{self.threads} thread{'' if self.threads == 1 else 's'}{card}, {self.memory_bytes / GB:.1f} GB"


def needs_of_training(recipe: Recipe | PerfusionRecipe, chosen: Chosen, *, threads: int) -> Needs:
    """Return what training a recipe's network needs."""
    return Needs(threads, _cards(chosen), round(_training_gb(recipe) * GB))


def needs_of_prediction(chosen: Chosen, *, threads: int, openvino: bool) -> Needs:
    """Return what a process needs that predicts one case after the other."""
    return Needs(threads, _cards(chosen), round((_OPENVINO_GB if openvino else _KERAS_GB) * GB))


def threads_of_a_job(asked: int | None, chosen: Chosen, *, cards_here: int) -> int:
    """Return how many threads a job computes with, unless told: what it would have if it were run on this machine.

    So the bits are those of a run without a cluster. On a GPU they are not promised anyway, and the threads only make
    batches: there this machine's are shared among its cards.
    """
    if asked is not None:
        return asked
    return max(1, usable_threads() // max(1, cards_here)) if chosen.device is Device.GPU else usable_threads()


def require_a_machine(needs: Sequence[Needs], nodes: Sequence[Mapping[str, float]]) -> None:
    """Do nothing if every job has at least one machine that is large enough for it.

    Raises: SettingError, naming what is needed and what there is.
    """
    for each in dict.fromkeys(needs):
        if not any(each.fit(node) for node in nodes):
            there = "; ".join(
                f"{node.get('CPU', 0):.0f} threads, {node.get('GPU', 0):.0f} GPUs, {node.get('memory', 0) / GB:.1f} GB"
                for node in nodes
            )
            raise SettingError(
                f"--cluster ray: a job needs {each}, and no machine has it. There are: {there}. Pass --threads with a "
                "lower number, or start Ray on a larger machine (ray start --num-cpus … --num-gpus … --memory …)."
            )


def _cards(chosen: Chosen) -> int:
    return 1 if chosen.device is Device.GPU else 0


def _training_gb(recipe: Recipe | PerfusionRecipe) -> float:
    if recipe.architecture is Architecture.UNET_3D:
        scale = recipe.size**3 / _PATCH_VOXELS * recipe.base_filters / _PATCH_FILTERS
        return _PROCESS_GB + _PATCH_GB * scale * recipe.batch_size
    per_slice = _PYRAMID_SLICE_GB if recipe.architecture is Architecture.FPN else _SLICE_GB
    return _PROCESS_GB + per_slice * recipe.batch_size
