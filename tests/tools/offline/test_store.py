"""Indexes on disk: replaced whole, added to, safe against crashes and between threads."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.errors import DataError
from tools.offline import snapshot
from tools.offline.search import SearchRequest
from tools.offline.store import Index, Store

ROWS: dict[str, dict[str, Any]] = {"name": {"type": "text", "searched_by_default": True}, "n": {"type": "integer"}}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    store.create("things", ROWS)
    return store


def ids(index: Index, q: str | None = None) -> list[str]:
    return sorted(hit.id for hit in index.search(SearchRequest(q=q, size=1000)).hits)


def test_newest_wins(store: Store) -> None:
    store.add("things", [{"_id": "a", "n": 1}, {"_id": "b", "n": 2}, {"_id": "a", "n": 3}], True, None)
    assert store.index("things").get("a") == {"_id": "a", "n": 3}
    store.add("things", [{"_id": "b", "n": 4}, {"_id": "c", "n": 5}], False, None)
    index = store.index("things")
    assert ids(index) == ["a", "b", "c"]
    assert ids(index, "n:2") == []
    assert ids(index, "n:4") == ["b"]
    assert index.count_loaded() == 3


def test_replace_takes_the_place_of_everything(store: Store) -> None:
    store.add("things", [{"_id": "a"}], False, None)
    store.add("things", [{"_id": "b"}], True, None)
    assert ids(store.index("things")) == ["b"]


def test_another_store_sees_what_was_added(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path)
    assert ids(other.index("things")) == []
    store.add("things", [{"_id": "a"}], False, None)
    assert ids(other.index("things")) == ["a"]
    assert other.apis()[-1] == "things"


def test_a_new_mapping_keeps_the_documents(store: Store) -> None:
    store.add("things", [{"_id": "a", "name": "Two Words"}], False, None)
    assert ids(store.index("things"), "name:two") == ["a"]
    store.create("things", {"name": {"type": "keyword"}})
    assert ids(store.index("things"), "name:two") == []
    assert ids(store.index("things"), 'name:"two words"') == ["a"]


def test_a_load_that_fails_changes_nothing(store: Store) -> None:
    def documents() -> Iterator[dict[str, Any]]:
        yield {"_id": "new"}
        raise DataError("cut off")

    store.add("things", [{"_id": "old"}], False, None)
    for replace in (False, True):
        with pytest.raises(DataError, match="cut off"):
            store.add("things", documents(), replace, None)
        assert ids(store.index("things")) == ["old"]
    store.add("things", [{"_id": "new"}], False, None)
    assert ids(store.index("things")) == ["new", "old"]


def test_unknown_analyzer_is_refused(store: Store) -> None:
    with pytest.raises(DataError, match="'klingon'"):
        store.create("things", {"name": {"type": "text", "analyzer": "klingon"}})


def test_drop_and_info(store: Store) -> None:
    store.add("things", [{"_id": "a"}], False, None)
    row = next(row for row in store.info() if row["api"] == "things")
    assert (row["built"], row["documents"], row["loaded"], row["custom"]) == (True, 1, 1, True)
    store.drop("things")
    assert "things" not in store.apis()
    with pytest.raises(DataError):
        store.index("things")


def test_coverage(store: Store) -> None:
    store.add("things", [{"_id": "a", "name": "x", "other": 1}, {"_id": "b", "n": None}], True, None)
    assert store.index("things").coverage().fields == {"name"}


def test_snapshot_is_built_and_loaded_documents_outlive_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genes = [{"_id": "1", "symbol": "AAA"}, {"_id": "2", "symbol": "BBB"}]
    monkeypatch.setattr(snapshot, "documents", lambda api: iter(genes))
    monkeypatch.setattr(snapshot, "fingerprint", lambda api: str(len(genes)))
    store = Store(tmp_path)
    assert ids(store.index("mygene")) == ["1", "2"]
    store.add("mygene", [{"_id": "2", "symbol": "CCC"}, {"_id": "3", "symbol": "DDD"}], False, None)
    assert ids(store.index("mygene"), "symbol:bbb") == []
    genes.append({"_id": "4", "symbol": "EEE"})
    index = Store(tmp_path).index("mygene")
    assert ids(index) == ["1", "2", "3", "4"]
    assert ids(index, "symbol:ccc") == ["2"]
    store.add("mygene", [{"_id": "9", "symbol": "ZZZ"}], True, None)
    genes.append({"_id": "5", "symbol": "FFF"})
    assert ids(Store(tmp_path).index("mygene")) == ["9"]


VARIANT: dict[str, Any] = {
    "_id": "chr7:g.2A>T", "_id_hg19": "chr7:g.1A>T", "chrom": "7", "vcf": {"position": "2"},
    "hg38": {"start": 2, "end": 2}, "hg19": {"start": 1, "end": 1},
}  # fmt: skip


@pytest.mark.parametrize("assembly", ["hg19", None])
def test_a_variant_given_by_its_hg19_id_is_there_once(tmp_path: Path, assembly: str | None) -> None:
    store = Store(tmp_path)
    store.add("myvariant", [VARIANT], True, "hg38")
    newer = {"_id": "chr7:g.1A>T", "chrom": "7", "vcf": {"position": "1"}, "hg19": {"start": 1, "end": 1}, "n": 1}
    for _ in range(2):
        store.add("myvariant", [newer], False, assembly)
        index = store.index("myvariant")
        assert index.count == 1
        assert index.get("chr7:g.1A>T") == newer
        assert index.get("chr7:g.2A>T", "hg38") == {
            "_id": "chr7:g.2A>T", "chrom": "7", "vcf": {"position": "2"}, "hg38": {"start": 2, "end": 2}, "n": 1,
        }  # fmt: skip
        for q in ("chr7:1-1", "chr7:2-2", "chrom:7"):
            assert index.search(SearchRequest(q=q)).total == 1
        assert (index.get("chr7:g.1A>T", "hg38") is None) == (assembly == "hg19")


def test_a_variant_given_by_its_hg38_id_keeps_its_place_in_hg19(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add("myvariant", [VARIANT], True, "hg38")
    store.add("myvariant", [{"_id": "chr7:g.2A>T", "chrom": "7", "hg38": {"start": 2, "end": 2}}], False, "hg38")
    index = store.index("myvariant")
    assert index.count == 1
    assert index.get("chr7:g.1A>T", "hg19") == {"_id": "chr7:g.1A>T", "chrom": "7", "hg19": {"start": 1, "end": 1}}


def test_searches_from_several_threads_while_documents_come(store: Store) -> None:
    store.add("things", [{"_id": str(n), "name": "alpha", "n": n} for n in range(200)], True, None)
    failures: list[BaseException] = []

    def search() -> None:
        try:
            for _ in range(50):
                result = store.index("things").search(SearchRequest(q="name:alpha AND n:>=100", size=5))
                assert result.total >= 100
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(200, 205):
        store.add("things", [{"_id": str(n), "name": "alpha", "n": n}], False, None)
    for thread in threads:
        thread.join()
    assert not failures
    assert store.index("things").count == 205


LOADER = """
import json, sys
from pathlib import Path
from tools.offline.store import Store
home, generation, replace = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "1"
documents = ({"_id": str(n), "name": f"generation{generation}", "n": generation} for n in range(3000))
print("ready", flush=True)
Store(home).add("things", documents, replace, None)
"""


def test_a_kill_leaves_the_old_or_the_new(store: Store, tmp_path: Path) -> None:
    """Six kills at random; `KILLS=100` in the environment asks for more."""
    store.add("things", [{"_id": str(n), "n": 0} for n in range(3000)], True, None)
    held = 0
    moments = random.Random(int(os.environ.get("KILL_SEED", "5")))
    for generation in range(1, int(os.environ.get("KILLS", "6")) + 1):
        delay = moments.uniform(0, 0.8)
        process = subprocess.Popen(
            [sys.executable, "-c", LOADER, str(tmp_path), str(generation), str(generation % 2)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        index = Store(tmp_path).index("things")
        counts = {n: len(ids(index, f"n:{n}")) for n in (held, generation)}
        total = {n: index.search(SearchRequest(q=f"n:{n}", size=0)).total for n in counts}
        assert index.count == 3000
        assert sorted(total.values()) == [0, 3000], json.dumps(total)
        held = next(n for n, count in total.items() if count)
