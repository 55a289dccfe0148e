"""The share of right answers over time as an SVG: one curve each, phases marked; for light and dark pages."""

WIDTH, HEIGHT = 900, 420
LEFT, RIGHT_EDGE, TOP, BOTTOM = 56, 880, 84, 360
STYLE = """
  svg { color-scheme: light dark; }
  text { font: 13px system-ui, sans-serif; fill: #222; }
  .small { font-size: 12px; fill: #555; }
  .paper { fill: #fff; } .grid { stroke: #ddd; } .phase { fill: #f1f3f5; } .edge { stroke: #aaa; stroke-dasharray: 3 3; }
  .curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
  .c0 { stroke: #999; } .c1 { stroke: #c2410c; } .c2 { stroke: #7c3aed; } .c3 { stroke: #047857; stroke-width: 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e6e6; } .small { fill: #aaa; }
    .paper { fill: #0d1117; } .grid { stroke: #333; } .phase { fill: #161b22; } .edge { stroke: #666; }
    .c0 { stroke: #888; } .c1 { stroke: #fb923c; } .c2 { stroke: #c4b5fd; } .c3 { stroke: #34d399; }
  }
"""


class Plot:
    """Where a moment and a share are on the paper."""

    def __init__(self, seconds):
        self.seconds = seconds

    def x(self, second):
        return LEFT + (RIGHT_EDGE - LEFT) * min(second, self.seconds) / self.seconds

    @staticmethod
    def y(share):
        return BOTTOM - (BOTTOM - TOP) * share


def picture(results):
    plot = Plot(max(second for result in results for second, _, _ in result["curve"]))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
             f'aria-label="Share of right answers over time during an outage">',
             f"<style>{STYLE}</style>", f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>']
    parts += phases(plot, results[0]["phases"]) + axes(plot)
    for index, result in enumerate(results):
        parts.append(f'<path class="curve c{index}" d="{curve(plot, result["curve"])}"/>')
    parts += legend(results)
    return "\n".join(parts) + "\n</svg>\n"


def phases(plot, marks):
    parts = []
    for index, (name, began, end) in enumerate(marks):
        left, right = plot.x(began), plot.x(end)
        if index % 2:
            parts.append(f'<rect class="phase" x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" '
                         f'height="{BOTTOM - TOP}"/>')
        if index:
            parts.append(f'<line class="edge" x1="{left:.1f}" y1="{TOP}" x2="{left:.1f}" y2="{BOTTOM}"/>')
        parts.append(f'<text class="small" x="{(left + right) / 2:.1f}" y="{TOP - 8}" text-anchor="middle">{name}</text>')
    return parts


def axes(plot):
    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = plot.y(share)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{RIGHT_EDGE}" y2="{y:.1f}"/>')
        parts.append(f'<text class="small" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>')
    step = 30 if plot.seconds > 90 else 5
    for second in range(0, int(plot.seconds) + 1, step):
        parts.append(f'<text class="small" x="{plot.x(second):.1f}" y="{BOTTOM + 18}" text-anchor="middle">{second}</text>')
    middle = (LEFT + RIGHT_EDGE) / 2
    return parts + [f'<text class="small" x="{middle}" y="{BOTTOM + 38}" text-anchor="middle">seconds; one stands for '
                    'a minute of the outage that this was built from</text>']


def curve(plot, points):
    path = [f"{plot.x(second + 0.5):.1f} {plot.y(right / total):.1f}" for second, right, total in points if total]
    return "M" + " L".join(path)


def legend(results):
    parts = ['<text x="56" y="22">Right answers, of those asked</text>']
    x = LEFT
    for index, result in enumerate(results):
        parts.append(f'<line class="curve c{index}" x1="{x}" y1="44" x2="{x + 26}" y2="44"/>')
        parts.append(f'<text x="{x + 32}" y="48">{result["title"]}</text>')
        x += 60 + 7.1 * len(result["title"])
    return parts
