"""Packs in, what coverage proves out."""

import itertools

import pytest

from shared.engine.coverage import Coverage, reach
from tests.makers import MINUTE, START, SYMBOL, make_pack, make_trade

GRACE = 500


def run_of(count: int, every: int = 20_000, run_id: str = "r1", symbols=(SYMBOL,), begin: int = START):
    """Packs of one run, `every` ms apart, each with one trade just before its watermark."""
    packs = []
    for seq in range(count):
        watermark = begin + (seq + 1) * every
        prior = begin - 1 if seq == 0 else begin + seq * every - 1
        trades = (make_trade(watermark - 1),)
        packs.append(
            make_pack(
                seq, watermark, trades, run_id=run_id, covered_from=begin, prior_event_time=prior, symbols=symbols
            )
        )
    return packs


def proven(packs, symbol=SYMBOL):
    """Numbers of the minutes from START that the packs prove."""
    coverage = Coverage(GRACE)
    for pack in packs:
        coverage.add(pack)
    found = []
    for number in range(6):
        since = coverage.seen_since(symbol, START + (number + 1) * MINUTE)
        if since is not None and since <= START + number * MINUTE:
            found.append(number)
    return found


def test_an_unbroken_run_proves_every_minute_its_watermark_has_passed_by_the_grace():
    packs = run_of(10)  # to START + 200 s
    assert proven(packs) == [0, 1, 2]
    assert proven(packs[:9]) == [0, 1], "the watermark stands at the very end of minute 2, grace not passed"


@pytest.mark.parametrize(
    ("lost", "left"),
    [(0, [1, 2, 3]), (1, [1, 2, 3]), (2, [1, 2, 3]), (3, [2, 3]), (4, [0, 2, 3]), (8, [0, 1, 3]), (12, [0, 1, 2])],
)
def test_a_lost_pack_breaks_only_the_minutes_it_could_touch(lost, left):
    packs = run_of(13)
    assert proven(packs) == [0, 1, 2, 3]
    assert proven(packs[:lost] + packs[lost + 1 :]) == left


def test_a_chain_may_begin_in_the_middle_of_a_run():
    assert proven(run_of(13)[5:]) == [2, 3], "pack 5 follows a trade of minute 1"


def test_a_minute_begun_before_the_connection_is_not_proven():
    assert proven(run_of(13, begin=START + 1)) == [1, 2, 3]


def test_the_order_of_arrival_does_not_matter():
    packs = run_of(5)
    for order in itertools.permutations(packs):
        assert proven(order) == [0]


def test_a_pack_that_comes_again_is_known():
    coverage = Coverage(GRACE)
    packs = run_of(4)
    for pack in (packs[0], packs[2], packs[1]):
        assert coverage.add(pack) is not None
    assert [coverage.add(pack) for pack in packs[:3]] == [None, None, None]
    assert coverage.add(packs[3]) is not None


def test_only_named_symbols_are_covered_and_one_naming_is_enough():
    packs = run_of(4, symbols=())
    assert proven(packs) == []
    named = [*packs[:2], make_pack(2, packs[2].watermark, prior_event_time=packs[2].prior_event_time), packs[3]]
    assert proven(named) == [0]
    assert proven(named, "OTHERUSDT") == []


def test_two_runs_do_not_lend_each_other_numbers():
    halves = [*run_of(2, run_id="a"), *run_of(8, run_id="b")[2:]]
    assert proven(halves) == [1], "each alone lacks part of minute 0"


def test_either_of_two_runs_may_prove_a_minute():
    assert proven([*run_of(4, run_id="a"), *run_of(4, run_id="b", begin=START + MINUTE)]) == [0, 1]


def test_the_gain_of_a_pack_is_where_proofs_may_have_become_better():
    coverage = Coverage(GRACE)
    packs = run_of(8)
    assert coverage.add(packs[0]) == START
    assert coverage.add(packs[1]) == packs[0].watermark - GRACE, "going on: only later proofs"
    coverage.add(packs[3])
    assert coverage.add(packs[2]) == packs[1].watermark - GRACE, "closing a gap: what the gap broke"
    late_naming = make_pack(4, packs[4].watermark, prior_event_time=packs[4].prior_event_time, symbols=("X", SYMBOL))
    assert coverage.add(late_naming) == START, "a new name: everything the run has seen"


def test_old_chains_are_forgotten_and_living_ones_kept():
    coverage = Coverage(GRACE)
    for pack in (*run_of(4, run_id="dead"), *run_of(10, run_id="alive")):
        coverage.add(pack)
    coverage.forget(START + 150_000)
    assert coverage.seen_since(SYMBOL, START + MINUTE) == START
    coverage.forget(START + 250_000)
    assert coverage.seen_since(SYMBOL, START + MINUTE) is None
    assert coverage.watermark == START + 200_000


def test_a_pack_reaches_as_far_as_anything_it_speaks_of():
    assert reach(make_pack(0, START + 5)) == START + 5
    assert reach(make_pack(0, START + 5, (make_trade(START + 9), make_trade(START + 7)))) == START + 9
    assert reach(make_pack(0, START + 5, (make_trade(START + 2),), prior_event_time=START + 8)) == START + 8
