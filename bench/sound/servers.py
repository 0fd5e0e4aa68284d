"""The servers: started on free ports of this machine, joined by a talker or a listener, ended by their process id."""

import asyncio
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import aiohttp

import client


class Failed(Exception):
    """A server did not do what it should; the message says what to do about it."""


class Process:
    """A program whose output goes to a file; it is ended by SIGTERM."""

    def __init__(self, command, log):
        with open(log, "wb") as out:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self._command, self._log = command, log

    def check(self):
        """Failed with the end of its log if it is no longer there."""
        if self._process.poll() is not None:
            text = pathlib.Path(self._log).read_text(errors="replace")[-1500:]
            raise Failed(f"{self._command[0]} ended with {self._process.returncode}; the end of {self._log}:\n{text}")

    @property
    def pid(self):
        """Its process id."""
        return self._process.pid

    def cpu_s(self):
        """The processor time that it has used."""
        fields = pathlib.Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        """Waits until it has ended."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Mixminus:
    """mixminus-server as it is by default. `mixed`: each talker's strip stands at -1 dB, so that its packets cannot be
    forwarded as they came."""

    def __init__(self, binary, folder, address, mixed):
        if not os.access(binary, os.X_OK):
            raise Failed(f"{binary} is not there; build it: cargo build --release -p mixminus-server, or name it by --server")
        self._binary, self._folder, self._address, self._mixed = binary, folder, address, mixed

    async def __aenter__(self):
        log = f"{self._folder}/mixminus-{'mixed' if self._mixed else 'alone'}.log"
        self.process = Process([self._binary, "--listen", "127.0.0.1:0", "--media-ip", self._address], log)

        def url():
            found = re.search(r"listening on (\S+)", pathlib.Path(log).read_text(errors="replace"))
            return found and found[1]

        try:
            self._http = aiohttp.ClientSession(await _until(url, self.process))
        except BaseException:
            self.process.end()
            raise
        return self

    async def __aexit__(self, *_):
        await self._http.close()
        self.process.end()

    async def join(self, who, room, talks):
        """Connects a talker or a listener to a room; gives what ends it."""
        path = f"/whip/{room}?gain_db={-1 if self._mixed else 0}" if talks else f"/whep/{room}"
        headers = {"Content-Type": "application/sdp"}
        if talks:  # WHIP is answered recvonly
            who.connection.getTransceivers()[0].direction = "sendonly"
        async with self._http.post(path, data=await client.offer(who.connection), headers=headers) as answer:
            text = await answer.text()
            if answer.status != 201:
                raise Failed(f"POST {path}: {answer.status} {text}")
            location = answer.headers["Location"]
        await client.accept(who.connection, text)

        async def leave():
            async with self._http.delete(location):
                pass

        return leave


class Janus:
    """Debian's Janus with the AudioBridge, rooms at 48 kHz. `room` and `member` are further settings of the room and of each
    who joins; each of them takes one of its `ports`."""

    def __init__(self, folder, address, name, room=None, member=None, ports=200):
        if not shutil.which("janus"):
            raise Failed("janus is missing; on Debian: apt-get install janus")
        if address.startswith("127."):
            raise Failed(
                "Janus offers no loopback address, and this machine has no other; give it one that leads nowhere:\n"
                "ip link add sound0 type dummy && ip addr add 192.0.2.1/32 dev sound0 && ip link set sound0 up"
            )
        self._folder, self._address, self._name, self._ports = folder, address, name, ports
        self._room, self._member = room or {}, member or {}

    async def __aenter__(self):
        self._port = _free_port()
        configuration = tempfile.mkdtemp(prefix="janus-", dir=self._folder)
        first = random.randrange(20_000, 28_000, 200) if self._ports <= 200 else 10_000
        files = {
            "janus.jcfg": f"""general: {{
                plugins_folder = "{_plugins()}/plugins"
                transports_folder = "{_plugins()}/transports"
                debug_level = 3
                session_timeout = 0
            }}
            nat: {{ ice_enforce_list = "{self._address}" }}
            media: {{ rtp_port_range = "{first}-{first + self._ports - 1}" }}
            plugins: {{ disable = "{_all_but('plugins', 'audiobridge')}" }}
            transports: {{ disable = "{_all_but('transports', 'http')}" }}
            loggers: {{ disable = "libjanus_jsonlog.so" }}
            """,
            "janus.transport.http.jcfg": f'general: {{ http = true\n port = {self._port}\n ip = "127.0.0.1"\n json = "compact" }}\n',
            "janus.plugin.audiobridge.jcfg": "general: {}\n",
        }
        for name, text in files.items():
            pathlib.Path(configuration, name).write_text(text)
        self.process = Process(["janus", "-F", configuration], f"{self._folder}/{self._name}.log")
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        self._waiting, self._rooms, self._poll = {}, {}, None
        try:
            await _until(self._answers, self.process)
            self._session = (await self._post("", janus="create"))["data"]["id"]
            self._maker = await self._attach()
        except BaseException:
            await self.__aexit__()
            raise
        self._poll = asyncio.create_task(self._events())
        return self

    async def __aexit__(self, *_):
        if self._poll:
            self._poll.cancel()
        await self._http.close()
        self.process.end()

    async def join(self, who, room, talks):
        """Connects a talker or a listener to a room; gives what ends it."""
        who.connection.getTransceivers()[0].direction = "sendrecv"  # a member of an AudioBridge does both
        answer, leave = await self.admit(await client.offer(who.connection), room, talks)
        await client.accept(who.connection, answer)
        return leave

    async def admit(self, sdp, room, talks):
        """Takes an offer into a room; gives the answer's SDP and what ends it."""
        path = await self._attach()
        await self.make(room)
        body = {"request": "join", "room": self._rooms[room], "muted": not talks, **self._member}
        answer = await self._message(path, body, {"type": "offer", "sdp": sdp})

        async def leave():
            await self._post(path, janus="detach")

        return answer["jsep"]["sdp"], leave

    async def make(self, room):
        """Makes a room if it is not there."""
        if room in self._rooms:
            return
        number = self._rooms[room] = len(self._rooms) + 1
        body = {"request": "create", "room": number, "sampling_rate": 48_000, "description": room, **self._room}
        made = await self._post(self._maker, janus="message", body=body)
        if made["plugindata"]["data"].get("audiobridge") != "created":
            raise Failed(f"Janus makes no room: {made}")

    async def _attach(self):
        handle = await self._post(f"/{self._session}", janus="attach", plugin="janus.plugin.audiobridge")
        return f"/{self._session}/{handle['data']['id']}"

    async def _answers(self):
        try:
            async with self._http.get(f"http://127.0.0.1:{self._port}/janus/info") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def _post(self, path, **keys):
        keys["transaction"] = keys.get("transaction") or f"{random.getrandbits(64):x}"
        async with self._http.post(f"http://127.0.0.1:{self._port}/janus{path}", json=keys) as answer:
            said = await answer.json(content_type=None)
        if said.get("janus") == "error":
            raise Failed(f"Janus refuses {keys.get('janus')}: {said['error']}")
        return said

    async def _message(self, path, body, jsep):
        transaction = f"{random.getrandbits(64):x}"
        self._waiting[transaction] = asyncio.get_running_loop().create_future()
        await self._post(path, janus="message", transaction=transaction, body=body, jsep=jsep)
        event = await asyncio.wait_for(self._waiting[transaction], 10)
        del self._waiting[transaction]
        if "jsep" not in event:
            raise Failed(f"Janus lets nobody in: {event}")
        return event

    async def _events(self):
        """The long poll: answers to messages come here."""
        while True:
            async with self._http.get(f"http://127.0.0.1:{self._port}/janus/{self._session}?maxev=10") as answer:
                events = await answer.json(content_type=None)
            for event in events if isinstance(events, list) else [events]:
                waiting = self._waiting.get(event.get("transaction"))
                if waiting and not waiting.done() and event.get("janus") in ("event", "error"):
                    waiting.set_result(event)


async def _until(answers, process, seconds=15):
    async with asyncio.timeout(seconds):
        while True:
            process.check()
            got = answers()
            if asyncio.iscoroutine(got):
                got = await got
            if got:
                return got
            await asyncio.sleep(0.05)


def _plugins():
    listed = subprocess.run(["dpkg", "-L", "janus"], capture_output=True, text=True, check=False).stdout.splitlines()
    return next((line for line in listed if line.endswith("/janus") and "/lib/" in line and "linux" in line), "/usr/lib/janus")


def _all_but(kind, wanted):
    folder = pathlib.Path(_plugins(), kind)
    return ",".join(sorted(p.name for p in folder.glob("*.so") if wanted not in p.name))


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def own_address():
    """An address of this machine other than loopback, or 127.0.0.1; what is sent to it does not leave the machine."""
    listed = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout.split()
    return next((address for address in listed if "." in address and not address.startswith("127.")), "127.0.0.1")
