"""How the tests of volumes make files."""

import nibabel
import numpy as np
import pytest


@pytest.fixture
def saved(tmp_path):
    """Return a function that saves an array as NIfTI and returns its path; spare words change header fields."""

    def save(name, data, affine=None, *, kind=nibabel.Nifti1Image, **fields):
        affine = np.diag([-1.0, 1.0, 1.0, 1.0]) if affine is None else affine
        image = kind(data, affine)
        for field, value in fields.items():
            image.header[field] = value
        path = tmp_path / name
        nibabel.save(image, path)
        return path

    return save


@pytest.fixture
def numbered():
    """Return a volume in which every voxel has a value of its own, and every axis a length of its own."""
    return np.arange(1, 4 * 5 * 6 + 1, dtype=np.float32).reshape(4, 5, 6)


@pytest.fixture
def head():
    """Return a block of varied tissue in an empty box."""
    data = np.zeros((20, 22, 24), np.float32)
    data[5:15, 6:16, 7:17] = np.random.default_rng(1).normal(100.0, 10.0, (10, 10, 10))
    return data
