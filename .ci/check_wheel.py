"""An installed wheel holds all that a user needs: both packages, the web client, the bundled checkpoint.

Run from outside the checkout, with the directory the wheel was installed into as the only argument.
"""

from __future__ import annotations

import sys
from pathlib import Path

import lingen_kernels
import lingen_live
from lingen_live.checkpoint import load_bundle
from lingen_live.cli import main
from lingen_live.serve.web import find_web_directory
from lingen_live.train.config import load_recipe

site = Path(sys.argv[1]).resolve()
for package in (lingen_live, lingen_kernels):
    where = Path(str(package.__file__)).resolve()
    assert where.is_relative_to(site), f"{where} is not from the wheel in {site}"

web = find_web_directory().resolve()
assert web.is_relative_to(site), f"the web client is taken from {web}"
assert not (web / "tests").exists(), "the wheel carries the tests of the web client"
assert (site / "bin" / "lingen_live").is_file(), "the wheel installs no command lingen_live"
assert callable(main)
load_recipe(None)
bundle = load_bundle()
sys.stdout.write(f"wheel: {bundle.config.name} {bundle.digest[:12]}, web client in {web.relative_to(site)}\n")
