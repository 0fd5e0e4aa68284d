"""The voices: recorded speech that Debian ships, as 48 kHz mono at one level, and its Opus packets."""

import subprocess

import numpy as np

import opus

SOUNDS = "/usr/share/asterisk/sounds"
# Name, Debian package, folder. Each says the demonstration of a telephone exchange, in its own language.
VOICES = [
    ("Allison", "asterisk-core-sounds-en-g722", "en_US_f_Allison"),
    ("Carlo", "asterisk-core-sounds-it-g722", "it_IT_m_Carlo"),
    ("June", "asterisk-core-sounds-fr-g722", "fr_CA_f_June"),
]
LEVEL_DBFS = -23.0  # RMS of what is speech
LEAD_S, MEASURED_S, TAIL_S = 3.0, 16.0, 1.0


class Voice:
    """A voice: `signal` (samples,), `packets[fec]`, and `reference`: encoded and decoded once, nothing lost."""

    def __init__(self, name, folder):
        self.name = name
        self.signal = _read(f"{SOUNDS}/{folder}/demo-congrats.g722", LEAD_S + MEASURED_S + TAIL_S)
        self.packets = {fec: opus.Encoder(fec=fec).encode(self.signal) for fec in (True, False)}
        self.references = {fec: opus.transcode(self.signal, fec=fec) for fec in (True, False)}


def voices():
    """All of them; SystemExit says what to install."""
    return [Voice(name, folder) for name, _, folder in VOICES]


def _read(path, seconds):
    command = ["ffmpeg", "-v", "error", "-f", "g722", "-i", path, "-ar", str(opus.RATE), "-ac", "1", "-f", "f32le", "-"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        packages = " ".join(package for _, package, _ in VOICES)
        raise SystemExit(f"{path}: {done.stderr.decode().strip()}; on Debian: apt-get install ffmpeg {packages}")
    signal = np.frombuffer(done.stdout, np.float32)[: int(seconds * opus.RATE)]
    if len(signal) < int(seconds * opus.RATE):
        raise SystemExit(f"{path} has {len(signal) / opus.RATE:.1f} s, not {seconds} s")
    power = (signal[: len(signal) // 480 * 480].reshape(-1, 480) ** 2).mean(axis=1)
    speech = power[power > power.max() * 1e-4].mean()
    return signal * (10 ** (LEVEL_DBFS / 20) / np.sqrt(speech))
