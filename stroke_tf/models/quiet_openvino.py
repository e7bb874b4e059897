"""OpenVINO, imported without its message to Google Analytics."""

import importlib
import sys
from types import ModuleType

_SENDERS = ("openvino_telemetry", "openvino.tools.ovc")
"""The package that sends, and the converter of models, which tells it of every import of OpenVINO. Prediction needs
neither; OpenVINO itself does without the converter where it is not installed."""


def import_openvino() -> ModuleType:
    """Import OpenVINO so that nothing leaves the machine and no client id is written to the user's home.

    Import it in no other way: by default OpenVINO reports each of its imports, unless the user has opted out. Two
    threads must not do so at once. Where OpenVINO was imported before by someone else, it stays as it is.
    """
    absent = [name for name in _SENDERS if name not in sys.modules]
    # None is how Python itself marks a module that must not be found.
    sys.modules.update(dict.fromkeys(absent))
    try:
        return importlib.import_module("openvino")
    finally:
        for name in absent:
            sys.modules.pop(name, None)
