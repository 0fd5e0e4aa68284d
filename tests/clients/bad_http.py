"""Bad input over HTTP. Each function yields (case, what is wrong with the answer or None)."""

import asyncio
import json
import random
import re

from peers import Peer

JSON = {"Content-Type": "application/json"}
SDP = {"Content-Type": "application/sdp"}
ROOM = "/api/rooms/talk"
REFUSED = (400, 404, 405, 406, 413, 414, 415, 422, 431)


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

    track = (await server.get(ROOM))["tracks"][0]["id"]
    strip, floor, mix = f"{ROOM}/tracks/{track}", f"{ROOM}/tracks/{track}/floor", f"{ROOM}/peers/{track}/mix"
    stranger = "A" * 22
    settings = {
        "mode": ['"party"', "7"],
        "floor_holders": ["0", "17", "256", "-1", "1.5", '"2"'],
        "floor_queue": ["65", "-1", "256"],
        "floor_talk_ms": ["3600001", "-1", "1e99"],
        "floor_warning_ms": ["60001"],
        "floor_grace_ms": ["10001"],
        "floor_preemption": ["1", '"yes"'],
        "duck_db": ["60.1", "-0.1", "NaN", "1e999"],
        "duck_attack_ms": ["5001"],
        "duck_hold_ms": ["10001"],
        "duck_release_ms": ["10001", "-5"],
        "frame_ms": ["15", "0"],
        "dim_db": ["61", "-1"],
    }
    too_many = {f"{n:022}": {"gain_db": -1} for n in range(257)}
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
        "a broken fingerprint": re.sub(r"(a=fingerprint:\S+ )\S+", r"\1no:hex", sdp),
        "an unknown hash": re.sub(r"a=fingerprint:\S+", "a=fingerprint:sha-1024", sdp),
        "a port that is no number": re.sub(r"m=audio \d+", "m=audio nine", sdp),
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
        *(
            (f"room, {key} {value}", "PATCH", ROOM, patch(f'{{"{key}":{value}}}'))
            for key, values in settings.items()
            for value in values
        ),
        ("track, unknown bus", "PATCH", strip, patch('{"bus":"telephone"}')),
        ("track, long group", "PATCH", strip, patch(json.dumps({"group": "x" * 65}))),
        ("track, group with a control character", "PATCH", strip, patch('{"group":"a\\u0007b"}')),
        ("WHIP, unknown bus", "POST", "/whip/wrong?bus=telephone", {"data": sdp, "headers": SDP}),
        ("floor, GET", "GET", floor, {}),
        ("floor, empty", "POST", floor, {"headers": JSON}),
        ("floor, no action", "POST", floor, patch("{}")),
        ("floor, unknown action", "POST", floor, patch('{"action":"steal"}')),
        ("floor, unknown key", "POST", floor, patch('{"action":"request","loud":true}')),
        *(
            (f"floor, priority {priority}", "POST", floor, patch(f'{{"action":"request","priority":{priority}}}'))
            for priority in ("256", "-1", "1.5", '"9"')
        ),
        ("floor, unknown track", "POST", f"{ROOM}/tracks/{stranger}/floor", patch('{"action":"request"}')),
        ("floor, impossible track", "POST", ROOM + "/tracks/a%20b/floor", patch('{"action":"request"}')),
        ("floor, unknown room", "POST", f"/api/rooms/nowhere/tracks/{track}/floor", patch('{"action":"request"}')),
        ("alert, GET", "GET", ROOM + "/alerts", {}),
        ("alert, no JSON", "POST", ROOM + "/alerts", patch("help")),
        ("alert, from nobody", "POST", ROOM + "/alerts", patch(f'{{"from":"{stranger}"}}')),
        ("alert, to nobody", "POST", ROOM + "/alerts", patch(f'{{"to":"{stranger}"}}')),
        ("alert, to a number", "POST", ROOM + "/alerts", patch('{"to":5}')),
        ("alert, unknown key", "POST", ROOM + "/alerts", patch('{"text":"help"}')),
        ("alert, unknown room", "POST", "/api/rooms/nowhere/alerts", patch("{}")),
        ("mix, of nobody", "GET", f"{ROOM}/peers/{stranger}/mix", {}),
        ("mix, PATCH nobody's", "PATCH", f"{ROOM}/peers/{stranger}/mix", patch('{"volume_db":-3}')),
        ("mix, of an unknown room", "GET", f"/api/rooms/nowhere/peers/{track}/mix", {}),
        ("mix, POST", "POST", mix, patch("{}")),
        ("mix, no JSON", "PATCH", mix, patch("louder")),
        ("mix, unknown key", "PATCH", mix, patch('{"master_gain_db":3}')),
        *((f"mix, volume {db}", "PATCH", mix, patch(f'{{"volume_db":{db}}}')) for db in ("20.5", "-61", "NaN", "1e999", '"3"')),
        *(
            (f"mix, wish {wish}", "PATCH", mix, patch(f'{{"tracks":{{"{track}":{wish}}}}}'))
            for wish in ('{"gain_db":21}', '{"gain_db":"loud"}', '{"pan":1.1}', '{"pan":NaN}', '{"muted":1}', '{"colour":1}', "5")
        ),
        ("mix, tracks an array", "PATCH", mix, patch('{"tracks":[]}')),
        ("mix, an impossible track", "PATCH", mix, patch('{"tracks":{"a b":{"gain_db":-3}}}')),
        ("mix, 257 wishes", "PATCH", mix, patch(json.dumps({"tracks": too_many}))),
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
