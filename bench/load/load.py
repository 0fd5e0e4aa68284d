#!/usr/bin/env python3
"""Makes docs/performance.md: what mixminus and Debian's Janus AudioBridge need for the same load. See README.md."""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "bench/sound"))

import front  # noqa: E402
import ours  # noqa: E402
import report  # noqa: E402
import scenarios  # noqa: E402
import servers  # noqa: E402

# Where it is allowed: other work on the machine then makes nothing late. CPU time is the same either way.
REAL_TIME_PRIORITY = 60
# What is measured several times is measured for so long each time.
SHORT_S = 3
CPU = {"cpu_percent", "cpu_ms_per_peer_s", "over_ten_percent"}
# Beside this room, of ten listeners, larger ones are measured.
TEN = 11
# Two for each peer, and some.
PORTS = 20_000
JANUS_ROOM = {"spatial_audio": True}  # stereo
# What mixminus encodes with by default.
JANUS_SAME = {"room": {**JANUS_ROOM, "default_bitrate": 128_000}, "member": {}}


@dataclasses.dataclass(frozen=True)
class Row:
    """One load, and the servers that are to carry it."""

    group: str
    rooms: int
    peers: int
    talkers: int
    columns: tuple
    # The machine has other things to do now and then: the median counts. Servers in turns, each begun so often …
    rounds: int = 1
    # … and measured so often, for listeners each time beside a room with ten.
    repeats: int = 1

    @property
    def name(self):
        return f"{self.rooms}x{self.peers}x{self.talkers}"


LISTENED = ("mixminus", "mixed")
BOTH = ("mixminus", "janus", "janus-same")
ROWS = [
    Row("rooms", 1, 100, 1, ("mixminus", "mixed", "janus", "janus-same"), rounds=5),
    Row("rooms", 1, 50, 3, BOTH, rounds=5),
    Row("rooms", 10, 5, 2, BOTH, rounds=5),
    Row("listeners", 1, TEN, 1, LISTENED, rounds=3),
    # Ninety further listeners cost not much more than the machine's moods do.
    Row("listeners", 1, 101, 1, LISTENED, repeats=9),
    *(Row("listeners", 1, listeners + 1, 1, LISTENED, repeats=3) for listeners in (500, 1000, 2000)),
    *(Row("listeners", 1, listeners + 1, 1, ("janus",)) for listeners in (10, 100, 200, 400)),
    Row("idle", 1000, 0, 0, ("mixminus", "janus")),
    Row("idle", 1, 1000, 0, ("mixminus",)),
    Row("idle", 1, 200, 0, ("janus",)),
]


def main():
    options = _arguments()
    if options.again:
        report.write(json.loads(pathlib.Path(options.again).read_text()), ROOT)
        return
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(REAL_TIME_PRIORITY))
    began = time.monotonic()
    try:
        results = asyncio.run(_run(options, out))
    except servers.Failed as failed:
        sys.exit(f"{sys.argv[0]}: {failed}")
    document = {"machine": report.machine(options.server), "seconds": options.seconds, "took_s": round(time.monotonic() - began), **results}
    (out / "load.json").write_text(json.dumps(document, indent=1) + "\n")
    print(report.tables(document))
    print(report.wanted_table(document))
    if not options.rows and not options.only and not options.short and not options.no_docs:
        report.write(document, ROOT)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default=str(ROOT / "target/release/mixminus-server"), help="the mixminus-server to measure")
    parser.add_argument("--client", default=str(ROOT / "target/release/mixminus"), help="the mixminus whose `bench` measures")
    names = list(dict.fromkeys(row.name for row in ROWS))
    parser.add_argument("--rows", nargs="+", metavar="ROW", choices=names, help="only these: " + " ".join(names))
    parser.add_argument("--floor", default=str(ROOT / "target/release/examples/floor"), help="the bare loop: server/examples/floor.rs")
    parser.add_argument("--payload", type=int, default=160, help="bytes of Opus in a packet of the floor; default 160: 64 kbit/s, what talkers say")
    parser.add_argument("--only", nargs="*", metavar="WHAT", choices=list(scenarios.ALL), help="only these scenarios: " + " ".join(scenarios.ALL))
    parser.add_argument("--short", action="store_true", help="scenarios at a small scale, to try them; writes no page")
    parser.add_argument("--seconds", type=float, default=5, help="how long each row is counted; default 5")
    parser.add_argument("--out", default=str(ROOT / "out/load"), help="where logs and load.json go")
    parser.add_argument("--busy", metavar="FILE", help="there while a row is measured, so that others may wait; waited for if it is there")
    parser.add_argument("--no-docs", action="store_true", help="leave docs/performance.md as it is even after a complete run")
    parser.add_argument("--again", metavar="JSON", help="only write docs/performance.md anew from the results of an earlier run")
    return parser.parse_args()


async def _run(options, out):
    rows, found = [], {}
    for row in ROWS:
        if row.name not in options.rows if options.rows else options.only is not None:
            continue
        measured = {column: [] for column in row.columns}
        for column in row.columns * row.rounds:
            print(f"--- {row.name} {column}", file=sys.stderr)
            measured[column].append(await _measure(row, column, options, out))
        rows += [{"group": row.group, "row": row.name, "column": column, **_median(those)} for column, those in measured.items()]
    for name, scenario in scenarios.ALL.items():
        if name not in options.only if options.only is not None else options.rows:
            continue
        print(f"--- {name}", file=sys.stderr)
        async with _alone(options):
            try:
                found[name] = await scenario(options, servers.own_address(), out)
            except servers.Failed as failed:
                found[name] = {"failed": str(failed)}
        print(f"    {json.dumps(found[name])}", file=sys.stderr)
    return {"rows": rows, "scenarios": found}


def _alone(options):
    return _busy(pathlib.Path(options.busy)) if options.busy else contextlib.nullcontext()


async def _measure(row, column, options, out):
    """A server of its own for each figure, so that memory begins anew."""
    address = servers.own_address()
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(_alone(options))
        stack.enter_context(ours.awake())
        if column.startswith("janus"):
            settings = JANUS_SAME if column == "janus-same" else {"room": JANUS_ROOM}
            server = await stack.enter_async_context(servers.Janus(out, address, f"{column}-{row.name}", ports=PORTS, **settings))
            url = (await stack.enter_async_context(front.Front(server, address))).url
            pid = server.process.pid
        else:
            # One worker, so that the clients have the other core to themselves; what two do is a scenario.
            more = ("--workers", "1", "--budget", "100") if row.group == "listeners" else ()
            url, pid = await stack.enter_async_context(ours.server(options, address, out, f"{column}-{row.name}", *more))
        beside = [TEN] if row.repeats > 1 else []
        peers = [*beside, row.peers] * row.repeats
        load = ["--rooms", row.rooms, "--peers", ",".join(map(str, peers)), "--talkers", row.talkers]
        load += ["--gain", "-1"] if column == "mixed" else []
        try:
            measured = await ours.bench(options, url, pid, *load, "--seconds", SHORT_S if max(row.repeats, row.rounds) > 1 else options.seconds)
        except servers.Failed as failed:
            return [{"failed": str(failed)}]
    if not beside:
        return measured
    for ten, figures in zip(measured[::2], measured[1::2], strict=True):
        figures["server"]["over_ten_percent"] = figures["server"]["cpu_percent"] - ten["server"]["cpu_percent"]
    return measured[1::2]


def _median(rounds):
    """The first of some measurements, with the median of their CPU and what was worst of what was heard."""
    measured = [one for those in rounds for one in those]
    failed = [one for one in measured if "failed" in one]
    if failed:
        return failed[0]
    row = measured[0]
    for key in CPU & row["server"].keys():
        row["server"][key] = statistics.median(one["server"][key] for one in measured)
    row["loss_percent"] = max(one["loss_percent"] for one in measured)
    row["sent_late"] = sum(one["sent_late"] for one in measured)
    return row


@contextlib.asynccontextmanager
async def _busy(file):
    while True:
        try:
            file.touch(exist_ok=False)
            break
        except FileExistsError:
            await asyncio.sleep(1)
    try:
        await asyncio.sleep(2)  # others see it between two of their steps
        yield
    finally:
        file.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
