"""A chart where looking beats reading: counts by value, allele frequencies by population, genes along a chromosome."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agent.values import find
from tools.query import Query

_MOST_BARS = 30
_POPULATIONS = {
    "af_afr": "African", "af_ami": "Amish", "af_amr": "Latino", "af_asj": "Ashkenazi Jewish", "af_eas": "East Asian",
    "af_fin": "Finnish", "af_nfe": "non-Finnish European", "af_oth": "other", "af_sas": "South Asian", "af": "all",
    "af_mid": "Middle Eastern",
}  # fmt: skip
_CHROMOSOME = re.compile(r"(?:\d{1,2}|X|Y|MT?)")


def chart(record: dict[str, Any]) -> Any:
    """Return the plotly figure that fits a record, or None where a table says it as well."""
    if record["status"] != "answered" or not record["request"]:
        return None
    query = Query.parse(record["request"])
    if query.params.get("facets"):
        return _counts(query, record["values"])
    if query.api == "myvariant" and len(record["hits"]) == 1:
        return _frequencies(record["hits"][0])
    if query.api == "mygene" and len(record["hits"]) >= 3:
        return _positions(record["hits"])
    return None


def _counts(query: Query, values: list[str]) -> Any:
    """Counts of a facet: `values` holds each term followed by its count."""
    pairs = [(term, int(count)) for term, count in zip(values[::2], values[1::2], strict=False) if count.isdigit()]
    if len(pairs) < 2:
        return None
    pairs = pairs[:_MOST_BARS]
    return _bars([term for term, _ in pairs], [count for _, count in pairs], query.params["facets"], "hits")


def _frequencies(hit: dict[str, Any]) -> Any:
    for source in ("gnomad_genome", "gnomad_exome"):
        for block in find(hit, f"{source}.af"):
            known = {_POPULATIONS[name]: value for name, value in _numbers(block) if name in _POPULATIONS}
            if len(known) >= 3:
                title = source.replace("_", " ").replace("gnomad", "gnomAD")
                return _bars(list(known), list(known.values()), f"allele frequency, {title}", "frequency")
    return None


def _numbers(block: Any) -> Iterator[tuple[str, float]]:
    if isinstance(block, dict):
        for name, value in block.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                yield name, float(value)


def _positions(hits: list[dict[str, Any]]) -> Any:
    """Genes along the one chromosome that all of them are on."""
    places: list[tuple[str, int, int]] = []
    chromosomes: set[str] = set()
    for hit in hits:
        for place in find(hit, "genomic_pos"):
            if (
                isinstance(place, dict)
                and isinstance(place.get("start"), int)
                and _CHROMOSOME.fullmatch(str(place.get("chr")))
            ):
                start, end = int(place["start"]), int(place.get("end") or place["start"])
                places.append((str(hit.get("symbol") or hit.get("_id")), start, end))
                chromosomes.add(str(place["chr"]))
                break
    if len(places) < 3 or len(chromosomes) != 1:
        return None
    from plotly import graph_objects as go

    places.sort(key=lambda place: place[1])
    names = [_plain(name) for name, _, _ in places]
    figure = go.Figure(
        go.Scatter(
            x=[start for _, start, _ in places],
            y=[number % 4 for number in range(len(places))],
            mode="markers+text",
            text=names,
            textposition="top center",
            hovertext=[f"{name} {place[1]:,}-{place[2]:,}" for name, place in zip(names, places, strict=True)],
            hoverinfo="text",
        )
    )
    figure.update_layout(
        title=f"chromosome {chromosomes.pop()}", yaxis={"visible": False, "range": [-1, 5]}, height=260
    )
    return _styled(figure)


def _bars(names: list[str], values: list[float] | list[int], title: str, unit: str) -> Any:
    from plotly import graph_objects as go

    figure = go.Figure(go.Bar(x=values[::-1], y=[_plain(name)[:60] for name in names[::-1]], orientation="h"))
    figure.update_layout(
        title=_plain(title), xaxis_title=unit, yaxis={"type": "category"}, height=120 + 24 * len(names)
    )
    return _styled(figure)


def _plain(text: str) -> str:
    """Keep plotly, which reads a few HTML tags in its texts, from reading any."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _styled(figure: Any) -> Any:
    """Let the page's own colours show through, in light and in dark."""
    figure.update_traces(marker_color="#17a596")
    figure.update_layout(
        template="none", paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", font_color="#7d8f94",
        margin={"l": 10, "r": 10, "t": 40, "b": 40}, yaxis_automargin=True, bargap=0.25,
    )  # fmt: skip
    figure.update_xaxes(gridcolor="rgba(125,143,148,0.25)")
    return figure
