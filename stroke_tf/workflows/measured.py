"""The masks of a fold and their measures on disk, by row and case, each with the source it came from."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stroke_tf.arrays import Mask
from stroke_tf.choices import Protocol
from stroke_tf.files import write_json
from stroke_tf.manifest.case import Case
from stroke_tf.metrics.protocols import measure_case
from stroke_tf.volumes.nifti import read_mask, read_scan, write_volume
from stroke_tf.workflows.prepare import Prepared


@dataclass(frozen=True)
class Measured:
    """Masks and measures of one fold.

    Args:
        folder: of the fold; `masks/<row>/<case>_mask.nii.gz` lie below it.
        protocol: measures under another one are not ours.
    """

    folder: Path
    protocol: Protocol

    def has(self, row: str, case_id: str, source: str) -> bool:
        """Tell whether mask and measures of a case are there, from this very source and under this protocol."""
        if not self.has_row(row, case_id):
            return False
        record = self._record(row, case_id)
        return record["source"] == source and record["protocol"] == self.protocol.value

    def has_row(self, row: str, case_id: str) -> bool:
        """Tell whether mask and measures of a case are there at all."""
        return self._record_file(row, case_id).exists() and self._mask_file(row, case_id).exists()

    def keep(self, row: str, case: Prepared, mask: Mask, source: str) -> None:
        """Write the mask on the case's own grid, measure it, and write the measures last: they mark it as done."""
        like = read_scan(case.case.images[case.case.reference])
        write_volume(self._mask_file(row, case.case.case_id), mask, like, dtype=np.uint8, force=True)
        measures = measure_case(mask, case.truth, spacing_mm=case.spacing_mm, brain=case.brain, protocol=self.protocol)
        record = {"source": source, "protocol": self.protocol.value, "measures": measures}
        write_json(self._record_file(row, case.case.case_id), record)

    def mask(self, row: str, case_id: str) -> Mask:
        """Read the mask of a case in RAS+."""
        return read_mask(self._mask_file(row, case_id), allow_empty=True).data

    def source(self, row: str, case_id: str) -> str:
        """Return what the mask of a case came from."""
        return self._record(row, case_id)["source"]

    def of_row(self, row: str, cases: Sequence[Case]) -> list[dict[str, Any]]:
        """Return the measures of a row, one mapping a case, with the names of case and fold."""
        return [
            {"case": case.case_id, "fold": self.folder.name, **self._record(row, case.case_id)["measures"]}
            for case in cases
        ]

    def _mask_file(self, row: str, case_id: str) -> Path:
        return self.folder / "masks" / row / f"{case_id}_mask.nii.gz"

    def _record_file(self, row: str, case_id: str) -> Path:
        return self.folder / "masks" / row / f"{case_id}_measures.json"

    def _record(self, row: str, case_id: str) -> dict[str, Any]:
        return json.loads(self._record_file(row, case_id).read_text(encoding="utf-8"))
