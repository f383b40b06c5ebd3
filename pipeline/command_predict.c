/* segue predict: new rows of a CSV file through a trained bundle.
 *
 * The bundle's artifact holds its lineage: the stages that its training rows came through. The file
 * is read as the sources of the lineage were (names, types, separators, missing words), and treated
 * as they were where that can be done row by row, so serving cannot drift from training. */
#include <cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "artifact.h"
#include "commands.h"
#include "config.h"
#include "io/csv.h"
#include "io/csv_write.h"
#include "io/file.h"
#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "launch.h"
#include "registry.h"

enum { BUNDLE, FILE_NAME, OUT, KEEP, WORDS };

static const WordRow rows[] = {
    [BUNDLE] = {.name = "BUNDLE",
                .help = "a trained stage's artifact: runs/NAME/stages/STAGE.h5",
                .required = true},
    [FILE_NAME] = {.name = "FILE.csv",
                   .help = "rows to predict, with the columns of the training files",
                   .required = true},
    [OUT] = {.name = "-o", .value = "OUT.csv", .help = "where predictions go", .required = true},
    [KEEP] = {.name = "--keep",
              .value = "COLUMN",
              .help = "copy a column of FILE.csv to the output, such as track_id",
              .many = true},
    {0}};

/* A stage of the lineage with its parsed options. */
typedef struct Ancestor {
  const StageKind *kind;
  void *options;
  char *name, *adjusts; /* of the stage whose bundle it adjusts; NULL: none */
} Ancestor;

typedef struct Serving {
  Ancestor *ancestors; /* inputs first; the last one is the bundle's own stage */
  int64_t n;
  Artifact artifact;
  bool begun;
  CsvOptions csv; /* pieces are borrowed but for columns.names and columns.items */
} Serving;

static void serving_clear(Serving *s) {
  if (s->begun) artifact_clear(&s->artifact);
  for (int64_t i = 0; s->ancestors && i < s->n; i++) {
    if (s->ancestors[i].options)
      options_clear(s->ancestors[i].kind->kind.options, s->ancestors[i].options);
    memory_free(&s->ancestors[i].options);
    memory_free(&s->ancestors[i].name);
    memory_free(&s->ancestors[i].adjusts);
  }
  memory_free(&s->ancestors);
  memory_free(&s->csv.columns.names);
  memory_free(&s->csv.columns.items);
}

static Status parse_ancestor(const cJSON *object, const char *path, Ancestor *out) {
  Status status = OK;
  const char *kind = cJSON_GetStringValue(cJSON_GetObjectItem(object, "kind"));
  char *options = cJSON_PrintUnformatted(cJSON_GetObjectItem(object, "options"));
  const Kind *found = kind ? registry_find(stage_kinds, kind) : NULL;
  if (!found || !options) {
    status = status_fail(FORMAT,
                         "%s: it comes from a stage of kind \"%s\", which this segue does "
                         "not know",
                         path, kind ? kind : "?");
    goto done;
  }
  out->kind = (const StageKind *)found;
  const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(object, "name"));
  const char *adjusts = cJSON_GetStringValue(cJSON_GetObjectItem(object, "adjusts"));
  if (name) TRY(memory_text(&out->name, name));
  if (adjusts) TRY(memory_text(&out->adjusts, adjusts));
  TRY(config_parse_options(found, options, "/options", &out->options));
done:
  cJSON_free(options);
  return status;
}

static Status parse_lineage(const char *path, const char *text, Serving *s) {
  Status status = OK;
  cJSON *root = text ? cJSON_Parse(text) : NULL, *item = NULL;
  if (cJSON_GetArraySize(root) == 0) {
    status =
        status_fail(FORMAT, "%s: this artifact has no lineage; it is not one of segue's", path);
    goto done;
  }
  TRY(NEW(&s->ancestors, cJSON_GetArraySize(root)));
  cJSON_ArrayForEach(item, root) TRY(parse_ancestor(item, path, &s->ancestors[s->n++]));
  if (s->ancestors[s->n - 1].kind->output != PORT_BUNDLE)
    status = status_fail(INVALID,
                         "%s: a stage of kind \"%s\" gives no bundle; name the artifact of "
                         "a train stage",
                         path, s->ancestors[s->n - 1].kind->kind.name);
done:
  cJSON_Delete(root);
  return status;
}

/* A newer segue's lineage may hold options that are unknown here: that would not be the thing to
 * say, so the format is looked at first. */
static Status check_format(const Fields *fields) {
  const Field *field = fields_find(fields, "bundle/format");
  if (!field || field->type != FIELD_INTEGER || field->dimensions > 0) return OK;
  return bundle_check_format(*(const int64_t *)field->data);
}

/* The ancestor whose options hold the bundle's spec. */
static const Ancestor *maker_of(const Serving *s) {
  const Ancestor *maker = &s->ancestors[s->n - 1];
  for (int64_t i = s->n - 1; i >= 0; i--) { /* inputs come first */
    const Ancestor *one = &s->ancestors[i];
    if (maker->adjusts && one->name && strcmp(one->name, maker->adjusts) == 0) maker = one;
  }
  return maker;
}

/* What was read becomes the stages it came through, then the bundle of the last. The lineage comes
 * before the bundle: an artifact of another kind is named as such. */
static Status make_sense(const char *path, Fields *fields, const Rows *share,
                         const StoreTexts *texts, bool root, Serving *s) {
  Status status = OK;
  TRY(status_prefix(check_format(fields), "%s: ", path));
  TRY(parse_lineage(path, store_text(texts, "lineage"), s));
  const Ancestor *own = &s->ancestors[s->n - 1], *maker = maker_of(s);
  if (maker->adjusts || maker->kind->output != PORT_BUNDLE)
    return status_fail(FORMAT, "%s: the stage whose model it adjusts is not in its lineage", path);
  artifact_init(&s->artifact, own->kind, maker->kind, maker->options, root);
  s->begun = true;
  TRY(status_prefix(artifact_take(&s->artifact, fields, share, texts), "%s: ", path));
done:
  return status;
}

static Status load_all(const Comm *comm, const char *path, Serving *s) {
  Status status = OK;
  StoreTexts texts = {0};
  Fields fields;
  Rows share;
  fields_init(&fields, FIELDS_IN);
  TRY(store_read_all(comm, path, &texts, &fields, &share));
  AGREE(comm, make_sense(path, &fields, &share, &texts, comm->rank == 0, s));
done:
  store_texts_clear(&texts);
  fields_clear(&fields);
  return status;
}

/* How the lineage's sources read a column; NULL when none names it. */
static const CsvColumn *source_column(const Serving *s, const char *name) {
  for (int64_t i = 0; i < s->n; i++) {
    if (strcmp(s->ancestors[i].kind->kind.name, "read_csv") != 0) continue;
    const CsvOptions *csv = s->ancestors[i].options;
    for (int64_t j = 0; j < csv->columns.n; j++)
      if (strcmp(csv->columns.names[j], name) == 0)
        return (const CsvColumn *)csv->columns.items + j;
  }
  return NULL;
}

/* The first source says how files look. */
static void file_format(const Serving *s, CsvOptions *csv) {
  csv->header = true;
  for (int64_t i = 0; i < s->n; i++) {
    if (strcmp(s->ancestors[i].kind->kind.name, "read_csv") != 0) continue;
    *csv = *(const CsvOptions *)s->ancestors[i].options;
    return;
  }
}

/* Columns to read: what the bundle needs, and under names of their own what is to be kept. */
static Status plan_reading(Serving *s, const char *path, const WordValue *keep) {
  Status status = OK;
  const Schema *needed = &s->artifact.bundle.needed;
  CsvColumn *items = NULL;
  file_format(s, &s->csv);
  s->csv.path = (char *)(uintptr_t)path;
  s->csv.columns = (Map){.n = needed->n + keep->n};
  TRY(NEW(&s->csv.columns.names, s->csv.columns.n));
  TRY(NEW(&items, s->csv.columns.n));
  s->csv.columns.items = items;
  for (int64_t j = 0; j < needed->n; j++) {
    const SchemaColumn *column = &needed->columns[j];
    const CsvColumn *source = source_column(s, column->name);
    s->csv.columns.names[j] = column->name;
    if (source) items[j] = *source;
    bool as_read = source && (column->type != COLUMN_LIST || strncmp(source->type, "list", 4) == 0);
    if (as_read) continue;
    /* Nothing says how: by its type; what clean made a set of stands in a file joined by ';'. */
    items[j].type = (char *)(uintptr_t)column_type_words[column->type];
    if (column->type == COLUMN_LIST) items[j].separator = (char *)(uintptr_t) ";";
  }
  for (int64_t k = 0; k < keep->n; k++) {
    const CsvColumn *source = source_column(s, keep->items[k]);
    s->csv.columns.names[needed->n + k] = (char *)(uintptr_t)keep->items[k];
    items[needed->n + k] = (CsvColumn){
        .type = (char *)(uintptr_t) "text",
        .from = source && source->from ? source->from : (char *)(uintptr_t)keep->items[k]};
  }
done:
  return status;
}

/* A column that is both needed and kept is read once, under its own name. */
static int64_t drop_doubles(const Serving *s, const WordValue *keep, const char **kept) {
  int64_t n = 0;
  for (int64_t k = 0; k < keep->n; k++)
    if (!schema_find(&s->artifact.bundle.needed, keep->items[k])) kept[n++] = keep->items[k];
  return n;
}

static Status serve_rows(const Serving *s, Table *table) {
  Status status = OK;
  for (int64_t i = 0; i < s->n; i++)
    if (s->ancestors[i].kind->serve)
      TRY(s->ancestors[i].kind->serve(s->ancestors[i].options, table));
done:
  return status;
}

/* ---- output ---- */

static void head(const Bundle *bundle, const WordValue *keep, CsvText *out) {
  csv_text_add(out, "row", 3);
  for (int64_t k = 0; k < keep->n; k++) csv_text_add(out, keep->items[k], -1);
  csv_text_add(out, "prediction", -1);
  if (bundle->task == TASK_CLASSIFICATION) csv_text_add(out, "probability", -1);
  if (bundle_interval(bundle) > 0) {
    csv_text_add(out, "low", -1);
    csv_text_add(out, "high", -1);
  }
  csv_text_end(out);
}

/* interval: low and high; NULL: none */
static void line(const Bundle *bundle, const Table *table, Column *const *kept, int64_t n_kept,
                 int64_t i, const double *value, const double *interval, CsvText *out) {
  csv_text_integer(out, table->row_id[i]);
  for (int64_t k = 0; k < n_kept; k++) csv_text_column(out, kept[k], i);
  if (bundle->task == TASK_CLASSIFICATION) {
    int32_t best = bundle_class(bundle, value);
    int64_t n = 0;
    const char *word = dictionary_word(&bundle->classes, best, &n);
    csv_text_add(out, word, n);
    csv_text_real(out, value[best]);
  } else {
    csv_text_real(out, value[0]);
  }
  for (int side = 0; interval && side < 2; side++) csv_text_real(out, interval[side]);
  csv_text_end(out);
}

static Status format(const Bundle *bundle, const Table *table, const WordValue *keep, bool first,
                     CsvText *out) {
  Status status = OK;
  double *value = NULL, *interval = NULL;
  Column **kept = NULL;
  int64_t width = bundle_width(bundle);
  TRY(NEW(&value, table->rows.n * width));
  TRY(NEW(&kept, keep->n));
  for (int64_t k = 0; k < keep->n; k++) TRY(table_require(table, keep->items[k], &kept[k]));
  if (bundle_interval(bundle) > 0) TRY(NEW(&interval, 2 * table->rows.n));
  TRY(bundle_predict_interval(bundle, table, value, interval));
  if (first) head(bundle, keep, out);
  for (int64_t i = 0; i < table->rows.n; i++)
    line(bundle, table, kept, keep->n, i, value + i * width, interval ? interval + 2 * i : NULL,
         out);
  status = out->status;
done:
  memory_free(&value);
  memory_free(&interval);
  memory_free(&kept);
  return status;
}

static Status write_all(const Comm *comm, const char *path, const CsvText *text) {
  Status status = OK;
  char *whole = NULL;
  size_t *offsets = NULL;
  AGREE(comm, NEW(&offsets, comm->size + 1));
  TRY(comm_gather_all(comm, 0, text->bytes, (size_t)text->n, (void **)&whole, offsets));
  AGREE(comm, comm->rank == 0 ? file_write(path, whole, (int64_t)offsets[comm->size]) : OK);
done:
  memory_free(&whole);
  memory_free(&offsets);
  return status;
}

static Status predict_all(const Comm *comm, const WordValue *values) {
  Status status = OK;
  Serving s = {0};
  Table table = {0};
  CsvText text = {0};
  CsvReport report = {0};
  WordValue fresh = {0}; /* kept columns that are not read anyway */
  TRY(launch_check_profile_all(comm));
  AGREE(comm, NEW(&fresh.items, values[KEEP].n));
  TRY(load_all(comm, values[BUNDLE].items[0], &s));
  fresh.n = drop_doubles(&s, &values[KEEP], fresh.items);
  AGREE(comm, plan_reading(&s, values[FILE_NAME].items[0], &fresh));
  TRY(csv_read_all(comm, &s.csv, ROWS_BLOCK_DEFAULT, &table, &report));
  AGREE(comm, serve_rows(&s, &table));
  AGREE(comm, format(&s.artifact.bundle, &table, &values[KEEP], comm->rank == 0, &text));
  TRY(write_all(comm, values[OUT].items[0], &text));
  if (comm->rank == 0) {
    fprintf(stderr, "segue: %lld rows predicted, %s\n", (long long)report.rows,
            values[OUT].items[0]);
    if (report.skipped > 0)
      fprintf(stderr, "segue: warning: %lld rows were left out, the first: %s\n",
              (long long)report.skipped, report.n_examples > 0 ? report.examples[0] : "");
  }
done:
  csv_text_clear(&text);
  csv_report_clear(&report);
  table_clear(&table);
  memory_free(&fresh.items);
  serving_clear(&s);
  return status;
}

int command_predict(int n, char **words) {
  WordValue values[WORDS] = {0};
  int exit_status = EXIT_WRONG_USAGE;
  Comm world;
  if (words_parse("predict",
                  "Predicts the rows of FILE.csv. It is read and treated as the training "
                  "files were:\nthe same names, types, separators and missing words.",
                  rows, n, words, values, &exit_status)) {
    if (launch_mpi(&world) != OK) {
      if (words_speaker()) fprintf(stderr, "segue: error: %s\n", status_message());
      words_clear(rows, values);
      return EXIT_WRONG_USAGE;
    }
    fault_from_environment(world.rank);
    Status status = predict_all(&world, values);
    if (status != OK && world.rank == 0) fprintf(stderr, "segue: error: %s\n", status_message());
    comm_barrier_all(&world);
    exit_status = status == OK ? EXIT_DONE : EXIT_STAGE_FAILED;
  }
  words_clear(rows, values);
  return exit_status;
}
