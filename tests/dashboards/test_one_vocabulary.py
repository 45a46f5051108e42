"""Boards and database call a state or a cause by the same words and paint it in the same colour."""

from core.vocabulary import Cause, State
from dashboards.catalogue import LANGUAGES, catalogue
from dashboards.palette import STATE_COLOURS
from storage.pg.words import CAUSES, STATES


def test_states_and_causes_have_the_same_titles_on_boards_and_in_the_database() -> None:
    for place, language in enumerate(LANGUAGES):
        say = catalogue(language)
        assert {state: say[f"state.{state.name.lower()}"] for state in State} == {
            state: titles[place] for state, titles in STATES.items()
        }
        assert {cause: say[f"cause.{cause.name.lower()}"] for cause in Cause} == {
            cause: titles[place] for cause, titles in CAUSES.items()
        }


def test_states_have_the_same_colours_on_boards_and_in_the_database() -> None:
    assert {state: colour.lower() for state, colour in STATE_COLOURS.items()} == {
        state: titles[2] for state, titles in STATES.items()
    }
