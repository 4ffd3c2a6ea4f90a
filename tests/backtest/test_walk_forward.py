"""Walk-forward: nothing counts that its own choice has seen."""

from math import inf

import numpy as np

from shared.backtest.sweep import Trial
from shared.backtest.walk_forward import walk_forward
from tests.backtest.markets import arrays
from tests.makers import MINUTE, START


def made(name, nets_by_block):
    """Forty results in each block of 100 minutes."""
    begins = [START + (100 * block + 2 * i) * MINUTE for block in range(len(nets_by_block)) for i in range(40)]
    nets = [net + 0.01 * (i % 2) for net in nets_by_block for i in range(40)]
    return Trial({"name": name}, np.array(begins), np.array(begins) + MINUTE, np.array(nets))


def test_each_stretch_is_told_of_the_set_that_was_best_before_it():
    market = arrays([100.0] * 300)
    fading, rising = made(1, [1.0, -1.0, -1.0]), made(2, [0.5, 0.5, 2.0])
    first, second = walk_forward([fading, rising], [market], 2)
    assert (first.begin, second.end) == (START + 100 * MINUTE, inf)
    assert first.chosen == {"name": 1}
    assert round(float(first.nets.mean())) == -1
    assert second.chosen == {"name": 2}
    assert round(float(second.nets.mean())) == 2


def test_what_comes_later_changes_no_earlier_choice():
    market = arrays([100.0] * 300)
    one, other = made(1, [1.0, -1.0, -9.0]), made(2, [0.5, 0.5, 9.0])
    assert walk_forward([one, other], [market], 2)[0].chosen == {"name": 1}


def test_nothing_is_chosen_by_too_few_results():
    one = Trial({"name": 1}, np.array([START]), np.array([START + 1]), np.array([5.0]))
    folds = walk_forward([one], [arrays([100.0] * 300)], 2)
    assert [(fold.chosen, len(fold.nets)) for fold in folds] == [(None, 0), (None, 0)]
