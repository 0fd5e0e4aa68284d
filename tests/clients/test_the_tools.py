"""The measuring tools measure: two aiortc peers, no server."""

import numpy as np
import pytest

from aiortc import RTCSessionDescription
from peers import Peer, Player, Ear, close_all
from sound import RATE, best_match, is_steady, parts_found, pitch_hz, sine, speech_like, strip_db, tone_dbfs, tone_in_ears


@pytest.mark.parametrize("shape", ["mono", "stereo", "mono in packets of 120 ms"])
async def test_a_tone_between_two_aiortc_peers_keeps_its_level(shape):
    left = sine(1000, -20, seconds=3)
    tone = np.stack([left, sine(1500, -30, seconds=3)], axis=1) if shape == "stereo" else left
    talker, hearer = Peer(None), Peer(None)
    player = Player(tone, packet_ms=120 if "120" in shape else 20)
    talker.send(player)
    offer = await talker.local_offer()
    await hearer.connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    ear = Ear(hearer.connection.getTransceivers()[0].receiver.track)
    await hearer.connection.setLocalDescription(await hearer.connection.createAnswer())
    await talker._accept(hearer.connection.localDescription.sdp)
    heard = await ear.hear(1.5, skip_s=0.5)
    if shape != "stereo":
        assert tone_in_ears(heard, 1000) == pytest.approx((-20, -20), abs=0.2)
    else:
        assert tone_in_ears(heard, 1000)[0] == pytest.approx(-20, abs=0.2)
        assert tone_in_ears(heard, 1500)[1] == pytest.approx(-30, abs=0.2)
    await close_all(talker, hearer)


def test_a_tone_is_measured_among_others_and_its_absence_too():
    mix = sine(500, -12) + sine(700, -40)
    assert tone_dbfs(mix, 500) == pytest.approx(-12, abs=0.01)
    assert tone_dbfs(mix, 700) == pytest.approx(-40, abs=0.01)
    assert tone_dbfs(mix, 1100) < -90


def test_what_was_said_is_found_where_it_was_said_and_nothing_else_is():
    said = speech_like(2.0)
    heard = np.concatenate([speech_like(1.0, seed=2), said * 0.3, speech_like(1.0, seed=3)])
    assert best_match(heard, said)[0] == 48_000
    assert best_match(heard, said)[1] > 0.99
    assert best_match(speech_like(4.0, seed=4), said)[1] < 0.2


def test_a_tone_with_a_stall_now_and_then_is_steady_and_one_with_gaps_or_another_level_is_not():
    stalls = [-20.0] * 100
    stalls[20:22] = stalls[60:63] = [-30.0, -30.0]
    assert is_steady(stalls, -20)
    assert not is_steady([level - 1.1 for level in stalls], -20)
    assert not is_steady([-20.0, -20.0, -20.0, -20.0, -24.0] * 20, -20), "a gap twice a second"
    assert not is_steady([-20.0] * 90 + [-120.0] * 10, -20), "a second is missing"


def test_each_part_of_what_was_said_is_found_and_what_is_missing_shows():
    said = speech_like(3.0)
    late = np.concatenate([np.zeros(RATE // 2), said[:RATE], np.zeros(RATE // 10), said[RATE:]])
    found = parts_found(late, said)
    assert len(found) == 12 and min(likeness for _, _, likeness, _ in found) > 0.95
    later = [later_s for _, later_s, *_ in found]
    assert max(later) - min(later) == pytest.approx(0.1, abs=0.001)
    without = np.concatenate([said[:RATE], said[2 * RATE :]])
    found = parts_found(without, said)
    assert sum(likeness > 0.9 for _, _, likeness, _ in found) == 8
    later = [later_s for _, later_s, likeness, _ in found if likeness > 0.9]
    assert max(later) - min(later) == pytest.approx(1, abs=0.001)
    assert np.median([louder for *_, louder in parts_found(0.7 * late, said)]) == pytest.approx(-3.1, abs=0.1)


def test_a_strip_is_constant_power():
    assert strip_db(0, 0) == pytest.approx((0, 0), abs=1e-9)
    left, right = strip_db(6, -1)
    assert left == pytest.approx(9.01, abs=0.01) and right < -100


def test_a_pitch_is_read_to_a_hundredth_of_a_cent():
    assert 1200 * abs(np.log2(pitch_hz(sine(997.4, -20, seconds=2), 997) / 997.4)) < 0.01
