from pathlib import Path

import numpy as np
import pytest

from stroke_tf.batches.memory_maps import give_pages_back, give_pages_back_after, in_chunks
from stroke_tf.neighbours import with_neighbours

linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells mapped pages in /proc")
MEGABYTES = 64


@pytest.fixture
def mapped(tmp_path):
    """A file of 64 MB, mapped for reading; row k holds k."""
    array = np.repeat(np.arange(256, dtype=np.uint8), MEGABYTES * 2**20 // 256).reshape(256, -1)
    np.save(tmp_path / "array.npy", array)
    return np.load(tmp_path / "array.npy", mmap_mode="r")


def mapped_mb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssFile"))


@linux
def test_a_plain_reading_stays_in_memory_until_it_is_given_back(mapped):
    before = mapped_mb()
    assert mapped.sum() > 0
    assert mapped_mb() - before > 0.9 * MEGABYTES
    give_pages_back(mapped)
    assert mapped_mb() - before < 0.1 * MEGABYTES


@linux
def test_reading_in_chunks_leaves_nothing_mapped(mapped):
    before = mapped_mb()
    tops = []
    for chunk in in_chunks(mapped):
        assert chunk.sum() > 0
        tops.append(mapped_mb() - before)
    assert len(tops) == 4 and max(tops) < 0.3 * MEGABYTES
    assert mapped_mb() - before < 0.1 * MEGABYTES


@linux
def test_a_view_of_a_map_gives_its_pages_back_too(mapped):
    before = mapped_mb()
    view = np.asarray(mapped[10:]).view(bool)
    assert view.sum() > 0
    assert mapped_mb() - before > 0.8 * MEGABYTES
    give_pages_back(view)
    assert mapped_mb() - before < 0.1 * MEGABYTES


def test_the_values_are_the_same_afterwards(mapped):
    give_pages_back(mapped)
    assert mapped[:, 0].tolist() == list(range(256))


def test_what_was_written_into_a_private_map_is_kept(tmp_path):
    np.save(tmp_path / "array.npy", np.zeros(10, np.uint8))
    private = np.load(tmp_path / "array.npy", mmap_mode="c")
    private[3] = 7
    view = private[2:]
    view.flags.writeable = False
    for array in (private, view):
        give_pages_back(array)
    assert private[3] == 7


def test_an_array_in_memory_is_left_alone():
    array = np.arange(5)
    array.flags.writeable = False
    give_pages_back(array)
    assert array.tolist() == [0, 1, 2, 3, 4]


@linux
def test_pages_are_given_back_after_every_fourth_batch(mapped):
    before, left = mapped_mb(), []
    for batch in range(9):
        assert mapped.sum() > 0
        give_pages_back_after(batch, [mapped])
        left.append(mapped_mb() - before < 0.1 * MEGABYTES)
    assert [batch for batch, empty in enumerate(left) if empty] == [0, 4, 8]


@linux
def test_pages_seen_through_neighbours_are_given_back_too(mapped):
    seen = with_neighbours(mapped.reshape(256, 512, 512, 1), 1)
    before = mapped_mb()
    assert seen[:64].any() and mapped_mb() - before > 0.2 * MEGABYTES
    give_pages_back(seen)
    assert mapped_mb() - before < 0.1 * MEGABYTES
