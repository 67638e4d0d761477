# ruff: noqa: E501  # a row stands on a line
"""What developers want to do in six other repositories, in other kinds of wording: the val and test rows of command_planner.

Lines as in command_planner_train.py.
"""

POETRY = """
files: pyproject.toml poetry.lock mkdocs.yml weather/api.py weather/__main__.py tests/test_api.py .pre-commit-config.yaml
tools: poetry pytest black mypy mkdocs pre-commit
os: linux
"""
POETRY_TASKS = """
test :: chatty :: so, before I go home I'd like to see whether the test suite is still green, run the suite :: tests :: poetry run pytest
test :: indirect :: I only care about the tests in tests/test_api.py right now :: test :: pytest tests/test_api.py
install :: indirect :: I just cloned this and need everything ready, including the dependencies :: dependencies :: poetry install
docs :: chatty :: could we have a look at the docs, I mean build the docs :: documentation|docs :: mkdocs build|mkdocs serve
types :: chatty :: hm, mypy would tell us more, wouldn't it? :: types :: mypy
format :: indirect :: the code style is a mess in places, it needs formatting :: format :: black .
lint :: indirect :: I'd like all pre-commit checks on all files :: linter|lint|checks :: pre-commit run --all-files
outdated :: chatty :: by the way, which of our deps are out of date? :: outdated :: poetry show --outdated
run :: indirect :: I want to see the tool at work, so start it :: start|run :: poetry run python -m weather
release :: chatty :: ok the version is bumped, let's build it and publish it to PyPI :: build, publish :: poetry build, poetry publish
undo :: indirect :: the commit I just made was premature, undo the commit and leave my files alone :: commit :: git reset --soft HEAD~1|git reset HEAD~1
branch :: chatty :: I'm about to begin something new, make a branch called feature/wind :: branch :: git switch -c feature/wind|git checkout -b feature/wind
danger :: chatty :: ugh, I want to wipe all my changes and start over :: changes, aside|stash|back :: git stash
"""
PNPM = """
files: package.json pnpm-lock.yaml tsconfig.json src/app.tsx src/format.ts src/format.spec.ts
npm: start build test
tools: jest eslint
os: macos
"""
PNPM_TASKS = """
test :: indirect :: nothing but src/format.spec.ts matters, run only that test :: test :: pnpm exec jest src/format.spec.ts
install :: chatty :: right, how do I install the dependencies here again? :: dependencies :: pnpm install
lint :: indirect :: reviewers complain about style, so lint it :: linter|lint :: eslint .
run :: chatty :: ok, how do I start the app? :: start :: pnpm start|pnpm run start
types :: indirect :: the compiler should look at the types without writing files, type check it :: types :: tsc --noEmit
upgrade :: chatty :: let's update the dependencies while we are at it :: upgrade|update :: pnpm update
squash :: indirect :: nobody needs my last four steps one by one, combine these commits :: one|squash :: git reset --soft|git rebase -i
rebase :: chatty :: main has moved on, how do I rebase onto main? :: fetch|latest, commits :: git fetch, git rebase origin/main|git rebase main
blame :: indirect :: I'd like to know who wrote src/format.ts :: who :: git blame src/format.ts
revert :: chatty :: somebody merged nonsense, could you revert commit 77aa0b1 :: undoes|revert :: git revert 77aa0b1
"""
GRADLE = """
files: build.gradle.kts gradlew src/main/kotlin/App.kt src/test/kotlin/ParserTest.kt compose.yaml
os: linux
"""
GRADLE_TASKS = """
build :: chatty :: how would I build the thing? :: build :: ./gradlew build
test :: indirect :: I need to see the tests for ParserTest only :: test :: ./gradlew test --tests ParserTest
run :: chatty :: and how do I run the app? :: start|run :: ./gradlew run
port :: indirect :: something else occupies port 8080, it is taken :: process, port :: lsof -i :8080
tag :: chatty :: we are done, tag it v2.0.0 please :: tag :: git tag v2.0.0
stash :: indirect :: I have to look at something else and want to put my changes aside :: aside|stash :: git stash
clean :: chatty :: oh, and clean the old build files :: clean|remove :: ./gradlew clean
"""
HATCH = """
files: pyproject.toml tox.ini src/inkpot/cli.py src/inkpot/render.py tests/unit/test_render.py tests/e2e/test_cli.py CHANGELOG.md
tox: py39 py312 types docs
tools: pytest ruff mypy coverage
os: linux
"""
HATCH_TASKS = """
test :: story :: CI is red and I want to know whether it is me. Run the tests on my machine. :: tests :: pytest
test :: story :: A colleague says the renderer broke. Run only tests/unit/test_render.py for me. :: test :: pytest tests/unit/test_render.py
test :: telegram :: pytest single test_wraps_lines :: test :: pytest test_wraps_lines
lint :: newcomer :: The maintainers want me to lint my patch. What do I type? :: linter|lint :: ruff check
types :: telegram :: types check :: types :: tox -e types|mypy
format :: newcomer :: I was told my file is not formatted. Which command formats it? :: format :: ruff format
docs :: newcomer :: Is there a way to build the documentation? :: documentation|docs :: tox -e docs
coverage :: story :: My reviewer asks for the coverage of my change. How do I measure coverage? :: coverage :: coverage|--cov
install :: newcomer :: This is my first Python project. How do I install it so that my changes take effect? :: virtual environment, dependencies|install :: python -m venv, pip install -e .
build :: telegram :: build sdist wheel :: build :: python -m build
debug :: story :: A value is wrong somewhere in src/inkpot/render.py and I would like to step through it with the debugger. :: debugger :: pdb src/inkpot/render.py
commit :: constraint :: Commit only CHANGELOG.md with the message "Note the new option" :: commit :: git add CHANGELOG.md, git commit -m
branch :: constraint :: Create a branch named docs/options, starting from main :: branch, main :: git switch main|git checkout main, git switch -c docs/options|git checkout -b docs/options
undo :: newcomer :: I made a commit by mistake. How can I undo the last commit without losing my work? :: commit, keep :: git reset --soft HEAD~1|git reset HEAD~1
discard :: constraint :: Put src/inkpot/cli.py back as it was, I mean discard the changes in src/inkpot/cli.py :: file|changes :: git restore src/inkpot/cli.py|git checkout -- src/inkpot/cli.py
lint+test :: constraint :: Lint first, then run the tests, and only then push :: linter|lint, tests, push :: ruff check, pytest, git push
recent :: story :: I was on holiday and need to catch up. Which changes were made in the past week? :: committed|commits :: git log
danger :: story :: My working copy is a mess and I want to throw everything away. Discard all changes. :: changes, aside|stash|back :: git stash
"""
YARN = """
files: package.json yarn.lock webpack.config.js lib/queue.js lib/worker.js __tests__/queue.test.js Dockerfile docker-compose.yml
npm: build serve test lint
tools: jest eslint prettier
os: windows
name: jobs
"""
YARN_TASKS = """
test :: telegram :: all tests go, run tests :: tests :: yarn test
test :: story :: The queue loses jobs since yesterday. Run only the tests in __tests__/queue.test.js. :: test :: jest __tests__/queue.test.js
install :: newcomer :: I have node and yarn. What else do I need to install the dependencies? :: dependencies :: yarn install
run :: newcomer :: How can I start the app on my computer? :: start|run :: yarn serve|yarn run serve
lint :: constraint :: Lint the code but change nothing :: linter|lint :: yarn lint|eslint
format :: telegram :: prettier all :: format :: prettier --write
outdated :: newcomer :: Is anything out of date among the packages? :: outdated :: yarn outdated
build :: constraint :: Make a production build, no tests :: build :: yarn build
port :: story :: The dev server says the address is in use. Which process is on port 3000? :: process, port :: netstat|findstr
stash :: story :: My boss wants a hotfix now. I have to stash my half-finished work. :: aside|stash :: git stash
pop :: telegram :: stash pop :: back|stash :: git stash pop
force :: story :: I rebased and now git refuses my push. I need to force push. :: push :: git push --force-with-lease
cherry :: constraint :: Take only commit 0c4d2e9 over to this branch, cherry-pick it :: commit :: git cherry-pick 0c4d2e9
conflict :: newcomer :: Git says there are merge conflicts. What now? :: conflict, edit :: git add
delete :: telegram :: delete branch tmp/try1 :: branch :: git branch -d tmp/try1
history :: constraint :: List the commits that touch lib/queue.js :: commits :: git log lib/queue.js
pr :: newcomer :: How do I open a pull request from here? :: push, pull request :: git push, gh pr create
"""
MIXED = """
files: Cargo.toml Makefile crates/core/src/lib.rs crates/cli/src/main.rs scripts/bench.sh README.md justfile
make: test check fmt bench
os: linux
"""
MIXED_TASKS = """
test :: telegram :: tests run :: tests :: make test
test :: constraint :: Only the test keeps_order and no other :: test :: cargo test keeps_order
format :: newcomer :: How do I format the code the way the project wants it? :: format :: make fmt
bench :: story :: Someone claims the parser got slower. Run the benchmarks. :: benchmarks :: make bench
lint :: telegram :: clippy run :: linter|lint :: make check|cargo clippy
build :: newcomer :: I want a binary I can give to a friend. How do I build it? :: build :: cargo build --release
docs :: constraint :: Generate the docs without those of dependencies :: documentation|docs :: cargo doc --no-deps
upgrade :: telegram :: update deps :: upgrade|update :: cargo update
bisect :: story :: The output was right in v1.2.0 and is wrong now. Find the commit that introduced it with bisect. :: search|bad, good :: git bisect start, git bisect good v1.2.0
tag :: constraint :: Tag this commit as v1.3.0 and push only the tag :: tag, push :: git tag v1.3.0, git push origin v1.3.0
amend :: story :: Nothing is pushed yet and README.md should have been in my last commit. How do I put README.md into the last commit? :: last commit :: git commit --amend
message :: story :: There is a typo in the message of my last commit, it should say "Keep the order of keys". :: message :: git commit --amend -m
merge :: newcomer :: My branch is two months old. How do I bring in what happened on main since then, by a merge? :: merge :: git merge origin/main|git merge main
unstage :: telegram :: unstage README.md :: keep|unstage|out :: git restore --staged README.md|git reset HEAD README.md
ignored :: newcomer :: Git does not see scripts/out.txt. Why is it ignored? :: ignores|ignored :: git check-ignore -v
count :: telegram :: lines of code count :: lines :: wc -l
large :: story :: Cloning takes ages. Which are the biggest files here? :: largest|biggest :: du
switch :: telegram :: checkout main :: branch :: git switch main|git checkout main
nothing :: newcomer :: Could you explain monads to me? :: - :: -
format+commit :: constraint :: Format the code, then commit it with the message "Format", do not push :: format, commit :: make fmt|cargo fmt, git commit -m
grep :: telegram :: grep FIXME :: find|text :: git grep FIXME|grep FIXME
diff :: newcomer :: How do I see the differences between my branch and main? :: differences|changes :: git diff
rename :: constraint :: Rename the branch to perf/parse, locally :: rename :: git branch -m perf/parse
status :: newcomer :: What is staged at the moment? :: staged :: git status
find :: constraint :: List all yaml files that git knows :: files :: git ls-files
profile :: story :: It takes a minute to start and nobody knows why. I would like to run the python script scripts/load.py under a profiler. :: profiler|profile :: cProfile scripts/load.py
"""
VAL = {"poetry": (POETRY, POETRY_TASKS), "pnpm": (PNPM, PNPM_TASKS), "gradle": (GRADLE, GRADLE_TASKS)}
TEST = {"hatch": (HATCH, HATCH_TASKS), "yarn": (YARN, YARN_TASKS), "mixed": (MIXED, MIXED_TASKS)}
