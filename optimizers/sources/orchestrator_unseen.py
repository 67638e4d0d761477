# ruff: noqa: E501  # a row stands on a line
"""What developers ask about five other repositories, in other kinds of wording: the val and test rows of orchestrator.

Lines as in orchestrator_train.py.
"""

LEDGER = """
go.mod
Makefile
README.md
cmd/ledger/main.go
internal/store/store.go
internal/store/sqlite.go
internal/money/amount.go
internal/report/monthly.go
internal/report/csv.go
testdata/march.csv
rounding.diff
ledger.log
"""
LEDGER_QUERIES = """
chatty :: so I was wondering, at which point do we convert the currencies? :: search :: convert, currencies
indirect :: I can't tell where negative balances get refused :: search :: negative, balances
chatty :: ok next, I'd love to read the body of ParseAmount :: extract symbol=ParseAmount ?path=internal/money/amount.go :: ParseAmount
indirect :: not sure what OpenStore returns, let me see it :: extract symbol=OpenStore ?path=internal/store/store.go :: OpenStore
indirect :: I need each spot in which time.Now turns up :: grep pattern=time.Now :: time.Now
chatty :: hm, somebody prints "cannot post twice", which line is that? :: grep pattern=cannot post twice :: cannot post twice
indirect :: I lost track of which files we have in internal :: tree path=internal ?depth=1;2;3 :: internal
chatty :: alright, and what's the deal with internal/report/csv.go, what is it there for? :: summary path=internal/report/csv.go :: internal/report/csv.go
chatty :: things blew up this morning, anything useful in ledger.log? :: context logs=ledger.log :: ledger.log
indirect :: I've just joined and need the big picture first :: map :: -
chatty :: say, with which command do I run only the store tests? :: commands :: store, tests
indirect :: amounts are printed with three decimals but we want two, please change it :: edit :: decimals, two
chatty :: before we touch anything, lay out the steps for moving from sqlite to postgres :: plan :: sqlite, postgres
indirect :: rounding.diff is ready, could you apply it :: patch file=rounding.diff :: rounding.diff
indirect :: convert the report to UTF-8, then run the tests and commit :: run :: report, UTF-8
chatty :: my search seems outdated, could you build the index again? :: index :: -
chatty :: hey could you tell me a joke about accountants :: - :: -
indirect :: let me see this function :: extract symbol=! :: -
"""
DISKCACHE_QUERIES = """
indirect :: I want to understand at what size values go into a file instead of the database :: search :: size, values, file, database
chatty :: so how does it cull old entries when the volume gets too big? :: search :: cull, entries, volume
indirect :: somewhere a transaction is retried when sqlite says it is locked, I need that place :: search :: transaction, locked
chatty :: let me look at FanoutCache.transact real quick :: extract symbol=FanoutCache.transact ?path=diskcache/fanout.py :: FanoutCache.transact
indirect :: I'd like to read the memoize method of Cache :: extract symbol=Cache.memoize;memoize ?path=diskcache/core.py :: memoize
chatty :: ok what does barrier do, I mean the function barrier :: extract symbol=barrier ?path=diskcache/recipes.py :: barrier
indirect :: I wonder who relies on EVICTION_POLICY :: grep pattern=EVICTION_POLICY :: EVICTION_POLICY
chatty :: any place left that mentions pickle? :: grep pattern=pickle :: pickle
indirect :: show all spots of the form `time.time()` to me :: grep pattern=time.time\\(;time.time() / sg pattern=time.time() :: time.time
chatty :: could you just show me the tree? :: tree :: -
indirect :: persistent.py is a mystery to me, what's its purpose? :: summary path=diskcache/persistent.py :: diskcache/persistent.py
chatty :: I'm new to this code, what are the key classes? :: map :: -
chatty :: right, let's add a timeout argument to Lock.acquire :: edit ?file=diskcache/recipes.py :: timeout, Lock.acquire
indirect :: Deque should have a copy method like the one of the standard library :: edit ?file=diskcache/persistent.py :: Deque, copy
chatty :: how do I check out the branch of a pull request again? :: commands :: branch, pull
indirect :: I'd rather see a plan first: replace pickle by json in core.py :: plan :: pickle, json
chatty :: could you read me the traceback :: context logs=! :: -
chatty :: good morning! :: - :: -
"""
BREW = """
Cargo.toml
README.md
Dockerfile
src/main.rs
src/cli.rs
src/recipe/mod.rs
src/recipe/parser.rs
src/recipe/scale.rs
src/store/mod.rs
src/store/lock.rs
src/units.rs
tests/scale.rs
tests/fixtures/stout.toml
scripts/release.sh
var/log/brewd.err
hops.patch
"""
BREW_QUERIES = """
story :: A customer doubled a recipe and the hops came out wrong. I have to find the code that multiplies the quantities. :: search :: multiplies, quantities
story :: Two of us started the program at once and one hung. Where do we wait for the lock? :: search ?path=src/store/lock.rs :: wait, lock
telegram :: fahrenheit celsius conversion?? :: search ?path=src/units.rs :: fahrenheit, celsius, conversion
newcomer :: What part reads the file that the user hands in and turns it into something the program understands? :: search :: file, user
newcomer :: Is anything done about a recipe whose name exists already? :: search :: recipe, name
telegram :: parse_ingredient src/recipe/parser.rs show :: extract symbol=parse_ingredient ?path=src/recipe/parser.rs :: parse_ingredient
story :: The review says Recipe::scale is too long, so I want to read scale_by first. :: extract symbol=scale_by ?path=src/recipe/scale.rs :: scale_by
newcomer :: Someone told me about a struct named StoreLock. Can I read it? :: extract symbol=StoreLock ?path=src/store/lock.rs :: StoreLock
constraint :: Show only lines with unwrap( in src/store, nothing else :: grep pattern=unwrap\\(;unwrap( path=src/store ?glob=*.rs / sg pattern=$A.unwrap() path=src/store ?lang=rust :: unwrap
story :: Users report the message "yeast not found" and I have no idea which line prints it. :: grep pattern=yeast not found :: yeast not found
telegram :: serde_json used where :: grep pattern=serde_json :: serde_json
telegram :: todo comments rust files :: grep pattern=TODO;todo ?glob=*.rs :: todo
newcomer :: Which directories does this thing consist of? :: tree ?depth=1;2 :: -
constraint :: List the files below src/recipe, one level only :: tree path=src/recipe depth=1 :: src/recipe
newcomer :: What would I find in src/units.rs, in plain words? :: summary path=src/units.rs :: src/units.rs
story :: The daemon died at 3 am and the pager went off. Tell me what the errors in brewd.err are. :: context logs=var/log/brewd.err :: var/log/brewd.err
telegram :: overview whole repo 300 tokens :: map ?tokens=300 :: -
newcomer :: It is my first day on this project, which definitions matter most? :: map :: -
constraint :: Give me the shell command that runs just the test named scales_down :: commands :: scales_down
story :: I pushed to the wrong branch. How do I undo the commit without losing the work? :: commands :: undo, commit
constraint :: Change scale_by to return an error instead of panicking, touch nothing else :: edit ?file=src/recipe/scale.rs :: scale_by, error
constraint :: Don't change anything yet; outline how to split main.rs into modules :: plan :: main.rs, modules
constraint :: Replace println by tracing everywhere, then run clippy and commit :: run :: println, tracing
story :: My colleague sent hops.patch by mail. Please apply it here. :: patch file=hops.patch :: hops.patch
newcomer :: Could you book me a flight to Munich? :: - :: -
"""
PLUGGY_QUERIES = """
story :: My plugin is registered twice and I get an error. Where is that refused? :: search :: plugin, registered
newcomer :: How does it know in which order the plugins are called? :: search :: order, plugins, called
newcomer :: What happens when one of the wrappers does not yield exactly once? :: search :: wrappers, yield
telegram :: historic calls replay new plugin :: search :: historic, calls, replay
story :: We block a plugin by name and it still shows up. I need the code that decides whether a plugin is blocked. :: search / extract symbol=is_blocked :: plugin, blocked
constraint :: Show PluginManager.unregister and nothing more :: extract symbol=PluginManager.unregister ?path=pluggy/_manager.py :: PluginManager.unregister
telegram :: force_exception source :: extract symbol=force_exception ?path=pluggy/_result.py :: force_exception
newcomer :: There seems to be a class TagTracer; I would like to read it. :: extract symbol=TagTracer ?path=pluggy/_tracing.py :: TagTracer
story :: A reviewer asked what check_pending really checks, so let me read it. :: extract symbol=check_pending ?path=pluggy/_manager.py :: check_pending
constraint :: Find uses of warnings.warn_explicit, only in pluggy/_manager.py :: grep pattern=warnings.warn_explicit;warn_explicit path=pluggy/_manager.py :: warn_explicit
telegram :: PluginValidationError raised where all :: grep pattern=PluginValidationError;raise PluginValidationError :: PluginValidationError
story :: I want to rename firstresult, so I need every line that mentions firstresult. :: grep pattern=firstresult :: firstresult
newcomer :: Are there unfinished bits, like TODO comments? :: grep pattern=TODO :: TODO
constraint :: Match `getattr($OBJ, $NAME, None)` exactly by form :: sg pattern=getattr($OBJ, $NAME, None) :: getattr
telegram :: dir listing plz :: tree :: -
newcomer :: Which files does the package have? :: tree ?depth=1;2 :: -
newcomer :: I opened pluggy/_callers.py and understood nothing. What is the purpose of this file? :: summary path=pluggy/_callers.py :: pluggy/_callers.py
telegram :: _result.py gist :: summary path=pluggy/_result.py :: pluggy/_result.py
story :: I inherited this library yesterday. Where do I begin? :: map :: -
constraint :: Make get_name return "" instead of None, in pluggy/_manager.py only :: edit ?file=pluggy/_manager.py :: get_name
story :: Typing complains about the tracer. Please annotate setwriter so that mypy is quiet. :: edit ?file=pluggy/_tracing.py :: annotate, setwriter
constraint :: No code please, just a step by step plan for dropping Python 3.9 :: plan :: dropping, 3.9
newcomer :: What do I type to run the tests of this package? :: commands :: tests
telegram :: search finds old code, index refresh needed :: index :: -
telegram :: apply patch :: patch file=! :: -
"""
COLORLOG_QUERIES = """
story :: On our CI the output has strange escape characters. Where is it decided whether to write colours at all? :: search :: colours
newcomer :: How does a level like WARNING get its colour? :: search :: level, colour
telegram :: env var NO_COLOR handled? :: search / grep pattern=NO_COLOR :: NO_COLOR
newcomer :: What happens if I ask for a colour that does not exist? :: search :: colour, exist
constraint :: Show me ColoredFormatter.formatMessage, only that :: extract symbol=ColoredFormatter.formatMessage ?path=colorlog/formatter.py :: ColoredFormatter.formatMessage
telegram :: parse_colors body :: extract symbol=parse_colors ?path=colorlog/escape_codes.py :: parse_colors
newcomer :: I heard of a function called basicConfig here, may I see it? :: extract symbol=basicConfig ?path=colorlog/wrappers.py :: basicConfig
story :: A decorator named ensure_configured keeps popping up in my traces. Open it for me. :: extract symbol=ensure_configured ?path=colorlog/wrappers.py :: ensure_configured
telegram :: reset kwarg all mentions :: grep pattern=reset :: reset
story :: The docs team wants to know who uses LevelFormatter. :: grep pattern=LevelFormatter :: LevelFormatter
constraint :: Only lines that import logging :: grep pattern=logging;import logging;(from|import) logging :: logging
newcomer :: What files is it made of? :: tree ?depth=1;2 :: -
constraint :: Folders only one level deep please, print the tree :: tree depth=1 :: 1
newcomer :: What is colorlog/wrappers.py good for? What does it do? :: summary path=colorlog/wrappers.py :: colorlog/wrappers.py
telegram :: escape_codes.py purpose :: summary path=colorlog/escape_codes.py :: colorlog/escape_codes.py
story :: I have to present this package tomorrow and need an overview of its main parts. :: map :: -
constraint :: Add bright_orange to the escape codes, keep the order :: edit ?file=colorlog/escape_codes.py :: bright_orange
story :: A user passes style='$' and it breaks. Fix the default format for that style. :: edit :: style, default
constraint :: Write the steps to support Windows terminals, no edits :: plan :: Windows
telegram :: git stash name how to command :: commands :: stash
newcomer :: Which command installs it in a way that my edits take effect at once? :: commands :: installs
constraint :: Rename escape_codes to codes everywhere and then run the tests and push :: run :: escape_codes
story :: Something failed in the nightly run and there is a log somewhere. What does the log say went wrong? :: context logs=! :: -
newcomer :: What is the capital of Norway? :: - :: -
"""
VAL = {"ledger": (LEDGER, LEDGER_QUERIES), "diskcache": ("", DISKCACHE_QUERIES)}
TEST = {"brew": (BREW, BREW_QUERIES), "pluggy": ("", PLUGGY_QUERIES), "colorlog": ("", COLORLOG_QUERIES)}
