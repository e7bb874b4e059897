"""The manifest: a CSV table with one row a case, and paths relative to the data root.

The columns are described in data_manifests/README.md. A hand-written manifest needs `case` and the sequences only.
"""

import csv
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from stroke_tf.errors import ManifestError
from stroke_tf.files import require_absent, write_text
from stroke_tf.manifest.case import PERFUSION, SEQUENCES, Case, Layout, patient_of
from stroke_tf.manifest.split import FOLDS

_KINDS = (*SEQUENCES, *PERFUSION, "lesion")


def _columns(kinds: Iterable[str]) -> tuple[str, ...]:
    return (
        *("case", "layout", "reference", "resample"),
        *kinds,
        *(f"sha256_{kind}" for kind in kinds),
        *("shape", "spacing_mm", "orientation", "lesion_volume_ml", "fold", "subset"),
    )


COLUMNS = _columns((*SEQUENCES, "lesion"))
"""Of a cohort of MRI. Images of CT perfusion get columns of their own where a case has them, before `lesion`."""
_SUBSETS = ("", "train", "validation", "test")
_TRUTH = {"yes": True, "no": False}


def write_manifest(path: Path, cases: Iterable[Case], root: Path, *, force: bool) -> None:
    """Write the cases as a manifest whose paths are relative to the root.

    Raises: OutputError if the file exists and force is False; ManifestError if a file of a case lies outside the
        root, if a case is doubled, or if a patient stands in two splits.
    """
    path, cases = Path(path), list(cases)
    require_absent(path, force=force)
    _require_consistent(str(path), cases)
    stream = io.StringIO()
    here = {kind for case in cases for kind in case.images}
    columns = _columns([kind for kind in _KINDS if kind in here or kind not in PERFUSION])
    writer = csv.DictWriter(stream, columns, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(_row_of(case, Path(os.path.abspath(root))) for case in cases)
    write_text(path, stream.getvalue())


def read_manifest(path: Path, data_root: Path | None = None) -> list[Case]:
    """Read a manifest and see that every file it names is there.

    Args:
        data_root: the folder to which the paths are relative; by default the folder of the manifest itself.
    Raises: ManifestError naming the row for a missing file, a value that cannot be read, a duplicate case, or a
        case in two splits.
    """
    path = Path(path)
    base = Path(os.path.abspath(path.parent if data_root is None else data_root))
    rows = _rows(path)
    cases = [_case_of(row, f"{path}, row {number} (case {row['case']})", base) for number, row in rows]
    _require_consistent(str(path), cases)
    return cases


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the rows with their numbers as a spreadsheet counts them: the header is row 1."""
    try:
        # Excel begins a UTF-8 file with a byte-order mark, which would become part of the first column's name.
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise ManifestError(f"{path}: cannot be read ({fault}). Make a manifest with: stroke-tf index ROOT") from fault
    reader = csv.DictReader(io.StringIO(text, newline=""))
    header = reader.fieldnames or []
    if "case" not in header or not {*SEQUENCES, *PERFUSION} & set(header):
        raise ManifestError(
            f"{path}: not a manifest; the columns case and at least one of {', '.join(SEQUENCES)} are needed. "
            f"Received: {', '.join(map(str, header)) or 'an empty file'}. Make one with: stroke-tf index ROOT"
        )
    rows = [(reader.line_num, {key: (value or "").strip() for key, value in row.items() if key}) for row in reader]
    rows = [(number, row) for number, row in rows if any(row.values())]
    if not rows:
        raise ManifestError(f"{path}: no case in it. Make a manifest with: stroke-tf index ROOT")
    return rows


def _row_of(case: Case, root: Path) -> dict[str, object]:
    files = _files(case)
    row: dict[str, object] = {
        "case": case.case_id,
        "layout": case.layout.value,
        "reference": case.reference,
        "resample": "yes" if case.resample else "no",
        "orientation": case.orientation,
        "subset": case.subset,
    }
    row |= {kind: _relative(file, root, case.case_id) for kind, file in files.items()}
    row |= {f"sha256_{kind}": case.sha256[kind] for kind in files if kind in case.sha256}
    if case.shape is not None:
        row["shape"] = "x".join(map(str, case.shape))
    if case.spacing_mm is not None:
        row["spacing_mm"] = "x".join(f"{side:.6g}" for side in case.spacing_mm)
    if case.lesion_volume_ml is not None:
        row["lesion_volume_ml"] = f"{case.lesion_volume_ml:.6g}"
    if case.fold is not None:
        row["fold"] = case.fold
    return row


def _case_of(row: Mapping[str, str], place: str, base: Path) -> Case:
    if not row["case"]:
        raise ManifestError(f"{place}: the case has no name. Fill the column case.")
    # Results are named after the case; a name such as ../1 would place them outside the folder the user chose.
    if row["case"] in (".", "..") or not row["case"].isprintable() or set(row["case"]) & set("/\\"):
        raise ManifestError(f"{place}: results are named after the case, so its name must hold no / or \\. Rename it.")
    files = {kind: base / row[kind] for kind in _KINDS if row.get(kind)}
    for kind, file in files.items():
        if not file.is_file():
            word = "mask" if kind == "lesion" else f"{kind} image"
            raise ManifestError(f"{place}: no {word} at {file}. Unpack the case there, or pass --data-root.")
    lesion = files.pop("lesion", None)
    if not files:
        raise ManifestError(f"{place}: no image at all. Fill at least one of {', '.join(SEQUENCES)}.")
    layout = _layout(row.get("layout", ""), place)
    case = Case(
        case_id=row["case"],
        layout=layout,
        images=files,
        lesion=lesion,
        reference=_reference(row.get("reference", ""), layout, files, place),
        resample=_choice(row, "resample", _TRUTH, layout.resample, place),
        sha256={kind: row[f"sha256_{kind}"] for kind in _KINDS if row.get(f"sha256_{kind}")},
        orientation=row.get("orientation", ""),
        subset=_choice(row, "subset", {name: name for name in _SUBSETS}, "", place),
    )
    return replace(
        case,
        shape=_numbers(row, "shape", int, 3, place),
        spacing_mm=_numbers(row, "spacing_mm", float, 3, place),
        lesion_volume_ml=_number(row, "lesion_volume_ml", float, place),
        fold=_fold(row, place),
    )


def _layout(word: str, place: str) -> Layout:
    try:
        return Layout(word.lower()) if word else Layout.PLAIN
    except ValueError:
        known = ", ".join(layout.value for layout in Layout)
        raise ManifestError(f"{place}: unknown layout. Use one of {known}. Received: {word!r}") from None


def _reference(word: str, layout: Layout, images: Mapping[str, Path], place: str) -> str:
    """Return the sequence named, or for a hand-written row the layout's, or the first one that is there."""
    if word and word not in images:
        raise ManifestError(f"{place}: the reference {word} is not among its images ({', '.join(images)}). Add it.")
    return word or (layout.reference if layout.reference in images else next(iter(images)))


def _choice(row: Mapping[str, str], column: str, known: Mapping[str, object], default: object, place: str):
    word = row.get(column, "").lower()
    if not word:
        return default
    if word not in known:
        names = ", ".join(name for name in known if name)
        raise ManifestError(f"{place}: column {column} holds one of {names}. Received: {word!r}")
    return known[word]


def _fold(row: Mapping[str, str], place: str) -> int | None:
    fold = _number(row, "fold", int, place)
    if fold is not None and fold not in range(FOLDS):
        raise ManifestError(f"{place}: column fold holds a number from 0 to {FOLDS - 1}. Received: {fold}")
    return fold


def _number(row: Mapping[str, str], column: str, kind: type, place: str):
    numbers = _numbers(row, column, kind, 1, place)
    return None if numbers is None else numbers[0]


def _numbers(row: Mapping[str, str], column: str, kind: type, count: int, place: str):
    word = row.get(column, "")
    if not word:
        return None
    try:
        numbers = tuple(kind(part) for part in word.split("x"))
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        form = "x".join(["number"] * count)
        raise ManifestError(f"{place}: column {column} is written as {form}. Received: {word!r}")
    return numbers


def _files(case: Case) -> dict[str, Path]:
    return {**case.images, **({"lesion": case.lesion} if case.lesion else {})}


def _relative(file: Path, root: Path, case_id: str) -> str:
    try:
        return Path(os.path.abspath(file)).relative_to(root).as_posix()
    except ValueError:
        raise ManifestError(f"{file} (case {case_id}) lies outside {root}. Choose a root that holds it.") from None


def _require_consistent(place: str, cases: list[Case]) -> None:
    """Refuse what would let a network be tested on someone it has seen."""
    by_name: dict[str, Case] = {}
    by_patient: dict[str, Case] = {}
    by_content: dict[str, Case] = {}
    for case in cases:
        other = by_patient.setdefault(patient_of(case.case_id), case)
        if (other.fold, other.subset) != (case.fold, case.subset) and case.lesion and other.lesion:
            raise ManifestError(
                f"{place}: case {case.case_id} is in two splits: {_split_text(other)} (as {other.case_id}) and "
                f"{_split_text(case)}. Give all rows of one patient the same fold and subset."
            )
        if by_name.setdefault(case.case_id, case) is not case:
            raise ManifestError(f"{place}: duplicate case {case.case_id}. Keep one of its rows, or rename one case.")
        for sequence in case.images:
            twin = by_content.setdefault(case.sha256.get(sequence, f"{case.case_id}/{sequence}"), case)
            if twin.patient != case.patient:
                raise ManifestError(
                    f"{place}: duplicate case: the {sequence} of case {case.case_id} is the same file as one of case "
                    f"{twin.case_id}. Keep one of the two."
                )


def _split_text(case: Case) -> str:
    fold = "no fold" if case.fold is None else f"fold {case.fold}"
    return f"{fold}, {case.subset or 'no subset'}"
