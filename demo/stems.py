#!/usr/bin/env python3
"""Synthesises the demo: eight bars at 120 bpm, 16 s, as drums.wav, bass.wav and keys.wav.

48 kHz, 16 bit, peak -6 dBFS, drums and bass mono, keys stereo. Same bytes on every run. Each stem is rendered into a
ring: what rings on past the end comes in again at the start, so the loop point cannot click.

    python3 demo/stems.py FOLDER
"""

import array
import math
import random
import sys
import wave
from pathlib import Path

RATE = 48_000
BEAT = RATE // 2  # 120 bpm
STEP = BEAT // 4  # a sixteenth
BAR = 4 * BEAT
LENGTH = 8 * BAR  # 768 000 samples, exactly 800 frames of 20 ms
PEAK = 10 ** (-6 / 20)
TAU = 2 * math.pi

# One bar each: the root of the bass and the voicing of the keys, as MIDI notes.
CHORDS = [
    (33, (57, 60, 64, 71)),  # Am9
    (29, (57, 60, 64, 67)),  # Fmaj9
    (36, (55, 60, 64, 71)),  # Cmaj7
    (31, (55, 59, 62, 69)),  # G9
    (38, (57, 60, 65, 64)),  # Dm9
    (33, (55, 60, 64, 69)),  # Am7
    (29, (57, 60, 64, 69)),  # Fmaj7
    (31, (55, 60, 62, 65)),  # G7sus4
]
# The tune over them: (bar, sixteenth, note, sixteenths held).
TUNE = [
    (0, 4, 76, 3), (0, 8, 79, 3), (0, 12, 83, 6),
    (1, 4, 84, 3), (1, 8, 83, 3), (1, 12, 79, 6),
    (2, 6, 76, 3), (2, 8, 79, 5), (2, 14, 74, 6),
    (3, 6, 71, 3), (3, 8, 74, 8),
    (4, 4, 77, 3), (4, 8, 76, 3), (4, 12, 72, 6),
    (5, 4, 76, 3), (5, 8, 74, 3), (5, 12, 72, 6),
    (6, 6, 69, 3), (6, 8, 72, 5), (6, 14, 76, 6),
    (7, 6, 74, 3), (7, 8, 72, 3), (7, 12, 71, 6),
]


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: stems.py FOLDER")
    folder = Path(sys.argv[1])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / "drums.wav", [drums()])
        write(folder / "bass.wav", [bass()])
        write(folder / "keys.wav", keys())
    except OSError as error:
        sys.exit(f"stems.py: {error}")


def drums():
    """Kick, snare, hats and a shaker; a small fill closes the eighth bar."""
    noise = random.Random(1)
    kick, snare = make_kick(), make_snare(noise)
    closed, opened = make_hat(noise, 0.035, 0.12), make_hat(noise, 0.11, 0.30)
    ring = [0.0] * LENGTH
    for bar in range(8):
        start = bar * BAR
        for step in (0, 7, 10) if bar % 2 else (0, 10):
            add(ring, start + step * STEP, kick, 1.0 if step == 0 else 0.75)
        for step in (4, 12):
            add(ring, start + step * STEP, snare, 0.6)
        for step in range(16):
            late = STEP // 6 if step % 2 else 0  # a light swing
            accent = (0.30, 0.12, 0.22, 0.14)[step % 4]
            add(ring, start + step * STEP + late, closed, accent)
        add(ring, start + 14 * STEP, opened, 0.18)
    for step, level in ((13, 0.25), (14, 0.35), (15, 0.5)):
        add(ring, 7 * BAR + step * STEP, snare, level)
    return ring


def make_kick():
    out, phase = [], 0.0
    for n in range(int(0.28 * RATE)):
        t = n / RATE
        phase += TAU * (46 + 110 * math.exp(-t / 0.022)) / RATE
        out.append(math.sin(phase) * math.exp(-t / 0.085))
    return faded(out)


def make_snare(noise):
    out, low = [], 0.0
    for n in range(int(0.26 * RATE)):
        t = n / RATE
        white = noise.uniform(-1, 1)
        low += 0.25 * (white - low)
        tone = 0.5 * math.sin(TAU * 187 * t) * math.exp(-t / 0.04)
        out.append(tone + (white - low) * 0.6 * math.exp(-t / 0.06))
    return faded(out)


def make_hat(noise, decay, length):
    """White noise, differentiated twice: only what is above about 6 kHz stays."""
    out, first, second = [], 0.0, 0.0
    for n in range(int(length * RATE)):
        white = noise.uniform(-1, 1)
        edge = white - first
        out.append(0.4 * (edge - second) * math.exp(-n / RATE / decay))
        first, second = white, edge
    return faded(out)


def bass():
    """Root, octave and fifth in an easy syncopation; a sine with a little of its next two harmonics."""
    ring, cache = [0.0] * LENGTH, {}
    pattern = ((0, 0, 5, 1.0), (6, 0, 2, 0.7), (8, 12, 2, 0.7), (10, 7, 3, 0.85), (14, 0, 2, 0.7))
    for bar, (root, _) in enumerate(CHORDS):
        for step, interval, held, level in pattern:
            key = (root + interval, held)
            if key not in cache:
                cache[key] = make_bass_note(*key)
            add(ring, bar * BAR + step * STEP, cache[key], level)
    return ring


def make_bass_note(note, held):
    turn = TAU * hertz(note) / RATE
    out = []
    for n in range(held * STEP):
        bright = math.exp(-n / RATE / 0.18)
        a = n * turn
        tone = math.sin(a) + (0.15 + 0.3 * bright) * math.sin(2 * a) + 0.2 * bright * math.sin(3 * a)
        out.append(tone * math.exp(-n / RATE / 0.9))
    return faded(out, attack=0.004, release=0.03)


def keys():
    """Electric piano: broken chords spread over the stereo field, the tune on top with a quiet echo."""
    left, right, cache = [0.0] * LENGTH, [0.0] * LENGTH, {}

    def play(at, note, held, level, pan):
        if (note, held) not in cache:
            cache[note, held] = make_key(note, held)
        angle = (pan + 1) * math.pi / 4
        add(left, at, cache[note, held], level * math.cos(angle))
        add(right, at, cache[note, held], level * math.sin(angle))

    for bar, (_, chord) in enumerate(CHORDS):
        for voice, note in enumerate(chord):
            pan = (-0.6, -0.2, 0.2, 0.6)[voice]
            strum = voice * RATE // 90
            play(bar * BAR + strum, note, 9, 0.55, pan)
            play(bar * BAR + 10 * STEP + strum // 2, note, 6, 0.35, pan)
    for bar, step, note, held in TUNE:
        at = bar * BAR + step * STEP
        play(at, note, held + 2, 0.6, 0.15)
        play(at + 3 * STEP, note, held + 2, 0.16, -0.7)
        play(at + 6 * STEP, note, held + 2, 0.07, 0.7)
    return [left, right]


def make_key(note, held):
    """Two-operator FM: a bright knock that mellows within a third of a second."""
    turn = TAU * hertz(note) / RATE
    sin, exp = math.sin, math.exp
    out = []
    for n in range(held * STEP):
        t = n / RATE
        a = n * turn
        out.append(sin(a + 1.1 * exp(-t / 0.25) * sin(a)) * exp(-t / 0.7) + 0.06 * sin(4 * a) * exp(-t / 0.08))
    return faded(out, attack=0.003, release=0.12)


def hertz(note):
    return 440 * 2 ** ((note - 69) / 12)


def faded(sound, attack=0.0005, release=0.02):
    """Ramps both ends of a sound to silence, in seconds."""
    rise, fall = int(attack * RATE), int(release * RATE)
    for n in range(rise):
        sound[n] *= n / rise
    for n in range(fall):
        sound[-1 - n] *= n / fall
    return sound


def add(ring, at, sound, level):
    """Adds a sound to the ring; what passes the end goes to the start."""
    at %= LENGTH
    split = min(len(sound), LENGTH - at)
    ring[at:at + split] = [a + level * b for a, b in zip(ring[at:at + split], sound[:split])]
    if split < len(sound):
        rest = len(sound) - split
        ring[:rest] = [a + level * b for a, b in zip(ring[:rest], sound[split:])]


def write(path, channels):
    loudest = max(max(max(c), -min(c)) for c in channels)
    scale = PEAK / loudest * 32767
    samples = array.array("h", (round(x * scale) for frame in zip(*channels) for x in frame))
    if sys.byteorder == "big":
        samples.byteswap()
    with wave.open(str(path), "wb") as out:
        out.setnchannels(len(channels))
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())


if __name__ == "__main__":
    main()
