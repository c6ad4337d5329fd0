# SPDX-License-Identifier: MIT
"""Makes report.html of a run: one file, without scripts, that loads nothing from anywhere."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from host import bins, plots, report_radio, report_readings, report_words, rounds, runs
from host.errors import HostError
from host.places import places
from host.report_readings import Figure

NAME = "report.html"
_CSS = """
body{margin:0 auto;padding:0 16px 32px;max-width:1120px;color:#1a1a1a;background:#fff;
font:16px/1.45 system-ui,sans-serif}
h1{font-size:1.7rem;margin:24px 0 4px}h2{font-size:1.25rem;margin:32px 0 8px}
h3{font-size:1rem;margin:0}header p,figcaption p,.note{color:#4a4a4a;margin:2px 0 6px}
figcaption p,.note{font-size:.875rem}ul{margin:0;padding-left:20px}li{margin:3px 0}
#look{border-left:6px solid #d55e00;padding:2px 0 8px 14px;margin-top:24px}
#look.well{border-color:#009e73}#look :is(h2,p){margin:0}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(380px,100%),1fr));
gap:24px 32px}
figure{margin:0;min-width:0;break-inside:avoid}
svg{width:100%;max-width:640px;height:auto;display:block}
svg *{stroke-linejoin:round;stroke-linecap:butt}svg text{font-family:system-ui,sans-serif}
svg .said:hover{opacity:.65}
.table{overflow-x:auto}table{border-collapse:collapse;font-size:.875rem;white-space:nowrap}
th,td{padding:4px 10px 4px 0;text-align:right;border-bottom:1px solid #d9d9d9}
th{vertical-align:bottom;white-space:normal}th:first-child,td:first-child,
:is(#numbers,#remarks) :is(th,td):nth-child(2),#remarks :is(th,td):nth-child(4){text-align:left}
#remarks td{white-space:normal}
@media print{body{font-size:11pt;max-width:none}.plots{grid-template-columns:1fr 1fr}
.table{overflow:visible}table{white-space:normal;font-size:9pt}td:first-child{white-space:nowrap}}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # no request can leave the page
_COLUMNS = (
    ("kit", "kit", "{}"),
    ("join_tries", "join tries", "{}"),
    ("uplinks_sent", "sent", "{}"),
    ("uplinks_heard", "heard", "{}"),
    ("decoded", "decoded", "{}"),
    ("airtime_s", "airtime, s", "{:.1f}"),
    ("fair_use_share", "of fair use", "%"),
    ("duty_cycle_share", "of the duty cycle", "%"),
    ("mah_day", "mAh a day", "{:.4g}"),
    ("battery_days", "battery, days", "{:.0f}"),
    ("starts", "starts", "{}"),
)


def there_is_a_library() -> bool:
    """Whether a report can be drawn here."""
    return find_spec("matplotlib") is not None


def write(folder: Path, out: Path | None = None) -> dict[str, Any]:
    """Make the report of the run in `folder`; returns where it is, its size, and its plots.

    HostError: there is no run there, its files are broken, or the library that draws is missing.
    """
    run = runs.load(folder)
    try:
        figures, text = _page(run)
    except (KeyError, TypeError) as error:
        cause = f"{folder / 'summary.json'} is no summary of this version: {error}"
        raise HostError(cause, "make the run anew") from error
    path = out or folder / NAME
    data = text.encode()
    path.write_bytes(data)
    return {"report": str(path), "bytes": len(data), "plots": [each.key for each in figures]}


def _page(run: runs.KeptRun) -> tuple[list[Figure], str]:
    full, known = bins.bins(run), places(run.summary)
    tour = None
    if known is not None and known.gateways and any(each.due for each in full):
        tour = rounds.over(known, full, None) if rounds.there_is_a_solver() else None
    with plots.style():
        measured = list(report_readings.figures(run))
        if full:
            after = [each.key for each in measured].index("fill") + 1
            measured.insert(after, report_readings.due(full))
        radio = list(report_radio.figures(run))
        if known is not None:
            urgent = {each.name for each in full if each.due}
            radio.append(report_radio.places(run, known, tour, urgent))
    title = escape(run.summary["scenario"])
    todo = report_words.look_at(run, full)
    body = [
        f"<header><h1>{title}</h1><p>{escape(report_words.head(run))}</p></header>",
        f'<section id="outcome">{_list(report_words.outcome(run, full))}</section>',
        f'<section id="look"{"" if todo else " class=well"}><h2>To look at</h2>'
        f"{_list(todo) if todo else '<p>Nothing: all is well.</p>'}</section>",
        _plots("measured", "What was measured", measured),
        _plots("radio", "Radio, energy and places", radio),
        _numbers(run.nodes),
        _remarks(run),
        _causes(run),
    ]
    text = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}: report of a run</title><style>{_CSS}</style></head>\n<body>\n"
    )
    return [*measured, *radio], text + "\n".join(filter(None, body)) + "\n</body></html>\n"


def _list(lines: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _plots(key: str, title: str, figures: Sequence[Figure]) -> str:
    if not figures:
        return ""
    drawn = "\n".join(
        f'<figure id="{each.key}"><figcaption><h3>{escape(each.title)}</h3>'
        f"<p>{escape(each.note)}</p></figcaption>\n{each.svg}</figure>"
        for each in figures
    )
    return f'<section id="{key}"><h2>{title}</h2><div class="plots">\n{drawn}\n</div></section>'


def _numbers(nodes: list[dict[str, Any]]) -> str:
    """The figures of the summary, node by node."""
    columns = [each for each in _COLUMNS if any(node.get(each[0]) is not None for node in nodes)]
    heads = ["node", *(title for _, title, _ in columns)]
    rows = [
        [node["name"], *(_cell(node.get(key), form) for key, _, form in columns)] for node in nodes
    ]
    return f'<section id="numbers"><h2>Node by node</h2>{_table(heads, rows)}</section>'


def _cell(value: Any, form: str) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.1f} %" if form == "%" else form.format(value)


def _remarks(run: runs.KeptRun) -> str:
    """What the nodes said of their own readings, and what to do about it."""
    rows = [
        [node["name"], remark, str(count), report_words.advice(remark)]
        for node, remark, count in report_words.noted(run)
    ]
    if not rows:
        return ""
    table = _table(["node", "remark", "readings", "what to do"], rows)
    return f'<section id="remarks"><h2>Remarks</h2>{table}</section>'


def _causes(run: runs.KeptRun) -> str:
    """Why frames were lost, and what else went wrong on the way."""
    causes = sorted({cause for counts in run.lost.values() for cause in counts})
    rows = [
        [node["name"], *(str(run.lost[node["name"]][cause]) for cause in causes)]
        for node in run.nodes
        if run.lost.get(node["name"])
    ]
    others = [[f"{what}: {cause}", str(n)] for (what, cause), n in sorted(run.happened.items())]
    found = ""
    if rows:
        found += f"<h2>Lost in the air</h2>{_table(['node', *causes], rows)}"
    if others:
        found += f"<h2>Refused, or not sent</h2>{_table(['what', 'times'], others)}"
    return f'<section id="lost">{found}</section>' if found else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(tag: str, cells: Sequence[str]) -> str:
        return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"

    body = "\n".join(line("td", row) for row in rows)
    return (
        f'<div class="table"><table><thead>{line("th", heads)}</thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )
