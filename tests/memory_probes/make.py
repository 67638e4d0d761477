"""python -m tests.memory_probes.make --raw DIR: the conversations and their probes, by rule from later use and people's marks.

Writes conversations.jsonl and probes.jsonl: what the rules propose as review.jsonl corrects it, which drops some, with a
reason, and adds what only a reader finds. The rules never look at what a compressor finds telling:

tau-bench     the conversation is cut before a late call that changes something. Asked for: values of that call, of later ones
              and of the task's gold actions that were said before; every call that changed something, with its outcome;
              errors; the request that is open; amounts and ids that the agent tells the user later.
WorkBench     ten runs of a model one after another, the last cut before its answer. Calls that changed something, failures,
              the open request, the id that the next call needs.
QMSum         a window around the parts that people marked for their questions; the rarest words of a person's answer that are
              also in the marked part.
Who&When      values in a terminal's output that later turns use again; the task; why a run of code failed.

A probe stays if the whole conversation answers it, its system prompt does not, and at most 2 % of the others do by chance.
"""

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.memory_probes.conversations import (
    HERE,
    Conversation,
    conversations,
    qmsum_records,
    read_jsonl,
    tau_records,
    who_and_when_messages,
    who_and_when_records,
    workbench_rows,
    workbench_run,
)
from tests.memory_probes.matching import Probe, answered, normalised, span
from tests.memory_probes.sent import content_of, is_system, systems, text_of, total

CLOSE, FAR = 160, 800  # characters; what is said far apart in the conversation itself is no one fact
_MOST, _MOST_SAID = 16, 3  # probes of a conversation, and of those what was said and no more
_CHANGES = re.compile(r"^(?:book|cancel|update|create|delete|send|assign|add|transfer|reply|forward)_", re.I)
_WORD = re.compile(r"[^\W\d_][\w'-]{3,}|\d[\w.,:/-]*\w|\d")
_COMMON = set(
    "about also been before could does doing from give have here into just like more need only other please should some sure "
    "than that their them then there these they thing think this those very want were what when where which while will with "
    "would your yours because being both each make many most much over same such through under until well whether said says "
    "group team discussed discussion meeting thought according mentioned suggested agreed asked believed proposed "
    "people".split()
)


def probe(talk: str, kind: str, question: str, needs: Sequence[Sequence[str] | str], origin: str) -> Probe:
    forms = [[need] if isinstance(need, str) else list(need) for need in needs]
    return Probe("", talk, kind, question, forms, 0, origin)


# tau-bench ---------------------------------------------------------------------------------------------------------------


def tau_lines(raw: Path) -> Iterator[dict[str, Any]]:
    """Yield one conversation a task: the longest that has at most 50 messages."""
    best: dict[int, tuple[int, int, int]] = {}
    for row, record in enumerate(tau_records(raw)):
        messages = record["traj"]
        end = _late_change(messages)
        if end is None or len(messages) > 50:
            continue
        size = total(messages[1:end])
        if 2500 <= size and size > best.get(record["task_id"], (0, 0, 0))[0]:
            best[record["task_id"]] = (size, row, end)
    for task, (_, row, end) in sorted(best.items()):
        person = tau_records(raw)[row]["info"]["task"]["user_id"]
        yield {"id": f"tau-{task}", "source": "tau", "group": person, "row": row, "end": end}


def _late_change(messages: Sequence[dict[str, Any]]) -> int | None:
    places = [
        place
        for place, message in enumerate(messages)
        if any(re.match("book|cancel|update|send", call["function"]["name"]) for call in message.get("tool_calls") or [])
        and place >= 0.5 * len(messages)
    ]
    return places[-1] if places else None


def tau_probes(raw: Path, line: dict[str, Any]) -> Iterator[Probe]:
    record, talk, end = tau_records(raw)[line["row"]], line["id"], line["end"]
    messages = record["traj"]
    later = [call["function"] for message in messages[end:] for call in message.get("tool_calls") or []]
    made = [(call["name"], json.loads(call["arguments"]), "later call") for call in later if call["name"] not in _THINKING]
    done = {
        (call["function"]["name"], *_id_of(json.loads(call["function"]["arguments"])))
        for message in messages[:end]
        for call in message.get("tool_calls") or []
    }
    gold = [(action["name"], action["kwargs"], "gold action") for action in record["info"]["task"]["actions"]]
    open_ = [act for act in gold if _CHANGES.search(act[0]) and (act[0], *_id_of(act[1])) not in done]
    for name, given, origin in [*made, *open_]:
        yield from _values(talk, name, given, origin)
    yield from _deeds(talk, messages[:end])
    yield from _request(talk, messages[:end])
    for message in messages[end:]:
        if message["role"] == "assistant" and message.get("content"):
            for amount in re.findall(r"\$\d[\d,]*(?:\.\d\d)?", message["content"]):
                yield probe(talk, "amount", f"the amount {amount} that the agent tells later", [amount[1:]], "told later")


_THINKING = ("think", "calculate", "list_all_airports", "transfer_to_human_agents")


def _values(talk: str, name: str, given: Any, origin: str, key: str = "") -> Iterator[Probe]:
    """Yield what a call needs: each id, and the values that belong together in an object."""
    if isinstance(given, list):
        for item in given:
            yield from _values(talk, name, item, origin, key)
    elif isinstance(given, dict):
        plain = {k: str(v) for k, v in given.items() if isinstance(v, (str, int)) and len(str(v)) > 2}
        if key and len(plain) > 1:
            question = f"{', '.join(plain)} of one of the {key} for {name}"
            yield probe(talk, "name" if "first_name" in plain else "value", question, list(plain.values()), origin)
            return
        for k, v in given.items():
            yield from _values(talk, name, v, origin, k)
    elif len(str(given)) > 3 and re.search(r"\d", str(given)) and key not in ("expression", "summary"):
        kind = "date" if "date" in key else "amount" if "amount" in key else "id"
        yield probe(talk, kind, f"{key} for {name}", [str(given)], origin)


def _deeds(talk: str, messages: Sequence[dict[str, Any]]) -> Iterator[Probe]:
    """Yield a probe for each call that changed something: its name, what it was about, and what came of it."""
    results = {message.get("tool_call_id"): content_of(message) for message in messages if message["role"] == "tool"}
    calls = [call for message in messages for call in message.get("tool_calls") or [] if call["id"] in results]
    made = [(call["function"]["name"], json.loads(call["function"]["arguments"]), results[call["id"]]) for call in calls]
    for name, given, text in made:
        if not _CHANGES.search(name.split(".")[-1]):
            continue
        others = [set(map(str, _leaves(other))) for called, other, _ in made if called == name and other != given]
        needs = [[name, name.split(".")[-1]] if "." in name else [name], *_about(given, others)]
        if _FAILED.search(text[:200]):
            why = [word for word in _WORD.findall(text) if word.lower() not in (*_COMMON, "error")][:3]
            yield probe(talk, "failed", f"what came of {name}({_short(given)})", [*needs[:2], *why], "outcome")
        else:
            needs.append(_good(text, given))
            yield probe(talk, "done", f"whether {name}({_short(given)}) was done", needs, "outcome")


_FAILED = re.compile(r"^error|must be one of|not found|invalid|not valid|not provided|unable|failed|cannot|no \w+ found", re.I)


def _short(given: Any) -> str:
    return json.dumps(given, ensure_ascii=False)[:140]


def _about(given: Any, others: Sequence[set[str]]) -> list[list[str]]:
    """Return what a call is about: the id of what it changes and its new value, or any value that no other such call has."""
    id_ = _id_of(given)
    leaves = list(dict.fromkeys(str(leaf) for leaf in _leaves(given) if 3 < len(str(leaf)) < 60))
    own = [leaf for leaf in leaves if not any(leaf in other for other in others)]
    if id_:
        return [id_, *([[str(given["new_value"])]] if "new_value" in given else [])]
    return [own or leaves] if leaves else []


def _id_of(given: dict[str, Any]) -> list[str]:
    """Return the id of what a call changes, if it names one."""
    return [str(value) for key, value in given.items() if key.endswith("_id") and not key.startswith(("user", "payment"))][:1]


def _leaves(given: Any) -> Iterator[Any]:
    if isinstance(given, dict):
        for value in given.values():
            yield from _leaves(value)
    elif isinstance(given, list):
        for value in given:
            yield from _leaves(value)
    else:
        yield given


def _good(text: str, given: Any) -> list[str]:
    """Return the forms in which an outcome counts as told: that it went well, or the result's own new value."""
    forms = ["success*", "done", "ok", "confirmed", "cancelled", "updated", "booked", "completed"]
    try:
        result = json.loads(text)
    except ValueError:
        return [*forms, *([text] if len(text) < 80 else [])]
    if isinstance(result, dict):
        paid = result.get("payment_history") or [{}]
        new = (result.get("reservation_id"), paid[-1].get("amount"))
        forms += [str(value) for value in new if value and str(value) not in map(str, _leaves(given))]
        forms.append(text.split(",")[0])  # how the result begins: no error
    return [*forms, *([str(result)] if isinstance(result, (int, str)) else [])]


def _request(talk: str, messages: Sequence[dict[str, Any]]) -> Iterator[Probe]:
    """Yield the last message of the user that says more than yes."""
    asked = [content_of(message) for message in messages if message["role"] == "user"]
    counts = Counter(word for text in asked for word in set(_words(text)))
    for text in reversed(asked):
        words = [word for word in dict.fromkeys(_words(text)) if word not in _COMMON]
        if len(words) >= 5:
            rare = sorted(words, key=lambda word: (counts[word], not re.search(r"\d", word), -len(word)))[:4]
            yield probe(talk, "open request", f"what is wanted next: {text[:300]}", rare, "open request")
            return


def _words(text: str) -> list[str]:
    return [word.strip(".,:/-'") for word in _WORD.findall(normalised(text))]


# WorkBench ---------------------------------------------------------------------------------------------------------------


def workbench_lines(raw: Path) -> Iterator[dict[str, Any]]:
    draw = random.Random(20261129)
    for domain in ("calendar", "email", "analytics", "project_management", "customer_relationship_manager"):
        for model in ("gpt-4", "gpt-3.5"):
            file = f"{domain}__{model}.csv"
            rows = workbench_rows(raw, file)
            used = [row for row in range(len(rows)) if rows[row]["full_response"] and _usable(raw, file, row)]
            draw.shuffle(used)
            runs: list[list[Any]] = []
            words: list[set[str]] = []
            for row in used:  # requests unlike one another
                mine = set(_words(rows[row]["query"])) - _COMMON
                if all(len(mine & other) < 0.5 * len(mine | other) for other in words) and len(runs) < 10:
                    runs.append([file, row])
                    words.append(mine)
            while runs and len([m for m in workbench_run(raw, *runs[-1]) if m.get("tool_calls")]) < 2:
                runs.insert(0, runs.pop())  # the last must have a call to cut before
                if all(len([m for m in workbench_run(raw, *run) if m.get("tool_calls")]) < 2 for run in runs):
                    break
            if len(runs) >= 7:
                id_ = f"workbench-{domain.split('_')[0]}-{model}"
                yield {"id": id_, "source": "workbench", "group": domain, "runs": runs, "cut": 3}


def _usable(raw: Path, file: str, row: int) -> bool:
    try:
        return any(message.get("tool_calls") for message in workbench_run(raw, file, row))
    except Exception:
        return False


def workbench_probes(raw: Path, line: dict[str, Any]) -> Iterator[Probe]:
    talk = line["id"]
    whole = [message for file, row in line["runs"] for message in workbench_run(raw, file, row)]
    before, after = whole[: -line["cut"]], whole[-line["cut"] :]
    for message in after:
        for call in message.get("tool_calls") or []:
            name, given = call["function"]["name"], json.loads(call["function"]["arguments"])
            yield from _values(talk, name, given, "later call")
    yield from _request(talk, before)
    yield from _deeds(talk, before)


# QMSum -------------------------------------------------------------------------------------------------------------------

_WINDOW = (2000, 6000)  # tokens
_READERS = (
    "Priya Raman,Jonas Weber,Aiko Mori,Lena Fischer,Tomas Berg,Marta Silva,Ingrid Dahl,Omar Haddad,Wei Zhang,Nadia Petrov,"
    "Hugo Martin,Sara Lindqvist,Kofi Mensah,Elif Kaya,Pablo Ruiz,Anna Nowak,Samir Patel,Greta Holm,Ruth Okafor,Dmitri Orlov,"
    "Chloe Dubois,Ivan Kovac,Mei Tanaka,Lucas Rossi,Fatima Noor"
).split(",")


def qmsum_lines(raw: Path) -> Iterator[dict[str, Any]]:
    for part in ("ALL/jsonl/val.jsonl", "Academic/jsonl/train.jsonl", "Committee/jsonl/train.jsonl"):
        for row in range(len(qmsum_records(raw, part))):
            meeting = qmsum_records(raw, part)[row]
            window = _window(meeting, [4500, 2500, 5500, 3500][row % 4])
            if window:
                reader, words = _READERS[len(part) * 7 % 5 + row % 20], 110 + 10 * (row % 17)
                query = meeting["general_query_list"][0]["query"]
                asked = f"{query} Write at most {words} words, for {reader}, who was not there."
                name = f"qmsum-{part.split('/')[0].lower()}-{row}"
                yield {
                    "id": name,
                    "source": "qmsum",
                    "group": name,
                    "file": part,
                    "row": row,
                    "start": window[0],
                    "end": window[1],
                    "asked": asked,
                }


def _window(meeting: dict[str, Any], size: int) -> tuple[int, int] | None:
    """Return the turns around which most questions have their marked parts, within the size."""
    turns = meeting["meeting_transcripts"]
    sizes = [total([{"role": "user", "content": turn["content"]}]) + 4 for turn in turns]
    spans = [_marked(query) for query in meeting["specific_query_list"]]
    best = None
    for start in sorted({first for first, _ in spans}):
        end, used = start, 0
        while end < len(turns) and used + sizes[end] <= size:
            used += sizes[end]
            end += 1
        inside = sum(start <= first and last < end for first, last in spans)
        if used > _WINDOW[0] * 0.8 and (best is None or inside > best[0]):
            best = (inside, start, end)
    return None if best is None or best[0] < 5 else best[1:]


def _marked(query: dict[str, Any]) -> tuple[int, int]:
    ends = [int(end) for part in query["relevant_text_span"] for end in part]
    return min(ends), max(ends)


def qmsum_probes(raw: Path, line: dict[str, Any]) -> Iterator[Probe]:
    meeting = qmsum_records(raw, line["file"])[line["row"]]
    turns = [turn["content"] for turn in meeting["meeting_transcripts"]]
    parts = {place: _parts(turns[place]) for place in range(line["start"], line["end"])}
    said = Counter(word for found in parts.values() for part in found for word in set(map(_stem, _words(part))))
    for query in meeting["specific_query_list"]:
        first, last = _marked(query)
        if not (line["start"] <= first and last < line["end"]):
            continue
        asked = set(map(_stem, _words(query["query"])))
        answer = [word for word in dict.fromkeys(map(_stem, _words(query["answer"]))) if word not in asked | _STEMS]
        best = _telling_part(answer, [part for place in range(first, last + 1) for part in parts[place]], said)
        if best:
            kind = "decision" if _DECIDED.search(query["query"] + query["answer"]) else "said"
            needs = [word if re.search(r"\d", word) else f"{word}*" for word in best]
            yield probe(line["id"], kind, f"{query['query']} ({query['answer'][:300]})", needs, "person's answer")
    limit, reader = re.search(r"at most (\d+) words, for ([^,]+),", line["asked"]).groups()
    yield probe(line["id"], "open request", line["asked"], [reader, limit, "words"], "open request")


_DECIDED = re.compile(
    r"\bdecid|\bdecision|\bagree|\bconclu|\brecommend|\b(?:plan|plans|planned)\b|\bwould (?:be|have to|need)", re.I
)


def _parts(turn: str) -> list[str]:
    """Return the sentences of a turn, two and two."""
    sentences = [part for part in re.split(r"(?<=[.?!]) ", turn) if part.strip()]
    return [" ".join(sentences[place : place + 2]) for place in range(max(1, len(sentences) - 1))] if sentences else []


def _stem(word: str) -> str:
    return re.sub(r"(?:ing|ed|es|s|ly|ion|ions|ment)$", "", word) if len(word) > 5 and not re.search(r"\d", word) else word


_STEMS = {_stem(word) for word in _COMMON} | _COMMON


def _telling_part(answer: Sequence[str], parts: Sequence[str], said: Counter[str]) -> list[str] | None:
    """Return the two or three rarest words of the answer that two sentences in a row have."""
    best: tuple[float, list[str]] = (0.0, [])
    for part in parts:
        words = set(map(_stem, _words(part)))
        both = sorted((word for word in answer if word in words and len(word) > 2), key=lambda word: said[word])[:3]
        worth = sum(1 / said[word] for word in both)
        if len(both) >= 2 and worth > best[0]:
            best = (worth, both)
    return best[1] if best[0] >= 0.7 else None


# Who&When ----------------------------------------------------------------------------------------------------------------


def who_and_when_lines(raw: Path) -> Iterator[dict[str, Any]]:
    for row, record in enumerate(who_and_when_records(raw)):
        messages = who_and_when_messages(raw, row)
        if 3000 <= total(messages) <= 10_000 and len(messages) >= 9:
            end = len(messages) - 2
            yield {"id": f"who-{row}", "source": "who_and_when", "group": record["question_ID"], "row": row, "end": end}


def who_and_when_probes(raw: Path, line: dict[str, Any]) -> Iterator[Probe]:
    record = who_and_when_records(raw)[line["row"]]
    messages = who_and_when_messages(raw, line["row"])
    before, after = messages[: line["end"]], messages[line["end"] :]
    talk = line["id"]
    words = [word for word in dict.fromkeys(_words(record["question"])) if word not in _COMMON]
    yield probe(talk, "open request", record["question"][:300], sorted(words, key=lambda w: -len(w))[:4], "open request")
    later = Counter(_exact(" ".join(content_of(message) for message in after)))
    known = Counter(value for message in before for value in set(_exact(content_of(message))))
    for value in later:
        if 0 < known[value] <= 4 and value not in _exact(record["question"]):
            yield probe(talk, "value", f"{value}, that a later turn uses", [value], "later turn")
    for message in before:
        text = content_of(message)
        if "execution failed" in text:
            lines = [found for found in text.split("\n") if re.match(r"\w*(?:Error|Exception)\b", found)]
            why = [word for word in _words(lines[-1])][:4] if lines else []
            if why:
                yield probe(talk, "failed", f"why the code failed: {lines[-1][:200]}", why, "outcome")
    if record["ground_truth"]:
        yield probe(talk, "value", "the answer, if it was found", [str(record["ground_truth"])], "gold answer")


def _exact(text: str) -> list[str]:
    return [value for value in re.findall(r"[\w.@/-]*\d[\w.@/-]*\w", normalised(text)) if len(value) > 3]


# all ---------------------------------------------------------------------------------------------------------------------

_PROBES = {"tau": tau_probes, "workbench": workbench_probes, "qmsum": qmsum_probes, "who_and_when": who_and_when_probes}
_MANY = {"tau": 18, "workbench": 10, "qmsum": 16, "who_and_when": 8}


def lines(raw: Path) -> list[dict[str, Any]]:
    found = []
    for source, made in (
        ("tau", tau_lines(raw)),
        ("qmsum", qmsum_lines(raw)),
        ("workbench", workbench_lines(raw)),
        ("who_and_when", who_and_when_lines(raw)),
    ):
        chosen = spread(list(made), _MANY[source])
        groups = list(dict.fromkeys(line["group"] for line in chosen))
        found += [{**line, "half": ("tune", "held_out")[groups.index(line["group"]) % 2]} for line in chosen]
    return found


def spread(items: list[Any], count: int) -> list[Any]:
    return [items[place * len(items) // count] for place in range(count)] if len(items) > count else items


def kept(talks: Sequence[Conversation], made: Iterable[Probe]) -> list[Probe]:
    """Return the probes that their conversation answers, and that neither its system prompt nor chance does."""
    texts = {talk.id: normalised(text_of(talk.messages, systems(talk.messages))) for talk in talks}
    prompts = {talk.id: normalised(" ".join(map(content_of, filter(is_system, talk.messages)))) for talk in talks}
    groups = {talk.id: talk.group for talk in talks}
    found: list[Probe] = []
    for one in made:
        length = span(one, texts[one.conversation])
        if length is None or length > FAR:
            continue
        one = one._replace(within=max(CLOSE, int(length * 1.3)))
        others = [id_ for id_ in texts if groups[id_] != groups[one.conversation]]
        chance = sum(answered(one, texts[id_]) for id_ in others) / len(others)
        same = any(one.conversation == other.conversation and one.needs == other.needs for other in found)
        if chance <= 0.02 and not same and not answered(one, prompts[one.conversation]):
            found.append(one)
    return found


def fewer(found: Sequence[Probe]) -> list[Probe]:
    """Return at most twelve probes of a conversation, kinds by turns."""
    chosen: list[Probe] = []
    for talk in dict.fromkeys(one.conversation for one in found):
        mine = [one for one in found if one.conversation == talk]
        said = [one for one in mine if one.kind == "said"][_MOST_SAID:]
        read = [one for one in mine if one.origin == "reader"]
        mine = read + [one for one in mine if one not in said and one not in read]
        kinds: dict[str, list[Probe]] = {}
        for one in mine:
            kinds.setdefault(one.kind, []).append(one)
        taken: list[Probe] = []
        while len(taken) < min(_MOST, len(mine)):
            for group in kinds.values():
                taken += [group.pop(0)] if group and len(taken) < _MOST else []
        ordered = [one for one in mine if one in taken]
        chosen += [one._replace(id=f"{talk}/{number}") for number, one in enumerate(ordered, 1)]
    return chosen


def reviewed(made: Sequence[Probe]) -> list[Probe]:
    """Apply review.jsonl: {drop: conversation, needs: first forms joined by "+", why}, {add: conversation, kind, ...}."""
    review = read_jsonl(HERE / "review.jsonl")
    dropped = {(line["drop"], line["needs"]) for line in review if "drop" in line}
    added = [probe(line["add"], line["kind"], line["question"], line["needs"], "reader") for line in review if "add" in line]
    return [one for one in made if (one.conversation, signature(one)) not in dropped] + added


def signature(one: Probe) -> str:
    return "+".join(forms[0] for forms in one.needs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--raw", type=Path, required=True)
    raw = parser.parse_args().raw
    own = [line for line in read_jsonl(HERE / "conversations.jsonl") if line["source"] == "own"]
    found = lines(raw)
    talks = conversations(raw, [*found, *own])
    made = reviewed([one for line in found for one in _PROBES[line["source"]](raw, line)])
    good = kept(talks, made)
    for one in made:
        if one.origin == "reader" and signature(one) not in map(signature, good):
            print(f"not in its conversation, or in others too: {one.conversation} {signature(one)}")
    good = fewer(good)
    having = {one.conversation for one in good}
    write(HERE / "conversations.jsonl", [line for line in found if line["id"] in having] + own)
    write(HERE / "probes.jsonl", [one._asdict() for one in good])
    print(f"{len(having)} conversations, {len(good)} probes of {len(made)}")


def write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
