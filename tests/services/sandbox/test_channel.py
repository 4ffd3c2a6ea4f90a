from services.sandbox.channel import Channel
from shared.adapters.clock.manual import ManualClock


def test_a_channel_is_known_by_its_name_and_by_its_number():
    named = Channel(ManualClock(), "@signals", "Signals")
    assert named.is_called("@signals")
    assert named.is_called(str(named.chat["id"]))
    assert not named.is_called("@other")
    numbered = Channel(ManualClock(), "-1001234567890", "Signals")
    assert numbered.chat["id"] == -1_001_234_567_890


def test_watchers_hear_of_posts_edits_and_deletions():
    channel = Channel(ManualClock(), "@signals", "Signals")
    with channel.watch() as news:
        channel.post({"text": "one"})
        channel.edit(1, {"text": "two"})
        channel.delete(1)
        heard = [news.get_nowait() for _ in range(3)]
    channel.post({"text": "unheard"})
    assert [item["event"] for item in heard] == ["message", "message", "delete"]
    assert news.empty()


def test_a_watcher_that_is_too_slow_is_told_to_begin_anew():
    channel = Channel(ManualClock(), "@signals", "Signals")
    with channel.watch() as news:
        for number in range(1_002):
            channel.post({"text": str(number)})
        heard = [news.get_nowait() for _ in range(news.qsize())]
    assert heard[-1] is None
    assert len(heard) == 1_001


def test_ids_ascend_by_one_and_a_deleted_message_is_remembered_but_does_not_stand():
    channel = Channel(ManualClock(), "@signals", "Signals")
    button = {"inline_keyboard": [[{"text": "Chart", "callback_data": "c|1"}]]}
    assert [channel.post({"text": text, "reply_markup": button})["message_id"] for text in "abc"] == [1, 2, 3]
    channel.edit(2, {"text": "B", "reply_markup": None})
    channel.delete(3)
    assert channel.post({"text": "d"})["message_id"] == 4
    assert channel.find(3) is None
    assert [message["message_id"] for message in channel.messages] == [1, 2, 4]
    assert [(post.edits, post.deleted, list(post.data)) for post in channel.posts] == [
        (0, False, ["c|1"]),
        (1, False, ["c|1"]),
        (0, True, ["c|1"]),
        (0, False, []),
    ]


def test_two_channels_known_by_name_have_different_numbers():
    one, two = Channel(ManualClock(), "@a", "A"), Channel(ManualClock(), "@b", "B", number=2)
    assert one.chat["id"] != two.chat["id"]
