from __future__ import annotations

from pathlib import Path

import pytest

from tools.offline import bench, snapshot

VARIANTS = [
    {"_id": "chr7:g.140753336A>T", "_id_hg19": "chr7:g.140453136A>T", "chrom": "7", "dbsnp": {"rsid": "rs113488022"}},
    {"_id": "chr17:g.7675088C>T", "chrom": "17"},
]


def test_documents_are_repeated_under_new_identifiers() -> None:
    found = list(bench.repeat(lambda: iter(VARIANTS), 5))
    assert [document["_id"] for document in found] == [
        "chr7:g.140753336A>T", "chr17:g.7675088C>T", "chr7:g.140753336A>T.1", "chr17:g.7675088C>T.1",
        "chr7:g.140753336A>T.2",
    ]  # fmt: skip
    assert found[2]["_id_hg19"] == "chr7:g.140453136A>T.1"
    assert "_id_hg19" not in VARIANTS[1]
    assert list(bench.repeat(lambda: iter(()), 5)) == []


def test_scale_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "documents", lambda api: iter(VARIANTS))
    scales = [bench.measure(tmp_path / str(size), size, rounds=1) for size in (20, 60)]
    assert [scale.queries["term"][1] for scale in scales] == [10, 30]
    assert scales[0].queries["identifier"][1] == 1
    text = bench.report(scales)
    assert "20 documents: indexed at" in text
    assert len(text.splitlines()) == 2 + len(bench.QUERIES)
