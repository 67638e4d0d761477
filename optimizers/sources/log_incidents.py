"""What goes wrong in services, as a story of lines that can be told in any form of log, with what an answer must say.

Each incident has its cause, what it leads to, and lines that have nothing to do with it. Words in braces are drawn for each
row; stars mark what an answer must say, with | between what will do. An incident belongs to one split only.
"""

from typing import NamedTuple


class Incident(NamedTuple):
    """lines: "i", "w", "e" or "f" for the level, who says it, what; proofs: parts of the lines that prove it."""

    split: str
    task: str
    says: str
    proofs: tuple[str, ...]
    lines: tuple[str, ...]


WORDS: dict[str, tuple[str, ...]] = {
    "db": ("orders", "billing", "catalog", "users", "stock", "ledger"),
    "host": ("db-2", "cache-1", "node-7", "edge-3", "store-4", "auth-2"),
    "user": ("mia", "jonas", "priya", "chen", "olga", "samir"),
    "table": ("invoices", "carts", "shipments", "refunds", "coupons", "sessions"),
    "service": ("checkout", "search", "mailer", "reports", "gateway", "importer"),
    "other": ("metrics", "audit", "scheduler", "frontend", "profile", "images"),
    "queue": ("emails", "thumbnails", "exports", "webhooks", "events", "payouts"),
    "file": ("prices.csv", "stock.json", "feed.xml", "rates.csv", "users.json", "orders.csv"),
}
"""Numbers are drawn for {n}, {m} and {port}, and an order for {id}."""

NOISE = (
    "i {other} health check ok in {m} ms",
    "i {service} GET /api/v1/{table} 200 in {m} ms",
    "i {other} refreshed {n} entries",
    "i {service} user {user} signed in",
    "i {other} config reloaded, {n} keys",
    "i {service} request {id} done in {m} ms",
    "w {other} slow response of /status: {m} ms",
    "w {other} option cache_ttl is deprecated, use ttl",
    "i {other} sent {n} metrics",
)

INCIDENTS = (
    Incident(
        "train",
        "Why do requests of {service} time out?",
        "The *connection pool* of `{db}` is *exhausted|used up*: all *{n}* connections are in use, so requests time out.",
        ("pool of {db} exhausted",),
        (
            "w {service} waiting for a connection to {db}, {n} of {n} in use",
            "e {service} connection pool of {db} exhausted: {n} of {n} connections in use",
            "e {service} request {id} timed out after 30000 ms",
            "e {service} POST /api/v1/{table} 504 in 30001 ms",
        ),
    ),
    Incident(
        "train",
        "The nightly backup is missing. What happened?",
        "The *disk* of `{host}` is *full*: there is *no space left* on `/var/backups`, so the backup of `{db}` failed.",
        ("no space left on device",),
        (
            "w backup volume /var/backups on {host} is 99% full",
            "i backup dumping {db}",
            "e backup write of /var/backups/{db}.dump failed: no space left on device",
            "e backup backup of {db} failed after {m} s",
        ),
    ),
    Incident(
        "train",
        "Why does {service} not start?",
        "Port *{port}* is *already in use*, so `{service}` cannot listen on it.",
        ("address already in use",),
        (
            "i {service} starting, {n} workers",
            "f {service} cannot listen on 0.0.0.0:{port}: address already in use",
            "i {service} stopped with code 1",
        ),
    ),
    Incident(
        "train",
        "{service} was restarted. Find out why.",
        "`{service}` ran *out of memory|OOM* at *{n}* MB and was *killed*.",
        ("out of memory: killed process {id}",),
        (
            "w {service} heap is at {n} MB",
            "f kernel out of memory: killed process {id} ({service}), {n} MB",
            "w supervisor {service} exited with signal 9",
            "i supervisor restarting {service}",
        ),
    ),
    Incident(
        "train",
        "Why are no mails sent?",
        "The mail server *refuses the login|authentication failed* of *{user}*: its password has *expired*.",
        ("authentication failed for {user}", "password expired"),
        (
            "i mailer {n} mails in queue {queue}",
            "e mailer smtp {host}:587: authentication failed for {user}: password expired",
            "w mailer mail {id} goes back to the queue",
            "e mailer gave up on mail {id} after 5 tries",
        ),
    ),
    Incident(
        "train",
        "The release broke {service}. Why?",
        "The table *`{table}`* has no column *`region`*: the *migration* has *not been run|pending*.",
        ("column {table}.region does not exist",),
        (
            "i {service} version 3.{m} deployed",
            "w {service} 1 migration pending: add_region",
            "e {service} query failed: column {table}.region does not exist",
            "e {service} GET /api/v1/{table} 500 in {m} ms",
        ),
    ),
    Incident(
        "train",
        "Customers cannot pay. What is the cause?",
        "The *certificate* of *`pay.example.net`* has *expired*, so payments fail.",
        ("certificate of pay.example.net has expired",),
        (
            "i {service} charging order {id}",
            "e {service} TLS handshake failed: certificate of pay.example.net has expired",
            "e {service} payment of order {id} failed",
            "w {service} {n} orders wait for payment",
        ),
    ),
    Incident(
        "train",
        "Why was {file} not imported?",
        "*`{file}`* cannot be read: *permission denied*.",
        ("open /srv/in/{file}: permission denied",),
        (
            "i importer found {n} files",
            "e importer open /srv/in/{file}: permission denied",
            "i importer imported {m} rows of the other files",
        ),
    ),
    Incident(
        "train",
        "Why are orders booked twice?",
        "The *lock* on order *{id}* was *lost*, and two workers booked it: a *duplicate* key.",
        ("lost lock on order {id}", "duplicate key in {table}"),
        (
            "i {service} worker 1 takes order {id}",
            "w {service} lost lock on order {id} after 30 s",
            "i {service} worker 2 takes order {id}",
            "e {service} duplicate key in {table}: order {id}",
        ),
    ),
    Incident(
        "train",
        "Why can {service} not reach the cache?",
        "The name *`{host}.internal`* is *not resolved|cannot be resolved|no such host*: *DNS* fails.",
        ("lookup {host}.internal: no such host",),
        (
            "i {service} connecting to {host}.internal:6379",
            "e {service} DNS lookup {host}.internal: no such host",
            "w {service} running without a cache",
            "w {service} GET /api/v1/{table} took {m}00 ms",
        ),
    ),
    Incident(
        "train",
        "What stops the payouts?",
        "Two transactions on *`{table}`* wait for each other: a *deadlock*, so the payout of *{id}* was *rolled back*.",
        ("deadlock detected on {table}",),
        (
            "i {service} payout {id} begins",
            "e {service} deadlock detected on {table}: transaction {n} waits for {m}",
            "e {service} payout {id} rolled back",
        ),
    ),
    Incident(
        "train",
        "Why does the partner get errors?",
        "*`{user}`* makes more requests than the *limit* of *{n}* a minute, and is answered with *429*.",
        ("rate limit of {n} per minute exceeded by {user}",),
        (
            "i gateway key of {user} accepted",
            "w gateway {user} made {n} requests this minute",
            "e gateway rate limit of {n} per minute exceeded by {user}: answering 429",
        ),
    ),
    Incident(
        "train",
        "Why does {service} crash on start?",
        "The setting *`SMTP_HOST`* is *missing|not set*, and `{service}` needs it.",
        ("required setting SMTP_HOST is missing",),
        (
            "i {service} reading /etc/{service}.toml",
            "w {service} option cache_ttl is deprecated, use ttl",
            "f {service} required setting SMTP_HOST is missing",
            "i {service} stopped with code 78",
        ),
    ),
    Incident(
        "train",
        "Why is the search result stale?",
        "The *index* *`{table}`* is *corrupt*: its checksum does not fit, so no update is written.",
        ("checksum mismatch in segment {n} of index {table}",),
        (
            "i search writing {m} updates",
            "e search checksum mismatch in segment {n} of index {table}: index is corrupt",
            "w search answering from the copy of yesterday",
            "e search {m} updates were not written",
        ),
    ),
    Incident(
        "train",
        "Why did {user}'s upload fail?",
        "The upload of `{user}` is *too large*: *{n}* MB, and at most *{m}* MB are taken.",
        ("upload of {n} MB from {user} is larger than {m} MB",),
        (
            "i {service} upload {id} begins",
            "e {service} upload of {n} MB from {user} is larger than {m} MB",
            "i {service} PUT /files/{id} 413 in {m} ms",
        ),
    ),
    Incident(
        "train",
        "Is anything wrong with {service}?",
        "Nothing went wrong: all requests were answered.",
        (),
        (
            "i {service} started, {n} workers",
            "i {service} POST /api/v1/{table} 201 in {m} ms",
            "i {service} 0 errors, {n} requests",
        ),
    ),
    Incident(
        "val",
        "Why do the {queue} not move?",
        "The *consumer* of *`{queue}`* stopped on message *{id}*, which *cannot be parsed|unparsable|bad message*.",
        ("cannot parse message {id} of {queue}",),
        (
            "i worker {n} messages in {queue}",
            "e worker cannot parse message {id} of {queue}: unexpected end of data",
            "e worker consumer of {queue} stopped",
            "w worker {queue} has a lag of {m}000 messages",
        ),
    ),
    Incident(
        "val",
        "Why does the replica lag?",
        "The replica *`{host}`* lost its *connection* to the primary: a *timeout* after *{n}* seconds.",
        ("replica {host} lost its connection to the primary",),
        (
            "w {db} replication of {host} is {m} s behind",
            "e {db} replica {host} lost its connection to the primary: timeout after {n} s",
            "w {db} reads go to the primary",
        ),
    ),
    Incident(
        "val",
        "{user} cannot sign in. Why?",
        "The *token* of *`{user}`* was signed with an *unknown key*: `key-{n}`.",
        ("unknown key key-{n}",),
        (
            "i auth signing keys rotated",
            "e auth token of {user} refused: signed with unknown key key-{n}",
            "i auth POST /login 401 in {m} ms",
        ),
    ),
    Incident(
        "val",
        "Why was the deployment undone?",
        "The *readiness* check of *`{service}`* *failed* *{n}* times, so the deployment was rolled back.",
        ("readiness check of {service} failed {n} times",),
        (
            "i deploy {service} 2.{m} is rolled out",
            "w deploy {service} 2.{m} is not ready",
            "e deploy readiness check of {service} failed {n} times: GET /ready 503",
            "e deploy {service} rolled back to 2.1",
        ),
    ),
    Incident(
        "val",
        "Why are there no thumbnails?",
        "The *bucket* *`{table}-img`* is *not there|does not exist*: no picture can be stored.",
        ("bucket {table}-img does not exist",),
        (
            "i images resizing {n} pictures",
            "e images put of {id}.jpg failed: bucket {table}-img does not exist",
            "e images {n} pictures were not stored",
        ),
    ),
    Incident(
        "val",
        "Did the night go well?",
        "Nothing went wrong: the jobs were done.",
        (),
        ("i cron job clean-{table} begins", "i cron job clean-{table} done: {n} rows, 0 failed", "i cron next run in {m} min"),
    ),
    Incident(
        "test",
        "Why are prices wrong since this morning?",
        "The *exchange rates* in *`{file}`* are *{n}* hours *old|stale*, because the provider answered *403*.",
        ("rates provider answered 403",),
        (
            "e pricing rates provider answered 403: key is not valid any more",
            "w pricing rates in {file} are {n} hours old",
            "i pricing {m} prices computed",
            "w pricing {m} prices differ by more than 5%",
        ),
    ),
    Incident(
        "test",
        "Why does checkout fail for some customers?",
        "A *null* *`postcode`* in the address of *{user}* breaks the *tax* calculation.",
        ("postcode of {user} is null",),
        (
            "i checkout order {id} of {user}",
            "e tax cannot compute tax of order {id}: postcode of {user} is null",
            "e checkout order {id} failed",
            "i checkout POST /checkout 500 in {m} ms",
        ),
    ),
    Incident(
        "test",
        "The cluster lost a node. Which one, and why?",
        "*`{host}`* was *removed*: its *disk* `/dev/sdb` has *{n}* bad sectors.",
        ("{n} bad sectors on /dev/sdb",),
        (
            "w {host} read of /dev/sdb took {m}0 ms",
            "e {host} {n} bad sectors on /dev/sdb",
            "e cluster node {host} does not answer",
            "w cluster node {host} removed, {m} shards moved",
        ),
    ),
    Incident(
        "test",
        "Why does {service} answer slowly?",
        "A *query* on *`{table}`* runs *without an index|full scan|sequential scan*: it reads *{n}* million rows.",
        ("full scan of {table}",),
        (
            "i {service} version 5.{m} deployed",
            "e {db} full scan of {table}: {n} million rows read, no index on created_at",
            "w {service} GET /api/v1/{table} took {m}00 ms",
            "w {service} {m} requests are waiting",
        ),
    ),
    Incident(
        "test",
        "Why did the job {queue} not run?",
        "The *schedule* of *`{queue}`* is *not valid|invalid*: `61 4 1 1 1` has no such *minute*.",
        ("invalid schedule of {queue}",),
        (
            "i scheduler reading {n} jobs",
            "e scheduler invalid schedule of {queue}: 61 4 1 1 1: minute must be 0 to 59",
            "w scheduler {queue} is switched off",
            "i scheduler {m} jobs planned",
        ),
    ),
    Incident(
        "test",
        "Why are all users signed out?",
        "The *session* store on *`{host}`* was *emptied|flushed*: *`FLUSHALL`* was called.",
        ("FLUSHALL called by {user}",),
        (
            "i sessions {n} sessions on {host}",
            "w sessions FLUSHALL called by {user} on {host}",
            "e sessions session {id} not found",
            "e frontend {m} users were sent to /login",
        ),
    ),
    Incident(
        "test",
        "Why is {file} not there for the partner?",
        "The *transfer* of *`{file}`* broke: the *host key* of *`{host}`* has *changed*.",
        ("host key of {host} has changed",),
        (
            "i transfer sending {file} to {host}",
            "e transfer host key of {host} has changed: connection closed",
            "e transfer {file} was not sent, 3 of 3 tries",
            "i transfer next try in {m} min",
        ),
    ),
    Incident(
        "test",
        "Why do reports of {db} end in the middle?",
        "The *query* of report *{id}* was *cancelled* by the *statement timeout* of *{n}* s.",
        ("canceling statement due to statement timeout",),
        (
            "i reports report {id} begins",
            "e {db} canceling statement due to statement timeout: {n} s",
            "e reports query of report {id} was cancelled",
            "e reports report {id} is not complete: {m} of 900 rows",
        ),
    ),
    Incident(
        "test",
        "What is wrong with the worker?",
        "The worker has *too many open files*: the limit of *{n}* is reached, so *`{file}`* cannot be opened.",
        ("too many open files",),
        (
            "i worker {m} jobs running",
            "e worker open {file}: too many open files (limit {n})",
            "e worker job {id} failed",
            "e worker accept on port {port} failed",
        ),
    ),
    Incident(
        "test",
        "Can I deploy, or is something broken?",
        "Nothing went wrong: all checks are green.",
        (),
        ("i checks {n} checks begin", "i checks {n} passed, 0 failed", "i {service} GET /ready 200 in {m} ms"),
    ),
)
