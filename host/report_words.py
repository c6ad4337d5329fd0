# SPDX-License-Identifier: MIT
"""What came out of a run in plain words, for who reads only the top of its report."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from host import remarks
from host.bins import DUE_PCT, Bin
from host.columns import ORANGE_PPM, RED_PPM
from host.runs import KeptRun
from host.screen import expected_lines, unmet

_EACH = 6  # nodes that have a line of their own; more are told of together
_SILENT = timedelta(hours=6)
_OFTEN = 0.05  # of a node's readings: a remark that stands in so many wants somebody
_POOR = 0.9  # a smaller share of what was sent is too little


def head(run: KeptRun) -> str:
    """What the run was."""
    long = run.end - run.start
    hours = long / timedelta(hours=1)
    lasted = f"{hours:g} hours" if hours < 72 or hours % 24 else f"{hours / 24:g} days"
    kits = Counter(f"{node['kit']} on {node['board']}" for node in run.nodes)
    nodes = _several(len(run.nodes), "node")
    parts = [f"{nodes} ({_listed([f'{n} {kit}' if n > 1 else kit for kit, n in kits.items()])})"]
    if masts := run.summary.get("gateways"):
        parts.append(_several(len(masts), "gateway"))
    if crowds := run.summary.get("crowds"):
        parts.append(f"{sum(crowd['nodes'] for crowd in crowds):,} cheap nodes in the same air")
    zone = run.start.strftime("%z")
    return (
        f"{_day(run.start)} to {_day(run.end)} (UTC{zone[:3]}:{zone[3:5]}), {lasted}: "
        f"{_listed(parts)}. Simulated, seed {run.summary['seed']}."
    )


def outcome(run: KeptRun, bins: Sequence[Bin]) -> list[str]:
    """What was measured and how much of it arrived, a sentence each."""
    found = [*_air(run), *_bins(run, bins), *_water(run), *_passed(run), *_bays(run)]
    sent = sum(node["uplinks_sent"] for node in run.nodes)
    heard = sum(node["uplinks_heard"] for node in run.nodes)
    if sent:
        found.append(f"{_arrived(heard, sent)}.")
    for crowd in run.summary.get("crowds", ()):
        if crowd["sent"]:
            many = f"{crowd['name']}, {_several(crowd['nodes'], 'cheap node')}"
            found.append(f"{many}: {_arrived(crowd['heard'], crowd['sent'])}.")
    if "expectations" in run.summary:
        found += [_sentence(line) for line in expected_lines(run.summary)]
    lasts = [node for node in run.nodes if node.get("battery_days")]
    if lasts:
        worst = min(lasts, key=lambda node: node["battery_days"])
        low, high = worst.get("battery_days_low"), worst.get("battery_days_high")
        between = f", between {low:.0f} and {high:.0f}" if low and high else ""
        first = f"The first battery to be empty is that of {worst['name']}, after"
        found.append(f"{first} {worst['battery_days']:.0f} days{between}.")
    return found


def look_at(run: KeptRun, bins: Sequence[Bin]) -> list[str]:
    """What somebody should do something about, a sentence each; none: all is well."""
    found = []
    if due := sorted((each for each in bins if each.due), key=lambda each: -each.fill_pct):
        names = _listed([f"{each.name} ({each.fill_pct:.0f} %)" for each in due], 12)
        found.append(f"Empty by tomorrow: {names}.")
    for what, nodes in (
        ("Never joined the network", [n for n in run.nodes if not n["joins"] and n["join_tries"]]),
        ("Started more than once", [n for n in run.nodes if n.get("starts", 1) > 1]),
        ("Used more airtime than is fair", [n for n in run.nodes if n["fair_use_share"] > 1]),
        (
            f"Less than {_share(_POOR)} of what they sent was heard",
            [n for n in run.nodes if _poor(n)],
        ),
    ):
        if nodes:
            names = _listed([node["name"] for node in nodes], 8)
            found.append(f"{what}: {names}. The command node071 why tells the cause.")
    if "expectations" in run.summary:
        found += [f"{line}." for line in unmet(run.summary)]
    if silent := list(_silent(run)):
        found.append(f"Silent at the end: {_listed(silent, 8)}.")
    said: dict[str, list[str]] = {}
    for node, remark, count in noted(run):
        if count >= _OFTEN * node["decoded"]:
            said.setdefault(remark, []).append(node["name"])
    for remark, who in said.items():
        found.append(f"{remark[:1].upper()}{remark[1:]}: {_listed(who, 8)}. {advice(remark)}")
    return found


def noted(run: KeptRun) -> Iterator[tuple[dict[str, Any], str, int]]:
    """(node, remark, in how many readings) of what the nodes said of their readings."""
    for node in run.nodes:
        for remark, count in node["remarks"].items():
            yield node, remark, count


def advice(remark: str) -> str:
    """What to do about a remark, as a sentence."""
    return _sentence(remarks.advice(remark))


def _poor(node: dict[str, Any]) -> bool:
    return bool(node["uplinks_sent"]) and node["uplinks_heard"] < _POOR * node["uplinks_sent"]


def _silent(run: KeptRun) -> Iterator[str]:
    last: dict[str, datetime] = {}
    for series in run.series.values():
        for name, rows in series.items():
            last[name] = max(last.get(name, rows[-1][0]), rows[-1][0])
    for node in run.nodes:
        time = last.get(node["name"])
        if time is None and run.end - run.start > _SILENT:
            yield f"{node['name']} (no reading at all)"
        elif time is not None and run.end - time > _SILENT:
            yield f"{node['name']} (since {_moment(time)})"


def _air(run: KeptRun) -> Iterator[str]:
    nodes = [node for node in run.nodes if "co2_minutes_above_800" in node]
    for node in nodes if len(nodes) <= _EACH else ():
        soon, now = node["co2_minutes_above_800"], node["co2_minutes_above_1200"]
        rows = run.series.get("co2", {}).get(node["name"])
        if not rows:
            yield f"{node['name']}: no CO2 was measured."
            continue
        time, most = max(rows, key=lambda each: each[1])
        if soon:
            over = f"above {ORANGE_PPM} ppm for {_long(soon)}"
            over += f", {_long(now)} of it above {RED_PPM} ppm" if now else ""
        else:
            over = f"never above {ORANGE_PPM} ppm"
        yield f"{node['name']}: CO2 was {over}; highest {most:.0f} ppm, {_moment(time)}."
    if len(nodes) > _EACH:
        bad = [node for node in nodes if node["co2_minutes_above_1200"]]
        worst = max(nodes, key=lambda node: node["co2_minutes_above_1200"])
        yield (
            f"In {len(bad)} of {len(nodes)} rooms CO2 was above {RED_PPM} ppm; longest in "
            f"{worst['name']}, for {_long(worst['co2_minutes_above_1200'])}."
        )


def _bins(run: KeptRun, bins: Sequence[Bin]) -> Iterator[str]:
    if not bins:
        return
    due = sum(each.due for each in bins)
    times = sum(len(node.get("emptied_at", ())) for node in run.nodes)
    emptied = f"; bins were emptied {_several(times, 'time')}" if times else ""
    if len(bins) > 1:
        verb = "is" if due == 1 else "are"
        yield f"{due} of {len(bins)} bins {verb} due tomorrow, {DUE_PCT} % full or more{emptied}."
    for each in bins if len(bins) <= _EACH else ():
        rises = "" if each.rise_pct_day is None else f", rising {each.rise_pct_day:g} % a day"
        known = each.due or each.rise_pct_day is not None
        tomorrow = "due tomorrow" if each.due else "not due tomorrow"
        tomorrow = f"; {tomorrow}" if known else "; too few hours to tell of tomorrow"
        yield f"{each.name}: {each.fill_pct:.0f} % full{rises}{tomorrow}."


def _water(run: KeptRun) -> Iterator[str]:
    for node in run.nodes:
        if node.get("level_highest_mm") is not None:
            yield (
                f"{node['name']}: the water was highest {_moment(node['level_highest_at'])}, "
                f"{node['level_highest_mm']:+} mm from the mark; now {node['level_now_mm']:+} mm."
            )


def _passed(run: KeptRun) -> Iterator[str]:
    for total, way in (("count", "passed"), ("count_back", "passed the other way")):
        for node in run.nodes:
            rows = run.by_hour.get(total, {}).get(node["name"])
            if node.get(f"{total}_sum") is None or not rows:
                continue
            time, most = max(rows, key=lambda each: each[1])
            yield (
                f"{node['name']}: {node[f'{total}_sum']:,} {way}; the busiest hour began "
                f"{_moment(time)}, with {most:.0f}."
            )


def _bays(run: KeptRun) -> Iterator[str]:
    for node in run.nodes:
        if node.get("occupied_share") is not None:
            yield f"{node['name']}: taken for {_share(node['occupied_share'])} of the time."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "." * (text[-1] not in ".?!")


def _arrived(heard: int, sent: int) -> str:
    if heard == sent:
        return f"All {sent:,} messages arrived"
    return f"{heard:,} of {sent:,} messages arrived ({_share(heard / sent)})"


def _share(share: float) -> str:
    """In percent, with so many digits that 99.96 % is not all."""
    return f"{100 * share:.3g} %" if share < 0.9995 or share == 1 else f"{100 * share:.5g} %"


def _long(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest or not hours))


def _several(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _listed(words: Sequence[str], most: int = 100) -> str:
    """One, two and three; beyond `most` only how many more there are."""
    shown = [*words[:most], f"{len(words) - most} more"] if len(words) > most else [*words]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _moment(time: datetime | str) -> str:
    if isinstance(time, str):
        time = datetime.fromisoformat(time)
    return f"{time:%a %H:%M}"


def _day(time: datetime) -> str:
    return f"{time:%a} {time.day} {time:%b %Y %H:%M}"
