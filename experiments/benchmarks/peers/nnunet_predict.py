"""nnU-Net v2 on one case: NIfTI files to a NIfTI mask, one fold, all of nnU-Net's defaults but where options say so.

Everything goes on in this process (`predict_from_files_sequential`): for a single case that is quicker than
nnU-Net's command, whose worker processes each load torch again. Threads are set as that command sets them.

    python nnunet_predict.py --model models/nnunet/2d --images flair.nii dwi.nii t2.nii --out mask.nii
"""

import argparse
import os
from pathlib import Path


def main() -> None:
    """Predict one case."""
    options = argparse.ArgumentParser(description="Predict one case with nnU-Net v2 on the processor.")
    options.add_argument("--model", type=Path, required=True, help="folder with plans.json, dataset.json, fold_0/")
    options.add_argument("--images", nargs="+", required=True, help="the channels, on one grid")
    options.add_argument("--out", type=Path, required=True, help="the mask, .nii")
    options.add_argument("--mirroring", action="store_true", help="nnU-Net's default: average over all mirrored inputs")
    asked = options.parse_args()

    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    torch.set_num_threads(os.cpu_count() or 1)
    predictor = nnUNetPredictor(
        tile_step_size=0.5,
        use_mirroring=asked.mirroring,
        perform_everything_on_device=False,
        device=torch.device("cpu"),
        allow_tqdm=False,
    )
    predictor.initialize_from_trained_model_folder(str(asked.model), use_folds=(0,))
    predictor.predict_from_files_sequential([asked.images], [str(asked.out.with_suffix(""))])


if __name__ == "__main__":
    main()
