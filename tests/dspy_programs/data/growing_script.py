"""A model that writes and judges by a script, the same for the same prompt: growths of ten cycles in seconds."""

import hashlib
import json
import re

WORDS = (
    "amber birch copper delta ember fjord garnet harbour indigo juniper kestrel lantern meadow nettle orchard pebble quartz "
    "raven saffron thistle umber violet walnut xenon yarrow zephyr anchor basalt cedar dune".split()
)


def answer(prompt: str) -> str:
    """Write a pair or judge one: whatever the end of the prompt asks for."""
    digest = hashlib.sha256(prompt.encode()).digest()
    if "[[ ## response ## ]]" in prompt:
        marks = [
            {"criterion": name, "score": 2 if digest[0] % 4 == 0 else 9} for name in ("correctness", "helpfulness", "clarity")
        ]
        return json.dumps({"judgement": {"reason": f"as scripted: {digest[1] % 3}", "scores": marks}})
    told = [WORDS[byte % len(WORDS)] for byte in digest[:6]]
    pair = {
        "instruction": f"Explain {told[0]} and {told[1]} to {told[2]} with {told[3]}.",
        "input": "",
        "output": f"First {told[0]} and {told[1]}, then {told[2]}, so {told[4]} and {told[5]}.",
    }
    if "[[ ## answer ## ]]" in prompt:
        return json.dumps({"request": {"instruction": pair["instruction"], "input": ""}})
    if digest[6] % 8 == 0:
        return f"```json\n{json.dumps({'pair': pair})}\n```"
    if digest[6] % 8 == 1:
        return f"Sure, here it is: {json.dumps({'pair': pair})} Do you want more?"
    if digest[6] % 16 == 2:
        return "[Generation failed]"
    return json.dumps({"pair": pair})


def without_times(text: str) -> str:
    """Return the content of a file without what another run has otherwise."""
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^\"]*", "TIME", text)
    text = re.sub(r'("duration_seconds": )[\d.]+', r"\g<1>0", text)
    text = re.sub(r'("checksum": )"\w+"', r"\g<1>0", text)  # of a file with times in it
    return re.sub(r"http://127[^\"]*", "URL", text)
