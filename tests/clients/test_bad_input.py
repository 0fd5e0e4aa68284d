"""Whatever comes in at any door, the answer is a clear refusal, and a conversation that runs in the
same server does not notice."""

import asyncio
import json
import os
import pathlib
import random
import re
import socket
import struct
import sys
import wave

import pytest

from peers import Peer
from server import SERVER_BIN, Server, clean_environment, run_cli

HERE = pathlib.Path(__file__).parent
JSON = {"Content-Type": "application/json"}
SDP = {"Content-Type": "application/sdp"}
ROOM = "/api/rooms/talk"
REFUSED = (400, 404, 405, 406, 413, 414, 415, 422, 431)


@pytest.mark.limit_s(240)
async def test_bad_input_is_refused_at_every_door_and_a_conversation_does_not_notice(tmp_path):
    async with Server() as server:
        conversation = await asyncio.create_subprocess_exec(
            sys.executable,
            str(HERE / "conversation.py"),
            server.url,
            "talk",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        line = await asyncio.wait_for(conversation.stdout.readline(), 30)
        assert line == b"talking\n"

        faults, count = [], 0
        for door in (http_cases, raw_http_cases, websocket_cases, udp_cases, command_line_cases, settings_cases):
            async for case, fault in door(server, tmp_path):
                count += 1
                if fault:
                    faults.append(f"{door.__name__}, {case}: {fault}")
        report, _ = await asyncio.wait_for(conversation.communicate(), 30)
        assert (await server.get("/api/health"))["status"] == "ok"
        assert server.is_running and "panicked" not in server.log

    assert not faults, f"{len(faults)} of {count} cases:\n" + "\n".join(faults)
    assert count >= 100
    for name, heard in json.loads(report).items():
        windows = heard["windows_dbfs"]
        assert not heard["ended"]
        assert min(windows) > -23, f"{name} of {len(windows)} windows, {heard['latest_packet_ms']} ms late: {windows}"


async def http_cases(server, _):
    """Well-formed HTTP with wrong content."""
    peer = Peer(server)
    peer.connection.addTransceiver("audio", direction="sendrecv")
    sdp = await peer.local_offer()
    await peer.close()

    def without(pattern):
        return "".join(line for line in sdp.splitlines(keepends=True) if not re.match(pattern, line))

    def offer(**keys):
        body = {"offer": {"type": "offer", "sdp": sdp}, "room": "wrong", **keys}
        return {"data": json.dumps({key: value for key, value in body.items() if value != "left out"}), "headers": JSON}

    def offer_sdp(text):
        return offer(offer={"type": "offer", "sdp": text})

    def patch(text):
        return {"data": text, "headers": JSON}

    broken_sdp = {
        "empty": "",
        "no SDP": "hello",
        "with zeros": sdp.replace("m=audio", "m=au\0dio"),
        "without a section": sdp[: sdp.index("m=")],
        "video only": sdp.replace("m=audio", "m=video"),
        "data only": sdp[: sdp.index("m=")] + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n",
        "without Opus": without(r"a=rtpmap:\d+ opus"),
        "without a fingerprint": without("a=fingerprint"),
        "without a ufrag": without("a=ice-ufrag"),
        "without a pwd": without("a=ice-pwd"),
        "a broken fingerprint": re.sub(r"(a=fingerprint:sha-256 )\S+", r"\1no:hex", sdp),
        "an unknown hash": sdp.replace("sha-256", "sha-1024"),
        "a section of numbers": sdp.replace("m=audio 9", "m=audio 99999999999"),
        "cut in the middle": sdp[: len(sdp) // 2],
        "huge": sdp + "a=x:y\r\n" * 100_000,
    }
    cases = [
        ("offer, empty", "POST", "/api/offer", {"headers": JSON}),
        ("offer, no JSON", "POST", "/api/offer", patch("{offer")),
        ("offer, an array", "POST", "/api/offer", patch("[]")),
        ("offer, a number", "POST", "/api/offer", patch("7")),
        ("offer, broken UTF-8", "POST", "/api/offer", patch(b'{"room":"\xff\xfe"}')),
        ("offer, deep", "POST", "/api/offer", patch("[" * 100_000)),
        ("offer, not declared as JSON", "POST", "/api/offer", {**offer(), "headers": {"Content-Type": "text/plain"}}),
        ("offer, no offer", "POST", "/api/offer", offer(offer="left out")),
        ("offer, an answer", "POST", "/api/offer", offer(offer={"type": "answer", "sdp": sdp})),
        ("offer, no room", "POST", "/api/offer", offer(room="left out")),
        ("offer, room with a slash", "POST", "/api/offer", offer(room="a/b")),
        ("offer, long room", "POST", "/api/offer", offer(room="x" * 65)),
        ("offer, room is a number", "POST", "/api/offer", offer(room=5)),
        ("offer, long name", "POST", "/api/offer", offer(name="x" * 65)),
        ("offer, name with a control character", "POST", "/api/offer", offer(name="a\nb")),
        ("offer, clientId no uuid", "POST", "/api/offer", offer(clientId="me")),
        ("offer, unknown role", "POST", "/api/offer", offer(role="king")),
        *((f"offer, SDP {what}", "POST", "/api/offer", offer_sdp(text)) for what, text in broken_sdp.items()),
        *((f"WHIP, SDP {what}", "POST", "/whip/wrong", {"data": text, "headers": SDP}) for what, text in broken_sdp.items()),
        *((f"WHEP, SDP {what}", "POST", "/whep/wrong", {"data": text, "headers": SDP}) for what, text in broken_sdp.items()),
        ("WHIP, as JSON", "POST", "/whip/wrong", offer()),
        ("WHIP, no content type", "POST", "/whip/wrong", {"data": sdp.encode(), "skip_auto_headers": ["Content-Type"]}),
        ("WHIP, room with a dot", "POST", "/whip/a.b", {"data": sdp, "headers": SDP}),
        ("WHIP, gain a word", "POST", "/whip/wrong?gain_db=loud", {"data": sdp, "headers": SDP}),
        ("WHIP, gain too high", "POST", "/whip/wrong?gain_db=99", {"data": sdp, "headers": SDP}),
        ("WHIP, pan no number", "POST", "/whip/wrong?pan=NaN", {"data": sdp, "headers": SDP}),
        ("WHIP, unknown kind", "POST", "/whip/wrong?kind=robot", {"data": sdp, "headers": SDP}),
        ("WHIP, long name", "POST", "/whip/wrong?name=" + "x" * 65, {"data": sdp, "headers": SDP}),
        ("WHEP, room too long", "POST", "/whep/" + "x" * 65, {"data": sdp, "headers": SDP}),
        ("room, unknown", "GET", "/api/rooms/nowhere", {}),
        ("room, impossible name", "GET", "/api/rooms/a%20b", {}),
        ("room, PUT impossible name", "PUT", "/api/rooms/a%2Fb", patch("{}")),
        ("room, PUT unknown key", "PUT", ROOM, patch('{"volume":3}')),
        ("room, PUT no JSON", "PUT", ROOM, patch("master")),
        ("room, PUT NaN", "PUT", ROOM, patch('{"master_gain_db":NaN}')),
        ("room, PUT too loud", "PUT", ROOM, patch('{"master_gain_db":20.5}')),
        ("room, PUT a text", "PUT", ROOM, patch('{"master_gain_db":"3"}')),
        ("room, PUT infinite", "PUT", ROOM, patch('{"master_gain_db":1e999}')),
        ("room, unknown mode", "PATCH", ROOM, patch('{"mode":"party"}')),
        ("room, PATCH unknown", "PATCH", "/api/rooms/nowhere", patch("{}")),
        ("room, DELETE unknown", "DELETE", "/api/rooms/nowhere", {}),
        ("rooms, POST", "POST", "/api/rooms", patch("{}")),
        ("track, unknown", "PATCH", ROOM + "/tracks/nobody", patch('{"gain_db":0}')),
        ("track, unknown in an unknown room", "PATCH", "/api/rooms/nowhere/tracks/nobody", patch('{"gain_db":0}')),
        ("track, gain too low", "PATCH", ROOM + "/tracks/nobody", patch('{"gain_db":-61}')),
        ("track, pan too far", "PATCH", ROOM + "/tracks/nobody", patch('{"pan":1.01}')),
        ("track, muted a text", "PATCH", ROOM + "/tracks/nobody", patch('{"muted":"yes"}')),
        ("track, gain an object", "PATCH", ROOM + "/tracks/nobody", patch('{"gain_db":{}}')),
        ("track, unknown key", "PATCH", ROOM + "/tracks/nobody", patch('{"colour":"red"}')),
        ("track, huge", "PATCH", ROOM + "/tracks/nobody", patch(json.dumps({"name": "x" * 3_000_000}))),
        ("track, DELETE unknown", "DELETE", ROOM + "/tracks/nobody", {}),
        ("track, DELETE impossible id", "DELETE", ROOM + "/tracks/" + "y" * 300, {}),
        ("track, GET", "GET", ROOM + "/tracks/nobody", {}),
        ("peer, DELETE unknown", "DELETE", ROOM + "/peers/nobody", {}),
        ("peer, DELETE in an unknown room", "DELETE", "/api/rooms/nowhere/peers/nobody", {}),
        ("peer, PATCH unknown", "PATCH", ROOM + "/peers/nobody", {"data": "a=ice-ufrag:x", "headers": {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"}}),
        ("unknown address", "GET", "/api/nothing", {}),
        ("unknown method", "BREW", "/api/health", {}),
        ("health, POST", "POST", "/api/health", patch("{}")),
        ("WebSocket without an upgrade", "GET", ROOM + "/ws", {}),
        ("WebSocket of an unknown room", "GET", "/api/rooms/nowhere/ws", {"headers": {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}}),
        ("WebSocket of another version", "GET", ROOM + "/ws", {"headers": {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "7", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}}),
    ]
    for case, method, path, request in cases:
        try:
            async with asyncio.timeout(10), server.http.request(method, path, **request) as answer:
                yield case, await fault_of(answer)
        except (TimeoutError, OSError) as failure:
            # A body over the limit may be cut off by the answer: then the connection ends.
            allowed = "huge" in case and isinstance(failure, OSError)
            yield case, None if allowed else f"no answer: {failure!r}"


async def fault_of(answer):
    """What is wrong with a refusal; None if nothing is."""
    text = await answer.text(errors="replace")
    if answer.status == 426:
        return None
    if answer.status not in REFUSED:
        return f"{answer.status} {text[:200]}"
    if answer.content_type != "application/problem+json":
        return f"{answer.status} as {answer.content_type}: {text[:200]}"
    problem = json.loads(text)
    if problem["status"] != answer.status or not all(problem[key] for key in ("type", "title", "detail")):
        return f"no full problem: {problem}"
    return None


async def raw_http_cases(server, _):
    """Bytes on the HTTP port that no client library would send: a 4xx or a closed connection."""
    cases = {
        "random bytes": random.Random(1).randbytes(5000),
        "no HTTP": b"HELO mixminus\r\n\r\n",
        "unknown version": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(190),
        "up the folders": b"GET /../../../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "up the folders, coded": b"GET /%2e%2e/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "a long address": b"GET /api/rooms/" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "a long header": b"GET /api/rooms HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n",
        "a thousand headers": b"GET /api/rooms HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 1000 + b"\r\n",
        "a broken chunk": b"POST /api/offer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        "a negative length": b"POST /api/offer HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "a body that ends early": b"POST /api/offer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{",
        "half a request": b"GET /api/heal",
    }
    for case, data in cases.items():
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        try:
            async with asyncio.timeout(10):
                writer.write(data)
                await writer.drain()
                writer.write_eof()
                answer = await reader.read(100_000)
        except OSError:
            answer = b""
        except TimeoutError:
            answer = b"it hangs"
        finally:
            writer.close()
        if answer.startswith(b"HTTP/1.1 200") and b"root:" not in answer and "folders" in case:
            # An address that is no file is the web client's own.
            yield case, None
        else:
            yield case, None if answer == b"" or re.match(rb"HTTP/1\.[01] 4\d\d ", answer) else f"{answer[:200]!r}"


async def websocket_cases(server, _):
    """Messages that are no commands: each is answered with a problem, and the socket stays open."""
    messages = [
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


async def command_line_cases(server, folder):
    """Arguments of `mixminus`: 2 for usage, 1 for what failed, one clear sentence, no panic."""
    (folder / "notes.wav").write_text("These are notes and no sound.\n" * 50)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "cut.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    with wave.open(str(folder / "good.wav"), "wb") as out:
        out.setnchannels(1), out.setsampwidth(2), out.setframerate(48_000)
        out.writeframes(bytes(9600))
    good = str(folder / "good.wav")
    cases = [
        ((), 2, "Usage"),
        (("explode",), 2, "explode"),
        (("push",), 2, ""),
        (("push", good), 2, "--room"),
        (("push", good, "--room", "a b"), 2, "room"),
        (("push", good, "--room", "r", "--gain", "loud"), 2, "loud"),
        (("push", good, "--room", "r", "--gain", "99"), 2, "99"),
        (("push", good, "--room", "r", "--pan", "NaN"), 2, "NaN"),
        (("push", good, "--room", "r", "--nonsense"), 2, "--nonsense"),
        (("push", "/nowhere/x.wav", "--room", "r"), 1, "/nowhere/x.wav"),
        (("push", str(folder / "notes.wav"), "--room", "r"), 1, "notes.wav"),
        (("push", str(folder / "empty.wav"), "--room", "r"), 1, "empty.wav"),
        (("push", str(folder / "cut.wav"), "--room", "r"), 1, "cut.wav"),
        (("push", str(folder), "--room", "r"), 1, folder.name),
        (("push", "/dev/null", "--room", "r"), 1, "/dev/null"),
        (("record",), 2, ""),
        (("record", str(folder / "x.xyz"), "--room", "talk"), 2, "x.xyz"),
        (("record", "/nowhere/x.wav", "--room", "talk", "--duration", "1"), 1, "/nowhere"),
        (("record", str(folder / "x.wav"), "--room", "talk", "--duration", "-1"), 2, "-1"),
        (("record", str(folder / "x.wav"), "--room", "talk", "--duration", "soon"), 2, "soon"),
        (("mix",), 2, ""),
        (("mix", "nowhere", "--master", "0"), 1, "nowhere"),
        (("mix", "talk", "nobody", "--gain", "0"), 1, "nobody"),
        (("mix", "talk", "Ada", "--gain", "200"), 2, "200"),
        (("events", "nowhere"), 1, "nowhere"),
        (("rooms", "--server", "no address"), 2, "no address"),
        (("rooms", "--server", "http://127.0.0.1:1"), 1, "127.0.0.1:1"),
    ]
    for arguments, code, word in cases:
        try:
            got, out, error = await run_cli(*arguments, timeout=20, MIXMINUS_SERVER=server.url)
        except AssertionError as hung:
            yield str(arguments), str(hung)
            continue
        clear = word in error and "panicked" not in error and len(error.splitlines()) < 40
        yield f"mixminus {' '.join(arguments)}", None if got == code and clear else f"{got}, {out!r}, {error!r}"


async def settings_cases(server, folder):
    """Settings of the server: refused at the start, by name."""
    (folder / "unknown.toml").write_text("listen = '127.0.0.1:0'\nlouder = 11\n")
    (folder / "type.toml").write_text("workers = 'many'\n")
    (folder / "range.toml").write_text("jitter_ms = -5\n")
    (folder / "broken.toml").write_text("listen = [\n")
    (folder / "bytes.toml").write_bytes(b"\xff\xfe\0")
    cases = [
        (("--config", str(folder / "unknown.toml")), {}, "louder"),
        (("--config", str(folder / "type.toml")), {}, "workers"),
        (("--config", str(folder / "range.toml")), {}, "jitter_ms"),
        (("--config", str(folder / "broken.toml")), {}, "broken.toml"),
        (("--config", str(folder / "bytes.toml")), {}, "bytes.toml"),
        (("--config", "/nowhere.toml"), {}, "/nowhere.toml"),
        (("--config", str(folder)), {}, folder.name),
        (("--louder",), {}, "--louder"),
        (("--listen", "nowhere"), {}, "nowhere"),
        (("--listen", f"127.0.0.1:{server.port}"), {}, str(server.port)),
        (("--workers", "0"), {}, "0"),
        (("--workers", "many"), {}, "many"),
        (("--media-ip", "999.1.1.1"), {}, "999.1.1.1"),
        (("--media-ports", "9-5"), {}, "9-5"),
        (("--media-ports", "x"), {}, "x"),
        (("--media-ports", "40000-40000", "--workers", "3"), {}, "40000"),
        (("--event-log", "/nowhere/events"), {}, "/nowhere/events"),
        (("--stream-timeout-s", "-1"), {}, "-1"),
        ((), {"MIXMINUS_WORKERS": "several"}, "several"),
        ((), {"MIXMINUS_LISTEN": "here"}, "here"),
    ]
    for arguments, environment, word in cases:
        given = arguments if "--listen" in arguments or "--config" in arguments else ("--listen", "127.0.0.1:0", *arguments)
        if "MIXMINUS_LISTEN" in environment:
            given = arguments
        process = await asyncio.create_subprocess_exec(
            SERVER_BIN,
            *given,
            env=clean_environment(**environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        case = " ".join([*(f"{key}={value}" for key, value in environment.items()), *map(os.path.basename, arguments)])
        try:
            out, error = await asyncio.wait_for(process.communicate(), 10)
        except TimeoutError:
            process.kill()
            yield case, "it starts all the same"
            continue
        error = error.decode(errors="replace")
        clear = process.returncode in (1, 2) and word in error and "panicked" not in error and not out
        yield case, None if clear else f"{process.returncode}: {error!r}"
