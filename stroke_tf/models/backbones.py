"""How the layers of the 2-D networks are called: those of the encoder, of the decoder, and where the skips leave."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Backbone:
    """How the layers of one encoder are told from those of the decoder, and where the skips leave it.

    encoder matches the whole name of every encoder layer that has weights; DECODER that of every other one. The skips
    are named from 1/16 of the resolution to 1/2, in the order in which the decoder meets them.
    """

    encoder: re.Pattern
    skips: tuple[str, ...]


_RESIDUAL = Backbone(
    encoder=re.compile(r"bn_data|conv0|bn0|bn1|stage\d+_unit\d+_(conv|bn|sc)\d*"),
    skips=("stage4_unit1_relu1", "stage3_unit1_relu1", "stage2_unit1_relu1", "relu0"),
)
BACKBONES = {"resnet18": _RESIDUAL, "resnet34": _RESIDUAL, "resnet50": _RESIDUAL}
"""The encoders that the factory offers; the paper's is resnet50, the smaller ones are for trials and tests."""

DECODER = re.compile(r"decoder_stage\d[ab]_(conv|bn)|final_conv")
DECODER_LEVELS = 5
"""From 1/16 of the resolution to the whole; the last level has no skip."""
