"""Fetch a version of NiiVue with npm and put it here: `python -m stroke_tf.reports.niivue.refresh 0.69.0`.

For those who work on stroke_tf; nobody else needs npm. Writes niivue.umd.js as published, niivue.json with its version
and SHA-256, and LICENCES.txt with the licence of NiiVue and of every package that is built into it. NiiVue's own
licence is not in its npm package; it is kept in LICENSE beside this file, and must be looked at when it changes.
"""

import argparse
import hashlib
import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

_HERE = Path(__file__).parent
_PACKAGE = "@niivue/niivue"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch, copy, write down."""
    options = argparse.ArgumentParser(description="Vendor a version of NiiVue.")
    options.add_argument("version", help="as npm names it")
    version = options.parse_args(arguments).version
    with tempfile.TemporaryDirectory() as folder:
        install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev", "--omit=optional"]
        subprocess.run([*install, "--prefix", folder, f"{_PACKAGE}@{version}"], check=True)
        modules = Path(folder) / "node_modules"
        code = (modules / _PACKAGE / "dist" / "niivue.umd.js").read_bytes()
        if b"</script" in code.lower() or b"\r" in code:
            raise SystemExit(f"{_PACKAGE} {version}: the file cannot stand inside a page as it is")
        licences = _licences(modules, version)
    (_HERE / "niivue.umd.js").write_bytes(code)
    (_HERE / "LICENCES.txt").write_text(licences, encoding="utf-8")
    told = {
        "name": _PACKAGE,
        "version": version,
        "file": "dist/niivue.umd.js",
        "sha256": hashlib.sha256(code).hexdigest(),
        "licence": "BSD-2-Clause",
        "source": f"npm package {_PACKAGE}",
    }
    (_HERE / "niivue.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    print(f"{_PACKAGE} {version}: {len(code):,} bytes, SHA-256 {told['sha256']}")
    return 0


def _licences(modules: Path, version: str) -> str:
    parts = [f"{_PACKAGE} {version} (BSD-2-Clause)\n\n{(_HERE / 'LICENSE').read_text(encoding='utf-8').strip()}"]
    for card in sorted([*modules.glob("*/package.json"), *modules.glob("@*/*/package.json")]):
        told = json.loads(card.read_text(encoding="utf-8"))
        if told["name"] == _PACKAGE:
            continue
        files = [file for file in sorted(card.parent.iterdir()) if file.name.lower().startswith(("license", "licence"))]
        if not files:
            raise SystemExit(f"{told['name']}: no licence file")
        text = "\n".join(file.read_text(encoding="utf-8").strip() for file in files)
        parts.append(f"{told['name']} {told['version']} ({told['license']})\n\n{text}")
    return f"\n\n{'-' * 80}\n\n".join(parts) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
