"""mixminus-server started, loaded by `mixminus bench`, and read from /proc."""

import asyncio
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys

import servers


@contextlib.asynccontextmanager
async def server(options, address, out, name, *more):
    """As it is by default, but for more peers and rooms than it lets in and what `more` says. Gives its URL and process id."""
    if not os.access(options.server, os.X_OK):
        raise servers.Failed(f"{options.server} is not there; build it: cargo build --release -p mixminus-server, or name it by --server")
    log = out / f"{name}.log"
    command = [options.server, "--listen", f"{address}:0", "--media-ip", address, "--data", str(out / "data")]
    process = servers.Process([*command, "--max-peers", "20000", "--max-rooms", "20000", *more], log)
    try:
        found = None
        while not found:
            process.check()
            await asyncio.sleep(0.02)
            found = re.search(r"listening on (\S+)", log.read_text(errors="replace"))
        yield found[1], process.pid
    finally:
        process.end()


async def bench(options, url, pid, *more):
    """What `mixminus bench` says, a list; or Failed with its words."""
    command = [options.client, "bench", "--server", url, "--pid", str(pid), "--json", *map(str, more)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    said, wrong = await process.communicate()
    if process.returncode:
        print(f"    {wrong.decode().strip()}", file=sys.stderr)
        raise servers.Failed(wrong.decode().strip())
    print(f"    {said.decode().strip()}", file=sys.stderr)
    return [json.loads(line) for line in said.splitlines()]


def knows(options, flag):
    """Whether the server has such a flag."""
    return flag in servers.subprocess.run([options.server, "--help"], capture_output=True, text=True, check=False).stdout


def threads(pid):
    """Of each thread, by its id: name, seconds of processor time, and how often it went to sleep of itself."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # one that ended meanwhile
            spent = int((task / "schedstat").read_text().split()[0]) / 1e9
            slept = int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.M)[1])
            found[task.name] = ((task / "comm").read_text().strip(), spent, slept)
    return found


async def watched(pid, seconds):
    """What the threads do for so long: CPU in % of a core and wake-ups, of all and of the workers."""
    before = threads(pid)
    await asyncio.sleep(seconds)
    after = threads(pid)
    none = ("", 0.0, 0)
    spent = {name: 0.0 for name, *_ in after.values()}
    woken = dict.fromkeys(spent, 0)
    for task, (name, cpu, slept) in after.items():
        then = before.get(task, none)
        spent[name] += 100 * (cpu - then[1]) / seconds
        woken[name] += slept - then[2]
    workers = {name for name in spent if name.startswith("worker-")}
    return {
        "seconds": seconds,
        "cpu_percent": round(sum(spent.values()), 3),
        "wakeups": sum(woken.values()),
        "wakeups_of_workers": sum(woken[name] for name in workers),
        "workers": {name: round(spent[name], 3) for name in sorted(workers)},
    }


def metric(page, name):
    """The sum of a metric over its labels; None if the page has it not."""
    values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", page, re.M)
    return sum(map(float, values)) if values else None


# It touches next to nothing, so that what it leaves to the server of the caches is all of them.
SPIN = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


@contextlib.contextmanager
def awake():
    """Loops of the idle class, which give way to everything, keep all cores awake: a virtual core that wakes has cold caches,
    and every server is dearer by that, the more the less it has to do. They end with this program."""
    loops = [subprocess.Popen(["chrt", "--idle", "0", sys.executable, "-c", SPIN]) for _ in range(os.cpu_count())]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
