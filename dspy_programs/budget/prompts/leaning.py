"""Sentences that hang on the one before: a condition, an exception or a pronoun whose meaning stands there, in any language.

"Returns are free. Unless the seal is broken." Without the first sentence the second says something else, and without the second
the first does: both stay, or both go.
"""

import re

_ALL = re.IGNORECASE

_CONDITION = re.compile(  # "Otherwise, ask.": hangs on what is before it in a paragraph, and in a list
    r"(?:(?:(?:but|and|or|und|aber|mais|et|pero|y|mas|e|ma|ale|но),? )?"
    r"(?:in (?:that|this|such(?: a)?|either|both|all other|any other|other) cases?|if (?:so|not"
    r"|they do(?: not|n[’']t)?)\b|otherwise"
    r"|(?:on|in|for|at|to|with) (?:all |any )?others?|(?:everyone|everybody|anyone|anybody|all|any) (?:else"
    r"|others?)|failing|absent|without"
    r"|before that|save for|only (?:if|when|for|in|on|after|then|with)"
    r"|unless|except\w*|else|instead|after that|until then|only then|even then|even so|even if|however|the same"
    r"|(?:the |an |one |the only |the sole )?exceptions?|nur (?:im|in|bei|wenn|für|dann)|fehlt|faute de|autrement|à défaut"
    r"|en su defecto|a no ser|a não ser|na falta|o ile"
    r"|sonst|ansonsten|andernfalls|in (?:diesem|dem|solchen|diesen|allen anderen) f(?:all|ällen)|außer|es sei denn|ausgenommen"
    r"|(?:die |eine |einzige )?ausnahmen?|jedoch|allerdings|stattdessen|erst dann|(?:das )?gleiche[s]? gilt"
    r"|das gilt|dasselbe gilt"
    r"|sinon|dans (?:ce|ces|le|tout autre|les autres) cas|le cas échéant|sauf|excepté|à moins|(?:la |une )?seule exception"
    r"|exceptions?|toutefois|cependant|en revanche|de même"
    r"|si no|de lo contrario|en (?:ese|este|tal|dicho|los demás) casos?|salvo|excepto|a menos|(?:la "
    r"|una )?(?:única )?excepci[oó]n\w*"
    r"|sin embargo|lo mismo"
    r"|caso contrário|senão|n?(?:esse|este) caso|nos demais casos|em tal caso|exceto|(?:a "
    r"|uma )?(?:única )?exceç\w+|porém|no entanto"
    r"|o mesmo|altrimenti|in (?:tal|questo|quel|tutti gli altri) cas[oi]|tranne|a meno|(?:l[’']"
    r"|un[’'])?(?:unica )?eccezion\w*|però"
    r"|tuttavia|lo stesso"
    r"|w przeciwnym razie|inaczej|w (?:takim|tym|takich|pozostałych) (?:przypadk\w+|razie)|chyba że|z wyjątkiem"
    r"|(?:jedyny )?wyjąt\w+|jednak|dopiero wtedy|to samo"
    r"|anders|in dat geval|in alle andere gevallen|tenzij|behalve|(?:de |een )?(?:enige )?uitzondering\w*|echter|hetzelfde"
    r"|annars|i så fall|utom|undantag\w*|dock|detsamma|aksi (?:halde|takdirde)|bu durumda|ancak|istisna\w*"
    r"|иначе|в (?:этом|таком|противном|остальных) случа\w+|кроме|за исключением|исключени\w+|однако|то же|но"
    r"|but|aber|mais|pero|mas|ma|ale|maar|men)(?!\w)"
    r"|ない場合|なければ|もっとも|没有的话|沒有的話|その場合|この場合|それ以外|ただし|但し|そうでな|さもな|例外|しかし"
    r"|否则|否則|此时|此時|这种情况|這種情況|在这种|在這種|但|不过|不過|例外|除此|届时|屆時|同样|同樣"
    r"|없으면|아니면|그렇지 않|그 경우|이 경우|단,|다만|예외|그러나|وإلا|إلا|في هذه الحالة|باستثناء)",
    _ALL,
)
_POINTING = re.compile(  # "It is free.": hangs on the sentence before it
    r"(?:(?:(?:if|when|where|once|until|should) )?(?:it|its|this|that|these|those|they|their|them|he|she|his|her|none)"
    r"|such|then|both|either|neither|one alone|the (?:former|latter)"
    r"|(?:wenn|falls|sobald|sollten?) (?:sie|er|es|das)|daher|deshalb|(?:quand|si) elles?|s[’']ils?(?! y)|après (?:cela|quoi)"
    r"|au-delà|si (?:lo|la|los|las)|después|se (?:lo|la|li|le)|jeśli (?:go|ją|ich)|następnie|później|daarna|daarbij|daarvan"
    r"|dies\w*|jene\w*|dann|danach|davon|dabei|dazu|dafür|beide[sn]?|cela|ceci|celui-ci|celle-ci|ceux-ci|ensuite|alors|les deux"
    r"|est[ao]s?|es[ao]s?|ell[oa]s|entonces|luego|ambos|ambas|ess[ae]s?|isso|isto|el[ea]s|então|quest[ioae]"
    r"|ess[oi]|allora|poi|entrambi"
    r"|wtedy|wówczas|potem|obie|oba|dan|deze|dit|beide|тогда|затем|это|эти|он[аио]?)(?!\w)"
    r"|その|それ|これ|この|这|這|它|他们|他們|然后|然後|두 |그 |이것",
    _ALL,
)

_POINTED_AT = re.compile(  # "Block it.": hangs on the sentence before it, which says what
    r"\b(?:it|its|them|they|their|this|these|those|others?|else|exceptions?|alternatives?|do(?:es|ing|ne)? so"
    r"|er|es|ihn|ihm|dies\w*|davon|daran|darauf|andere[nrms]?|celui|celle|ceux|lui|leur|eux|ello|eso|ella"
    r"|otr[oa]s?|dele|dela|ele|ela|disso|outr[oa]s?"
    r"|esso|essa|altr[ioae]|niego|niej|jego|jej|nich|tego|tym|inn[yeai]\w{0,2}|hem|haar|daarvan|andere|него|неё|них"
    r"|этого|этом|друг\w+)\b"
    r"|それ|其他|其它|该|該|그것",
    _ALL,
)


def hangs(text: str, in_paragraph: bool) -> bool:
    """Return whether a sentence hangs on the one before; in_paragraph: that one is in the same paragraph or list item."""
    return bool(_CONDITION.match(text) or (in_paragraph and (_POINTING.match(text) or _POINTED_AT.search(text))))
