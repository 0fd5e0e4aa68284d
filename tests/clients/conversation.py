"""Two aiortc peers that talk in a room until standard input ends; then one line of JSON says how
well each heard the other. A process of its own: what its parent does delays none of its packets.

    conversation.py URL ROOM
"""

import asyncio
import json
import sys
import types

import aiohttp

from peers import Peer, close_all
from sound import sine, tone_over_time

TONES = {"Ada": 700, "Ben": 1300}
LEVEL_DBFS = -20


async def main(url, room):
    async with aiohttp.ClientSession(url) as http:
        server = types.SimpleNamespace(http=http)
        peers = {
            name: await Peer.offer(server, room, sine(hz, LEVEL_DBFS), name=name) for name, hz in TONES.items()
        }
        await asyncio.gather(*(peer.ear.hear(1.0) for peer in peers.values()))
        start = {name: peer.ear.samples for name, peer in peers.items()}
        print("talking", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        report = {}
        for name, peer in peers.items():
            other = next(hz for who, hz in TONES.items() if who != name)
            heard = peer.ear.everything()[start[name] :]
            report[name] = {
                "windows_dbfs": [round(level, 1) for level in tone_over_time(heard[:, 0], other)],
                "latest_packet_ms": round(1000 * peer.player.latest_s),
                "ended": peer.ear.has_ended,
            }
        print(json.dumps(report), flush=True)
        await close_all(*peers.values())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
