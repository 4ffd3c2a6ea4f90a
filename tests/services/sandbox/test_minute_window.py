from services.sandbox.minute_window import MinuteWindow


def test_only_the_last_minute_counts_and_the_busiest_one_is_remembered():
    window = MinuteWindow()
    assert (window.count(0.0), window.seconds_left(0.0)) == (0, 0.0)
    for now in (0.0, 10.0, 59.0):
        window.add(now)
    assert (window.count(59.5), window.seconds_left(59.5)) == (3, 0.5)
    assert (window.count(60.0), window.seconds_left(60.0)) == (2, 10.0)
    window.add(200.0)
    assert (window.count(200.0), window.busiest) == (1, 3)
