"""The main job in real browsers: one speaks; another, an aiortc client and the recorder hear it."""

import asyncio
import base64
import os
import wave

import numpy as np
import pytest

from peers import Peer
from server import ROOT, Server
from sound import RATE, best_match, speech_like
from test_command_line import read_by_ffmpeg, someone_listens, start_cli

CONVERSATION = ROOT / "web-client" / "e2e" / "conversation.mjs"


def write_wav(path, signal):
    """One channel, 16 bit, as the fake microphone of Chromium takes it."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(signal, -1, 1) * 32767).astype("<i2").tobytes())


def has_heard(who, heard, said):
    """The words are in what somebody heard, in both ears, at their level. The microphone plays the
    file over and over, so any whole second of it is looked for."""
    words = said[RATE : 2 * RATE]
    for ear in (0, 1):
        at, likeness = best_match(heard[:, ear], words)
        assert likeness > 0.8, f"{who}: likeness {likeness:.3f} at {at / RATE:.2f} s of {len(heard) / RATE:.2f} s"
        part = heard[at : at + len(words), ear]
        level = 20 * np.log10(np.std(part) / np.std(words))
        assert level == pytest.approx(0, abs=1.5), f"{who}: {level:.2f} dB"


@pytest.mark.limit_s(120)
async def test_what_is_said_in_a_browser_is_heard_in_another_by_aiortc_and_in_the_recording(tmp_path):
    said = speech_like(4.0)
    write_wav(tmp_path / "said.wav", said)
    async with Server() as server:
        browsers = await asyncio.create_subprocess_exec(
            "node", str(CONVERSATION), server.url, "talk", str(tmp_path / "said.wav"), "8",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24,
            env={**os.environ},
        )
        try:
            assert (await asyncio.wait_for(browsers.stdout.readline(), 60)).strip() == b"talking"
            recorder = await start_cli(server, "record", str(tmp_path / "talk.wav"), "--room", "talk", "--duration", "8")
            await someone_listens(server, "talk")
            listener = await Peer.whep(server, "talk")
            by_aiortc = await listener.ear.hear(7.0, skip_s=0.5)
            by_browser = await asyncio.wait_for(browsers.stdout.readline(), 60)
            assert await asyncio.wait_for(recorder.wait(), 30) == 0
            await listener.close()
        finally:
            browsers.stdin.close()
            await asyncio.wait_for(browsers.wait(), 20)
    has_heard("aiortc", by_aiortc, said)
    has_heard("the recorder", read_by_ffmpeg(tmp_path / "talk.wav"), said)
    has_heard("the second browser", np.frombuffer(base64.b64decode(by_browser), np.float32).reshape(-1, 2), said)
