"""The tables and claims of the papers, exactly as printed."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from stroke_tf.errors import SettingError


class Paper(str, Enum):
    """The two MRI papers, and the one on CT perfusion."""

    MULTIPLANE_2025 = "multiplane2025"
    ABOUDI_2022 = "aboudi2022"
    SONG_2019 = "song2019"


class Percent(float):
    """A fraction that knows how it was printed as a percentage, because the digits say how exact it is.

    Example:
        >>> Percent("31.6"), Percent("31.6").text
        (0.316, '31.6')
    """

    text: str

    def __new__(cls, text: str) -> "Percent":
        number = super().__new__(cls, Decimal(text) / 100)
        number.text = text
        return number

    def __getnewargs__(self) -> tuple[str]:
        # Copying and pickling build the number again from what was printed.
        return (self.text,)

    @property
    def low(self) -> float:
        """Return the least fraction that could have been printed so, not below 0."""
        return float(max(Decimal(0), (Decimal(self.text) - self._unit) / 100))

    @property
    def high(self) -> float:
        """Return the largest fraction that could have been printed so, not above 1."""
        return float(min(Decimal(1), (Decimal(self.text) + self._unit) / 100))

    @property
    def _unit(self) -> Decimal:
        # A whole unit of the last digit, not half: the authors may have cut digits off instead of rounding.
        return Decimal(1).scaleb(int(Decimal(self.text).as_tuple().exponent))


@dataclass(frozen=True)
class PrintedRow:
    """A row of a paper's table, each number a fraction with its printed text; None where the page has none."""

    id: str
    paper: Paper
    title: str
    weights: str
    dice: Percent
    accuracy: Percent | None = None
    precision: Percent | None = None
    recall: Percent | None = None


@dataclass(frozen=True)
class PrintedTable:
    """A paper's table, and on how many test cases it stands."""

    id: str
    title: str
    test_cases: int
    rows: tuple[PrintedRow, ...]


@dataclass(frozen=True)
class Claim:
    """A sentence that a table is meant to carry."""

    id: str
    paper: Paper
    sentence: str
    where: str


def _table1_row(row_id: str, title: str, weights: str, *numbers: str) -> PrintedRow:
    return PrintedRow(row_id, Paper.MULTIPLANE_2025, title, weights, *(Percent(number) for number in numbers))


TABLE1 = (
    _table1_row("3d-unet", "3D UNet", "N/A", "0.73", "49.89", "31.6", "0.37"),
    _table1_row("x", "ResNet50 (X-axis)", "Present", "80.7", "52.53", "61.7", "44.6"),
    _table1_row("y", "ResNet50 (Y-axis)", "Present", "80.12", "57.89", "74.86", "65.29"),
    _table1_row("z", "ResNet50 (Z-axis)", "Present", "21.064", "49.89", "32.6", "15.58"),
    _table1_row("absent", "", "Absent", "43.26", "52.67", "46.57", "45.83"),
    _table1_row("vote", "Proposed Model", "N/A", "80.5", "74.03", "73.33", "62.47"),
)
"""Table 1 of arXiv 2511.07281. The row without a name is the one that its text calls DSN."""

ABOUDI_TABLE2 = (
    PrintedRow(
        "aboudi",
        Paper.ABOUDI_2022,
        "ResNet 50-UNet",
        "ImageNet",
        Percent("64.14"),
        Percent("99.43"),
        Percent("99.55"),
        None,
    ),
)
"""The proposed method in Table II of Aboudi, Drissi and Kraiem 2022; recall is not printed."""

ABOUDI_RIVALS = (
    PrintedRow(
        "fc-densenet",
        Paper.ABOUDI_2022,
        "3D fully convolutional DenseNets",
        "",
        Percent("79.13"),
        None,
        Percent("92.67"),
    ),
    PrintedRow("mk-dcnn", Paper.ABOUDI_2022, "MK-DCNN", "", Percent("57")),
    PrintedRow("mi-unet", Paper.ABOUDI_2022, "MI-UNet", "", Percent("56.72"), None, Percent("65.45")),
    PrintedRow("csnet", Paper.ABOUDI_2022, "CSNet", "", Percent("63"), None, Percent("74")),
)
"""The methods that Table II compares with, as it prints them."""

MULTIPLANE_2025 = PrintedTable(
    "multiplane2025", "Multi-plane Res-UNet with majority voting (arXiv 2511.07281), Table 1", 7, TABLE1
)
ABOUDI_2022 = PrintedTable(
    # A tenth of 28 cases, rounded; the paper prints the 70/20/10 split only.
    "aboudi2022",
    "Aboudi, Drissi, Kraiem 2022, hybrid ResNet50-UNet, Table II",
    3,
    ABOUDI_TABLE2,
)
SONG_ROWS = (PrintedRow("song", Paper.SONG_2019, "Extractor, generator, segmentor", "", Percent("62.40")),)
"""What arXiv 1906.02392 reports of its cross-validation on ISLES 2018: one Dice, and nothing else."""

PRINTED_TABLES = {Paper.MULTIPLANE_2025: MULTIPLANE_2025, Paper.ABOUDI_2022: ABOUDI_2022}
"""Those with enough numbers for an audit by arithmetic; a Dice alone contradicts nothing."""
TITLES = {paper: table.title for paper, table in PRINTED_TABLES.items()} | {
    Paper.SONG_2019: "Song 2019, generative model on CT perfusion (arXiv 1906.02392)"
}

CLAIMS = (
    Claim(
        "pretrained",
        Paper.MULTIPLANE_2025,
        "pretrained beats random",
        "section II-C: pretrained weights accelerate convergence and improve generalisation; Table 1",
    ),
    Claim(
        "vote",
        Paper.MULTIPLANE_2025,
        "the vote beats each plane",
        "section II-D: improved accuracy, reduced bias, robustness; Table 1",
    ),
    Claim(
        "planes-beat-3d",
        Paper.MULTIPLANE_2025,
        "2-D planes beat the 3-D U-Net",
        "section IV: 3-D convolution costs more and needs more data; Table 1",
    ),
    Claim("dice", Paper.MULTIPLANE_2025, "Dice 80.5 %", "abstract, section III-D, section IV"),
)

ABOUDI_CLAIMS = (
    Claim(
        "aboudi-schedule",
        Paper.ABOUDI_2022,
        "SGD at 0.00001 with momentum 0.9 trains the network in 100 epochs",
        "section IV, training and validation of the hybrid model",
    ),
    Claim("aboudi-dice", Paper.ABOUDI_2022, "Dice 64.14 %", "abstract; Table II"),
    Claim("aboudi-accuracy", Paper.ABOUDI_2022, "accuracy 99.43 %", "abstract; Table II; section V"),
    Claim("aboudi-precision", Paper.ABOUDI_2022, "precision 99.55 %", "section IV-B; Table II"),
    Claim(
        "aboudi-best",
        Paper.ABOUDI_2022,
        "accuracy and precision above those of the methods in Table II",
        "abstract; section IV-C",
    ),
)
"""What Aboudi, Drissi and Kraiem conclude."""

SONG_CLAIMS = (
    Claim(
        "generated-dwi",
        Paper.SONG_2019,
        "segmenting a generated DWI beats segmenting the perfusion maps",
        "abstract: perfusion parameters are ambiguous to locate the infarct core, which DWI confirms",
    ),
    Claim(
        "beats-thresholds",
        Paper.SONG_2019,
        "the whole model beats the threshold rules on Tmax and CBF",
        "abstract: perfusion parameters are ambiguous to locate the infarct core or penumbra",
    ),
    Claim("song-dice", Paper.SONG_2019, "Dice 62.40 %", "key results: cross-validation"),
)


def printed_row(row_id: str) -> PrintedRow:
    """Return a printed row by its id.

    Raises: SettingError for an id that no table has.
    """
    for row in (*TABLE1, *ABOUDI_TABLE2, *ABOUDI_RIVALS, *SONG_ROWS):
        if row.id == row_id:
            return row
    known = ", ".join(row.id for row in (*TABLE1, *ABOUDI_TABLE2, *ABOUDI_RIVALS, *SONG_ROWS))
    raise SettingError(f"No printed row has this id. Use one of {known}. Received: {row_id!r}")


def printed_verdict(claim_id: str) -> tuple[str, str]:
    """Judge a claim by the printed Dice alone, whether or not that Dice can be true.

    Returns: "holds", "fails" or "not testable", and the reason.
    """
    dice = {row.id: row.dice for row in TABLE1}
    planes = [dice["x"], dice["y"], dice["z"]]
    if claim_id == "vote":
        best = max(planes)
        won = dice["vote"] > best
        return ("holds" if won else "fails"), f"vote {dice['vote'].text} against the best plane's {best.text}"
    if claim_id == "planes-beat-3d":
        worst = min(planes)
        won = worst > dice["3d-unet"]
        return ("holds" if won else "fails"), f"worst plane {worst.text} against {dice['3d-unet'].text}"
    if claim_id == "pretrained":
        # Two planes lie above the unnamed row and one below it, so the answer hangs on a plane that is not printed.
        shown = ", ".join(percent.text for percent in planes)
        return "not testable", f"planes {shown} against {dice['absent'].text}, whose plane is not printed"
    if claim_id == "dice":
        return "holds", "it is the printed Dice of the vote; whether it can be true is judged above"
    raise SettingError(f"No claim has this id. Use one of {', '.join(c.id for c in CLAIMS)}. Received: {claim_id!r}")
