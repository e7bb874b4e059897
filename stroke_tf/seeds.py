"""Child seeds: one seed from the user, one for each piece of work, the same on every machine."""

import hashlib


def child_seed(seed: int, *path: str | int) -> int:
    """Derive the seed of one piece of work from the seed of the whole.

    The piece is named, not counted, so adding a piece of work never changes the seeds of the others.

    Args:
        seed: any integer.
        path: words and numbers that name the piece, such as "phantom", 3.
    Returns: an integer in [0, 2**31), which NumPy, TensorFlow and OpenCV all accept.
    Example:
        >>> child_seed(7, "phantom", 3) == child_seed(7, "phantom", 3)
        True
        >>> child_seed(7, "phantom", 3) == child_seed(7, "phantom", 4)
        False
    """
    text = "/".join([str(int(seed)), *(str(part) for part in path)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
