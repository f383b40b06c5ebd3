/* Option rows <-> JSON with kinds of the test's own: values, defaults, messages, canonical text. */
#include "local_kinds.h"

#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "tests/check.h"

static Status parse(const Kind *kind, const char *json, void **options) {
  cJSON *object = NULL;
  Place place = {.key = "/at"};
  *options = NULL;
  Status status = json_parse("text", json, (int64_t)strlen(json), &object);
  if (status == OK) status = options_parse(&local_kinds, kind, object, NULL, &place, options);
  cJSON_Delete(object);
  return status;
}

static char *canonical(const Kind *kind, const void *options) {
  Draft draft = {0};
  char *text = NULL;
  cJSON *object = cJSON_CreateObject();
  CHECK_OK(options_write(&local_kinds, kind, options, true, object));
  json_write(object, false, &draft);
  CHECK_OK(draft_take(&draft, &text));
  cJSON_Delete(object);
  return text;
}

static void check_canonical(const Kind *kind, const char *json, const char *want) {
  void *options = NULL, *again = NULL;
  CHECK_OK(parse(kind, json, &options));
  char *text = canonical(kind, options);
  CHECK_TEXT(text, want);
  CHECK_OK(parse(kind, text, &again)); /* and it means the same */
  char *second = canonical(kind, again);
  CHECK_TEXT(second, text);
  options_free(kind, &options);
  options_free(kind, &again);
  memory_free(&text);
  memory_free(&second);
}

static void check_fails(const Kind *kind, const char *json, const char *message) {
  void *options = NULL;
  CHECK_INTEGER(parse(kind, json, &options), INVALID);
  CHECK(options == NULL);
  CHECK_TEXT(status_message(), message);
}

static void test_values(void) {
  void *options = NULL;
  CHECK_OK(parse(&woods_kind, "{\"trees\": 20, \"max_features\": 0.5, \"note\": \"x\"}", &options));
  Woods *woods = options;
  CHECK_INTEGER(woods->trees, 20);
  CHECK_INTEGER(woods->max_depth, OPTION_NONE_INTEGER);
  CHECK_REAL(woods->max_features, 0.5, 0);
  CHECK_TEXT(woods->note, "x");
  options_free(&woods_kind, &options);
  CHECK(options == NULL);

  CHECK_OK(parse(&woods_kind, "{\"max_features\": \"all\", \"max_depth\": 3}", &options));
  woods = options;
  CHECK_INTEGER(woods->trees, 300);
  CHECK_INTEGER(woods->max_depth, 3);
  CHECK_REAL(woods->max_features, -2, 0);
  CHECK(woods->note == NULL);
  options_free(&woods_kind, &options);

  CHECK_OK(
      parse(&source_stage.kind,
            "{\"path\": \"p\", \"skip\": true, \"keys\": [\"a\", [\"b\", \"c\"]],"
            " \"columns\": {\"z\": \"date\", \"a\": {\"type\": \"text\", \"missing\": \"-\"}}}",
            &options));
  Source *source = options;
  CHECK(source->skip);
  CHECK_INTEGER(source->keys.n, 2);
  CHECK_INTEGER(source->keys.items[1].n, 2);
  CHECK_TEXT(source->keys.items[0].items[0], "a");
  CHECK_TEXT(source->columns.names[0], "z"); /* in the order of the config */
  const SourceColumn *columns = source->columns.items;
  CHECK_INTEGER(columns[0].type, 2);
  CHECK_INTEGER(columns[0].missing.n, 2);
  CHECK_INTEGER(columns[1].type, 1);
  CHECK_TEXT(columns[1].missing.items[0], "-");
  options_free(&source_stage.kind, &options);

  CHECK_OK(parse(&stretch_kind, "{\"quantiles\": 0.5, \"columns\": \"tempo\"}", &options));
  Stretch *stretch = options;
  CHECK_INTEGER(stretch->quantiles.n, 1);
  CHECK_REAL(stretch->quantiles.items[0], 0.5, 0);
  CHECK_TEXT(stretch->columns.items[0], "tempo");
  options_free(&stretch_kind, &options);

  CHECK_OK(parse(&drop_kind, "{}", &options));
  CHECK(options == NULL);
}

/* A map that may be a word. */
static void test_map_or_word(void) {
  typedef struct Share {
    double share;
  } Share;
  typedef struct Shares {
    Map shares;
  } Shares;
  static const char *const words[] = {"none", "even", NULL};
  static const Option share_rows[] = {OPTION_REAL(Share, share, NULL, 0, 1, "Of all."), {0}};
  static const Option rows[] = {
      OPTION_MAP_OR_WORD(Shares, shares, "\"none\"", share_rows, Share, words, "Who gets what."),
      {0}};
  static const Kind kind = {
      .name = "cake", .help = "Cuts.", .options_size = sizeof(Shares), .options = rows};
  check_canonical(&kind, "{}", "{\"shares\":\"none\"}");
  check_canonical(&kind, "{\"shares\": \"even\"}", "{\"shares\":\"even\"}");
  check_canonical(&kind, "{\"shares\": {\"a\": 0.5}}", "{\"shares\":{\"a\":{\"share\":0.5}}}");
  check_fails(
      &kind, "{\"shares\": \"evn\"}",
      "/at/shares: \"evn\" is unknown; did you mean \"even\"? Allowed: \"none\" or \"even\", "
      "or an object, name by name");
  check_fails(&kind, "{\"shares\": {\"a\": 2}}",
              "/at/shares/a: 2 is out of range; allowed: 0 to 1");
}

static void test_variants(void) {
  void *options = NULL;
  CHECK_OK(
      parse(&learn_stage.kind,
            "{\"target\": \"y\", \"recipe\": [\"drop\", {\"step\": \"impute\", \"by\": \"g\"}],"
            " \"model\": {\"kind\": \"pair\", \"left\": {\"kind\": \"pair\", \"left\":"
            " \"constant\"}}}",
            &options));
  Learn *learn = options;
  CHECK_INTEGER(learn->recipe.n, 2);
  CHECK(learn->recipe.items[0].kind == &drop_kind);
  CHECK_TEXT(((Fill *)learn->recipe.items[1].options)->by, "g");
  const Pair *outer = learn->model.options;
  CHECK(outer->left.kind == &pair_kind);
  CHECK(((const Pair *)outer->left.options)->left.kind == &plain_kind);
  Draft versions = {0};
  options_versions(&learn_stage.kind, options, &versions);
  CHECK_TEXT(draft_text(&versions), "drop 1;impute 1;pair 1;pair 1;constant 2;");
  draft_clear(&versions);
  options_free(&learn_stage.kind, &options);
}

static void test_canonical(void) {
  check_canonical(&plain_kind, "{}", "{\"group\":\"recording\",\"statistic\":\"mean\"}");
  check_canonical(&plain_kind, "{\"group\": null}", "{\"group\":null,\"statistic\":\"mean\"}");
  check_canonical(&woods_kind, "{}",
                  "{\"max_depth\":null,\"max_features\":\"sqrt\",\"note\":null,\"trees\":300}");
  check_canonical(
      &woods_kind, "{\"trees\": 1e2, \"note\": \"\\u00e9\\n\\\"\\u0001\"}",
      "{\"max_depth\":null,\"max_features\":\"sqrt\",\"note\":\"\xC3\xA9\\n\\\"\\u0001\","
      "\"trees\":100}");
  check_canonical(&stretch_kind, "{\"quantiles\": [0.1, 0.30000000000000004, 1e-9, 1]}",
                  "{\"columns\":[],\"quantiles\":[0.1,0.30000000000000004,1e-09,1]}");
  check_canonical(&learn_stage.kind, "{\"target\": \"y\", \"recipe\": [\"scale\"]}",
                  "{\"alpha\":0.1,\"model\":{\"kind\":\"forest\",\"max_depth\":null,"
                  "\"max_features\":\"sqrt\",\"note\":null,\"trees\":300},\"recipe\":[{\"step\":"
                  "\"scale\",\"columns\":[],\"quantiles\":[0.25,0.75]}],\"target\":\"y\"}");
  check_canonical(&source_stage.kind,
                  "{\"path\": \"p\", \"columns\": {\"z\": \"real\", \"a\": \"text\"}}",
                  "{\"columns\":{\"z\":{\"missing\":[\"\",\"NA\"],\"type\":\"real\"},\"a\":{"
                  "\"missing\":[\"\",\"NA\"],\"type\":\"text\"}},\"keys\":[],\"path\":\"p\","
                  "\"skip\":false}");
}

static void test_messages(void) {
  check_fails(&source_stage.kind, "{\"path\": null}",
              "/at/path: null is not allowed; allowed: a text");
  check_fails(&plain_kind, "{\"group\": 3}", "/at/group: 3 is a number; allowed: a text, or null");
  check_fails(&woods_kind, "{\"trees\": 0}", "/at/trees: 0 is out of range; allowed: 1 to 100000");
  check_fails(&woods_kind, "{\"trees\": 2.5}",
              "/at/trees: 2.5 is no integer; allowed: an integer, 1 to 100000");
  check_fails(&woods_kind, "{\"trees\": 1e300}",
              "/at/trees: 1e+300 is beyond 2^53; allowed: an integer, 1 to 100000");
  check_fails(&woods_kind, "{\"trees\": \"many\"}",
              "/at/trees: \"many\" is a text; allowed: an integer, 1 to 100000");
  check_fails(&woods_kind, "{\"trees\": null}",
              "/at/trees: null is not allowed; allowed: an integer, 1 to 100000");
  check_fails(&woods_kind, "{\"tres\": 5}",
              "/at/tres: unknown option; did you mean \"trees\"? Allowed: trees, max_depth, "
              "max_features, note");
  check_fails(&woods_kind, "{\"x/~y\": 5}",
              "/at/x~1~0y: unknown option; allowed: trees, max_depth, max_features, note");
  check_fails(&woods_kind, "{\"trees\": 13}", "/at/trees: 13 brings bad luck; allowed: others");
  check_fails(&woods_kind, "{\"max_features\": 2}",
              "/at/max_features: 2 is out of range; allowed: 0 to 1, or \"sqrt\", \"all\"");
  check_fails(&woods_kind, "{\"max_features\": -1}",
              "/at/max_features: -1 is out of range; allowed: 0 to 1, or \"sqrt\", \"all\"");
  check_fails(
      &woods_kind, "{\"max_features\": \"sqr\"}",
      "/at/max_features: \"sqr\" is unknown; did you mean \"sqrt\"? Allowed: a number, 0 to "
      "1, or \"sqrt\" or \"all\"");
  check_fails(&plain_kind, "{\"statistic\": \"x\"}",
              "/at/statistic: \"x\" is unknown; allowed: \"mean\" or \"median\"");
  check_fails(&learn_stage.kind, "{\"target\": \"y\", \"alpha\": 1e999}",
              "/at/alpha: too large; numbers end at 1.8e308");
  check_fails(&learn_stage.kind, "{\"target\": \"y\", \"alpha\": -1}",
              "/at/alpha: -1 is out of range; allowed: at least 0");
  check_fails(&learn_stage.kind, "{}",
              "/at/target: required, but not given; it is a text: The column to predict.");
  check_fails(&learn_stage.kind, "{\"target\": \"y\", \"model\": {}}",
              "/at/model/kind: required, but not given; allowed: constant, forest, pair");
  check_fails(&learn_stage.kind, "{\"target\": \"y\", \"model\": {\"kind\": 3}}",
              "/at/model/kind: 3 is a number; allowed: constant, forest, pair");
  check_fails(&learn_stage.kind, "{\"target\": \"y\", \"model\": \"forrest\"}",
              "/at/model/kind: \"forrest\" is an unknown kind; did you mean \"forest\"? Allowed: "
              "constant, forest, pair");
  check_fails(&learn_stage.kind, "{\"target\": \"y\", \"model\": \"pair\"}",
              "/at/model/left: required, but not given; it is one of: constant, forest, pair: The "
              "model inside.");
  check_fails(&learn_stage.kind, "{\"target\": \"y\", \"model\": [1]}",
              "/at/model: [1] is a list; allowed: one of: constant, forest, pair");
  check_fails(&learn_stage.kind,
              "{\"target\": \"y\", \"recipe\": [\"drop\", {\"kind\": \"drop\"}]}",
              "/at/recipe/1/step: required, but not given; allowed: impute, scale, drop");
  check_fails(&learn_stage.kind,
              "{\"target\": \"y\", \"recipe\": [{\"step\": \"drop\", \"by\": 1}]}",
              "/at/recipe/0/by: unknown option; allowed: step");
  check_fails(&stretch_kind, "{\"columns\": [\"a\", 3]}",
              "/at/columns/1: 3 is a number; allowed: a list of texts");
  check_fails(&stretch_kind, "{\"quantiles\": [0.5, 2]}",
              "/at/quantiles/1: 2 is out of range; allowed: 0 to 1");
  check_fails(&source_stage.kind, "{\"path\": \"p\", \"keys\": [[\"a\"], [true]]}",
              "/at/keys/1/0: true is a truth value; allowed: a list of lists of texts");
  check_fails(&source_stage.kind, "{\"path\": \"p\", \"skip\": 1}",
              "/at/skip: 1 is a number; allowed: true or false");
  check_fails(&source_stage.kind, "{\"path\": \"p\", \"columns\": {\"a b\": \"rael\"}}",
              "/at/columns/a b: \"rael\" is unknown; did you mean \"real\"? Allowed: \"real\", "
              "\"text\" or \"date\"");
  check_fails(&source_stage.kind, "{\"path\": \"p\", \"columns\": {\"a\": {\"missing\": []}}}",
              "/at/columns/a/type: required, but not given; it is \"real\", \"text\" or \"date\": "
              "Type of its values.");
  check_fails(&source_stage.kind, "{\"path\": \"p\", \"columns\": {\"\": \"real\"}}",
              "/at/columns/: a name cannot be empty");
}

static void test_numbers(void) {
  static const struct {
    double value;
    const char *text;
  } cases[] = {{0, "0"},
               {300, "300"},
               {-7, "-7"},
               {0.1, "0.1"},
               {1.0 / 3, "0.3333333333333333"},
               {0x1p53, "9007199254740992"},
               {1e300, "1e+300"},
               {5e-324, "5e-324"},
               {123456.789, "123456.789"},
               {1e16, "1e+16"}};
  char buffer[32];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    json_number(cases[i].value, buffer);
    CHECK_TEXT(buffer, cases[i].text);
  }
}

/* Every allocation of a parse fails once: MEMORY, and nothing is left behind. */
static void test_memory(void) {
  static const char json[] =
      "{\"target\": \"y\", \"recipe\": [\"scale\", {\"step\": \"impute\", \"by\": \"g\"}]}";
  void *options = NULL;
  int64_t before = memory_balance(), failures = 0;
  for (int64_t nth = 1; nth < 200; nth++) {
    fault_arm(FAULT_MEMORY, nth, false);
    Status status = parse(&learn_stage.kind, json, &options);
    bool hit = fault_count(FAULT_MEMORY) >= nth;
    fault_arm(FAULT_MEMORY, 0, false);
    CHECK_INTEGER(status, hit ? MEMORY : OK);
    failures += hit;
    options_free(&learn_stage.kind, &options);
    CHECK_INTEGER(memory_balance(), before);
    if (!hit) break;
  }
  CHECK(failures > 5);
}

int main(void) {
  test_values();
  test_map_or_word();
  test_variants();
  test_canonical();
  test_messages();
  test_numbers();
  test_memory();
  CHECK_INTEGER(memory_balance(), 0);
  return check_report("options");
}
