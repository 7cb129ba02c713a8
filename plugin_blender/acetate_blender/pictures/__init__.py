# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels between Blender's images and the wire, in slices that never hold Blender up."""
