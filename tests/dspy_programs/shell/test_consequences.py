import pytest

from dspy_programs.shell import read_command_line, seen_in

DELETES = r"""
rm x ;; /bin/rm -rf x ;; RM x ;; rmdir x ;; unlink x ;; shred x ;; truncate -s 0 x ;; find . -delete
find . -exec rm {} + ;; ls | xargs rm ;; ls | xargs -0 -n 1 rm -f ;; env rm x ;; env a=1 rm x ;; nice -n 5 rm x
timeout -k 1 5 rm x ;; command rm x ;; nohup setsid rm x ;; busybox rm x ;; git clean -fd ;; git reset --hard
git checkout -- . ;; git branch -D x ;; git rm x ;; mv x /dev/null ;; exec rm x ;; mkfs.ext4 x
"""
UNREAD = r"""
sh -c 'rm x' ;; bash ;; cat x | sh ;; bash -x y ;; eval x ;; . x ;; source x ;; alias a=b ;; trap x EXIT
python -c x ;; python3.11 -Ic x ;; python3 ;; python3 - ;; cat x | python3 ;; python3 /dev/stdin ;; perl -pe x
node -e x ;; ruby -e x ;; awk 'BEGIN{system("x")}' ;; awk -f x ;; sed '1e x' f ;; sed 's/a/b/e' f ;; sed 'w x' f
sed -f x ;; env -S x ;; env PATH=. x ;; PATH=. ls ;; LD_PRELOAD=x ls ;; GIT_SSH=x git status ;; export PATH=.
git -c a.b=c log ;; git config a.b c ;; git frob ;; git log --ext-diff ;; tar xf a --to-command=sh ;; tar cf a -I sh b
vim x ;; less x ;; find . -fprint x ;; xargs -a x --y rm ;; ls | xargs git ;; ls | xargs env ;; ls | xargs -I{} {} x
/bin/r? x ;; ~/x ;; {} x ;; find . -exec {} \; ;; find . -exec sh -c x \; ;; watch x ;; timeout -Z 5 x
make --eval=x
"""
OTHERS = {
    "network": [
        "curl x",
        "wget x",
        "ssh a",
        "pip install x",
        "python -m pip install x",
        "npm i",
        "git push",
        "git clone x",
        "nc a 1",
    ],
    "rights": ["sudo ls", "su", "chown a b", "chmod u+s x", "chmod 4755 x", "mount x"],
    "system": ["kill 1", "pkill x", "crontab x", "systemctl stop x"],
    "commits": ["git commit -m x", "git merge x", "git tag x", "git stash"],
}
HARMLESS = r"""
ls -la ;; cat x | sort | uniq -c ;; wc -l x ;; grep -rn x . ;; find . -name '*.py' ;; find . -exec wc -l {} +
python script.py ;; python -m pytest -q ;; python3 --version ;; bash run.sh ;; ./run.sh ;; make test ;; sed -n 1,5p x
sed -i 's/a/b/g' x ;; sed -E -e 's|a|b|' x ;; awk '{print $1}' x ;; awk -F, '{s += $2} END {print s}' x ;; git status
git diff x ;; git log --oneline ;; git --no-pager log ;; git add x ;; git checkout main ;; LANG=C sort x
env LANG=C sort x ;; ls | xargs wc -l ;; command -v ls ;; timeout 5 ls ;; [ -f x ] ;; chmod 755 x ;; chmod +x x
tar xzf x ;; mkdir -p x ;; cp a b ;; true ;; x=1 ;; diff a b ;; head -5 x
"""


def each(block: str) -> list[str]:
    """Read the command lines of a block; `;;` stands between those of a row."""
    return [text for row in block.strip().splitlines() for text in row.split(" ;; ")]


def found(text: str) -> set[str]:
    line = read_command_line(text)
    assert not line.unread
    return {one for command in line.commands for seen in seen_in(command) for one in seen.consequences}


@pytest.mark.parametrize("text", each(DELETES))
def test_deleting_is_seen(text):
    assert "deletes" in found(text)


@pytest.mark.parametrize("text", each(UNREAD))
def test_code_that_cannot_be_seen_is_said(text):
    assert "unread" in found(text)


@pytest.mark.parametrize(("consequence", "text"), [(key, text) for key, texts in OTHERS.items() for text in texts])
def test_network_rights_system_and_history_are_seen(consequence, text):
    assert found(text) == {consequence}


@pytest.mark.parametrize("text", each(HARMLESS))
def test_everyday_commands_have_none(text):
    assert found(text) == set()
