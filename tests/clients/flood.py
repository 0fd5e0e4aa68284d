"""Abuses a room's WebSocket until standard input ends, in a process of its own; then one line of JSON says
what was sent and how often the server closed.

    flood.py URL ROOM deaf|nonsense|commands TRACK_ID
"""

import asyncio
import itertools
import json
import random
import sys

import aiohttp

PER_SECOND = 10_000


def nonsense():
    dice = random.Random(4)
    while True:
        yield dice.choice(("", "hello", "[" * 5000, "{" * 50, '{"command":7}', "\0" * 300, dice.randbytes(200).hex(), "9" * 9000))


def commands(track):
    """Whatever changes something, tells others, or costs work."""
    number = itertools.count()
    while True:
        at = next(number)
        yield json.dumps({"ref": at, "command": "floor", "id": track, "action": "request"})
        yield json.dumps({"command": "floor", "id": track, "action": "release"})
        yield json.dumps({"command": "set_mix", "id": track, "volume_db": -(at % 60)})
        yield json.dumps({"command": "alert", "from": track})
        yield json.dumps({"command": "report", "id": track, "access_ms": at % 2000, "rtt_ms": at % 1000})
        yield json.dumps({"command": "signal", "from": track, "to": track, "data": "x" * 12_000})
        yield json.dumps({"command": "set_track", "id": track, "pan": (at % 200) / 100 - 1, "name": f"flood {at}"})
        yield json.dumps({"command": "floor", "id": "nobody", "action": "grant"})


async def main(url, room, kind, track):
    sent = closed = 0
    loop = asyncio.get_running_loop()
    over = loop.run_in_executor(None, sys.stdin.read)
    lines = nonsense() if kind == "nonsense" else commands(track)
    print("at it", flush=True)
    async with aiohttp.ClientSession(url) as http:
        while not over.done():
            # A deaf one never reads: what it asks for piles up where the server has to get rid of it.
            options = {"autoping": False, "max_msg_size": 0}
            async with http.ws_connect(f"/api/rooms/{room}/ws", **options) as socket:
                reader = None if kind == "deaf" else asyncio.create_task(read_all(socket))
                start, here = loop.time(), 0
                try:
                    while not over.done() and not socket.closed and (reader is None or not reader.done()):
                        # As many as are due by now, in one go.
                        due = int((loop.time() - start) * PER_SECOND) - here
                        for line in itertools.islice(lines, min(max(due, 0), 500)):
                            await asyncio.wait_for(socket.send_str(line), 2)
                            here += 1
                        await asyncio.sleep(0.005)
                except (OSError, TimeoutError):
                    pass
                sent += here
                closed += not over.done()
                if reader:
                    reader.cancel()
                if kind == "deaf" and (connection := socket._response.connection) and connection.transport:
                    connection.transport.abort()  # it does not read the goodbye either
    print(json.dumps({"sent": sent, "closed": closed}), flush=True)


async def read_all(socket):
    async for _ in socket:
        pass


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
