# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished layers into the scene: planes that fill their part of the camera's frame, or one of the other places."""
