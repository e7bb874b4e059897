"""A MONAI network on one case: NIfTI files to a NIfTI mask, by a sliding window, in float32.

The networks are those of MONAI's own tutorials, with three channels in and two classes out: UNet as for the spleen,
SegResNet as for brain tumours. Windows of 96x96x96 voxels overlap by a quarter, MONAI's default.

    python monai_predict.py --network unet --weights unet.pt --images flair.nii dwi.nii t2.nii --out mask.nii
"""

import argparse
import os
from pathlib import Path
from typing import Any

WINDOW = (96, 96, 96)
OVERLAP = 0.25
AT_ONCE = 4
"""Windows in one pass, as in the tutorial for the spleen; one at a time was measured slower on two cores."""
CHANNELS = 3
CLASSES = 2
NETWORKS = ("unet", "segresnet")


def build(network: str) -> Any:
    """Return a network of NETWORKS with random weights, as torch.nn.Module."""
    from monai.networks.nets import SegResNet, UNet

    if network == "unet":
        return UNet(
            spatial_dims=3,
            in_channels=CHANNELS,
            out_channels=CLASSES,
            channels=(16, 32, 64, 128, 256),
            strides=(2, 2, 2, 2),
            num_res_units=2,
            norm="batch",
        )
    return SegResNet(
        blocks_down=(1, 2, 2, 4),
        blocks_up=(1, 1, 1),
        init_filters=16,
        in_channels=CHANNELS,
        out_channels=CLASSES,
        dropout_prob=0.2,
    )


def main() -> None:
    """Predict one case."""
    options = argparse.ArgumentParser(description="Predict one case with a MONAI network on the processor.")
    options.add_argument("--network", choices=NETWORKS, required=True)
    options.add_argument("--weights", type=Path, required=True)
    options.add_argument("--images", nargs="+", required=True, help="the channels, on one grid")
    options.add_argument("--out", type=Path, required=True, help="the mask, .nii")
    options.add_argument("--crop", action="store_true", help="slide only over the box that is not empty")
    asked = options.parse_args()

    import torch
    from monai.inferers import sliding_window_inference
    from monai.transforms import CropForeground, LoadImage, NormalizeIntensity, SaveImage

    torch.set_num_threads(os.cpu_count() or 1)
    network = build(asked.network)
    network.load_state_dict(torch.load(asked.weights, weights_only=True))
    network.eval()
    image = LoadImage(ensure_channel_first=True)(asked.images)
    crop = CropForeground()
    if asked.crop:
        image = crop(image)
    image = NormalizeIntensity(nonzero=True, channel_wise=True)(image)
    with torch.inference_mode():
        logits = sliding_window_inference(image[None], WINDOW, AT_ONCE, network, overlap=OVERLAP)
    mask = logits.argmax(dim=1)
    if asked.crop:
        mask = crop.inverse(mask)
    save = SaveImage(output_ext=".nii", output_dtype="uint8", print_log=False)
    save(mask, filename=asked.out.with_suffix(""))


if __name__ == "__main__":
    main()
