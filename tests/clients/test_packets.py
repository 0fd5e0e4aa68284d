"""What stands in the headers of a mix, and how its packets follow the network of who hears it."""

import asyncio
import random
import re
import struct

import numpy as np
import pytest
from aiortc.rtp import RtpPacket

from peers import Peer, close_all
from server import Server
from sound import RATE, sine

LEVELS = "urn:ietf:params:rtp-hdrext:csrc-audio-level"
LEVELS_ID = 9
RED = 63


class Listener(Peer):
    """Looks at each packet before aiortc does, and loses some of them."""

    reads_red = False

    def __init__(self, server):
        super().__init__(server)
        self.packets = []
        self.loss = 0.0
        self._more = asyncio.Event()
        self._chance = random.Random(1)

    async def local_offer(self):
        offer = await super().local_offer()
        offer = re.sub(r"(a=mid:.*\r\n)", rf"\1a=extmap:{LEVELS_ID} {LEVELS}\r\n", offer)
        if not self.reads_red:
            return offer
        opus = re.search(r"a=rtpmap:(\d+) opus/48000/2", offer)[1]
        offer = re.sub(r"(m=audio .*)\r\n", rf"\1 {RED}\r\n", offer)
        return re.sub(r"(a=mid:.*\r\n)", rf"\1a=rtpmap:{RED} red/48000/2\r\na=fmtp:{RED} {opus}/{opus}\r\n", offer)

    async def _accept(self, sdp):
        await super()._accept(sdp)
        transport = self.connection.getTransceivers()[0].receiver.transport
        to_aiortc = transport._handle_rtp_data

        async def look(data, arrival_time_ms):
            if self._chance.random() < self.loss:
                return
            self.packets.append(data)
            self._more.set()
            await to_aiortc(data, arrival_time_ms)

        transport._handle_rtp_data = look

    async def next_packets(self, count):
        """The next packets that are not lost."""
        first = len(self.packets)
        async with asyncio.timeout(10 + count * 0.1):
            while len(self.packets) < first + count:
                self._more.clear()
                await self._more.wait()
        return self.packets[first : first + count]


def levels(data):
    """The levels of contributors, −dBov, of a packet with a one-byte header extension (RFC 8285 §4.2)."""
    at = 12 + 4 * (data[0] & 15)
    profile, words = struct.unpack_from("!HH", data, at)
    assert profile == 0xBEDE, hex(profile)
    block, found = data[at + 4 : at + 4 + 4 * words], []
    while block:
        if block[0] == 0:
            block = block[1:]
            continue
        number, length = block[0] >> 4, (block[0] & 15) + 1
        if number == LEVELS_ID:
            found = list(block[1 : 1 + length])
        block = block[1 + length :]
    return found


async def test_a_packet_lists_who_is_heard_in_it_and_how_loud():
    async with Server() as server:
        x = await Peer.whip(server, "who", sine(1000, -20), name="X")
        y = await Peer.offer(server, "who", sine(1600, -40), name="Y")
        listener = await Listener.whep(server, "who")
        assert f"a=extmap:{LEVELS_ID} {LEVELS}" in listener.answer_sdp
        await listener.ear.hear(1.0)
        state = await server.get("/api/rooms/who")
        csrcs = {track["name"]: track["csrc"] for track in state["tracks"]}
        packets = await listener.next_packets(20)
        heard = [RtpPacket.parse(packet) for packet in packets]
        both = [at for at, packet in enumerate(heard) if packet.csrc == [csrcs["X"], csrcs["Y"]]]
        assert len(both) >= 18, [packet.csrc for packet in heard]
        for at in both:
            assert levels(packets[at]) == pytest.approx([23, 43], abs=2)
        assert len({packet.ssrc for packet in heard}) == 1, "contributors are not the stream"
        await close_all(x, y, listener)


async def test_who_loses_packets_gets_fewer_bits_and_nobody_else_does():
    async with Server() as server:
        time = np.arange(2 * RATE) / RATE
        voice = sum(np.sin(2 * np.pi * 130 * k * time) / k for k in range(1, 25)) * 0.1
        talker = await Peer.whip(server, "loss", voice.astype(np.float32), name="X")
        # Another gain than 0 dB has to be mixed.
        await server.patch(f"/api/rooms/loss/tracks/{talker.id}", gain_db=-3)
        bad, good = await Listener.whep(server, "loss"), await Listener.whep(server, "loss")
        await bad.ear.hear(1.0)

        async def bps(listener):
            return 400 * np.median([len(RtpPacket.parse(packet).payload) for packet in await listener.next_packets(50)])

        assert await bps(bad) > 70_000
        bad.loss = 0.2
        async with asyncio.timeout(30):
            while await bps(bad) > 45_000:
                pass
        assert await bps(good) > 70_000
        await close_all(talker, bad, good)


class RedListener(Listener):
    """Offers redundant audio (RFC 2198), too."""

    reads_red = True


async def test_who_loses_packets_and_reads_redundant_audio_gets_each_packet_twice():
    async with Server() as server:
        talker = await Peer.whip(server, "red", sine(1000, -20), name="X")
        await server.patch(f"/api/rooms/red/tracks/{talker.id}", gain_db=-3)
        listener = await RedListener.whep(server, "red")
        types = {data[1] & 127 for data in await listener.next_packets(50)}
        assert RED not in types, "who loses nothing needs no copies"
        listener.loss = 0.05
        async with asyncio.timeout(30):
            while RED not in types:
                types = {data[1] & 127 for data in await listener.next_packets(50)}
        packets = [RtpPacket.parse(data) for data in await listener.next_packets(100)]
        checked = 0
        for before, packet in zip(packets, packets[1:]):
            if packet.sequence_number != before.sequence_number + 1 or packet.payload_type != RED:
                continue
            header = int.from_bytes(packet.payload[:4], "big")
            offset, length = header >> 10 & 0x3FFF, header & 0x3FF
            copy, own = packet.payload[5 : 5 + length], packet.payload[5 + length :]
            assert offset == packet.timestamp - before.timestamp and own
            assert before.payload.endswith(copy) and len(copy) > 40
            checked += 1
        assert checked > 60
        await close_all(talker, listener)
