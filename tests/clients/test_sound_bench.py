"""The pure parts of bench/sound, which makes docs/sound.md: what it calls damage, delay and a network is what it says."""

import pathlib
import sys

import numpy as np
import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "bench/sound"))

import heard  # noqa: E402
import measures  # noqa: E402
import networks  # noqa: E402
import opus  # noqa: E402

PACKETS = 200
SPEECH_S = PACKETS * 0.02


def babble(seconds=SPEECH_S, seed=5):
    """Something like speech, at 48 kHz: a gliding pitch with formants that change each 120 ms, and pauses."""
    rng = np.random.default_rng(seed)
    samples = int(seconds * opus.RATE)
    time = np.arange(samples) / opus.RATE
    phase = 2 * np.pi * np.cumsum(130 + 35 * np.sin(2 * np.pi * 0.7 * time) + 12 * np.sin(2 * np.pi * 3.1 * time)) / opus.RATE
    syllable = np.minimum((time / 0.12).astype(int), int(seconds / 0.12))
    count = syllable.max() + 1
    formants = np.stack([rng.uniform(300, 800, count), rng.uniform(900, 2200, count), rng.uniform(2400, 3600, count)])
    voice = np.zeros(samples)
    for harmonic in range(1, 45):
        strength = sum(np.exp(-(((harmonic * 130 - f) / 180) ** 2)) for f in formants)[syllable] + 0.01
        voice += strength * np.sin(harmonic * phase)
    smooth = np.hanning(1920) / np.hanning(1920).sum()
    voice *= np.convolve(np.where(rng.random(count) < 0.15, 0.0, 1.0)[syllable], smooth, "same")
    return voice * (0.07 / voice.std())


@pytest.fixture(scope="module")
def said():
    return opus.transcode(babble())


def compared(said, got):
    return measures.compare(measures.to_16k(said), measures.to_16k(got), 0.4, SPEECH_S - 0.4)


def delayed(sound, ms):
    return np.concatenate([np.zeros(ms * 48), sound])


def test_a_second_encode_and_decode_is_no_damage_and_its_delay_is_found(said):
    got = delayed(0.9 * opus.transcode(said, bitrate=64_000, fec=False), 87)
    result = compared(said, got)
    assert result.damaged <= 0.001 * result.active
    assert result.longest_gap_ms < 5
    assert np.percentile(np.abs(result.lag[result.is_active] / 16 - 87), 99) <= 0.5


@pytest.mark.parametrize("samples", [86 * 48, 87 * 48, 87 * 48 + 36])
def test_where_a_word_begins_all_at_once_its_delay_is_no_damage(samples):
    rng = np.random.default_rng(8)
    # Each word of 150 ms rises within 5 ms, from another place on the grid of windows.
    level = [np.clip((np.arange(9_600) - 900 - 37 * word) / 240, 0, 1) * (np.arange(9_600) < 8_100) for word in range(20)]
    sound = 0.07 * rng.standard_normal(20 * 9_600) * np.concatenate(level)
    result = compared(sound, np.concatenate([np.zeros(samples), sound]))
    assert result.damaged == 0 and result.active > 50


def test_each_ten_milliseconds_of_silence_in_speech_are_damage(said):
    speaks = compared(said, said).is_active
    inside = [w for w in range(5, len(speaks) - 5) if speaks[w - 3 : w + 4].all()][::12]
    got = said.copy()
    for window in inside:
        middle = (window + 40) * 480
        got[middle - 240 : middle + 240] = 0
    result = compared(said, got)
    assert len(inside) >= 8
    assert result.is_damaged[inside].all()
    assert result.damaged <= 2 * len(inside)
    assert 6 <= result.longest_gap_ms <= 14


def test_a_gap_is_as_long_as_it_is(said):
    got = said.copy()
    speaks = compared(said, said).is_active
    middle = next(w for w in range(5, len(speaks) - 12) if speaks[w - 2 : w + 12].all()) + 40
    got[middle * 480 : (middle + 8) * 480] = 0
    assert 74 <= compared(said, got).longest_gap_ms <= 86


def test_speech_that_is_cut_out_is_a_gap_although_the_cut_ends_in_a_pause(said):
    speech = said.copy()
    speech[110_400:120_000] = 0  # a pause from 2.3 to 2.5 s
    # What is said from 2.0 to 2.3 s is not heard, and all after it comes so much earlier.
    got = delayed(speech, 400)
    got = np.concatenate([got[:115_200], got[129_600:], np.zeros(48_000)])
    assert compared(speech, speech).is_active[160:190].all()
    assert 200 <= compared(speech, got).longest_gap_ms <= 310


def test_a_delay_that_grows_slowly_is_no_damage_and_is_followed(said):
    # 0.3 % slower, 12 ms more after 4 s: the pitch moves by 5 cents, which no band notices.
    at = np.arange(int(len(said) * 1.003)) / 1.003
    got = np.interp(at, np.arange(len(said)), said)
    result = compared(said, got)
    assert result.damaged <= 0.01 * result.active
    assert abs(result.lag[-10:].mean() / 16 - (SPEECH_S - 0.45) * 3) <= 1.5


def test_a_repeated_packet_is_damage_and_a_gap(said):
    speaks = compared(said, said).is_active
    at = (next(w for w in range(30, len(speaks) - 15) if speaks[w - 14 : w + 14].all()) + 40) * 480
    got = np.concatenate([said[:at], said[at - 1920 : at], said[at:]])
    result = compared(said, got)
    assert 3 <= result.damaged <= 8
    assert 36 <= result.longest_gap_ms <= 44


@pytest.mark.parametrize("network", networks.NETWORKS, ids=lambda network: network.name)
def test_a_network_is_the_same_each_time_and_keeps_its_shares(network):
    fates = networks.fates(network, 1000, seed=3)
    assert fates == networks.fates(network, 1000, seed=3)
    assert sum(not fate for fate in fates) == round(1000 * network.loss)
    assert sum(len(fate) == 2 for fate in fates) == round(1000 * network.repeated)
    assert fates[0] and fates[-1]
    if not network.reordered:
        arrivals = [20 * index + fate[0] for index, fate in enumerate(fates) if fate]
        assert arrivals == sorted(arrivals)


def test_bursts_have_three_packets_in_the_mean():
    network = networks.by_name(["burst10"])[0]
    lost = [not fate for seed in range(20) for fate in networks.fates(network, 1000, seed)]
    bursts = sum(now and not before for before, now in zip([False, *lost], lost))
    assert 2.5 <= sum(lost) / bursts <= 3.5


def test_an_unknown_network_is_named():
    with pytest.raises(ValueError, match="nonsense"):
        networks.by_name(["clean", "nonsense"])


def received(packets, start, fates, first_sequence=65_500):
    """What a listener gets when the packets are forwarded over such a network."""
    got = []
    for index, (packet, fate) in enumerate(zip(packets, fates)):
        for delay_ms in fate:
            arrival = start + index * 0.02 + delay_ms / 1000
            got.append((arrival, (first_sequence + index) % 65_536, (4_294_900_000 + 960 * index) % 2**32, packet))
    return sorted(got)


def test_forwarded_packets_are_heard_through_a_buffer_and_numbers_may_wrap(said):
    packets = opus.Encoder().encode(babble())
    clean = heard.hear(received(packets, 100.0, [(5.0,)] * PACKETS), 100.0, packets)
    assert clean.forwarded == 1.0 and clean.missing == 0
    result = compared(said, clean.signal)
    assert result.damaged == 0
    # 5 ms of network and 6.5 ms of the encoder's look-ahead.
    assert abs(np.median(result.lag) / 16 - 11.5) <= 0.75

    lossy = networks.fates(networks.by_name(["loss10"])[0], PACKETS, seed=1)
    sound = heard.hear(received(packets, 100.0, lossy), 100.0, packets)
    assert sound.missing == sum(not fate for fate in lossy)
    # One packet more, to have the FEC.
    assert abs(np.median(compared(said, sound.signal).lag) / 16 - 26.5) <= 0.75


def test_a_mix_is_heard_as_it_arrives_and_its_silence_stays_in_place():
    packets = opus.Encoder(fec=False).encode(babble())
    # The server sends nothing for half a second; its timestamps go on.
    got = [p for i, p in enumerate(received(packets, 7.0, [(0.0,)] * PACKETS)) if not 100 <= i < 125]
    got = [(arrival, i, timestamp, payload) for i, (arrival, _, timestamp, payload) in enumerate(got)]
    sound = heard.hear(got, 7.0, [])
    assert sound.missing == 0 and sound.forwarded == 0.0
    assert not sound.signal[100 * 960 : 125 * 960].any()
    assert len(sound.signal) == PACKETS * 960
