"""A server of our own for one test: the release binary on a free port, watched from outside."""

import asyncio
import json
import os
import pathlib
import signal

import aiohttp

ROOT = pathlib.Path(__file__).resolve().parents[2]
_RELEASE = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
SERVER_BIN = os.environ.get("MIXMINUS_SERVER_BIN", str(_RELEASE / "mixminus-server"))
CLI_BIN = os.environ.get("MIXMINUS_BIN", str(_RELEASE / "mixminus"))


def clean_environment(**extra):
    """Ours without any setting of the server or the command line."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MIXMINUS_")}
    return {**inherited, **extra}


class Server:
    """`async with Server("--workers", "2") as server:` starts it and ends it by SIGTERM, and then
    insists that it ended with 0 and never panicked."""

    def __init__(self, *arguments, **environment):
        self._arguments = ("--listen", "127.0.0.1:0", *arguments)
        self._environment = clean_environment(**environment)
        self._log = bytearray()

    async def __aenter__(self):
        self._process = await asyncio.create_subprocess_exec(
            SERVER_BIN,
            *self._arguments,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._stderr = asyncio.create_task(self._read_stderr())
        line = (await asyncio.wait_for(self._process.stdout.readline(), 10)).decode()
        assert line.startswith("listening on http://"), f"{line!r}, stderr: {self.log}"
        self.url = line.removeprefix("listening on ").strip()
        self.port = int(self.url.rsplit(":", 1)[1])
        self.http = aiohttp.ClientSession(self.url)
        return self

    async def __aexit__(self, *failure):
        await self.http.close()
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            code = "nothing within 10 s of SIGTERM"
        await self._stderr
        if failure[0] is None:
            assert code == 0, f"the server ended with {code}: {self.log}"
            assert "panicked" not in self.log, self.log
        else:
            print(f"the server's stderr:\n{self.log}")

    async def _read_stderr(self):
        while chunk := await self._process.stderr.read(65536):
            self._log += chunk

    @property
    def log(self):
        """What it has written to standard error."""
        return self._log.decode(errors="replace")

    @property
    def pid(self):
        return self._process.pid

    @property
    def is_running(self):
        return self._process.returncode is None

    async def get(self, path):
        """The JSON of a GET that must succeed."""
        async with self.http.get(path) as answer:
            text = await answer.text()
            assert answer.status == 200, f"GET {path}: {answer.status} {text}"
            return json.loads(text)

    async def patch(self, path, **values):
        """A PATCH that must succeed."""
        async with self.http.patch(path, json=values) as answer:
            assert answer.status in (200, 204), f"PATCH {path} {values}: {answer.status} {await answer.text()}"

    async def put(self, path, **values):
        """A PUT that must succeed."""
        async with self.http.put(path, json=values) as answer:
            assert answer.status in (200, 201, 204), f"PUT {path} {values}: {answer.status} {await answer.text()}"

    async def close_connections(self):
        """Lets go of the HTTP connections that are kept open, so that the server's sockets can be counted."""
        await self.http.close()
        self.http = aiohttp.ClientSession(self.url)

    async def until(self, what, condition, seconds=30.0):
        """Asks a coroutine function until it says yes; fails with `what` after some seconds."""
        try:
            async with asyncio.timeout(seconds):
                while not await condition():
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"not within {seconds} s: {what}") from None

    def resources(self):
        """Threads, open files and sockets, and resident memory in kB, as the kernel counts them."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        return {
            "threads": int(fields["Threads"]),
            "files": len(os.listdir(f"/proc/{self.pid}/fd")),
            "rss_kb": int(fields["VmRSS"].split()[0]),
        }


async def run_cli(*arguments, timeout=60, **environment):
    """Runs `mixminus` to its end: (exit code, standard output, standard error)."""
    process = await asyncio.create_subprocess_exec(
        CLI_BIN,
        *arguments,
        env=clean_environment(**environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, error = await asyncio.wait_for(process.communicate(), timeout)
    except TimeoutError:
        process.kill()
        raise AssertionError(f"mixminus {' '.join(arguments)} still ran after {timeout} s") from None
    return process.returncode, out.decode(errors="replace"), error.decode(errors="replace")
