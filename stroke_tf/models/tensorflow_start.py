"""TensorFlow is started once, quietly, and its absence is explained."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from stroke_tf.errors import SettingError

_MEND_BACKEND = "stroke_tf needs tensorflow as its backend: unset KERAS_BACKEND, or change ~/.keras/keras.json."


def start_tensorflow() -> None:
    """Import TensorFlow and Keras without their start-up chatter.

    TensorFlow writes lines about oneDNN to the error stream before it reads any setting of how loud it should be, so
    they are caught here; where the import fails for no plain reason, what was caught is shown after all.

    Raises: SettingError if TensorFlow is not installed, or Keras was told to run on something else.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with _error_stream_caught():
            import tensorflow  # noqa: F401, I001 - first, so that its absence is not blamed on Keras
            import keras
    except ModuleNotFoundError as fault:
        if fault.name != "tensorflow":
            raise SettingError(f"Keras does not start: {fault}. {_MEND_BACKEND}") from fault
        raise SettingError(
            "TensorFlow is not installed. Install it with: pip install 'stroke_tf[cpu]', or 'stroke_tf[gpu]' for an "
            "NVIDIA card."
        ) from fault
    if keras.backend.backend() != "tensorflow":
        raise SettingError(f"Keras runs on {keras.backend.backend()} here. {_MEND_BACKEND}")


@contextmanager
def _error_stream_caught() -> Iterator[None]:
    """Hold back what is written to the error stream, by C++ too; shown only where the block fails unexplained."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:
        # Some notebooks have no such stream; then there is nothing to hold back.
        yield
        return
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        except ModuleNotFoundError:
            # Which module is missing says it all.
            raise
        except Exception:
            os.dup2(kept, 2)
            caught.seek(0)
            os.write(2, caught.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
