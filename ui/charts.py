"""A chart where looking beats reading: counts by value, allele frequencies by population, genes along a chromosome."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agent.sentence import noun
from agent.values import find
from tools.apis import species_taxid
from tools.catalogue import load_catalogue
from tools.query import Query

_MOST_BARS = 30
_LONGEST_NAME = 60
#: More genes than this are told apart by pointing at them only.
_MOST_LABELS = 60
#: How much of the chart's width a letter takes.
_LETTER = 0.02
#: Seen on white and on near-black; the texts have the theme's own colours by the style sheet.
_COLOUR = "#17a596"
_POPULATIONS = {
    "af_afr": "African", "af_ami": "Amish", "af_amr": "Latino", "af_asj": "Ashkenazi Jewish", "af_eas": "East Asian",
    "af_fin": "Finnish", "af_nfe": "non-Finnish European", "af_oth": "other", "af_sas": "South Asian", "af": "all",
    "af_mid": "Middle Eastern",
}  # fmt: skip
_HUMAN = 9606
_CHROMOSOME = re.compile(r"(?:\d{1,2}|X|Y|MT?)")


def chart(record: dict[str, Any]) -> Any:
    """Return the plotly figure that fits a record, or None where a table says it as well."""
    if record["status"] != "answered" or not record["request"]:
        return None
    query = Query.parse(record["request"])
    if query.params.get("facets"):
        # The counts of several fields stand one after the other and would be drawn as those of one.
        return _counts(query, record["values"]) if "," not in query.params["facets"] else None
    if query.api == "myvariant" and len(record["hits"]) == 1:
        return _frequencies(record["hits"][0])
    if query.api == "mygene" and len(record["hits"]) >= 3:
        return _positions(query, record["hits"])
    return None


def _counts(query: Query, values: list[str]) -> Any:
    """Counts of a facet: `values` holds each term followed by its count."""
    pairs = [(term, int(count)) for term, count in zip(values[::2], values[1::2], strict=False) if count.isdigit()]
    if len(pairs) < 2:
        return None
    pairs = pairs[:_MOST_BARS]
    field = load_catalogue(query.api).get(query.params["facets"])
    title = field.label if field is not None else query.params["facets"]
    return _bars([term for term, _ in pairs], [count for _, count in pairs], title, noun(query.api, 2))


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


def _positions(query: Query, hits: list[dict[str, Any]]) -> Any:
    """Genes along the one chromosome that all of them are on, each as a bar from its start to its end."""
    places: list[tuple[int, int, str]] = []
    chromosomes: set[str] = set()
    species: set[Any] = set()
    for hit in hits:
        for place in find(hit, "genomic_pos"):
            if (
                isinstance(place, dict)
                and isinstance(place.get("start"), int)
                and _CHROMOSOME.fullmatch(str(place.get("chr")))
            ):
                start, end = int(place["start"]), int(place.get("end") or place["start"])
                places.append((start, end, _plain(str(hit.get("symbol") or hit.get("_id")))))
                chromosomes.add(str(place["chr"]))
                species.add(_species(query, hit))
                break
    if len(places) < 3 or len(chromosomes) != 1 or len(species - {None}) > 1:
        return None
    assembly = " (GRCh38)" if species - {None} == {_HUMAN} else ""
    from plotly import graph_objects as go

    places.sort()
    labelled = len(places) <= _MOST_LABELS
    rows = _rows(places, labelled)
    figure = go.Figure(
        go.Bar(
            base=[start for start, _, _ in places],
            x=[end - start + 1 for start, end, _ in places],
            y=rows,
            width=0.3,
            orientation="h",
            marker_line_width=2,
            marker_line_color=_COLOUR,
            hovertext=[f"{name}: {start:,} to {end:,}" for start, end, name in places],
            hoverinfo="text",
        )
    )
    if labelled:
        for (start, _, name), row in zip(places, rows, strict=True):
            figure.add_annotation(
                x=start, y=row, text=name, showarrow=False, xanchor="left", yshift=-11, font_size=11
            )  # fmt: skip
    figure.update_layout(
        title=f"Genes on chromosome {chromosomes.pop()}", xaxis_title=f"position{assembly}", xaxis_tickformat=",",
        xaxis_nticks=6, yaxis={"visible": False, "range": [max(rows) + 0.8, -0.6]}, height=120 + 30 * (max(rows) + 1),
    )  # fmt: skip
    return _styled(figure)


def _species(query: Query, hit: dict[str, Any]) -> Any:
    """What tells a gene's species: its taxonomy id, or else the letters of its Ensembl id; None where nothing does."""
    if isinstance(hit.get("taxid"), int):
        return hit["taxid"]
    for name in (hit.get("_id"), *find(hit, "genomic_pos.ensemblgene"), *find(hit, "ensembl.gene")):
        if letters := re.match(r"(ENS[A-Z]*)G\d", str(name)):
            return _HUMAN if letters[1] == "ENS" else letters[1]
    return species_taxid(query.params.get("species", ""))


def _rows(places: list[tuple[int, int, str]], labelled: bool) -> list[int]:
    """Give each gene the uppermost row where neither its bar nor its label meets another."""
    span = max(end for _, end, _ in places) - places[0][0]
    letter = span * _LETTER if labelled else 0.0
    ends: list[float] = []
    rows = []
    for start, end, name in places:
        row = next((number for number, taken in enumerate(ends) if taken < start), len(ends))
        ends[row : row + 1] = [max(end, start + letter * (len(name) + 1))]
        rows.append(row)
    return rows


def _bars(names: list[str], values: list[float] | list[int], title: str, unit: str) -> Any:
    from plotly import graph_objects as go

    # Long names are cut where they are shown only: bars of one name would lie on each other.
    bars = [_plain(name) for name in names[::-1]]
    shown = [_plain(name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…") for name in names[::-1]]
    figure = go.Figure(go.Bar(x=values[::-1], y=bars, orientation="h"))
    figure.update_layout(
        title=_plain(title), xaxis_title=unit, height=130 + 26 * len(names),
        yaxis={"type": "category", "tickmode": "array", "tickvals": bars, "ticktext": shown},
    )  # fmt: skip
    return _styled(figure)


def _plain(text: str) -> str:
    """Keep plotly, which reads a few HTML tags in its texts, from reading any."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _styled(figure: Any) -> Any:
    """Let the page's own colours show through, in light and in dark."""
    figure.update_traces(marker_color=_COLOUR)
    figure.update_layout(
        template="none", paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 10, "r": 16, "t": 44, "b": 50}, yaxis_automargin=True, bargap=0.25, autosize=True,
        title={"x": 0, "xanchor": "left", "font_size": 14}, dragmode=False,
    )  # fmt: skip
    figure.update_xaxes(gridcolor="rgba(125,143,148,0.25)", title_font_size=12)
    return figure
