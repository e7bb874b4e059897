"""What was asked of Table 1, and the networks that follow from it: the paper's rows, and variants beside row Y."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stroke_tf.choices import Device, Precision, Protocol
from stroke_tf.errors import ManifestError, SettingError
from stroke_tf.manifest.case import Case
from stroke_tf.models.device import Chosen
from stroke_tf.planes import Plane
from stroke_tf.recipes.multiplane_2025 import TABLE1, VARIANTS, variants_of
from stroke_tf.recipes.recipe import Recipe, Table1
from stroke_tf.workflows.cohort import Cases, Split, open_cases, phantom_cases, split_of_fold, with_all_digests
from stroke_tf.workflows.networks import RANDOM, EncoderWeights, find_weights
from stroke_tf.workflows.planar import viewing_of
from stroke_tf.workflows.prepare import Viewing
from stroke_tf.workflows.run import Job
from stroke_tf.workflows.start import start

# The plane of the rows that the paper shows without naming one; see assumptions.
_UNNAMED_PLANE = Plane.Y
# What a slice costs to train, in slices of row Y: processor time side by side in mixed_bfloat16, on two cores.
_COST = {"dsn": 1.2, "dense-unet": 0.75, "attention": 1.1, "linknet": 0.85, "fpn": 1.9}


@dataclass(frozen=True)
class Table1Request:
    """What the user asked for.

    Args:
        data: manifest or folder of real cases; None runs on phantoms.
        folds: 0 to 3; each is tested by networks that never saw it.
        weights: auto, imagenet, none, or a file.
        sequences: different names; empty takes the recipe's.
        variants: rows beside row Y, names of recipes.multiplane_2025.VARIANTS.
        threads: of TensorFlow; None is all that this process may use.
    Raises: SettingError for a variant that there is not.
    """

    preset: str
    data: Path | None
    data_root: Path | None
    folds: tuple[int, ...]
    weights: str
    weights_folder: Path | None
    out: Path
    seed: int
    device: Device
    precision: Precision
    protocol: Protocol
    sequences: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    threads: int | None = None

    def __post_init__(self) -> None:
        strangers = [name for name in self.variants if name not in VARIANTS]
        if strangers:
            raise SettingError(
                f"--variants takes all, or some of {', '.join(VARIANTS)}. Received: {', '.join(strangers)}"
            )

    @property
    def recipes(self) -> Table1:
        """Return the preset, looking at the sequences the user named where some were named."""
        preset = TABLE1[self.preset]
        if not self.sequences:
            return preset
        names = ("planar", "deep", "volumetric")
        return replace(preset, **{name: replace(getattr(preset, name), sequences=self.sequences) for name in names})


@dataclass(frozen=True)
class Trained:
    """A row of the table that a network fills: its id in the table and how it is trained."""

    row: str
    recipe: Recipe
    plane: Plane | None
    weights: EncoderWeights

    @property
    def folder(self) -> str:
        """Return the name of the run folder; two rows of the very same network share one."""
        plane = self.plane.value if self.plane else "patches"
        network = self.row if self.row in VARIANTS else self.recipe.architecture.value
        return f"{network}-{plane}-{self.weights.name}"

    def run_folder(self, fold: Path) -> Path:
        """Return where the run lies below the folder of a fold."""
        return fold / "runs" / self.folder

    def job(self, split: Split, *, seed: int, synthetic: bool) -> Job:
        """Return what is to be trained in a fold."""
        return Job(self.recipe, self.plane, split.train, split.validation, self.weights, seed, synthetic)

    def viewing(self, preset: Table1) -> Viewing:
        """Return how cases are prepared for this row: as for the whole table, unless it sees other sequences."""
        if self.recipe.sequences == preset.planar.sequences:
            return viewing_of(preset.planar)
        return viewing_of(self.recipe, [self.plane], patches=False)


@dataclass(frozen=True)
class Opened:
    """What a run of Table 1 stands on: everything that is known before the first case is prepared."""

    preset: Table1
    chosen: Chosen
    weights: EncoderWeights
    cases: Cases
    trained: tuple[Trained, ...]

    def split(self, request: Table1Request, fold: int) -> Split:
        """Return who trains, validates and is tested in a fold."""
        share = self.preset.planar.validation_share
        return split_of_fold(self.cases.cases, fold, validation_share=share, seed=request.seed)


def open_table1(request: Table1Request, *, say: Callable[[str], None]) -> Opened:
    """Choose the device, find weights and cases, and list the networks; phantoms are drawn where there are none yet.

    Raises: ManifestError for cases that lack what a row needs.
    """
    preset = request.recipes
    chosen, weights = start(
        request, backbone=preset.planar.backbone, cohort=preset.cohort, say=say, threads=request.threads
    )
    cases = _cases(request, preset)
    cases = replace(cases, cases=with_all_digests(cases.cases))
    trained = (*trained_rows(preset, weights), *variant_rows(request, weights))
    require_sequences(trained, cases.cases)
    for each in trained:
        if each.weights.note not in ("", weights.note):
            say(f"note, row {each.row}: {each.weights.note}")
    return Opened(preset, chosen, weights, cases, trained)


def _cases(request: Table1Request, preset: Table1) -> Cases:
    if request.data is not None:
        return open_cases(request.data, data_root=request.data_root)
    return phantom_cases(request.out / "synthetic-phantoms", preset.cohort, seed=request.seed)


def trained_rows(preset: Table1, weights: EncoderWeights) -> list[Trained]:
    """List the networks of Table 1 in the order in which they are trained.

    The row without a model name is shown in both of its readings: the ResNet50-UNet without pretrained weights (the
    column says so), and a deeply supervised one (the text calls the row DSN).
    """
    planes = [Trained(plane.value, preset.planar, plane, weights) for plane in Plane]
    return [
        *planes,
        Trained("absent", preset.planar, _UNNAMED_PLANE, RANDOM),
        Trained("dsn", preset.deep, _UNNAMED_PLANE, RANDOM),
        Trained("3d-unet", preset.volumetric, None, RANDOM),
    ]


def variant_rows(request: Table1Request, weights: EncoderWeights) -> list[Trained]:
    """List the networks that are shown beside row Y, in the order of the table.

    Args:
        weights: those of the paper's encoder; a variant with another encoder looks for its own.
    """
    preset = request.recipes
    rows = []
    for name, recipe in variants_of(preset.planar).items():
        if name in request.variants:
            own = weights if recipe.backbone == preset.planar.backbone else _own_weights(request, recipe)
            rows.append(Trained(name, recipe, _UNNAMED_PLANE, own))
    return rows


def _own_weights(request: Table1Request, recipe: Recipe) -> EncoderWeights:
    if request.weights in ("auto", "imagenet", "none"):
        return find_weights(request.weights, backbone=recipe.backbone, folder=request.weights_folder)
    return replace(RANDOM, note=f"the encoder {recipe.backbone} cannot take {Path(request.weights).name}")


def require_sequences(trained: Sequence[Trained], cases: Sequence[Case]) -> None:
    """Do nothing if every case has the sequences of every variant: to miss one after an hour would be late."""
    for each in trained:
        for case in cases if each.row in VARIANTS else ():
            missing = [name for name in each.recipe.sequences if name not in case.images]
            if missing:
                raise ManifestError(
                    f"case {case.case_id}: no {', '.join(missing)}, which the row {each.row} needs. Add the file, or "
                    f"leave {each.row} out of --variants."
                )


def costs_of_stages(trained: Sequence[Trained], folds: Sequence[int]) -> dict[str, float]:
    """Guess how long each stage takes beside the others, in slices trained; measured time corrects the guess."""
    costs: dict[str, float] = {}
    for fold in folds:
        costs[f"fold {fold}: preparing"] = 600
        for each in trained:
            recipe = each.recipe
            epochs = sum(phase.epochs for phase in recipe.phases(pretrained=each.weights.pretrained))
            per_item = 8.0 if each.plane is None else _COST.get(each.row, 1.0)
            shared = each.row == "absent" and not next(iter(trained)).weights.pretrained
            work = 0.0 if shared else epochs * recipe.steps_per_epoch * recipe.batch_size * per_item
            costs[f"fold {fold}: {each.row}"] = 300 + work
        costs[f"fold {fold}: judging"] = 500
    costs["fusion"] = 500 * len(folds)
    return costs
