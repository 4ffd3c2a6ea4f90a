from services.sandbox.channel import Channel
from services.sandbox.channel_report import report
from shared.adapters.clock.manual import ManualClock


def keys(data):
    return {"inline_keyboard": [[{"text": "Chart", "callback_data": data}]]}


def test_lost_and_doubled_messages_can_be_counted():
    clock = ManualClock(5_000)
    channel = Channel(clock, "@signals", "Signals")
    for open_time in (1, 2, 2, 3):
        channel.post({"text": f"signal {open_time}", "reply_markup": keys(f"c|s|BTCUSDT|{open_time}|S")})
    channel.post({"text": "too long an id", "reply_markup": keys("d|0123")})
    channel.post({"text": "a notice", "reply_markup": keys("other")})
    channel.delete(4)
    assert report(channel)["signals"] == {"d|0123": 1, "s/BTCUSDT/1/SHORT": 1, "s/BTCUSDT/2/SHORT": 2}


def test_a_message_is_told_with_its_last_text_and_all_that_happened_to_it():
    clock = ManualClock(5_000)
    channel = Channel(clock, "@signals", "Signals")
    first = channel.post({"text": "entry", "reply_markup": keys("c|s|BTCUSDT|1|L")})
    channel.post({"photo": [], "caption": "chart", "reply_to_message": first})
    clock.advance_to(9_000)
    channel.edit(1, {"text": "exit", "reply_markup": None})
    channel.delete(1)
    assert report(channel)["messages"] == [
        {
            "message_id": 1,
            "date": 5,
            "edit_date": 9,
            "text": "exit",
            "is_photo": False,
            "reply_to": None,
            "edits": 1,
            "deleted": True,
            "signal_id": "s/BTCUSDT/1/LONG",
        },
        {
            "message_id": 2,
            "date": 5,
            "edit_date": None,
            "text": "chart",
            "is_photo": True,
            "reply_to": 1,
            "edits": 0,
            "deleted": False,
            "signal_id": None,
        },
    ]
