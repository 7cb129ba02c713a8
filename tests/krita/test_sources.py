"""A mode works on the layer that the artist chose, and goes on with it until another one is chosen."""

from __future__ import annotations

from tests.krita.artist import Artist

DOT = bytes([1, 2, 3, 255]) * 400


def begin(artist: Artist) -> None:
    """A picture with two layers, the lower one active."""
    artist.new(64, 48)
    artist.paint("figure", DOT, 4, 4, 20, 20)
    artist.paint("other", DOT, 30, 4, 20, 20)
    activate(artist, "figure")


def activate(artist: Artist, name: str) -> None:
    """Go to a layer in Krita's list of layers."""
    artist.run(f"app.activeDocument().setActiveNode(layer({name!r}))")
    artist.until(f"app.activeDocument().activeNode().name() == {name!r}")
    artist.run("D.refresh()")


def follow(artist: Artist, mode: str) -> None:
    """Choose a mode that works on the active layer."""
    artist.set(mode)
    artist.run("[picker.choose('active') for picker in D.pickers]; D.refresh()")


def source(artist: Artist) -> str:
    """What the first picker says, when the docker has looked."""
    artist.run("D.refresh()")
    return str(artist.run("D.pickers[0].currentText()"))


def test_another_background_is_for_the_same_layer_until_another_one_is_chosen(artist: Artist) -> None:
    begin(artist)
    follow(artist, "background")
    assert source(artist) == "Active layer (figure)"
    artist.make("a meadow")
    artist.until("app.activeDocument().activeNode().name() == 'a meadow'")
    assert source(artist) == "figure, as before"
    artist.make("a beach")
    assert artist.names() == ["Background", "a meadow", "a beach", "figure", "other"]
    activate(artist, "other")
    assert source(artist) == "Active layer (other)"
    artist.make("a wood")
    assert artist.names() == ["Background", "a meadow", "a beach", "figure", "a wood", "other"]
    activate(artist, "figure")
    activate(artist, "a wood")
    assert source(artist) == "Active layer (a wood)"


def test_refining_twice_makes_two_variations_of_the_same_layer(artist: Artist) -> None:
    begin(artist)
    follow(artist, "refine")
    artist.make("once")
    assert source(artist) == "figure, as before"
    artist.make("twice")
    asked = artist.run(
        "[dict(r.settings)['prompt'] + ' ' + str(r.replaces) for r in D.controller.history.of(D.document)]"
    )
    figure = artist.run("layer('figure').uniqueId().toString()")
    assert sorted(asked) == [f"once {figure}", f"twice {figure}"]
    # Undo is no choice of another layer.
    artist.undo()
    assert "figure" in source(artist)


def test_what_another_mode_has_made_is_the_active_layer_as_any(artist: Artist) -> None:
    begin(artist)
    artist.make("a kite")
    artist.until("app.activeDocument().activeNode().name() == 'a kite'")
    follow(artist, "refine")
    assert source(artist) == "Active layer (a kite)"


def test_an_artist_who_goes_on_while_a_layer_comes_in_has_chosen(artist: Artist) -> None:
    begin(artist)
    follow(artist, "background")
    artist.ask("a meadow steps=8 pause=0.1")
    activate(artist, "other")
    artist.wait()
    assert source(artist) == "Active layer (other)"


def test_a_selection_mask_stands_for_its_layer(artist: Artist) -> None:
    begin(artist)
    artist.run("app.action('add_new_selection_mask').trigger()")
    artist.until("layer('figure').childNodes()")
    artist.run("app.activeDocument().setActiveNode(layer('figure').childNodes()[0])")
    artist.until("app.activeDocument().activeNode().type() == 'selectionmask'")
    follow(artist, "refine")
    assert source(artist) == "Active layer (figure)"
    artist.make("a kite")
    assert artist.names() == ["Background", "figure", "a kite", "other"]


def test_try_again_reads_the_choice_again(artist: Artist) -> None:
    begin(artist)
    follow(artist, "refine")
    artist.run("D.prompts.prompt.setPlainText('a kite'); D.generate(); layer('figure').remove()")
    artist.wait()
    assert artist.jobs()[0][0] == "failed"
    artist.undo()
    # While the layer was gone, Krita had another one active: only a layer that the artist goes to is a choice.
    activate(artist, "figure")
    activate(artist, "other")
    artist.click("next(iter(D.queue.rows.values())).again")
    # Between the failed job and its follower there is none for a moment.
    artist.until("len(D.controller.jobs) == 0 and D.controller.tasks.idle and D.controller.history.of(D.document)")
    other = artist.run("layer('other').uniqueId().toString()")
    assert artist.run("D.controller.history.of(D.document)[0].replaces") == other


def test_extract_begins_with_all_that_is_seen_and_the_active_layer(artist: Artist) -> None:
    begin(artist)
    artist.set("refine", first="other")
    artist.set("text")
    artist.set("extract")
    assert artist.run("[p.currentText() for p in D.pickers]") == ["Everything that is seen", "Active layer (figure)"]
    artist.set("foreground")
    assert source(artist) == "Active layer (figure)"
