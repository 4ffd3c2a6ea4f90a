"""Whatever a venue refuses, every other symbol is confirmed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.engine.subscription import SubscribePlan


def play(plan: SubscribePlan, bad: set[str], *, names_it: bool, most: int = 1000) -> list[tuple[str, ...]]:
    """A venue that refuses a request with an unknown symbol as a whole."""
    asked = []
    while batch := plan.batch:
        asked.append(batch)
        assert len(asked) < 1000
        faulty = [symbol for symbol in batch if symbol in bad]
        if faulty or len(batch) > most:
            plan.refuse(faulty[:1] if names_it else (), "handler not found", already=False)
        else:
            plan.accept()
    return asked


@pytest.mark.parametrize("names_it", [True, False])
def test_one_bad_symbol_among_nine_does_not_silence_the_others(names_it):
    symbols = [f"S{number}" for number in range(9)]
    plan = SubscribePlan([symbols])
    asked = play(plan, {"S4"}, names_it=names_it)
    assert plan.confirmed == set(symbols) - {"S4"}
    assert plan.refused == {"S4": "handler not found"}
    assert len(asked) == (2 if names_it else 10)


def test_a_request_that_is_too_large_is_split_without_blaming_anybody():
    plan = SubscribePlan([["A", "B", "C"]])
    play(plan, set(), names_it=True, most=2)
    assert (plan.confirmed, plan.refused) == ({"A", "B", "C"}, {})


def test_a_symbol_refused_because_it_is_subscribed_counts_as_confirmed():
    plan = SubscribePlan([["A", "B"]])
    plan.refuse(["A"], "error:already subscribed,topic:publicTrade.A", already=True)
    assert plan.batch == ("B",)
    plan.accept()
    assert (plan.confirmed, plan.refused) == ({"A", "B"}, {})


@given(st.sets(st.text("AB", min_size=1, max_size=4)), st.sets(st.text("AB", min_size=1, max_size=4)), st.booleans())
def test_every_symbol_ends_as_confirmed_or_refused(symbols, bad, names_it):
    batches = [sorted(symbols)[start : start + 3] for start in range(0, len(symbols), 3)]
    plan = SubscribePlan(batches)
    play(plan, bad, names_it=names_it)
    assert plan.confirmed == symbols - bad
    assert set(plan.refused) == symbols & bad
