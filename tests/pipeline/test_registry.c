/* Every kind of the registry keeps the rules of base/options.h, and its help and schema can be
 * made; reading a config on all ranks. Nothing here names a kind but `report`, so a new kind is
 * tested the moment it is registered. Also meant to be started on several ranks. */
#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/file.h"
#include "kernels/base/memory.h"
#include "pipeline/config.h"
#include "pipeline/config_internal.h"
#include "pipeline/help.h"
#include "pipeline/registry.h"
#include "pipeline/schema.h"
#include "tests/check.h"

static const Kinds kinds = {
    .stages = stage_kinds, .models = model_kinds, .steps = step_kinds, .resamples = resample_kinds};

#define EXPECT(condition, kind, what)                                       \
  do {                                                                      \
    bool expected_ = (condition);                                           \
    if (!expected_) fprintf(stderr, "kind %s, %s: ", (kind)->name, (what)); \
    CHECK(expected_);                                                       \
  } while (0)

static bool is_name(const char *name) {
  bool good = islower((unsigned char)name[0]);
  for (const char *c = name; *c; c++)
    good = good && (islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_');
  return good;
}

static bool is_help(const char *help) { return help && strlen(help) > 5 && !strchr(help, '\n'); }

/* The row alone, left out: its default has to be what a user could write. */
static void check_fallback(const Kind *kind, const Option *row) {
  Option rows[2] = {*row};
  Kind alone = {.name = "alone", .options_size = kind->options_size, .options = rows};
  cJSON *object = cJSON_CreateObject();
  Place place = {.key = kind->name};
  void *options = NULL;
  if (row->fallback) CHECK_OK(options_parse(&kinds, &alone, object, NULL, &place, &options));
  options_free(&alone, &options);
  cJSON_Delete(object);
}

static void check_row(const Kind *kind, const Option *row) {
  EXPECT(is_name(row->name), kind, row->name);
  EXPECT(is_help(row->help), kind, row->name);
  EXPECT(!(row->low > row->high), kind, row->name);
  if (row->type == OPTION_TYPE_WORD) EXPECT(row->words && row->words[0], kind, row->name);
  if (row->type == OPTION_TYPE_REAL && row->words) EXPECT(row->low >= 0, kind, row->name);
  if (row->type == OPTION_TYPE_MAP) EXPECT(row->rows && row->item_size > 0, kind, row->name);
  if (row->type == OPTION_TYPE_VARIANT || row->type == OPTION_TYPE_VARIANTS ||
      row->type == OPTION_TYPE_SPACES)
    EXPECT(row->kinds != NULL, kind, row->name);
}

static bool is_port(const StageKind *stage, const char *name) {
  for (int64_t p = 0; p < stage_ports(stage); p++)
    if (strcmp(stage->inputs[p].name, name) == 0) return true;
  return false;
}

static void check_kind(const Kind *const *list, const Kind *kind) {
  const StageKind *stage = list == stage_kinds ? (const StageKind *)kind : NULL;
  EXPECT(is_name(kind->name), kind, "name");
  EXPECT(is_help(kind->help), kind, "help");
  EXPECT(kind->version >= 1, kind, "version");
  EXPECT((kind->options != NULL && kind->options->name != NULL) == (kind->options_size > 0), kind,
         "options_size");
  EXPECT(registry_find(list, kind->name) == kind, kind, "is registered twice");
  for (const Option *row = kind->options; row && row->name; row++) {
    check_row(kind, row);
    check_fallback(kind, row);
    EXPECT(strcmp(row->name, kinds_key(&kinds, list)) != 0, kind, row->name);
    EXPECT(row->offset < kind->options_size, kind, row->name);
    if (stage) EXPECT(!is_port(stage, row->name), kind, row->name);
    for (const Option *other = kind->options; other < row; other++)
      EXPECT(strcmp(other->name, row->name) != 0 && other->offset != row->offset, kind, row->name);
    for (const Option *inner = row->rows; inner && inner->name; inner++) check_row(kind, inner);
  }
  for (int64_t p = 0; stage && p < stage_ports(stage); p++)
    EXPECT(is_help(stage->inputs[p].help), kind, stage->inputs[p].name);
}

/* Options without any given value: what they are as text means the same again. */
static void check_round_trip(const Kind *kind) {
  void *options = NULL, *again = NULL;
  char *text = NULL, *second = NULL;
  Status status = config_parse_options(kind, "{}", "/at", &options);
  CHECK(status == OK || (status == INVALID && strncmp(status_message(), "/at/", 4) == 0));
  if (status == OK) {
    CHECK_OK(config_options_json(kind, options, &text));
    CHECK_OK(config_parse_options(kind, text, "/at", &again));
    CHECK_OK(config_options_json(kind, again, &second));
    CHECK_TEXT(second, text);
  }
  options_free(kind, &options);
  options_free(kind, &again);
  memory_free(&text);
  memory_free(&second);
}

static void check_help(const Kind *kind) {
  char *text = NULL;
  CHECK_OK(help_kind(&kinds, kind->name, HELP_TEXT, &text));
  for (const char *line = text; line && *line;) {
    size_t n = strcspn(line, "\n");
    EXPECT(n <= 100, kind, "help is wider than 100 columns");
    line += n + (line[n] != 0);
  }
  memory_free(&text);
}

static void test_kinds(void) {
  const Kind *const *lists[] = {stage_kinds, model_kinds, step_kinds, resample_kinds};
  for (int l = 0; l < 4; l++) {
    CHECK(lists[l][0] != NULL);
    for (int64_t i = 0; lists[l][i]; i++) {
      check_kind(lists[l], lists[l][i]);
      check_round_trip(lists[l][i]);
      check_help(lists[l][i]);
    }
  }
  CHECK(registry_find(stage_kinds, "no such kind") == NULL);
}

static void test_schema(void) {
  char *text = NULL, part[128];
  cJSON *schema = NULL;
  CHECK_OK(schema_json(&kinds, &text));
  CHECK_OK(json_parse("schema", text, (int64_t)strlen(text), &schema));
  for (int64_t i = 0; stage_kinds[i]; i++) {
    snprintf(part, sizeof part, "stage.%s", stage_kinds[i]->name);
    CHECK(json_find(json_find(schema, "$defs"), part) != NULL);
  }
  cJSON_Delete(schema);
  memory_free(&text);
}

/* Only rank 0 has the path and the sets. */
static void test_reading(const Comm *comm) {
  static const char text[] =
      "{\"name\": \"n\", // a comment\n \"stages\": {\"told\": {\"kind\": \"report\"}}}";
  const char *sets[] = {"/seed=11", "/stages/told/nothing=1"};
  char path[] = "/tmp/segue_registry_XXXXXX";
  Config config;
  bool root = comm->rank == 0;
  if (root) {
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
  }
  CHECK_OK(config_read_all(comm, root ? path : NULL, root ? sets : NULL, root ? 1 : 0, &config));
  CHECK_TEXT(config.name, "n");
  CHECK_INTEGER(config.seed, 11);
  CHECK_INTEGER(config.n_stages, 1);
  config_clear(&config);
  Status status =
      config_read_all(comm, root ? path : NULL, root ? sets : NULL, root ? 2 : 0, &config);
  CHECK_INTEGER(status, INVALID);
  CHECK_MESSAGE(": /stages/told/nothing: unknown option");
  CHECK_MESSAGE("/tmp/segue_registry_"); /* on every rank */
  if (root) unlink(path);
  comm_barrier_all(comm);
  status = config_read_all(comm, root ? path : NULL, NULL, 0, &config);
  CHECK_INTEGER(status, IO);
  CHECK_MESSAGE("No such file");
}

int main(int n, char **words) {
  MPI_Init(&n, &words);
  Comm world = comm_world();
  test_kinds();
  test_schema();
  test_reading(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("registry");
  MPI_Finalize();
  return result;
}
