"""What is measured once, beside the rows of load.py: the floor, joins, overload, two workers, idle, start-up, the limit."""

import asyncio
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import time

import aiohttp

import ours
import servers
import wanted

# Small, so that a load over it is one that the machine and the clients carry with ease.
BUDGET = 10
# A server that has no budget refuses nobody: what it would be measured by is not there.
NO_BUDGET = "this server has no --budget"
DESTINATIONS = ("10", "100", "1000", "2000")


async def floor(options, _address, _out):
    """The bare loop: on the loopback, and through a veth into a network namespace where that is allowed."""
    found = {"payload": options.payload, "loopback": await _floor(options, [])}
    name, link = f"floor{os.getpid()}", f"fl{os.getpid() % 100_000}"
    steps = [
        f"ip netns add {name}",
        f"ip link add {link}a type veth peer name {link}b netns {name}",
        f"ip addr add 198.18.255.1/30 dev {link}a",
        f"ip link set {link}a up",
        f"ip -n {name} addr add 198.18.255.2/30 dev {link}b",
        f"ip -n {name} link set {link}b up",
        f"ip -n {name} link set lo up",
    ]
    try:
        for step in steps:
            subprocess.run(step.split(), check=True, capture_output=True, text=True)
        found["veth"] = await _floor(options, ["--to", "198.18.255.2", "--namespace", name])
    except FileNotFoundError:
        found["no_veth"] = "there is no `ip`"
    except subprocess.CalledProcessError as error:
        found["no_veth"] = error.stderr.strip()
    finally:
        with contextlib.suppress(FileNotFoundError):
            # What was not made cannot be taken away.
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
            subprocess.run(["ip", "link", "del", f"{link}a"], check=False, capture_output=True)
    return found


async def _floor(options, more):
    command = [options.floor, "--payload", str(options.payload), *more, *DESTINATIONS]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    if process.returncode:
        raise servers.Failed(f"{' '.join(command)} ended with {process.returncode}")
    return [json.loads(line) for line in said.splitlines()]


async def joins(options, address, out):
    """100 a second for a minute, while five listen to one."""
    seconds = 3 if options.short else 60
    async with ours.server(options, address, out, "joins") as (url, pid):
        more = ("--peers", 6, "--seconds", seconds, "--joins-per-second", 100, "--stay", 2)
        return (await ours.bench(options, url, pid, *more))[0]


async def overload(options, address, out):
    """At least three times of what the budget lets in comes; later one more comes and must be taken."""
    if not ours.knows(options, "--budget"):
        return {"missing": NO_BUDGET}
    rooms = 10 if options.short else 40
    async with ours.server(options, address, out, "overload", "--workers", "1", "--budget", str(BUDGET)) as (url, pid):
        row = (await ours.bench(options, url, pid, *_small_rooms(rooms), "--pace", 20))[0]
        row["offered"] = rooms * 5
        began = tried = time.monotonic()
        while tried - began < 30 and "recovered_s" not in row:
            tried = time.monotonic()
            with contextlib.suppress(servers.Failed):
                await ours.bench(options, url, pid, "--peers", 2, "--seconds", 1)
                row["recovered_s"] = round(tried - began, 1)
            await asyncio.sleep(0.2)
        async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as answer:
            row["joins_refused_total"] = ours.metric(await answer.text(), "mixminus_joins_refused_total")
    return row


def _small_rooms(rooms):
    return ("--rooms", rooms, "--peers", 5, "--talkers", 2, "--seconds", 4)


async def workers(options, address, out):
    """What one worker and two of the same small budget take before the first is refused, in turns, and what they use at the
    same load. A join costs a worker too, and its load is known a moment later: both get as many a second, and not many."""
    if not ours.knows(options, "--budget"):
        return {"missing": NO_BUDGET}
    # What comes, twice as much for two; how many a second; of which budget; and an equal load.
    loads = {
        "small rooms": (lambda count: _small_rooms((10 if options.short else 25) * count), 10, 2 * BUDGET, ("--rooms", 4, "--peers", 5, "--talkers", 2)),
        "one large room": (lambda count: _large_room((100 if options.short else 400) * count), 20, BUDGET, ("--peers", 100, "--talkers", 3)),
    }
    found = {}
    for name, (rising, pace, budget, equal) in loads.items():
        rows = {1: [], 2: []}
        for _ in range(1 if options.short else 3):
            for count, taken in rows.items():
                more = ("--workers", str(count), "--budget", str(budget))
                with ours.awake():
                    async with ours.server(options, address, out, f"workers-{count}", *more) as (url, pid):
                        taken += await ours.bench(options, url, pid, *rising(count), "--pace", pace)
        for count, taken in rows.items():
            found[f"{name}, {count}"] = _median(taken)
        async with ours.server(options, address, out, "workers-equal", "--workers", "2") as (url, pid):
            load = asyncio.create_task(ours.bench(options, url, pid, *equal, "--seconds", 8))
            await asyncio.sleep(5)  # all are there and talk
            found[f"{name}, threads"] = (await ours.watched(pid, 4))["workers"]
            await load
    return found


def _large_room(peers):
    return ("--peers", peers, "--talkers", 3, "--seconds", 4)


def _median(rows):
    """The row of which as many took more peers as fewer, with what was worst of what any of them heard."""
    row = sorted(rows, key=wanted.at_once)[len(rows) // 2]
    worst = {key: max(row[key] for row in rows) for key in ("loss_percent", "longest_gap_ms")}
    heard = min(row["heard_percent"] for row in rows)
    return {**row, **worst, "heard_percent": heard, "all_joined_at_once": [wanted.at_once(row) for row in rows]}


async def idle(options, address, out):
    """Rooms without anybody, and peers who hear nothing: CPU and wake-ups over ten seconds."""
    found, seconds = {}, 2 if options.short else 10
    for rooms in (0, 1_000, 10_000):
        async with ours.server(options, address, out, f"idle-{rooms}", "--room-linger-s", "86400") as (url, pid):
            async with aiohttp.ClientSession(url) as http:
                for number in range(rooms):
                    async with http.put(f"/api/rooms/idle-{number}", json={}) as answer:
                        if answer.status >= 300:
                            raise servers.Failed(f"PUT of room {number}: {answer.status} {await answer.text()}")
            await asyncio.sleep(2)
            found[f"{rooms} rooms"] = await ours.watched(pid, seconds)
    async with ours.server(options, address, out, "idle-peers") as (url, pid):
        load = asyncio.create_task(ours.bench(options, url, pid, "--peers", 1_000, "--talkers", 0, "--seconds", seconds + 4))
        async with aiohttp.ClientSession(url) as http:
            there = 0
            while there < 1_000 and not load.done():
                await asyncio.sleep(0.2)
                async with http.get("/api/health") as answer:
                    there = (await answer.json())["peers"]
        await asyncio.sleep(3)
        found["1000 peers"] = await ours.watched(pid, seconds)
        await load
    return found


async def start(options, address, _out):
    """From spawn to the line `listening on`, the median of ten; and how large the programs are."""
    times = []
    for _ in range(10):
        began = time.monotonic()
        command = [options.server, "--listen", f"{address}:0", "--media-ip", address]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            line = process.stdout.readline()
            times.append(1000 * (time.monotonic() - began))
            process.terminate()
        if not line.startswith("listening on"):
            raise servers.Failed(f"{options.server} says {line!r}")
    size = lambda path: round(pathlib.Path(path).stat().st_size / 1e6, 1)  # noqa: E731
    return {"ms": round(statistics.median(times), 1), "server_mb": size(options.server), "client_mb": size(options.client)}


async def limits(options, address, out):
    """How many this machine carries, clients included, at p99.9 of the ticks under 5 ms and no loss."""
    most = 4 if options.short else 8_000
    starts = {
        "listeners": ("--peers", 3 if options.short else 1_001, "--talkers", 1),
        "talkers": ("--peers", 2 if options.short else 20, "--talkers", 2 if options.short else 20),
        "rooms": ("--rooms", 2 if options.short else 10, "--peers", 5, "--talkers", 2),
    }
    found = {}
    for what, shape in starts.items():
        async with ours.server(options, address, out, f"limit-{what}") as (url, pid):
            try:
                found[what] = (await ours.bench(options, url, pid, *shape, "--search", what, "--max", most, "--seconds", 2))[-1]
            except servers.Failed as failed:
                found[what] = {"failed": str(failed)}
    return found


ALL = {"floor": floor, "joins": joins, "overload": overload, "workers": workers, "idle": idle, "start": start, "limits": limits}
