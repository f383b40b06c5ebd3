/* Options that are left open for a search: what they parse to, as JSON again, and every way in
 * which a space can be empty or contradict itself, with the place in the message. */
#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "pipeline/options_json.h"
#include "pipeline/registry.h"
#include "tests/check.h"

static const Kinds kinds = {stage_kinds, model_kinds, step_kinds, resample_kinds};

typedef struct Hunt {
  SpaceList models;
} Hunt;

static const Option rows[] = {OPTION_SPACES(Hunt, models, NULL, model_kinds, "what is hunted for"),
                              {.name = NULL}};
static const Kind hunt = {
    .name = "hunt", .help = "h", .version = 1, .options_size = sizeof(Hunt), .options = rows};

static Status parse(const char *models, void **options) {
  cJSON *object = cJSON_CreateObject(), *item = NULL;
  Place place = {.key = "/at"};
  *options = NULL;
  Status status = json_parse("text", models, (int64_t)strlen(models), &item);
  if (status == OK) status = json_put(object, "models", item);
  if (status == OK) status = options_parse(&kinds, &hunt, object, NULL, &place, options);
  cJSON_Delete(object);
  return status;
}

static const char good[] =
    "[{\"kind\": \"gbdt\", \"trees\": 50, \"learning_rate\": {\"low\": 0.01, \"high\": 0.3, "
    "\"log\": "
    "true}, \"max_depth\": {\"choices\": [null, 4, 8]}, \"growth\": {\"choices\": [\"depth_wise\", "
    "\"leaf_wise\"]}}, {\"kind\": \"forest\", \"max_features\": {\"choices\": [\"sqrt\", 0.5]}, "
    "\"bootstrap\": {\"choices\": [true, false]}, \"oob\": false, \"min_samples_leaf\": {\"low\": "
    "1, \"high\": 20}}, "
    "\"constant\"]";

static const Option *row_of(const SpaceRange *range) { return range->row; }

static void test_values(void) {
  void *options = NULL;
  CHECK_OK(parse(good, &options));
  const Hunt *o = options;
  CHECK_INTEGER(o->models.n, 3);
  const SpaceVariant *gbdt = &o->models.items[0], *forest = &o->models.items[1];
  CHECK_TEXT(gbdt->base.kind->name, "gbdt");
  CHECK_INTEGER(gbdt->n, 3);
  const SpaceRange *rate = &gbdt->ranges[0];
  CHECK_TEXT(row_of(rate)->name, "learning_rate");
  CHECK_REAL(rate->low, 0.01, 0);
  CHECK_REAL(rate->high, 0.3, 0);
  CHECK(rate->log);
  CHECK_TEXT(row_of(&gbdt->ranges[1])->name, "growth"); /* in the order of the kind's rows */
  CHECK_REAL(gbdt->ranges[1].values[0], 1, 0);
  CHECK(isnan(gbdt->ranges[2].values[0]));
  CHECK_REAL(gbdt->ranges[2].values[2], 8, 0);
  /* what is given stands, what is open has its first possibility */
  CHECK_REAL(option_get(row_of(rate), gbdt->base.options), 0.01, 0);
  option_set(row_of(&gbdt->ranges[2]), gbdt->base.options, 8);
  CHECK_REAL(option_get(row_of(&gbdt->ranges[2]), gbdt->base.options), 8, 0);
  CHECK_INTEGER(forest->n, 3);
  CHECK(forest->ranges[0].values == NULL || forest->ranges[0].n == 2);
  CHECK_INTEGER(o->models.items[2].n, 0);
  options_free(&hunt, &options);
}

static char *text_of(const void *options) {
  Draft draft = {0};
  char *text = NULL;
  cJSON *object = cJSON_CreateObject();
  CHECK_OK(options_write(&kinds, &hunt, options, true, object));
  json_write(json_find(object, "models"), false, &draft);
  CHECK_OK(draft_take(&draft, &text));
  cJSON_Delete(object);
  return text;
}

static void test_round_trip(void) {
  void *options = NULL, *again = NULL;
  Draft versions = {0};
  CHECK_OK(parse(good, &options));
  char *text = text_of(options);
  CHECK(strstr(text, "\"learning_rate\":{\"low\":0.01,\"high\":0.3,\"log\":true}") != NULL);
  CHECK(strstr(text, "\"max_depth\":{\"choices\":[null,4,8]}") != NULL);
  CHECK(strstr(text, "\"max_features\":{\"choices\":[\"sqrt\",0.5]}") != NULL);
  CHECK(strstr(text, "\"bootstrap\":{\"choices\":[true,false]}") != NULL);
  CHECK(strstr(text, "\"trees\":50") != NULL);
  CHECK_OK(parse(text, &again));
  char *second = text_of(again);
  CHECK_TEXT(second, text);
  options_versions(&hunt, options, &versions);
  CHECK(strstr(draft_text(&versions), "gbdt ") && strstr(draft_text(&versions), "constant "));
  draft_clear(&versions);
  options_free(&hunt, &options);
  options_free(&hunt, &again);
  memory_free(&text);
  memory_free(&second);
}

static void fails(const char *models, const char *message) {
  void *options = NULL;
  CHECK_INTEGER(parse(models, &options), INVALID);
  CHECK(options == NULL);
  CHECK_MESSAGE(message);
}

#define GBDT(part) "[{\"kind\": \"gbdt\", " part "}]"

static void test_messages(void) {
  fails("[]", "/at/models: the list is empty: there is nothing to search among");
  fails("[{\"kind\": \"gbdt\"}]", "/at/models: there is nothing to search for: no option has");
  fails("\"gbdt\"", "/at/models: there is nothing to search for");
  fails("[3]", "/at/models/0: 3 is a number; it is an object with a \"kind\"");
  fails(GBDT("\"trees\": {\"low\": 9, \"high\": 3}"),
        "/at/models/0/trees: low is 9, above high, which is 3; exchange them");
  fails(GBDT("\"trees\": {\"low\": 9, \"high\": 9}"),
        "/at/models/0/trees: low and high are both 9: there is nothing to search for");
  fails(GBDT("\"trees\": {\"low\": 0, \"high\": 9}"), "/at/models/0/trees/low: 0 is out of range");
  fails(GBDT("\"trees\": {\"low\": 1, \"high\": 9.5}"),
        "/at/models/0/trees/high: 9.5 is no integer");
  fails(GBDT("\"trees\": {\"low\": 1}"), "/at/models/0/trees/high: required, but not given");
  fails(GBDT("\"trees\": {\"low\": \"1\", \"high\": 3}"),
        "/at/models/0/trees/low: \"1\" is a text; an end of a range is a number");
  fails(GBDT("\"trees\": {\"low\": 1, \"high\": 9, \"step\": 2}"),
        "/at/models/0/trees/step: unknown part of a range; allowed: low, high, log, choices");
  fails(GBDT("\"learning_rate\": {\"low\": 0, \"high\": 0.3, \"log\": true}"),
        "/at/models/0/learning_rate: low is 0, and a logarithmic range begins above 0");
  fails(GBDT("\"learning_rate\": {\"low\": 0, \"high\": 0.3}"), "learning_rate: 0 is not allowed");
  fails(GBDT("\"learning_rate\": {\"low\": 0.1, \"high\": 0.3, \"log\": 1}"),
        "/at/models/0/learning_rate/log: true or false is allowed");
  fails(GBDT("\"growth\": {\"low\": 1, \"high\": 9}"),
        "/at/models/0/growth: this option has no range; give its possible values as choices");
  fails(GBDT("\"growth\": {\"choices\": []}"), "/at/models/0/growth/choices: there is no choice");
  fails(GBDT("\"growth\": {\"choices\": [\"leaf_wise\"]}"),
        "one choice leaves nothing to search for");
  fails(GBDT("\"growth\": {\"choices\": [\"leaf_wise\", \"leafwise\"]}"),
        "/at/models/0/growth/choices/1: \"leafwise\" is unknown; did you mean \"leaf_wise\"?");
  fails(GBDT("\"bins\": {\"choices\": [63, 63]}"),
        "/at/models/0/bins/choices/1: this choice stands there twice");
  fails(GBDT("\"bins\": {\"choices\": [63, 255], \"low\": 3}"), "choices stand alone");
  fails(GBDT("\"bins\": {\"choices\": 63}"),
        "/at/models/0/bins/choices: a list of values is needed");
  fails(GBDT("\"tress\": {\"low\": 9, \"high\": 30}"), "unknown option; did you mean \"trees\"?");
  fails("[{\"kind\": \"gbtd\"}]", "/at/models/0/kind: \"gbtd\" is an unknown kind");
}

/* Every allocation made to fail: a message, and nothing left. */
static void test_faults(void) {
  bool hit = true;
  for (int64_t nth = 1; hit; nth++) {
    void *options = NULL;
    fault_arm(FAULT_MEMORY, nth, false);
    Status status = parse(good, &options);
    hit = fault_count(FAULT_MEMORY) >= nth;
    fault_arm(FAULT_MEMORY, 0, false);
    CHECK_INTEGER(status, hit ? MEMORY : OK);
    options_free(&hunt, &options);
  }
}

int main(void) {
  test_values();
  test_round_trip();
  test_messages();
  test_faults();
  CHECK_INTEGER(memory_balance(), 0);
  return check_report("options_space");
}
