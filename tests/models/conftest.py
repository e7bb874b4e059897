"""Networks that several tests look at; small ones, because a test asks for behaviour, not for accuracy."""

import pytest

from stroke_tf.choices import Architecture, Precision

SMALL = {"backbone": "resnet18", "size": 32, "precision": Precision.FLOAT32}


@pytest.fixture
def small_model():
    """Return a function that builds a small network; nothing is shared, since tests train and freeze it."""
    from stroke_tf.models.build import build_model

    def build(architecture: Architecture = Architecture.UNET_2D, *, seed: int = 3, **changed):
        return build_model(architecture, seed=seed, **{**SMALL, **changed})

    return build


@pytest.fixture(scope="session")
def res_unet():
    """Return the paper's network in full size; it is looked at, and never trained."""
    from stroke_tf.models.build import build_model

    return build_model(Architecture.UNET_2D, seed=1, precision=Precision.FLOAT32)
