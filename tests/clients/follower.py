"""A WebSocket of a room: commands and their replies, and what happened there."""

import asyncio
import itertools
import json


class Follower:
    """`async with Follower(server, "room") as desk:` follows a room until the end of the block."""

    def __init__(self, server, room):
        self._server, self._room = server, room
        self._refs = itertools.count(1)
        self._replies = {}
        self._news = asyncio.Event()
        self.events = []  # of the floor: (when it was heard, the event)

    async def __aenter__(self):
        self._socket = await self._server.http.ws_connect(f"/api/rooms/{self._room}/ws", max_msg_size=0)
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await self._socket.close()

    async def _read(self):
        now = asyncio.get_running_loop().time
        async for message in self._socket:
            # Only what is asked for is parsed: meters and states of fifty sockets would be most of the time.
            if message.data.startswith('{"type":"reply"'):
                reply = json.loads(message.data)
                waiting = self._replies.pop(reply.get("ref"), None)
                if waiting and not waiting.done():
                    waiting.set_result((now(), reply))
            elif message.data.startswith('{"type":"patch"') and '"change":"floor"' in message.data:
                for change in json.loads(message.data)["changes"]:
                    self.events += [(now(), event) for event in change.get("events", [])]
                self._news.set()

    async def timed(self, command, **keys):
        """Gives a command. Returns (seconds until its reply was read, reply)."""
        reference = next(self._refs)
        reply = self._replies[reference] = asyncio.get_running_loop().create_future()
        asked = asyncio.get_running_loop().time()
        await self._socket.send_json({"ref": reference, "command": command, **keys})
        async with asyncio.timeout(10):
            at, said = await reply
        return at - asked, said

    async def command(self, command, **keys):
        """Gives a command that must be carried out; its answer, if it is one of the floor."""
        _, reply = await self.timed(command, **keys)
        assert "problem" not in reply, reply
        return reply.get("floor")

    async def floor(self, peer, action, **keys):
        """A `floor` command for a peer's track; the answer's word."""
        return (await self.command("floor", id=peer.id, action=action, **keys))["answer"]

    async def until(self, event, peer, since=0, seconds=10.0):
        """Waits for an event of the floor about a peer after the first `since`; when it was heard."""
        async with asyncio.timeout(seconds):
            while True:
                for at, said in self.events[since:]:
                    if said["event"] == event and said.get("id") == peer.id:
                        return at
                self._news.clear()
                await self._news.wait()


async def metrics(server):
    """The metrics of one moment."""
    async with server.http.get("/metrics") as answer:
        assert answer.status == 200
        return (await answer.text()).splitlines()


def total(page, name, **labels):
    """The sum of a metric over its series that have these labels."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    series = (line.rsplit(" ", 1) for line in page if line.split("{")[0].split(" ")[0] == name)
    return sum(float(value) for key, value in series if all(label in key for label in wanted))


async def counted(server, name, **labels):
    """The total of one metric now."""
    return total(await metrics(server), name, **labels)
