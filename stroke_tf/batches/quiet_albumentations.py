"""albumentations, imported without its question to the network for a newer version."""

import os
from types import ModuleType


def import_albumentations() -> ModuleType:
    """Import albumentations silently; the environment is left as it was.

    Two threads must not do so at once: they would both touch the environment.
    """
    name = "NO_ALBUMENTATIONS_UPDATE"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        import albumentations
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
    return albumentations
