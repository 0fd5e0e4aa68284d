#!/usr/bin/env python3
"""Checks that a recording of the demo is one: check_recording.py WAV OGG. Standard library only."""

import array
import math
import sys
import wave


def main(wav, ogg):
    with wave.open(wav) as recording:
        rate, channels = recording.getframerate(), recording.getnchannels()
        samples = array.array("h", recording.readframes(recording.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    seconds = len(samples) / channels / rate
    levels = [level_dbfs(samples[channel::channels]) for channel in range(channels)]
    expect((rate, channels) == (48_000, 2), f"{wav} has {channels} channels at {rate} Hz, not 2 at 48000")
    expect(14 < seconds < 17, f"{wav} lasts {seconds:.1f} s, not 15")
    expect(min(levels) > -40, f"{wav} is silent or nearly: {levels} dBFS")
    expect(levels[0] != levels[1], f"{wav} has the same in both channels, but the demo is panned")
    with open(ogg, "rb") as recording:
        start = recording.read(64)
    expect(start.startswith(b"OggS") and b"OpusHead" in start, f"{ogg} is no Ogg Opus")
    left, right = levels
    print(f"{wav} and {ogg} hold {seconds:.1f} s of the demo: left {left} dBFS, right {right} dBFS")


def level_dbfs(samples):
    """RMS of one channel, 0 dBFS for a full-scale sine."""
    power = sum(sample * sample for sample in samples) / max(1, len(samples)) / 32768**2
    return round(10 * math.log10(2 * power + 1e-13), 1)


def expect(true, otherwise):
    if not true:
        sys.exit(f"check_recording.py: {otherwise}")


if __name__ == "__main__":
    main(*sys.argv[1:])
