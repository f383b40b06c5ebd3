#!/usr/bin/env bash
# The report in a browser: a real run and the made-up one of test_io_report open without network,
# draw in both schemes and on a phone, overflow nowhere, sort their tables, and lose nothing without
# JavaScript. Needs Chromium.
set -euo pipefail
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
  echo 'skipped: no chromium'
  exit 77
}
: "${SEGUE:?SEGUE has to name the program}" "${SEGUE_SOURCE:?SEGUE_SOURCE has to name the sources}"
sample=$(dirname "$SEGUE")/tests/test_io_report

work=$(mktemp -d "$PWD/page.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  echo "failed: $*"
  exit 1
}
# Chromium without anything of its user's; proxy settings that lead nowhere hold the network shut.
browse() {
  timeout 60 "$browser" --headless --no-sandbox --disable-gpu --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --disable-extensions \
    --disable-dev-shm-usage --proxy-server=127.0.0.1:9 --user-data-dir="$work/profile" \
    --virtual-time-budget=4000 "$@" 2>/dev/null
}
has() { grep -qF -e "$2" "$1" || fail "$1 lacks \"$2\""; }
lacks() { ! grep -qF -e "$2" "$1" || fail "$1 has \"$2\""; }

# The page with a script behind it that looks around and leaves what it found as a comment.
probe() {
  cat "$1"
  cat <<'SCRIPT'
<script>
var found = [];
var say = function (name, value) { found.push(name + '=' + value); };
var root = document.documentElement;
// Headless windows are never narrower than 500; phones are.
if (innerWidth <= 500) document.body.style.width = '380px';
say('overflow', root.scrollWidth > root.clientWidth ||
                document.body.scrollWidth > document.body.clientWidth);
say('charts', document.querySelectorAll('figure svg[role=img][aria-label]').length);
say('unnamed', document.querySelectorAll('svg:not([aria-label]):not([aria-hidden])').length);
say('headings', document.querySelectorAll('h1').length);
say('scopeless', document.querySelectorAll('th:not([scope])').length);
say('dead', Array.prototype.filter.call(document.querySelectorAll('a[href]'), function (a) {
  return !document.getElementById(a.getAttribute('href').slice(1));
}).length);
say('dark', getComputedStyle(document.body).color !== 'rgb(27, 32, 36)');
say('folded', Array.prototype.some.call(document.querySelectorAll('.long tbody tr'), function (r) {
  return getComputedStyle(r).display === 'none';
}));
document.querySelectorAll('details').forEach(function (d) { d.open = true; });
say('unfolded', Array.prototype.every.call(document.querySelectorAll('tbody tr'), function (r) {
  return getComputedStyle(r).display !== 'none';
}));
var wrong = 0, sorted = 0;
var number = function (c) {
  var text = c.getAttribute('data-v') || c.textContent;
  return parseFloat(text.replace(/[,<\u2605]/g, '').replace(/\u2212/g, '-'));
};
document.querySelectorAll('table.sortable').forEach(function (table) {
  table.querySelectorAll('thead th.n button').forEach(function (button) {
    var column = button.parentNode.cellIndex;
    button.click();
    sorted++;
    Array.prototype.forEach.call(table.tBodies, function (body) {
      var last = Infinity, ended = false;
      Array.prototype.forEach.call(body.rows, function (row) {
        if (row.classList.contains('group') || !row.cells[column]) return;
        var v = number(row.cells[column]);
        if (isNaN(v)) { ended = true; return; }
        if (ended || v > last) wrong++;
        last = v;
      });
    });
  });
});
say('sorted', sorted > 0);
say('wrong', wrong);
document.body.appendChild(document.createComment('found ' + found.join(' ') + ' end'));
</script>
SCRIPT
}

# What a page has to be at one width in one scheme (0 dark, 1 light).
check_page() {
  local page=$1 width=$2 scheme=$3 dark=true picture=$work/picture.png
  [ "$scheme" = 0 ] || dark=false
  probe "$page" >probe.html
  browse --blink-settings=preferredColorScheme="$scheme" --window-size="$width,900" --dump-dom \
    "file://$work/probe.html" >dom.html || fail "$page: the browser fails"
  grep -o 'found .* end' dom.html | tail -n 1 >found || fail "$page: the page's scripts do not run"
  echo "$page at $width, dark $dark: $(cat found)"
  for fact in overflow=false unnamed=0 headings=1 scopeless=0 dead=0 "dark=$dark" unfolded=true \
    sorted=true wrong=0; do
    has found " $fact "
  done
  lacks found ' charts=0 '
  rm -f "$picture"
  browse --blink-settings=preferredColorScheme="$scheme" --window-size="$width,900" \
    --screenshot="$picture" "file://$work/$page" || fail "$page: no picture"
  # An empty page compresses to a few kilobytes.
  [ "$(wc -c <"$picture")" -gt 15000 ] || fail "$page: the picture is empty"
}

check_size() {
  [ "$(wc -c <"$1")" -lt 1000000 ] || fail "$1 is larger than 1 MB"
  ! grep -qE '(src|href)="?(https?:)?//|@import|url\(' "$1" || fail "$1 asks for the network"
}

echo 'a run of quick.json'
"$SEGUE" run "$SEGUE_SOURCE/configs/quick.json" --run-dir run >out 2>&1 || {
  cat out
  fail 'segue run'
}
cp run/report.html run.html
python3 - run/report.json <<'LOOK' || fail 'report.json lacks stages.popularity.metrics.test.rmse'
import json, sys
metrics = json.load(open(sys.argv[1]))["stages"]["popularity"]["metrics"]
assert metrics["test"]["rmse"] < metrics["test_constant"]["rmse"]
LOOK
check_size run.html
check_page run.html 1400 1
check_page run.html 500 0

if [ -x "$sample" ]; then
  echo 'the made-up run'
  "$sample" sample.html >/dev/null || fail "$sample"
  check_size sample.html
  check_page sample.html 1400 0
  check_page sample.html 500 1
  has found ' folded=true '
  lacks dom.html "<script>alert('x')"
fi
echo 'passed'
