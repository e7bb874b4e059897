"""Errors a user can cause; every message names the file, the fault and the mend."""


class StrokeTfError(Exception):
    """The root of all errors that a door reports without a traceback."""


class InputFileError(StrokeTfError):
    """A file that cannot be read, or whose content is not what its name says."""


class GeometryError(StrokeTfError):
    """Grids, affines, spacings or shapes that do not fit together."""


class ManifestError(StrokeTfError):
    """A cohort that is incomplete, doubled, or split wrongly."""


class SettingError(StrokeTfError):
    """An option, a recipe or a combination of both that cannot work."""


class WeightsError(StrokeTfError):
    """Pretrained or saved weights that are absent, damaged or of another network."""


class OutputError(StrokeTfError):
    """A result that cannot be written, or would overwrite another."""


class TrainingError(StrokeTfError):
    """A training run that met NaN, or cannot be resumed."""
