import pytest

from services.sandbox.faults import FAULTS, FaultBoard
from shared.errors import InvalidInput


def test_a_fault_strikes_as_often_as_told():
    board = FaultBoard()
    board.set({"telegram_rate": {"value": 3, "times": 2}, "ws_half_open": True})
    assert [board.strike("telegram_rate") for _ in range(3)] == [3, 3, None]
    assert [board.strike("ws_half_open") for _ in range(3)] == [1, 1, 1]


def test_a_fault_of_one_method_leaves_the_others_alone():
    board = FaultBoard()
    board.set({"telegram_error": {"value": 500, "method": "sendMessage"}})
    assert (board.strike("telegram_error", "getMe"), board.strike("telegram_error", "SENDMESSAGE")) == (None, 500)


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
    ],
)
def test_a_wrong_setting_is_refused_and_changes_nothing(changes):
    board = FaultBoard()
    with pytest.raises(InvalidInput):
        board.set({"ws_no_pong": True, **changes})
    assert board.as_json()["active"] == {}


def test_false_and_null_switch_off():
    board = FaultBoard()
    board.set({"ws_half_open": True, "ws_no_pong": True})
    board.set({"ws_half_open": False, "ws_no_pong": None})
    assert board.as_json() == {"active": {}, "known": {name: meaning for name, (meaning, _) in FAULTS.items()}}
