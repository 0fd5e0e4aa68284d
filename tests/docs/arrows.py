#!/usr/bin/env python3
"""Who knows whom, as docs/architecture.md draws it: what a folder's Rust source must not name."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = [
    # Folder, what must not stand there, except in, why.
    ("audio/src", r"\b(tokio|mio|tracing|log|rtc|webrtc|std::net|std::thread|signaling)::", "", "audio is pure"),
    ("audio/src", r"Instant::now|SystemTime", "", "audio reads no clock"),
    ("audio/src", r"std::fs", "audio/src/file", "audio does no I/O but its files"),
    ("signaling/src", r"\baudio::", "", "signaling knows nobody"),
    ("signaling/src", r"\b(rtc|webrtc|tokio|reqwest)::", "signaling/src/client", "the types of the wire need no network"),
    ("client-cli/src", r"\b(rtc|webrtc|server)::", "", "the command line knows audio, signaling and, to simulate, the room"),
    ("server/src", r"\brtc(_\w+)?::", "server/src/peer", "webrtc-rs stays in one module"),
    ("server/src", r"\bmetrics(_exporter_prometheus)?::(Counter|Gauge|Key|Recorder|PrometheusBuilder)", "server/src/metrics.rs", "metric names stay in one module"),
    ("room/src", r"\b(tokio|mio|tracing|std::net|std::fs|std::thread)::", "", "the room is pure"),
    ("room/src", r"Instant|SystemTime|Mutex|RwLock|HashMap|HashSet", "", "the room has no clock, lock or order by chance"),
    ("room/src", r"(server|client)::", "", "arrows run api, rooms, worker, room, audio"),
    ("server/src/peer", r"(room|crate::(api|rooms|worker))::", "", "a peer knows no room"),
    ("server/src/worker", r"crate::(api|rooms|metrics)\b", "", "arrows run api, rooms, worker, room, audio"),
    ("server/src/rooms", r"crate::(api|metrics)\b", "", "arrows run api, rooms, worker, room, audio"),
]


def main():
    faults, read = [], 0
    for folder, forbidden, home, why in RULES:
        for path in sorted((ROOT / folder).rglob("*.rs")):
            name = str(path.relative_to(ROOT))
            if home and name.startswith(home):
                continue
            read += 1
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                code = line.split("//")[0]
                if match := re.search(forbidden, code):
                    faults.append(f"{name}:{number}: {match[0]}: {why}")
    print("\n".join(faults + [f"{len(RULES)} rules over {read} files, {len(faults)} broken"]))
    sys.exit(bool(faults) or read == 0)


if __name__ == "__main__":
    main()
