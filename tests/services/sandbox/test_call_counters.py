from services.sandbox.call_counters import CallCounters
from shared.adapters.clock.manual import ManualClock


def test_calls_are_counted_by_method_and_by_chat_with_their_rates():
    clock = ManualClock()
    counters = CallCounters(clock)
    for status in (200, 200, 429):
        counters.add("sendMessage", "@a", status)
    clock.advance_to(61_000)
    counters.add("sendMessage", "@b", 200)
    counters.add("getUpdates", None, 200)
    shown = counters.as_json()
    assert shown["methods"] == {
        "getUpdates": {"calls": 1, "by_status": {"200": 1}, "too_many": 0, "last_minute": 1, "busiest_minute": 1},
        "sendMessage": {
            "calls": 4,
            "by_status": {"200": 3, "429": 1},
            "too_many": 1,
            "last_minute": 1,
            "busiest_minute": 3,
        },
    }
    assert {chat: count["too_many"] for chat, count in shown["chats"].items()} == {"@a": 1, "@b": 0}
