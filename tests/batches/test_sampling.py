from collections import Counter

import numpy as np
import pytest

from stroke_tf.batches.sampling import draw_slices, from_endless_deck, require_draw
from stroke_tf.errors import SettingError

LESION = np.array([3, 4, 5])
BRAIN = np.arange(20)


def draw(batch, seed=1, **changes):
    settings = {"batch_size": 8, "lesion_share": 0.5, **changes}
    return draw_slices(LESION, BRAIN, seed=seed, batch=batch, **settings)


def test_a_deck_is_dealt_whole_before_it_is_shuffled_again():
    dealt = from_endless_deck(np.arange(5), start=0, count=15, seed=1).reshape(3, 5)
    assert [sorted(cards) for cards in dealt.tolist()] == [[0, 1, 2, 3, 4]] * 3
    assert len({tuple(cards) for cards in dealt.tolist()}) > 1


def test_cards_depend_on_their_place_in_the_deck_alone():
    deck = np.arange(7)
    dealt = from_endless_deck(deck, start=0, count=30, seed=1)
    for start in range(25):
        assert np.array_equal(from_endless_deck(deck, start=start, count=5, seed=1), dealt[start : start + 5])


def test_dealing_leaves_the_deck_as_it_was():
    deck = np.arange(9)
    from_endless_deck(deck, start=0, count=9, seed=1)
    assert deck.tolist() == list(range(9))


def test_no_card_is_no_card():
    assert from_endless_deck(np.arange(3), start=0, count=0, seed=1).size == 0


def test_a_batch_depends_on_seed_and_number():
    assert np.array_equal(draw(7), draw(7))
    assert not np.array_equal(draw(7), draw(8))
    assert not np.array_equal(draw(7), draw(7, seed=2))


@pytest.mark.parametrize("share, at_least", [(0, 0), (0.25, 2), (0.5, 4), (1, 8)])
def test_the_share_of_lesion_is_a_floor(share, at_least):
    held = [np.isin(draw(batch, lesion_share=share), LESION).sum() for batch in range(50)]
    assert min(held) >= at_least
    assert (share < 1) == (max(held) < 8)


def test_without_a_share_the_cohort_s_own_proportion_remains():
    held = [np.isin(draw(batch, lesion_share=0), LESION).mean() for batch in range(50)]
    assert np.mean(held) == pytest.approx(len(LESION) / len(BRAIN))


def test_every_lesion_slice_is_seen_about_equally_often():
    seen = Counter(np.concatenate([draw(batch, lesion_share=1) for batch in range(25)]).tolist())
    assert set(seen) == set(LESION.tolist())
    assert max(seen.values()) - min(seen.values()) <= 1


def test_lesion_slices_do_not_always_come_first():
    first = [draw(batch)[0] in LESION for batch in range(50)]
    assert any(first) and not all(first)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"batch_size": 0}, "batch size: 0"),
        ({"lesion_share": 1.2}, r"Received: 1\.2"),
        ({"start_step": 11}, "between 0 and 10. Received: 11"),
        ({"start_step": -1}, "Received: -1"),
    ],
)
def test_impossible_draws_are_refused(changes, said):
    with pytest.raises(SettingError, match=said):
        require_draw(**{"batch_size": 4, "steps": 10, "start_step": 0, "lesion_share": 0.5, **changes})
