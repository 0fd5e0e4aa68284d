"""What one listener hears otherwise than the desk says, and what it costs."""

import asyncio

import numpy as np
import pytest

from follower import metrics, total
from peers import Peer, close_all
from server import Server
from sound import sine, strip_db, tone_in_ears

SAME = 20


async def wish(server, room, listener, **keys):
    await server.patch(f"/api/rooms/{room}/peers/{listener.id}/mix", **keys)


async def test_x_is_turned_down_for_a_alone_whether_a_talks_or_only_listens():
    async with Server() as server:
        x = await Peer.offer(server, "mix", sine(1000, -20), name="X")
        y = await Peer.offer(server, "mix", sine(1600, -26), name="Y")
        a_talks = await Peer.offer(server, "mix", sine(2500, -30), name="A")
        a, b = await Peer.whep(server, "mix"), await Peer.whep(server, "mix")
        for listener in (a, a_talks):
            await wish(server, "mix", listener, tracks={x.id: {"gain_db": -12}})
        hears = await asyncio.gather(*(peer.ear.hear(1.5, skip_s=0.8) for peer in (a, a_talks, b, y)))
        for who, heard, want in zip(("A", "A who talks", "B", "Y"), hears, (-32, -32, -20, -20)):
            assert tone_in_ears(heard, 1000) == pytest.approx((want, want), abs=1), who
            if who != "Y":
                assert tone_in_ears(heard, 1600) == pytest.approx((-26, -26), abs=1), who
        assert max(tone_in_ears(hears[1], 2500)) < -60, "nobody hears himself, in no mix"

        # On top of the desk's gain; and undone it is as at the desk.
        await server.patch(f"/api/rooms/mix/tracks/{x.id}", gain_db=6)
        heard = await a.ear.hear(1.5, skip_s=0.8)
        assert tone_in_ears(heard, 1000) == pytest.approx((-26, -26), abs=1)
        await wish(server, "mix", a, tracks={x.id: None})
        heard = await a.ear.hear(1.5, skip_s=0.8)
        assert tone_in_ears(heard, 1000) == pytest.approx((-14, -14), abs=1)
        assert await server.get(f"/api/rooms/mix/peers/{a.id}/mix") == {"volume_db": 0, "tracks": {}}
        await close_all(x, y, a_talks, a, b)


async def test_pan_volume_mute_and_solo_are_one_listeners_own():
    async with Server() as server:
        x = await Peer.whip(server, "own", sine(1000, -20), name="X")
        y = await Peer.whip(server, "own", sine(1600, -20), name="Y")
        a, b = await Peer.whep(server, "own"), await Peer.whep(server, "own")
        nothing = (-127, -127)
        for keys, want_x, want_y in (
            ({"tracks": {x.id: {"pan": -0.5}}}, [-20 + db for db in strip_db(0, -0.5)], (-20, -20)),
            ({"tracks": {x.id: None}, "volume_db": -9}, (-29, -29), (-29, -29)),
            ({"volume_db": 0, "tracks": {y.id: {"muted": True}}}, (-20, -20), nothing),
            ({"tracks": {y.id: {"muted": False, "solo": True}}}, nothing, (-20, -20)),
        ):
            await wish(server, "own", a, **keys)
            by_a, by_b = await asyncio.gather(*(peer.ear.hear(1.5, skip_s=0.8) for peer in (a, b)))
            for hz, want in ((1000, want_x), (1600, want_y)):
                levels = tone_in_ears(by_a, hz)
                if want is nothing:
                    assert max(levels) < -60, (keys, hz)
                else:
                    assert levels == pytest.approx(tuple(want), abs=1), (keys, hz)
                assert tone_in_ears(by_b, hz) == pytest.approx((-20, -20), abs=1), "B is asked nothing"
        await close_all(x, y, a, b)


async def next_counts(server):
    """What was encoded and how often it was mixed so far, when the server, which counts packets up once a second, has
    just done so."""
    counts = []

    async def is_new():
        page = await metrics(server)
        counts.append([total(page, name) for name in ("mixminus_frames_encoded_total", "mixminus_tick_duration_seconds_count")])
        return counts[-1][0] != counts[0][0]

    await server.until("the counters move", is_new, seconds=10)
    return counts[-1]


async def mixes(server):
    """How many mixes the server encodes in each tick, over some seconds."""
    before = await next_counts(server)
    for _ in range(3):
        after = await next_counts(server)
    assert after[1] - before[1] > 80, (before, after)
    return (after[0] - before[0]) / (after[1] - before[1])


@pytest.mark.limit_s(90)
async def test_twenty_listeners_with_the_same_wish_cost_one_encode():
    async with Server("--workers", "1") as server:
        x = await Peer.whip(server, "cost", sine(1000, -20), name="X")
        # At 0 dB the only one who talks is forwarded, and nothing is mixed at all.
        await server.patch(f"/api/rooms/cost/tracks/{x.id}", gain_db=-0.5)
        plain = await Peer.whep(server, "cost")
        same = []
        for _ in range(4):
            same += await asyncio.gather(*(Peer.whep(server, "cost") for _ in range(SAME // 4)))
        await asyncio.gather(*(peer.ear.hear(0.2) for peer in same))
        without = await mixes(server)
        assert without == pytest.approx(1, abs=0.25), "21 listeners, one mix"

        for listener in same:
            await wish(server, "cost", listener, tracks={x.id: {"gain_db": -6}})
        await asyncio.gather(*(peer.ear.hear(1.5) for peer in same))
        shared = await mixes(server)
        print(f"mixes encoded: {without:.2f} without a wish, {shared:.2f} with one wish of {SAME}")
        assert shared == pytest.approx(2, abs=0.25), "one more for the wish of twenty"
        heard = await asyncio.gather(*(peer.ear.hear(1.5) for peer in same))
        levels = [tone_in_ears(each, 1000) for each in heard]
        assert np.median(levels, axis=0) == pytest.approx((-26, -26), abs=1), levels
        assert sum(max(each) < -25 for each in levels) >= 0.9 * SAME, f"nobody hears it as loud as others: {levels}"
        assert tone_in_ears(await plain.ear.hear(1.5), 1000) == pytest.approx((-20, -20), abs=1)

        await wish(server, "cost", same[0], tracks={x.id: {"gain_db": -9}})
        await plain.ear.hear(0.5)  # in which the new mix begins
        another = await mixes(server)
        assert another == pytest.approx(3, abs=0.25), "another wish is another mix"
        await close_all(x, plain, *same)
