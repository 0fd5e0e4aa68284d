"""Signals and how loud they are. A signal is a float array of shape (samples, 2) at 48 kHz, full
scale 1.0; a level is in dBFS with a full-scale sine at 0 (AES17)."""

import numpy as np

RATE = 48_000
FLOOR_DBFS = -127.0


def sine(hz, dbfs, seconds=1.0):
    """One channel of a sine, shape (samples,). With whole hertz and whole seconds it loops without a seam."""
    return 10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)


def speech_like(seconds, dbfs=-20.0, seed=1):
    """A signal that is found again by correlation: noise of 300 to 3400 Hz in bursts, one channel."""
    rng = np.random.default_rng(seed)
    samples = int(seconds * RATE)
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    hz = np.fft.rfftfreq(samples, 1 / RATE)
    spectrum[(hz < 300) | (hz > 3400)] = 0
    noise = np.fft.irfft(spectrum, samples)
    syllables = np.repeat(rng.uniform(0.2, 1.0, samples // 9600 + 1), 9600)[:samples]
    voice = noise * syllables
    return voice * (10 ** (dbfs / 20) / np.sqrt(2) / np.sqrt(np.mean(voice**2)))


def tone_dbfs(channel, hz):
    """The level of the sine at `hz` in one channel: its projection under a Hann window."""
    window = np.hanning(len(channel))
    turn = np.exp(-2j * np.pi * hz * np.arange(len(channel)) / RATE)
    amplitude = 2 * abs(np.sum(channel * window * turn)) / np.sum(window)
    return max(FLOOR_DBFS, 20 * np.log10(amplitude + 1e-12))


def tone_in_ears(heard, hz, window_s=0.1):
    """(left, right) levels of the sine at `hz`: the median over windows, so that those few with a
    late packet of our own making do not decide."""
    size = int(window_s * RATE)
    windows = [heard[at : at + size] for at in range(0, len(heard) - size + 1, size)]
    assert windows, f"only {len(heard)} samples were heard"
    return tuple(float(np.median([tone_dbfs(w[:, ear], hz) for w in windows])) for ear in (0, 1))


def tone_over_time(channel, hz, window_s=0.1):
    """The levels of the sine at `hz` in consecutive windows: a gap shows as one that is low."""
    size = int(window_s * RATE)
    return [tone_dbfs(channel[at : at + size], hz) for at in range(0, len(channel) - size + 1, size)]


def is_steady(levels, dbfs):
    """Whether a tone stays at its level: the median is there, and windows of a tenth of a second that are 3 dB lower are
    few and not many in a row. A machine that stalls makes a packet late now and then, which costs a window or two."""
    low = [level < dbfs - 3 for level in levels]
    longest = max(len(run) for run in "".join("x" if is_low else " " for is_low in low).split(" "))
    return abs(np.median(levels) - dbfs) < 1 and sum(low) <= 0.15 * len(levels) and longest <= 5


def parts_found(heard, said, part_s=0.25):
    """Looks for every part of what was said in what was heard: `(at_s, later_s, likeness, louder_db)` for each, in the
    order of `said`: where it was said, how much later it was heard by the two clocks, how alike (0 to 1), how loud."""
    size, found = int(part_s * RATE), []
    for at in range(0, len(said) - size + 1, size):
        part = said[at : at + size]
        place, likeness = best_match(heard, part)
        louder = 20 * np.log10(np.std(heard[place : place + size]) / np.std(part) + 1e-12)
        found.append((at / RATE, (place - at) / RATE, likeness, louder))
    return found


def pitch_hz(channel, near_hz):
    """The frequency of a sine near `near_hz` (within 5 Hz): by how
    much its phase turns from one window to the next, the median over windows."""
    size, step = RATE // 2, RATE // 10
    starts = range(0, len(channel) - size + 1, step)
    window = np.hanning(size)
    phases = [
        np.angle(np.sum(channel[at : at + size] * window * np.exp(-2j * np.pi * near_hz * np.arange(at, at + size) / RATE)))
        for at in starts
    ]
    turns = (np.diff(phases) + np.pi) % (2 * np.pi) - np.pi
    return near_hz + float(np.median(turns)) / (2 * np.pi) * RATE / step


def strip_db(gain_db, pan):
    """What a strip does to (left, right) in dB: constant power, 0 dB at the centre."""
    theta = (pan + 1) * np.pi / 4
    factors = np.array([np.cos(theta), np.sin(theta)]) * np.sqrt(2) * 10 ** (gain_db / 20)
    return tuple(20 * np.log10(np.maximum(factors, 1e-7)))


def best_match(heard, said):
    """Where `said` is in `heard` (samples) and how alike they are there (0 to 1): the peak of the
    cross-correlation."""
    size = 1 << int(np.ceil(np.log2(len(heard) + len(said))))
    cross = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size)), size)
    lags = max(1, len(heard) - len(said) + 1)
    at = int(np.argmax(np.abs(cross[:lags])))
    part = heard[at : at + len(said)]
    likeness = abs(cross[at]) / (np.linalg.norm(part) * np.linalg.norm(said[: len(part)]) + 1e-12)
    return at, float(likeness)
