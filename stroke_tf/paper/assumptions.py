"""What the papers leave out, what we chose in its place, and why; docs/assumptions.md is made from this file."""

from dataclasses import dataclass

from stroke_tf.paper.tables import TITLES, Paper


@dataclass(frozen=True)
class Assumption:
    """A value that a paper does not print.

    Args:
        missing: what is left out, and what the paper does say about it.
        ours: what we chose.
        why: the reason, so that a reader who disagrees knows what to change.
    """

    id: str
    paper: Paper
    missing: str
    ours: str
    why: str


_M, _A, _S = Paper.MULTIPLANE_2025, Paper.ABOUDI_2022, Paper.SONG_2019

ASSUMPTIONS = (
    Assumption(
        "sequences",
        _M,
        "which sequences are the 3 channels of an image (153 images a case: one image holds the sequences together)",
        "FLAIR, DWI, T2",
        "sub-acute infarct is defined as bright on FLAIR and DWI together; T2 comes next, T1 shows it least",
    ),
    Assumption(
        "test-cases",
        _M,
        "which 7 of the 28 cases are tested",
        "four folds of 21 and 7, each case tested once; seeded and published in data_manifests/",
        "one draw of 7 can be lucky or not; four folds test every case",
    ),
    Assumption(
        "validation",
        _M,
        "the ratio of training to validation cases within the 21",
        "4 to 1, by case (0.2 held out)",
        "enough cases to stop early by, few enough to lose",
    ),
    Assumption(
        "loss-weights",
        _M,
        "alpha and beta of total = alpha CE + beta Dice",
        "alpha = 1, beta = 1",
        "the text calls them empirical; equal weights favour neither",
    ),
    Assumption(
        "class-weights",
        _M,
        "class weights of the weighted cross-entropy",
        "lesion 3, background 1",
        "the Dice term and the sampling already balance the classes; heavier weights cost precision",
    ),
    Assumption(
        "sampling",
        _M,
        "which slices are shown, and how often",
        "a share of 0.6 of each batch holds lesion",
        "most slices of a case hold none, and a network that sees them alone learns to predict nothing",
    ),
    Assumption(
        "epochs",
        _M,
        "number of epochs",
        "20 with the encoder frozen and 40 of fine-tuning, or 60 from random weights; of 100 steps; "
        "early stopping with patience 10 on validation Dice; QUICK and SMOKE shorten all of it",
        "the same number of steps with and without pretraining, so that only the weights differ",
    ),
    Assumption("batch", _M, "batch size", "32 slices (quick: 16)", "what Aboudi et al. print for the same network"),
    Assumption(
        "learning-rates",
        _M,
        "the learning rate of Adam, and how much lower it is in fine-tuning",
        "0.001 with the encoder frozen and from random weights, 0.0001 in fine-tuning; "
        "short linear warm-up, then half a cosine",
        "Adam's usual rate; a tenth of it keeps what was pretrained",
    ),
    Assumption(
        "augmentation",
        _M,
        "whether training images are varied",
        "flips, rotation up to 15 degrees, brightness and contrast by 0.1",
        "21 cases are few; mild changes that keep anatomy plausible",
    ),
    Assumption(
        "batchnorm-momentum",
        _M,
        "momentum of batch normalisation's moving averages",
        "0.9",
        "at 0.99 the averages lag behind a short schedule, and a network with a falling loss predicts nothing",
    ),
    Assumption(
        "fit",
        _M,
        "how a slice becomes 128x128",
        "cropped to the brain and padded to a square, labels by area averaging (plain resizing is a setting)",
        "plain resizing loses small lesions: the ceiling of each way is measured and printed",
    ),
    Assumption(
        "undo",
        _M,
        "how 128x128 predictions return to the size of the slice",
        "area mean where the fit had enlarged, Keys' cubic where it had averaged; never outside [0, 1]",
        "the highest ceiling of those that do not amplify the network's noise",
    ),
    Assumption(
        "threshold", _M, "lesion probability from which a voxel counts", "0.5", "the larger of two softmax classes"
    ),
    Assumption(
        "tie",
        _M,
        "what an even vote means",
        "background",
        "with three planes there is none; with fewer, the larger class is the safer guess",
    ),
    Assumption(
        "absent-plane",
        _M,
        "the plane of the row with weights absent",
        "coronal (y)",
        "y has the best printed precision and recall of the three, so the comparison is the hardest for the claim",
    ),
    Assumption(
        "absent-model",
        _M,
        "the model of the row without a name; the text calls it DSN, the column says weights absent",
        "shown twice: the ResNet50-UNet without pretrained weights, and a deeply supervised ResNet50-UNet",
        "the table and the text name different things, and both readings can be tested",
    ),
    Assumption(
        "3d-unet",
        _M,
        "everything about the 3-D U-Net",
        "patches of 64x64x64, batch 2, 250 steps an epoch, 16 filters at the first level (quick: 8), "
        "predicted with a quarter of overlap and Gaussian weights",
        "the largest cube that trains on a T4 and still bears on a laptop",
    ),
    Assumption(
        "deep-supervision",
        _M,
        "everything about the DSN",
        "softmax outputs at 1/2, 1/4 and 1/8 of the resolution beside the main one; the k-th counts 1/2**k of it",
        "the usual deep supervision; the main output alone predicts",
    ),
    Assumption(
        "frozen-random",
        _M,
        "what is frozen where there are no pretrained weights",
        "nothing: the whole network trains from the first step",
        "a frozen encoder that has learnt nothing would only handicap the row",
    ),
    Assumption(
        "phantoms",
        _M,
        "the data where SISS cannot be had",
        "SYNTHETIC phantoms; QUICK draws 24 cases of at least 3 ml of lesion, so that four folds test 6 each",
        "a Dice of a lesion of a few voxels is chance, and a quick table has few cases to average it out",
    ),
    Assumption(
        "intensities",
        _M,
        "how intensities are normalised",
        "z-score inside the brain from robust statistics, clipped to [-5, 5], 0 outside",
        "scanners differ in scale; the encoder's own scaling follows inside the network",
    ),
    Assumption(
        "averaging",
        _M,
        "how Dice, precision and recall are averaged, and which accuracy is meant",
        "mean over cases in 3-D, balanced accuracy in the table; every other convention in the audit",
        "the text says metrics were computed across 3-D volumes; no single convention fits the printed rows",
    ),
    Assumption(
        "backbone-variant",
        _M,
        "which ResNet50, and the decoder's filters",
        "that of segmentation-models, with its default decoder (256, 128, 64, 32, 16 filters)",
        "the common public implementation with ImageNet weights and a checksum",
    ),
    Assumption(
        "dense-unet",
        _M,
        "the conclusion names a Dense-UNet and says nothing of it",
        "densenet121 of segmentation-models with the same decoder and the same schedule as plane Y; its ImageNet "
        "weights are those that Keras publishes, its input 0 ... 1 less mean and over SD of ImageNet's colours",
        "only the encoder differs from row Y, so the difference is the encoder's",
    ),
    Assumption(
        "attention-gates",
        _M,
        "the conclusion wishes for attention and names none; arXiv 1804.03999 leaves the widths open",
        "additive gates on the skips at 1/16, 1/8 and 1/4, none at 1/2; each adds in as many channels as its decoder "
        "level has; they begin at sigmoid(3) = 0.95",
        "the publication leaves the first skip without a gate and begins with open gates; encoder, decoder widths and "
        "schedule stay those of row Y",
    ),
    Assumption(
        "decoders",
        _M,
        "other decoders are not in the paper",
        "Linknet and FPN as segmentation-models sets them, on the same encoder, with our batch-norm momentum",
        "a yardstick: what a choice of decoder is worth beside what the paper compares",
    ),
    Assumption(
        "channel-mixing",
        _M,
        "how more or fewer than three sequences enter an encoder that has learnt from photographs",
        "a learnt 1x1 convolution to three channels before the input scaling, without offset, that begins by letting "
        "the first three channels pass; it learns in the frozen phase too; row four-sequences adds T1",
        "at the first step it is the network of row Y; what is 0 outside the brain stays 0",
    ),
    Assumption(
        "neighbours",
        _M,
        "neighbouring slices as channels are not in the paper",
        "row 2.5-D: slices k, k - 1 and k + 1 of the fitted stack (so 1 voxel of the plane's axis apart), 0 beyond its "
        "ends, nine channels mixed into three; brightness and contrast are drawn once for a sequence's three slices",
        "the least that 2.5-D can be; with isotropic voxels the neighbours are 1 mm away",
    ),
    Assumption(
        "fusion-weights",
        _M,
        "what the weighted vote of the conclusion would weigh by, and what its numbers are chosen on",
        "eight rules beside each other; weights, threshold and clean-up by mean Dice on validation cases only, from a "
        "few that are tried; votes weigh log(d / (1 - d)) of a plane's validation Dice d",
        "the wish names no rule, and numbers chosen on tested cases would flatter whichever is tried most",
    ),
    Assumption(
        "disagreement",
        _M,
        "nothing is said of where planes disagree",
        "the largest difference between two planes' probabilities in a voxel; binned in tenths, inside the brain",
        "runs from 0 to 1 for any number of planes, and is read without a formula",
    ),
    Assumption(
        "staple-box",
        _M,
        "STAPLE is not named; it is the usual answer to raters of unknown quality",
        "estimated in the box around all that any plane calls lesion",
        "over a whole image the air makes every specificity 1, and the estimate follows the union",
    ),
    Assumption(
        "threshold-largest",
        _M,
        "no rule without a network is compared",
        "one threshold on FLAIR x DWI, whole and with its largest component alone (1.5 to 6 in quarters), both fitted "
        "on the training and validation cases",
        "one lesion is common and distractors are small, so the second rule is the harder one to beat",
    ),
    Assumption(
        "aboudi-split",
        _A,
        "whether 70/20/10 divides cases or slices, and which",
        "cases: seeded and published in data_manifests/",
        "slices of one patient on both sides of a split flatter every number",
    ),
    Assumption("aboudi-momentum", _A, "momentum of SGD is printed as 9", "0.9", "9 diverges; 0.9 is the usual value"),
    Assumption(
        "aboudi-loss",
        _A,
        "binary cross-entropy is plotted, categorical cross-entropy is named too",
        "both, as two rows: the binary one as the mean over both softmax outputs, the categorical one as their sum "
        "over the true classes",
        "with two classes and a softmax both are the same number with the same gradient, for soft labels too: the "
        "rows differ by rounding alone; summed over the outputs the binary one would double the rate",
    ),
    Assumption(
        "aboudi-channels",
        _A,
        "which three channels the images of 128x128x3 hold; results are shown for FLAIR, DWI and T1 alone",
        "five inputs: FLAIR, DWI, T1, T2 alone, repeated to three channels, and FLAIR, DWI, T2 together",
        'both readings of the pictures and of the "x3" are tested; the three are those of the other paper',
    ),
    Assumption(
        "aboudi-plane",
        _A,
        "the plane of the slices and how they become 128x128",
        "axial, resized whole (fit: plain)",
        "the pictures are axial, 230x230 is the axial slice of SISS, and no cropping is mentioned",
    ),
    Assumption(
        "aboudi-sampling",
        _A,
        "which slices are shown, and how often; about 4000 images in all",
        "every slice with brain about once an epoch, lesion or not: 88 steps of 32; slices of air alone are left out",
        "70 % of 4000 images are 88 batches; a slice of air teaches nothing",
    ),
    Assumption(
        "aboudi-rate",
        _A,
        "how the rate of 0.00001 runs over the 100 epochs, and whether it trains",
        "constant; a schedule has learnt if the training loss fell by 5 % from the first epoch to the last and the "
        "validation Dice reached 5 %; where it has not, a second row with a warm-up of a tenth of the steps "
        "to 0.2, then half a cosine, momentum 0.9",
        "no decay is mentioned; 8,800 steps of 0.00001 add up to 0.088, less than the second row takes in its first "
        "steps; a constant 0.1 or 0.5 lowered the training loss on phantoms and left the validation Dice at 0, since "
        "batch normalisation's moving averages lag behind weights that never rest",
    ),
    Assumption(
        "aboudi-compressed",
        _A,
        "nothing; a short preset cannot run 100 epochs",
        "one more row in QUICK and SMOKE: as many steps as the row as printed, at the rate with which they add up to "
        "the printed 0.088",
        "small steps of gradient descent move the weights by the sum of the rates, so a few larger ones show where the "
        "whole printed schedule leads",
    ),
    Assumption(
        "aboudi-epoch",
        _A,
        "which epoch's weights are tested",
        "the epoch with the best validation Dice; no early stopping",
        "100 epochs are printed, and the last need not be the best",
    ),
    Assumption(
        "aboudi-frozen-random",
        _A,
        "what is frozen where there are no pretrained weights",
        "the encoder at its RANDOM weights in the rows as printed, which say so; nothing in the rows at a rate that "
        "learns",
        "frozen is printed; but a frozen encoder that has learnt nothing would only handicap the second row",
    ),
    Assumption(
        "aboudi-augmentation",
        _A,
        "how often images are flipped and which angles are drawn",
        "each flip in half of the draws, the angle uniform within 180 degrees, a new draw each time; no change of "
        "intensity",
        "the usual reading of the ranges they print",
    ),
    Assumption(
        "aboudi-averaging",
        _A,
        "over what Dice, accuracy and precision are taken",
        "Table II shows means over cases in 3-D and voxel accuracy; every reading of the audit stands below it",
        "which reading fits the printed pair of 64.14 and 99.55 is the question, so none is taken for granted",
    ),
    Assumption(
        "aboudi-phantoms",
        _A,
        "the data where SISS cannot be had",
        "SYNTHETIC phantoms; QUICK draws 28 of 230x230x77 voxels, 2 mm apart, of at least 3 ml of lesion, and takes "
        "batches of 16 in its second rows",
        "28 cases give the printed 19, 6 and 3; 77 slices lie within the 57 to 154 that they print and halve the time",
    ),
    Assumption(
        "aboudi-accuracy",
        _A,
        "accuracy is printed as (TP+FP)/(TP+FP+TN+FN)",
        "(TP+TN)/(TP+FP+TN+FN)",
        "99.43 % of all voxels cannot have been marked as lesion; see the audit",
    ),
    Assumption(
        "aboudi-recall",
        _A,
        "recall is not printed",
        "left empty; the audit says what Dice and precision imply",
        "a number that was not printed is not invented",
    ),
    Assumption(
        "song-extractor",
        _S,
        "the layers of the extractor, which turns CT-perfusion data into feature images",
        "two 1x1 convolutions over the frames of each pixel, then two 3x3 with the CT images, to 8 feature images",
        "filters in time are what deconvolution computes by hand; noise is fought with the neighbours",
    ),
    Assumption(
        "song-generator",
        _S,
        "the layers of the generator, and whether it is adversarial",
        "a U-Net of residual blocks with four resolutions, 32 filters at the first (quick: 16); no discriminator",
        "the text names a generator and no adversary; residual blocks keep the maps' detail",
    ),
    Assumption(
        "song-segmentor",
        _S,
        "the layers of the segmentor, and whether it ever sees the real DWI",
        "a U-Net of two convolutions a level with the same filters; it sees the generated DWI only, in training too",
        "it is tested on generated images, so it learns on them, and its gradient reaches the generator",
    ),
    Assumption(
        "song-image-loss",
        _S,
        "how the generated DWI is compared with the real one",
        "mean squared difference of z-scores in the brain, lesion counted 3 times, + 0.2 of the mean absolute "
        "difference of the images' gradients",
        "with absolute differences the drawn image showed no lesion: it is a median, and the lesion is the rarer case; "
        "squares draw it as bright as it is likely",
    ),
    Assumption(
        "song-loss-weights",
        _S,
        "the weights of generalised Dice, cross-entropy, its classes, and the image loss",
        "1, 1, lesion 3 against background 1, and 0.5",
        "equal parts favour none; the class weight is that of the other journeys",
    ),
    Assumption(
        "song-schedule",
        _S,
        "optimizer, learning rate, batch size, epochs, stopping",
        "Adam at 0.001 with warm-up and half a cosine, 16 slices (quick: 8), 80 epochs of 100 steps (quick: 10 of 70), "
        "early stopping with patience 15 on validation Dice",
        "Adam's usual rate from random weights; all three parts in one phase, because end to end is what is claimed",
    ),
    Assumption(
        "song-slices",
        _S,
        "how slices become inputs",
        "axial slices cropped to the brain and fitted to 128x128 (quick: 96x96); lesion in 0.6 of each batch; flips of "
        "left and right, rotation up to 10 degrees, shifts up to 5 % of the side",
        "slices are 5 mm apart, so only axial ones are images; the moves keep heads plausible and times unchanged",
    ),
    Assumption(
        "song-series",
        _S,
        "how series of 40 to 60 frames become inputs of one size",
        "24 frames of 1.5 s from 3 s before the bolus arrives, as enhancement in parts of the brain's mean peak; "
        "the mean before the bolus as an image of its own",
        "cases differ in arrival, dose and length, none of which is disease; a mean of frames is a CT with less noise",
    ),
    Assumption(
        "song-maps",
        _S,
        "how CT, maps and DWI are scaled",
        "CBF and CBV by the brain's median, MTT and Tmax by 10 s, all cut at 3; CT, baseline and DWI as robust "
        "z-scores in the brain, cut at 5",
        "programs differ in units of flow and volume, and agree on seconds",
    ),
    Assumption(
        "song-brain",
        _S,
        "what is brain on a CT with its skull",
        "in each slice the largest piece of soft tissue (-20 to 110 HU) within bone",
        "the maps hold noise outside the brain, and the crop needs a box",
    ),
    Assumption(
        "song-folds",
        _S,
        "how many folds the cross-validation has, and which cases they hold",
        "five, by patient, each case tested once; a fifth of the others chooses the epoch",
        "the usual number; a draw of one fold can be lucky or not",
    ),
    Assumption(
        "song-average",
        _S,
        "whether 62.40 % is a mean over cases, and of what spread",
        "mean over cases in 3-D, with a bootstrap interval; it holds if the interval reaches the printed value",
        "the challenge ranks cases, and so do we",
    ),
    Assumption(
        "song-rules",
        _S,
        "the rivals by name",
        "the segmentor on the maps alone and on the real DWI, Tmax > 6 s, and CBF below 30 % of the median where Tmax "
        "is at most 6 s",
        "what a generated DWI must beat, what it cannot, and what clinics threshold",
    ),
    Assumption(
        "song-dwi-name",
        _S,
        "what the DWI of a training case is called in the archive",
        "SMIR.Brain.XX.O.MR_DWI.<number>, of which only MR_DWI counts; beside CT files it belongs to ISLES 2018",
        "the word that the same organisers used for the DWI of 2015; another name can be given in a manifest",
    ),
    Assumption(
        "song-time-step",
        _S,
        "the time between two frames of the series",
        "what the header or a BIDS sidecar says, even to 1 % of a step; without a unit it is read as seconds; "
        "a series with missing, repeated or uneven frames is refused",
        "a wrong step would scale every time in a map, and nothing in the picture would show it",
    ),
    Assumption(
        "song-phantoms",
        _S,
        "the data where ISLES 2018 cannot be had",
        "SYNTHETIC phantoms of a closed artery. Flow and delay of core and penumbra overlap from case to case; dead "
        "tissue has taken up water, by which CT and series lose 6 to 10 HU before noise, and no map shows it",
        "so that series and CT hold more than the maps: that the whole model gains from them is therefore built "
        "into the phantoms, and what it gains in patients is not measured by them",
    ),
    Assumption(
        "song-phantom-maps",
        _S,
        "how the maps of the archive were computed from the series",
        "those of the phantoms: curves blurred by 2 mm within slices, the artery found by height, earliness and width, "
        "oscillation-limited block-circulant deconvolution with an index of 0.035, ml per 100 ml without haematocrit",
        "the common published method that a delay does not mislead; maps of real cases are used as they come",
    ),
)


def assumptions_markdown() -> str:
    """Write all assumptions as docs/assumptions.md holds them."""
    parts = [
        "# What the papers leave out",
        "Made from `stroke_tf/paper/assumptions.py` (a test compares them). "
        "Every choice below is ours; the papers neither confirm nor deny it.",
    ]
    for paper in Paper:
        parts.append(f"## {TITLES[paper]}")
        parts += [_entry(each) for each in ASSUMPTIONS if each.paper is paper]
    return "\n\n".join(parts) + "\n"


def _entry(each: Assumption) -> str:
    return f"### {each.id}\n\n- missing: {each.missing}\n- ours: {each.ours}\n- why: {each.why}"


if __name__ == "__main__":
    print(assumptions_markdown(), end="")
