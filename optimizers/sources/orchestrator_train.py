# ruff: noqa: E501  # a row stands on a line
"""What developers ask about four repositories, with the tool that answers: the training rows of orchestrator.

A line is `wording :: query :: call / another right call :: words that its arguments must have`. In a call `a;b` are two right
values, `?` marks an optional argument, `!` one that the query does not give, `-` that no tool fits.
"""

SHOP = """
pyproject.toml
Makefile
README.md
fix-tax.patch
shop/__init__.py
shop/cart.py
shop/prices.py
shop/db.py
shop/mailer.py
shop/api/routes.py
shop/api/auth.py
tests/test_cart.py
tests/test_prices.py
logs/app.log
"""
SHOP_QUERIES = """
question :: where do we take the discount off? :: search :: discount
question :: how is the password checked when somebody logs in :: search ?path=shop/api/auth.py;shop/api :: password
question :: where is the order confirmation mail put together? :: search ?path=shop/mailer.py :: confirmation, mail
terse :: retry on db connect, where :: search ?path=shop/db.py :: retry, connect
typo :: wich funtion rounds the prcie :: search :: round
question :: what happens if the cart is empty at checkout :: search :: cart, empty, checkout
terse :: show me Cart.total :: extract symbol=Cart.total ?path=shop/cart.py :: Cart.total
question :: what does apply_coupon look like :: extract symbol=apply_coupon :: apply_coupon
polite :: could you print the send_receipt function please :: extract symbol=send_receipt ?path=shop/mailer.py :: send_receipt
question :: where is TaxRate defined? :: extract symbol=TaxRate / grep pattern=TaxRate :: TaxRate
polite :: please open require_login in shop/api/auth.py :: extract symbol=require_login ?path=shop/api/auth.py :: require_login
terse :: all TODOs :: grep pattern=TODO :: TODO
question :: who calls rounded_price? :: grep pattern=rounded_price / sg pattern=rounded_price($$$) :: rounded_price
terse :: every print( in the tests :: grep pattern=print\\( ?path=tests / sg pattern=print($$$) ?path=tests :: print
question :: which files import requests :: grep pattern=requests;(from|import) requests :: requests
typo :: wher is "out of stock" comming from :: grep pattern=out of stock :: out of stock
polite :: can you grep for SMTP_HOST :: grep pattern=SMTP_HOST :: SMTP_HOST
terse :: folder structure, 2 levels :: tree depth=2 :: 2
question :: what's in the api folder? :: tree path=shop/api ?depth=1;2 :: shop/api
polite :: please list the files under tests :: tree path=tests ?depth=1;2 :: tests
question :: what does shop/prices.py do? :: summary path=shop/prices.py :: shop/prices.py
terse :: tldr of mailer.py :: summary path=shop/mailer.py :: shop/mailer.py
question :: why did the app crash last night? :: context logs=logs/app.log;logs :: logs
typo :: shwo me the erors in app.log :: context logs=logs/app.log :: logs/app.log
terse :: overview, I'm new here :: map :: -
question :: what are the most important classes in this project :: map :: -
question :: how do I run the tests? :: commands :: tests
terse :: cmd to undo my last commit :: commands :: undo, commit
polite :: please add a docstring to Cart.total :: edit ?file=shop/cart.py :: docstring, Cart.total
terse :: rename rounded_price to round_price :: edit ?file=shop/prices.py :: rounded_price, round_price
typo :: fix the tpyo in the README :: edit ?file=README.md :: README
question :: what steps would it take to move from cookies to JWT? :: plan :: JWT
terse :: make tax configurable, run the tests and commit :: run :: tax, configurable, commit
terse :: apply fix-tax.patch :: patch file=fix-tax.patch :: fix-tax.patch
polite :: please show me that function :: extract symbol=! :: -
typo :: thnaks, what is the wether tomorrow :: - :: -
"""

CHAT = """
package.json
tsconfig.json
README.md
src/index.ts
src/server.ts
src/config.ts
src/rooms/room.ts
src/rooms/presence.ts
src/auth/session.ts
src/auth/token.ts
src/util/retry.ts
web/app.tsx
web/components/MessageList.tsx
test/room.test.ts
test/token.test.ts
logs/server.log
logs/worker.log
"""
CHAT_QUERIES = """
question :: where do we kick a user out of a room? :: search ?path=src/rooms :: kick, room
question :: how long until a session expires :: search ?path=src/auth/session.ts;src/auth :: session, expires
terse :: websocket heartbeat where? :: search :: websocket, heartbeat
typo :: were do we excape html in mesages :: search :: html
question :: how does the client reconnect after the network is lost? :: search :: reconnect
polite :: could you find the place where unread counts are reset :: search :: unread, reset
terse :: joinRoom source :: extract symbol=joinRoom ?path=src/rooms/room.ts :: joinRoom
question :: what does verifyToken do exactly? :: extract symbol=verifyToken ?path=src/auth/token.ts :: verifyToken
polite :: show me the broadcast method of Room, please :: extract symbol=Room.broadcast;broadcast ?path=src/rooms/room.ts :: broadcast
question :: where's PresenceTracker declared :: extract symbol=PresenceTracker / grep pattern=PresenceTracker :: PresenceTracker
terse :: withRetry in src/util/retry.ts :: extract symbol=withRetry ?path=src/util/retry.ts :: withRetry
terse :: usages of process.env :: grep pattern=process.env :: process.env
question :: which components use useSocket? :: grep pattern=useSocket ?path=web;web/components :: useSocket
terse :: FIXME and TODO list :: grep pattern=TODO;FIXME;TODO|FIXME;FIXME|TODO :: FIXME
question :: where does the text "room is full" come from? :: grep pattern=room is full :: room is full
polite :: please find all imports of lodash :: grep pattern=lodash :: lodash
typo :: evry place that calls signToken :: grep pattern=signToken / sg pattern=signToken($$$) ?lang=typescript :: signToken
terse :: console.log($$$) anywhere in the ts? :: sg pattern=console.log($$$) ?lang=typescript;ts / grep pattern=console.log :: console.log
question :: how is the project laid out? :: tree ?depth=2;3 :: -
terse :: ls src/rooms :: tree path=src/rooms ?depth=1;2 :: src/rooms
question :: which folders are there? just the top level, depth 1 :: tree depth=1 :: 1
question :: what is src/util/retry.ts for? :: summary path=src/util/retry.ts :: src/util/retry.ts
polite :: could you summarize presence.ts for me :: summary path=src/rooms/presence.ts :: src/rooms/presence.ts
question :: what went wrong in worker.log :: context logs=logs/worker.log :: logs/worker.log
terse :: tracebacks from the server log :: context logs=logs/server.log :: logs/server.log
typo :: anyy errors over nihgt? :: context logs=logs :: logs
question :: where should I start reading this codebase? :: map :: -
polite :: give me a map of the code in 500 tokens please :: map ?tokens=500 :: -
question :: how do I start the dev server? :: commands :: start, server
typo :: comand to instal the dependancies :: commands :: instal
terse :: squash my last 3 commits, how :: commands :: squash, commits
polite :: please make joinRoom reject banned users :: edit ?file=src/rooms/room.ts :: joinRoom, banned
terse :: the heartbeat should be 20 seconds, not 30 :: edit :: heartbeat, 20
question :: how would you go about adding end-to-end encryption? :: plan :: encryption
terse :: bump typescript, rebuild, and open a PR :: run :: typescript
terse :: rebuild the index :: index :: -
polite :: please apply the patch :: patch file=! :: -
terse :: order pizza for the team :: - :: -
"""

CACHETOOLS_QUERIES = """
question :: how does it decide which item to throw out? :: search :: item, throw
question :: where is the time to live of an entry compared with now? :: search :: time, live
terse :: what makes the cache key from args and kwargs :: search ?path=cachetools/keys.py :: key, args, kwargs
typo :: were is a lock taken arround the cahce :: search :: lock
question :: what happens when a value is larger than maxsize :: search :: value, larger, maxsize
polite :: show me LRUCache please :: extract symbol=LRUCache :: LRUCache
terse :: TTLCache.expire :: extract symbol=TTLCache.expire :: TTLCache.expire
question :: what does the popitem method of LFUCache do? :: extract symbol=LFUCache.popitem;popitem :: popitem
terse :: body of hashkey :: extract symbol=hashkey ?path=cachetools/keys.py :: hashkey
question :: where is cachedmethod defined :: extract symbol=cachedmethod / grep pattern=cachedmethod :: cachedmethod
question :: who uses getsizeof? :: grep pattern=getsizeof :: getsizeof
terse :: grep KeyError :: grep pattern=KeyError :: KeyError
polite :: could you find every line that says "maxsize must" :: grep pattern=maxsize must :: maxsize must
terse :: functools imports :: grep pattern=functools;(from|import) functools :: functools
question :: is there any `lambda $X: 0` in here? :: sg pattern=lambda $X: 0 :: lambda
question :: which files are there? :: tree ?depth=1;2 :: -
terse :: tree :: tree :: -
question :: what's cachetools/func.py about? :: summary path=cachetools/func.py :: cachetools/func.py
polite :: please explain keys.py :: summary path=cachetools/keys.py :: cachetools/keys.py
question :: what are the main classes here :: map :: -
terse :: big picture of this package? :: map :: -
terse :: reindex everything :: index :: -
polite :: please write a test for TTLCache with a fake timer :: edit :: test, TTLCache
terse :: add __contains__ to the wrapper :: edit :: __contains__
typo :: rplace the sentinel by None in keys.py :: edit ?file=cachetools/keys.py :: sentinel
question :: can you plan how to add async support? :: plan :: async
question :: which command builds the wheel :: commands :: wheel
terse :: run the linter how :: commands :: linter
terse :: drop python 3.8, run tests, commit :: run :: 3.8
polite :: check the logs please :: context logs=! :: -
terse :: hello :: - :: -
"""

TENACITY_QUERIES = """
question :: where is the sleep between two attempts computed? :: search :: sleep, attempts
question :: how do they add jitter :: search :: jitter
terse :: async variant of the retry loop? :: search ?path=tenacity/asyncio :: async, retry, loop
typo :: wich code rasies when all atempts are used up :: search :: code
question :: what gets logged before sleeping? :: search ?path=tenacity/before_sleep.py / summary path=tenacity/before_sleep.py :: sleeping
question :: where does it stop after a number of seconds :: search ?path=tenacity/stop.py :: stop, seconds
terse :: show wait_exponential :: extract symbol=wait_exponential ?path=tenacity/wait.py :: wait_exponential
question :: what does RetryError.reraise do? :: extract symbol=RetryError.reraise :: RetryError.reraise
polite :: can you show me the class retry_if_exception_type :: extract symbol=retry_if_exception_type :: retry_if_exception_type
question :: how is stop_after_delay implemented? :: extract symbol=stop_after_delay ?path=tenacity/stop.py :: stop_after_delay
terse :: begin method of BaseRetrying :: extract symbol=BaseRetrying.begin;begin :: begin
question :: where do they use time.monotonic? :: grep pattern=time.monotonic :: time.monotonic
terse :: every raise NotImplementedError :: grep pattern=NotImplementedError;raise NotImplementedError / sg pattern=raise NotImplementedError :: NotImplementedError
question :: which modules depend on tornado :: grep pattern=tornado :: tornado
polite :: please find the string "Retrying" in the code :: grep pattern=Retrying :: Retrying
terse :: calls like isinstance($A, $B) :: sg pattern=isinstance($A, $B) :: isinstance
typo :: al files in the asynco folder pls :: tree :: -
question :: what's in tenacity/asyncio? :: tree path=tenacity/asyncio ?depth=1;2 / summary path=tenacity/asyncio :: tenacity/asyncio
question :: what is nap.py for? :: summary path=tenacity/nap.py :: tenacity/nap.py
terse :: summarise tenacity/wait.py :: summary path=tenacity/wait.py :: tenacity/wait.py
polite :: could I get an overview of this library :: map :: -
question :: how does it all fit together? :: map :: -
question :: is the search index up to date? refresh it :: index :: -
polite :: please make wait_fixed accept a timedelta :: edit ?file=tenacity/wait.py :: wait_fixed, timedelta
terse :: remove the tornado integration :: edit ?file=tenacity/tornadoweb.py :: tornado
question :: what would have to change to support anyio? :: plan :: anyio
question :: how do I install this with the test extras :: commands :: install
terse :: git: go back to the previous branch :: commands :: branch
terse :: fix the flaky jitter test, run it ten times and push :: run :: jitter
polite :: explain that file to me please :: summary path=! :: -
"""
WORKSPACES = {
    "shop": (SHOP, SHOP_QUERIES),
    "chat": (CHAT, CHAT_QUERIES),
    "cachetools": ("", CACHETOOLS_QUERIES),
    "tenacity": ("", TENACITY_QUERIES),
}
"""name -> the listing, "" for an installed package's own files, and the lines."""
