"""The cache makes each entry once, survives a killed process, and mends what was damaged."""

import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import pytest

from stroke_tf.errors import OutputError
from stroke_tf.volumes.cache import ArrayCache, cache_key

KEY = cache_key(case="1")


class Maker:
    """Makes one small entry and counts how often it was asked to."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return {"channels": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "lesion": np.zeros((2, 3), bool)}


def test_an_entry_is_made_once_and_read_as_memory_maps(tmp_path):
    make = Maker()
    ArrayCache(tmp_path / "cache").get_or_make(KEY, make)
    arrays = ArrayCache(tmp_path / "cache").get_or_make(KEY, make)
    assert make.calls == 1
    assert isinstance(arrays["channels"], np.memmap)
    assert not arrays["channels"].flags.writeable
    np.testing.assert_array_equal(arrays["channels"], make()["channels"])
    assert arrays["lesion"].dtype == bool


def test_an_array_without_elements_is_kept(tmp_path):
    arrays = ArrayCache(tmp_path).get_or_make(KEY, lambda: {"none": np.zeros((0, 3), np.float32)})
    assert arrays["none"].shape == (0, 3)


def test_other_content_is_another_entry(tmp_path):
    cache = ArrayCache(tmp_path)
    cache.get_or_make(cache_key(case="1"), lambda: {"a": np.ones(3)})
    assert cache.get_or_make(cache_key(case="2"), lambda: {"a": np.zeros(3)})["a"].sum() == 0


def cut_short(entry):
    file = entry / "channels.npy"
    file.write_bytes(file.read_bytes()[:-5])


def overwrite(entry):
    file = entry / "channels.npy"
    file.write_bytes(b"x" * file.stat().st_size)


def swap(entry):
    """Put another array of the same number of bytes in place."""
    np.save(entry / "channels.npy", np.arange(24, dtype=np.int32).reshape(2, 3, 4))


DAMAGES = {
    "cut short": cut_short,
    "overwritten": overwrite,
    "another array": swap,
    "array gone": lambda entry: (entry / "channels.npy").unlink(),
    "index gone": lambda entry: (entry / "index.json").unlink(),
    "index cut": lambda entry: (entry / "index.json").write_text('{"channels": {"shape"'),
    "index of another kind": lambda entry: (entry / "index.json").write_text("[1]"),
    "index without sizes": lambda entry: (entry / "index.json").write_text('{"channels": {}}'),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_entry_is_made_again(tmp_path, damage):
    make = Maker()
    cache = ArrayCache(tmp_path)
    cache.get_or_make(KEY, make)
    damage(tmp_path / KEY)
    arrays = cache.get_or_make(KEY, make)
    assert make.calls == 2
    np.testing.assert_array_equal(arrays["channels"], make()["channels"])
    assert [entry.name for entry in tmp_path.iterdir()] == [KEY]


def test_pickled_objects_are_never_loaded(tmp_path):
    cache = ArrayCache(tmp_path)
    with pytest.raises(ValueError, match="allow_pickle"):
        cache.get_or_make(KEY, lambda: {"a": np.array([{}], dtype=object)})
    assert list(tmp_path.iterdir()) == []


def test_a_fault_in_making_leaves_nothing(tmp_path):
    def make():
        raise RuntimeError("no such scan")

    with pytest.raises(RuntimeError, match="no such scan"):
        ArrayCache(tmp_path).get_or_make(KEY, make)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_explained_and_leaves_nothing(tmp_path, monkeypatch):
    import errno

    def save_half(path, array, **_):
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", save_half)
    with pytest.raises(OutputError, match=r"channels.npy: the disk is full; nothing was overwritten. Free some space"):
        ArrayCache(tmp_path).get_or_make(KEY, Maker())
    assert list(tmp_path.iterdir()) == []


def test_a_cache_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/cache: the cache cannot be kept here"):
        ArrayCache(tmp_path / "file" / "cache")


def test_what_a_dead_process_left_is_removed_and_what_a_living_one_builds_is_not(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = {process: f".tmp-{socket.gethostname()}-{process}-abcd" for process in (dead.pid, os.getpid())}
    elsewhere = f".tmp-another.host-{dead.pid}-abcd"
    for name in [*names.values(), elsewhere]:
        (tmp_path / name).mkdir()
    ArrayCache(tmp_path)
    assert {entry.name for entry in tmp_path.iterdir()} == {names[os.getpid()], elsewhere}


def test_two_that_make_the_same_entry_at_once_both_get_it(tmp_path):
    """Both are inside `make` before either writes; the second to finish finds the entry there."""
    barrier = threading.Barrier(2, timeout=20)
    results = []

    def make():
        barrier.wait()
        return Maker()()

    def work():
        results.append(ArrayCache(tmp_path).get_or_make(KEY, make)["channels"].sum())

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert results == [276.0, 276.0]
    assert [entry.name for entry in tmp_path.iterdir()] == [KEY]


def test_the_size_is_that_of_all_files(tmp_path):
    cache = ArrayCache(tmp_path)
    assert cache.size_bytes() == 0
    cache.get_or_make(KEY, Maker())
    assert cache.size_bytes() == sum(file.stat().st_size for file in (tmp_path / KEY).iterdir())


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Settings:
    size: int
    colour: Colour


def test_a_key_depends_on_content_and_not_on_order_or_type_of_container():
    assert cache_key(a=1, b=[1, 2]) == cache_key(b=(1, 2), a=np.int64(1))
    assert cache_key(s=Settings(1, Colour.RED)) == cache_key(s={"colour": "red", "size": 1})
    assert cache_key(p=Path("x/y"), a=np.array([1, 2])) == cache_key(p="x/y", a=[1, 2])


def test_a_key_changes_with_every_part_of_the_content():
    keys = {cache_key(a=1), cache_key(a=2), cache_key(b=1), cache_key(a="1"), cache_key(a=[1]), cache_key(a=1.5)}
    assert len(keys) == 6


def test_a_key_is_the_same_on_every_machine():
    assert cache_key(a=1) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"


def test_no_key_is_made_of_what_has_no_canonical_form():
    with pytest.raises(TypeError, match="no key can be made of object"):
        cache_key(a=object())
    with pytest.raises(ValueError, match="not JSON compliant"):
        cache_key(a=float("nan"))
