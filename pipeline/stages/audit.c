/* audit: how much a careless protocol would flatter a job, and which known faults it has.
 *
 * It takes what a train stage takes, and the table as it was before duplicates were merged, and
 * gives nothing but what it has to say. */
#include "job.h"
#include "kernels/audit/audit.h"
#include "kernels/dataset/division.h"

typedef struct AuditStageOptions {
  JobOptions job;
  Variant model;
  char *id, *artist, *date;
  TextList audio;
  double test;
  int64_t repeats;
} AuditStageOptions;

static const Option rows[] = {
    JOB_WHAT,
    OPTION_VARIANT(AuditStageOptions, model, NULL, model_kinds, "the model"),
    JOB_GROUP,
    OPTION_TEXT(AuditStageOptions, id, "null", "column of ids: rows of an equal id are twins"),
    OPTION_TEXTS(AuditStageOptions, audio, "[]",
                 "number columns: rows that are equal in all of them are twins"),
    OPTION_TEXT(AuditStageOptions, artist, "null",
                "text, category or list column (its first word): rows of an artist"),
    OPTION_TEXT(AuditStageOptions, date, "null",
                "date or number column: the newest rows as test part, too"),
    OPTION_TEXT(JobOptions, split, "null",
                "category column with the job's own parts \"train\" and \"test\": what the other "
                "protocols are compared with; null: the split by group"),
    OPTION_TEXT(JobOptions, by, "null",
                "category or list column whose words dropping duplicates may starve (default: the "
                "target, when it is such)"),
    JOB_WEIGHT,
    OPTION_REAL(AuditStageOptions, test, "0.25", 0.001, 0.999,
                "share of test rows where rows are drawn or the newest"),
    OPTION_INTEGER(AuditStageOptions, repeats, "1", 1, 1000,
                   "how often rows are drawn by each protocol; more for small tables, whose scores "
                   "hang on the draw"),
    JOB_SCORES,
    JOB_SPREAD,
    {0}};

static const Port ports[] = {
    {"input", PORT_TABLE, true,
     "rows with their duplicates (`clean` with \"duplicates\": \"keep\" numbers recordings)"},
    {0}};

static bool is_number(ColumnType type) {
  return type == COLUMN_REAL || type == COLUMN_INTEGER || type == COLUMN_BOOLEAN;
}

static Status plan_artist(const char *name, const Schema *schema) {
  const SchemaColumn *column = NULL;
  if (!name) return OK;
  Status status = status_prefix(schema_require(schema, name, &column), "artist: ");
  if (status != OK || column->type == COLUMN_TEXT || column->type == COLUMN_CATEGORY ||
      column->type == COLUMN_LIST)
    return status;
  return status_fail(INVALID, "artist: column \"%s\" is %s; a text, category or list is needed",
                     name, column_type_phrase(column->type));
}

static Status plan_audio(const TextList *names, const Schema *schema) {
  for (int64_t j = 0; j < names->n; j++) {
    const SchemaColumn *column = NULL;
    Status status = status_prefix(schema_require(schema, names->items[j], &column), "audio: ");
    if (status != OK) return status;
    if (!is_number(column->type))
      return status_fail(INVALID, "audio: column \"%s\" is %s; numbers are needed", column->name,
                         column_type_phrase(column->type));
  }
  return OK;
}

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const AuditStageOptions *o = options;
  const Schema *schema = &inputs[0]->schema;
  const SchemaColumn *id = NULL;
  Division in_time = {.date = o->date};
  Task task;
  Spec spec = job_spec(&o->job, &o->model);
  (void)output;
  TRY(job_plan(&o->job, schema, &task));
  TRY(job_plan_spec(&spec, task, schema, NULL));
  if (o->id) TRY(status_prefix(schema_require(schema, o->id, &id), "id: "));
  TRY(plan_artist(o->artist, schema));
  TRY(plan_audio(&o->audio, schema));
  TRY(division_plan(&in_time, schema));
done:
  return status;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const AuditStageOptions *o = options;
  const MeasureOptions standard = measure_options_default(context->seed);
  Spec spec = job_spec(&o->job, &o->model);
  JobOptions asked = o->job; /* a split that tears recordings is a finding, no refusal */
  Job job;
  asked.split = NULL;
  TRY(job_init_all(context, &asked, &inputs[0]->table, &job));
  job.measure.replicates = standard.replicates;
  job.measure.confidence = standard.confidence;
  AuditOptions audit = {.spec = &spec,
                        .id = o->id,
                        .artist = o->artist,
                        .audio = o->audio,
                        .date = o->date,
                        .by = o->job.by,
                        .split = o->job.split,
                        .test = o->test,
                        .repeats = o->repeats,
                        .measure = &job.measure,
                        .spread = (Spread)o->job.spread,
                        .seed = context->seed};
  TRY(audit_all(context->comm, job.table, &audit, context->sink, &output->summary));
done:
  job_clear(&job);
  return status;
}

extern const StageKind audit_stage;
const StageKind audit_stage = {
    .kind = {.name = "audit",
             .help =
                 "Shows what careless protocols would report of a job, and which faults it has.",
             .version = 1,
             .options_size = sizeof(AuditStageOptions),
             .options = rows},
    .inputs = ports,
    .output = PORT_NOTHING,
    .plan = plan,
    .run_all = run_all};
