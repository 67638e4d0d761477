"""YAML as data, in which nothing is lost and nothing grows: a duplicate key and a merge key (<<) are errors.

Of a duplicate key the first value would be lost. Merge keys of merge keys double with each level, so a few lines fill the
memory; YAML 1.2 has none.
"""

from typing import Any

import yaml


class StrictLoader(yaml.SafeLoader):
    """Raises yaml.MarkedYAMLError, whose `problem` says which key."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"the key {key.value[:60]!r} appears twice", problem_mark=key.start_mark)
                if key.tag == "tag:yaml.org,2002:merge":
                    raise yaml.MarkedYAMLError(problem="<< is not read; write the keys out", problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)
