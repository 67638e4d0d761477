"""The forms that keys and tokens have, as their makers document them: a prefix that only they use, and a random body.

Every form is bounded or of one class of letters, so that a search is linear in the text.
"""

FORMS = {
    "aws_key": r"\b(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}\b|\bABSK[A-Za-z0-9+/]{100,}={0,2}",
    "anthropic_key": r"\bsk-ant-[\w-]{20,}",
    "openai_key": r"\bsk-or-v1-[0-9a-f]{64}\b|\bsk-[A-Za-z0-9]{16,}"
    r"|(?<![\w-])sk-(?:proj-|svcacct-|admin-|or-v1-)?(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Z])[\w-]{20,}",
    "stripe_key": r"\b(?:sk|rk|pk)_(?:org_)?(?:live|test)_[0-9A-Za-z]{16,}|\bwhsec_[0-9A-Za-z+/]{24,}",
    "github_token": r"\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{22,}",
    "gitlab_token": r"\b(?:glpat|gldt|glft|glffct|glsoat|glrt|glrtr|glcbt|glptt|glagent|gloas|glimt)-[\w-]{20,}"
    r"(?:\.[\w-]{2}\.[\w-]{7,12})?|\bGR1348941[\w-]{20,}",
    "slack_token": r"\bxox(?:[abopsr]|e(?:\.xox[bp])?)-(?:\d+-)*[\w-]{10,}|\bxapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+"
    r"|https://hooks\.slack\.com/(?:services|workflows|triggers)/T\w{6,20}/\w{6,20}/(?:\d{6,20}/)?\w{16,}",
    "jwt": r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*",
    "google_key": r"\bAIza[\w-]{35}(?![\w-])|\bGOCSPX-[\w-]{20,}|\bya29\.[\w-]{20,}|\b1//0[\w-]{40,}"
    r"|\b[\w-]{11}:APA91b[\w-]{120,}",
    "huggingface_token": r"\bhf_[A-Za-z]{30,}\b|\bhf_[A-Za-z0-9]{34,}\b|\bapi_org_[A-Za-z]{34}\b",
    "npm_token": r"\bnpm_[A-Za-z0-9]{36}\b|//[\w./-]+/:_authToken=\s*(?:npm_)?[\w-]{20,}",
    "pypi_token": r"\bpypi-AgE[\w-]{50,}",
    "sendgrid_key": r"\bSG\.[\w-]{16,}\.[\w-]{16,}",
    "twilio_key": r"\b(?:AC|SK)[0-9a-f]{32}\b",
    "mailchimp_key": r"\b[0-9a-f]{32}-us\d{1,2}\b",
    "mailgun_key": r"\bkey-[0-9a-f]{32}\b|\b[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}\b",
    "square_key": r"\bsq0(?:atp|csp|idp)-[\w-]{22,}|\bEAAA[\w-]{60}\b",
    "telegram_token": r"\b\d{8,10}:AA[\w-]{33}(?![\w-])",
    "discord_token": r"\b[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,38}(?![\w-])"
    r"|https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d{15,20}/[\w-]{60,}",
    "azure_key": r"\b(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/=]{43,}|\b\w{3}[78]Q~[\w~.-]{31,34}(?![\w~.-])"
    r"|\b[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b|[?&]sig=[\w%+/-]{40,64}(?:%3D|=)"
    r"|https://\w+\.webhook\.office\.com/webhookb2/[\w@-]{60,80}/IncomingWebhook/[0-9a-f]{32}/[\w-]{36}",
    "digitalocean_token": r"\bdo[opr]_v1_[0-9a-f]{64}\b",
    "shopify_token": r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b",
    "artifactory_token": r"\bAKC[a-zA-Z0-9]{50,}|\bcmVmd[A-Za-z0-9]{40,}",
    "vault_token": r"\bhv[sbr]\.[\w-]{24,}",
    "age_key": r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b",
    "url_password": r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@?#\"'<>{}$]{0,64}:(?P<password>[^\s/@\"'<>{}$]{3,64})@[\w.-]+",
}
"""kind -> the form; `password` is the secret in a longer one."""
_HEX = (  # a prefix, then 32 and more of 0-9a-f
    "dapi|sntryu_|sbp_|pul-|rubygems_|bk(?:ua|aj|ct)_|sq[upa]_|shippo_(?:live|test)_|xkeysib-|sk_(?=[0-9a-f]{48}\\b)"
    "|v1\\.0-(?=[0-9a-f]{24}-[0-9a-f]{100})"
)
_LONG = (  # a prefix, then 27 and more of letters, digits, _ and -, one of them a digit
    "nfp_|vc[apir]_|vercel_blob_rw_|dckr_[po]at_|glsa_|lin_(?:api|oauth)_|ntn_|secret_(?=[A-Za-z0-9]{43}\\b)|figd_|ATATT3x|ATCTT3x"
    "|ATBB(?=\\w{32}\\b)|dp\\.(?:pt|st|ct|sa|scim|audit)\\.|pscale_(?:tkn|pw|oauth)_|sb_secret_|CLOJARS_|gsk_(?=\\w{50})|r8_(?=\\w{37}\\b)"
    "|pplx-|xai-(?=\\w{70})|pcsk_|lsv2_[ps][kt]_|nvapi-|tvly-(?:dev-)?|jina_|AQVN|pnu_|rdme_|sha256~|CFPAT-"
    "|tskey-(?:auth|api|client|webhook|scim)-|tfp_|ico-(?=\\w{32}\\b)|HRKU-|EZ[AT]K(?=\\w{54}\\b)|oy2(?=[a-z0-9]{43}\\b)|cio(?=\\w{32}\\b)"
    "|AKID(?=\\w{32}\\b)|CCIPAT_|PMAK-(?=[0-9a-f]{24}-)|NRAK-|EAA(?=[A-Za-z0-9]{100})|sk\\.eyJ(?=\\w{40,200}\\.[\\w-]{20})|ops_eyJ|sntrys_eyJ|fm[12]_"
    "|glc_(?=[A-Za-z0-9+/]{60})"
)
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
SERVICES = (
    rf"(?<![\w.-])(?:(?:{_HEX})[0-9a-f]{{24,}}(?:-[\w-]{{8,}})?|(?:{_LONG})(?=[\w+/.-]{{0,60}}\d)[\w-]{{24,}}[\w=+/.-]*"
    rf"|(?:ops_eyJ|sntrys_eyJ|fm[12]_|glc_)[\w+/-]{{60,}}={{0,2}}|(?:sk-lf|sdk|access-(?:sandbox|development|production))-{_UUID}|LTAI[A-Za-z0-9]{{16,20}}\b|rzp_(?:live|test)_[A-Za-z0-9]{{14}}\b"
    r"|dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}|pat[A-Za-z0-9]{14}\.[0-9a-f]{64}|[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,}"
    r"|[12]/\d{15,17}:[0-9a-f]{32}\b|access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[0-9a-f]{32}|(?:live|test)_[0-9a-f]{35}\b)"
)
"""Tokens of other services, which all count as one kind."""
