"""The notifier against a hostile Telegram: whatever it does, each signal is one message that shows its last line.

Real service, adapter, SQLite outbox and HTTP; ten minutes pass in four seconds. `pytest -s` shows the figures.
"""

import asyncio
from unittest.mock import patch

import pytest

from services.telegram_notifier import sender
from shared.runtime.service import HealthStatus
from tests.flows.hostile_telegram import CHAT, REPEAT, HostileStage, report
from tests.makers import MINUTE

OPERATIONS_AWAY = ""
FAULTS = {
    "flood": {"telegram_rate": {"value": 600, "times": 1}},
    "outage": {"telegram_refuse": {"value": True, "for_ms": 30 * MINUTE}},
    "timeouts": {"telegram_timeout_share": 20},
    "markup": {"telegram_markup": {"value": True, "for_ms": 10 * MINUTE}},
    "limit": {"telegram_limit": 20},
}
ALL_IN_TURN = (
    {"telegram_timeout_share": 20, "telegram_limit": 20},
    {"telegram_rate": {"value": 60, "chat": CHAT, "times": 2}},
    {"telegram_conflict": {"value": True, "for_ms": 2 * MINUTE}},
    {"telegram_refuse": {"value": True, "for_ms": 2 * MINUTE}},
    {"telegram_markup": {"value": True, "for_ms": 2 * MINUTE}},
    {"telegram_swallow": {"value": True, "for_ms": MINUTE}},
)


async def played(stage, name):
    """All lines said and delivered while the fault is on, which begins behind the first message."""
    async with stage.running():
        await stage.first_message()
        await stage.fault(**FAULTS[name])
        async with stage.alive():
            await stage.until_delivered()
        return await stage.outcome()


def check_nothing_lost_and_all_in_order(outcome):
    assert outcome.lost == []
    assert outcome.unended == []
    assert outcome.appeared == outcome.signals
    assert outcome.silent == []


def check_one_message_each(outcome):
    check_nothing_lost_and_all_in_order(outcome)
    assert outcome.doubled == []
    assert outcome.figures["possible repeats"] == 0


@pytest.mark.parametrize("name", FAULTS)
async def test_each_signal_is_one_message(tmp_path, name):
    outcome = await played(HostileStage(tmp_path, seed=7), name)
    report(name, outcome)
    check_one_message_each(outcome)
    assert outcome.figures["too many"] == (name == "flood")
    # Telegram's own limit; the budget leaves room for two that came before a restart, or took longer on their way.
    assert outcome.figures["busiest minute"] <= 20 or name == "markup"  # a refused text is asked for twice


@pytest.mark.parametrize("name", ["outage", "timeouts"])
async def test_without_an_operations_chat_nothing_is_lost_and_no_repeat_is_unmarked(tmp_path, name):
    stage = HostileStage(tmp_path, seed=7, operations=OPERATIONS_AWAY)
    outcome = await played(stage, name)
    report(f"{name}, no operations chat", outcome)
    check_nothing_lost_and_all_in_order(outcome)
    assert outcome.unmarked_repeats == []
    marked = [name for name, texts in outcome.sends.items() if any(REPEAT in text for text in texts)]
    assert set(outcome.doubled) <= set(marked)
    assert outcome.figures["possible repeats"] > 0


async def test_another_poller_takes_the_buttons_away_for_a_while_and_no_alert(tmp_path):
    stage = HostileStage(tmp_path, seed=7)
    async with stage.running():
        await stage.first_message()
        await stage.fault(telegram_conflict=True)
        async with stage.alive():
            delivered = asyncio.create_task(stage.until_delivered())
            await stage.press()
            await stage.clock.sleep(5 * MINUTE)
            assert await stage.answers() == 0
            assert len((await stage.outcome()).appeared) > 10
            health = stage.service.health()
            assert (health.status, "button presses go elsewhere" in health.detail) == (HealthStatus.DEGRADED, True)
            await stage.fault(telegram_conflict=None)
            await delivered
            await stage.press()
            while not await stage.answers():
                await stage.clock.sleep(1_000)
            assert stage.service.health().status is HealthStatus.OK
        outcome = await stage.outcome()
    report("conflict", outcome)
    check_one_message_each(outcome)


async def test_all_of_it_while_the_notifier_dies_every_few_seconds(tmp_path):
    stage = HostileStage(tmp_path, seed=7)

    async def hostile():
        for faults in ALL_IN_TURN:
            await stage.fault(**faults)
            await stage.clock.sleep(MINUTE * 3 // 2)

    async with stage.running():
        await stage.first_message()
        turns = asyncio.create_task(hostile())
        with patch.object(sender, "DRAIN_SECONDS", 0):
            await stage.dying_every(4 * MINUTE, stage.until_delivered())
        await turns
        outcome = await stage.outcome()
    report("dying", outcome)
    check_one_message_each(outcome)
    assert outcome.figures["lives"] > 5
