"""Which encoders the 2-D networks may have, what their decoder's layers are called, and where skips leave."""

import re
from dataclasses import dataclass

from stroke_tf.errors import SettingError


@dataclass(frozen=True)
class Backbone:
    """What is known of one of segmentation-models' encoders.

    Args:
        skips: names of the layers where the skips leave, from 1/16 of the resolution to 1/2, in the order in which
            the decoder meets them. Empty takes segmentation-models' own, some of which are counted and not named;
            written down are those that the OpenVINO graph draws as well.
        smallest: side of the smallest slice that it takes.
    """

    skips: tuple[str, ...] = ()
    smallest: int = 32


_RESIDUAL = Backbone(("stage4_unit1_relu1", "stage3_unit1_relu1", "stage2_unit1_relu1", "relu0"))
BACKBONES = {
    **dict.fromkeys(("resnet18", "resnet34", "resnet50"), _RESIDUAL),
    **dict.fromkeys(("resnet101", "resnet152", "resnext50", "resnext101"), Backbone()),
    **dict.fromkeys(("seresnet18", "seresnet34", "seresnet50", "seresnet101", "seresnet152"), Backbone()),
    **dict.fromkeys(("seresnext50", "seresnext101", "senet154", "vgg16", "vgg19"), Backbone()),
    **dict.fromkeys(("densenet121", "densenet169", "densenet201"), Backbone()),
    **dict.fromkeys(("inceptionresnetv2", "mobilenet", "mobilenetv2"), Backbone()),
    "inceptionv3": Backbone(smallest=96),
    **{f"efficientnetb{size}": Backbone() for size in range(8)},
}
"""The encoders that segmentation-models 1.0.1 lists. The paper's is resnet50, resnet18 is for trials and tests.

Each was built with every decoder here, and trained for a step in mixed_bfloat16 as U-Net and as attention U-Net, under
Keras 3.15: all of them work, every weight gets a gradient, and every batch normalisation is ours. Only inceptionv3
wants slices of 96 or more.
"""

DECODERS = re.compile(
    r"decoder_stage\d[abc]_(conv|bn)"  # U-Net, Linknet
    r"|center_block\d_(conv|bn)"  # U-Net, Linknet, where the encoder ends in a pooling
    r"|attention_gate\d_(skip|gating|coefficient)"  # attention
    r"|fpn_stage_p\d_(pre_)?conv|segm_stage\d[ab]_(conv|bn)|final_stage_(conv|bn)"  # feature pyramid
    r"|final_conv|head_conv"
)
"""The whole name of every layer with weights that belongs to a decoder; the encoder's are known when it is built."""
DECODER_LEVELS = 5
"""From 1/16 of the resolution to the whole; the last level has no skip."""


def require_backbone(name: str) -> Backbone:
    """Return what is known of an encoder.

    Raises: SettingError, listing those that there are.
    """
    if name not in BACKBONES:
        raise SettingError(f"Unknown backbone. Use one of {', '.join(BACKBONES)}. Received: {name!r}")
    return BACKBONES[name]
