"""Bad arguments, files and settings of both programs. Each function yields (case, what is wrong or None)."""

import asyncio
import os
import wave

from server import SERVER_BIN, clean_environment, run_cli


async def command_line_cases(server, folder):
    """Arguments of `mixminus`: 2 for usage, 1 for what failed, one clear sentence, no panic."""
    (folder / "notes.wav").write_text("These are notes and no sound.\n" * 50)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "cut.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    with wave.open(str(folder / "good.wav"), "wb") as out:
        out.setnchannels(1), out.setsampwidth(2), out.setframerate(48_000)
        out.writeframes(bytes(9600))
    good = str(folder / "good.wav")
    cases = [
        ((), 2, "Usage"),
        (("explode",), 2, "explode"),
        (("push",), 2, ""),
        (("push", good), 2, "--room"),
        (("push", good, "--room", "a b"), 2, "room"),
        (("push", good, "--room", "r", "--gain", "loud"), 2, "loud"),
        (("push", good, "--room", "r", "--gain", "99"), 2, "99"),
        (("push", good, "--room", "r", "--pan", "NaN"), 2, "NaN"),
        (("push", good, "--room", "r", "--nonsense"), 2, "--nonsense"),
        (("push", good, "--room", "r", "--bus", "telephone"), 2, "telephone"),
        (("push", good, "--room", "r", "--priority", "256"), 2, "256"),
        (("push", "/nowhere/x.wav", "--room", "r"), 1, "/nowhere/x.wav"),
        (("push", str(folder / "notes.wav"), "--room", "r"), 1, "notes.wav"),
        (("push", str(folder / "empty.wav"), "--room", "r"), 1, "empty.wav"),
        (("push", str(folder / "cut.wav"), "--room", "r"), 1, "cut.wav"),
        (("push", str(folder), "--room", "r"), 1, folder.name),
        (("push", "/dev/null", "--room", "r"), 1, "/dev/null"),
        (("record",), 2, ""),
        (("record", str(folder / "x.xyz"), "--room", "talk"), 2, "x.xyz"),
        (("record", "/nowhere/x.wav", "--room", "talk", "--duration", "1"), 1, "/nowhere"),
        (("record", str(folder / "x.wav"), "--room", "talk", "--duration", "-1"), 2, "-1"),
        (("record", str(folder / "x.wav"), "--room", "talk", "--duration", "soon"), 2, "soon"),
        (("mix",), 2, ""),
        (("mix", "nowhere", "--master", "0"), 1, "nowhere"),
        (("mix", "talk", "nobody", "--gain", "0"), 1, "nobody"),
        (("mix", "talk", "Ada", "--gain", "200"), 2, "200"),
        (("mix", "talk", "--set", "duck_db=61"), 2, "0 to 60 dB"),
        (("mix", "talk", "--set", "loudness=3"), 2, "loudness"),
        (("mix", "talk", "--mode", "party"), 2, "party"),
        (("mix", "talk", "Ada", "--group", "x" * 65), 2, "64"),
        (("mix", "talk", "Ada", "--bus", "telephone"), 2, "telephone"),
        (("mix", "talk", "Ada", "--floor", "steal"), 2, "steal"),
        (("mix", "talk", "Ada", "--for", "Ada"), 2, "--gain"),
        (("mix", "talk", "Ada", "--for", "nobody", "--gain", "0"), 1, "nobody"),
        (("mix", "talk", "--for", "A" * 22), 1, "peer"),
        (("mix", "talk", "--volume", "-3"), 2, "--for"),
        (("rooms", "nowhere"), 1, "nowhere"),
        (("rooms", "a b"), 2, "a b"),
        (("events", "nowhere"), 1, "nowhere"),
        (("rooms", "--server", "no address"), 2, "no address"),
        (("rooms", "--server", "http://127.0.0.1:1"), 1, "127.0.0.1:1"),
    ]
    for arguments, code, word in cases:
        try:
            got, out, error = await run_cli(*arguments, timeout=20, MIXMINUS_SERVER=server.url)
        except AssertionError as hung:
            yield str(arguments), str(hung)
            continue
        clear = word in error and "panicked" not in error and len(error.splitlines()) < 40
        yield f"mixminus {' '.join(arguments)}", None if got == code and clear else f"{got}, {out!r}, {error!r}"


async def settings_cases(server, folder):
    """Settings of the server: refused at the start, by name."""
    (folder / "unknown.toml").write_text("listen = '127.0.0.1:0'\nlouder = 11\n")
    (folder / "type.toml").write_text("workers = 'many'\n")
    (folder / "range.toml").write_text("jitter_ms = -5\n")
    (folder / "broken.toml").write_text("listen = [\n")
    (folder / "bytes.toml").write_bytes(b"\xff\xfe\0")
    cases = [
        (("--config", str(folder / "unknown.toml")), {}, "louder"),
        (("--config", str(folder / "type.toml")), {}, "workers"),
        (("--config", str(folder / "range.toml")), {}, "jitter_ms"),
        (("--config", str(folder / "broken.toml")), {}, "broken.toml"),
        (("--config", str(folder / "bytes.toml")), {}, "bytes.toml"),
        (("--config", "/nowhere.toml"), {}, "/nowhere.toml"),
        (("--config", str(folder)), {}, folder.name),
        (("--louder",), {}, "--louder"),
        (("--listen", "nowhere"), {}, "nowhere"),
        (("--listen", f"127.0.0.1:{server.port}"), {}, str(server.port)),
        (("--workers", "0"), {}, "0"),
        (("--workers", "many"), {}, "many"),
        (("--media-ip", "999.1.1.1"), {}, "999.1.1.1"),
        (("--media-ports", "9-5"), {}, "9-5"),
        (("--media-ports", "x"), {}, "x"),
        (("--media-ports", "40000-40000", "--workers", "3"), {}, "40000"),
        (("--event-log", "/nowhere/events"), {}, "/nowhere/events"),
        (("--stream-timeout-s", "-1"), {}, "-1"),
        ((), {"MIXMINUS_WORKERS": "several"}, "several"),
        ((), {"MIXMINUS_LISTEN": "here"}, "here"),
        ((), {"MIXMINUS_LOUDER": "11"}, "MIXMINUS_LOUDER"),
    ]
    for arguments, environment, word in cases:
        given = arguments if "--listen" in arguments or "--config" in arguments else ("--listen", "127.0.0.1:0", *arguments)
        if "MIXMINUS_LISTEN" in environment:
            given = arguments
        process = await asyncio.create_subprocess_exec(
            SERVER_BIN,
            *given,
            env=clean_environment(**environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        case = " ".join([*(f"{key}={value}" for key, value in environment.items()), *map(os.path.basename, arguments)])
        try:
            out, error = await asyncio.wait_for(process.communicate(), 10)
        except TimeoutError:
            process.kill()
            yield case, "it starts all the same"
            continue
        error = error.decode(errors="replace")
        clear = process.returncode in (1, 2) and word in error and "panicked" not in error and not out
        yield case, None if clear else f"{process.returncode}: {error!r}"
