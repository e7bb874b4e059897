"""From a recipe and a word for the weights to a network that can be trained."""

from dataclasses import dataclass
from pathlib import Path

from stroke_tf.choices import Architecture, Precision
from stroke_tf.errors import WeightsError
from stroke_tf.files import sha256_of_file
from stroke_tf.models.build import build_model
from stroke_tf.models.weights import imagenet_weights, photographs_of
from stroke_tf.recipes.recipe import Recipe
from stroke_tf.seeds import child_seed
from stroke_tf.training.fit import Trainable
from stroke_tf.training.losses import WATCHED, make_loss


@dataclass(frozen=True)
class EncoderWeights:
    """What the encoder starts from, as it really is.

    Args:
        name: "imagenet", "none" or a file's name; what tables print.
        path: the file, None for random weights.
        note: why the weights are not those that were asked for; empty when they are.
    """

    name: str
    path: Path | None = None
    sha256: str | None = None
    note: str = ""

    @property
    def pretrained(self) -> bool:
        """Tell whether the encoder has learnt anything before."""
        return self.path is not None


RANDOM = EncoderWeights("none")


def find_weights(word: str, *, backbone: str, folder: Path | None = None, url: str | None = None) -> EncoderWeights:
    """Turn the user's word for the weights into a file, or into the honest absence of one.

    Args:
        word: auto, imagenet, none, or the path of a file.
        backbone: the encoder; weights are known for those in models/weights.py only.
        folder: where downloads are kept; None is the user's cache.
        url: another source of the ImageNet file, for tests and mirrors.
    Raises: WeightsError for imagenet that cannot be had, a file that is not there, or one for a backbone whose input
        is not known; auto never raises but notes.
    """
    if word == "none":
        return RANDOM
    if word in ("auto", "imagenet"):
        try:
            path = imagenet_weights(backbone, folder=folder, url=url)
        except WeightsError as fault:
            if word == "imagenet":
                raise
            return EncoderWeights("none", note=f"ImageNet weights could not be had: {fault}")
        return EncoderWeights("imagenet", path, sha256_of_file(path))
    path = Path(word)
    if not path.is_file():
        raise WeightsError(f"--weights {word}: no such file. Use imagenet, none, auto, or the path of a weight file.")
    photographs_of(backbone)
    return EncoderWeights(path.name, path, sha256_of_file(path))


def build_trainable(
    recipe: Recipe, weights: EncoderWeights, *, precision: Precision, seed: int, watched: bool = False
) -> Trainable:
    """Build a recipe's network with its loss; the random weights depend on the seed and the architecture alone.

    Args:
        watched: whether the history tells the training accuracy too, at a little of each step's time.
    """
    model = build_model(
        recipe.architecture,
        seed=child_seed(seed, "network", recipe.architecture.value),
        precision=precision,
        backbone=recipe.backbone,
        size=128 if recipe.architecture is Architecture.UNET_3D else recipe.size,
        channels=recipe.channels,
        weights=weights.path,
        batchnorm_momentum=recipe.batchnorm_momentum,
        patch=(recipe.size,) * 3,
        base_filters=recipe.base_filters,
    )
    loss = recipe.loss
    function = make_loss(loss.kind, alpha=loss.alpha, beta=loss.beta, lesion_weight=loss.lesion_weight)
    return Trainable(model, function, precision, watched=WATCHED if watched else None)
