"""Choices among few, which recipes name and rooms act on."""

from enum import Enum


class FitRule(str, Enum):
    """How a slice of any size becomes a square of 128x128."""

    PLAIN = "plain"
    """The whole slice is resized, as the papers do; its aspect ratio changes."""
    BRAIN = "brain"
    """The slice is cropped to the brain and padded to a square first, so that no pixel is spent on air."""


class TieRule(str, Enum):
    """What an even vote means."""

    BACKGROUND = "background"
    LESION = "lesion"


class Precision(str, Enum):
    """The number format of the network's arithmetic; loss and softmax are always float32."""

    AUTO = "auto"
    FLOAT32 = "float32"
    MIXED_FLOAT16 = "mixed_float16"
    MIXED_BFLOAT16 = "mixed_bfloat16"


class Device(str, Enum):
    """Where the network runs; GPU is an error where there is none."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"


class Engine(str, Enum):
    """What computes a trained network's answers; the answers agree, see docs/engines.md."""

    AUTO = "auto"
    """OpenVINO where it is installed and the network runs on the processor, Keras otherwise."""
    KERAS = "keras"
    OPENVINO = "openvino"


class Cluster(str, Enum):
    """Who does the jobs of a long run, such as the networks of a table. (What computes a network is the engine.)"""

    LOCAL = "local"
    """This process, one job after the other."""
    RAY = "ray"
    """The machines of a Ray cluster, one job each at a time; see docs/many-machines.md."""


class Architecture(str, Enum):
    """The networks that models/build.py can make."""

    UNET_2D = "unet2d"
    """ResNet50 encoder, U-Net decoder, one plane (ModelX, ModelY, ModelZ of the paper)."""
    UNET_2D_DEEP = "unet2d-deep"
    """The same with a supervised output at every decoder level: the paper's "DSN"."""
    UNET_3D = "unet3d"
    """A 3-D U-Net on patches, the paper's baseline."""
    LINKNET = "linknet"
    """The same encoder; skips are added to the decoder, not put beside it (Chaurasia and Culurciello 2017)."""
    FPN = "fpn"
    """The same encoder; a pyramid of features of one width, whose levels decide together (Lin 2017)."""
    ATTENTION_UNET = "attention-unet"
    """The U-Net with attention gates on its skips (Oktay 2018), the paper's first wish."""
    GENERATIVE_CTP = "generative-ctp"
    """Extractor, generator and segmentor: from CT perfusion by a generated DWI to the lesion (Song 2019)."""
    SEGMENTOR_2D = "segmentor2d"
    """The segmentor of the generative model alone, on other inputs."""


PERFUSION_NETWORKS = frozenset({Architecture.GENERATIVE_CTP, Architecture.SEGMENTOR_2D})
"""Networks of the CT-perfusion journey, which look at a case in a way of their own."""


class Optimizer(str, Enum):
    """What turns gradients into steps."""

    ADAM = "adam"
    SGD = "sgd"
    """Stochastic gradient descent with momentum."""


class RateShape(str, Enum):
    """How the learning rate runs over a phase."""

    WARM_UP_COSINE = "warm-up, half cosine"
    CONSTANT = "constant"


class LossKind(str, Enum):
    """What is minimised; the formulas stand in training/losses.py."""

    HYBRID = "hybrid"
    """Weighted cross-entropy + Dice, as arXiv 2511.07281 names it."""
    BINARY = "binary"
    """Binary cross-entropy, the mean over both outputs of a two-class softmax."""
    CATEGORICAL = "categorical"
    """Categorical cross-entropy over both outputs of a two-class softmax."""


class PerfusionInput(str, Enum):
    """What a network of the CT-perfusion journey looks at."""

    WHOLE = "whole"
    """Series, CT and maps: all that there is at test time. The DWI is generated from them."""
    UNGUIDED = "unguided"
    """What the whole model sees, through the same layers, but no DWI is shown to it: what lies between may be anything.
    By how much the whole model is better is what the DWI taught it."""
    MAPS = "maps"
    """CBF, CBV, MTT and Tmax alone."""
    DWI = "dwi"
    """The real DWI, which no patient has at test time: an upper bound."""


class Protocol(str, Enum):
    """Whose rules decide empty masks and failed cases."""

    ISLES2015 = "isles2015"
    ISLES2022 = "isles2022"


class FusionRule(str, Enum):
    """How the volumes of several planes become one mask."""

    MAJORITY = "majority"
    """Each plane is a mask with one vote in each voxel, as in the paper."""
    WEIGHTED_MAJORITY = "weighted-majority"
    """Each plane is a mask whose vote has a weight. With three planes it differs from the majority only where one plane
    weighs as much as the two others together."""
    CONFIDENCE_MAJORITY = "confidence-majority"
    """Each plane votes in each voxel with the square of its margin, so that a plane that is sure outvotes two that
    are not. (The plain margin would be no rule of its own: it is the mean probability.)"""
    MEAN_PROBABILITY = "mean-probability"
    """The mean of the planes' probabilities, against the threshold."""
    WEIGHTED_LOGITS = "weighted-logits"
    """The weighted mean of the planes' log-odds, turned back into a probability, against the threshold."""
    UNION = "union"
    """Lesion where any plane says so."""
    INTERSECTION = "intersection"
    """Lesion where every plane says so."""
    STAPLE = "staple"
    """Each plane is a mask; how often each is right is estimated from how they agree, and weighs its vote."""


class PatchWeight(str, Enum):
    """How much a 3-D patch's answer counts where patches overlap."""

    UNIFORM = "uniform"
    GAUSSIAN = "gaussian"
    """Less towards the patch's border, where the network saw less of the surroundings; no seams."""


class Deconvolution(str, Enum):
    """How the residue function is freed from the arterial input."""

    TRUNCATED = "truncated-svd"
    """Singular values below a share of the largest are dropped (Østergaard 1996); a delayed bolus lowers its flow."""
    OSCILLATION_LIMITED = "oscillation-limited-svd"
    """A circulant matrix, which a delay only shifts, and in each voxel as few singular values dropped as keep its
    residue function from oscillating (Wu 2003)."""


class MissingSequence(str, Enum):
    """What a prediction does with a case that lacks a sequence its networks look at."""

    ERROR = "error"
    """The case fails, and the message names what is missing."""
    ZEROS = "zeros"
    """The channel is 0 everywhere, which is the median of every brain."""
    REPEAT = "repeat"
    """The sequence that serves best in its place stands in, if one does (workflows/seeing.py has the table)."""


class Naming(str, Enum):
    """What the files of a prediction are called."""

    AUTO = "auto"
    """As a BIDS derivative for a BIDS dataset, plainly for everything else."""
    PLAIN = "plain"
    BIDS = "bids"
