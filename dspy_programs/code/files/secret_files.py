"""Which files are made to hold keys and passwords, by their names: nobody asks to see them in a search.

A sample without secrets, such as .env.example, is none of them.
"""

import re

_SECRET = re.compile(
    r"\.env(?:rc|\.(?!example$|sample$|template$|dist$|defaults?$)[\w.-]+)?|[\w-]+\.env"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?|.+\.(?:pem|key|p8|p12|pfx|jks|keystore|kdbx|ppk|asc|gpg|ovpn|tfstate|tfvars)"
    r"|[._]netrc|\.(?:pgpass|my\.cnf|npmrc|yarnrc|pypirc|htpasswd|git-credentials|vault-token|boto|s3cfg|dockercfg)"
    r"|(?:credentials|secrets?|service[_-]account)(?:\.(?:json|ya?ml|toml|ini|txt|env))?",
    re.IGNORECASE,
)
_PRIVATE_KEY = re.compile(r"\s*-----BEGIN [A-Z ]*PRIVATE KEY")


def has_secret_name(name: str) -> bool:
    """Return whether a file of this name is made to hold secrets. name: without its folder."""
    return _SECRET.fullmatch(name) is not None


def is_private_key(text: str) -> bool:
    """Return whether a text is a private key, whatever its file is called."""
    return _PRIVATE_KEY.match(text) is not None
