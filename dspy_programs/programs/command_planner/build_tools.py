"""The commands of the tools of Rust, Go, Java, C, Ruby and containers, most of them one table each."""

from dspy_programs.programs.command_planner.project import Project
from dspy_programs.programs.command_planner.step import Deed, Step, steps_in


def rust_steps(deed: Deed, project: Project, which: str) -> list[Step]:
    which = "" if which in ("failed", "first") else which
    table: dict[Deed, str] = {
        "test": f"cargo test {which}".strip(),
        "coverage": "cargo llvm-cov",
        "lint": "cargo clippy --fix --allow-dirty" if which == "--fix" else "cargo clippy --all-targets -- -D warnings",
        "add": f"cargo add {which}",
        "remove": f"cargo remove {which}",
        "format": "cargo fmt",
        "types": "cargo check",
        "build": "cargo build --release",
        "install": "cargo fetch",
        "run": "cargo run",
        "docs": "cargo doc --no-deps",
        "clean": "cargo clean",
        "bench": "cargo bench",
        "outdated": "cargo update --dry-run",
        "upgrade": f"cargo update {which}".strip(),
        "release": "cargo publish --dry-run\ncargo publish",
    }
    return steps_in(table, deed)


def go_steps(deed: Deed, project: Project, which: str) -> list[Step]:
    which = "" if which in ("failed", "first") else which
    mains = [path.rpartition("/")[0] for path in project.paths("main.go") if path.startswith("cmd/")]
    is_path = "/" in which
    table: dict[Deed, str] = {
        "test": f"go test ./{which.strip('./')}/..."
        if is_path
        else f"go test -run {which} ./..."
        if which
        else "go test ./...",
        "coverage": "go test -cover ./...",
        "lint": "golangci-lint run" if "golangci-lint" in project.tools else "go vet ./...",
        "format": "go fmt ./...",
        "types": "go build ./...",
        "build": "go build ./...",
        "install": "go mod download",
        "run": f"go run ./{mains[0]}" if mains else "go run .",
        "docs": "go doc -all",
        "clean": "go clean",
        "bench": "go test -bench=. ./...",
        "add": f"go get {which}",
        "outdated": "go list -m -u all",
        "upgrade": f"go get {which}@latest" if which else "go get -u ./...\ngo mod tidy",
    }
    return steps_in(table, deed)


def maven_steps(deed: Deed, project: Project, which: str) -> list[Step]:
    which = "" if which in ("failed", "first") else which
    mvn = "./mvnw" if project.has("mvnw") else "mvn"
    table: dict[Deed, str] = {
        "test": f"{mvn} test -Dtest={which}" if which else f"{mvn} test",
        "build": f"{mvn} package",
        "install": f"{mvn} install -DskipTests",
        "clean": f"{mvn} clean",
        "types": f"{mvn} compile",
        "outdated": f"{mvn} versions:display-dependency-updates",
    }
    return steps_in(table, deed)


def gradle_steps(deed: Deed, project: Project, which: str) -> list[Step]:
    which = "" if which in ("failed", "first") else which
    gradle = "gradlew.bat" if project.windows else "./gradlew"
    table: dict[Deed, str] = {
        "test": f"{gradle} test --tests {which}" if which else f"{gradle} test",
        "build": f"{gradle} build",
        "run": f"{gradle} run",
        "lint": f"{gradle} check",
        "clean": f"{gradle} clean",
        "install": f"{gradle} dependencies",
    }
    return steps_in(table, deed)


def cmake_steps(deed: Deed, project: Project, which: str) -> list[Step]:
    configure = Step("configure the build", "cmake -S . -B build")
    compile_ = Step("compile it", "cmake --build build")
    if deed == "build":
        return [configure, compile_]
    option = f" -R {which}" if which else ""
    if deed == "test":
        return [configure, compile_, Step("", f"ctest --test-dir build --output-on-failure{option}")]
    return steps_in({"install": "cmake --install build", "clean": "cmake --build build --target clean"}, deed)


def ruby_steps(deed: Deed, project: Project, which: str) -> list[Step]:
    which = "" if which in ("failed", "first") else which
    table: dict[Deed, str] = {
        "test": f"bundle exec rspec {which}".strip()
        if "rspec" in project.tools or project.has("spec")
        else "bundle exec rake test",
        "lint": "bundle exec rubocop" if "rubocop" in project.tools else "",
        "format": "bundle exec rubocop --autocorrect" if "rubocop" in project.tools else "",
        "install": "bundle install",
        "add": f"bundle add {which}",
        "outdated": "bundle outdated",
        "upgrade": "bundle update",
    }
    return steps_in(table, deed)


def compose_steps(deed: Deed, project: Project, which: str) -> list[Step]:
    return steps_in({"run": "docker compose up", "build": "docker compose build", "clean": "docker compose down"}, deed)


def docker_steps(deed: Deed, project: Project, which: str) -> list[Step]:
    name = next(iter(project.lists.get("name", [])), "app").lower()
    return steps_in({"build": f"docker build -t {name} .", "run": f"docker build -t {name} .\ndocker run --rm {name}"}, deed)
