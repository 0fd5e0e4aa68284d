"""WebRTC peers made by aiortc, a stack that nobody here wrote. The HTTP is done by hand, as a
program of a third party would."""

import asyncio
import fractions
import json

import aioice.ice
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, CodecContext, Packet

from sound import RATE

# aioice leaves loopback out of its candidates; these tests send nowhere else.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class Player(MediaStreamTrack):
    """Sends a signal at the pace of the clock, over and over, or once and then silence: an array of
    shape (samples,) as mono Opus, of (samples, 2) as stereo. It is encoded beforehand, by ffmpeg's
    libopus, so that a machine with little time does not make it late; aiortc does the rest."""

    kind = "audio"

    def __init__(self, signal, loop=True, packet_ms=20):
        super().__init__()
        self._size = RATE * packet_ms // 1000
        self._loop = loop
        self._packets = encode(signal, loop, self._size)
        self._sent = 0
        self._start = None
        self.latest_s = 0.0  # how late its latest packet went out, because this process had no time

    async def recv(self):
        if self.readyState != "live":
            raise MediaStreamError
        now = asyncio.get_running_loop().time()
        self._start = now if self._start is None else self._start
        late = now - self._start - self._sent * self._size / RATE
        self.latest_s = max(self.latest_s, late)
        await asyncio.sleep(max(0.0, -late))
        which = self._sent % len(self._packets) if self._loop else min(self._sent, len(self._packets) - 1)
        packet = Packet(self._packets[which])
        packet.pts, packet.time_base = self._sent * self._size, fractions.Fraction(1, RATE)
        self._sent += 1
        return packet


def encode(signal, loop, size):
    """Opus packets of `size` samples. A loop is encoded twice and the second pass kept, so that its end
    goes on into its start; what is played once ends in half a second of silence."""
    layout = "mono" if signal.ndim == 1 else "stereo"
    encoder = CodecContext.create("libopus", "w")
    # 120 ms of it fit into a datagram.
    encoder.bit_rate = 64_000 if signal.ndim == 1 else 96_000
    encoder.format, encoder.layout, encoder.sample_rate = "s16", layout, RATE
    encoder.time_base = fractions.Fraction(1, RATE)
    encoder.options = {"application": "audio", "frame_duration": str(1000 * size // RATE)}
    silence = np.zeros((-len(signal) % size + RATE // 2 // size * size, *signal.shape[1:]))
    played = np.concatenate([signal, signal] if loop else [signal, silence])
    assert len(played) % size == 0, "a loop is a whole number of packets"
    pcm = np.round(played * 32768).clip(-32768, 32767).astype(np.int16)
    packets = []
    for at in range(0, len(pcm), size):
        frame = AudioFrame.from_ndarray(pcm[at : at + size].reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = RATE, at, fractions.Fraction(1, RATE)
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets[-len(signal) // size :] if loop else packets


class Ear:
    """Collects what a peer hears, decoded."""

    def __init__(self, track):
        self._parts = []
        self._samples = 0
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._collect(track))

    async def _collect(self, track):
        try:
            while True:
                frame = await track.recv()
                self._parts.append(frame.to_ndarray().reshape(-1, 2).astype(np.float32) / 32768)
                self._samples += frame.samples
                self._more.set()
        except MediaStreamError:
            self._more.set()

    @property
    def has_ended(self):
        return self._task.done()

    @property
    def samples(self):
        """How many samples have been heard so far."""
        return self._samples

    def everything(self):
        """All that was heard so far, shape (samples, 2)."""
        return np.concatenate(self._parts) if self._parts else np.zeros((0, 2), np.float32)

    async def hear(self, seconds, skip_s=0.0, patience_s=10.0):
        """The next `seconds` of sound, after `skip_s` of it."""
        start = self._samples + int(skip_s * RATE)
        end = start + int(seconds * RATE)
        try:
            async with asyncio.timeout(seconds + skip_s + patience_s):
                while self._samples < end:
                    assert not self.has_ended, "the sound ended"
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            missing = (end - self._samples) / RATE
            raise AssertionError(f"{missing:.2f} s of {seconds + skip_s} s of sound never came") from None
        return self.everything()[start:end]


class Peer:
    """One peer connection in a room; made by `whip`, `whep` or `offer`."""

    def __init__(self, server):
        self._server = server
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connected = asyncio.Event()
        self.ear = None
        self.player = None

        @self.connection.on("connectionstatechange")
        def _changed():
            if self.connection.connectionState in ("connected", "failed", "closed"):
                self._connected.set()

    @classmethod
    async def whip(cls, server, room, signal, loop=True, packet_ms=20, **query):
        """Publishes by WHIP (RFC 9725)."""
        self = cls(server)
        self.send(Player(signal, loop, packet_ms), "sendonly")
        await self.post_sdp(f"/whip/{room}", query)
        return self

    @classmethod
    async def whep(cls, server, room):
        """Listens by WHEP."""
        self = cls(server)
        self.connection.addTransceiver("audio", direction="recvonly")
        await self.post_sdp(f"/whep/{room}")
        return self

    @classmethod
    async def offer(cls, server, room, signal=None, loop=True, **keys):
        """Talks and listens on one section by `POST /api/offer`."""
        self = cls(server)
        self.send("audio" if signal is None else Player(signal, loop), "sendrecv")
        sdp = await self.local_offer()
        body = {"offer": {"type": "offer", "sdp": sdp}, "room": room, **keys}
        async with server.http.post("/api/offer", json=body) as answer:
            text = await answer.text()
            assert answer.status == 201, f"POST /api/offer: {answer.status} {text}"
            self.answer = json.loads(text)
            self._note(answer.headers)
        await self._accept(self.answer["answer"]["sdp"])
        return self

    def send(self, player, direction="sendonly"):
        """Adds the one section of the offer, which sends what the player plays."""
        self.player = player
        self.connection.addTransceiver(player, direction=direction)

    async def local_offer(self):
        """Makes the offer and gathers its candidates."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def hang_up(self):
        """The polite end: DELETE, then close."""
        async with self._server.http.delete(self.location) as answer:
            assert answer.status in (200, 204), f"DELETE {self.location}: {answer.status}"
        await self.close()

    async def close(self):
        """Closes this side without a DELETE."""
        await self.connection.close()

    async def post_sdp(self, path, query=None):
        """Makes the offer, posts it to a WHIP or WHEP endpoint and connects."""
        offer = await self.local_offer()
        async with self._server.http.post(
            path, params=query, data=offer, headers={"Content-Type": "application/sdp"}
        ) as answer:
            text = await answer.text()
            assert answer.status == 201, f"POST {path}: {answer.status} {text}"
            assert answer.content_type == "application/sdp", answer.headers
            self._note(answer.headers)
        await self._accept(text)

    def _note(self, headers):
        self.headers = headers
        self.location = headers["Location"]
        self.id = self.location.rsplit("/", 1)[1]

    async def _accept(self, sdp):
        self.answer_sdp = sdp
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        transceiver = self.connection.getTransceivers()[0]
        if transceiver.currentDirection in ("recvonly", "sendrecv"):
            self.ear = Ear(transceiver.receiver.track)
        async with asyncio.timeout(30):
            await self._connected.wait()
        assert self.connection.connectionState == "connected", self.connection.connectionState


async def close_all(*peers):
    """Closes peers of a test that is over."""
    await asyncio.gather(*(peer.close() for peer in peers))
