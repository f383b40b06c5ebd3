/* The config from text to stages: syntax, comments, includes, --set, variables, stages, and random
 * damage that must never crash. */
#include "local_kinds.h"

#include <stdlib.h>
#include <unistd.h>

#include "io/file.h"
#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "pipeline/config_internal.h"
#include "pipeline/config_text.h"
#include "tests/check.h"

static char folder[] = "/tmp/segue_config_XXXXXX";

static const char *path_of(const char *name) {
  static char path[4][256];
  static int next;
  char *out = path[next++ % 4];
  snprintf(out, 256, "%s/%s", folder, name);
  return out;
}

static const char *write_file(const char *name, const char *text) {
  const char *path = path_of(name);
  CHECK_OK(file_write(path, text, (int64_t)strlen(text)));
  return path;
}

/* Messages begin with the test's folder; cut it. */
static const char *message(void) {
  static char text[2048];
  const char *from = status_message();
  size_t used = 0, n = strlen(folder);
  while (*from && used + 1 < sizeof text) {
    bool here = strncmp(from, folder, n) == 0;
    if (here)
      from += n + 1;
    else
      text[used++] = *from++;
  }
  text[used] = 0;
  return text;
}

/* JSON text of a tree; freed at the next call. */
static const char *shown(const cJSON *tree) {
  static char text[4096];
  Draft draft = {0};
  json_write(tree, false, &draft);
  snprintf(text, sizeof text, "%s", draft_text(&draft));
  draft_clear(&draft);
  return text;
}

static void check_syntax(const char *text, const char *want) {
  cJSON *tree = NULL;
  size_t n = strlen(text);
  char copy[1024];
  memcpy(copy, text, n + 1);
  json_blank_comments(copy, (int64_t)n);
  Status status = json_parse("f", copy, (int64_t)n, &tree);
  if (want) {
    CHECK_INTEGER(status, INVALID);
    CHECK_TEXT(status_message(), want);
    CHECK(tree == NULL);
  } else {
    CHECK_OK(status);
  }
  cJSON_Delete(tree);
}

static void test_syntax(void) {
  check_syntax("// c\n{\"a\": [1, -2.5e-3, true, null, \"x // y\"]} // \"end", NULL);
  check_syntax("\xEF\xBB\xBF{}", NULL);
  check_syntax("\"\\ud83d\\ude00 \\u00e9 \xF0\x9F\x98\x80\"", NULL);
  check_syntax("{\n  \"a\": 1,\n}", "f:2:9: remove this comma: nothing follows it");
  check_syntax("{\"a\" 1}", "f:1:6: expected : after a name, found 1");
  check_syntax("{\"a\": 1 \"b\": 2}", "f:1:9: expected , or }, found \"");
  check_syntax("{a: 1}", "f:1:2: expected a name in \"quotes\" or }, found a");
  check_syntax("{\"a\": 1,\n b: 1}", "f:2:2: expected a name in \"quotes\", found b");
  check_syntax("{\"a\": True}",
               "f:1:7: expected a value, found True; texts stand in \"quotes\", words are true, "
               "false and null");
  check_syntax("{\"a\": 'x'}", "f:1:7: expected a value, found '; texts are quoted with \"");
  check_syntax("{\"a\": /* x */ 1}", "f:1:7: expected a value, found /; comments begin with //");
  check_syntax("{\"\xC3\xA9\": x}",
               "f:1:7: expected a value, found x; texts stand in \"quotes\", words are true, false "
               "and null");
  check_syntax("{\"a\": [1,\n2",
               "f:2:2: expected , or ], found the end: the list that begins in "
               "line 1 is not closed");
  check_syntax("{\"a\": \"x\n\"}", "f:1:7: this text has no closing \" on its line");
  check_syntax("\"a\tb\"",
               "f:1:3: a control character (byte 0x09) inside a text; write it as \\u0009");
  check_syntax("\"\\x\"",
               "f:1:2: this escape is unknown; allowed: \\\" \\\\ \\/ \\b \\f \\n \\r \\t "
               "\\uXXXX (a backslash itself is \\\\)");
  check_syntax("\"\\u12g4\"", "f:1:2: \\u needs four hexadecimal digits");
  check_syntax("\"\\u0000\"", "f:1:2: a text cannot hold a NUL character");
  check_syntax("\"\\ud800x\"",
               "f:1:2: this is half of a surrogate pair; the other half is missing");
  check_syntax("\"\xC0\xAF\"", "f:1:2: byte 0xC0 is not valid UTF-8; save the file as UTF-8");
  check_syntax("[01]", "f:1:2: a number cannot begin with 0");
  check_syntax("[1.]", "f:1:2: a number needs a digit after its point");
  check_syntax("[1e]", "f:1:2: a number needs a digit in its exponent");
  check_syntax("[-]", "f:1:2: a number needs a digit after its minus");
  check_syntax("{} {}", "f:1:4: expected the end of the text, found {");
  check_syntax("", "f:1:1: expected a value, found the end of the text");
  check_syntax("// only\n", "f:2:1: expected a value, found the end of the text");
  check_syntax("{\"a\": {\"b/c\": 1, \"d\": 2, \"b/c\": 3}}",
               "f: /a/b~1c: this key stands twice in its object; keep one");
  check_syntax("{\"a\": 1, \"\\u0061\": 3}",
               "f: /a: this key stands twice in its object; keep one");
}

static void check_include(const char *name, const char *want) {
  cJSON *tree = NULL;
  CHECK_OK(config_text_read(path_of(name), &tree));
  CHECK_TEXT(shown(tree), want);
  cJSON_Delete(tree);
}

static void check_include_fails(const char *name, Status code, const char *want) {
  cJSON *tree = NULL;
  CHECK_INTEGER(config_text_read(path_of(name), &tree), code);
  CHECK_TEXT(message(), want);
  CHECK(tree == NULL);
}

static void test_includes(void) {
  CHECK_OK(file_make_folder(path_of("parts")));
  write_file("parts/one.json",
             "{\"include\": \"deep.json\", \"a\": 1, \"o\": {\"x\": 1, \"y\": [1, 2]}}");
  write_file("parts/deep.json", "{\"a\": 0, \"deep\": true}");
  write_file("parts/two.json",
             "{\"o\": {\"y\": [3], \"z\": 3}, \"m\": {\"kind\": \"forest\", \"trees\": 1}}");
  write_file("top.json",
             "{\"$schema\": \"s\", \"include\": [\"parts/one.json\", \"parts/two.json\"],\n"
             " \"o\": {\"x\": null}, \"m\": {\"trees\": 2}, \"last\": 1}");
  check_include("top.json",
                "{\"a\":1,\"deep\":true,\"o\":{\"x\":null,\"y\":[3],\"z\":3},"
                "\"m\":{\"kind\":\"forest\",\"trees\":2},\"last\":1}");
  write_file("other.json", "{\"include\": [\"parts/two.json\"], \"m\": {\"kind\": \"constant\"}}");
  check_include("other.json", "{\"o\":{\"y\":[3],\"z\":3},\"m\":{\"kind\":\"constant\"}}");
  setenv("SEGUE_TEST_PART", "two", 1);
  write_file("variable.json",
             "{\"include\": \"parts/${SEGUE_TEST_PART}.json\", \"o\": 1, \"m\": 1}");
  check_include("variable.json", "{\"o\":1,\"m\":1}");
  write_file("twice.json", "{\"include\": [\"parts/deep.json\", \"parts/deep.json\"]}");
  check_include("twice.json", "{\"a\":0,\"deep\":true}");

  write_file("parts/back.json", "{\"include\": [\"../circle.json\"]}");
  write_file("circle.json", "{\"include\": [\"parts/deep.json\", \"parts/back.json\"]}");
  check_include_fails("circle.json", INVALID,
                      "parts/back.json: /include/0: files include each other in a circle: "
                      "parts/../circle.json, which is included by parts/back.json, which is "
                      "included by circle.json");
  write_file("self.json", "{\"include\": \"self.json\"}");
  check_include_fails("self.json", INVALID,
                      "self.json: /include: files include each other in a circle: self.json, which "
                      "is included by self.json");
  write_file("missing.json", "{\"include\": [\"parts/none.json\"]}");
  check_include_fails("missing.json", IO,
                      "missing.json: /include/0: parts/none.json: cannot open this file: No such "
                      "file or directory");
  check_include_fails("none.json", IO,
                      "none.json: cannot open this file: No such file or directory");
  write_file("broken.json", "{\"include\": [\"bad.json\"]}");
  write_file("bad.json", "// first\n{\"a\": }");
  check_include_fails("broken.json", INVALID, "bad.json:2:7: expected a value, found }");
  write_file("number.json", "{\"include\": 3}");
  check_include_fails("number.json", INVALID,
                      "number.json: /include: a list of file names is needed here, not a number");
  write_file("numbers.json", "{\"include\": [3]}");
  check_include_fails("numbers.json", INVALID,
                      "numbers.json: /include/0: a file's name is needed here, not a number");
  write_file("list.json", "[1]");
  check_include_fails("list.json", INVALID,
                      "list.json: a config is an object, {...}; this is a list");
}

static void check_set(const char *json, const char *set, const char *want) {
  cJSON *tree = cJSON_Parse(json);
  Status status = config_text_set(tree, set);
  if (want[0] == '{') {
    CHECK_OK(status);
    CHECK_TEXT(shown(tree), want);
  } else {
    CHECK_INTEGER(status, INVALID);
    CHECK_TEXT(status_message(), want);
    CHECK_TEXT(shown(tree), json); /* untouched */
  }
  cJSON_Delete(tree);
}

static void test_sets(void) {
  static const char json[] = "{\"a\":{\"b\":1,\"l\":[1,2],\"x/~y\":2},\"t\":\"x\"}";
  check_set(json, "/a/b=200", "{\"a\":{\"b\":200,\"l\":[1,2],\"x/~y\":2},\"t\":\"x\"}");
  check_set(json, "/a/b=two=2", "{\"a\":{\"b\":\"two=2\",\"l\":[1,2],\"x/~y\":2},\"t\":\"x\"}");
  check_set(json, "/a/x~1~0y=\"7\"", "{\"a\":{\"b\":1,\"l\":[1,2],\"x/~y\":\"7\"},\"t\":\"x\"}");
  check_set(json, "/a={\"k\": [true]}", "{\"a\":{\"k\":[true]},\"t\":\"x\"}");
  check_set(json, "/a/l/1=null", "{\"a\":{\"b\":1,\"l\":[1,null],\"x/~y\":2},\"t\":\"x\"}");
  check_set(json, "/a/l/-=3", "{\"a\":{\"b\":1,\"l\":[1,2,3],\"x/~y\":2},\"t\":\"x\"}");
  check_set(json, "/a/new=", "{\"a\":{\"b\":1,\"l\":[1,2],\"x/~y\":2,\"new\":\"\"},\"t\":\"x\"}");
  check_set(json, "/a/l/2=3",
            "--set /a/l/2=3: \"2\" is no place in a list of 2; allowed: 0 to 1, or - (append) as "
            "the last part");
  check_set(json, "/a/l/01=3",
            "--set /a/l/01=3: \"01\" is no place in a list of 2; allowed: 0 to 1, or - (append) as "
            "the last part");
  check_set(json, "/t/u=3", "--set /t/u=3: \"u\" cannot be set inside a text");
  check_set(json, "/t/u/v=3", "--set /t/u/v=3: \"u\" cannot be set inside a text");
  check_set(
      "{\"stages\":{}}", "/stagse/u=3",
      "--set /stagse/u=3: there is no \"stagse\" in the config; did you mean \"stages\"? (only "
      "the last part of the pointer may be new)");
  check_set(json, "a=3",
            "--set a=3: allowed: a JSON pointer, =, and a value, such as "
            "/stages/forest/model/trees=200");
  check_set(json, "/a",
            "--set /a: allowed: a JSON pointer, =, and a value, such as "
            "/stages/forest/model/trees=200");
  check_set(json, "/a={\"k\":1,\"k\":2}",
            "--set: /k: this key stands twice in its object; keep one");
  check_set(json, "/include/0=x",
            "--set /include/0=x: include cannot be set: files are read before");
}

static void check_variables(const char *text, const char *want) {
  cJSON *tree = cJSON_CreateObject();
  cJSON_AddItemToObject(tree, "k/", cJSON_CreateString(text));
  Status status = config_text_variables(tree, "f");
  if (strncmp(want, "f: ", 3) != 0) {
    CHECK_OK(status);
    CHECK_TEXT(json_find(tree, "k/")->valuestring, want);
    CHECK_OK(config_text_escape(tree)); /* escaped, it means the same */
    CHECK_OK(config_text_variables(tree, "f"));
    CHECK_TEXT(json_find(tree, "k/")->valuestring, want);
  } else {
    CHECK_INTEGER(status, INVALID);
    CHECK_TEXT(status_message(), want);
  }
  cJSON_Delete(tree);
}

static void test_variables(void) {
  setenv("SEGUE_TEST_A", "value \"$x\" ${B}", 1);
  setenv("SEGUE_TEST_EMPTY", "", 1);
  setenv("SEGUE_TEST_BYTES", "\xFF", 1);
  unsetenv("SEGUE_TEST_UNSET");
  check_variables("plain $ 5$ $x", "plain $ 5$ $x");
  check_variables("<${SEGUE_TEST_A}>", "<value \"$x\" ${B}>");
  check_variables("${SEGUE_TEST_UNSET:-data}/x", "data/x");
  check_variables("${SEGUE_TEST_UNSET:-}x", "x");
  check_variables("${SEGUE_TEST_EMPTY:-data}", "data");
  check_variables("${SEGUE_TEST_EMPTY}", "");
  check_variables("$$ $${SEGUE_TEST_A} $$$", "$ ${SEGUE_TEST_A} $$");
  check_variables("${SEGUE_TEST_UNSET}",
                  "f: /k~1: the variable SEGUE_TEST_UNSET is not set; set it, or give a default: "
                  "${SEGUE_TEST_UNSET:-default}");
  check_variables("${1A}",
                  "f: /k~1: \"${1A}\" is no variable; allowed: ${NAME} and "
                  "${NAME:-default} (a $ itself is $$)");
  check_variables("${A",
                  "f: /k~1: \"${A\" is no variable; allowed: ${NAME} and ${NAME:-default} (a "
                  "$ itself is $$)");
  check_variables("${A B}",
                  "f: /k~1: \"${A B}\" is no variable; allowed: ${NAME} and "
                  "${NAME:-default} (a $ itself is $$)");
  check_variables("${SEGUE_TEST_UNSET:-${B}}",
                  "f: /k~1: the default of the variable SEGUE_TEST_UNSET holds a {; variables do "
                  "not nest");
  check_variables("${SEGUE_TEST_BYTES}",
                  "f: /k~1: the value of the variable SEGUE_TEST_BYTES is not valid UTF-8");
}

static const char whole[] =
    "{\"name\": \"run-1\", \"block\": 16, \"stages\": {\n"
    "  \"forest\": {\"kind\": \"train\", \"input\": \"tracks\", \"target\": \"popularity\",\n"
    "    \"recipe\": [{\"step\": \"impute\", \"by\": \"g$${x}\"}], \"model\": {\"kind\": "
    "\"forest\"}},\n"
    "  \"tracks\": {\"kind\": \"read\", \"path\": \"p\", \"columns\": {\"a\": \"real\"}},\n"
    "  \"report\": {\"kind\": \"report\"}}}";

static void test_stages(void) {
  Config config, again;
  CHECK_OK(config_parse_text(whole, "f", &local_kinds, &config));
  CHECK_TEXT(config.name, "run-1");
  CHECK_INTEGER(config.seed, 7);
  CHECK_INTEGER(config.block, 16);
  CHECK_INTEGER(config.n_stages, 3);
  CHECK_TEXT(config.stages[0].name, "forest");
  CHECK(config.stages[0].kind == &learn_stage);
  CHECK_INTEGER(config.stages[0].inputs[0], 1);
  CHECK_INTEGER(config.stages[0].inputs[1], -1);
  CHECK_TEXT(config.stages[0].versions, "impute 1;forest 5;");
  CHECK_TEXT(config.stages[2].json, "{}");
  CHECK_TEXT(config.json,
             "{\n"
             "  \"name\": \"run-1\",\n"
             "  \"seed\": 7,\n"
             "  \"block\": 16,\n"
             "  \"stages\": {\n"
             "    \"forest\": {\n"
             "      \"kind\": \"train\",\n"
             "      \"input\": \"tracks\",\n"
             "      \"target\": \"popularity\",\n"
             "      \"recipe\": [{\"step\": \"impute\", \"by\": \"g$$$${x}\"}],\n"
             "      \"model\": {\n"
             "        \"kind\": \"forest\",\n"
             "        \"trees\": 300,\n"
             "        \"max_depth\": null,\n"
             "        \"max_features\": \"sqrt\",\n"
             "        \"note\": null\n"
             "      },\n"
             "      \"alpha\": 0.1\n"
             "    },\n"
             "    \"tracks\": {\n"
             "      \"kind\": \"read\",\n"
             "      \"path\": \"p\",\n"
             "      \"columns\": {\"a\": {\"type\": \"real\", \"missing\": [\"\", \"NA\"]}},\n"
             "      \"keys\": [],\n"
             "      \"skip\": false\n"
             "    },\n"
             "    \"report\": {\"kind\": \"report\"}\n"
             "  }\n"
             "}\n");
  /* The resolved config is a config that means the same. */
  char *text = NULL;
  const char *path = write_file("resolved.json", config.json);
  CHECK_OK(config_text_resolve(path, NULL, 0, &text));
  CHECK_OK(config_parse_text(text, "f", &local_kinds, &again));
  CHECK_TEXT(again.json, config.json);
  CHECK_TEXT(again.stages[0].json, config.stages[0].json);
  memory_free(&text);
  config_clear(&again);
  config_clear(&config);
  CHECK(config.stages == NULL);
}

/* whole with one set applied. */
static void check_config(const char *set, const char *want) {
  Config config;
  char *text = NULL;
  const char *path = write_file("c.json", whole);
  CHECK_OK(config_text_resolve(path, &set, 1, &text));
  Status status = text ? config_parse_text(text, "c.json", &local_kinds, &config) : INVALID;
  CHECK_INTEGER(status, INVALID);
  CHECK_TEXT(status_message(), want);
  memory_free(&text);
  if (status == OK) config_clear(&config);
}

static void check_text(const char *text, const char *want) {
  Config config;
  CHECK_INTEGER(config_parse_text(text, "f", &local_kinds, &config), INVALID);
  CHECK_TEXT(status_message(), want);
  CHECK(config.stages == NULL && config.name == NULL);
}

static void test_config_messages(void) {
  check_config("/stages/forest/model/trees=0",
               "c.json: /stages/forest/model/trees: 0 is out of range; allowed: 1 to 100000");
  check_config(
      "/stages/forest/modle=0",
      "c.json: /stages/forest/modle: unknown option; did you mean \"model\"? Allowed: kind, "
      "input, folds, target, recipe, model, alpha");
  check_config("/stages/forest/model/trees=13",
               "c.json: /stages/forest/model/trees: 13 brings bad luck; allowed: others");
  check_config(
      "/stages/forest/input=track",
      "c.json: /stages/forest/input: there is no stage \"track\"; did you mean \"tracks\"?");
  check_config("/stages/forest/input=forest",
               "c.json: /stages/forest/input: the stage \"forest\" cannot take from itself");
  check_config("/stages/forest/folds=3",
               "c.json: /stages/forest/folds: the name of a stage is needed, not a number");
  check_config("/stages/forest/kind=tarin",
               "c.json: /stages/forest/kind: \"tarin\" is an unknown kind; did you mean \"train\"? "
               "Allowed: read, train, report");
  check_config("/stages/b={\"kind\":\"train\",\"target\":\"y\"}",
               "c.json: /stages/b/input: required, but not given; it names the stage that gives a "
               "table: Rows to learn from.");
  check_config("/stages/a b={\"kind\":\"report\"}",
               "c.json: /stages/a b: \"a b\" cannot be a name; allowed: 1 to 64 of the characters "
               "A-Z a-z 0-9 . _ -, not beginning with . or -");
  check_config("/stages/b=3",
               "c.json: /stages/b: a stage is an object, {\"kind\": ...}; this is a "
               "number");
  check_config("/stages={}", "c.json: /stages: there is no stage; at least one is needed");
  check_config("/stages=[]",
               "c.json: /stages: an object is needed, {\"NAME\": {\"kind\": ...}, ...}, "
               "not a list");
  check_config("/sede=3",
               "c.json: /sede: unknown key; did you mean \"seed\"? Allowed: name, seed, "
               "block, include, stages");
  check_config("/seed=-1",
               "c.json: /seed: -1 cannot be used; allowed: an integer, 0 to "
               "9007199254740992");
  check_config("/seed=1.5",
               "c.json: /seed: 1.5 cannot be used; allowed: an integer, 0 to "
               "9007199254740992");
  check_config("/block=24", "c.json: /block: 24 is no power of two; allowed: 4, 8, 16 ... 1048576");
  check_config("/block=2", "c.json: /block: 2 cannot be used; allowed: an integer, 4 to 1048576");
  check_config("/name=../x",
               "c.json: /name: \"../x\" cannot be a name; allowed: 1 to 64 of the "
               "characters A-Z a-z 0-9 . _ -, not beginning with . or -");
  check_config("/name=3", "c.json: /name: a text is needed, not a number");
  check_text("{}", "f: /name: required, but not given; it names the run and its folder");
  check_text("{\"name\": \"n\"}",
             "f: /stages: required, but not given; it holds the stages to run");
  check_text("[]", "f: a config is an object, {...}; this is a list");
  check_text("{", "f:1:2: expected a name in \"quotes\" or }, found the end of the text");
}

/* xorshift64*; any seed shows a failure again. */
static uint64_t random_next(uint64_t *state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * 0x2545F4914F6CDD1Du;
}

static void parse_damaged(char *bytes, int64_t n) {
  Config config;
  cJSON *tree = NULL;
  char *text = NULL;
  json_blank_comments(bytes, n);
  Status status = json_parse("f", bytes, n, &tree);
  CHECK(status == OK || status == INVALID);
  if (status == OK && config_text_variables(tree, "f") == OK) {
    Draft draft = {0};
    json_write(tree, false, &draft);
    CHECK_OK(draft_take(&draft, &text));
    if (text) status = config_parse_text(text, "f", &local_kinds, &config);
    CHECK(status == OK || (status == INVALID && status_message()[0]));
    if (text && status == OK) config_clear(&config);
  }
  memory_free(&text);
  cJSON_Delete(tree);
}

static void test_fuzz(void) {
  static const char useful[] = "{}[]\",:\\/0123456789.eE+-truefalsn$u \n";
  const uint64_t seed = 20240607;
  uint64_t state = seed;
  int before = check_failures;
  int64_t length = (int64_t)strlen(whole);
  for (int round = 0; round < 6000; round++) {
    /* On the heap and without a NUL, so that a sanitizer sees one byte too far. */
    int64_t n = round < length ? round : length;
    if (round % 3 == 2) n = (int64_t)(random_next(&state) % 80);
    char *bytes = malloc((size_t)n + 1);
    memcpy(bytes, whole, (size_t)n);
    char *exact = realloc(bytes, n > 0 ? (size_t)n : 1);
    int64_t changes = round < length ? 0 : 1 + (int64_t)(random_next(&state) % 4);
    if (round % 3 == 2) changes = n;
    for (int64_t i = 0; n > 0 && i < changes; i++) {
      int64_t at = round % 3 == 2 ? i : (int64_t)(random_next(&state) % (uint64_t)n);
      uint64_t pick = random_next(&state);
      exact[at] = pick % 4 ? useful[pick / 4 % (sizeof useful - 1)] : (char)(pick >> 20);
    }
    parse_damaged(exact, n);
    free(exact);
  }
  if (check_failures > before) fprintf(stderr, "fuzz: seed %llu\n", (unsigned long long)seed);
}

static void test_deep(void) {
  enum { LEVELS = 200000 };
  char *text = malloc(LEVELS + 1);
  cJSON *tree = NULL;
  memset(text, '[', LEVELS);
  CHECK_INTEGER(json_parse("f", text, LEVELS, &tree), INVALID);
  CHECK_TEXT(status_message(), "f:1:101: more than 100 levels deep");
  free(text);
}

/* Every allocation of reading a config fails once. */
static void test_memory(void) {
  const char *path = write_file("memory.json", whole);
  const char *set = "/stages/forest/model/trees=5";
  int64_t before = memory_balance(), failures = 0;
  for (int64_t nth = 1; nth < 2000; nth++) {
    Config config = {0};
    char *text = NULL;
    fault_arm(FAULT_MEMORY, nth, false);
    Status status = config_text_resolve(path, &set, 1, &text);
    if (status == OK) status = config_parse_text(text, "f", &local_kinds, &config);
    bool hit = fault_count(FAULT_MEMORY) >= nth;
    fault_arm(FAULT_MEMORY, 0, false);
    CHECK_INTEGER(status, hit ? MEMORY : OK);
    failures += hit;
    config_clear(&config);
    memory_free(&text);
    CHECK_INTEGER(memory_balance(), before);
    if (!hit) break;
  }
  CHECK(failures > 20);
}

int main(void) {
  if (!mkdtemp(folder)) return 1;
  test_syntax();
  test_includes();
  test_sets();
  test_variables();
  test_stages();
  test_config_messages();
  test_fuzz();
  test_deep();
  test_memory();
  file_remove_tree(folder);
  CHECK_INTEGER(memory_balance(), 0);
  return check_report("config");
}
