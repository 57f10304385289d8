#!/usr/bin/env python3
"""Draws the figures of `frame bench growth --json` as an SVG: cost as the log grows, a flat line being what is wanted.

    frame bench growth --json > growth.json && Benchmarks/plot.py growth.json > Benchmarks/growth.svg
"""
import json
import math
import sys

WIDTH, HEIGHT, LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 760, 260, 60, 40, 170, 150
SERIES = [
    ("events_per_second", "events per second", "#0072b2"),
    ("bytes_per_event", "bytes per event on disk", "#d55e00"),
    ("audit_seconds_per_million", "audit, seconds per million events", "#009e73"),
]


def number(value):
    if value >= 10_000:
        return f"{value / 1000:.0f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def panel(steps, key, title, colour, x0):
    top = max(step[key] for step in steps) * 1.15
    logs = [math.log10(step["events"]) for step in steps]
    low, high = min(logs), max(logs) if max(logs) > min(logs) else min(logs) + 1
    points = [
        (x0 + (log - low) / (high - low) * PLOT_WIDTH, TOP + PLOT_HEIGHT * (1 - step[key] / top), step)
        for log, step in zip(logs, steps)
    ]
    base = TOP + PLOT_HEIGHT
    yield f'<text x="{x0}" y="{TOP - 16}" class="title">{title}</text>'
    yield f'<path d="M{x0} {TOP}V{base}H{x0 + PLOT_WIDTH}" class="axis"/>'
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y, step in points:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
        yield f'<text x="{x:.1f}" y="{y - 9:.1f}" class="value">{number(step[key])}</text>'
        exponent = round(math.log10(step["events"]))
        yield f'<text x="{x:.1f}" y="{base + 18}" class="tick">10<tspan dy="-5" font-size="9">{exponent}</tspan></text>'
    yield f'<text x="{x0 + PLOT_WIDTH / 2}" y="{base + 40}" class="tick">events in the log</text>'


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        figures = json.load(file)
    steps = figures["steps"]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        "<style>.axis{fill:none;stroke:#666}.tick,.value{text-anchor:middle;fill:#444}.value{font-size:11px}"
        ".title{font-weight:bold;fill:#222;font-size:11px}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for index, (key, title, colour) in enumerate(SERIES):
        lines += panel(steps, key, title, colour, LEFT + index * (PLOT_WIDTH + 65))
    lines.append("</svg>")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
