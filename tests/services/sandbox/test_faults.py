import re
from pathlib import Path

import pytest

from services.sandbox.faults import FAULTS, FaultBoard
from shared.adapters.clock.manual import ManualClock
from shared.errors import InvalidInput


def test_a_fault_strikes_as_often_as_told():
    board = FaultBoard(ManualClock())
    board.set({"telegram_rate": {"value": 3, "times": 2}, "ws_half_open": True})
    assert [board.strike("telegram_rate") for _ in range(3)] == [3, 3, None]
    assert [board.strike("ws_half_open") for _ in range(3)] == [1, 1, 1]


def test_a_fault_of_one_method_leaves_the_others_alone():
    board = FaultBoard(ManualClock())
    board.set({"telegram_error": {"value": 500, "method": "sendMessage"}})
    assert (board.strike("telegram_error", method="getMe"), board.strike("telegram_error", method="SENDMESSAGE")) == (
        None,
        500,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"unheard_of": True},
        {"ws_half_open": 2},
        {"telegram_rate": 0},
        {"telegram_rate": True},
        {"ws_refuse": "politely"},
        {"telegram_rate": {"value": 3, "times": 0}},
        {"telegram_rate": {"value": 3, "colour": "red"}},
        {"telegram_rate": {"value": 3, "for_ms": 0}},
        {"telegram_rate": {"value": 3, "for_ms": "long"}},
        {"telegram_timeout_share": 101},
        {"ws_delay": {"value": 3, "method": "getMe"}},
        {"ws_delay": {"value": 3, "chat": "@signals"}},
        {"telegram_refuse": {"value": True, "chat": "@signals"}},
    ],
)
def test_a_wrong_setting_is_refused_and_changes_nothing(changes):
    board = FaultBoard(ManualClock())
    with pytest.raises(InvalidInput):
        board.set({"ws_no_pong": True, **changes})
    assert board.as_json()["active"] == {}


def test_false_and_null_switch_off():
    board = FaultBoard(ManualClock())
    board.set({"ws_half_open": True, "ws_no_pong": True})
    board.set({"ws_half_open": False, "ws_no_pong": None})
    assert board.as_json() == {"active": {}, "known": {name: fault.meaning for name, fault in FAULTS.items()}}


def test_a_fault_of_one_chat_leaves_the_others_alone():
    board = FaultBoard(ManualClock())
    board.set({"telegram_rate": {"value": 9, "chat": "@a"}})
    assert [board.strike("telegram_rate", method="sendMessage", chat=chat) for chat in ("@a", "@b", "")] == [
        9,
        None,
        None,
    ]


def test_a_fault_ends_by_itself_when_its_time_is_over():
    clock = ManualClock(1_000)
    board = FaultBoard(clock)
    board.set(
        {"ws_half_open": {"value": True, "for_ms": 500}, "telegram_limit": {"value": 3, "for_ms": 400, "times": 9}}
    )
    assert board.as_json()["active"]["telegram_limit"] == {
        "value": 3,
        "times": 9,
        "method": None,
        "chat": None,
        "until": 1_400,
    }
    clock.advance_to(1_499)
    assert board.value("telegram_limit") is None
    assert board.strike("ws_half_open") == 1
    clock.advance_to(1_500)
    assert board.strike("ws_half_open") is None
    assert board.as_json()["active"] == {}


def test_what_strikes_every_nth_counts_questions_or_goes_by_the_number_of_the_thing_and_times_counts_strikes():
    board = FaultBoard(ManualClock())
    board.set({"ws_truncate": {"value": 3, "times": 2}, "kline_wrong": 5})
    assert [board.strike("ws_truncate") for _ in range(10)] == [None, None, 3, None, None, 3, None, None, None, None]
    assert [number for number in range(1, 12) if board.strike("kline_wrong", number=number)] == [5, 10]


def test_chance_is_the_same_for_the_same_seed_keeps_its_share_and_does_not_repeat_itself():
    def draws(seed):
        board = FaultBoard(ManualClock(), seed)
        rounds = []
        for _ in range(2):
            board.set({"telegram_timeout_share": 30})
            rounds.append([board.strike("telegram_timeout_share") is not None for _ in range(300)])
        return rounds

    first, second = draws(7)
    assert [first, second] == draws(7)
    assert first != second
    assert [first, second] != draws(8)
    assert 120 < sum(first + second) < 240


def test_what_happens_at_once_does_not_happen_again():
    board = FaultBoard(ManualClock())
    board.set({"ws_drop": 1006})
    assert [board.strike("ws_drop"), board.strike("ws_drop")] == [1006, None]


def test_the_page_for_readers_lists_every_fault_in_its_words():
    page = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", page, re.MULTILINE))
    assert rows == {name: fault.meaning for name, fault in FAULTS.items()}
