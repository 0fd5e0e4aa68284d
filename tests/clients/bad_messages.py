"""Bad input on the WebSocket and on the media port. Each function yields (case, what is wrong or None)."""

import asyncio
import json
import random
import re
import socket
import struct

from peers import Peer

ROOM = "/api/rooms/talk"


async def websocket_cases(server, _):
    """Messages that are no commands: each is answered with a problem, and the socket stays open."""
    track = (await server.get(ROOM))["tracks"][0]["id"]

    def of(command, **keys):
        return json.dumps({"command": command, **keys})

    messages = [
        of("floor"),
        of("floor", id=track),
        of("floor", id=track, action="steal"),
        of("floor", id=track, action="request", priority=256),
        of("floor", id=track, action="request", priority=-1),
        of("floor", id=track, action="request", loud=True),
        of("floor", id="A" * 22, action="request"),
        of("floor", id="a b", action="request"),
        of("set_mix", volume_db=0),
        of("set_mix", id="A" * 22, volume_db=0),
        of("set_mix", id=track, volume_db=21),
        of("set_mix", id=track, tracks={track: {"pan": -2}}),
        of("set_mix", id=track, tracks={track: 5}),
        of("set_mix", id=track, tracks={f"{n:022}": {"pan": 1} for n in range(257)}),
        of("set_room", floor_holders=17),
        of("set_room", mode="party"),
        of("set_track", id=track, bus="telephone"),
        of("set_track", id=track, group="x" * 65),
        of("alert", to="A" * 22),
        of("alert", text="help"),
        of("report", access_ms=5),
        of("report", id=track, access_ms=-5),
        of("report", id=track, rtt_ms=1e9),
        of("report", id=track, rtt_ms=-1),
        of("report", id="A" * 22, access_ms=5),
        of("identify"),
        of("identify", id="A" * 22),
        of("signal", **{"from": track, "to": track}),
        of("signal", **{"from": track, "to": "A" * 22, "data": ""}),
        of("signal", **{"from": track, "to": track, "data": "x" * 12_001}),
        of("signal", **{"from": track, "to": track, "data": "x" * 60_000}),
        "",
        "hello",
        "[]",
        "7",
        "null",
        "{}",
        "[" * 50_000,
        '{"command":7}',
        '{"command":"explode"}',
        '{"command":"set_room","volume":1}',
        '{"command":"set_room","master_gain_db":NaN}',
        '{"command":"set_room","master_gain_db":"loud"}',
        '{"command":"set_room","master_gain_db":21}',
        '{"command":"set_track"}',
        '{"command":"set_track","id":5,"pan":0}',
        '{"command":"set_track","id":"nobody","pan":0}',
        '{"command":"set_track","id":"a b","pan":0}',
        '{"command":"set_track","id":"nobody","pan":-7}',
        '{"command":"remove_track","id":"nobody","really":true}',
        '{"command":"remove_track","id":"nobody"}',
        '{"ref":-1,"command":"set_room"}',
        '{"ref":"one","command":"set_room"}',
        b"\0\1\2\3",
    ]
    async with server.http.ws_connect(ROOM + "/ws") as socket_:
        for message in messages:
            case = str(message)[:60]
            try:
                async with asyncio.timeout(5):
                    await (socket_.send_bytes if isinstance(message, bytes) else socket_.send_str)(message)
                    while True:
                        said = await socket_.receive_json()
                        if said["type"] == "reply":
                            break
                problem = said.get("problem") or {}
                yield case, None if 400 <= problem.get("status", 0) < 500 and problem["detail"] else str(said)
            except (TimeoutError, TypeError) as failure:
                yield case, f"no reply: {failure!r}"
                return
        await socket_.send_str('{"ref":5,"command":"set_room"}')
        async with asyncio.timeout(5):
            while (said := await socket_.receive_json())["type"] != "reply":
                pass
        yield "a good command after all of them", None if said == {"type": "reply", "ref": 5} else str(said)

    async with server.http.ws_connect(ROOM + "/ws") as socket_:
        closed = False
        try:
            async with asyncio.timeout(10):
                await socket_.send_str("x" * 20_000_000)
                while not closed:
                    said = await socket_.receive()
                    closed = said.type.name in ("CLOSE", "CLOSED", "CLOSING", "ERROR") or '"problem"' in str(said.data)
        except OSError:
            closed = True
        except TimeoutError:
            pass
        yield "a message of 20 MB", None if closed else "neither refused nor closed"

    for case, frame in {
        "a frame that is not masked": b"\x81\x02{}",
        "a reserved opcode": b"\x8f\x80\0\0\0\0",
        "a frame of 2^63 bytes": b"\x81\xff" + b"\x7f" + b"\xff" * 7 + b"\0\0\0\0",
        "text that is no UTF-8": b"\x81\x82\0\0\0\0\xff\xfe",
    }.items():
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            f"GET {ROOM}/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        try:
            async with asyncio.timeout(10):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(frame)
                while await reader.read(65536):
                    pass
            yield case, None if b" 101 " in head else f"{head[:100]!r}"
        except ConnectionError:
            yield case, None
        except TimeoutError:
            yield case, "the socket stays open"
        finally:
            writer.close()


async def udp_cases(server, _):
    """Datagrams on the media port: nothing comes back, or nothing that hurts."""
    listener = await Peer.whep(server, "talk")
    candidates = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+)", listener.answer_sdp, re.IGNORECASE)
    ufrag = re.search(r"a=ice-ufrag:(\S+)", listener.answer_sdp)[1]
    dice = random.Random(2)

    def stun(attributes, kind=0x0001, length=None, cookie=0x2112A442):
        length = len(attributes) if length is None else length
        return struct.pack("!HHI", kind, length, cookie) + dice.randbytes(12) + attributes

    def attribute(kind, value, length=None):
        padded = value + bytes(-len(value) % 4)
        return struct.pack("!HH", kind, len(value) if length is None else length) + padded

    username = attribute(0x0006, f"{ufrag}:them".encode())
    integrity = attribute(0x0008, bytes(20))
    client_hello = bytes.fromhex("16feff0000000000000000") + struct.pack("!H", 60) + b"\1" + bytes(59)
    rtp = struct.pack("!BBHII", 0x80, 111, 1, 960, 0x1234)
    kinds = {
        "empty": lambda: b"",
        "random": lambda: dice.randbytes(dice.randrange(1, 1500)),
        "random that begins as STUN": lambda: b"\0\1" + dice.randbytes(dice.randrange(0, 60)),
        "STUN header alone": lambda: stun(b""),
        "STUN with a wrong length": lambda: stun(username, length=dice.randrange(65536)),
        "STUN with another cookie": lambda: stun(username, cookie=dice.getrandbits(32)),
        "STUN, nobody's ufrag": lambda: stun(attribute(0x0006, dice.randbytes(200)) + integrity),
        "STUN, a real ufrag and no integrity": lambda: stun(username),
        "STUN, a real ufrag and a wrong integrity": lambda: stun(username + integrity),
        "STUN, an attribute longer than the message": lambda: stun(attribute(0x0006, b"ab", length=65535)),
        "STUN, a response to nothing": lambda: stun(username + integrity, kind=0x0101),
        "STUN, random attributes": lambda: stun(b"".join(attribute(dice.randrange(65536), dice.randbytes(dice.randrange(40))) for _ in range(20))),
        "DTLS hello from a stranger": lambda: client_hello,
        "DTLS cut": lambda: client_hello[: dice.randrange(1, 40)],
        "DTLS of random": lambda: b"\x16\xfe\xfd" + dice.randbytes(200),
        "RTP from a stranger": lambda: rtp + dice.randbytes(100),
        "RTP cut": lambda: rtp[: dice.randrange(1, 12)],
        "RTP with fifteen sources and none there": lambda: b"\x8f" + rtp[1:],
        "RTP with an extension that is too long": lambda: b"\x90" + rtp[1:] + b"\xbe\xde\xff\xff",
        "RTCP of random": lambda: b"\x80\xc8\0\x06" + dice.randbytes(24),
        "huge": lambda: dice.randbytes(65_000),
    }
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setblocking(False)
        loop = asyncio.get_running_loop()
        for case, make in kinds.items():
            for _ in range(150):
                for host, port in candidates:
                    await loop.sock_sendto(stranger, make(), (host, int(port)))
                await asyncio.sleep(0)
            fault = None
            if (await server.get("/api/health"))["status"] != "ok":
                fault = "not healthy"
            yield f"UDP {case}", fault
    samples = listener.ear.samples
    try:
        await listener.ear.hear(0.5)
        fault = None
    except AssertionError as gone:
        fault = f"the peer whose ufrag was used hears nothing more: {gone}, {samples} samples before"
    yield "UDP, the peer whose ufrag was used", fault
    await listener.hang_up()
