/* Stages that look without a target: which rows they learn from, and what plans refuse, above all
 * that a model learns from their columns. */
#include "io/store.h"
#include "pipeline/artifact.h"
#include "run_case.h"

enum { ROWS = 40 };

static void write_rows(bool missing) {
  static const char *const digit[] = {"0", "1", "2", "3", "4", "5"};
  static char text[ROWS * 60];
  int used = snprintf(text, sizeof text, "x,z,y,genre,recording\n");
  for (int i = 0; i < ROWS; i++) /* rows 3 k and 3 k + 1 are one recording */
    used += snprintf(text + used, sizeof text - (size_t)used, "%d,%.*s,%d,%c,%d\n", i * 7 % 11,
                     !(missing && i == 9), digit[i * 5 % 6], i * i % 17, 'a' + i % 3,
                     i / 3 * 2 + (i % 3 == 2));
  case_write("rows.csv", text);
}

/* The stages after reading. */
static const char *config(const char *stages) {
  static char json[4096];
  snprintf(json, sizeof json,
           "{\"name\": \"t\", \"seed\": 3, \"block\": 4, \"stages\": {\n"
           "\"rows\": {\"kind\": \"read_csv\", \"path\": \"%s\",\n"
           "  \"columns\": {\"x\": \"real\", \"z\": \"real\", \"y\": \"real\",\n"
           "  \"genre\": \"category\", \"recording\": \"integer\"}},\n%s}}",
           case_path("rows.csv"), stages);
  return json;
}

#define PCA(more) \
  "\"look\": {\"kind\": \"pca\", \"input\": \"rows\", \"features\": [\"x\", \"z\"]" more "}"
#define TRAIN(input, feature)                            \
  ", \"fit\": {\"kind\": \"train\", \"input\": \"" input \
  "\", \"target\": \"y\", "                              \
  "\"split\": null, \"features\": [\"" feature "\"], \"model\": {\"kind\": \"constant\"}}"

static void refuse(const char *stages, const char *message) {
  Config parsed;
  Graph graph;
  CHECK_INTEGER(case_plan(config(stages), &parsed, &graph), INVALID);
  CHECK_MESSAGE(message);
  graph_clear(&graph);
  config_clear(&parsed);
}

static void test_plans(void) {
  refuse(PCA() TRAIN("look", "pc1"), "features: column \"pc1\" can be no feature: the stage pca");
  refuse(PCA() ", \"c\": {\"kind\": \"clean\", \"input\": \"look\", \"recording\": [[\"x\"]], "
               "\"column\": \"twin\", \"rules\": {\"pc1\": \"mean\"}}" TRAIN("c", "pc1"),
         "column \"pc1\" can be no feature");
  refuse(PCA() ", \"j\": {\"kind\": \"join\", \"left\": \"rows\", \"right\": \"look\", \"on\": "
               "\"genre\", \"columns\": [\"pc2\"]}" TRAIN("j", "pc2"),
         "column \"pc2\" can be no feature");
  refuse(PCA(", \"prefix\": \"pc\", \"components\": 2") ", \"more\": {\"kind\": \"pca\", \"input\": "
                                                        "\"look\", \"features\": [\"pc1\"]}",
         "prefix: the table has a column \"pc1\" already");
  refuse(PCA(", \"recipe\": [{\"step\": \"target_encode\", \"columns\": [\"genre\"]}]"),
         "recipe/0: target_encode learns from a target, and here is none");
  refuse(PCA(", \"group\": \"genre\""), "group: column \"genre\" is a category");
  refuse("\"look\": {\"kind\": \"pca\", \"input\": \"rows\", \"features\": []}",
         "features: name at least one column");
}

/* Rows of a recording have what its first row has, and do not count as rows of their own. */
static void test_recordings(void) {
  Comm self = comm_self();
  Artifact artifact = {.type = PORT_TABLE};
  StoreTexts texts = {0};
  Column *pc1 = NULL, *recording = NULL;
  write_rows(false);
  CHECK_OK(case_run(config(PCA()), NULL));
  CHECK_OK(artifact_read_all(&self, case_path("run/stages/look.h5"), &artifact, &texts));
  CHECK_OK(table_require(&artifact.table, "pc1", &pc1));
  CHECK_OK(table_require(&artifact.table, "recording", &recording));
  CHECK_INTEGER(artifact.table.rows.n, ROWS);
  double sum = 0;
  for (int64_t i = 0; pc1 && i < ROWS; i++) {
    bool first = i == 0 || recording->integer[i] != recording->integer[i - 1];
    if (!first) CHECK_REAL(pc1->real[i], pc1->real[i - 1], 0);
    if (first) sum += pc1->real[i];
  }
  CHECK_REAL(sum, 0, 1e-12);
  artifact_clear(&artifact);
  store_texts_clear(&texts);
}

#define MAP(more)                                                                   \
  "\"m\": {\"kind\": \"tsne\", \"input\": \"rows\", \"features\": [\"x\", \"z\"], " \
  "\"iterations\": 60, \"early_iterations\": 20" more "}"
#define PLACE(more)                                                      \
  ", \"p\": {\"kind\": \"place\", \"input\": \"rows\", \"map\": \"m\", " \
  "\"features\": [\"x\", \"z\"], \"perplexity\": 1" more "}"
#define JUDGE(more) \
  ", \"v\": {\"kind\": \"validate\", \"input\": \"m\", " more "\"features\": [\"x\", \"z\"]}"

static void test_map_plans(void) {
  refuse(MAP(", \"colour\": [\"y\"]"), "colour: column \"y\" is a real; a category or list");
  refuse(MAP() TRAIN("m", "map_x"), "column \"map_x\" can be no feature: the stage tsne");
  refuse(MAP() PLACE(", \"prefix\": \"other\""), "prefix: ");
  refuse(MAP() PLACE() TRAIN("p", "map_y"), "column \"map_y\" can be no feature: the stage place");
  refuse(MAP() JUDGE(""), "labels: name at least one column, or a map in maps");
  refuse(MAP() JUDGE("\"maps\": [[]], "), "maps: a map has no column");
  refuse(MAP() JUDGE("\"maps\": [[\"genre\"]], "), "maps: column \"genre\" is a category");
}

/* Rows of a map, placed as if they were new, come to where their nearest rows are: at a perplexity
 * of one and three neighbours, between those. */
static void test_places(void) {
  Comm self = comm_self();
  Artifact map = {.type = PORT_TABLE}, placed = {.type = PORT_TABLE};
  StoreTexts texts = {0}, more = {0};
  Column *x = NULL, *to = NULL;
  write_rows(false);
  CHECK_OK(case_run(config(MAP() PLACE() JUDGE("\"maps\": [[\"map_x\", \"map_y\"]], ")), NULL));
  CHECK_OK(artifact_read_all(&self, case_path("run/stages/m.h5"), &map, &texts));
  CHECK_OK(artifact_read_all(&self, case_path("run/stages/p.h5"), &placed, &more));
  CHECK_OK(table_require(&map.table, "map_x", &x));
  CHECK_OK(table_require(&placed.table, "map_x", &to));
  double low = INFINITY, high = -INFINITY;
  for (int64_t i = 0; x && i < ROWS; i++)
    low = fmin(low, x->real[i]), high = fmax(high, x->real[i]);
  for (int64_t i = 0; to && i < ROWS; i++) CHECK(to->real[i] >= low && to->real[i] <= high);
  CHECK(high > low);
  artifact_clear(&map);
  artifact_clear(&placed);
  store_texts_clear(&texts);
  store_texts_clear(&more);
}

/* Kinds of rows that a map has to bear. */
static void test_map_data(void) {
  write_rows(true);
  CHECK_INTEGER(case_run(config(MAP()), NULL), NUMERIC);
  CHECK_MESSAGE("tsne: \"z\" is missing in row 9");
  write_rows(false);
  CHECK_OK(case_run(config(MAP(", \"perplexity\": 5000")), NULL));
}

static void test_data(void) {
  write_rows(true);
  CHECK_INTEGER(case_run(config(PCA()), NULL), NUMERIC);
  CHECK_MESSAGE("pca: \"z\" is missing in row 9");
  write_rows(false);
  CHECK_INTEGER(case_run(config(PCA(", \"components\": 3")), NULL), INVALID);
  CHECK_MESSAGE("components: there are 2 features");
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  case_begin();
  write_rows(false);
  test_plans();
  test_recordings();
  test_data();
  test_map_plans();
  test_places();
  test_map_data();
  case_end();
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("unsupervised");
  MPI_Finalize();
  return failed;
}
