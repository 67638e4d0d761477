"""The paths that a goal names, and in what part: to be made, read, changed, moved or left alone.

Input      the goal, English or German; the paths of the files that are there.
Output     one Mention for each place where a path stands, in the goal's order.
Guarantees no model; linear in the goal and the files.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from dspy_programs.agent.rules import goal_words as words

_LONGEST = 20_000  # characters of a goal that are read


class Mention(NamedTuple):
    """A path in the goal. path: where it is, or would be, in the workspace; kept: whether it must stay as it is."""

    path: str
    is_there: bool
    kept: bool
    before: str
    """What stands before it in its piece of the goal."""
    piece: str
    after: str = ""

    @property
    def is_cited(self) -> bool:
        """Return whether it is only referred to: "according to a.md", "as a.md says"."""
        return bool(words.CITED.search(self.before) or (words.CITES.search(self.before) and words.SAYS.search(self.after)))

    @property
    def is_named_to_be_made(self) -> bool:
        """Return whether the words before say that it is made."""
        is_described = words.SAYING.search(self.before) or words.WITH.search(self.after)
        follows = words.LISTED.search(self.before) or (words.AND.search(self.before) and is_described)
        return bool(words.TARGET.search(self.before) or follows)

    @property
    def is_asked_about(self) -> bool:
        """Return whether the words about a file only ask: "Is there a file called setup.py?"."""
        lists_into = "?" not in self.piece and words.INTO_FILE.search(self.before)
        return bool(words.QUESTION.search(self.piece)) and not words.WRITES.search(self.piece) and not lists_into

    @property
    def is_needed(self) -> bool:
        """Return whether it must be there: it is read, run, worked on or renamed."""
        is_worked_on = not self.is_there and words.WORKED_ON.search(self.before)
        return bool(is_worked_on or self.is_cited or words.FROM.search(self.before) or words.OLD_NAME.search(self.before))


def mentions_in(goal: str, known: set[str]) -> Iterator[Mention]:
    """Yield the paths of a goal. known: those of the files that are there."""
    places = folders_in(goal)
    kept_before = False
    for piece in filter(str.strip, words.PIECE.split(words.EXAMPLE.sub(" ", goal))):
        bare = words.PATH.sub("", piece).replace(" and ", " ").strip(" ,.")
        for match in words.PATH.finditer(piece):
            before, after = piece[: match.start()], piece[match.end() :]
            if words.MOVED_BEFORE.search(after) or words.MOVED_TO.search(before):
                continue
            path = match[0].removeprefix("./")
            placed = next((folder + path for folder in places if path not in known and folder + path in known), path)
            stays = words.KEEP.search(before) or words.KEPT.search(words.PATH.split(after)[0])
            kept_before = is_kept = bool(stays) or (not bare and kept_before)
            yield Mention(placed, placed in known, is_kept, before, piece, after)
        if words.LEAVE_IT.search(piece) and not words.PATH.search(piece):
            kept_before = False


def inputs_missing(goal: str, files: Collection[str]) -> list[str]:
    """Return the files that a goal wants read or run and that are not there: nothing can be made of them."""
    named = [*mentions_in(goal[:_LONGEST], set(files))]
    needed = [one for one in named if one.is_needed]
    made = {one.path for one in named if one not in needed}
    names = {path.rpartition("/")[2] for path in files}  # in whatever folder
    gone = [one.path for one in needed if not one.is_there and "<" not in one.path and one.path not in names]
    return [path for path in dict.fromkeys(gone) if path not in made]


def folders_in(goal: str) -> list[str]:
    """Return the folders that a goal names, each with a slash at its end."""
    return [match["slashed"] or f"{match['named']}/" for match in words.FOLDER.finditer(goal)]
