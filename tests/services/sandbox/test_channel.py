from services.sandbox.channel import Channel
from services.sandbox.picture import Picture
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


def test_pictures_are_kept_by_file_id():
    channel = Channel(ManualClock(), "@signals", "Signals")
    picture = Picture(b"data", "image/png", 3, 2)
    (size,) = channel.keep(picture)
    assert channel.picture(size["file_id"]) is picture
    assert channel.picture("other") is None
