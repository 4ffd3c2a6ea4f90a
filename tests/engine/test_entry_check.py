"""What refuses an entry, what its record says, and how the refused wait in a book."""

import pytest

from shared.domain.book import Book, BookKey
from shared.domain.exit_rules import ProtectionRules
from shared.domain.near_miss import Refusal
from shared.domain.signal import Side
from shared.engine.bias_gate import START as NO_BIAS
from shared.engine.bias_gate import GateLimits, step
from shared.engine.entry_check import ASK_NOTHING, EntryPolicy, check, near_miss, unkept, with_unkept
from shared.engine.protections import START as NOT_QUIET
from shared.engine.protections import Quiet
from shared.messages.codec import from_json, to_json
from tests.engine.macro_markets import make_bias
from tests.makers import EXCHANGE, START, SYMBOL, make_signal

GUARDED = ProtectionRules(cooldown=3, guard_stops=2, guard_pause=10)
FREE = ProtectionRules(0, 0, 0)
POLICY = EntryPolicy(GateLimits(neutral_size=0.5), risk=0.005)
LONG_BIAS = step(NO_BIAS, make_bias(), GateLimits())
AT = make_bias().time


def entry(side=Side.LONG, **fields):
    return make_signal(side=side, entry_time=AT, decision={"why": "scripted"}, **fields)


def test_where_nothing_is_asked_nothing_is_said():
    answer = check(entry(), NOT_QUIET, FREE, LONG_BIAS, ASK_NOTHING)
    assert (answer.refusal, answer.words, answer.record) == (None, "", {})


@pytest.mark.parametrize(
    ("side", "quiet", "memory", "refusal", "size_pct"),
    [
        (Side.LONG, NOT_QUIET, LONG_BIAS, None, 71.4286),
        (Side.SHORT, NOT_QUIET, LONG_BIAS, Refusal.MACRO, None),
        (Side.SHORT, NOT_QUIET, NO_BIAS, None, 35.7143),
        (Side.LONG, Quiet(0, 2), LONG_BIAS, Refusal.PROTECTED, None),
        (Side.SHORT, Quiet(0, 2), LONG_BIAS, Refusal.PROTECTED, None),
    ],
)
def test_protections_refuse_first_then_an_opposite_bias_and_the_rest_is_sized(side, quiet, memory, refusal, size_pct):
    answer = check(entry(side), quiet, GUARDED, memory, POLICY)
    assert answer.refusal is refusal
    assert answer.record["macro"]["bias_id"] == memory.bias_id
    assert answer.record.get("size", {}).get("size_pct") == size_pct
    assert bool(answer.words) == (refusal is not None)


def test_the_size_is_what_the_stop_may_cost_over_its_distance_and_never_more_than_the_equity():
    size = check(entry(), NOT_QUIET, FREE, NO_BIAS, POLICY).record["size"]
    assert size == {"size_pct": 35.7143, "risk_pct": 0.5, "stop_distance_pct": 0.7, "gate": 0.5}
    near = check(entry(stop_loss=99.9), NOT_QUIET, FREE, LONG_BIAS, POLICY).record["size"]
    assert near["size_pct"] == 100.0
    assert "size" not in check(entry(), NOT_QUIET, FREE, NO_BIAS, EntryPolicy(GateLimits())).record
    assert list(check(entry(), NOT_QUIET, FREE, NO_BIAS, EntryPolicy(None, 0.005)).record) == ["size"]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (GUARDED, "2 (cooldown of 3 after an exit, pause of 10 after 2 losing stops in a row)"),
        (ProtectionRules(4, 0, 0), "2 (cooldown of 4 after an exit)"),
    ],
)
def test_a_protected_entry_says_for_how_long_and_by_which_rules(rules, words):
    answer = check(entry(), Quiet(0, 2), rules, NO_BIAS, ASK_NOTHING)
    assert answer.words == f"candles left without an entry, this one included: {words}"


def test_a_near_miss_waits_in_the_book_as_plain_values_with_its_whole_record():
    line = entry(Side.SHORT)
    answer = check(line, NOT_QUIET, FREE, LONG_BIAS, POLICY)
    miss = near_miss(line, answer, answer.refusal)
    assert miss.decision == {"why": "scripted", "macro": answer.record["macro"]}
    assert (miss.key, miss.time, miss.words) == (f"rsi_divergence/BTCUSDT/{START}", AT, answer.words)
    book = Book(BookKey("rsi_divergence", EXCHANGE, SYMBOL), state=with_unkept({"seen": 1}, [miss]))
    again = from_json(to_json(book), Book)
    assert again == book
    assert unkept(again) == (miss,)
    assert with_unkept(again.state, ()) == {"seen": 1}
