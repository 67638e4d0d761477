"""What the compressor does first, and what it leaves alone; other scripts, and the same said a thousand times."""

from dspy_programs.memory import (
    ContextBuilder,
    ContextConfig,
    MemoryCompressor,
    MemoryEntry,
    MemoryStore,
    restore,
)
from dspy_programs.memory.reading.salience import Reading
from dspy_programs.memory.sending.sent import text_tokens
from dspy_programs.text import approximate_tokens
from dspy_programs.tokens import APPROXIMATE

LONG = "We talked for a while about the weather, and then about lunch. It was a calm day. Nobody had anything to add. "


def said(role="user", content="hello", turn=0, **fields):
    return MemoryEntry(role=role, content=content, turn_number=turn, timestamp=fields.pop("timestamp", 0.0), **fields)


def store_of(*entries):
    store = MemoryStore(counter=APPROXIMATE)
    store.add_entries(entries)
    return store


def test_small_cut_leaves_what_matters_and_the_newest_whole():
    facts = [said("user", f"We decided that vault {n} opens at {n}:30. {LONG}", n) for n in range(10)]
    store = store_of(*[said("assistant", LONG * 2, n) for n in range(30)], *facts)
    report = MemoryCompressor(int(store.token_total() * 0.8), 0).compress(store)
    assert report.answered_by == "rules" and store.entries[-10:] == facts
    assert sum(entry.role == "compressed" for entry in store) == 1 and store.token_total() <= report.token_budget


def test_cjk_is_compressed_and_keeps_its_facts():
    store = store_of(*[said("user", f"今天继续检查系统的流程，没有新的问题。第{n}步。", n) for n in range(500)])
    store.update_entry(store.entries[77].id, content="预算已批准：42500美元，由李雷负责。")
    MemoryCompressor(300).compress(store)
    assert store.token_total() <= 300 and "42500" in "".join(entry.content for entry in store)


def test_a_repeated_message_does_not_cost_more_than_the_budget_asks():
    store = store_of(*[said("user", "hello there", n) for n in range(1000)])
    report = MemoryCompressor(400).compress(store)
    assert 400 - report.final_tokens < text_tokens("hello there", store.counter)


def test_restored_order_is_that_of_adding_though_important_entries_stayed_between():
    entries = [said("system" if n % 7 == 0 else "assistant", f"{n}. {LONG}", n) for n in range(60)]
    store = store_of(*entries)
    MemoryCompressor(store.token_total() // 3).compress(store)
    assert len(store) < 60 and restore(store).entries == entries


def test_context_takes_the_archive_first_then_the_newest():
    store = store_of(*[said("user", f"{LONG} The code of box {n} is {n * 7919}.", n) for n in range(100)])
    MemoryCompressor(600).compress(store)
    text = ContextBuilder(ContextConfig(max_tokens=400)).build_context(store)
    assert "[Earlier" in text and approximate_tokens(text) <= 400


def test_a_result_among_the_newest_is_never_emptied_without_a_mark():
    outputs = (
        "[main c77e1d0] VAT of Ireland\n 1 file changed, 2 insertions(+)",
        "remote: error: not signed\n ! [remote rejected] HEAD",
    )
    for budget in range(184, 330, 5):
        store = store_of(said(content="Sign both commits and push them to fix/voucher. " * 9))
        for number, output in enumerate(outputs):
            call = {
                "id": f"c{number}",
                "type": "function",
                "function": {"name": "bash", "arguments": '{"command": "git push"}'},
            }
            store.add_entry(MemoryEntry(role="assistant", content="", turn_number=1, metadata={"tool_calls": [call]}))
            store.add_entry(
                MemoryEntry(role="tool", content=output * 2, turn_number=1, metadata={"tool_call_id": f"c{number}"})
            )
        MemoryCompressor(budget).compress(store)
        assert all(entry.content for entry in store if entry.role == "tool"), budget


def test_the_last_turns_of_a_talk_are_shortened_as_the_others_are_and_can_be_restored():
    turns = [f"{('Ann Lee', 'Bo Ray')[n % 2]}: Yes. Part {n} costs {n}17 euros. {LONG * 3}" for n in range(20)]
    store = store_of(*[said("user", text, n) for n, text in enumerate(turns)])
    entries = store.entries
    MemoryCompressor(store.token_total() // 3).compress(store)
    last = store.entries[-1]
    assert last.content.startswith("Bo Ray: ") and last.content.endswith(" (...)") and len(last.content) < len(turns[-1])
    assert restore(store).entries == entries


def test_a_page_among_the_last_results_gives_way_to_what_people_decided():
    store, wishes = store_of(), [f"At door {n} you must never ring, only call 0151-{n}42." for n in range(8)]
    for wish in wishes:
        store.add("user", wish)
        store.add("assistant", "Noted, thank you very much.")
    call = {"id": "c1", "type": "function", "function": {"name": "read_rules", "arguments": "{}"}}
    store.add("user", "What do the rules say about it?")
    store.add("assistant", "", metadata={"tool_calls": [call]})
    words = "kind open calm glad warm brief clear plain quick quiet honest polite".split()
    page = [f"In such cases the staff are asked to be {a} and {b} to all who come." for a in words for b in words[:4]]
    store.add("tool", " ".join(page), metadata={"tool_call_id": "c1"})
    MemoryCompressor(260, 2).compress(store)
    live = "\n".join(entry.text for entry in store)
    assert sum(wish in live for wish in wishes) >= 6 and "asked to be" in live


def test_an_umlaut_makes_a_sentence_hardly_dearer_and_a_chinese_sign_counts_as_a_word():
    reading = Reading(
        ["Die Bestellung fur Frau Muller ist fertig.", "Die Bestellung für Frau Müller ist fertig.", "他同意了"], [1.0] * 3
    )
    plain, german, chinese = map(reading.tokens, range(3))
    assert plain <= german <= plain + 2 and chinese >= 4
