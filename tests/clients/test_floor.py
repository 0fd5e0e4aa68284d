"""Floor control as people meet it: how fast, who is heard, and no clipped syllable."""

import asyncio
import contextlib
import pathlib
import random
import sys
import types

import numpy as np
import pytest

from follower import Follower, counted
from peers import Peer, Player, close_all
from server import Server
from sound import RATE, best_match, sine, speech_like, tone_in_ears
from test_room_of_six import until_quiet

CROWD = pathlib.Path(__file__).parent / "crowd.py"
PEOPLE, AT_ONCE, PRESSES = 50, 10, 300
WAIT_S, WORDS = 0.25, 5


def level_db(signal):
    return 20 * np.log10(np.sqrt(np.mean(np.square(signal))) + 1e-12)


@pytest.mark.limit_s(240)
async def test_fifty_people_get_the_floor_within_50_ms_and_the_histogram_says_the_same():
    async with Server() as server, contextlib.AsyncExitStack() as sockets:
        await server.put("/api/rooms/site", mode="floor")
        people = []
        for _ in range(PEOPLE // AT_ONCE):
            people += await asyncio.gather(*(Peer.offer(server, "site") for _ in range(AT_ONCE)))
        phones = [await sockets.enter_async_context(Follower(server, "site")) for _ in people]
        assert len((await server.get("/api/rooms/site"))["tracks"]) == PEOPLE

        dice, took_ms = random.Random(3), []
        for _ in range(PRESSES):
            who = dice.randrange(PEOPLE)
            took, reply = await phones[who].timed("floor", id=people[who].id, action="request")
            assert reply["floor"]["answer"] == "granted", reply
            took_ms.append(1000 * took)
            await phones[who].command("report", id=people[who].id, access_ms=int(np.ceil(1000 * took)))
            assert await phones[who].floor(people[who], "release") == "released"

        p50, p95, worst = np.percentile(took_ms, 50), np.percentile(took_ms, 95), max(took_ms)
        said = f"key to permission, {PEOPLE} people: p50 {p50:.1f} ms, p95 {p95:.1f} ms, longest {worst:.1f} ms"
        print(said)
        # The goal is a p95 of 50 ms. What the machine itself stalls is in the p95, and not in the median.
        assert p50 < 25 and p95 < 150, said

        access = (await server.get("/api/rooms/site"))["floor"]["access"]
        edges = [0, *access["bounds_ms"], 10**9]
        ours = [sum(low < np.ceil(ms) <= high for ms in took_ms) for low, high in zip(edges, edges[1:])]
        assert access["counts"] == ours, "the room's histogram is what was measured"
        metric = "mixminus_floor_access_seconds_bucket"
        within, all_of_them = await counted(server, metric, le="0.05"), await counted(server, metric, le="+Inf")
        assert all_of_them == PRESSES
        assert within == sum(ours[: 1 + access["bounds_ms"].index(50)])
        await close_all(*people)


async def test_who_has_no_floor_is_not_heard_and_costs_no_decode():
    async with Server() as server:
        await server.put("/api/rooms/gate", mode="floor")
        listener = await Peer.whep(server, "gate")
        talker = await Peer.offer(server, "gate", sine(1000, -20), name="Ann")

        async def is_silent_and_free_during(packets=50):
            decoded, came = [await counted(server, name) for name in COUNTERS]

            async def enough():
                return await counted(server, COUNTERS[1]) > came + packets

            heard = listener.ear.samples
            await server.until("a second of packets reached the server", enough)
            assert await counted(server, COUNTERS[0]) == decoded, "a packet without the floor was decoded"
            new = listener.ear.everything()[heard:]
            assert len(new) == 0 or np.max(np.abs(new)) < 1e-3

        async with Follower(server, "gate") as desk:
            await is_silent_and_free_during()
            assert await desk.floor(talker, "request") == "granted"
            heard = await listener.ear.hear(1.5, skip_s=0.3)
            assert tone_in_ears(heard, 1000) == pytest.approx((-20, -20), abs=0.5)

            assert await desk.floor(talker, "revoke") == "released"
            at_revoke = listener.ear.samples
            await until_quiet(listener.ear)
            loud = np.nonzero(np.abs(listener.ear.everything()[:, 0]) > 1e-3)[0]
            after_s = (loud[-1] - at_revoke) / RATE
            print(f"revoked by the desk: heard for {1000 * after_s:.0f} ms more")
            # What is on the way, the 80 ms that aiortc's jitter buffer holds, and a stall of the machine.
            assert after_s < 0.6
            await is_silent_and_free_during()
            assert [event["event"] for _, event in desk.events if event.get("id") == talker.id] == ["granted", "revoked"]
            reason = next(event["reason"] for _, event in desk.events if event["event"] == "revoked")
            assert "desk" in reason
        await close_all(talker, listener)


COUNTERS = ("mixminus_frames_decoded_total", "mixminus_datagrams_received_total")


async def test_when_the_holder_closes_its_connection_the_next_has_the_floor_at_once():
    async with Server() as server:
        await server.put("/api/rooms/gone", mode="floor")
        first, next_ = [await Peer.offer(server, "gone", sine(hz, -20)) for hz in (700, 1300)]
        listener = await Peer.whep(server, "gone")
        async with Follower(server, "gone") as desk:
            assert await desk.floor(first, "request") == "granted"
            assert await desk.floor(next_, "request") == "queued"
            # The next may have it before the close has returned.
            before, closed = len(desk.events), asyncio.get_running_loop().time()
            await first.close()
            took = await desk.until("granted", next_, since=before) - closed
            print(f"the next had the floor {1000 * took:.0f} ms after the holder closed")
            # The time without media after which it would have it anyhow is four seconds.
            assert took < 2
            heard = await listener.ear.hear(1.5, skip_s=0.5)
            assert tone_in_ears(heard, 1300) == pytest.approx((-20, -20), abs=0.5)
            assert max(tone_in_ears(heard, 700)) < -60
        await close_all(next_, listener)


async def test_when_the_holder_dies_without_a_word_the_next_has_the_floor_within_the_time_of_silence():
    async with Server() as server:
        await server.put("/api/rooms/gone", mode="floor")
        # Of two the first leaves by itself; the second talks until its process is killed.
        crowd = await asyncio.create_subprocess_exec(
            sys.executable, str(CROWD), server.url, "gone", "2", stdout=asyncio.subprocess.PIPE
        )
        try:
            for line in (b"joined\n", b"half have left\n"):
                assert await asyncio.wait_for(crowd.stdout.readline(), 30) == line
            waits = await Peer.offer(server, "gone", sine(1300, -20), name="Ben")
            tracks = (await server.get("/api/rooms/gone"))["tracks"]
            holder = types.SimpleNamespace(id=next(track["id"] for track in tracks if track["name"] != "Ben"))
            async with Follower(server, "gone") as desk:
                assert await desk.floor(holder, "request") == "granted"
                assert await desk.floor(waits, "request") == "queued"
                crowd.kill()
                killed = asyncio.get_running_loop().time()
                took = await desk.until("granted", waits, since=2) - killed
                print(f"the next had the floor {took:.2f} s after the holder died")
                # T1 of 3GPP TS 24.380: four seconds without media. ICE would need eight.
                assert took < 6
        finally:
            if crowd.returncode is None:
                crowd.kill()
            await crowd.wait()
        await close_all(waits)


class Phone(Player):
    """Sends nothing until its key goes down, and then a signal once, from its first sample on."""

    def __init__(self, signal):
        super().__init__(signal, loop=False)
        self._key = asyncio.Event()
        self._said = asyncio.Event()
        # The encoder looks ahead by 6.5 ms: what is said last comes with one packet more.
        self._words = len(signal) // self._size + 1

    def press(self):
        self._key.set()

    async def has_said_all(self):
        """Waits until the last packet with sound went out."""
        await self._said.wait()

    async def recv(self):
        await self._key.wait()
        if self._sent == self._words:
            self._said.set()
            await asyncio.Event().wait()  # the microphone is off
        return await super().recv()


async def phone(server, room, signal):
    """A peer with a key."""
    self = Peer(server)
    self.send(Phone(signal), "sendonly")
    await self.post_sdp(f"/whip/{room}")
    return self


def find(heard, said, at_s, length_s, near=None):
    """Where a part of what was said is in what was heard (samples), how alike (0 to 1) and how much louder (dB)."""
    at = int(at_s * RATE)
    part = said[at : at + int(length_s * RATE)]
    first = 0 if near is None else max(0, near - RATE // 100)
    last = len(heard) if near is None else near + len(part) + RATE // 100
    place, likeness = best_match(heard[first:last], part)
    found = heard[first + place : first + place + len(part)]
    return first + place, likeness, level_db(found) - level_db(part)


@pytest.mark.limit_s(150)
async def test_a_word_is_heard_whole_from_its_first_20_ms_to_its_last_though_permission_took_250_ms():
    async with Server() as server:
        # Under another master than 0 dB nobody is forwarded: before that the mixer would move him by a few samples, which no ear
        # hears and this measure does.
        await server.put("/api/rooms/words", mode="floor", master_gain_db=-0.5)
        other = await Peer.offer(server, "words", sine(5000, -40), name="before")
        listener = await Peer.whep(server, "words")
        async with Follower(server, "words") as desk:
            words = [await speak_a_word(server, desk, other, listener, seed=5 + n) for n in range(WORDS)]
        await close_all(other, listener)

    # A stall of the machine in the middle of a word hurts that one; of several the median is whole.
    word = {key: float(np.median([each[key] for each in words])) for key in words[0]}
    print({key: round(value, 2) for key, value in word.items()})
    assert WAIT_S <= word["waited_s"] < WAIT_S + 0.1, words
    for part, alike, louder_db in (("begin", 0.8, 2), ("first", 0.8, 3), ("end", 0.8, 2), ("last", 0.8, 3)):
        assert word[f"{part} alike"] > alike and word[f"{part} off_db"] < louder_db, (part, words)
    assert word["caught_up_ms"] > 150, f"it was held, and caught up: {words}"
    assert abs(word["caught_up_ms"] - word["caught_up_after_2_s_ms"]) < 30, f"not back to normal within 2 s: {words}"


async def speak_a_word(server, desk, other, listener, seed):
    """A word is said while somebody else still has the floor: how well its parts were heard, in figures."""
    said = speech_like(3.5, dbfs=-20, seed=seed)
    talker = await phone(server, "words", said)
    assert await desk.floor(other, "request") == "granted"
    await listener.ear.hear(0.3, skip_s=0.2)
    clock = asyncio.get_running_loop().time
    pressed, events, heard_before = clock(), len(desk.events), listener.ear.samples
    talker.player.press()
    assert await desk.floor(talker, "request") == "queued"
    await asyncio.sleep(WAIT_S - (clock() - pressed))  # for so long the other one still has the floor
    assert await desk.floor(other, "release") == "released"
    waited_s = await desk.until("granted", talker, since=events) - pressed
    await talker.player.has_said_all()
    assert await desk.floor(talker, "release") == "released"
    await until_quiet(listener.ear)
    heard = listener.ear.everything()[heard_before:, 0]
    figures = {"waited_s": waited_s, "late_ms": 1000 * talker.player.latest_s}
    await talker.hang_up()

    seconds = len(said) / RATE
    begin, alike, louder = find(heard, said, 0, 0.1)
    figures |= {"begin alike": alike, "begin off_db": abs(louder)}
    _, alike, louder = find(heard, said, 0, 0.02, near=begin)
    figures |= {"first alike": alike, "first off_db": abs(louder)}
    end, alike, louder = find(heard, said, seconds - 0.1, 0.1)
    figures |= {"end alike": alike, "end off_db": abs(louder)}
    _, alike, louder = find(heard, said, seconds - 0.02, 0.02, near=end + int(0.08 * RATE))
    figures |= {"last alike": alike, "last off_db": abs(louder)}
    for what, at_s in (("caught_up_after_2_s_ms", 2.0), ("caught_up_ms", seconds - 0.5)):
        place, _, _ = find(heard, said, at_s, 0.1)
        figures[what] = 1000 * (at_s - (place - begin) / RATE)
    return figures
