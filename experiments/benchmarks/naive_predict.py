"""The script that someone would write today to predict one case with three planes: the yardstick of `make bench`.

nibabel, z-scores inside the brain, skimage for each slice, segmentation-models in float32 with predict_on_batch, a
NumPy vote. Nothing in it is slow on purpose, and nothing is clever. It is a benchmark, not a part of the package.

    python naive_predict.py --weights x.h5 y.h5 z.h5 --images flair.nii dwi.nii t2.nii --out mask.nii
"""

import argparse
import os

import numpy as np

SIZE = 128
BATCH = 32


def main() -> None:
    """Predict one case."""
    options = argparse.ArgumentParser(description="Predict one case with three planes, the plain way.")
    options.add_argument("--weights", nargs=3, required=True, help="of the networks of planes x, y, z")
    options.add_argument("--images", nargs=3, required=True, help="the three channels, on one grid")
    options.add_argument("--out", required=True)
    asked = options.parse_args()

    import nibabel
    from skimage.transform import resize

    images = [nibabel.load(path) for path in asked.images]
    channels = np.stack([z_scored(image.get_fdata(dtype=np.float32)) for image in images], axis=-1)
    votes = np.zeros(channels.shape[:3], np.uint8)
    for axis, weights in enumerate(asked.weights):
        model = naive_network(weights)
        slices = np.moveaxis(channels, axis, 0)
        small = np.stack([resize(each, (SIZE, SIZE), order=1, anti_aliasing=True) for each in slices])
        found = []
        for first in range(0, len(small), BATCH):
            found.append(model.predict_on_batch(small[first : first + BATCH])[..., 1])
        shape = slices.shape[1:3]
        volume = np.stack([resize(each, shape, order=1) for each in np.concatenate(found)])
        votes += np.moveaxis(volume >= 0.5, 0, axis)
    nibabel.save(nibabel.Nifti1Image((votes >= 2).astype(np.uint8), images[0].affine), asked.out)


def naive_network(weights):
    """Load a network as segmentation-models builds it."""
    os.environ["SM_FRAMEWORK"] = "tf.keras"
    import segmentation_models

    model = segmentation_models.Unet("resnet50", input_shape=(SIZE, SIZE, 3), classes=2, encoder_weights=None)
    model.load_weights(weights)
    return model


def z_scored(image: np.ndarray) -> np.ndarray:
    """Centre and scale the brain's intensities; 0 outside it."""
    brain = image != 0
    return np.where(brain, (image - image[brain].mean()) / image[brain].std(), 0).astype(np.float32)


if __name__ == "__main__":
    main()
