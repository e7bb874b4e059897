"""A run folder belongs to one living process; a dead one's is taken over, a living one's never."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from stroke_tf.errors import TrainingError
from stroke_tf.training.lease import LEASE_FILE, FolderHeldError, leased, progress_of

BEAT_S = 0.05
# A process that takes a lease, says so, and is killed or waits for the end of its input.
HOLDER = """
import sys
from pathlib import Path
from stroke_tf.training.lease import leased
with leased(Path(sys.argv[1]), beat_s=0.05):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Start another process that holds the folder tmp_path / "run"."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "run")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def elsewhere(folder: Path, beat: int = 0) -> None:
    """Write the lease of a process on another machine."""
    folder.mkdir(exist_ok=True)
    told = {"token": "theirs", "host": "far", "boot": "b", "processes": "p", "process": 1, "since": "1", "beat": beat}
    (folder / LEASE_FILE).write_text(json.dumps(told))


def test_a_lease_lies_in_the_folder_while_it_is_held(tmp_path):
    with leased(tmp_path / "run", beat_s=BEAT_S):
        assert (tmp_path / "run" / LEASE_FILE).exists()
    assert list((tmp_path / "run").iterdir()) == []


def test_a_lease_is_given_back_when_the_work_fails(tmp_path):
    with pytest.raises(KeyboardInterrupt), leased(tmp_path):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_which_a_living_process_works_is_refused(tmp_path, holder):
    refused = pytest.raises(FolderHeldError, match=rf"process {holder.pid} on .* trains here at this moment")
    with refused, leased(tmp_path / "run", beat_s=BEAT_S):
        pass
    assert holder.poll() is None


def test_the_folder_of_a_killed_process_of_this_machine_is_taken_at_once(tmp_path, holder):
    holder.kill()
    holder.wait()
    # The silence of another machine would have to last for a minute.
    with leased(tmp_path / "run", beat_s=BEAT_S, silence_s=60) as lease:
        lease.require()
    assert list((tmp_path / "run").iterdir()) == []


def test_a_silent_lease_of_another_machine_is_taken_after_a_while(tmp_path):
    elsewhere(tmp_path)
    began = time.monotonic()
    with leased(tmp_path, beat_s=BEAT_S, silence_s=0.3) as lease:
        assert time.monotonic() - began >= 0.3
        lease.require()


def test_a_lease_of_another_machine_that_counts_on_is_refused(tmp_path):
    elsewhere(tmp_path)
    later = threading.Timer(0.1, elsewhere, (tmp_path, 1))
    later.start()
    with pytest.raises(FolderHeldError, match="process 1 on far trains here"), leased(tmp_path, beat_s=BEAT_S):
        pass
    later.join()


def test_who_lost_the_folder_is_told_and_leaves_the_others_lease(tmp_path):
    with leased(tmp_path, beat_s=BEAT_S) as lease:
        # Written again, should a beat that had begun before have gone over it.
        while lease._thread.is_alive():
            elsewhere(tmp_path)
            lease._thread.join(0.2)
        with pytest.raises(TrainingError, match="another process has taken over this run"):
            lease.require()
    assert json.loads((tmp_path / LEASE_FILE).read_text())["token"] == "theirs"


def ended_here(folder: Path) -> None:
    """Write the lease of a process of this machine that has ended, so that all who look know at once."""
    folder.mkdir(parents=True)
    with leased(folder):
        told = json.loads((folder / LEASE_FILE).read_text())
    ended = subprocess.Popen(["true"])
    ended.wait()
    (folder / LEASE_FILE).write_text(json.dumps({**told, "token": "theirs", "process": ended.pid, "since": "1"}))


def takers(folder: Path, number: int = 6) -> tuple[list[int], int]:
    """Let several threads want a folder at once; return how many were inside at every entry, and how many refused."""
    inside, seen, refused = [], [], []
    together = threading.Barrier(number)

    def work() -> None:
        together.wait()
        try:
            with leased(folder, beat_s=0.01):
                inside.append(1)
                seen.append(len(inside))
                time.sleep(0.02)
                inside.pop()
        except FolderHeldError:
            refused.append(1)

    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen, len(refused)


def test_of_many_that_want_a_dead_lease_one_gets_it_at_a_time(tmp_path):
    for turn in range(20):
        ended_here(tmp_path / str(turn))
        seen, refused = takers(tmp_path / str(turn))
        assert set(seen) == {1}
        assert len(seen) + refused == 6
        assert list((tmp_path / str(turn)).iterdir()) == []


def test_of_many_one_goes_on_where_a_process_died_while_it_took_a_dead_lease(tmp_path):
    for turn in range(10):
        folder = tmp_path / str(turn)
        ended_here(folder)
        told = json.loads((folder / LEASE_FILE).read_text())
        (folder / f"{LEASE_FILE}.after-theirs").write_text(json.dumps({**told, "token": "between"}))
        seen, refused = takers(folder)
        assert set(seen) == {1}
        assert len(seen) + refused == 6
        assert list(folder.iterdir()) == []


def test_an_empty_lease_is_taken_after_a_while(tmp_path):
    (tmp_path / LEASE_FILE).touch()
    with leased(tmp_path, beat_s=BEAT_S, silence_s=0.1) as lease:
        time.sleep(4 * BEAT_S)
        lease.require()
    assert list(tmp_path.iterdir()) == []


def test_the_share_that_is_done_can_be_read_by_others(tmp_path):
    assert progress_of(tmp_path) is None
    with leased(tmp_path, beat_s=BEAT_S) as lease:
        lease.tell(0.25)
        deadline = time.monotonic() + 10
        while progress_of(tmp_path) != 0.25 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert progress_of(tmp_path) == 0.25
