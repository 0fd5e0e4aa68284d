"""What the pages of bench/ share: the ground of their pictures, and the machine that was measured on."""

import datetime
import pathlib
import platform
import subprocess

# Between black and white: to be read on both.
INK = "#7d8590"


def opening(width, height, title):
    """The first line of an SVG; `</svg>` ends it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" fill="{INK}">'
        f"<title>{title}</title>"
    )


def grid(x, top, bottom):
    """A line from top to bottom."""
    return f'<path d="M{x:.1f} {top}V{bottom}" stroke="{INK}" stroke-opacity=".3"/>'


def ticks(most):
    """Round numbers from 0 to `most`, seven at most."""
    step = next(s for s in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if most / s <= 6)
    return [i * step for i in range(int(most / step) + 1)]


def machine(server):
    """What was measured on what."""
    cpuinfo = _read("/proc/cpuinfo")
    here = str(pathlib.Path(__file__).resolve().parent)
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": next((line.split(":", 1)[1].strip() for line in cpuinfo.splitlines() if line.startswith("model name")), "?"),
        "cores": cpuinfo.count("processor\t"),
        "system": _output("sh", "-c", ". /etc/os-release; echo $PRETTY_NAME"),
        "kernel": platform.release(),
        "mixminus": f"{_output(server, '--version')} ({_output('git', '-C', here, 'rev-parse', '--short', 'HEAD')})",
        "janus": _output("dpkg-query", "-W", "-f", "${Version}", "janus"),
    }


def _read(path):
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def _output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "?"
    except OSError:
        return "?"
