#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws what bench/run.sh measured as SVG, with nothing but Python itself.

    bench/plot.py FOLDER NOTE < POINTS

POINTS has a line a point: PLOT, SERIES, X, Y, with tabs between; NOTE goes below each plot."""
import html
import math
import os
import sys

PLOTS = {  # title, x axis, y axis, whether y is logarithmic
    "documents": ("Documents that grow", "size of the document, KiB", "transitions a second", True),
    "flight": ("Jobs in flight", "jobs in flight at once", "transitions a second", True),
    "jobs": ("A store that fills", "jobs in the file", "transitions a second", False),
    "memory": ("Memory over a store that fills", "jobs in the file", "peak RSS, MiB", False),
}
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"]  # told apart by the colour-blind, too
WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 78, 24, 92, 78


def short(number):
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{unit}"
    return f"{number:g}"


def round_up(number):
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(number))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= number * 0.999)


def log_ticks(low, high):
    ticks, power = [], 10 ** math.floor(math.log10(low))
    while power <= high:
        ticks += [step * power for step in (1, 2, 5) if low * 0.999 <= step * power <= high * 1.001]
        power *= 10
    return ticks if len(ticks) <= 8 else [t for t in ticks if f"{t:e}"[0] == "1"]


def axes(points, logarithmic):
    xs = sorted({x for x, _ in points})
    high = max(y for _, y in points)
    if logarithmic:
        low = min(y for _, y in points)
        low, high = low / 1.3, high * 1.3
        ticks = log_ticks(low, high)
    else:
        step = round_up(high * 1.05 / 5)
        low, high = 0, step * 5
        ticks = [step * i for i in range(6)]

    def place_x(x):
        span = math.log(xs[-1] / xs[0]) or 1
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(x / xs[0]) / span

    def place_y(y):
        part = math.log(y / low) / math.log(high / low) if logarithmic else y / high
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * part

    return xs, ticks, place_x, place_y


def text(x, y, words, anchor="middle", more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>'
            f"{html.escape(words)}</text>")


def draw(plot, series, note):
    title, x_name, y_name, logarithmic = PLOTS[plot]
    xs, ticks, place_x, place_y = axes([p for s in series.values() for p in s], logarithmic)
    bottom = HEIGHT - BOTTOM
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="13" '
           f'fill="#222" role="img" aria-label="{html.escape(title)}">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
           text(LEFT, 28, title, "start", ' font-size="18" font-weight="bold"')]
    for tick in ticks:
        y = place_y(tick)
        out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(text(LEFT - 8, y + 4, short(tick), "end"))
    for x in xs:
        out.append(f'<path d="M{place_x(x):.1f} {bottom}v5" stroke="#222"/>')
        out.append(text(place_x(x), bottom + 20, short(x)))
    out.append(f'<path d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}" fill="none" stroke="#222"/>')
    out.append(text((LEFT + WIDTH - RIGHT) / 2, bottom + 42, x_name))
    middle = (TOP + bottom) / 2
    out.append(text(20, middle, y_name, more=f' transform="rotate(-90 20 {middle:.1f})"'))
    legend = LEFT
    for i, (name, points) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        way = "L".join(f"{place_x(x):.1f} {place_y(y):.1f}" for x, y in sorted(points))
        out.append(f'<path d="M{way}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{place_x(x):.1f}" cy="{place_y(y):.1f}" r="3.5" fill="{colour}">'
                f"<title>{html.escape(name)}: {y:g} at {x:g}</title></circle>" for x, y in points]
        out.append(f'<rect x="{legend}" y="52" width="14" height="14" fill="{colour}"/>')
        out.append(text(legend + 20, 64, name, "start"))
        legend += 42 + 7 * len(name)
    out.append(text(WIDTH - RIGHT, HEIGHT - 10, note, "end", ' font-size="11" fill="#666"'))
    return "\n".join(out + ["</svg>", ""])


def main():
    folder, note = sys.argv[1:]
    plots = {}
    for line in sys.stdin:
        plot, name, x, y = line.rstrip("\n").split("\t")
        plots.setdefault(plot, {}).setdefault(name, []).append((float(x), float(y)))
    for plot, series in plots.items():
        with open(os.path.join(folder, f"{plot}.svg"), "w", encoding="utf-8") as file:
            file.write(draw(plot, series, note))


main()
