"""NiiVue, the viewer inside the report, as its makers built it, with its licences, its version and its SHA-256.

The file `niivue.umd.js` is not ours and is never edited; `refresh.py` beside it fetches another version.
"""

import base64
import gzip
import hashlib
import importlib.resources
import json
from dataclasses import dataclass

from stroke_tf.errors import InputFileError


@dataclass(frozen=True)
class Library:
    """The library as a page carries it.

    Args:
        code: as vendored.
        sha256: of the code, in hexadecimal.
        licences: of NiiVue and of what is built into it.
    """

    version: str
    code: str
    sha256: str
    licences: str

    @property
    def packed(self) -> str:
        """Return the code gzipped in base64; the browser unpacks it when a case is opened."""
        return base64.b64encode(gzip.compress(self.code.encode(), 9, mtime=0)).decode()


def viewer_library() -> Library:
    """Read the library.

    Raises: InputFileError if the file is not the one that was vendored.
    """
    folder = importlib.resources.files("stroke_tf.reports.niivue")
    told = json.loads(folder.joinpath("niivue.json").read_text(encoding="utf-8"))
    code = folder.joinpath("niivue.umd.js").read_bytes()
    digest = hashlib.sha256(code).hexdigest()
    if digest != told["sha256"]:
        raise InputFileError(
            f"{folder}/niivue.umd.js: SHA-256 {digest}, but niivue.json tells {told['sha256']}. Install stroke_tf "
            "again, or run python -m stroke_tf.reports.niivue.refresh."
        )
    licences = folder.joinpath("LICENCES.txt").read_text(encoding="utf-8")
    return Library(told["version"], code.decode("utf-8"), digest, licences)
