"""The threshold rules of the literature: what a map says of tissue without any network."""

import numpy as np

from stroke_tf.arrays import Mask, Volume

TMAX_LIMIT_S = 6.0
"""Tissue whose residue peaks later is called hypoperfused; most of it can be saved (DEFUSE 2, Lansberg 2012)."""
CORE_SHARE = 0.3
"""Tissue with less than this share of normal flow is called core (Campbell 2011, as used in DEFUSE 3)."""


def hypoperfused(tmax: Volume, brain: Mask, *, limit_s: float = TMAX_LIMIT_S) -> Mask:
    """Mark the brain whose Tmax is above the limit: core and penumbra together.

    Args:
        tmax: shape (x, y, z), s.
    """
    return brain & (tmax > np.float32(limit_s))


def relative_flow(cbf: Volume, tmax: Volume, brain: Mask) -> Volume:
    """Return the flow as a share of normal: of the median over the brain that is not hypoperfused.

    Args:
        cbf: shape (x, y, z), any unit. tmax: shape (x, y, z), s.
    Returns: float32, 0 outside the brain; 1 is normal. All 0 if no voxel of the brain is normal or none has flow.
    """
    normal = cbf[brain & (tmax <= TMAX_LIMIT_S)]
    usual = float(np.median(normal)) if normal.size else 0.0
    if usual <= 0:
        return np.zeros(cbf.shape, dtype=np.float32)
    return np.where(brain, cbf / np.float32(usual), 0).astype(np.float32)


def core_by_flow(
    cbf: Volume, tmax: Volume, brain: Mask, *, share: float = CORE_SHARE, only_hypoperfused: bool = False
) -> Mask:
    """Mark the brain with less than a share of normal flow.

    Args:
        only_hypoperfused: whether Tmax must be above its limit too, as clinical software asks; without it, fluid and
            old infarcts are marked as well.
    """
    core = brain & (relative_flow(cbf, tmax, brain) < np.float32(share))
    return core & hypoperfused(tmax, brain) if only_hypoperfused else core
