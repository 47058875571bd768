"""Prints the image's bill of materials as CycloneDX 1.6: Python, its distributions, Beam's boot, Debian's packages."""

from __future__ import annotations

import json
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

LICENCE_AS_CLASSIFIER = "License :: OSI Approved :: "
BOOT_MODULES = Path("/opt/apache/beam/boot.modules")  # as `go version -m` prints them
LONGEST_NAME = 80  # [characters] of a licence; some packages give its whole text


def main() -> None:
    """Print the document."""
    release = platform.freedesktop_os_release()
    ours = metadata.distribution("align-tfx")
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": "align-tfx", "version": ours.version}},
        "components": [
            {"type": "operating-system", "name": release["ID"], "version": release["VERSION_ID"]},
            interpreter(),
            *sorted((python_package(each) for each in metadata.distributions()), key=lambda one: one["purl"]),
            *boot_modules(),
            *debian_packages(f"{release['ID']}-{release['VERSION_ID']}"),
        ],
    }
    print(json.dumps(document, indent=1))


def interpreter() -> dict[str, Any]:
    """Returns the component of Python itself."""
    version = platform.python_version()
    return {
        "type": "platform",
        "name": "CPython",
        "version": version,
        "purl": f"pkg:generic/cpython@{version}",
        "licenses": [{"license": {"id": "Python-2.0"}}],
    }


def python_package(distribution: metadata.Distribution) -> dict[str, Any]:
    """Returns the component of an installed distribution."""
    name = distribution.metadata["Name"]
    component = {
        "type": "library",
        "name": name,
        "version": distribution.version,
        "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{distribution.version}",
    }
    licences = licences_of(distribution)
    return component | {"licenses": licences} if licences else component


def licences_of(distribution: metadata.Distribution) -> list[dict[str, Any]]:
    """Returns a distribution's licences in the most exact form in which it states them."""
    stated = distribution.metadata
    if stated.get("License-Expression"):
        return [{"expression": stated["License-Expression"]}]
    classifiers = [text for text in stated.get_all("Classifier") or () if text.startswith(LICENCE_AS_CLASSIFIER)]
    names = [text.removeprefix(LICENCE_AS_CLASSIFIER) for text in classifiers]
    if not names and stated.get("License"):
        names = [stated["License"].strip().splitlines()[0][:LONGEST_NAME]]
    return [{"license": {"name": name}} for name in names]


def boot_modules() -> list[dict[str, Any]]:
    """Returns the components of Beam's boot: Go's own library and the modules that it was built from."""
    first, *lines = BOOT_MODULES.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t")[2:4] for line in lines if line.startswith(("\tmod\t", "\tdep\t"))]
    rows.append(["stdlib", first.rpartition("go")[2]])
    return [
        {"type": "library", "name": name, "version": version, "purl": f"pkg:golang/{name}@{version}"}
        for name, version in rows
    ]


def debian_packages(distro: str) -> list[dict[str, Any]]:
    """Returns the components of what dpkg has installed."""
    if not Path("/var/lib/dpkg/status").exists():
        return []
    form = "${Package}\t${Version}\t${Architecture}\n"
    listed = subprocess.run(
        ["dpkg-query", "--show", f"--showformat={form}"], check=True, capture_output=True, text=True
    )
    rows = [line.split("\t") for line in listed.stdout.splitlines()]
    return [
        {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}&distro={distro}",
        }
        for name, version, architecture in rows
    ]


if __name__ == "__main__":
    main()
