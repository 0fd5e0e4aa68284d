"""Whatever comes in at any door, the answer is a clear refusal, and a conversation that runs in the
same server does not notice."""

import asyncio
import json
import pathlib
import sys

import pytest

from bad_arguments import command_line_cases, settings_cases
from bad_http import http_cases, raw_http_cases
from bad_messages import udp_cases, websocket_cases
from server import Server
from sound import is_steady

CONVERSATION = pathlib.Path(__file__).parent / "conversation.py"


@pytest.mark.limit_s(240)
async def test_bad_input_is_refused_at_every_door_and_a_conversation_does_not_notice(tmp_path):
    async with Server() as server:
        conversation = await asyncio.create_subprocess_exec(
            sys.executable,
            str(CONVERSATION),
            server.url,
            "talk",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        line = await asyncio.wait_for(conversation.stdout.readline(), 30)
        assert line == b"talking\n"

        faults, count = [], 0
        for door in (http_cases, raw_http_cases, websocket_cases, udp_cases, command_line_cases, settings_cases):
            async for case, fault in door(server, tmp_path):
                count += 1
                if fault:
                    faults.append(f"{door.__name__}, {case}: {fault}")
        report, _ = await asyncio.wait_for(conversation.communicate(b""), 30)
        assert (await server.get("/api/health"))["status"] == "ok"
        assert server.is_running and "panicked" not in server.log

    assert not faults, f"{len(faults)} of {count} cases:\n" + "\n".join(faults)
    assert count >= 100
    for name, heard in json.loads(report).items():
        windows = heard["windows_dbfs"]
        assert not heard["ended"]
        assert is_steady(windows, -20), f"{name} of {len(windows)} windows, {heard['latest_packet_ms']} ms late: {windows}"
