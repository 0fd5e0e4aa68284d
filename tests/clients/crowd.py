"""A crowd of aiortc peers that join a room and then wait to be killed; half of them leave before.
A process of its own, so that the rest vanish as people do: without a word.

    crowd.py URL ROOM NUMBER
"""

import asyncio
import sys
import types

import aiohttp

from peers import Peer
from sound import sine


async def main(url, room, number):
    async with aiohttp.ClientSession(url) as http:
        server = types.SimpleNamespace(http=http)
        voice = sine(1000, -30)
        makers = (
            lambda i: Peer.offer(server, room, voice, name=f"guest {i}"),
            lambda i: Peer.whip(server, room, voice, name=f"encoder {i}"),
            lambda _: Peer.offer(server, room, role="listener"),
            lambda _: Peer.whep(server, room),
        )
        peers = await asyncio.gather(*(makers[i // 2 % len(makers)](i) for i in range(int(number))))
        print("joined", flush=True)
        await asyncio.gather(*(leaver.hang_up() for leaver in peers[::2]))
        print("half have left", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
