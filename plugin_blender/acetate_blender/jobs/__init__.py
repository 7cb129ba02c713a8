# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs: asked for, followed, kept on disk until a saved .blend file holds their layers."""
