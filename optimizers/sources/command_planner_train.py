# ruff: noqa: E501  # a row stands on a line
"""What developers want to do in ten repositories, with what a good plan and its commands have: the training rows of command_planner.

A line is `topic :: wording :: task :: words of the plan :: words of the commands`; `|` stands between words of which one is enough.
"""

PYTHON_UV = """
files: pyproject.toml uv.lock README.md src/feeds/__main__.py src/feeds/parser.py tests/test_parser.py tests/test_fetch.py
tools: pytest ruff mypy
os: linux
"""
PYTHON_UV_TASKS = """
test :: question :: how do I run the tests? :: tests :: uv run pytest
test :: terse :: only tests/test_parser.py :: test :: pytest tests/test_parser.py
test :: terse :: run just the test named test_empty_feed :: test :: pytest test_empty_feed
coverage :: question :: how much of the code is covered by tests? :: coverage :: coverage|--cov
lint :: polite :: please lint the code :: linter|lint :: ruff check
format :: terse :: format everything :: format :: ruff format
types :: typo :: chekc the types :: types :: mypy
install :: question :: what do I run to get the dependencies installed :: dependencies :: uv sync
run :: terse :: start the program :: start|run :: python -m feeds|uv run feeds
build :: terse :: build a wheel :: build :: uv build
outdated :: question :: which packages are outdated? :: outdated :: --outdated|outdated
lint+test :: terse :: lint, type check and run the tests :: linter|lint, types, tests :: ruff check, mypy, pytest
commit :: terse :: commit everything as "Parse empty feeds" :: stage|add, commit :: git add, git commit -m
branch :: question :: how do I make a new branch called fix/empty-feed :: branch :: git switch -c fix/empty-feed|git checkout -b fix/empty-feed
undo :: terse :: undo my last commit but keep the changes :: commit, keep :: git reset HEAD~1|git reset --soft HEAD~1
profile :: question :: src/feeds/parser.py is slow, how do I profile it? :: profiler|profile :: cProfile
"""
PYTHON_TOX = """
files: setup.cfg tox.ini Makefile requirements.txt docs/conf.py ledger/core.py tests/test_core.py
make: test lint docs clean
tox: py310 py311 lint docs
tools: tox flake8 sphinx
os: macos
"""
PYTHON_TOX_TASKS = """
test :: terse :: tests pls :: tests :: make test|tox
docs :: terse :: build the docs :: documentation|docs :: make docs|tox -e docs
lint :: question :: which command runs the linter? :: linter|lint :: make lint|tox -e lint
clean :: polite :: could you clean the build files :: remove|clean :: make clean
install :: polite :: please set up a virtual environment with the dependencies :: virtual environment, dependencies :: python -m venv, pip install -r requirements.txt
stash :: question :: how do I stash my work with the name "wip rounding"? :: aside|stash :: git stash push|git stash save
stash :: terse :: get my stash back :: back|stash :: git stash pop|git stash apply
amend :: terse :: I forgot to add a file to the last commit :: last commit :: git commit --amend
rebase :: typo :: rebse my branch onto mian, no rebase it on the latest main :: fetch|latest, commits :: git fetch, git rebase origin/main|git rebase main
tag :: terse :: tag version 1.4.0 and push the tag :: tag, push :: git tag 1.4.0, git push
blame :: question :: who last changed ledger/core.py line by line? :: who :: git blame ledger/core.py
history :: question :: show me the history of ledger/core.py :: commits|history :: git log ledger/core.py
diff :: question :: what have I changed compared to main? :: differences|changes :: git diff
discard :: terse :: throw away my changes in ledger/core.py :: file|changes :: git restore ledger/core.py|git checkout -- ledger/core.py
lint+commit :: terse :: run the linter, then commit and push :: linter|lint, commit, push :: make lint|tox -e lint, git commit, git push
count :: question :: how many lines of code are there? :: lines :: wc -l
"""
DJANGO = """
files: manage.py requirements.txt shop/settings.py shop/orders/models.py shop/orders/tests.py Dockerfile docker-compose.yml
tools: django black
os: linux
"""
DJANGO_TASKS = """
test :: terse :: run the django tests :: tests :: manage.py test
run :: question :: how do I start the server locally? :: start|run :: manage.py runserver|docker compose up
format :: polite :: please format the code with black :: format :: black .
install :: typo :: instal the dependencies :: dependencies :: pip install -r requirements.txt
compose :: terse :: bring up the stack with docker compose :: start|stack :: docker compose up|manage.py runserver
port :: question :: what is using port 8000? :: process, port :: lsof -i :8000
revert :: terse :: revert commit 3fa9c1d :: commit|undo :: git revert 3fa9c1d
branch :: polite :: please switch back to the previous branch :: branch :: git switch -|git checkout -
delete :: terse :: delete the branch feature/cart :: branch :: git branch -d feature/cart
conflict :: question :: how do I resolve merge conflicts? :: conflict, edit :: git add
squash :: terse :: squash my last 3 commits :: one|squash :: git reset --soft HEAD~3|git rebase -i HEAD~3
pr :: question :: how can I check out a pull request to try it? :: pull request, branch :: gh pr checkout|git fetch origin
unstage :: terse :: unstage shop/settings.py :: keep|unstage|out :: git restore --staged shop/settings.py|git reset HEAD shop/settings.py
grep :: terse :: find all TODOs :: find|text :: grep TODO
ignored :: question :: why is shop/local.py ignored by git? :: ignores|ignored :: git check-ignore -v
"""
NODE = """
files: package.json package-lock.json tsconfig.json src/index.ts src/rooms.ts test/rooms.test.ts Dockerfile
npm: dev build test lint
tools: eslint vitest prettier
os: linux
name: chat
"""
NODE_TASKS = """
test :: terse :: test everything :: tests :: npm test|npx vitest
test :: question :: how do I run only test/rooms.test.ts? :: test :: vitest test/rooms.test.ts
lint :: terse :: eslint :: linter|lint :: npm run lint|npx eslint
types :: polite :: please check the types :: types :: tsc --noEmit
install :: question :: how do I install the dependencies exactly as locked? :: dependencies :: npm ci
run :: terse :: start the dev server :: start :: npm run dev
build :: typo :: bulid the project :: build :: npm run build
format :: terse :: prettier on all files :: format :: prettier --write
outdated :: terse :: outdated deps? :: outdated :: npm outdated
upgrade :: polite :: please upgrade the packages :: upgrade|update :: npm update
install+test :: terse :: install the dependencies, build it and run the tests :: dependencies, build, tests :: npm ci|npm install, npm run build, npm test
branch :: terse :: new branch feat/typing from main :: branch, main :: git switch main|git checkout main, git switch -c feat/typing|git checkout -b feat/typing
force :: terse :: force push my branch :: push :: git push --force-with-lease
cherry :: question :: how do I cherry-pick commit 9ab12cd? :: commit :: git cherry-pick 9ab12cd
danger :: terse :: discard all my changes :: changes, stash|aside|back :: git stash
recent :: question :: what changed last week? :: committed|commits :: git log
"""
RUST = """
files: Cargo.toml src/main.rs src/scale.rs tests/scale.rs benches/parse.rs
tools: clippy
os: windows
"""
RUST_TASKS = """
test :: terse :: run all the tests :: tests :: cargo test
test :: question :: how do I run only the test scales_down? :: test :: cargo test scales_down
lint :: terse :: clippy :: linter|lint :: cargo clippy
format :: typo :: formt the code, I mean format it :: format :: cargo fmt
build :: question :: how do I build a release binary? :: build :: cargo build --release
run :: terse :: run it :: start|run :: cargo run
docs :: polite :: please generate the documentation :: documentation|docs :: cargo doc
bench :: terse :: run the benchmarks :: benchmarks :: cargo bench
upgrade :: terse :: update the dependencies :: upgrade|update :: cargo update
port :: question :: which process blocks port 9090? :: process, port :: netstat|findstr
release :: question :: how do I publish this to crates.io? :: publish :: cargo publish
format+test :: terse :: format, lint and test it :: format, linter|lint, tests :: cargo fmt, cargo clippy, cargo test
bisect :: question :: which commit broke the parser? v0.3.0 was fine :: search|bad, good :: git bisect start, git bisect good v0.3.0
commit :: polite :: please commit src/scale.rs with the message "Round half up" :: commit :: git add src/scale.rs, git commit -m
"""
GO = """
files: go.mod go.sum cmd/ledger/main.go internal/store/store.go internal/money/amount.go Makefile
make: build
tools: golangci-lint
os: linux
"""
GO_TASKS = """
test :: question :: how are the tests run here? run the tests :: tests :: go test ./...
test :: terse :: only the test TestRounding :: test :: go test -run TestRounding
lint :: terse :: lint it :: linter|lint :: golangci-lint run
format :: polite :: would you format the code :: format :: go fmt|gofmt
build :: terse :: build the binary :: build :: make build|go build
run :: question :: how do I start the program? :: start|run :: go run ./cmd/ledger
coverage :: terse :: test coverage :: coverage :: go test -cover
outdated :: question :: are there newer versions of the modules, which are outdated :: outdated :: go list -m -u
merge :: terse :: merge main into my branch :: merge :: git fetch|git pull, git merge origin/main|git merge main
push :: terse :: push my branch :: push :: git push -u origin|git push
status :: question :: what is staged? :: staged :: git status
message :: typo :: the last comit messsage is wrong, change the commit message to "Store amounts as cents" :: message :: git commit --amend -m
clone :: terse :: clone the repo :: clone :: git clone
large :: question :: which are the largest files in here? :: largest :: du
"""
JAVA = """
files: pom.xml mvnw src/main/java/shop/Cart.java src/test/java/shop/CartTest.java
os: macos
"""
JAVA_TASKS = """
test :: terse :: run tests :: tests :: ./mvnw test|mvn test
test :: question :: how do I run only the tests in CartTest? :: test :: -Dtest=CartTest
build :: polite :: please package the jar, that is build it :: build :: ./mvnw package|mvn package
clean :: terse :: clean build :: clean|remove :: ./mvnw clean|mvn clean
outdated :: terse :: outdated dependencies? :: outdated :: versions:display-dependency-updates
lint :: question :: is there a linter? run the linter :: - :: -
rename :: terse :: rename my branch to fix/tax :: rename :: git branch -m fix/tax
pull :: terse :: get the latest from the remote :: latest :: git pull
debug :: question :: how do I see which commits touched pom.xml? show the commits for pom.xml :: commits :: git log pom.xml
wrong :: terse :: committed to the wrong branch, take the commit back :: commit :: git reset HEAD~1|git reset --soft HEAD~1
"""
CMAKE = """
files: CMakeLists.txt src/main.cpp src/codec.cpp tests/codec_test.cpp .clang-format
os: linux
"""
CMAKE_TASKS = """
build :: question :: how do I compile this? :: configure, compile :: cmake -S . -B build, cmake --build build
test :: terse :: run the tests :: tests :: ctest
clean :: polite :: please clean the build :: clean|remove :: cmake --build build --target clean
danger :: terse :: remove untracked files :: list|without, remove :: git clean -ndx|git clean -n
stash+pull :: terse :: stash my work, pull, and pop the stash :: aside|stash, latest, back :: git stash push|git stash, git pull, git stash pop
grep :: question :: where is the string "bad magic"? find the text "bad magic" :: find|text :: git grep|grep
"""
RUBY = """
files: Gemfile Gemfile.lock Rakefile lib/mailer.rb spec/mailer_spec.rb .rubocop.yml
tools: rspec rubocop
os: linux
"""
RUBY_TASKS = """
test :: terse :: run the specs :: tests :: bundle exec rspec
test :: question :: how do I run just spec/mailer_spec.rb? :: test :: rspec spec/mailer_spec.rb
lint :: polite :: please run rubocop, the linter :: linter|lint :: bundle exec rubocop
install :: terse :: install gems and other dependencies :: dependencies :: bundle install
outdated :: typo :: wich gems are outdatd, I mean outdated :: outdated :: bundle outdated
upgrade :: terse :: upgrade all dependencies :: upgrade|update :: bundle update
"""
BARE = """
files: notes.md scripts/sync.py data/table.csv
os: linux
"""
BARE_TASKS = """
commit :: terse :: commit my work :: stage|add, commit :: git add, git commit
history :: question :: when was notes.md changed? :: commits :: git log notes.md
profile :: polite :: please profile scripts/sync.py :: profiler|profile :: cProfile scripts/sync.py
debug :: terse :: debugger on scripts/sync.py :: debugger :: pdb scripts/sync.py
find :: terse :: list all markdown files :: files :: git ls-files
space :: question :: what takes up so much disk space? :: largest|biggest :: du
branch :: question :: how do I start a new branch? :: branch :: git switch -c|git checkout -b
nothing :: terse :: sing a song :: - :: -
test :: question :: how are tests run here? run the tests :: - :: -
"""
CONTEXTS = {
    "python-uv": (PYTHON_UV, PYTHON_UV_TASKS),
    "python-tox": (PYTHON_TOX, PYTHON_TOX_TASKS),
    "django": (DJANGO, DJANGO_TASKS),
    "node": (NODE, NODE_TASKS),
    "rust": (RUST, RUST_TASKS),
    "go": (GO, GO_TASKS),
    "java": (JAVA, JAVA_TASKS),
    "cmake": (CMAKE, CMAKE_TASKS),
    "ruby": (RUBY, RUBY_TASKS),
    "bare": (BARE, BARE_TASKS),
}
"""name -> what is known of the repository, and the lines."""
