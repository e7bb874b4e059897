"""A fusion with all its numbers, as a file: what was fitted, on which cases, for which networks."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stroke_tf.arrays import Mask, Probabilities
from stroke_tf.choices import FusionRule, TieRule
from stroke_tf.errors import InputFileError, SettingError
from stroke_tf.files import write_json
from stroke_tf.fusion.clean_up import clean_up
from stroke_tf.fusion.rules import WEIGHTED, fuse, in_order, normalised

FORMAT = 1


@dataclass(frozen=True)
class FittedFusion:
    """Everything that turns the planes' probabilities of one set of networks into a mask.

    Args:
        weights: by plane, for the rules that have them; None for the others.
        min_component_ml, fill_holes: see clean_up.
        fitted_on: the ids of the validation cases; empty where nothing was fitted.
        networks: SHA-256 of the weights of each plane's network.
    """

    rule: FusionRule
    weights: Mapping[str, float] | None
    threshold: float
    min_component_ml: float
    fill_holes: bool
    tie: TieRule
    fitted_on: tuple[str, ...]
    networks: Mapping[str, str]

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1 or not self.min_component_ml >= 0:
            raise SettingError(
                "A fusion's threshold is above 0 and at most 1, its smallest component 0 ml or more. "
                f"Received: {self.threshold}, {self.min_component_ml}"
            )
        if (self.rule in WEIGHTED) != (self.weights is not None):
            raise SettingError(f"The rule {self.rule.value} and the weights {self.weights} do not go together.")
        if self.weights is not None:
            normalised(list(self.weights.values()))
            if set(self.weights) != set(self.networks):
                raise SettingError(
                    f"A fusion has a weight for each plane. Received: weights of {', '.join(sorted(self.weights))}, "
                    f"networks of {', '.join(sorted(self.networks))}"
                )

    def mask_of(self, volumes: Mapping[str, Probabilities | Mask], *, voxel_volume_ml: float) -> Mask:
        """Fuse and tidy the volumes of one case.

        Args:
            volumes: (x, y, z) of each plane, by its name.
        """
        planes = sorted(volumes)
        weights = None if self.weights is None else in_order(self.weights, planes)
        ordered = (volumes[plane] for plane in planes)
        fused = fuse(self.rule, ordered, threshold=self.threshold, tie=self.tie, weights=weights)
        return self.tidied(fused, voxel_volume_ml=voxel_volume_ml)

    def tidied(self, mask: Mask, *, voxel_volume_ml: float) -> Mask:
        """Return a fused mask as the clean-up leaves it."""
        return clean_up(
            mask, voxel_volume_ml=voxel_volume_ml, min_component_ml=self.min_component_ml, fill_holes=self.fill_holes
        )


def write_fitted(path: Path, fitted: FittedFusion) -> None:
    """Write a fusion as JSON, in place of an older one."""
    write_json(path, as_json(fitted))


def as_json(fitted: FittedFusion) -> dict[str, Any]:
    """Return a fusion as plain data, planes in their order."""
    content = asdict(fitted) | {
        "rule": fitted.rule.value,
        "tie": fitted.tie.value,
        "fitted_on": list(fitted.fitted_on),
        "weights": None if fitted.weights is None else dict(sorted(fitted.weights.items())),
        "networks": dict(sorted(fitted.networks.items())),
    }
    return {"format": FORMAT, **content}


def read_fitted(path: Path) -> FittedFusion:
    """Read a fusion that was written by write_fitted.

    Raises: InputFileError if there is none, or it is damaged; SettingError for numbers that no fusion has.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT:
            raise ValueError("another format")
        weights = content.pop("weights")
        return FittedFusion(
            rule=FusionRule(content.pop("rule")),
            weights=None if weights is None else {str(plane): float(value) for plane, value in weights.items()},
            threshold=float(content.pop("threshold")),
            min_component_ml=float(content.pop("min_component_ml")),
            fill_holes=bool(content.pop("fill_holes")),
            tie=TieRule(content.pop("tie")),
            fitted_on=tuple(content.pop("fitted_on")),
            networks={str(plane): str(digest) for plane, digest in content.pop("networks").items()},
        )
    except FileNotFoundError:
        raise InputFileError(
            f"{path}: no such file. Give a fusion that stroke-tf compare-fusion wrote (fold-K/fusion/*.json)."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise InputFileError(
            f"{path}: holds no fitted fusion ({fault}). Give one that stroke-tf compare-fusion wrote."
        ) from fault
