"""People come and go, half of them without a word: nothing of them stays."""

import asyncio
import pathlib
import sys

import pytest

from peers import Peer
from server import Server
from sound import sine

CROWD = pathlib.Path(__file__).parent / "crowd.py"
PEOPLE, AT_ONCE = 200, 20


@pytest.mark.limit_s(480)
async def test_who_leaves_or_vanishes_leaves_no_trace():
    async with Server("--room-linger-s", "1", "--stream-timeout-s", "5") as server:
        before = server.resources()
        after = [await come_and_go(server, before), await come_and_go(server, before)]
        # What an allocator keeps depends on how many were there at once, and that on the machine. A leak grows each time.
        while grown_kb(after) >= 5_000 and len(after) < 4:
            after.append(await come_and_go(server, before))
    print(f"before {before}, after each {PEOPLE} {after}")
    assert grown_kb(after) < 5_000, (before, after)


def grown_kb(after):
    """How much the resident memory grew in the last of several times."""
    return after[-1]["rss_kb"] - after[-2]["rss_kb"]


async def come_and_go(server, before):
    """200 join, 100 leave by DELETE and 100 by the death of their process. Returns what the server
    holds when they are gone, which is no more threads, files and sockets than `before`."""
    for batch in range(PEOPLE // AT_ONCE):
        crowd = await asyncio.create_subprocess_exec(
            sys.executable, str(CROWD), server.url, f"crowd{batch % 3}", str(AT_ONCE), stdout=asyncio.subprocess.PIPE
        )
        try:
            for line in (b"joined\n", b"half have left\n"):
                assert await asyncio.wait_for(crowd.stdout.readline(), 90) == line
        finally:
            crowd.kill()
            await crowd.wait()
    assert (await server.get("/api/health"))["peers"] >= AT_ONCE // 2, "those who vanish are not noticed at once"

    async def all_gone():
        health = await server.get("/api/health")
        return health["peers"] == 0 and health["rooms"] == 0

    await server.until("every peer and every room is gone", all_gone, seconds=40)
    assert await server.get("/api/rooms") == []
    await server.close_connections()

    async def as_before():
        now = server.resources()
        return now["threads"] <= before["threads"] and now["files"] <= before["files"]

    # Threads that were lent to the joins end after ten idle seconds.
    await server.until(f"no more threads and files than {before}, at first {server.resources()}", as_before)
    return server.resources()


async def test_who_closes_its_connection_without_a_word_to_http_is_gone_at_once():
    async with Server() as server:
        for join in (Peer.offer, Peer.whip):
            peer = await join(server, "goodbye", sine(1000, -30), name="Ann")
            assert [track["name"] for track in (await server.get("/api/rooms/goodbye"))["tracks"]] == ["Ann"]
            # aiortc says goodbye by DTLS (close_notify); the time-out of ICE is 8 s.
            await peer.close()

            async def is_gone():
                return (await server.get("/api/rooms/goodbye"))["tracks"] == []

            await server.until("the track is gone", is_gone, seconds=4)
