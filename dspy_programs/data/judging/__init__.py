"""Judge pairs by a rubric, with any models or by rules; measure judges against people and against each other.

Verdicts are computed here from scores and the rubric's pass condition; a model's reply is only ever scores and a reason.
"""
