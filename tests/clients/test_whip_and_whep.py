"""WHIP (RFC 9725), WHEP and /api/offer as a program of a third party uses them."""

import re
import uuid

import pytest

from peers import Peer, Player, close_all
from server import Server
from sound import sine, tone_in_ears
from test_room_of_six import until_quiet

FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


def fragment(ufrag, password, *candidates):
    """A body of a PATCH (RFC 8840)."""
    lines = [f"a=ice-ufrag:{ufrag}", f"a=ice-pwd:{password}", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0"]
    return "\r\n".join([*lines, *candidates, ""])


def credentials(sdp):
    """(ufrag, pwd) of an SDP."""
    return tuple(re.search(rf"a=ice-{key}:(\S+)", sdp)[1] for key in ("ufrag", "pwd"))


async def test_what_is_published_by_whip_is_heard_by_whep_until_its_delete():
    async with Server() as server:
        listener = await Peer.whep(server, "stage")
        talker = await Peer.whip(server, "stage", sine(1000, -20), name="guitar")
        assert "a=recvonly" in talker.answer_sdp and "a=sendonly" in listener.answer_sdp
        assert talker.location == f"/api/rooms/stage/peers/{talker.id}"
        assert talker.headers["ETag"]

        heard = await listener.ear.hear(1.5, skip_s=0.7)
        assert tone_in_ears(heard, 1000) == pytest.approx((-20, -20), abs=0.5)
        room = await server.get("/api/rooms/stage")
        assert [(t["id"], t["name"], t["kind"]) for t in room["tracks"]] == [(talker.id, "guitar", "whip")]
        assert room["listeners"] == 1

        async def is_metered():
            (track,) = (await server.get("/api/rooms/stage"))["tracks"]
            return track["talking"] and track["level_dbfs"] == pytest.approx(-20, abs=0.5)

        await server.until("the meter shows it", is_metered, seconds=5)

        await talker.hang_up()
        await until_quiet(listener.ear)
        assert (await server.get("/api/rooms/stage"))["tracks"] == []
        async with server.http.delete(talker.location) as again:
            assert again.status == 404
        await listener.hang_up()


async def test_an_offer_without_a_single_candidate_connects():
    async with Server() as server:
        listener = await Peer.whep(server, "bare")
        talker = Peer(server)
        gathered = talker.local_offer

        async def without_candidates():
            lines = (await gathered()).splitlines(keepends=True)
            return "".join(l for l in lines if not l.startswith(("a=candidate", "a=end-of-candidates")))

        talker.local_offer = without_candidates
        talker.send(Player(sine(800, -20)))
        await talker.post_sdp("/whip/bare")
        heard = await listener.ear.hear(1.5, skip_s=0.5)
        assert tone_in_ears(heard, 800) == pytest.approx((-20, -20), abs=0.5)
        await close_all(talker, listener)


async def test_trickle_and_restart_answer_as_the_rfc_says():
    async with Server() as server:
        peer = await Peer.whip(server, "ice", sine(1000, -20))
        etag = peer.headers["ETag"]
        ours = credentials(peer.connection.localDescription.sdp)
        trickle = fragment(*ours, "a=candidate:1 1 UDP 2130706431 127.0.0.1 40000 typ host", "a=end-of-candidates")
        restart = fragment("newUfrag", "aPasswordThatIsLongEnough24")

        async def patch(body, **headers):
            async with server.http.patch(peer.location, data=body, headers={**FRAGMENT, **headers}) as answer:
                return answer.status, answer.headers, await answer.text()

        assert (await patch(trickle, **{"If-Match": etag}))[0] == 204
        assert (await patch(trickle, **{"If-Match": '"an older session"'}))[0] == 412
        assert (await patch(trickle))[0] == 428
        assert (await patch(trickle, **{"If-Match": etag, "Content-Type": "text/plain"}))[0] == 415
        for wrong in ("", "\0\1\2", "a=ice-ufrag:only\r\n", "x" * 100_000):
            status = (await patch(wrong, **{"If-Match": etag}))[0]
            assert status in (400, 413, 422), (wrong[:20], status)

        status, headers, body = await patch(restart, **{"If-Match": "*"})
        assert status == 200, body
        assert headers["Content-Type"].startswith(FRAGMENT["Content-Type"])
        assert headers["ETag"] != etag
        assert credentials(body)[0] != credentials(peer.answer_sdp)[0]
        assert (await patch(trickle, **{"If-Match": etag}))[0] == 412, "the ETag before the restart is over"
        await peer.hang_up()


async def test_an_endpoint_says_what_it_takes():
    async with Server() as server:
        for path in ("/whip/room", "/whep/room"):
            for method in ("PUT", "PATCH", "DELETE"):
                async with server.http.request(method, path) as answer:
                    assert answer.status == 405, (method, path)
            async with server.http.options(path) as answer:
                assert answer.status in (200, 204), path
                assert "application/sdp" in answer.headers.get("Accept-Post", ""), path


async def test_a_listener_of_an_offer_is_not_heard_and_has_no_strip():
    async with Server() as server:
        silent = await Peer.offer(server, "hall", sine(700, -20), role="listener")
        talker = await Peer.offer(server, "hall", sine(1200, -20), name="voice")
        heard = await silent.ear.hear(1.5, skip_s=0.7)
        assert tone_in_ears(heard, 1200) == pytest.approx((-20, -20), abs=0.5)
        assert [t["name"] for t in (await server.get("/api/rooms/hall"))["tracks"]] == ["voice"]
        assert max(tone_in_ears(heard, 700)) < -60
        if talker.ear.samples:
            assert max(abs(talker.ear.everything().flatten())) < 1e-3
        await close_all(silent, talker)


async def test_who_comes_again_takes_his_own_place_and_finds_his_strip_as_it_was():
    async with Server() as server:
        who = str(uuid.uuid4())
        first = await Peer.offer(server, "door", sine(1000, -20), name="Ada", clientId=who)
        await server.patch(f"/api/rooms/door/tracks/{first.id}", gain_db=-6, pan=0.5)
        second = await Peer.offer(server, "door", sine(1000, -20), clientId=who)
        assert second.answer["clientId"] == who and second.answer["trackId"] == second.id
        tracks = (await server.get("/api/rooms/door"))["tracks"]
        assert [(t["id"], t["name"], t["gain_db"], t["pan"]) for t in tracks] == [(second.id, "Ada", -6, 0.5)]
        await close_all(first, second)
