"""WHEP, WHIP and /api/offer in front of Janus, as mixminus has them: so the same client measures both. Only joining and leaving
go through it; sound goes to Janus itself."""

import asyncio
import base64
import secrets
import uuid

from aiohttp import web


class Front:
    """Serves on a free port of an address until left."""

    def __init__(self, janus, address):
        self._janus, self._address = janus, address
        self._peers = {}
        # Two who join a new room at once must not both make it.
        self._making = asyncio.Lock()

    async def __aenter__(self):
        app = web.Application()
        app.add_routes(
            [
                web.post("/whep/{room}", self._sdp),
                web.post("/whip/{room}", self._sdp),
                web.post("/api/offer", self._offer),
                web.put("/api/rooms/{room}", self._make),
                web.delete("/peers/{id}", self._leave),
            ]
        )
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._address, 0).start()
        self.url = f"http://{self._address}:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()

    async def _admit(self, sdp, room, talks):
        async with self._making:
            await self._janus.make(room)
        answer, leave = await self._janus.admit(sdp, room, talks)
        peer = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        self._peers[peer] = leave
        return answer, peer

    async def _sdp(self, request):
        talks = request.path.startswith("/whip/")
        answer, peer = await self._admit(await request.text(), request.match_info["room"], talks)
        return web.Response(status=201, text=answer, content_type="application/sdp", headers={"Location": f"/peers/{peer}"})

    async def _offer(self, request):
        asked = await request.json()
        answer, peer = await self._admit(asked["offer"]["sdp"], asked["room"], True)
        said = {"answer": {"type": "answer", "sdp": answer}, "clientId": str(uuid.uuid4()), "room": asked["room"], "trackId": peer}
        return web.json_response(said, status=201, headers={"Location": f"/peers/{peer}"})

    async def _make(self, request):
        await self._janus.make(request.match_info["room"])
        return web.Response(status=204)

    async def _leave(self, request):
        await self._peers.pop(request.match_info["id"])()
        return web.Response(status=204)
