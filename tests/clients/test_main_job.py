"""The main job in real browsers: one speaks; another, an aiortc client and the recorder hear it."""

import asyncio
import base64
import os
import wave

import numpy as np
import pytest

from peers import Peer
from server import ROOT, Server
from sound import RATE, parts_found, speech_like
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
    """The words are in what somebody heard, in both ears, at their level: at least half of their quarters of a second, whatever a stall does to the rest."""
    for ear in (0, 1):
        found = parts_found(heard[:, ear], said)
        likenesses = [likeness for _, _, likeness, _ in found]
        assert sum(likeness > 0.8 for likeness in likenesses) >= 0.5 * len(found), f"{who}: {found}"
        level = np.median([louder for *_, louder in found])
        assert level == pytest.approx(0, abs=1.5), f"{who}: {level:.2f} dB"


@pytest.mark.limit_s(240)
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
            assert (await asyncio.wait_for(browsers.stdout.readline(), 120)).strip() == b"talking"
            recorder = await start_cli(server, "record", str(tmp_path / "talk.wav"), "--room", "talk", "--duration", "8")
            await someone_listens(server, "talk")
            listener = await Peer.whep(server, "talk")
            by_aiortc = await listener.ear.hear(7.0, skip_s=0.5)
            by_browser = await asyncio.wait_for(browsers.stdout.readline(), 120)
            assert await asyncio.wait_for(recorder.wait(), 30) == 0
            await listener.close()
        finally:
            browsers.stdin.close()
            await asyncio.wait_for(browsers.wait(), 40)
    has_heard("aiortc", by_aiortc, said)
    has_heard("the recorder", read_by_ffmpeg(tmp_path / "talk.wav"), said)
    has_heard("the second browser", np.frombuffer(base64.b64decode(by_browser), np.float32).reshape(-1, 2), said)
