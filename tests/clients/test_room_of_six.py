"""Six people, a tone each: who hears what, how loud, in which ear."""

import asyncio

import numpy as np
import pytest

from peers import Peer, close_all
from server import Server
from sound import sine, strip_db, tone_in_ears

# What each sends (hertz, left and right dBFS; None is one channel) and its strip (gain_db, pan). The
# tones lie in bands of their own of the Opus encoder, below those that it codes for both ears at once.
TALKERS = {
    "mono in the middle": (500, (-20,), 0, 0),
    "mono half left and up": (750, (-20,), 4.5, -0.5),
    "mono hard right and down": (1100, (-20,), -9, 1),
    "stereo balanced right": (1500, (-20, -26), 3, 0.4),
    "stereo, one side only": (2100, (-18, -120), -3, -0.25),
    "through WHIP, half right": (2900, (-22,), 6, 0.6),
}
MASTER_DB = -2.5


def expected(talker):
    """(left, right) dBFS of a talker's tone in everybody else's ears."""
    _, levels, gain, pan = talker
    return tuple(level + strip + MASTER_DB for level, strip in zip((levels * 2)[:2], strip_db(gain, pan)))


@pytest.mark.limit_s(90)
async def test_everybody_hears_every_other_at_the_level_of_its_strip_and_never_himself():
    async with Server() as server:
        talking, hearing = {}, {}
        for name, (hz, levels, _, _) in TALKERS.items():
            channels = [sine(hz, level) for level in levels]
            signal = channels[0] if len(channels) == 1 else np.stack(channels, axis=1)
            if "WHIP" in name:
                talking[name] = await Peer.whip(server, "six", signal, name=name)
                hearing[name] = await Peer.whep(server, "six")
            else:
                talking[name] = hearing[name] = await Peer.offer(server, "six", signal, name=name)
        for name, (_, _, gain, pan) in TALKERS.items():
            await server.patch(f"/api/rooms/six/tracks/{talking[name].id}", gain_db=gain, pan=pan)
        await server.patch("/api/rooms/six", master_gain_db=MASTER_DB)

        everybody = await asyncio.gather(*(peer.ear.hear(3.0, skip_s=2.0) for peer in hearing.values()))
        wrong = []
        for hearer, heard in zip(hearing, everybody):
            for name, talker in TALKERS.items():
                levels = tone_in_ears(heard, talker[0])
                if name == hearer and "WHIP" not in name:
                    if max(levels) > -60:
                        wrong.append(f"{hearer} hears himself at {levels}")
                    continue
                for ear, level, want in zip(("left", "right"), levels, expected(talker)):
                    right = level < -60 if want < -60 else abs(level - want) <= 0.5
                    if not right:
                        wrong.append(f"{hearer} hears {name} {ear} at {level:.2f} dBFS, not {want:.2f}")
        late = max(peer.player.latest_s for peer in talking.values())
        assert not wrong, "\n".join([*wrong, f"(our own packets were up to {1000 * late:.0f} ms late)"])
        await close_all(*talking.values(), hearing["through WHIP, half right"])


async def test_packets_of_every_length_are_heard_at_their_level():
    async with Server() as server:
        listener = await Peer.whep(server, "lengths")
        for hz, packet_ms in ((600, 40), (950, 60), (1300, 120)):
            talker = await Peer.whip(server, "lengths", sine(hz, -20, seconds=3), packet_ms=packet_ms)
            heard = await listener.ear.hear(1.5, skip_s=1.0)
            assert tone_in_ears(heard, hz) == pytest.approx((-20, -20), abs=0.5), f"{packet_ms} ms"
            await talker.hang_up()
        await listener.close()


async def test_mute_gain_and_master_are_heard_and_undone():
    async with Server() as server:
        talker = await Peer.offer(server, "desk", sine(1000, -20), name="tone")
        listener = await Peer.whep(server, "desk")
        strip = f"/api/rooms/desk/tracks/{talker.id}"
        for change, want in (
            ({}, -20),
            ({"muted": True}, None),
            ({"muted": False, "gain_db": -60}, None),
            ({"gain_db": 6}, -14),
        ):
            await server.patch(strip, **change)
            # A muted room sends nothing: then silence is that the tone does not come.
            if want is None:
                await until_quiet(listener.ear)
            else:
                heard = await listener.ear.hear(1.5, skip_s=0.7)
                assert tone_in_ears(heard, 1000) == pytest.approx((want, want), abs=0.5), change
        await close_all(talker, listener)


async def until_quiet(ear, quiet_s=0.6, patience_s=10.0):
    """Returns when no sample above −60 dBFS has come for a while."""
    loop = asyncio.get_running_loop()
    end, last_loud, seen = loop.time() + patience_s, loop.time(), ear.samples
    while loop.time() - last_loud < quiet_s:
        assert loop.time() < end, "it is still heard"
        await asyncio.sleep(0.05)
        new = ear.everything()[seen:]
        seen += len(new)
        if len(new) and np.max(np.abs(new)) > 1e-3:
            last_loud = loop.time()
