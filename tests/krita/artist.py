"""An artist at a real Krita with the docker open: types, clicks, waits, and looks at pixels and layers."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tests.krita.krita_process import PATIENCE_S, Krita

PRELUDE = """
from PyQt5 import QtCore, QtGui, QtWidgets
from krita import Selection
app = Krita.instance()
window = app.activeWindow().qwindow()
window.setGeometry(0, 0, 1600, 1000)
docks = window.findChildren(QtWidgets.QDockWidget)
D = next(dock for dock in docks if dock.objectName() == 'acetate')
for dock in docks:
    dock.setVisible(dock is D or dock.objectName() == 'KisLayerBox')
D.raise_()
window.resizeDocks([D], [WIDTH], QtCore.Qt.Horizontal)
window.resizeDocks([D], [860], QtCore.Qt.Vertical)

if 'clicks' not in globals():
    clicks = []
    D.button.clicked.connect(lambda checked: clicks.append(checked))

def middle(widget):
    D.widget().ensureWidgetVisible(widget)
    QtWidgets.QApplication.processEvents()
    at = widget.mapToGlobal(widget.rect().center())
    return [at.x(), at.y()]

def tree(node):
    return [[child.name(), child.type(), child.visible(), tree(child)]
            for child in node.childNodes() if child.type() != 'selectionmask']

def layer(name):
    def below(node):
        for child in node.childNodes():
            yield child
            yield from below(child)
    return next(node for node in below(app.activeDocument().rootNode()) if node.name() == name)

def named(title):
    return next(d for d in app.documents() if d.name() == title)

def select(x, y, w, h):
    chosen = Selection()
    chosen.select(x, y, w, h, 255)
    app.activeDocument().setSelection(chosen)

def jobs():
    return [[job.state, job.step, job.code, job.message] for job in D.controller.jobs.values()]

def undo_view():
    views = window.findChildren(QtWidgets.QListView)
    return next(view for view in views if view.metaObject().className() == 'KisUndoView')

def steps():
    model = undo_view().model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]

def clipped():
    # The widgets of the docker whose words do not fit, or that reach beyond it.
    inner = (QtWidgets.QComboBox, QtWidgets.QAbstractSpinBox, QtWidgets.QAbstractItemView, QtWidgets.QPlainTextEdit)
    found = []
    for widget in D.body.findChildren(QtWidgets.QWidget):
        if not widget.isVisible() or isinstance(widget.parent(), inner) or type(widget).__name__ == 'ElidedLabel':
            continue
        left = widget.mapTo(D.body, QtCore.QPoint(0, 0)).x()
        outside = left < 0 or left + widget.width() > D.widget().viewport().width()
        wanted = widget.sizeHint()
        if isinstance(widget, QtWidgets.QLabel) and widget.wordWrap():
            wanted = QtCore.QSize(0, widget.heightForWidth(widget.width()))
        words = isinstance(widget, (QtWidgets.QLabel, QtWidgets.QAbstractButton, QtWidgets.QSpinBox))
        cut = words and widget.text() and (wanted.width() > widget.width() or wanted.height() > widget.height())
        if outside or cut:
            sizes = [widget.width(), wanted.width(), widget.height(), wanted.height()]
            found.append([type(widget).__name__, widget.text() if words else '', sizes])
    return found

def lowest():
    top = D.history.list.mapTo(D, QtCore.QPoint(0, 0)).y()
    if D.history.list.isVisible():
        return top + 90
    words = D.history.empty
    return words.mapTo(D, QtCore.QPoint(0, 0)).y() + words.heightForWidth(words.width()) + 8

def history():
    return [D.history.list.tile(n).toolTip() for n in range(len(D.history.list.ids))]
"""
SRGB = {"U8": "sRGB-elle-V2-srgbtrc.icc"}


class Artist:
    """Sits at one Krita."""

    def __init__(self, krita: Krita, width: int = 300) -> None:
        self.krita = krita
        self.run = krita.run
        self.until = krita.until
        self.run(PRELUDE.replace("WIDTH", str(width)))

    # Hands

    def click(self, widget: str, button: int = 1) -> None:
        """Click the middle of a widget of the docker, with the mouse."""
        self.until("D.prompts.rests")
        x, y = self.run(f"middle({widget})")
        self.mouse(x, y, button)

    def mouse(self, x: int, y: int, button: int = 1) -> None:
        """Click a place of the screen."""
        self.krita.mouse(x, y, button)

    def hover(self, widget: str) -> None:
        """Bring the mouse onto a widget of the docker from outside, again where the widget moves meanwhile."""
        end = time.monotonic() + PATIENCE_S
        self.krita.xdotool("mousemove", "5", "5")
        self.until(f"not {widget}.underMouse()")
        while not self.run(f"QtWidgets.QApplication.processEvents(); {widget}.underMouse()"):
            assert time.monotonic() < end, f"the mouse does not reach {widget}"
            self.krita.xdotool("mousemove", *map(str, self.run(f"middle({widget})")))

    def press(self, *keys: str) -> None:
        """Press keys."""
        self.krita.xdotool("key", "--delay", "20", *keys)

    def type(self, words: str) -> None:
        """Write a prompt into the docker, with the keyboard."""
        self.click("D.prompts.prompt")
        self.until("D.prompts.prompt.hasFocus()")
        self.press("ctrl+a")
        self.krita.xdotool("type", "--delay", "8", words)
        self.until(f"D.prompts.prompt.toPlainText() == {words!r}")

    def set(self, mode: str = "text", count: int = 1, strength: int = 60, **sources: str) -> None:
        """Choose what to make; `sources` are names of layers by the number of their picker (`first`, `second`)."""
        self.run(f"D.modes.choose({mode!r}); D.count.setValue({count}); D.strength.setValue({strength}); D.refresh()")
        for number, name in ((0, sources.get("first")), (1, sources.get("second"))):
            if name is not None:
                id = "'whole'" if name == "whole" else f"layer({name!r}).uniqueId().toString()"
                self.run(f"D.pickers[{number}].choose({id}); D.refresh()")

    def ask(self, prompt: str) -> None:
        """Put a prompt in and press the button."""
        self.run(f"D.prompts.prompt.setPlainText({prompt!r}); D.refresh()")
        self.press_button()

    def press_button(self) -> None:
        """Press the button, and wait until it was pressed: a fast job may have ended by then."""
        self.until("D.button.isEnabled()")
        before = self.run("len(clicks)")
        self.click("D.button")
        self.until(f"len(clicks) > {before}")

    def wait(self) -> None:
        """Until every job has come to its end and its layers are in."""
        self.until("D.controller.tasks.idle and all(job.state == 'failed' for job in D.controller.jobs.values())")
        self.run("[document.waitForDone() for document in app.documents()]; None")

    def make(self, prompt: str) -> None:
        """Ask, and wait."""
        self.ask(prompt)
        self.wait()

    def undo(self) -> None:
        """One Ctrl+Z."""
        self.run("app.action('edit_undo').trigger(); app.activeDocument().waitForDone()")

    def redo(self) -> None:
        """One redo."""
        self.run("app.action('edit_redo').trigger(); app.activeDocument().waitForDone()")

    def pick(self, menu: str, words: str) -> None:
        """Choose an entry of an open menu, with the mouse."""
        self.until(f"{menu} is not None")
        entry = f"next(entry for entry in {menu}.actions() if entry.text() == {words!r})"
        place = f"{menu}.mapToGlobal({menu}.actionGeometry({entry}).center())"
        x, y = self.run(f"at = {place}\n[at.x(), at.y()]")
        self.mouse(x, y)
        self.until(f"{menu} is None")

    def result_place(self, number: int) -> tuple[int, int]:
        """Where on the screen a thumbnail of the history is, the newest being the first."""
        self.until(f"len(D.history.list.ids) > {number}")
        self.run("D.widget().ensureWidgetVisible(D.history.list); QtWidgets.QApplication.processEvents()")
        self.run(f"D.history.list.scrollToItem(D.history.list.tile({number}))")
        box = f"D.history.list.visualItemRect(D.history.list.tile({number}))"
        x, y = self.run(f"at = D.history.list.viewport().mapToGlobal({box}.center())\n[at.x(), at.y()]")
        return int(x), int(y)

    def look_at(self, number: int = 0) -> None:
        """Click a thumbnail of the history: its result is shown on the canvas."""
        self.mouse(*self.result_place(number))

    def click_result(self, number: int = 0, button: int = 1) -> None:
        """Double-click a thumbnail of the history, which inserts it, or click it with another button."""
        x, y = self.result_place(number)
        self.mouse(x, y, button)
        if button == 1:
            self.mouse(x, y)

    def steps(self) -> list[str]:
        """Krita's undo history of the active document, the newest step last."""
        return list(self.run("QtWidgets.QApplication.processEvents(); steps()"))

    # Documents

    def new(
        self,
        width: int = 64,
        height: int = 48,
        model: str = "RGBA",
        depth: str = "U8",
        profile: str = "",
    ) -> str:
        """Make a document, show it, and return its title."""
        title = f"{model} {depth} {time.monotonic_ns()}"
        self.run(
            f"made = app.createDocument({width}, {height}, {title!r}, {model!r}, {depth!r}, {profile!r}, 300.0)\n"
            "app.activeWindow().addView(made)\nmade.waitForDone()\nD.refresh()"
        )
        self.until("D.document is not None and D.controller.tasks.idle")
        return title

    def show(self, title: str) -> None:
        """Bring a document to the front."""
        self.run(
            f"view = next(v for v in app.views() if v.document().name() == {title!r})\n"
            "app.activeWindow().activate(); app.activeWindow().showView(view); view.setVisible()\nD.refresh()"
        )
        self.until(f"app.activeDocument().name() == {title!r}")

    def paint(self, name: str, pixels: bytes, x: int, y: int, width: int, height: int) -> None:
        """Add a paint layer with these pixels, in the document's own format."""
        path = self.krita.home / "paint"
        path.write_bytes(pixels)
        self.run(
            f"new = app.activeDocument().createNode({name!r}, 'paintlayer')\n"
            f"new.setPixelData(open({str(path)!r}, 'rb').read(), {x}, {y}, {width}, {height})\n"
            "app.activeDocument().rootNode().addChildNode(new, None)\n"
            "app.activeDocument().setActiveNode(new)\napp.activeDocument().waitForDone()\nD.refresh()"
        )

    def close_all(self) -> None:
        """Close every document without saving, when Krita has drawn its last changes: it crashes otherwise."""
        time.sleep(0.3)
        self.run("for document in app.documents():\n    document.setModified(False); document.close()\nD.refresh()")
        self.until("not app.documents()")

    # Eyes

    def tree(self) -> list[Any]:
        """The active document's layers from below: name, type, whether it is shown, what it holds."""
        return list(self.run("tree(app.activeDocument().rootNode())"))

    def names(self) -> list[str]:
        """The names of the outermost layers, from below."""
        return [entry[0] for entry in self.tree()]

    def pixels(self, name: str, x: int, y: int, width: int, height: int) -> bytes:
        """A layer's own pixels."""
        return self.krita.bytes(f"layer({name!r}).pixelData({x}, {y}, {width}, {height})")

    def composed(self, x: int, y: int, width: int, height: int) -> bytes:
        """The active document as the canvas shows it."""
        return self.krita.bytes(f"app.activeDocument().pixelData({x}, {y}, {width}, {height})")

    def seen(self, name: str, x: int, y: int, width: int, height: int) -> bytes:
        """A layer's pixels as its masks leave them."""
        return self.krita.bytes(f"layer({name!r}).projectionPixelData({x}, {y}, {width}, {height})")

    def bounds(self, name: str) -> tuple[int, ...]:
        """The rectangle that a layer's pixels take: x, y, width, height."""
        rect = f"layer({name!r}).bounds()"
        return tuple(self.run(f"[{rect}.x(), {rect}.y(), {rect}.width(), {rect}.height()]"))

    def jobs(self) -> list[Any]:
        """State, step, code and message of every job in the queue."""
        return list(self.run("jobs()"))

    def picture(self, path: Path, widget: str = "D") -> None:
        """Save what a widget looks like; the docker without the empty room below what it shows."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.run(
            f"QtWidgets.QApplication.processEvents(); shown = {widget}; seen = shown.rect()\n"
            "if shown is D: seen.setHeight(min(seen.height(), lowest()))\n"
            f"shown.grab(seen).save({json.dumps(str(path))})"
        )
