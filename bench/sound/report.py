"""docs/sound.md, its picture and the results as JSON, from what table.py measured."""

import json
import pathlib
import re
import string
import sys

import opus

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

import picture as shared  # noqa: E402

COMPARED = ["janus", "janus-best", "mixed"]
# Heading, key, format, whether more is better, and what is no difference.
MEASURES = [
    ("Damaged 10 ms windows, %", "damaged_percent", "{:.2f}", False, 0.1),
    ("Longest gap, ms", "longest_gap_ms", "{:.0f}", False, 5.0),
    ("STOI", "stoi", "{:.3f}", True, 0.005),
    ("ViSQOL", "visqol", "{:.2f}", True, 0.05),
    ("Delay, p50, ms", "delay_p50_ms", "{:.0f}", False, 2.0),
    ("Delay, p95, ms", "delay_p95_ms", "{:.0f}", False, 5.0),
]
COLORS = {"janus": "#8a8f98", "janus-best": "#d08a2e", "mixed": "#2f7de1", "alone": "#35a36b"}


def machine(server):
    """What was measured on what."""
    return {**shared.machine(server), "opus": opus.version()}


def as_text(document):
    """The figures for a terminal."""
    lines = []
    for row in document["rows"]:
        lines.append(row["label"])
        for column, figures in row["columns"].items():
            cells = [f"{name} {form.format(figures[key])}" for name, key, form, *_ in MEASURES]
            lines.append(f"    {document['columns'][column]:22}" + "  ".join(cells))
    return "\n".join(lines + ["", *_lost(document)])


def write(document, root):
    """Writes the page, the picture and the results into the repository."""
    template = string.Template((HERE / "sound.md.in").read_text())
    worst = max(figures["talker_late_p95_ms"] for row in document["rows"] for run in row["runs"] for figures in run.values())
    text = template.substitute(
        document["machine"],
        runs=document["runs"],
        tables="\n\n".join(_table(document, *measure) for measure in MEASURES),
        lost="\n".join(_lost(document)),
        stoi=f"{document['ceiling']['stoi']:.3f}",
        visqol=f"{document['ceiling']['visqol']:.2f}",
        voices=", ".join(document["voices"]),
        late=f"{worst:.1f}",
        forwarded=f"{_forwarded_percent(document):.0f}",
        spread=_spread(document),
        margins="; ".join(f"{name} {same:g}" for name, _, _, _, same in MEASURES),
        minutes=round(document["seconds"] / 60),
    )
    pathlib.Path(root, "docs/sound.md").write_text(text)
    pathlib.Path(root, "docs/img/sound.svg").write_text(picture(document))
    short = re.sub(r"\[\s+([-\d.,\s]+?)\s+\]", lambda numbers: f"[{' '.join(numbers[1].split())}]", json.dumps(_short(document), indent=1))
    pathlib.Path(root, "bench/sound/results.json").write_text(short + "\n")


def _forwarded_percent(document):
    shares = [row["columns"]["alone"]["forwarded"] for row in document["rows"]]
    return 100 * sum(shares) / len(shares)


def _spread(document):
    """How far the runs are apart: each measure's widest row, of each server that is compared."""
    columns = document["columns"]
    lines = ["| measure | " + " | ".join(columns[c] for c in COMPARED) + " |", "| --- |" + " --- |" * len(COMPARED)]
    for name, key, form, *_ in MEASURES:
        cells = []
        for column in COMPARED:
            found = [([run[column][key] for run in row["runs"]], row["label"]) for row in document["rows"]]
            values, label = max(found, key=lambda one: max(one[0]) - min(one[0]))
            cells.append(f"{form.format(min(values))} to {form.format(max(values))} ({label})")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _table(document, name, key, form, more_is_better, _):
    columns = document["columns"]
    lines = [f"### {name}", "", "| network | " + " | ".join(columns.values()) + " |", "| --- |" + " ---: |" * len(columns)]
    for row in document["rows"]:
        figures = {column: row["columns"][column][key] for column in columns}
        compared = [figures[c] for c in COMPARED if c in figures]
        best = form.format(max(compared) if more_is_better else min(compared))
        cells = [
            f"**{form.format(v)}**" if c in COMPARED and form.format(v) == best else form.format(v) for c, v in figures.items()
        ]
        lines.append(f"| {row['label']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _lost(document):
    """Each figure in which the mix of mixminus is worse than Janus, in words."""
    lines = []
    for row in document["rows"]:
        if "mixed" not in row["columns"]:
            continue
        ours = row["columns"]["mixed"]
        for other in ("janus", "janus-best"):
            if other not in row["columns"]:
                continue
            theirs = row["columns"][other]
            worse = [
                f"{name} {form.format(ours[key])} against {form.format(theirs[key])}"
                for name, key, form, more, same in MEASURES
                if (theirs[key] - ours[key] if more else ours[key] - theirs[key]) > same
            ]
            if worse:
                lines.append(f"- {row['label']}, beside {document['columns'][other]}: {'; '.join(worse)}.")
    return lines or ["- none."]


def _short(document):
    """Of each figure one number a run, and nothing of each voice."""
    rows = [
        {
            "name": row["name"],
            "label": row["label"],
            "columns": {c: {k: [round(run[c][k], 4) for run in row["runs"]] for k in figures} for c, figures in row["columns"].items()},
        }
        for row in document["rows"]
    ]
    return {**document, "rows": rows}


def picture(document):
    """An SVG: delay and damage of each server in each row; readable on light and on dark."""
    rows, columns = document["rows"], list(document["columns"])
    width, left, bar, gap = 860, 150, 7, 9
    height_of_row = len(columns) * bar + gap
    panels = [("delay, p50 (bar) and p95 (line), ms", "delay_p50_ms", "delay_p95_ms"), ("damaged 10 ms windows, %", "damaged_percent", None)]
    panel_width = (width - left - 60) // 2
    top, bottom = 58, 24
    height = top + len(rows) * height_of_row + bottom
    parts = [shared.opening(width, height, "Delay and damage of each server on each network")]
    x = left
    for column in columns:
        parts.append(f'<rect x="{x}" y="8" width="12" height="12" fill="{COLORS[column]}"/><text x="{x + 17}" y="18">{document["columns"][column]}</text>')
        x += 170
    for number, row in enumerate(rows):
        y = top + number * height_of_row
        parts.append(f'<text x="{left - 8}" y="{y + height_of_row / 2}" text-anchor="end">{row["label"]}</text>')
    for number, (title, key, end) in enumerate(panels):
        x0 = left + number * (panel_width + 40)
        most = max(row["columns"][c][end or key] for row in rows for c in columns) * 1.05 or 1.0
        parts.append(f'<text x="{x0}" y="44">{title}</text>')
        for tick in shared.ticks(most):
            x = x0 + tick / most * panel_width
            parts.append(shared.grid(x, top - 6, height - bottom))
            parts.append(f'<text x="{x:.1f}" y="{height - 8}" text-anchor="middle">{tick:g}</text>')
        for index, row in enumerate(rows):
            for place, column in enumerate(columns):
                y = top + index * height_of_row + place * bar
                figures = row["columns"][column]
                length = figures[key] / most * panel_width
                parts.append(f'<rect x="{x0}" y="{y}" width="{max(length, 0.8):.1f}" height="{bar - 1}" fill="{COLORS[column]}"/>')
                if end:
                    to = figures[end] / most * panel_width
                    parts.append(f'<path d="M{x0 + length:.1f} {y + (bar - 1) / 2}h{to - length:.1f}" stroke="{COLORS[column]}" stroke-width="1.5"/>')
    return "\n".join(parts) + "\n</svg>\n"
