/* The graph: order, circles, ports, and what the keys of stages depend on. */
#include "run_case.h"

static const char *name_at(const Graph *graph, int64_t i) {
  return graph->config->stages[graph->order[i]].name;
}

static void test_order(void) {
  Config config;
  Graph graph;
  CHECK_OK(
      case_plan("{\"name\": \"x\", \"stages\": {"
                "\"report\": {\"kind\": \"report\"},"
                "\"b\": {\"kind\": \"split\", \"input\": \"a\"},"
                "\"other\": {\"kind\": \"synthesize\", \"rows\": 10},"
                "\"a\": {\"kind\": \"synthesize\", \"rows\": 10},"
                "\"c\": {\"kind\": \"folds\", \"input\": \"b\"}}}",
                &config, &graph));
  const char *const want[] = {"a", "b", "other", "c", "report"}; /* inputs first, reports last */
  CHECK_INTEGER(graph.n, 5);
  for (int64_t i = 0; i < graph.n && graph.n == 5; i++) CHECK_TEXT(name_at(&graph, i), want[i]);
  CHECK(graph_reaches(&graph, 4, 3)); /* c uses a through b */
  CHECK(graph_reaches(&graph, 4, 1));
  CHECK(!graph_reaches(&graph, 3, 4));
  CHECK(!graph_reaches(&graph, 2, 3));
  CHECK(!graph_reaches(&graph, 3, 3));
  graph_clear(&graph);
  config_clear(&config);
}

/* The plan of json fails with INVALID; the message holds both parts. */
static void refuse(const char *json, const char *part, const char *other) {
  Config config;
  Graph graph;
  CHECK_INTEGER(case_plan(json, &config, &graph), INVALID);
  CHECK_MESSAGE(part);
  CHECK_MESSAGE(other);
  graph_clear(&graph);
  config_clear(&config);
}

static void test_refused(void) {
  refuse(
      "{\"name\": \"x\", \"stages\": {"
      "\"s\": {\"kind\": \"synthesize\", \"rows\": 10},"
      "\"a\": {\"kind\": \"split\", \"input\": \"c\", \"column\": \"a\"},"
      "\"b\": {\"kind\": \"split\", \"input\": \"a\", \"column\": \"b\"},"
      "\"c\": {\"kind\": \"split\", \"input\": \"b\", \"column\": \"c\"}}}",
      "\"a\" takes from \"c\" takes from \"b\" takes from \"a\"", "circle");
  refuse(
      "{\"name\": \"x\", \"stages\": {"
      "\"s\": {\"kind\": \"synthesize\", \"rows\": 10},"
      "\"f\": {\"kind\": \"folds\", \"input\": \"s\"},"
      "\"g\": {\"kind\": \"folds\", \"input\": \"f\"}}}",
      "/stages/g/input: ", "\"f\" gives folds, but a table is needed");
  refuse(
      "{\"name\": \"x\", \"stages\": {"
      "\"s\": {\"kind\": \"synthesize\", \"rows\": 10},"
      "\"r\": {\"kind\": \"report\"},"
      "\"g\": {\"kind\": \"folds\", \"input\": \"r\"}}}",
      "/stages/g/input: ", "gives nothing");
  refuse(
      "{\"name\": \"x\", \"stages\": {"
      "\"s\": {\"kind\": \"synthesize\", \"rows\": 10},"
      "\"g\": {\"kind\": \"folds\", \"input\": \"s\", \"group\": \"tempi\"}}}",
      "/stages/g/group: ", "\"tempo\"");
  refuse(
      "{\"name\": \"x\", \"stages\": {"
      "\"s\": {\"kind\": \"synthesize\", \"rows\": 10},"
      "\"a\": {\"kind\": \"split\", \"input\": \"s\"},"
      "\"b\": {\"kind\": \"split\", \"input\": \"a\"}}}",
      "/stages/b/column: ", "name another");
}

#define TWO_MODELS                                                                            \
  "{\"name\": \"x\", \"stages\": {\"s\": {\"kind\": \"synthesize\", \"rows\": 10},"           \
  "\"p\": {\"kind\": \"split\", \"input\": \"s\"},"                                           \
  "\"a\": {\"kind\": \"train\", \"input\": \"p\", \"target\": \"tempo\", \"group\": null,"    \
  "\"features\": [\"energy\"], \"model\": \"linear\"},"                                       \
  "\"b\": {\"kind\": \"train\", \"input\": \"p\", \"target\": \"tempo\", \"group\": null,"    \
  "\"features\": [\"energy\"], \"model\": \"constant\"},"                                     \
  "\"c\": {\"kind\": \"compare\", \"input\": \"p\", \"target\": \"tempo\", \"group\": null, " \
  "\"models\": "

/* A port that takes a list of stages: all are inputs, each is checked by itself. */
static void test_lists(void) {
  Config config;
  Graph graph;
  CHECK_OK(case_plan(TWO_MODELS "[\"b\", \"a\"]}}}", &config, &graph));
  const StageConfig *own = &config.stages[4];
  CHECK_INTEGER(own->n_inputs, 3);
  CHECK_INTEGER(own->inputs[1], 3);
  CHECK_INTEGER(own->inputs[2], 2);
  CHECK_TEXT(stage_port(own->kind, 2)->name, "models");
  CHECK(graph_reaches(&graph, 4, 2) && graph_reaches(&graph, 4, 3));
  CHECK(strstr(config.json, "\"models\": [\n") != NULL ||
        strstr(config.json, "\"models\": [\"b\"") != NULL);
  graph_clear(&graph);
  config_clear(&config);
  refuse(TWO_MODELS "[\"b\", \"p\"]}}}", "/stages/c/models: ", "\"p\" gives a table");
  refuse(TWO_MODELS "[\"b\", \"bb\"]}}}", "/stages/c/models/1: ", "there is no stage \"bb\"");
  refuse(TWO_MODELS "[\"b\", \"b\"]}}}", "/stages/c/models/1: ", "named twice");
  refuse(TWO_MODELS "\"b\"}}}", "/stages/c/models: ", "a list of names of stages is needed");
  refuse(TWO_MODELS "[\"b\"]}}}", "/stages/c/models: ", "name at least two");
  refuse(TWO_MODELS "[]}}}", "/stages/c/models", "");
}

/* Uses do not multiply with the ways to get there: 40 joins of a table with itself. */
static void test_many_ways(void) {
  char json[16384];
  Config config;
  Graph graph;
  Comm self = comm_self();
  int n = snprintf(json, sizeof json,
                   "{\"name\": \"x\", \"stages\": {"
                   "\"j0\": {\"kind\": \"synthesize\", \"rows\": 10}");
  for (int i = 1; i <= 40; i++)
    n += snprintf(json + n, sizeof json - (size_t)n,
                  ", \"j%d\": {\"kind\": \"join\", \"left\": \"j%d\", \"right\": \"j%d\","
                  " \"on\": [\"track_id\", \"track_genre\"], \"columns\": [],"
                  " \"right_on\": [\"track_id\", \"track_genre\"], \"duplicates\": \"first\"}",
                  i, i - 1, i - 1);
  snprintf(json + n, sizeof json - (size_t)n, "}}");
  /* Both sides have all columns, so the plan refuses; the order and the uses are there by then. */
  CHECK_INTEGER(case_plan(json, &config, &graph), INVALID);
  CHECK_MESSAGE("both tables have a column");
  CHECK_OK(graph_keys_all(&self, &graph));
  CHECK(graph_reaches(&graph, 1, 0));
  graph_clear(&graph);
  config_clear(&config);
}

/* Key of stage "split" of a config around csv. */
static Hash key_of(const char *format, const char *stage) {
  Comm self = comm_self();
  Config config;
  Graph graph;
  char json[4096];
  Hash key = hash_zero();
  snprintf(json, sizeof json, format, case_path("data.csv"));
  CHECK_OK(case_plan(json, &config, &graph));
  CHECK_OK(graph_keys_all(&self, &graph));
  int64_t found = -1;
  for (int64_t i = 0; i < graph.n; i++)
    if (strcmp(config.stages[i].name, stage) == 0) found = i;
  CHECK(found >= 0);
  if (found >= 0) key = graph.keys[found];
  graph_clear(&graph);
  config_clear(&config);
  return key;
}

static bool same(Hash a, Hash b) { return hash_compare(&a, &b) == 0; }

/* A file that changes behind its key is told. */
static void test_changed_file(void) {
  Comm self = comm_self();
  Config config;
  Graph graph;
  char json[4096];
  case_write("data.csv", "x\n1\n2\n");
  snprintf(json, sizeof json,
           "{\"name\": \"a\", \"stages\": {\"rows\": {\"kind\": \"read_csv\", \"path\": \"%s\", "
           "\"columns\": {\"x\": \"real\"}}}}",
           case_path("data.csv"));
  CHECK_OK(case_plan(json, &config, &graph));
  CHECK_OK(graph_keys_all(&self, &graph));
  CHECK_OK(graph_files_check_all(&self, &graph, 0));
  case_write("data.csv", "x\n1\n2\n3\n");
  CHECK_INTEGER(graph_files_check_all(&self, &graph, 0), IO);
  CHECK_MESSAGE("data.csv: changed since this run began; run again when it is complete");
  graph_clear(&graph);
  config_clear(&config);
}

#define ROWS "\"rows\": {\"kind\": \"read_csv\", \"path\": \"%s\", \"columns\": {\"x\": \"real\"}}"
#define SPLIT "\"split\": {\"kind\": \"split\", \"input\": \"rows\", \"test\": 0.5}"

static void test_keys(void) {
  case_write("data.csv", "x\n1\n2\n");
  Hash base = key_of("{\"name\": \"a\", \"stages\": {" ROWS ", " SPLIT "}}", "split");
  CHECK(!same(base, hash_zero()));
  /* The same: other names, another order, defaults written out. */
  CHECK(same(base, key_of("{\"name\": \"b\", \"stages\": {" ROWS ", " SPLIT "}}", "split")));
  CHECK(same(base, key_of("{\"name\": \"a\", \"stages\": {" SPLIT ", " ROWS "}}", "split")));
  CHECK(same(base, key_of("{\"name\": \"a\", \"stages\": {\"r\": {\"kind\": \"read_csv\", "
                          "\"path\": \"%s\", \"columns\": {\"x\": \"real\"}}, \"s\": {\"kind\": "
                          "\"split\", \"input\": \"r\", \"test\": 0.5}}}",
                          "s")));
  CHECK(
      same(base, key_of("{\"name\": \"a\", \"stages\": {" ROWS ", \"split\": {\"kind\": \"split\", "
                        "\"method\": \"auto\", \"input\": \"rows\", \"test\": 0.5}}}",
                        "split")));
  /* Others: an option, the seed, the block, an input's option. */
  Hash others[] = {
      key_of("{\"name\": \"a\", \"seed\": 9, \"stages\": {" ROWS ", " SPLIT "}}", "split"),
      key_of("{\"name\": \"a\", \"block\": 64, \"stages\": {" ROWS ", " SPLIT "}}", "split"),
      key_of("{\"name\": \"a\", \"stages\": {" ROWS ", \"split\": {\"kind\": \"split\", "
             "\"input\": \"rows\", \"test\": 0.4}}}",
             "split"),
      key_of("{\"name\": \"a\", \"stages\": {\"rows\": {\"kind\": \"read_csv\", \"path\": \"%s\", "
             "\"columns\": {\"x\": \"integer\"}}, " SPLIT "}}",
             "split"),
      key_of("{\"name\": \"a\", \"stages\": {" ROWS ", " SPLIT "}}", "rows"),
      hash_zero(),
  };
  enum { OTHERS = sizeof others / sizeof *others };
  case_write("data.csv", "x\n1\n3\n"); /* the same length and name, another content */
  others[OTHERS - 1] = key_of("{\"name\": \"a\", \"stages\": {" ROWS ", " SPLIT "}}", "split");
  for (int i = 0; i < OTHERS; i++) {
    CHECK(!same(base, others[i]));
    for (int k = 0; k < i; k++) CHECK(!same(others[k], others[i]));
  }
}

/* Versions of the stage's kind and of the kinds in its options are part of the key. */
static void test_versions(void) {
  Comm self = comm_self();
  Config config;
  Graph graph;
  CHECK_OK(
      case_plan("{\"name\": \"x\", \"stages\": {"
                "\"s\": {\"kind\": \"synthesize\", \"rows\": 10}}}",
                &config, &graph));
  CHECK_OK(graph_keys_all(&self, &graph));
  Hash before = graph.keys[0];
  StageKind newer = *config.stages[0].kind;
  const StageKind *kind = config.stages[0].kind;
  newer.kind.version++;
  config.stages[0].kind = &newer;
  CHECK_OK(graph_keys_all(&self, &graph));
  CHECK(!same(before, graph.keys[0]));
  config.stages[0].kind = kind;
  char *versions = config.stages[0].versions, changed[] = "forest 9;";
  config.stages[0].versions = changed;
  CHECK_OK(graph_keys_all(&self, &graph));
  CHECK(!same(before, graph.keys[0]));
  config.stages[0].versions = versions;
  CHECK_OK(graph_keys_all(&self, &graph));
  CHECK(same(before, graph.keys[0]));
  graph_clear(&graph);
  config_clear(&config);
}

static void test_missing_file(void) {
  Comm self = comm_self();
  Config config;
  Graph graph;
  CHECK_OK(
      case_plan("{\"name\": \"x\", \"stages\": {\"rows\": {\"kind\": \"read_csv\", \"path\": "
                "\"/nowhere/at-all.csv\", \"columns\": {\"x\": \"real\"}}}}",
                &config, &graph));
  CHECK_INTEGER(graph_keys_all(&self, &graph), IO);
  CHECK_MESSAGE("/nowhere/at-all.csv");
  graph_clear(&graph);
  config_clear(&config);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  case_begin();
  test_order();
  test_refused();
  test_lists();
  test_many_ways();
  test_keys();
  test_changed_file();
  test_versions();
  test_missing_file();
  case_end();
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("graph");
  MPI_Finalize();
  return result;
}
