"""The talker and the listener, by aiortc: the same for every server. The talker sends prepared Opus packets at exact
times; its SRTP packets pass a network of `networks.py` on their way to the socket. The listener keeps what it gets as it
came, undecoded."""

import asyncio
import fractions
import select
import selectors
import time

import aioice.ice
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import Packet

from opus import FRAME, RATE

PACKET_S = FRAME / RATE


def use_address(address):
    """All connections of this process are made from this address of the machine."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [address]


class _FineSelector(selectors.EpollSelector):
    """epoll waits whole milliseconds, which would make each packet up to one late; select does not."""

    def select(self, timeout=None):
        if timeout is not None and timeout > 0:
            select.select([self.fileno()], [], [], timeout)
            timeout = 0
        return super().select(timeout)


def run(coroutine):
    """asyncio.run with timers that are exact."""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_FineSelector())) as runner:
        return runner.run(coroutine)


class Talker:
    """Sends `packets` from time `start` (of time.monotonic) on; packet k is given to the network at start + k · 20 ms, which is
    when the last of its samples has been said."""

    def __init__(self, packets, fates):
        self.connection = _connection()
        self._track = _Prepared(packets)
        self._fates = fates
        self.sent = []  # the payloads, in order
        self.connection.addTransceiver(self._track, direction="sendrecv")

    @property
    def late_ms(self):
        """By how much each packet went out later than it should, because this process had no time."""
        return self._track.late_ms

    def start(self, at):
        """Puts the network in place and starts talking."""
        ice = self.connection.getSenders()[0].transport.transport
        send, loop, passed = ice._send, asyncio.get_running_loop(), 0
        tasks = set()

        async def through_the_network(data):
            nonlocal passed
            is_rtp = 127 < data[0] < 192 and not 63 < (data[1] & 0x7F) < 96
            if not is_rtp or passed >= len(self._fates):
                await send(data)
                return
            index, passed = passed, passed + 1
            for delay_ms in self._fates[index]:
                due = at + index * PACKET_S + delay_ms / 1000
                if due <= loop.time():
                    await send(data)
                else:
                    # Those that are due together keep their order.
                    loop.call_at(due + index * 1e-7, lambda: _keep(tasks, asyncio.ensure_future(send(data))))

        ice._send = through_the_network
        self._track.start.set_result(at)

    async def ended(self):
        """Waits until all packets have been given to the network."""
        await self._track.ended.wait()


def _keep(tasks, task):
    tasks.add(task)
    task.add_done_callback(tasks.discard)


class _Prepared(MediaStreamTrack):
    kind = "audio"

    def __init__(self, packets):
        super().__init__()
        self._packets = packets
        self._next = 0
        self.start = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()
        self.late_ms = []

    async def recv(self):
        start = await self.start
        if self._next == len(self._packets):
            self.ended.set()
            await asyncio.Event().wait()
        if self.readyState != "live":
            raise MediaStreamError
        due = start + self._next * PACKET_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        self.late_ms.append(1000 * (time.monotonic() - due))
        packet = Packet(self._packets[self._next])
        packet.pts, packet.time_base = self._next * FRAME, fractions.Fraction(1, RATE)
        self._next += 1
        return packet


class Listener:
    """Collects `(arrival, sequence number, timestamp, payload)`; arrival is of time.monotonic."""

    def __init__(self):
        self.connection = _connection()
        self.packets = []
        self.connection.addTransceiver("audio", direction="recvonly")

    def listen(self):
        """Taps the receiver; its own jitter buffer gets nothing, its reports go on."""
        receiver = self.connection.getReceivers()[0]
        statistics = receiver._RTCRtpReceiver__remote_streams

        async def tap(packet, arrival_time_ms):
            self.packets.append((time.monotonic(), packet.sequence_number, packet.timestamp, bytes(packet.payload)))
            if packet.ssrc not in statistics:
                statistics[packet.ssrc] = _statistics(RATE)
            statistics[packet.ssrc].add(packet)

        receiver._handle_rtp_packet = tap


def _statistics(clock_rate):
    from aiortc.rtcrtpreceiver import StreamStatistics

    return StreamStatistics(clock_rate)


def _connection():
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


async def offer(connection):
    """The SDP of an offer with all candidates that, as a browser's does, says that FEC is understood."""
    await connection.setLocalDescription(await connection.createOffer())
    lines, opus = [], None
    for line in connection.localDescription.sdp.splitlines():
        lines.append(line)
        if line.startswith("a=rtpmap:") and "opus/48000" in line:
            opus = line.removeprefix("a=rtpmap:").split()[0]
            lines.append(f"a=fmtp:{opus} minptime=10;useinbandfec=1")
    assert opus, "aiortc offers no Opus"
    return "\r\n".join(lines) + "\r\n"


async def accept(connection, sdp, seconds=15):
    """Takes the answer and waits until connected."""
    done = asyncio.Event()
    connection.on("connectionstatechange", lambda: connection.connectionState in ("connected", "failed") and done.set())
    await connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
    async with asyncio.timeout(seconds):
        while connection.connectionState not in ("connected", "failed"):
            await done.wait()
    if connection.connectionState != "connected":
        raise ConnectionError("the server could not be reached by WebRTC")
