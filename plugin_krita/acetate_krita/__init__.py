# SPDX-License-Identifier: GPL-3.0-or-later
"""Acetate for Krita: a docker that puts transparent layers where they belong."""

from . import vendor_path

VERSION = "0.1.0"
"""The version of the `acetate` package that this plug-in comes with."""

vendor_path.prepare()

from .start import start  # noqa: E402

start()
