#!/usr/bin/env python3
"""Makes docs/sound.md: mixminus beside Debian's Janus AudioBridge over the same bad networks. See README.md."""

import argparse
import asyncio
import contextlib
import concurrent.futures
import json
import multiprocessing
import os
import pathlib
import sys
import time
import traceback

import numpy as np

import client
import heard
import measures
import networks
import report
import servers
import speech

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What each server is called, and how it is made; the first three are compared, the last is an extra.
COLUMNS = {
    "janus": "Janus, as it comes",
    "janus-best": "Janus, quickest",
    "mixed": "mixminus, mixed",
    "alone": "mixminus, alone",
}
# By its source, Janus with a prebuffer of 1 drops what it has just queued, so 2 is its quickest that works.
REAL_TIME_PRIORITY = 60
# A row in which the machine held a talker up for longer is no measure of the network it names: it is run again.
MOST_LATE_MS, MOST_TRIES = 15.0, 4
JANUS_BEST = {"room": {"default_bitrate": 128_000}, "member": {"prebuffer": 2, "quality": 10}}


def main():
    options = _arguments()
    if options.again:
        report.write({**json.loads(pathlib.Path(options.again).read_text()), "columns": COLUMNS}, ROOT)
        return
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    _say("preparing three voices")
    voices = speech.voices()
    try:
        results = asyncio.run(_run(options, voices, out))
    except servers.Failed as failed:
        sys.exit(f"table.py: {failed}")
    document = {
        "machine": report.machine(options.server),
        "seed": options.seed,
        "runs": options.runs,
        "columns": {name: COLUMNS[name] for name in options.columns},
        "voices": [voice.name for voice in voices],
        "rows": results,
        "ceiling": _ceiling(voices),
        "seconds": round(time.monotonic() - began),
    }
    (out / "sound.json").write_text(json.dumps(document, indent=1) + "\n")
    _say(f"wrote {out / 'sound.json'}")
    print(report.as_text(document))
    complete = [n.name for n in options.networks] == [n.name for n in networks.NETWORKS] and list(COLUMNS) == options.columns
    if complete and not options.no_docs:
        report.write(document, ROOT)
        _say("wrote docs/sound.md, docs/img/sound.svg and bench/sound/results.json")


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default=str(ROOT / "target/release/mixminus-server"), help="the mixminus-server to measure")
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="only these: " + " ".join(n.name for n in networks.NETWORKS))
    parser.add_argument("--columns", nargs="+", choices=list(COLUMNS), default=list(COLUMNS), help="only these servers")
    parser.add_argument("--quick", action="store_true", help="only the rows clean, loss5, burst10, jitter60")
    parser.add_argument("--seed", type=int, default=1, help="of the networks in the first run; default 1")
    parser.add_argument("--runs", type=int, default=3, help="of each row, each with the next seed; the median counts; default 3")
    parser.add_argument("--out", default=str(ROOT / "out/sound"), help="where recordings, logs and sound.json go")
    parser.add_argument("--keep-sound", action="store_true", help="also write what was heard as WAV")
    parser.add_argument("--no-docs", action="store_true", help="leave docs/sound.md as it is even after a complete run")
    parser.add_argument("--again", metavar="JSON", help="only write docs/sound.md anew from the results of an earlier run")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error(f"--runs {options.runs}: at least 1")
    names = options.rows or (["clean", "loss5", "burst10", "jitter60"] if options.quick else [n.name for n in networks.NETWORKS])
    try:
        options.networks = networks.by_name(names)
    except ValueError as error:
        parser.error(str(error))
    return options


async def _run(options, voices, out):
    """One row after another, in each all servers at the same time, each with clients in a process of its own; what was heard
    is measured when nothing is timed any more."""
    spawn = multiprocessing.get_context("spawn")
    columns = {}
    try:
        for name in options.columns:
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=_column, args=(name, options.server, str(out), theirs), daemon=True)
            process.start()
            theirs.close()
            columns[name] = process, ours
        await asyncio.gather(*(_answer(name, *column) for name, column in columns.items()))
        captures = []
        for number, network in enumerate(options.networks, 1):
            for run in range(options.runs):
                _say(f"row {number} of {len(options.networks)}, run {run + 1} of {options.runs}: {network.label}")
                captures.append((network, await _capture(columns, network, voices, options.seed + run)))
    finally:
        for process, pipe in columns.values():
            try:
                pipe.send(None)
            except OSError:
                pass
            await asyncio.to_thread(process.join, 15)
            if process.is_alive():
                process.kill()
    _say("measuring what was heard")
    return _measure_all(captures, voices, options, out)


async def _capture(columns, network, voices, seed):
    """What the listeners of all servers got over one network, in the try in which the talkers were held up least."""
    row = {v.name: (v.packets[network.fec], networks.fates(network, len(v.packets[True]), f"{seed} {v.name}")) for v in voices}
    tries = []
    while len(tries) < MOST_TRIES:
        for _, pipe in columns.values():
            pipe.send((network.name, row))
        got = await asyncio.gather(*(_answer(name, *column) for name, column in columns.items()))
        late_ms = max(max(capture["late_ms"]) for voices_heard in got for capture in voices_heard.values())
        tries.append((late_ms, dict(zip(columns, got))))
        if late_ms <= MOST_LATE_MS:
            break
        _say(f"a talker was held up for {late_ms:.0f} ms; once more")
    return min(tries, key=lambda one: one[0])[1]


async def _answer(name, process, pipe):
    while not await asyncio.to_thread(pipe.poll, 1):
        if not process.is_alive():
            raise servers.Failed(f"{name}: its process ended with {process.exitcode}")
    answer = pipe.recv()
    if isinstance(answer, str) and answer:
        raise servers.Failed(f"{name}: {answer}")
    return answer


def _column(name, binary, out, pipe):
    """The process of one server's clients: a row comes in through the pipe, what its listeners got goes out."""
    with contextlib.suppress(PermissionError):
        # What is timed goes before what else the machine does; servers and clients alike.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(REAL_TIME_PRIORITY))
    address = servers.own_address()
    client.use_address(address)
    try:
        if name.startswith("janus"):
            server = servers.Janus(out, address, name, **(JANUS_BEST if name == "janus-best" else {}))
        else:
            server = servers.Mixminus(binary, out, address, mixed=name == "mixed")
        client.run(_serve(server, pipe))
    except servers.Failed as failed:
        pipe.send(str(failed))
    except (OSError, TimeoutError):
        pipe.send(f"{traceback.format_exc()}its log is in {out}")
    except KeyboardInterrupt:
        pass


async def _serve(making, pipe):
    async with making as server:
        pipe.send("")
        while (order := await asyncio.to_thread(pipe.recv)) is not None:
            name, row = order
            pipe.send(await _row(server, name, row))


async def _row(server, name, row):
    talkers = {voice: client.Talker(packets, fates) for voice, (packets, fates) in row.items()}
    listeners = {voice: client.Listener() for voice in row}
    leaving = []
    for voice in row:
        for who, talks in ((listeners[voice], False), (talkers[voice], True)):
            leaving.append(await server.join(who, f"{name}-{voice}", talks))
        listeners[voice].listen()
    cpu = server.process.cpu_s()
    start = time.monotonic() + 0.3
    for index, talker in enumerate(talkers.values()):
        # Not all at once: three packets in one moment would wait for each other in this process.
        talker.start(start + index * 0.0067)
    for talker in talkers.values():
        await talker.ended()
    await asyncio.sleep(0.7)
    server.process.check()
    cpu = server.process.cpu_s() - cpu
    for leave in leaving:
        await leave()
    for who in (*talkers.values(), *listeners.values()):
        await who.connection.close()
    return {
        voice: {
            "start": start + index * 0.0067,
            "packets": listeners[voice].packets,
            "late_ms": talkers[voice].late_ms,
            "cpu_s": cpu / len(row),
        }
        for index, voice in enumerate(row)
    }


def _measure_all(captures, voices, options, out):
    """The rows, each with the figures of every run and their medians."""
    jobs = {}
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), mp_context=spawn) as pool:
        for number, (network, got) in enumerate(captures):
            for column, capture in got.items():
                for voice in voices:
                    wav = out / f"{network.name}-{number % options.runs}-{column}-{voice.name}.wav" if options.keep_sound else None
                    arguments = capture[voice.name], voice.packets[network.fec], voice.signal, voice.references[network.fec], wav
                    jobs[number, column, voice.name] = pool.submit(measure, *arguments)
        for done, _ in enumerate(concurrent.futures.as_completed(jobs.values()), 1):
            if done % 10 == 0 or done == len(jobs):
                _say(f"{done} of {len(jobs)}")
    rows = {}
    for number, (network, got) in enumerate(captures):
        row = rows.setdefault(network.name, {"name": network.name, "label": network.label, "runs": []})
        row["runs"].append({column: _together([jobs[number, column, v.name].result() for v in voices]) for column in got})
    for row in rows.values():
        row["columns"] = {
            column: {key: float(np.median([run[column][key] for run in row["runs"]])) for key in figures if key != "voices"}
            for column, figures in row["runs"][0].items()
        }
    return list(rows.values())


def measure(capture, sent, signal, reference, wav=None):
    """The figures of one listener."""
    start = capture["start"]
    sound = heard.hear(capture["packets"], start, sent)
    if wav:
        _write_wav(wav, sound.signal)
    got = measures.to_16k(sound.signal)
    begin, end = speech.LEAD_S, speech.LEAD_S + speech.MEASURED_S
    result = measures.compare(measures.to_16k(reference), got, begin, end)
    first = int(begin * 100)
    at = np.clip(np.arange(len(result.lag)) + first + result.lag // measures.HOP, 0, len(sound.extra_s) - 1)
    delay_ms = result.lag * 1000 / measures.RATE + sound.extra_s[at] * 1000
    straight = measures.straightened(len(reference) // 3, got, first, result.lag)
    said = measures.to_16k(signal)[int(begin * 16_000) : int(end * 16_000)]
    return {
        "active": result.active,
        "damaged": result.damaged,
        "gap_ms": result.longest_gap_ms,
        "delay_ms": delay_ms[result.is_active & ~result.is_damaged].round(2).tolist(),
        "late_ms": capture["late_ms"],
        "cpu_s": capture["cpu_s"],
        "forwarded": sound.forwarded,
        **_quality(said, straight),
    }


def _quality(said, straight):
    from pystoi import stoi
    from visqol import VisqolApi

    visqol = VisqolApi()
    # What was heard lies on what was said already: looking for it again would take most of the time.
    visqol.create(mode="speech", search_window=2, disable_global_alignment=True, disable_realignment=True)
    return {
        "stoi": float(stoi(said, straight, 16_000)),
        "visqol": float(visqol.measure_from_arrays(said, straight, 16_000).moslqo),
    }


def _ceiling(voices):
    """What the talker's own encoder leaves of the speech: more is not to be had."""
    begin, end = int(speech.LEAD_S * 16_000), int((speech.LEAD_S + speech.MEASURED_S) * 16_000)
    figures = [_quality(measures.to_16k(v.signal)[begin:end], measures.to_16k(v.references[True])[begin:end]) for v in voices]
    return {key: float(np.mean([f[key] for f in figures])) for key in ("stoi", "visqol")}


def _together(figures):
    """One server's figures in one row: the voices taken together."""
    delay = np.concatenate([f["delay_ms"] for f in figures] or [[]])
    late = np.concatenate([f["late_ms"] for f in figures])
    p50, p95 = (np.percentile(delay, [50, 95]) if len(delay) else (float("nan"),) * 2)
    return {
        "damaged_percent": 100 * sum(f["damaged"] for f in figures) / sum(f["active"] for f in figures),
        "longest_gap_ms": max(f["gap_ms"] for f in figures),
        "stoi": float(np.mean([f["stoi"] for f in figures])),
        "visqol": float(np.mean([f["visqol"] for f in figures])),
        "delay_p50_ms": float(p50),
        "delay_p95_ms": float(p95),
        "forwarded": float(np.mean([f["forwarded"] for f in figures])),
        "cpu_s": sum(f["cpu_s"] for f in figures),
        "talker_late_p95_ms": float(np.percentile(late, 95)),
        "talker_late_max_ms": float(late.max()),
        "voices": [{key: value for key, value in f.items() if key not in ("delay_ms", "late_ms")} for f in figures],
    }


def _write_wav(path, signal):
    import soundfile

    soundfile.write(path, signal, 48_000)


def _say(text):
    print(f"--- {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
