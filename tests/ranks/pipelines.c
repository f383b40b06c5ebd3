/* Whole pipelines on sub-communicators: every stage, model and step kind, tiny blocks, and inputs
 * that are unkind to a distribution of rows. The result is what `segue hash` shows. */
#include <cJSON.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "io/file.h"
#include "kernels/base/memory.h"
#include "kernels/neighbors/partitioned.h"
#include "kernels/numeric/random.h"
#include "pipeline/graph.h"
#include "pipeline/manifest.h"
#include "pipeline/run.h"
#include "ranks.h"

/* Hash what the stages say to people: all of report.json's stages but times and memory. Rank 0. */
static Status told_in(const char *run_dir, Hash *result) {
  static const char *const measured[] = {"seconds", "busy_seconds", "peak_bytes"};
  Status status = OK;
  char path[PATH_MAX], *text = NULL, *stages = NULL;
  int64_t n = 0;
  cJSON *json = NULL, *stage = NULL;
  snprintf(path, sizeof path, "%s/report.json", run_dir);
  TRY(file_read(path, &text, &n));
  json = cJSON_ParseWithLength(text, (size_t)n);
  cJSON_ArrayForEach(stage, cJSON_GetObjectItem(json, "stages")) {
    for (int k = 0; k < 3; k++) cJSON_DeleteItemFromObject(stage, measured[k]);
  }
  stages = cJSON_PrintUnformatted(cJSON_GetObjectItem(json, "stages"));
  status = stages ? OK : status_fail(FORMAT, "%s has no stages", path);
  if (stages) *result = hash_bytes(stages, strlen(stages), *result);
done:
  cJSON_free(stages);
  cJSON_Delete(json);
  memory_free(&text);
  return status;
}

/* Hash of the content hashes of all artifacts and of what the report tells. Rank 0. */
static Status content_of(const char *run_dir, Hash *result) {
  char path[PATH_MAX];
  Manifest manifest;
  snprintf(path, sizeof path, "%s/manifest.json", run_dir);
  Status status = manifest_read(path, &manifest);
  *result = hash_zero();
  for (int64_t i = 0; status == OK && i < manifest.n_stages; i++) {
    const char *content = manifest.stages[i].content ? manifest.stages[i].content : "none";
    *result = hash_bytes(content, strlen(content), *result);
  }
  manifest_clear(&manifest);
  return status == OK ? told_in(run_dir, result) : status;
}

/* Write config.json into the folder and run it there, with --set texts. Collective. */
static Status run_config_all(const Comm *comm, const char *folder, const char *json, int64_t n_sets,
                             const char *const *sets, Hash *result) {
  Status status = OK;
  char path[PATH_MAX], run_dir[2048];
  Config config = {0};
  Graph graph = {0};
  snprintf(path, sizeof path, "%s/config.json", folder);
  snprintf(run_dir, sizeof run_dir, "%s/run", folder);
  AGREE(comm, comm->rank == 0 ? file_write(path, json, (int64_t)strlen(json)) : OK);
  TRY(config_read_all(comm, path, sets, n_sets, &config));
  AGREE(comm, graph_plan(&config, &graph));
  RunOptions options = {.run_dir = run_dir, .quiet = true};
  TRY(run_pipeline_all(comm, &graph, &options));
  AGREE(comm, comm->rank == 0 ? content_of(run_dir, result) : OK);
done:
  graph_clear(&graph);
  config_clear(&config);
  return status;
}

static const char EVERYTHING[] =
    "{\"name\": \"everything\", \"seed\": 11, \"block\": 16, \"stages\": {\n"
    " \"tracks\": {\"kind\": \"synthesize\", \"rows\": 700},\n"
    " \"clean\": {\"kind\": \"clean\", \"input\": \"tracks\", \"impossible\": {\"tempo\": 0},\n"
    "   \"recording\": [[\"track_id\"], [\"artists\", \"track_name\"]],\n"
    "   \"rules\": {\"track_genre\": \"set\", \"popularity\": \"mean\"}},\n"
    " \"split\": {\"kind\": \"split\", \"input\": \"clean\", \"group\": \"recording\"},\n"
    " \"folds\": {\"kind\": \"folds\", \"input\": \"split\", \"group\": \"recording\", \"folds\": "
    "2},\n"
    " \"by_time\": {\"kind\": \"folds\", \"input\": \"split\", \"date\": \"release\",\n"
    "   \"folds\": 2, \"gap_days\": 10, \"group\": \"recording\"},\n"
    " \"popularity\": {\"kind\": \"train\", \"input\": \"split\", \"folds\": \"folds\",\n"
    "   \"target\": \"popularity\", \"by\": \"track_genre\", \"high\": 50,\n"
    "   \"features\": [\"danceability\", \"energy\", \"tempo\", \"track_genre\", \"artists\",\n"
    "     \"release\", \"loudness\", \"explicit\"],\n"
    "   \"recipe\": [\n"
    "     {\"step\": \"impute\", \"columns\": [\"tempo\"], \"by\": \"track_genre\"},\n"
    "     {\"step\": \"ratio\", \"name\": \"r\", \"numerator\": \"energy\", \"denominator\": "
    "\"danceability\"},\n"
    "     {\"step\": \"blend\", \"name\": \"b\", \"weights\": {\"energy\": 0.4}},\n"
    "     {\"step\": \"date_part\", \"columns\": [\"release\"]},\n"
    "     {\"step\": \"frequency_encode\", \"columns\": [\"artists\"], \"keep\": true},\n"
    "     {\"step\": \"one_hot\", \"columns\": [\"track_genre\"]},\n"
    "     {\"step\": \"target_encode\", \"columns\": [\"artists\"]},\n"
    "     {\"step\": \"log\", \"columns\": [\"tempo\"]},\n"
    "     {\"step\": \"scale\", \"columns\": [\"loudness\"]},\n"
    "     {\"step\": \"pca\", \"columns\": [\"energy\", \"danceability\"], \"keep\": true},\n"
    "     {\"step\": \"kmeans\", \"columns\": [\"energy\", \"danceability\"], \"k\": 3},\n"
    "     {\"step\": \"drop\", \"columns\": [\"explicit\"]}],\n"
    "   \"model\": {\"kind\": \"forest\", \"trees\": 5, \"max_features\": 0.5}},\n"
    " \"genre\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"track_genre\",\n"
    "   \"features\": [\"danceability\", \"energy\", \"tempo\", \"loudness\"],\n"
    "   \"resample\": {\"kind\": \"adasyn\", \"ratio\": 0.8},\n"
    "   \"model\": {\"kind\": \"forest\", \"trees\": 3, \"max_depth\": 6, \"spread\": \"rows\"}},\n"
    " \"boosted\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"popularity\",\n"
    "   \"features\": [\"danceability\", \"energy\", \"tempo\", \"loudness\"],\n"
    "   \"resample\": {\"kind\": \"popularity_balanced\", \"balance\": 0.5},\n"
    "   \"model\": {\"kind\": \"gbdt\", \"trees\": 6, \"early_stopping\": 3}},\n"
    " \"boosted_genre\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"track_genre\",\n"
    "   \"features\": [\"danceability\", \"energy\", \"tempo\", \"loudness\"],\n"
    "   \"resample\": {\"kind\": \"random_over\"},\n"
    "   \"model\": {\"kind\": \"gbdt\", \"trees\": 2, \"growth\": \"depth_wise\",\n"
    "     \"max_depth\": 3, \"max_leaves\": null}},\n"
    " \"lines\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"popularity\",\n"
    "   \"features\": [\"danceability\", \"energy\", \"loudness\"],\n"
    "   \"model\": {\"kind\": \"linear\"}},\n"
    " \"net\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"popularity\",\n"
    "   \"features\": [\"danceability\", \"energy\", \"loudness\"],\n"
    "   \"model\": {\"kind\": \"elastic_net\", \"alpha\": 0.1}},\n"
    " \"odds\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"track_genre\",\n"
    "   \"features\": [\"danceability\", \"energy\", \"loudness\"],\n"
    "   \"model\": {\"kind\": \"logistic\", \"max_iterations\": 20}},\n"
    " \"odds_of_two\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"explicit\",\n"
    "   \"features\": [\"danceability\", \"energy\", \"loudness\"],\n"
    "   \"resample\": {\"kind\": \"smote\"},\n"
    "   \"model\": {\"kind\": \"logistic\", \"l2\": 0}},\n"
    " \"loud\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"popularity\", \"above\": 50,\n"
    "   \"features\": [\"danceability\", \"energy\", \"loudness\", \"key\", \"mode\"],\n"
    "   \"recipe\": [{\"step\": \"outliers\", \"columns\": \"energy\"},\n"
    "     {\"step\": \"outliers\", \"method\": \"quantiles\", \"columns\": \"loudness\",\n"
    "       \"action\": \"remove\"}],\n"
    "   \"resample\": {\"kind\": \"smote_nc\", \"columns\": [\"key\", \"mode\"], \"ratio\": 0.7},\n"
    "   \"model\": {\"kind\": \"forest\", \"trees\": 3}},\n"
    " \"remedies\": {\"kind\": \"matrix\", \"input\": \"split\", \"folds\": \"folds\",\n"
    "   \"target\": \"popularity\", \"above\": 40,\n"
    "   \"features\": [\"danceability\", \"energy\", \"loudness\"],\n"
    "   \"outliers\": {\"removed\": {\"steps\": [{\"step\": \"outliers\", \"action\": \"remove\"}]},\n"
    "     \"raw\": {}, \"quiet\": {\"steps\": [{\"step\": \"drop\",\n"
    "     \"columns\": [\"loudness\"]}]}},\n"
    "   \"remedies\": {\"none\": {}, \"weights\": {\"class_weights\": true},\n"
    "     \"smote\": {\"resample\": \"smote\"}},\n"
    "   \"models\": {\"odds\": {\"model\": {\"kind\": \"logistic\"},\n"
    "     \"recipe\": [{\"step\": \"scale\"}]},\n"
    "     \"forest\": {\"model\": {\"kind\": \"forest\", \"trees\": 3}}}},\n"
    " \"hunt\": {\"kind\": \"search\", \"input\": \"split\", \"folds\": \"folds\",\n"
    "   \"target\": \"popularity\", \"trials\": 12, \"window\": 3, \"warm_up\": 4, \"bracket\": 4,\n"
    "   \"features\": [\"danceability\", \"energy\", \"loudness\"],\n"
    "   \"models\": [{\"kind\": \"gbdt\", \"trees\": 3, \"max_leaves\": {\"low\": 2, \"high\": 9},\n"
    "     \"growth\": {\"choices\": [\"leaf_wise\", \"depth_wise\"]}},\n"
    "     {\"kind\": \"linear\", \"l2\": {\"low\": 0.01, \"high\": 10, \"log\": true}}]},\n"
    " \"ahead\": {\"kind\": \"compare\", \"input\": \"split\", \"target\": \"popularity\",\n"
    "   \"models\": [\"lines\", \"popularity\", \"boosted\", \"net\"]},\n"
    " \"baseline\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"explicit\",\n"
    "   \"features\": [\"energy\"], \"resample\": {\"kind\": \"random_under\"},\n"
    "   \"model\": {\"kind\": \"constant\"}},\n"
    " \"report\": {\"kind\": \"report\"}}}\n";

static Status everything(const Comm *comm, const char *folder, Hash *result) {
  return run_config_all(comm, folder, EVERYTHING, 0, NULL, result);
}

/* Looking without a target, at recordings that stand several times. */
static const char DISCOVERY[] =
    "{\"name\": \"discovery\", \"seed\": 9, \"block\": 16, \"stages\": {\n"
    " \"tracks\": {\"kind\": \"synthesize\", \"rows\": 600},\n"
    " \"clean\": {\"kind\": \"clean\", \"input\": \"tracks\", \"duplicates\": \"keep\",\n"
    "   \"recording\": [[\"track_id\"], [\"artists\", \"track_name\"]]},\n"
    " \"components\": {\"kind\": \"pca\", \"input\": \"clean\", \"components\": 3,\n"
    "   \"features\": [\"danceability\", \"energy\", \"tempo\", \"loudness\"]},\n"
    " \"map\": {\"kind\": \"tsne\", \"input\": \"tree\", \"perplexity\": 8,\n"
    "   \"colour\": [\"cluster\", \"track_genre\"],\n"
    "   \"iterations\": 60, \"early_iterations\": 20,\n"
    "   \"features\": [\"danceability\", \"energy\", \"tempo\", \"loudness\"]},\n"
    " \"dense\": {\"kind\": \"dbscan\", \"input\": \"clean\", \"min_samples\": 5,\n"
    "   \"show\": [\"track_name\", \"artists\"],\n"
    "   \"features\": [\"danceability\", \"energy\", \"tempo\", \"loudness\"]},\n"
    " \"groups\": {\"kind\": \"kmeans\", \"input\": \"components\", \"k\": 2, \"k_to\": 5, \"starts\": 4,\n"
    "   \"features\": [\"danceability\", \"energy\", \"tempo\", \"loudness\"], \"by\": \"track_genre\",\n"
    "   \"show\": [\"track_name\", \"artists\"], \"value\": \"popularity\"},\n"
    " \"tree\": {\"kind\": \"ward\", \"input\": \"groups\", \"k\": 6, \"taxonomy\": \"track_genre\",\n"
    "   \"features\": [\"danceability\", \"energy\", \"tempo\", \"loudness\"]},\n"
    " \"mean\": {\"kind\": \"ward\", \"input\": \"clean\", \"linkage\": \"average\", \"height\": 1.5,\n"
    "   \"features\": [\"danceability\", \"energy\", \"tempo\", \"loudness\"]},\n"
    " \"most\": {\"kind\": \"ward\", \"input\": \"clean\", \"linkage\": \"complete\",\n"
    "   \"taxonomy\": \"track_genre\", \"features\": [\"energy\", \"tempo\"]},\n"
    " \"placed\": {\"kind\": \"place\", \"input\": \"tracks\", \"map\": \"map\",\n"
    "   \"features\": [\"danceability\", \"energy\", \"tempo\", \"loudness\"]},\n"
    " \"judged\": {\"kind\": \"validate\", \"input\": \"map\",\n"
    "   \"maps\": [[\"map_x\", \"map_y\"], [\"pc1\", \"pc2\"]], \"labels\": [\"cluster\", \"ward\", \"track_genre\"],\n"
    "   \"features\": [\"danceability\", \"energy\", \"tempo\", \"loudness\"],\n"
    "   \"against\": [\"artists\"], \"show\": [\"artists\"]},\n"
    " \"report\": {\"kind\": \"report\"}}}\n";

static Status discovery(const Comm *comm, const char *folder, Hash *result) {
  return run_config_all(comm, folder, DISCOVERY, 0, NULL, result);
}

/* ---- folds by rows, by ranks and by groups of ranks ---- */

static const char BY_FOLDS[] =
    "{\"name\": \"by_folds\", \"seed\": 5, \"block\": 16, \"stages\": {\n"
    " \"tracks\": {\"kind\": \"synthesize\", \"rows\": 500},\n"
    " \"clean\": {\"kind\": \"clean\", \"input\": \"tracks\",\n"
    "   \"recording\": [[\"track_id\"], [\"artists\", \"track_name\"]],\n"
    "   \"rules\": {\"track_genre\": \"set\", \"popularity\": \"mean\"}},\n"
    " \"split\": {\"kind\": \"split\", \"input\": \"clean\", \"group\": \"recording\"},\n"
    " \"folds\": {\"kind\": \"folds\", \"input\": \"split\", \"date\": \"release\",\n"
    "   \"folds\": 3, \"gap_days\": 10, \"group\": \"recording\"},\n"
    " \"popularity\": {\"kind\": \"train\", \"input\": \"split\", \"folds\": \"folds\",\n"
    "   \"target\": \"popularity\", \"high\": 50, \"weight\": \"duration_ms\",\n"
    "   \"features\": [\"danceability\", \"energy\", \"track_genre\", \"artists\"],\n"
    "   \"recipe\": [{\"step\": \"one_hot\", \"columns\": [\"track_genre\"]},\n"
    "     {\"step\": \"target_encode\", \"columns\": [\"artists\"]}],\n"
    "   \"model\": {\"kind\": \"gbdt\", \"trees\": 6, \"early_stopping\": 3}},\n"
    " \"genre\": {\"kind\": \"train\", \"input\": \"split\", \"folds\": \"folds\",\n"
    "   \"target\": \"track_genre\", \"features\": [\"danceability\", \"energy\", \"tempo\"],\n"
    "   \"recipe\": [{\"step\": \"impute\", \"columns\": [\"tempo\"]}],\n"
    "   \"model\": {\"kind\": \"forest\", \"trees\": 4}},\n"
    " \"report\": {\"kind\": \"report\"}}}\n";

/* Run once in every way; what is found has to be the same. */
static Status by_folds(const Comm *comm, const char *folder, Hash *result) {
  static const char *const ways[] = {"rows", "folds", "auto"};
  Status status = OK;
  for (int way = 0; way < 3; way++) {
    char set[2][64], one[PATH_MAX];
    Hash hash = hash_zero();
    snprintf(set[0], sizeof set[0], "/stages/popularity/spread=\"%s\"", ways[way]);
    snprintf(set[1], sizeof set[1], "/stages/genre/spread=\"%s\"", ways[way]);
    snprintf(one, sizeof one, "%s/%s", folder, ways[way]);
    AGREE(comm, comm->rank == 0 ? file_make_folder(one) : OK);
    TRY(run_config_all(comm, one, BY_FOLDS, 2, (const char *const[]){set[0], set[1]}, &hash));
    if (way > 0 && comm->rank == 0 && hash_compare(&hash, result) != 0)
      status = status_fail(INVALID, "folds by %s give another result", ways[way]);
    AGREE(comm, status);
    *result = hash;
  }
done:
  return status;
}

/* ---- audits of a number, of two classes and of many ---- */

static const char AUDITS[] =
    "{\"name\": \"audits\", \"seed\": 9, \"block\": 16, \"stages\": {\n"
    " \"tracks\": {\"kind\": \"synthesize\", \"rows\": 400},\n"
    " \"clean\": {\"kind\": \"clean\", \"input\": \"tracks\", \"duplicates\": \"keep\",\n"
    "   \"recording\": [[\"track_id\"], [\"artists\", \"track_name\"]]},\n"
    " \"split\": {\"kind\": \"split\", \"input\": \"clean\", \"group\": \"recording\"},\n"
    " \"popularity\": {\"kind\": \"audit\", \"input\": \"clean\", \"spread\": \"rows\",\n"
    "   \"target\": \"popularity\", \"high\": 50, \"by\": \"track_genre\", \"repeats\": 2,\n"
    "   \"id\": \"track_id\", \"artist\": \"artists\", \"date\": \"release\",\n"
    "   \"audio\": [\"energy\", \"loudness\"],\n"
    "   \"features\": [\"danceability\", \"energy\", \"key\", \"track_genre\", \"artists\"],\n"
    "   \"recipe\": [{\"step\": \"ratio\", \"name\": \"r\", \"numerator\": \"energy\",\n"
    "     \"denominator\": \"danceability\"},\n"
    "     {\"step\": \"target_encode\", \"columns\": [\"artists\"]}],\n"
    "   \"model\": {\"kind\": \"forest\", \"trees\": 3}},\n"
    " \"explicit\": {\"kind\": \"audit\", \"input\": \"split\", \"spread\": \"rows\",\n"
    "   \"target\": \"explicit\", \"split\": \"split\", \"id\": \"track_id\",\n"
    "   \"resample\": {\"kind\": \"smote\"},\n"
    "   \"features\": [\"danceability\", \"energy\", \"key\"],\n"
    "   \"recipe\": [{\"step\": \"impute\", \"columns\": [\"key\"]}],\n"
    "   \"model\": {\"kind\": \"logistic\", \"standardize\": false}},\n"
    " \"genre\": {\"kind\": \"audit\", \"input\": \"clean\", \"spread\": \"rows\",\n"
    "   \"target\": \"track_genre\", \"artist\": \"artists\", \"group\": null,\n"
    "   \"features\": [\"danceability\", \"energy\", \"loudness\"],\n"
    "   \"model\": {\"kind\": \"gbdt\", \"trees\": 2}},\n"
    " \"report\": {\"kind\": \"report\"}}}\n";

/* By rows, and each rank with fits of its own. */
static Status audits(const Comm *comm, const char *folder, Hash *result) {
  Status status = OK;
  char one[PATH_MAX];
  Hash by_rows = hash_zero();
  snprintf(one, sizeof one, "%s/rows", folder);
  AGREE(comm, comm->rank == 0 ? file_make_folder(one) : OK);
  TRY(run_config_all(comm, one, AUDITS, 0, NULL, &by_rows));
  TRY(run_config_all(
      comm, folder, AUDITS, 3,
      (const char *const[]){"/stages/popularity/spread=\"folds\"",
                            "/stages/explicit/spread=\"folds\"", "/stages/genre/spread=\"folds\""},
      result));
  if (comm->rank == 0 && hash_compare(&by_rows, result) != 0)
    status = status_fail(INVALID, "audits spread by fits give another result");
  AGREE(comm, status);
done:
  return status;
}

/* ---- files that are unkind ---- */

enum { UNKIND_ROWS = 120 };

typedef enum Unkind { SORTED_BY_TARGET, ONE_CLASS_A_RANK, FEW_ROWS } Unkind;

static Status write_rows(const char *path, Unkind unkind, int64_t n) {
  static char text[UNKIND_ROWS * 80 + 80];
  Stream stream = random_stream(3, "test", (uint64_t)unkind);
  int used = snprintf(text, sizeof text, "id,class,x,y,target\n");
  for (int64_t i = 0; i < n; i++) {
    double x = random_uniform(&stream, (uint64_t)i, 0), y = random_uniform(&stream, (uint64_t)i, 1);
    double target = unkind == SORTED_BY_TARGET ? (double)i : x + y;
    const char *words[] = {"a", "b", "c", "d", "e", "f", "g"};
    int64_t class = unkind == ONE_CLASS_A_RANK ? i * 7 / n : i % 3;
    used += snprintf(text + used, sizeof text - (size_t)used, "t%lld,%s,%.17g,%.17g,%.17g\n",
                     (long long)i, words[class], x, y, target);
  }
  return file_write(path, text, used);
}

/* Dates for every third row, in another order, one of them twice. */
static Status write_dates(const char *path, int64_t n) {
  static char text[UNKIND_ROWS * 40 + 80];
  int used = snprintf(text, sizeof text, "id,when\nt0,2001-02-03\n");
  for (int64_t i = n - 1; i >= 0; i -= 3)
    used += snprintf(text + used, sizeof text - (size_t)used, "t%lld,20%02d-01\n", (long long)i,
                     (int)(i % 20));
  return file_write(path, text, used);
}

static Status unkind_all(const Comm *comm, const char *folder, Unkind unkind, int64_t n,
                         Hash *result) {
  Status status = OK;
  char path[2048], dates[2048], json[8192];
  snprintf(path, sizeof path, "%s/rows.csv", folder);
  snprintf(dates, sizeof dates, "%s/dates.csv", folder);
  AGREE(comm, comm->rank == 0 ? write_rows(path, unkind, n) : OK);
  AGREE(comm, comm->rank == 0 ? write_dates(dates, n) : OK);
  snprintf(
      json, sizeof json,
      "{\"name\": \"unkind\", \"block\": 4, \"stages\": {\n"
      " \"rows\": {\"kind\": \"read_csv\", \"path\": \"%s\", \"columns\": {\"id\": \"text\",\n"
      "   \"class\": \"category\", \"x\": \"real\", \"y\": \"real\", \"target\": \"real\"}},\n"
      " \"dates\": {\"kind\": \"read_csv\", \"path\": \"%s\", \"columns\":\n"
      "   {\"id\": \"text\", \"when\": \"date\"}},\n"
      " \"joined\": {\"kind\": \"join\", \"left\": \"rows\", \"right\": \"dates\",\n"
      "   \"on\": \"id\", \"duplicates\": \"last\"},\n"
      " \"clean\": {\"kind\": \"clean\", \"input\": \"joined\", \"recording\": [[\"id\"]]},\n"
      " \"split\": {\"kind\": \"split\", \"input\": \"clean\", \"group\": \"recording\",\n"
      "   \"test\": 0.34},\n"
      " \"folds\": {\"kind\": \"folds\", \"input\": \"split\", \"folds\": 2},\n"
      " \"value\": {\"kind\": \"train\", \"input\": \"split\", \"folds\": \"folds\",\n"
      "   \"spread\": \"folds\", \"target\": \"target\",\n"
      "   \"features\": [\"x\", \"y\", \"class\"], \"by\": \"class\", \"weight\": \"x\",\n"
      "   \"recipe\": [\n"
      "   {\"step\": \"target_encode\", \"columns\": \"class\", \"folds\": 2}],\n"
      "   \"model\": {\"kind\": \"forest\", \"trees\": 4}},\n"
      " \"class\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"class\",\n"
      "   \"features\": [\"x\", \"y\"], \"model\": {\"kind\": \"forest\", \"trees\": 4}},\n"
      " \"sets\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"target\",\n"
      "   \"features\": [\"class\", \"x\"], \"model\": {\"kind\": \"forest\", \"trees\": 4}},\n"
      " \"boosted_sets\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"target\",\n"
      "   \"features\": [\"class\", \"x\"], \"model\": {\"kind\": \"gbdt\", \"trees\": 4,\n"
      "   \"min_samples_leaf\": 1, \"min_data_per_group\": 1, \"cat_smooth\": 1}},\n"
      " \"audit\": {\"kind\": \"audit\", \"input\": \"clean\", \"target\": \"target\",\n"
      "   \"id\": \"id\", \"date\": \"when\", \"by\": \"class\", \"test\": 0.34,\n"
      "   \"features\": [\"x\", \"class\"],\n"
      "   \"recipe\": [{\"step\": \"target_encode\", \"columns\": \"class\", \"folds\": 2}],\n"
      "   \"model\": {\"kind\": \"forest\", \"trees\": 2}},\n"
      " \"report\": {\"kind\": \"report\"}}}\n",
      path, dates);
  TRY(run_config_all(comm, folder, json, 0, NULL, result));
done:
  return status;
}

static Status sorted_by_target(const Comm *comm, const char *folder, Hash *result) {
  return unkind_all(comm, folder, SORTED_BY_TARGET, UNKIND_ROWS, result);
}

static Status one_class_a_rank(const Comm *comm, const char *folder, Hash *result) {
  return unkind_all(comm, folder, ONE_CLASS_A_RANK, UNKIND_ROWS, result);
}

static Status fewer_rows_than_ranks(const Comm *comm, const char *folder, Hash *result) {
  return unkind_all(comm, folder, FEW_ROWS, 6, result);
}

/* ---- models on models: stacks by folds in two ways, calibration, thresholds ---- */

static const char NESTED[] =
    "{\"name\": \"nested\", \"seed\": 9, \"block\": 16, \"stages\": {\n"
    " \"tracks\": {\"kind\": \"synthesize\", \"rows\": 300},\n"
    " \"clean\": {\"kind\": \"clean\", \"input\": \"tracks\",\n"
    "   \"recording\": [[\"track_id\"], [\"artists\", \"track_name\"]],\n"
    "   \"rules\": {\"track_genre\": \"set\", \"popularity\": \"mean\"}},\n"
    " \"split\": {\"kind\": \"split\", \"input\": \"clean\", \"group\": \"recording\"},\n"
    " \"folds\": {\"kind\": \"folds\", \"input\": \"split\", \"group\": \"recording\", \"folds\": "
    "3},\n"
    " \"by_time\": {\"kind\": \"folds\", \"input\": \"split\", \"date\": \"release\",\n"
    "   \"folds\": 4, \"group\": \"recording\"},\n"
    " \"popularity\": {\"kind\": \"stack\", \"input\": \"split\", \"folds\": \"folds\",\n"
    "   \"target\": \"popularity\", \"by\": \"track_genre\", \"high\": 50, \"replicates\": 40,\n"
    "   \"features\": [\"danceability\", \"energy\", \"artists\", \"loudness\"],\n"
    "   \"recipe\": [{\"step\": \"target_encode\", \"columns\": [\"artists\"]}],\n"
    "   \"members\": {\"trees\": {\"model\": {\"kind\": \"forest\", \"trees\": 3}},\n"
    "     \"lines\": {\"model\": \"linear\", \"features\": [\"energy\", \"tempo\"], \"recipe\": "
    "[]},\n"
    "     \"upper\": {\"level\": 2, \"model\": \"linear\"},\n"
    "     \"higher\": {\"level\": 2, \"model\": {\"kind\": \"gbdt\", \"trees\": 2}}},\n"
    "   \"meta\": \"linear\", \"passthrough\": true},\n"
    " \"in_time\": {\"kind\": \"stack\", \"input\": \"split\", \"folds\": \"by_time\",\n"
    "   \"target\": \"track_genre\", \"replicates\": 0, \"features\": [\"danceability\", "
    "\"energy\", \"loudness\"],\n"
    "   \"members\": {\"trees\": {\"model\": {\"kind\": \"forest\", \"trees\": 3, \"max_depth\": "
    "4}},\n"
    "     \"mean\": {\"model\": \"constant\"}},\n"
    "   \"meta\": {\"kind\": \"forest\", \"trees\": 3, \"max_depth\": 4}},\n"
    " \"high\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"popularity\", \"above\": "
    "40,\n"
    "   \"features\": [\"danceability\", \"energy\", \"loudness\"],\n"
    "   \"model\": {\"kind\": \"forest\", \"trees\": 5}},\n"
    " \"sigmoid\": {\"kind\": \"calibrate\", \"input\": \"split\", \"model\": \"high\",\n"
    "   \"folds\": \"folds\"},\n"
    " \"steps\": {\"kind\": \"calibrate\", \"input\": \"split\", \"model\": \"high\",\n"
    "   \"folds\": \"folds\", \"method\": \"isotonic\"},\n"
    " \"decided\": {\"kind\": \"threshold\", \"input\": \"split\", \"model\": \"steps\",\n"
    "   \"folds\": \"folds\"},\n"
    " \"costly\": {\"kind\": \"threshold\", \"input\": \"split\", \"model\": \"high\", \"goal\": "
    "\"cost\",\n"
    "   \"folds\": \"by_time\", \"cost_false_negative\": 4},\n"
    " \"report\": {\"kind\": \"report\"}}}\n";

static Status nested(const Comm *comm, const char *folder, Hash *result) {
  static const char *const ways[] = {"rows", "folds"};
  Status status = OK;
  Hash all = hash_zero();
  for (int w = 0; w < 2; w++) {
    char own[1024], set[64];
    const char *sets[] = {set};
    Hash one = hash_zero();
    snprintf(own, sizeof own, "%s/%s", folder, ways[w]);
    snprintf(set, sizeof set, "/stages/popularity/spread=\"%s\"", ways[w]);
    AGREE(comm, comm->rank == 0 ? file_make_folder(own) : OK);
    TRY(run_config_all(comm, own, NESTED, 1, sets, &one));
    if (w > 0 && comm->rank == 0 && hash_compare(&one, &all) != 0)
      status = status_fail(NUMERIC, "spread by %s gives another result than by rows", ways[w]);
    AGREE(comm, status);
    all = one;
  }
  *result = all;
done:
  return status;
}

/* ---- neighbours in parts ---- */

enum { ROWS = 700, COLUMNS = 4, NEAREST = 9, PARTS = 3 };

static double lattice(int64_t row, int64_t j) {
  return (double)(hash_mix((uint64_t)(row * COLUMNS + j)) % 7);
}

/* Rows that are equal and equally far by the dozen. */
static Status neighbours_in_parts(const Comm *comm, const char *folder, Hash *result) {
  Status status = OK;
  Rows rows = rows_share(comm, ROWS, 16);
  Matrix x = {.d = 0};
  int32_t *row = NULL, *all = NULL;
  int64_t *count = NULL, *counts = NULL;
  (void)folder;
  Status local = matrix_init(&x, &rows, COLUMNS);
  for (int64_t j = 0; local == OK && j < COLUMNS; j++)
    for (int64_t i = 0; i < rows.n; i++) matrix_column(&x, j)[i] = lattice(rows.begin + i, j);
  if (local == OK) local = NEW(&row, rows.n * NEAREST);
  if (local == OK) local = NEW(&count, rows.n);
  AGREE(comm, local);
  NeighborsAmong among = {&x, NULL, NEIGHBORS_EUCLIDEAN, PARTS, NULL};
  NeighborsQuery query = {&x, NULL, rows.n, true};
  TRY(neighbors_nearest_all(comm, &among, &query, NEAREST, row, NULL));
  TRY(neighbors_count_all(comm, &among, &query, 2, INT64_MAX, count));
  TRY(comm_gather_all(comm, 0, row, (size_t)(rows.n * NEAREST) * sizeof *row, (void **)&all, NULL));
  TRY(comm_gather_all(comm, 0, count, (size_t)rows.n * sizeof *count, (void **)&counts, NULL));
  if (comm->rank == 0) {
    *result = hash_bytes(all, ROWS * NEAREST * sizeof *all, hash_zero());
    *result = hash_bytes(counts, ROWS * sizeof *counts, *result);
  }
done:
  matrix_clear(&x);
  memory_free(&row);
  memory_free(&all);
  memory_free(&count);
  memory_free(&counts);
  return status;
}

const RankCase pipeline_cases[] = {{"everything", everything},
                                   {"discovery", discovery},
                                   {"neighbours_in_parts", neighbours_in_parts},
                                   {"by_folds", by_folds},
                                   {"audits", audits},
                                   {"nested", nested},
                                   {"sorted_by_target", sorted_by_target},
                                   {"one_class_a_rank", one_class_a_rank},
                                   {"fewer_rows_than_ranks", fewer_rows_than_ranks},
                                   {NULL, NULL}};
