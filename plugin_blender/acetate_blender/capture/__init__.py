# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes to the daemon: the pictures that a mode works on, read from the scene."""
