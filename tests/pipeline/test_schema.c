/* Help and JSON Schema of kinds of the test's own; tests/pipeline/test_registry.c looks at the real
 * ones. */
#include "local_kinds.h"

#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "pipeline/help.h"
#include "pipeline/schema.h"
#include "tests/check.h"

static void check_has(const char *text, const char *part) {
  CHECK(strstr(text, part) != NULL);
  if (!strstr(text, part)) fprintf(stderr, "  lacks: %s\n", part);
}

static void check_width(const char *text) {
  for (const char *line = text; *line;) {
    size_t n = strcspn(line, "\n");
    CHECK(n <= 100);
    CHECK(n == 0 || line[n - 1] != ' ');
    line += n + (line[n] != 0);
  }
}

static void test_help(void) {
  char *text = NULL;
  CHECK_OK(help_kinds(&local_kinds, HELP_TEXT, &text));
  check_width(text);
  check_has(text,
            "  KIND    TAKES          GIVES    WHAT IT DOES\n"
            "  read    -              table    Reads a file.\n"
            "  train   input [folds]  bundle   Learns.\n"
            "  report  all results    nothing  Tells.\n");
  check_has(text, "  scale   Stretches.\n");
  memory_free(&text);

  CHECK_OK(help_kinds(&local_kinds, HELP_MARKDOWN, &text));
  check_has(text, "| `train` | input [folds] | bundle | Learns. |\n");
  memory_free(&text);

  CHECK_OK(help_kind(&local_kinds, "forest", HELP_TEXT, &text));
  check_width(text);
  CHECK_TEXT(text,
             "forest (model)\n"
             "Trees side by side.\n"
             "\n"
             "Options\n"
             "  trees         an integer, 1 to 100000; default 300\n"
             "                Number of trees.\n"
             "  max_depth     an integer, 1 to 64, or null; may be left out\n"
             "                Deepest leaf; no limit when null.\n"
             "  max_features  a number, 0 to 1, or \"sqrt\" or \"all\"; default \"sqrt\"\n"
             "                Share tried at a split.\n"
             "  note          a text, or null; may be left out\n"
             "                For people.\n");
  memory_free(&text);

  CHECK_OK(help_kind(&local_kinds, "train", HELP_TEXT, &text));
  check_has(text, "  folds   folds; may be left out\n");
  check_has(text, "  target  a text; required\n          The column to predict.\n");
  memory_free(&text);
  CHECK_OK(help_kind(&local_kinds, "read", HELP_TEXT, &text));
  check_has(text, "      missing  a list of texts; default [\"\", \"NA\"]\n");
  memory_free(&text);
  CHECK_OK(help_kind(&local_kinds, "impute", HELP_MARKDOWN, &text));
  check_has(text, "| `by` | a text, or null | may be left out | Group \\| none. |\n");
  memory_free(&text);

  CHECK_INTEGER(help_kind(&local_kinds, "forrest", HELP_TEXT, &text), INVALID);
  CHECK_TEXT(status_message(), "there is no kind \"forrest\"; did you mean \"forest\"?");
  CHECK_INTEGER(help_kind(&local_kinds, "zzz", HELP_TEXT, &text), INVALID);
  CHECK_TEXT(status_message(), "there is no kind \"zzz\"; segue stages lists all kinds");
}

static void test_wrap(void) {
  Draft draft = {0};
  draft_add(&draft, "ab ");
  draft_wrap(&draft, "one two  three four-and-a-half five", 3, 4, 12);
  CHECK_TEXT(draft_text(&draft), "ab one two\n    three\n    four-and-a-half\n    five");
  draft_clear(&draft);
}

/* The definition or the property at a path of keys, NULL-terminated. */
static const cJSON *at(const cJSON *tree, const char *const *keys) {
  for (; tree && *keys; keys++) tree = json_find(tree, *keys);
  return tree;
}

static void check_piece(const cJSON *schema, const char *const *keys, const char *want) {
  Draft draft = {0};
  const cJSON *piece = at(schema, keys);
  CHECK(piece != NULL);
  if (piece) json_write(piece, false, &draft);
  CHECK_TEXT(draft_text(&draft), want);
  draft_clear(&draft);
}

#define KEYS(...) ((const char *const[]){"$defs", __VA_ARGS__, NULL})

static void test_schema(void) {
  char *text = NULL;
  cJSON *schema = NULL;
  CHECK_OK(schema_json(&local_kinds, &text));
  CHECK_OK(json_parse("schema", text, (int64_t)strlen(text), &schema));
  check_piece(
      schema, KEYS("model"),
      "{\"oneOf\":[{\"$ref\":\"#/$defs/model.constant\"},{\"$ref\":\"#/$defs/model.forest\"},"
      "{\"$ref\":\"#/$defs/model.pair\"},{\"enum\":[\"constant\",\"forest\"]}]}");
  check_piece(schema, KEYS("model.forest", "properties", "trees"),
              "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100000,\"description\":\"Number of "
              "trees.\",\"default\":300}");
  check_piece(schema, KEYS("model.forest", "properties", "max_features"),
              "{\"anyOf\":[{\"type\":\"number\",\"minimum\":0,\"maximum\":1},{\"enum\":[\"sqrt\","
              "\"all\"]}],\"description\":\"Share tried at a split.\",\"default\":\"sqrt\"}");
  check_piece(schema, KEYS("model.forest", "required"), "[\"kind\"]");
  check_piece(schema, KEYS("step.impute", "required"), "[\"step\"]");
  check_piece(schema, KEYS("model.pair", "required"), "[\"kind\",\"left\"]");
  check_piece(schema, KEYS("stage.train", "required"), "[\"kind\",\"input\",\"target\"]");
  check_piece(schema, KEYS("stage.train", "additionalProperties"), "false");
  check_piece(schema, KEYS("stage.train", "properties", "kind"),
              "{\"const\":\"train\",\"description\":\"Learns.\"}");
  check_piece(
      schema, KEYS("stage.train", "properties", "recipe"),
      "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/step\"},\"description\":\"Steps in "
      "order.\",\"default\":[]}");
  check_piece(schema, KEYS("stage.train", "properties", "alpha"),
              "{\"type\":\"number\",\"minimum\":0,\"description\":\"Strength.\",\"default\":0.1}");
  check_piece(
      schema, KEYS("stage.read", "properties", "columns", "additionalProperties"),
      "{\"anyOf\":[{\"enum\":[\"real\",\"text\",\"date\"],\"description\":\"Type of its "
      "values.\"},{\"type\":\"object\",\"properties\":{\"type\":{\"enum\":[\"real\",\"text\","
      "\"date\"],\"description\":\"Type of its values.\"},\"missing\":{\"anyOf\":[{\"type\":"
      "\"string\"},{\"type\":\"array\",\"items\":{\"type\":\"string\"}}],\"description\":"
      "\"Words for no value.\",\"default\":[\"\",\"NA\"]}},\"required\":[\"type\"],"
      "\"additionalProperties\":false}]}");
  cJSON_Delete(schema);
  memory_free(&text);
}

static Status write_page(int page, char **text) {
  if (page == 0) return schema_json(&local_kinds, text);
  if (page == 1) return help_kinds(&local_kinds, HELP_TEXT, text);
  return help_kind(&local_kinds, page % 2 ? "read" : "train", page < 4 ? HELP_TEXT : HELP_MARKDOWN,
                   text);
}

/* A page that did not fit into memory is refused, not cut. */
static void test_memory(int page) {
  int64_t before = memory_balance(), failures = 0;
  for (int64_t nth = 1; nth < 5000; nth++) {
    char *text = NULL;
    fault_arm(FAULT_MEMORY, nth, false);
    Status status = write_page(page, &text);
    bool hit = fault_count(FAULT_MEMORY) >= nth;
    fault_arm(FAULT_MEMORY, 0, false);
    CHECK_INTEGER(status, hit ? MEMORY : OK);
    CHECK((text != NULL) == (status == OK));
    failures += hit;
    memory_free(&text);
    CHECK_INTEGER(memory_balance(), before);
    if (!hit) break;
  }
  CHECK(failures > 3);
}

int main(void) {
  test_help();
  test_wrap();
  test_schema();
  for (int page = 0; page < 6; page++) test_memory(page);
  CHECK_INTEGER(memory_balance(), 0);
  return check_report("schema");
}
