"""The runs whose logs become rows: what is run, and what went wrong with it, which is known because it was made to."""

from optimizers.sources.log_runs import Run

RUNS = (
    Run(
        split="train",
        source="PyYAML",
        task="Why does the job not start?",
        says="The settings in *`config.yml`* are no valid *YAML*: a *block* ends where another begins, at *line 3*, column 4.",
        proofs=("expected <block end>", '"config.yml", line 3, column 4'),
        script="""\
import yaml

with open("config.yml") as file:
    settings = yaml.safe_load(file)
print(settings["jobs"])
""",
        files={
            "config.yml": """\
jobs:
  - name: nightly
   retries: 3
"""
        },
    ),
    Run(
        split="train",
        source="pydantic",
        task="What is wrong with the request?",
        says="The *`Order`* is not valid: *`quantity`* is no *integer* and *`email`* is *missing*.",
        proofs=("validation errors for Order", "quantity", "Field required"),
        script="""\
from pydantic import BaseModel


class Order(BaseModel):
    email: str
    quantity: int


print(Order.model_validate({"quantity": "many"}))
""",
    ),
    Run(
        split="train",
        source="Jinja2",
        task="The mail was not sent. Why?",
        says="The template uses *`customer`*, which is *undefined*.",
        proofs=("UndefinedError: 'customer' is undefined",),
        script="""\
from jinja2 import Environment, StrictUndefined


def mail(text, **names):
    return Environment(undefined=StrictUndefined).from_string(text).render(**names)


print(mail("Dear {{ customer.name }}", order=17))
""",
    ),
    Run(
        split="train",
        source="SQLAlchemy",
        task="Why does the report fail?",
        says="The query fails because there is *no such table*: *`invoices`*.",
        proofs=("no such table: invoices", "[SQL: SELECT count(*) FROM invoices]"),
        script="""\
import logging

from sqlalchemy import create_engine, text

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("report")

with create_engine("sqlite://").connect() as db:
    log.info("connected")
    try:
        print(db.execute(text("SELECT count(*) FROM invoices")).scalar())
    except Exception:
        log.exception("report failed")
        raise SystemExit(1)
""",
    ),
    Run(
        split="train",
        source="SQLAlchemy",
        task="Why can the customer not be saved?",
        says="The insert breaks the *UNIQUE constraint* of *`customers.email`*: the address is already there.",
        proofs=("UNIQUE constraint failed: customers.email",),
        script="""\
from sqlalchemy import create_engine, text

engine = create_engine("sqlite://")
with engine.begin() as db:
    db.execute(text("CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT UNIQUE)"))
    for _ in range(2):
        db.execute(text("INSERT INTO customers (email) VALUES ('bo@example.org')"))
""",
    ),
    Run(
        split="train",
        source="numpy",
        task="Why did training stop?",
        says="The matrices do not fit: in *matmul*, a size of *32* is different from *64*.",
        proofs=("matmul: Input operand 1 has a mismatch",),
        script="""\
import numpy as np


def forward(batch, weights):
    return batch @ weights


print("epoch 1")
print(forward(np.ones((32, 64)), np.ones((32, 10))))
""",
    ),
    Run(
        split="train",
        source="pandas",
        task="Which column is the problem?",
        says="The table has no column *`revenue`*, so it ends with a *`KeyError`*.",
        proofs=("Column not found: revenue",),
        script="""\
import pandas as pd


def summed(rows):
    frame = pd.DataFrame(rows)
    return frame.groupby("shop")["revenue"].sum()


print(summed([{"shop": "a", "turnover": 3}]))
""",
    ),
    Run(
        split="train",
        source="Python",
        task="What broke the import of the orders?",
        says="The orders are no valid *JSON*: a *property name* in *double quotes* is expected at *line 2*, column 3.",
        proofs=("Expecting property name enclosed in double quotes: line 2 column 3",),
        script="""\
import json

with open("orders.json") as file:
    orders = json.load(file)
""",
        files={
            "orders.json": """\
{
  'id': 1
}
"""
        },
    ),
    Run(
        split="train",
        source="Python",
        task="Why is the file not read?",
        says="The names are not in *UTF-8*: the byte *0xe9* cannot be decoded.",
        proofs=("UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe9",),
        script="""\
from pathlib import Path

Path("names.csv").write_bytes(f"Andr{chr(233)}".encode("latin-1"))
for line in Path("names.csv").read_text(encoding="utf-8").splitlines():
    print(line)
""",
    ),
    Run(
        split="train",
        source="Python",
        task="Why does the service not come up?",
        says="*`/etc/shop/settings.toml`* is *not there|no such file|missing*.",
        proofs=("No such file or directory: '/etc/shop/settings.toml'",),
        script="""\
import logging
import tomllib

logging.basicConfig(format='%(asctime)s %(levelname)s %(message)s')
logging.Formatter.formatTime = lambda *_: '2026-03-12 09:14:07,000'


def settings(path):
    with open(path, "rb") as file:
        return tomllib.load(file)


try:
    settings("/etc/shop/settings.toml")
except OSError:
    logging.critical("cannot start", exc_info=True)
""",
    ),
    Run(
        split="train",
        source="Python",
        task="Fix the start-up.",
        says="`main.py` imports *`shop_tools`*, which is *not installed|no module*.",
        proofs=("ModuleNotFoundError: No module named 'shop_tools'",),
        script="""\
import sys

from shop_tools import prices

print(prices.all(), sys.argv)
""",
    ),
    Run(
        split="train",
        source="Python",
        task="Why can the package not be imported?",
        says="A *circular import*: `shop.cart` and *`shop.user`* import each other, so *`User`* cannot be imported yet.",
        proofs=("cannot import name 'User' from partially initialized module 'shop.user'",),
        script="""\
import shop.user
""",
        files={
            "shop/__init__.py": "",
            "shop/user.py": """\
from shop.cart import Cart


class User:
    cart: Cart
""",
            "shop/cart.py": """\
from shop.user import User


class Cart:
    owner: User
""",
        },
    ),
    Run(
        split="train",
        source="Python",
        task="Why was the invoice not made?",
        says="There is no *invoice* for order 4711 because of a *division by zero|ZeroDivisionError* in `share`.",
        proofs=("ZeroDivisionError: division by zero", "InvoiceError: no invoice for order 4711"),
        script="""\
class InvoiceError(Exception):
    pass


def share(total, parts):
    return total / parts


def invoice(order):
    try:
        return share(120, 0)
    except ArithmeticError as error:
        raise InvoiceError(f"no invoice for order {order}") from error


invoice(4711)
""",
    ),
    Run(
        split="train",
        source="pytest",
        task="Why does the test fail?",
        says="*`test_total`* fails: the total is *150.0*, and *160* is expected.",
        proofs=("assert 150.0 == 160", "FAILED test_shop.py::test_total"),
        script="python -m pytest -q -p no:cacheprovider",
        files={
            "shop.py": """\
def total(prices, rate):
    return sum(prices) * (1 + rate)


def first(prices):
    return prices[0]
""",
            "test_shop.py": """\
from shop import total


def test_total():
    assert total([50, 50], 0.5) == 160
""",
        },
        shell=True,
    ),
    Run(
        split="train",
        source="pytest",
        task="Make the tests pass.",
        says="*`test_first`* fails because `first` of an empty list raises *`IndexError`*.",
        proofs=("IndexError: list index out of range", "FAILED test_shop.py::test_first"),
        script="python -m pytest -q -p no:cacheprovider",
        files={
            "shop.py": """\
def total(prices, rate):
    return sum(prices) * (1 + rate)


def first(prices):
    return prices[0]
""",
            "test_shop.py": """\
from shop import first


def test_first():
    assert first([]) is None


def test_one():
    assert first([3]) == 3
""",
        },
        shell=True,
    ),
    Run(
        split="train",
        source="pytest",
        task="Why is the test not even run?",
        says="*`test_load`* asks for a *fixture* *`database`*, which is *not found*.",
        proofs=("fixture 'database' not found",),
        script="python -m pytest -q -p no:cacheprovider",
        files={
            "test_load.py": """\
def test_load(database):
    assert database.rows
"""
        },
        shell=True,
    ),
    Run(
        split="train",
        source="pytest",
        task="The tests are not collected. Why?",
        says="*Collecting* *`test_api.py`* fails: it imports `Client`, which *cannot be imported|cannot import* from `api`.",
        proofs=("ImportError: cannot import name 'Client' from 'api'",),
        script="python -m pytest -q -p no:cacheprovider",
        files={
            "api.py": """\
class Server:
    pass
""",
            "test_api.py": """\
from api import Client


def test_it():
    Client()
""",
        },
        shell=True,
    ),
    Run(
        split="train",
        source="pytest",
        task="Is anything wrong with this run?",
        says="Nothing went wrong: all tests passed.",
        proofs=(),
        script="python -m pytest -q -p no:cacheprovider",
        files={
            "shop.py": """\
def total(prices, rate):
    return sum(prices) * (1 + rate)


def first(prices):
    return prices[0]
""",
            "test_shop.py": """\
from shop import first


def test_one():
    assert first([3]) == 3
""",
        },
        shell=True,
    ),
    Run(
        split="train",
        source="git",
        task="Why was my push not accepted?",
        says="The push to `main` was *rejected* because the *remote* has work that is not here; *fetch|pull* first.",
        proofs=("! [rejected]", "Updates were rejected because the remote contains work"),
        script="""\
git init -q -b main --bare ../shared.git
git clone -q ../shared.git a 2>/dev/null
git clone -q ../shared.git b 2>/dev/null
cd a; git checkout -q -b main
git commit -q --allow-empty -m one; git push -q origin main
cd ../b; git checkout -q -b main; git commit -q --allow-empty -m two; git push origin main
""",
        shell=True,
        needs=("git",),
    ),
    Run(
        split="train",
        source="git",
        task="Why did the merge stop?",
        says="The merge has a *conflict* in *`prices.txt`*, which must be solved by hand.",
        proofs=("CONFLICT (content): Merge conflict in prices.txt",),
        script="""\
git init -q -b main .; echo 1 > prices.txt; git add .; git commit -q -m one; git checkout -q -b tax
echo 2 > prices.txt; git commit -q -am two; git checkout -q main; echo 3 > prices.txt; git commit -q -am three
git merge tax
""",
        shell=True,
        needs=("git",),
    ),
    Run(
        split="train",
        source="git",
        task="Why does the deployment not find the version?",
        says="There is *no branch|did not match|unknown|not known* and no file named *`release-2.4`*.",
        proofs=("pathspec 'release-2.4' did not match",),
        script="""\
git init -q -b main .; git commit -q --allow-empty -m one; git log --format=%s; git checkout release-2.4
""",
        shell=True,
        needs=("git",),
    ),
    Run(
        split="train",
        source="git",
        task="Did anything go wrong?",
        says="Nothing went wrong: the commits were pushed.",
        proofs=(),
        script="""\
git init -q -b main --bare ../shared.git; git clone -q ../shared.git a 2>/dev/null; cd a; git checkout -q -b main
git commit --allow-empty -m 'Round prices to cents'; git push -q origin main; git status
""",
        shell=True,
        needs=("git",),
    ),
    Run(
        split="train",
        source="gcc",
        task="Why does it not link?",
        says="*`rounded`* is used in `main` and defined nowhere: an *undefined reference*.",
        proofs=("undefined reference to `rounded'",),
        script="""\
gcc -c main.c -o main.o && gcc main.o -o shop
""",
        files={
            "main.c": """\
int rounded(double);

int main(void) {
    return rounded(2.5);
}
"""
        },
        shell=True,
        needs=("gcc",),
    ),
    Run(
        split="train",
        source="gcc",
        task="Fix the build.",
        says="*`cart.c`* does not compile: a *semicolon|';'* is *expected* before `}` at line 3.",
        proofs=("cart.c:3:", "expected ';' before '}' token"),
        script="""\
gcc -Wall -c cart.c
""",
        files={
            "cart.c": """\
int items(int n) {
    int sum = n * 2;
    return sum
}
"""
        },
        shell=True,
        needs=("gcc",),
    ),
    Run(
        split="train",
        source="make",
        task="Why does make stop?",
        says="There is *no rule* to make *`prices.csv`*, which *`report.html`* needs.",
        proofs=("No rule to make target 'prices.csv', needed by 'report.html'",),
        script="""\
make report.html
""",
        files={"Makefile": "report.html: prices.csv\n\tcp prices.csv report.html\n"},
        shell=True,
        needs=("make",),
    ),
    Run(
        split="train",
        source="httpx",
        task="Why are there no exchange rates?",
        says="The rates cannot be fetched: the *connection* to the server was *refused*.",
        proofs=("ConnectError: [Errno 111] Connection refused",),
        script="""\
import httpx


def rates(url):
    return httpx.get(url, timeout=2, trust_env=False).json()


try:
    rates("http://127.0.0.1:9/rates")
except httpx.HTTPError as error:
    print("INFO rates: trying again")
    print(f"ERROR rates: {type(error).__name__}: {error}")
    raise SystemExit(1)
""",
    ),
    Run(
        split="train",
        source="Python",
        task="Why is thumbnail 3 not there?",
        says="*Image 3* failed with a *`TypeError`*: *`None`|NoneType* cannot be multiplied.",
        proofs=("unsupported operand type(s) for *: 'NoneType' and 'int'", "image 3"),
        script="""\
import logging
from concurrent.futures import ThreadPoolExecutor

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")


def thumbnail(number):
    width = {1: 640, 2: 800}.get(number)
    return width * 2


with ThreadPoolExecutor(1) as pool:
    for number in (1, 2, 3):
        try:
            pool.submit(thumbnail, number).result()
            logging.info("image %s done", number)
        except Exception:
            logging.exception("image %s failed", number)
""",
    ),
    Run(
        split="train",
        source="Python",
        task="Why did the download give up?",
        says="The download took too long: attempt *3* of 3 ended with a *timeout|TimeoutError|timed out*, too.",
        proofs=("TimeoutError",),
        script="""\
import asyncio


async def download():
    await asyncio.sleep(5)


async def main():
    for attempt in (1, 2, 3):
        try:
            async with asyncio.timeout(0.01):
                await download()
        except TimeoutError:
            print(f"WARNING attempt {attempt} of 3: timeout")
            if attempt == 3:
                raise


asyncio.run(main())
""",
    ),
    Run(
        split="val",
        source="tomli",
        task="Why is the project not built?",
        says="The project file is no valid *TOML|TOMLDecodeError*: an *illegal character* at *line 2*, column 13.",
        proofs=("TOMLDecodeError", "line 2"),
        script="""\
import tomli

with open("pyproject.toml", "rb") as file:
    print(tomli.load(file)["project"])
""",
        files={
            "pyproject.toml": """\
[project]
name = "shop
version = "1.0"
"""
        },
    ),
    Run(
        split="val",
        source="jsonschema",
        task="Why is the product refused?",
        says="The product is not valid: *-3* is less than the *minimum* of *0*.",
        proofs=("-3 is less than the minimum of 0",),
        script="""\
from jsonschema import validate

SCHEMA = {'properties': {'price': {'type': 'number', 'minimum': 0}}}
validate({'name': 'cup', 'price': -3}, SCHEMA)
""",
    ),
    Run(
        split="val",
        source="sqlite",
        task="Why is the list empty?",
        says="The query asks for a column *`prize`*, and there is *no such column*.",
        proofs=("no such column: prize",),
        script="""\
sqlite3 shop.db 'CREATE TABLE items (name TEXT, price REAL)'; echo loading
sqlite3 shop.db "SELECT name, prize FROM items ORDER BY name"
""",
        shell=True,
        needs=("sqlite3",),
    ),
    Run(
        split="val",
        source="tar",
        task="Why was nothing unpacked?",
        says="*`backup.tar.gz`* cannot be opened: there is *no such file|not there*.",
        proofs=("backup.tar.gz: Cannot open: No such file or directory",),
        script="""\
echo 'restoring backup.tar.gz'; tar xzf backup.tar.gz
""",
        shell=True,
        needs=("tar",),
    ),
    Run(
        split="val",
        source="unittest",
        task="Which test fails, and why?",
        says="*`test_discount`* fails: *90* is expected, and *110* comes out.",
        proofs=("AssertionError: 110 != 90", "FAIL: test_discount"),
        script="""\
import unittest


def discounted(price, percent):
    return price * (100 + percent) // 100


class Prices(unittest.TestCase):
    def test_discount(self):
        self.assertEqual(discounted(100, 10), 90)

    def test_none(self):
        self.assertEqual(discounted(100, 0), 100)


unittest.main()
""",
    ),
    Run(
        split="val",
        source="argparse",
        task="Why does the nightly job end at once?",
        says="It is called with *`--since`*, an argument that it does *not know|unrecognized*.",
        proofs=("unrecognized arguments: --since=2026-01-01",),
        script="""\
import argparse
import sys

print('nightly: begin', flush=True)
sys.argv += ['--since=2026-01-01']
parser = argparse.ArgumentParser(prog='nightly')
parser.add_argument('--until')
parser.parse_args()
""",
    ),
    Run(
        split="val",
        source="bash",
        task="Why did the deploy script stop?",
        says="*`deploy.sh`* stops at *line 3* because *`TARGET`* is *not set|unbound|unset*.",
        proofs=("line 3: TARGET: unbound variable",),
        script="""\
bash deploy.sh
""",
        files={
            "deploy.sh": """\
set -eu
echo building
echo copying to $TARGET
"""
        },
        shell=True,
    ),
    Run(
        split="val",
        source="unittest",
        task="Is there anything to mend?",
        says="Nothing went wrong: the test is OK.",
        proofs=(),
        script="""\
import unittest


class Prices(unittest.TestCase):
    def test_none(self):
        self.assertEqual(100 * 1, 100)


unittest.main()
""",
    ),
    Run(
        split="test",
        source="node",
        task="Why does the page not load?",
        says="*`render`|page.js* reads *`name`* of a user that is *undefined*.",
        proofs=("TypeError: Cannot read properties of undefined (reading 'name')",),
        script="""\
node page.js
""",
        files={
            "page.js": """\
function render(user) {
  return 'Hello ' + user.name
}

console.log('rendering')
render(undefined)
"""
        },
        shell=True,
        needs=("node",),
    ),
    Run(
        split="test",
        source="node",
        task="Why does the worker not start?",
        says="The module *`left-trim`*, which `worker.js` requires, *cannot be found|cannot find|not found*.",
        proofs=("Cannot find module 'left-trim'",),
        script="""\
node worker.js
""",
        files={
            "worker.js": """\
const trim = require('left-trim')
console.log(trim('  a'))
"""
        },
        shell=True,
        needs=("node",),
    ),
    Run(
        split="test",
        source="node",
        task="What is wrong with the settings?",
        says="The settings are no valid *JSON*: a *property name* is expected at *position 1*.",
        proofs=("SyntaxError: Expected property name",),
        script="""\
node settings.js
""",
        files={
            "settings.js": """\
const settings = JSON.parse('{port: 8080}')
console.log(settings.port)
"""
        },
        shell=True,
        needs=("node",),
    ),
    Run(
        split="test",
        source="pip",
        task="Why can the requirements not be installed?",
        says="pip finds *no matching distribution* for *`shop-tools`* with *2.4* or newer.",
        proofs=("No matching distribution found for shop-tools>=2.4",),
        script="""\
python -m pip install --no-index 'shop-tools>=2.4'
""",
        shell=True,
    ),
    Run(
        split="test",
        source="lxml",
        task="Why is the feed not read?",
        says="The feed is no valid *XML|XMLSyntaxError*: a tag *`price`* in line 3 is closed as *`item`*.",
        proofs=("Opening and ending tag mismatch: price line 3 and item",),
        script="""\
from lxml import etree

FEED = ["<feed>", "  <item>", "    <price>3", "  </item>", "</feed>"]


def read(text):
    return etree.fromstring(text)


read(chr(10).join(FEED))
""",
    ),
    Run(
        split="test",
        source="pillow",
        task="Why is there no picture?",
        says="*`logo.png`* is *no image|cannot identify image|not an image* that can be read.",
        proofs=("cannot identify image file 'logo.png'",),
        script="""\
from PIL import Image


def size_of(path):
    with Image.open(path) as picture:
        return picture.size


print(size_of("logo.png"))
""",
        files={"logo.png": "<html>404</html>"},
    ),
    Run(
        split="test",
        source="Werkzeug",
        task="Why does /cart answer 500?",
        says="*`/cart`* answers 500 because *`lamp`* has no price: a *`KeyError`* in `cart`.",
        proofs=("KeyError: 'lamp'", "Exception on /cart"),
        script="""\
import logging

from werkzeug.test import Client
from werkzeug.wrappers import Response

logging.basicConfig(format="%(levelname)s in %(name)s: %(message)s", level=logging.INFO)
log = logging.getLogger("shop")
PRICES = {'cup': 3}


def cart():
    return sum(PRICES[item] for item in ('cup', 'lamp'))


def shop(environ, start):
    path = environ['PATH_INFO']
    try:
        made = Response(str(cart()))
    except Exception:
        log.exception('Exception on %s', path)
        made = Response('broken', 500)
    log.info('GET %s %s', path, made.status_code)
    return made(environ, start)


Client(shop).get('/cart')
""",
    ),
    Run(
        split="test",
        source="http.server",
        task="Which request is not answered?",
        says="`/prices.json` is *not found*: it is answered with *404*.",
        proofs=("code 404, message File not found", '"GET /prices.json HTTP/1.1" 404'),
        script="""\
import http.server
import threading
import urllib.error
import urllib.request

server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
for path in ('index.html', 'prices.json'):
    try:
        opener.open(f'http://127.0.0.1:{server.server_port}/{path}').read()
    except urllib.error.HTTPError:
        pass
server.shutdown()
""",
        files={
            "index.html": """\
<p>shop</p>
"""
        },
    ),
    Run(
        split="test",
        source="psql",
        task="Why does the migration not run?",
        says="The database at *127.0.0.1*, port *9*, cannot be reached: *connection refused*.",
        proofs=("Connection refused",),
        script="""\
echo 'migration 0042 begins'; psql -w -h 127.0.0.1 -p 9 -U shop -d shop -c 'SELECT 1' 2>&1
""",
        shell=True,
        needs=("psql",),
    ),
    Run(
        split="test",
        source="curl",
        task="Why is the health check red?",
        says="curl *could not connect|couldn't connect|failed to connect* to *127.0.0.1* port *9*.",
        proofs=("127.0.0.1 port 9",),
        script="""\
echo 'checking health'; curl --noproxy '*' -sS http://127.0.0.1:9/health
""",
        shell=True,
        needs=("curl",),
    ),
    Run(
        split="test",
        source="perl",
        task="Why is the export not written?",
        says="*`/srv/export/out.csv`* cannot be opened: there is *no such file|not there* or directory.",
        proofs=("cannot open /srv/export/out.csv: No such file or directory",),
        script="""\
perl export.pl
""",
        files={
            "export.pl": """\
print "begin ";
my $path = "/srv/export/out.csv";
open(my $out, ">", $path) or die "cannot open $path: $!";
"""
        },
        shell=True,
        needs=("perl",),
    ),
    Run(
        split="test",
        source="logging",
        task="What is wrong with the log call?",
        says="A log call in `booked` has *arguments* that its *format|formatting* does not use: not all are *converted*.",
        proofs=("TypeError: not all arguments converted during string formatting",),
        script="""\
import logging

logging.basicConfig(level=logging.INFO)


def booked(order, price):
    logging.info("booked order %s", order, price)


booked(17, 30)
""",
    ),
    Run(
        split="test",
        source="doctest",
        task="Why does the documentation not pass?",
        says="The example of *`slug`* expected *`a-b`* and got *`a b`*.",
        proofs=("Expected:", "Failed example:"),
        script='''\
import doctest


def slug(title):
    """
    >>> slug("A B")
    'a-b'
    """
    return title.lower()


doctest.testmod()
''',
    ),
    Run(
        split="test",
        source="ruff",
        task="Why does the check not pass?",
        says="*`shop.py`* uses the name *`prices`*, which is *undefined|not defined*.",
        proofs=("F821",),
        script="""\
ruff check --isolated --no-cache --output-format concise shop.py
""",
        files={
            "shop.py": """\
def total():
    return sum(prices)
"""
        },
        shell=True,
    ),
    Run(
        split="test",
        source="multiprocessing",
        task="Why are there no results?",
        says="The worker fails on *`n/a`*, which cannot be turned into a *float*.",
        proofs=("ValueError: could not convert string to float: 'n/a'",),
        script="""\
from multiprocessing import get_context


def parsed(text):
    return float(text)


if __name__ == '__main__':
    with get_context('fork').Pool(1) as pool:
        print(pool.map(parsed, ['1.5', 'n/a']))
""",
    ),
    Run(
        split="test",
        source="openssl",
        task="Why is the certificate not accepted?",
        says="The *certificate* in *`cert.pem`* cannot be read.",
        proofs=("cert.pem",),
        script="""\
echo 'checking cert.pem'; openssl x509 -in cert.pem -noout -enddate
""",
        files={
            "cert.pem": """\
not a certificate
"""
        },
        shell=True,
        needs=("openssl",),
    ),
    Run(
        split="test",
        source="ruff",
        task="Is anything wrong with the code?",
        says="Nothing went wrong: all checks passed.",
        proofs=(),
        script="""\
ruff check --isolated --no-cache shop.py
""",
        files={
            "shop.py": """\
def total(prices):
    return sum(prices)
"""
        },
        shell=True,
    ),
)
