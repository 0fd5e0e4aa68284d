"""The command line against clients that are not ours: aiortc talks and hears, ffmpeg and sox read."""

import asyncio
import json
import subprocess
import wave

import numpy as np
import pytest

from peers import Peer
from server import CLI_BIN, Server, clean_environment, run_cli
from sound import RATE, parts_found, pitch_hz, sine, speech_like, tone_in_ears


def read_by_ffmpeg(path):
    """A file as ffmpeg decodes it, shape (samples, 2) at 48 kHz."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "f32le", "-ac", "2", "-ar", str(RATE), "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return np.frombuffer(done.stdout, np.float32).reshape(-1, 2)


async def start_cli(server, *arguments):
    """Starts `mixminus` and leaves it running."""
    return await asyncio.create_subprocess_exec(
        CLI_BIN,
        *arguments,
        env=clean_environment(MIXMINUS_SERVER=server.url),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def someone_listens(server, room):
    async def listens():
        return any(state["room"] == room and state["listeners"] for state in await server.get("/api/rooms"))

    await server.until(f"a listener in {room}", listens)


@pytest.mark.parametrize("ending", ["wav", "ogg"])
async def test_what_an_aiortc_client_says_is_in_the_recording(ending, tmp_path):
    said = speech_like(4.0)
    async with Server() as server:
        recording = tmp_path / f"room.{ending}"
        recorder = await start_cli(server, "record", str(recording), "--room", "talk", "--duration", "8")
        await someone_listens(server, "talk")
        talker = await Peer.whip(server, "talk", said, loop=False, name="voice")
        assert await asyncio.wait_for(recorder.wait(), 30) == 0
        await talker.close()
    heard = read_by_ffmpeg(recording)
    assert 7.5 < len(heard) / RATE < 9
    for ear in (0, 1):
        found = parts_found(heard[:, ear], said)
        alike = [part for part in found if part[2] > 0.7]
        assert len(alike) >= 0.6 * len(found), found
        assert np.percentile([likeness for _, _, likeness, _ in found], 75) > 0.9, found
        # A stall of the machine delays what comes after it; nothing of that length is missing.
        later = [later_s for _, later_s, *_ in alike]
        assert max(later) - min(later) < 0.7, found
        assert np.median([louder for *_, louder in found]) == pytest.approx(0, abs=1)


async def test_a_pushed_file_of_another_rate_is_heard_at_its_level_and_pitch(tmp_path):
    source = tmp_path / "tone 44100.wav"
    tone = 0.1 * np.sin(2 * np.pi * 997 * np.arange(44_100 * 6) / 44_100)
    with wave.open(str(source), "wb") as out:
        out.setnchannels(1), out.setsampwidth(2), out.setframerate(44_100)
        out.writeframes(np.round(tone * 32767).astype("<i2").tobytes())
    async with Server() as server:
        listener = await Peer.whep(server, "files")
        pusher = await start_cli(
            server, "push", str(source), "--room", "files", "--name", "tone", "--gain", "-6", "--pan", "1"
        )
        heard = await listener.ear.hear(3.0, skip_s=1.0)
        left, right = tone_in_ears(heard, 997)
        assert right == pytest.approx(-20 - 6 + 3.01, abs=1) and left < -60
        cents = 1200 * np.log2(pitch_hz(heard[:, 1], 997) / 997)
        assert abs(cents) < 1, f"{cents:.2f} cents"
        assert (await server.get("/api/rooms/files"))["tracks"][0]["kind"] == "file"
        assert await asyncio.wait_for(pusher.wait(), 20) == 0
        assert (await server.get("/api/rooms/files"))["tracks"] == [], "a file that has ended leaves"
        await listener.close()


@pytest.mark.parametrize("ending", ["wav", "ogg"])
async def test_a_recording_opens_elsewhere_after_kill_9(ending, tmp_path):
    async with Server() as server:
        recording = tmp_path / f"cut.{ending}"
        talker = await Peer.whip(server, "cut", sine(1000, -20), name="tone")
        recorder = await start_cli(server, "record", str(recording), "--room", "cut")
        listener = await Peer.whep(server, "cut")
        await someone_listens(server, "cut")

        async def both_listen():
            return (await server.get("/api/rooms/cut"))["listeners"] == 2

        await server.until("the recorder listens", both_listen)
        await listener.ear.hear(3.0)
        recorder.kill()
        await recorder.wait()
        await listener.close()
        await talker.close()
    heard = read_by_ffmpeg(recording)
    assert len(heard) / RATE > 1.5, "at most half a second and the joining may be missing"
    assert tone_in_ears(heard[len(heard) // 4 :], 1000) == pytest.approx((-20, -20), abs=0.5)
    for reader in (["ffprobe", "-v", "error", "-show_format"], ["soxi"] if ending == "wav" else ["ffprobe"]):
        done = subprocess.run([*reader, str(recording)], capture_output=True, check=False)
        assert done.returncode == 0, (reader, done.stderr.decode())


async def test_the_desk_is_moved_and_read_from_the_command_line():
    async with Server() as server:
        talker = await Peer.offer(server, "desk", sine(1000, -20), name="Ada")
        heard = await Peer.whep(server, "desk")
        at = {"MIXMINUS_SERVER": server.url}
        code, _, error = await run_cli("mix", "desk", "Ada", "--gain", "-6", "--pan", "-1", **at)
        assert code == 0, error
        code, _, error = await run_cli("mix", "desk", "--master", "2", **at)
        assert code == 0, error
        left, right = tone_in_ears(await heard.ear.hear(1.5, skip_s=0.7), 1000)
        assert left == pytest.approx(-20 - 6 + 2 + 3.01, abs=0.5) and right < -60
        code, out, error = await run_cli("--json", "rooms", **at)
        assert code == 0, error
        assert [room["room"] for room in json.loads(out)] == ["desk"]
        await talker.close()
        await heard.close()
