from services.cli.parts.account_text import account_text, misses_text, plain_account, plain_miss
from shared.domain.signal import Side
from shared.engine.why_not import Account
from shared.strategies.explanation import Explanation, Gate
from tests.makers import START, make_candle, make_signal

WARM = Gate("warm_up", 500, 250, True, "enough candles")
RSI = Gate("earlier_rsi", 27.1, 25.0, False, "at or below it")
UNASKED = Gate("volume_ratio", None, 1.5, None, "above it")
ACCOUNT = Account(make_candle(), (Explanation(Side.LONG, (RSI, UNASKED)),), (WARM,))


def test_every_gate_is_told_with_value_threshold_and_verdict():
    text = account_text("rsi_divergence", ACCOUNT, None)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == "BTCUSDT rsi_divergence, candle of 2026-01-01 00:00 UTC: no entry"
    assert "NO earlier_rsi 27.1 25 at or below it" in lines
    assert "- volume_ratio 1.5 above it" in lines
    assert "yes warm_up 500 250 enough candles" in lines


def test_a_signal_is_told_by_its_decision_record():
    decision = {
        "why": "Bullish divergence",
        "gates": [{"name": "rsi_difference", "value": 4.5, "threshold": 1.0, "passed": True}],
        "macro": {"words": "no macro bias has come yet"},
    }
    signal = make_signal(decision=decision)
    text = account_text("rsi_divergence", ACCOUNT, signal)
    assert f"LONG signal {signal.signal_id}" in text
    assert "Bullish divergence" in text
    assert "macro: no macro bias has come yet" in text
    assert "earlier_rsi" not in text
    assert plain_account(ACCOUNT, signal)["decision"] == decision


def test_programs_get_all_gates():
    plain = plain_account(ACCOUNT, None)
    assert (plain["entry"], plain["signal_id"]) == (False, None)
    assert [gate["name"] for gate in plain["sides"][0]["gates"]] == ["earlier_rsi", "volume_ratio"]
    assert plain["book"][0] == {
        "name": "warm_up", "value": 500, "threshold": 250, "passed": True, "words": "enough candles",
    }  # fmt: skip


def test_near_misses_are_one_line_each():
    miss = plain_miss(ACCOUNT, ACCOUNT.sides[0], RSI)
    assert (miss["open_time"], miss["side"], miss["name"]) == (START, "LONG", "earlier_rsi")
    text = misses_text("rsi_divergence", [miss])
    assert text.splitlines()[0] == "rsi_divergence: 1 near misses"
    assert "27.1" in text
    assert misses_text("rsi_divergence", []) == "rsi_divergence: no near miss"
