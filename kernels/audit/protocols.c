/* Protocols: the rows divided in every way, and the job fitted and judged under each.
 *
 * All are folds of one Folds, so that one list of tasks goes over the ranks; a protocol that is
 * drawn several times has a fold for each draw. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/dataset/division.h"
#include "kernels/dataset/recordings.h"
#include "kernels/numeric/hash.h"
#include "parts.h"

const char *const protocol_words[] = {"row",      "id",         "recording", "artist",
                                      "temporal", "file_order", "own_split"};

static const char ARTIST_GROUP[] = "\001apart/artist", PLACE[] = "\001place";

static ProtocolKind home_of(const AuditOptions *o) {
  return o->split ? AS_THE_JOB : o->spec->group ? BY_RECORDING : o->id ? BY_ID : BY_ROW;
}

const char *audit_home(const AuditOptions *options) { return protocol_words[home_of(options)]; }

static bool asked_for(const Audit *audit, ProtocolKind kind) {
  const AuditOptions *o = audit->options;
  switch (kind) {
    case BY_ID: return o->id;
    case BY_RECORDING: return o->spec->group;
    case BY_ARTIST: return o->artist;
    case IN_TIME: return o->date;
    case AS_THE_JOB: return o->split;
    default: return true;
  }
}

static bool is_drawn(ProtocolKind kind) { return kind <= BY_ARTIST; }

/* The column whose rows a protocol keeps together. */
static const char *group_of(const Audit *audit, ProtocolKind kind) {
  const char *recording = relation_column(audit, SAME_RECORDING);
  const char *id = relation_column(audit, SAME_ID);
  switch (kind) {
    case BY_ID: return id;
    case BY_RECORDING:
    case AS_THE_JOB: return recording;
    case IN_TIME: return recording ? recording : id;
    case BY_ARTIST: return ARTIST_GROUP;
    default: return NULL;
  }
}

/* ---- columns that only protocols need ---- */

/* Rows of an artist, and of a recording, whose rows may name several. */
static Status number_artists_all(Audit *audit) {
  Status status = OK;
  Column *column = NULL;
  RecordingCounts counts;
  const char *names[2] = {relation_column(audit, SAME_ARTIST),
                          relation_column(audit, SAME_RECORDING)};
  TextList keys[2] = {{1, (char **)(uintptr_t)&names[0]}, {1, (char **)(uintptr_t)&names[1]}};
  TextLists both = {names[1] ? 2 : 1, keys};
  AGREE(audit->comm, column_new(&column, ARTIST_GROUP, COLUMN_INTEGER, audit->table.rows.n, 0));
  TRY(recordings_find_all(audit->comm, &audit->table, &both, column->integer, &counts));
  Status local = table_add(&audit->table, column);
  column = NULL;
  AGREE(audit->comm, local);
done:
  column_release(&column);
  return status;
}

static Status add_place(Audit *audit) {
  Status status = OK;
  Column *column = NULL;
  TRY(column_new(&column, PLACE, COLUMN_REAL, audit->table.rows.n, 0));
  for (int64_t i = 0; i < column->n; i++) column->real[i] = (double)(audit->table.rows.begin + i);
  TRY(table_add(&audit->table, column));
done:
  return status;
}

/* ---- dividing ---- */

static void last_rows(const Audit *audit, uint8_t *role) {
  const Rows *rows = &audit->table.rows;
  double first = (double)rows->n_global * (1 - audit->options->test);
  for (int64_t i = 0; i < rows->n; i++)
    role[i] = (double)(rows->begin + i) >= first ? ROLE_VALIDATE : ROLE_TRAIN;
}

static Status divide_all(Audit *audit, ProtocolKind kind, int64_t draw, uint8_t *role) {
  const AuditOptions *o = audit->options;
  DivisionCounts counts;
  Division division = {.group = audit->protocols[kind].group,
                       .date = kind == IN_TIME ? o->date : NULL,
                       .seed = draw == 0 ? o->seed : hash_mix(o->seed + (uint64_t)draw)};
  if (kind == AS_THE_JOB)
    return status_agree_all(audit->comm, folds_of_split(&audit->table, o->split, role));
  if (kind != IN_FILE_ORDER)
    return division_split_all(audit->comm, &audit->table, &division, o->test, 0, role, &counts);
  last_rows(audit, role);
  return OK;
}

/* In which parts each class stands: bit 1 training, bit 2 test. */
static void mark_classes(const Column *target, const uint8_t *role, int64_t *parts) {
  for (int64_t i = 0; i < target->n; i++) {
    int64_t bit = role[i] == ROLE_TRAIN ? 1 : role[i] == ROLE_VALIDATE ? 2 : 0;
    if (bit == 0 || column_missing(target, i)) continue;
    if (target->type == COLUMN_LIST)
      for (int64_t k = target->offset[i]; k < target->offset[i + 1]; k++)
        parts[target->code[k]] |= bit;
    else
      parts[(int64_t)column_real(target, i)] |= bit;
  }
}

/* Can a model be fitted and judged on these parts? Fails with INVALID. */
static Status check_parts_all(const Audit *audit, const uint8_t *role) {
  Status status = OK;
  const Column *target = table_find(&audit->table, audit->options->spec->target);
  int64_t sizes[3] = {0}, n = audit->needs.problem.classes.n, classes = 0, *parts = NULL;
  for (int64_t i = 0; i < target->n; i++)
    if (!column_missing(target, i)) sizes[role[i]]++;
  comm_sum_all(audit->comm, sizes, 3);
  if (sizes[ROLE_TRAIN] == 0 || sizes[ROLE_VALIDATE] == 0)
    return status_fail(INVALID, "%lld training and %lld test rows have a target",
                       (long long)sizes[ROLE_TRAIN], (long long)sizes[ROLE_VALIDATE]);
  if (audit->needs.problem.task == TASK_REGRESSION) return OK;
  AGREE(audit->comm, NEW(&parts, 2 * n));
  mark_classes(target, role, parts);
  for (int64_t c = 0; c < n; c++) parts[n + c] = parts[c] >> 1;
  for (int64_t c = 0; c < n; c++) parts[c] &= 1;
  comm_max_all(audit->comm, parts, 2 * n);
  for (int64_t c = 0; c < n; c++) classes += parts[c];
  if (classes < 2) status = status_fail(INVALID, "all training rows are of one class");
done:
  memory_free(&parts);
  return status;
}

static Status describe_all(Audit *audit, Protocol *protocol) {
  int64_t sizes[3] = {0};
  const uint8_t *role = folds_role(&audit->folds, protocol->fold);
  for (int64_t i = 0; i < audit->folds.rows.n; i++) sizes[role[i]]++;
  comm_sum_all(audit->comm, sizes, 3);
  protocol->n_training = sizes[ROLE_TRAIN];
  protocol->n_test = sizes[ROLE_VALIDATE];
  return relations_shares_all(audit, role, protocol->share);
}

/* Add a protocol's folds behind the others; what it cannot divide leaves it out. */
static Status add_protocol_all(Audit *audit, ProtocolKind kind) {
  Status status = OK;
  Protocol *protocol = &audit->protocols[kind];
  int64_t draws = is_drawn(kind) ? audit->options->repeats : 1;
  protocol->group = group_of(audit, kind);
  protocol->spec = *audit->options->spec;
  protocol->spec.group = protocol->group;
  protocol->fold = audit->folds.n_folds;
  for (int64_t draw = 0; draw < draws && status == OK; draw++) {
    uint8_t *role = folds_role(&audit->folds, protocol->fold + draw);
    status = divide_all(audit, kind, draw, role);
    if (status == OK) status = check_parts_all(audit, role);
  }
  if (status == INVALID) {
    if (kind == audit->home)
      return status_prefix(
          status, "the protocol \"%s\", which the audit compares with: ", protocol_words[kind]);
    snprintf(protocol->why, WHY, "%.*s", WHY - 1, status_message());
    return OK;
  }
  TRY(status);
  protocol->repeats = draws;
  audit->folds.n_folds += draws;
  TRY(describe_all(audit, protocol));
done:
  return status;
}

/* What a row's tenth of the file tells beyond chance: three deviations of an R2 of ten bins. */
static bool is_sorted(const Audit *audit) {
  double n = (double)audit->protocols[audit->home].n_test;
  return audit->tenths > 0.01 + 3 * sqrt(18) / n;
}

Status protocols_all(Audit *audit) {
  enum { TENTHS = 10 };
  Status status = OK;
  const AuditOptions *o = audit->options;
  audit->home = home_of(o);
  AGREE(audit->comm, folds_init(&audit->folds, &audit->table.rows,
                                (BY_ARTIST + 1) * o->repeats + PROTOCOLS - BY_ARTIST - 1));
  audit->folds.n_folds = 0;
  folds_key_all(audit->comm, &audit->table, audit->folds.key);
  if (o->artist) TRY(number_artists_all(audit));
  AGREE(audit->comm, add_place(audit));
  for (int kind = 0; kind < PROTOCOLS; kind++)
    if (kind != IN_FILE_ORDER && asked_for(audit, (ProtocolKind)kind))
      TRY(add_protocol_all(audit, (ProtocolKind)kind));
  TRY(home_tells_all(audit, audit_role(audit, audit->home), PLACE, TENTHS, &audit->tenths));
  if (is_sorted(audit)) TRY(add_protocol_all(audit, IN_FILE_ORDER));
done:
  return status;
}

/* ---- running ---- */

static void sum_up(Protocol *protocol, const FoldResult *results) {
  const FoldResult *own = results + protocol->fold;
  double n = (double)protocol->repeats;
  protocol->first = protocol->mean = own[0].scores;
  for (int64_t k = 0; k < evaluate_score_count(own[0].scores.task); k++) {
    double sum = 0, squares = 0;
    for (int64_t f = 0; f < protocol->repeats; f++) sum += own[f].scores.value[k];
    protocol->mean.value[k] = sum / n;
    for (int64_t f = 0; f < protocol->repeats; f++) {
      double off = own[f].scores.value[k] - sum / n;
      squares += off * off;
    }
    protocol->sd[k] = n > 1 ? sqrt(squares / (n - 1)) : NAN;
  }
}

/* Every fold but the first of home, which is fitted by all ranks. */
static int64_t list_tasks(const Audit *audit, FoldTask *tasks) {
  int64_t n = 0;
  for (int kind = 0; kind < PROTOCOLS; kind++) {
    const Protocol *protocol = &audit->protocols[kind];
    for (int64_t f = (ProtocolKind)kind == audit->home; f < protocol->repeats; f++)
      tasks[n++] = (FoldTask){
          .spec = &protocol->spec, .fold = protocol->fold + f, .name = protocol_words[kind]};
  }
  return n;
}

static Status run_tasks_all(const Audit *audit, int64_t n, const FoldTask *tasks,
                            FoldResult *results) {
  Status status = OK;
  FoldInputs in = {.table = &audit->table,
                   .folds = &audit->folds,
                   .measure = audit->options->measure,
                   .seed = audit->options->seed,
                   .spread = audit->options->spread};
  CrossValidation cv = {.comm = *audit->comm, .group = *audit->comm};
  if (n == 0) return OK;
  work_phase(audit->sink, "protocols, percent");
  TRY(cross_validation_init_all(audit->comm, &in, n, tasks, &cv));
  TRY(cross_validation_run_all(&cv, n, tasks, audit->sink, results));
done:
  cross_validation_clear_all(&cv);
  return status;
}

Status protocols_run_all(Audit *audit, const FoldScores *home) {
  Status status = OK;
  FoldTask *tasks = NULL;
  FoldResult *results = NULL, *by_fold = NULL;
  int64_t n = audit->folds.n_folds;
  Status local = NEW(&tasks, n);
  if (local == OK) local = NEW(&results, n);
  if (local == OK) local = NEW(&by_fold, n);
  AGREE(audit->comm, local);
  int64_t n_tasks = list_tasks(audit, tasks);
  TRY(run_tasks_all(audit, n_tasks, tasks, results));
  for (int64_t t = 0; t < n_tasks; t++) by_fold[tasks[t].fold] = results[t];
  by_fold[audit->protocols[audit->home].fold].scores = *home;
  for (int kind = 0; kind < PROTOCOLS; kind++)
    if (audit->protocols[kind].repeats > 0) sum_up(&audit->protocols[kind], by_fold);
done:
  memory_free(&tasks);
  memory_free(&results);
  memory_free(&by_fold);
  return status;
}
