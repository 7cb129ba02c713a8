# SPDX-License-Identifier: GPL-3.0-or-later
"""What the artist reads, in other languages: a module each, from English to that language."""
