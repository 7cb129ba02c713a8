# SPDX-License-Identifier: GPL-3.0-or-later
"""Acetate for Krita: a docker that puts transparent layers where they belong."""

from . import vendor_path

vendor_path.prepare()
