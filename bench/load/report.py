"""docs/performance.md, its picture and the results as JSON, from what load.py measured."""

import json
import pathlib
import string
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent)]

import picture as shared  # noqa: E402
import wanted  # noqa: E402

COLUMNS = {
    "mixminus": "mixminus",
    "mixed": "mixminus, mixed",
    "janus": "Janus, as it comes",
    "janus-same": "Janus, 128 kbit/s",
}
COLORS = {"mixminus": "#2f7de1", "mixed": "#35a36b", "janus": "#8a8f98", "janus-same": "#d08a2e"}


def machine(server):
    """What was measured on what."""
    return shared.machine(server)


def tables(document):
    """Each group of rows as a table in Markdown, under its heading."""
    headings = {"rooms": "Rooms that talk", "listeners": "Listeners of one talker", "idle": "Nobody talks"}
    parts = []
    for group, heading in headings.items():
        rows = [row for row in document["rows"] if row["group"] == group]
        if rows:
            parts += [f"### {heading}", "", *_table(rows), ""]
    return "\n".join(parts).rstrip()


def wanted_table(document):
    """What was promised beside what was measured, in Markdown."""
    words = {True: "yes", False: "**no**", None: "-"}
    lines = ["| wanted | measured | holds |", "| --- | --- | --- |"]
    return "\n".join(lines + [f"| {what} | {measured} | {words[holds]} |" for what, measured, holds in wanted.rows(document)])


def limits(document):
    """How many this machine carries, in words."""
    found = document.get("scenarios", {}).get("limits", {})
    lines = []
    for what, one in found.items():
        if "failed" in one:
            lines.append(f"- {what}: not measured: {one['failed']}")
        else:
            more = f"; with {one['too_many']} {one['because']}" if "too_many" in one else ", where the search ends"
            lines.append(f"- **{one['most']} {what}**{more}.")
    return "\n".join(lines) or "- not measured in this run."


def floor(document):
    """The bare loop as a table in Markdown."""
    found = document.get("scenarios", {}).get("floor", {})
    lines = ["| way | destinations | sendto, µs | sendmmsg, µs | SRTP of it, µs |", "| --- | ---: | ---: | ---: | ---: |"]
    for way in ("loopback", "veth"):
        lines += [
            f"| {way} | {one['destinations']} | {one['sendto_us']:.2f} | {one['sendmmsg_us']:.2f} | {one['srtp_us']:.2f} |" for one in found.get(way, [])
        ]
    lines += [f"| veth | not possible here: {found['no_veth']} | | | |"] if "no_veth" in found else []
    return "\n".join(lines)


def _table(rows):
    names = ["rooms x peers x talkers", "server", "CPU, ms a peer and second", "CPU, % of a core", "memory, kB a peer", "memory, MB"]
    names += ["lost, %", "heard, % of the time", "tick p99.9, ms"]
    lines = ["| " + " | ".join(names) + " |", "| --- | --- |" + " ---: |" * (len(names) - 2)]
    for row in rows:
        if "failed" in row:
            lines.append(f"| {row['row']} | {COLUMNS[row['column']]} | not possible: {row['failed']} |" + " |" * (len(names) - 3))
            continue
        server, tick = row["server"], "-"
        if row["ticks"]:
            tick = f"≤ {row['tick_p999_ms']:g}" if row["tick_p999_ms"] else "over 50"
        heard = "-" if row["heard_percent"] is None else f"{row['heard_percent']:.1f}"
        each = "-" if row["peers"] == 0 else f"{server['cpu_ms_per_peer_s']:.3f}"
        memory = f"{server['rss_kb_each']:.0f}" + (" (a room)" if row["peers"] == 0 else "")
        cells = [each, f"{server['cpu_percent']:.1f}", memory, f"{server['rss_mb']:.0f}", f"{row['loss_percent']:.3f}", heard, tick]
        lines.append(f"| {row['row']} | {COLUMNS[row['column']]} | " + " | ".join(cells) + " |")
    return lines


def behind(document):
    """Each figure in which mixminus, mixing or not, needs more than Janus as it comes, in words."""
    lines = []
    of = {(row["row"], row["column"]): row for row in document["rows"] if "failed" not in row}
    for (name, column), ours in of.items():
        theirs = of.get((name, "janus"))
        if theirs is None or column not in ("mixminus", "mixed"):
            continue
        for what, key in (("CPU", "cpu_percent"), ("memory for each", "rss_kb_each"), ("memory", "rss_mb")):
            if ours["server"][key] > theirs["server"][key]:
                lines.append(f"- {name}, {COLUMNS[column]}: {what} {ours['server'][key]:g} against {theirs['server'][key]:g}.")
    return lines or ["- none."]


def write(document, root):
    """Writes the page, the picture and the results into the repository."""
    rows = [row for row in document["rows"] if "failed" not in row]
    text = string.Template((HERE / "performance.md.in").read_text()).substitute(
        document["machine"],
        tables=tables(document),
        wanted=wanted_table(document),
        limits=limits(document),
        floor=floor(document),
        behind="\n".join(behind(document)),
        seconds=f"{document['seconds']:g}",
        minutes=round(document["took_s"] / 60),
        client=f"{max(row['client_cpu_percent'] for row in rows):.0f}",
        late=sum(row["sent_late"] for row in rows),
    )
    (root / "docs/performance.md").write_text(text)
    (root / "docs/img/performance.svg").write_text(picture(document))
    (HERE / "results.json").write_text(json.dumps(document, indent=1) + "\n")


def picture(document):
    """An SVG: CPU over the number of listeners, one line for each server; readable on light and on dark."""
    rows = [row for row in document["rows"] if row["group"] == "listeners" and "failed" not in row]
    width, height, left, right, top, bottom = 860, 380, 60, 20, 44, 44
    most_x = max((row["listeners"] for row in rows), default=1)
    most_y = max((row["server"]["cpu_percent"] for row in rows), default=1.0) * 1.05
    x_of = lambda listeners: left + listeners / most_x * (width - left - right)  # noqa: E731
    y_of = lambda percent: height - bottom - percent / most_y * (height - top - bottom)  # noqa: E731
    parts = [shared.opening(width, height, "CPU of the server over the number of listeners of one room")]
    for tick in shared.ticks(most_x):
        x = x_of(tick)
        parts.append(shared.grid(x, top, height - bottom))
        parts.append(f'<text x="{x:.1f}" y="{height - bottom + 16}" text-anchor="middle">{tick:g}</text>')
    for tick in shared.ticks(most_y):
        y = y_of(tick)
        parts.append(f'<path d="M{left} {y:.1f}H{width - right}" stroke="{shared.INK}" stroke-opacity=".3"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    parts.append(f'<text x="{width / 2}" y="{height - 8}" text-anchor="middle">listeners</text>')
    parts.append(f'<text x="{left - 40}" y="{top - 8}">CPU, % of a core</text>')
    for place, column in enumerate(dict.fromkeys(row["column"] for row in rows)):
        points = sorted((row["listeners"], row["server"]["cpu_percent"]) for row in rows if row["column"] == column)
        path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLORS[column]}" stroke-width="2"/>')
        parts += [f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3.5" fill="{COLORS[column]}"/>' for x, y in points]
        parts.append(f'<rect x="{left + 160 + 190 * place}" y="10" width="12" height="12" fill="{COLORS[column]}"/>')
        parts.append(f'<text x="{left + 177 + 190 * place}" y="20">{COLUMNS[column]}</text>')
    return "\n".join(parts) + "\n</svg>\n"
