import json

import aiohttp
import pytest

from services.sandbox.market import MINUTE
from services.sandbox.recorded_market import RecordedMarket
from tests.makers import START, make_trade


async def ask(socket, **request):
    await socket.send_json(request)
    return await socket.receive_json()


async def subscribe(socket, *symbols, req_id="a"):
    return await ask(socket, op="subscribe", req_id=req_id, args=[f"publicTrade.{symbol}" for symbol in symbols])


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("linear", {"success": True, "ret_msg": "", "req_id": "a", "op": "subscribe"}),
        ("spot", {"success": True, "ret_msg": "subscribe", "req_id": "a", "op": "subscribe"}),
    ],
)
async def test_one_ack_answers_a_request_in_the_wording_of_the_category(sandbox, category, expected):
    async with sandbox.connect(category) as socket:
        ack = await subscribe(socket, "BTCUSDT", "ETHUSDT")
        assert ack.pop("conn_id")
        assert ack == expected


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("linear", {"success": False, "ret_msg": "error:handler not found,topic:publicTrade.NOSUCH", "req_id": "a"}),
        ("spot", {"success": False, "ret_msg": "Invalid symbol :[publicTrade.NOSUCH]"}),
        ("inverse", {"success": False, "ret_msg": "error:handler not found,topic:publicTrade.BTCUSDT", "req_id": "a"}),
    ],
)
async def test_one_unknown_topic_rejects_the_whole_request_and_the_socket_stays(sandbox, category, expected):
    async with sandbox.connect(category) as socket:
        answer = await subscribe(socket, "BTCUSDT", "NOSUCH")
        assert {key: answer[key] for key in answer if key not in ("conn_id", "op")} == expected
        sandbox.clock.advance_to(START + MINUTE)
        pong = await ask(socket, op="ping", req_id="p")
        assert pong.pop("conn_id")
        assert pong == {"success": True, "ret_msg": "pong", "req_id": "p", "op": "ping"}  # and no trade before it


async def test_duplicates_too_many_spot_args_and_foreign_frames_are_answered(sandbox):
    async with sandbox.connect("spot") as socket:
        assert (await subscribe(socket, *["BTCUSDT"] * 11))["ret_msg"] == "args size >10"
        await socket.send_str("no json")
        assert (await socket.receive_json())["ret_msg"] == "error:invalid op"
    async with sandbox.connect() as socket:
        await subscribe(socket, "BTCUSDT")
        assert (await subscribe(socket, "BTCUSDT"))["ret_msg"] == "error:already subscribed,topic:publicTrade.BTCUSDT"


async def trades_until_pong(socket):
    frames = []
    await socket.send_json({"op": "ping"})
    while "topic" in (frame := await socket.receive_json()):
        frames.append(frame)
    return frames


async def test_trades_of_all_symbols_come_in_one_order_and_equal_the_market(sandbox):
    symbols = list(sandbox.market.listings)
    async with sandbox.connect() as socket:
        await subscribe(socket, *symbols)
        frames = []
        for time in (START + 1_234, START + 20_000, START + MINUTE + 5):
            sandbox.clock.advance_to(time)
            frames += await trades_until_pong(socket)
    assert [frame["ts"] for frame in frames] == sorted(frame["ts"] for frame in frames)
    assert all(1 <= frame["ts"] - item["T"] <= 3 for frame in frames for item in frame["data"])
    assert all(len({(item["T"], item["seq"], item["S"]) for item in frame["data"]}) == 1 for frame in frames)
    for symbol in symbols:
        sent = [item["i"] for frame in frames if frame["topic"] == f"publicTrade.{symbol}" for item in frame["data"]]
        expected = [trade.trade_id for trade in sandbox.market.trades(symbol, START, START + MINUTE)]
        assert sent[: len(expected)] == expected
    assert sandbox.service.counters.trades == sum(len(frame["data"]) for frame in frames)


async def test_a_frame_has_the_documented_shape(open_sandbox):
    trade = make_trade(START + 10, "64474.20", "0.001", trade_id="77", sequence=5, is_rpi=True)
    async with open_sandbox(RecordedMarket([trade], start=START)) as sandbox, sandbox.connect() as socket:
        await subscribe(socket, "BTCUSDT")
        sandbox.clock.advance_to(START + 1_000)
        text = await socket.receive_str()
    assert text == (
        '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1767225600011,"data":[{"T":1767225600010,"s":"BTCUSDT",'
        '"S":"Buy","v":"0.001","p":"64474.20","L":"ZeroPlusTick","i":"77","BT":false,"RPI":true,"seq":5}]}'
    )


async def test_spot_trims_prices_has_numeric_ids_and_no_tick_direction(sandbox):
    async with sandbox.connect("spot") as socket:
        await subscribe(socket, "BTCUSDT")
        sandbox.clock.advance_to(START + MINUTE)
        (item, *_) = (await socket.receive_json())["data"]
    assert set(item) == {"T", "s", "S", "v", "p", "i", "BT", "RPI", "seq"}
    assert item["i"].isdecimal()
    assert len(item["i"]) == 19


async def test_a_sweep_is_split_at_1024_trades_that_share_their_sequence(open_sandbox):
    sweep = [make_trade(START + 10, trade_id=str(n), sequence=9, ordinal=n) for n in range(2_500)]
    async with open_sandbox(RecordedMarket(sweep, start=START)) as sandbox, sandbox.connect() as socket:
        await subscribe(socket, "BTCUSDT")
        sandbox.clock.advance_to(START + 1_000)
        frames = await trades_until_pong(socket)
    assert [len(frame["data"]) for frame in frames] == [1024, 1024, 452]
    assert {item["seq"] for frame in frames for item in frame["data"]} == {9}


async def test_the_market_can_wait_for_its_first_client_and_then_sends_no_burst(open_sandbox):
    told = []
    async with open_sandbox(wait_for_client=True, on_first_subscription=lambda: told.append(1)) as sandbox:
        sandbox.clock.advance_to(START + 5 * MINUTE)
        assert (await sandbox.get("/v5/market/time"))["time"] == START
        async with sandbox.connect() as socket:
            await subscribe(socket, "BTCUSDT")
            await subscribe(socket, "ETHUSDT")
            assert await trades_until_pong(socket) == []
            sandbox.clock.advance_to(START + 6 * MINUTE)
            frames = await trades_until_pong(socket)
    assert told == [1]
    assert min(item["T"] for frame in frames for item in frame["data"]) >= START + 5 * MINUTE - 3


async def test_after_the_end_pings_are_answered_and_no_trade_comes(open_sandbox):
    async with open_sandbox(end=START + MINUTE) as sandbox, sandbox.connect() as socket:
        await subscribe(socket, "BTCUSDT")
        sandbox.clock.advance_to(START + 10 * MINUTE)
        frames = await trades_until_pong(socket)
        assert max(item["T"] for frame in frames for item in frame["data"]) < START + MINUTE
        sandbox.clock.advance_to(START + 11 * MINUTE)
        assert await trades_until_pong(socket) == []


async def test_half_open_answers_pings_and_sends_nothing(sandbox):
    async with sandbox.connect() as socket:
        await subscribe(socket, "BTCUSDT")
        await sandbox.fault(ws_half_open=True)
        sandbox.clock.advance_to(START + MINUTE)
        assert await trades_until_pong(socket) == []
        await sandbox.fault(ws_half_open=None)
        sandbox.clock.advance_to(START + 2 * MINUTE)
        assert await trades_until_pong(socket) != []


async def test_frames_can_be_doubled_and_a_pong_can_stay_away(sandbox):
    async with sandbox.connect() as socket:
        await subscribe(socket, "BTCUSDT")
        await sandbox.fault(ws_duplicate=1, ws_no_pong={"value": True, "times": 1})
        sandbox.clock.advance_to(START + MINUTE)
        await socket.send_json({"op": "ping", "req_id": "unanswered"})
        await socket.send_json({"op": "ping", "req_id": "answered"})
        frames = []
        while "topic" in (frame := await socket.receive_json()):
            frames.append(frame)
    assert frame["req_id"] == "answered"
    assert frames[0::2] == frames[1::2] != []


async def test_stale_trades_can_come_before_the_ack(sandbox):
    await sandbox.fault(ws_stale_trades=2)
    async with sandbox.connect() as socket:
        first = await subscribe(socket, "BTCUSDT")
        assert [item["T"] < START for item in first["data"]] == [True, True]
        assert (await socket.receive_json())["success"] is True


@pytest.mark.parametrize(("code", "seen"), [(1001, 1001), (1006, None)])
async def test_connections_can_be_cut(sandbox, code, seen):
    async with sandbox.connect() as socket:
        await subscribe(socket, "BTCUSDT")
        assert (await sandbox.fault(ws_drop=code))[0] == 200
        message = await socket.receive()
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        assert socket.close_code in (seen, 1006)


@pytest.mark.parametrize(
    ("kind", "status", "content_type", "words"),
    [
        ("region", 403, "text/html", "block access from your country"),
        ("rate", 403, "application/json", "access too frequent"),
        ("unavailable_for_legal_reasons", 451, "text/plain", "Legal"),
    ],
)
async def test_the_upgrade_and_rest_can_be_refused(sandbox, kind, status, content_type, words):
    await sandbox.fault(ws_refuse={"value": kind, "times": 1}, rest_refuse={"value": kind, "times": 1})
    for path in ("/v5/public/linear", "/v5/market/time"):
        async with sandbox.http.get(sandbox.at.rest_url + path) as response:
            assert (response.status, response.content_type) == (status, content_type)
            assert words in await response.text()
    async with sandbox.connect() as socket:
        assert (await subscribe(socket, "BTCUSDT"))["success"]


async def test_frames_that_were_held_back_come_together_and_before_what_answers_later(sandbox):
    async with sandbox.connect() as socket:
        await subscribe(socket, "BTCUSDT")
        await sandbox.fault(ws_stall={"value": 30_000, "times": 1})
        sandbox.clock.advance_to(START + 20_000)
        await socket.send_json({"op": "ping", "req_id": "p"})
        await sandbox.sleeper_until(START + 50_000)
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.05)
        sandbox.clock.advance_to(START + 50_000)
        frames = []
        while "topic" in (frame := await socket.receive_json()):
            frames.append(frame)
    assert frame["req_id"] == "p"
    assert [item["i"] for frame in frames for item in frame["data"]] == [
        trade.trade_id for trade in sandbox.market.trades("BTCUSDT", START, START + 20_000 - 1)
    ]


async def test_a_connection_can_be_cut_while_its_frames_are_held_back(sandbox):
    async with sandbox.connect() as socket:
        await subscribe(socket, "BTCUSDT")
        await sandbox.fault(ws_stall=30_000)
        sandbox.clock.advance_to(START + 20_000)
        await socket.send_json({"op": "ping"})
        await sandbox.sleeper_until(START + 50_000)
        await sandbox.fault(ws_drop=1001)
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_nonsense_and_cut_frames_reach_the_client_and_the_rest_is_whole(sandbox):
    async with sandbox.connect() as socket:
        await subscribe(socket, "BTCUSDT")
        await sandbox.fault(ws_truncate=2, ws_garbage=3)
        sandbox.clock.advance_to(START + 20_000)
        await socket.send_json({"op": "ping"})
        whole, broken = [], 0
        while True:
            message = await socket.receive()
            try:
                body = json.loads(message.data)
            except ValueError:
                broken += 1
                continue
            if isinstance(body, dict) and body.get("ret_msg") == "pong":
                break
            whole.append(body)
    good = [body for body in whole if isinstance(body, dict) and body.get("data")]
    assert sandbox.service.counters.trades == sum(len(body["data"]) for body in good)
    assert broken >= len(good) - 1 > 0
