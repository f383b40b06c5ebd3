/* Inference over all rows: a guess from the first thousand would fail on the first odd value after
 * them, and would depend on how rows are spread. Each rank rules types out; what is left over on
 * all ranks is agreed with one reduction, and distinct words are merged only for columns that are
 * still candidates for a category. */
#include "csv_infer.h"

#include "kernels/base/memory.h"

typedef struct Probe {
  /* 1 while possible, ruled out by 0; numbers, so that one minimum over ranks joins them. */
  int64_t boolean, integer, real, date, category;
  int64_t empty; /* no value so far */
  CsvWords words;
} Probe;
enum { FLAGS = 6 };

static bool labelled(CsvField field) {
  const char *p = field.text, *end = p + field.n;
  if (p < end && (*p == '-' || *p == '+')) p++;
  return end - p > 1 && p[0] == '0' && p[1] >= '0' && p[1] <= '9';
}

static bool truth_word(CsvField field) {
  uint8_t value;
  return field.n > 1 && csv_parse_boolean(field, &value) == CSV_GOOD;
}

static bool integer_word(CsvField field) {
  int64_t value;
  bool digits = !memchr(field.text, '.', (size_t)field.n) &&
                !memchr(field.text, 'e', (size_t)field.n) &&
                !memchr(field.text, 'E', (size_t)field.n);
  return digits && csv_parse_integer(field, &value) == CSV_GOOD;
}

static Status probe_value(Probe *probe, CsvField field) {
  Status status = OK;
  double real;
  int32_t date, code;
  probe->empty = 0;
  if (probe->boolean && !truth_word(field)) probe->boolean = 0;
  if ((probe->integer || probe->real) && labelled(field)) probe->integer = probe->real = 0;
  if (probe->integer && !integer_word(field)) probe->integer = 0;
  if (probe->real && csv_parse_real(field, &real) != CSV_GOOD) probe->real = 0;
  if (probe->date && csv_parse_date(field, &date) != CSV_GOOD) probe->date = 0;
  if (!probe->category) return OK;
  TRY(csv_words_code(&probe->words, field.text, field.n, &code));
  if (probe->words.n > CSV_CATEGORY_WORDS) {
    probe->category = 0;
    csv_words_clear(&probe->words);
  }
done:
  return status;
}

static Status probe_batch(const CsvRules *rules, const CsvBatch *batch, const uint8_t *reason,
                          const CsvTarget *targets, Probe *probes) {
  Status status = OK;
  for (int64_t i = 0; i < rules->n_targets; i++) {
    for (int64_t k = 0; targets[i].type == COLUMN_TYPES && k < batch->n; k++) {
      if (reason[k] != CSV_GOOD) continue;
      CsvField field = csv_batch_field(batch, k, targets[i].field, targets[i].last);
      if (csv_is_missing(&rules->options->missing, field)) continue;
      TRY(probe_value(&probes[i], field));
    }
  }
done:
  return status;
}

static Status probe_rows(const CsvRules *rules, CsvReader *reader, const CsvTarget *targets,
                         Probe *probes) {
  Status status = OK;
  uint8_t *reason = NULL;
  int64_t capacity = 0;
  bool too_long = false;
  for (;;) {
    TRY(csv_reader_next(reader, &too_long));
    if (reader->batch.n == 0) break; /* what stopped it is reported when rows are parsed */
    TRY(RESERVE(&reason, &capacity, reader->batch.n));
    csv_rows_check(rules, &reader->batch, reason);
    TRY(probe_batch(rules, &reader->batch, reason, targets, probes));
  }
done:
  memory_free(&reason);
  return status;
}

/* Is it few words over all ranks? */
static Status categorical_all(const Comm *comm, const CsvWords *words, int64_t n_global,
                              bool *few) {
  Dictionary dictionary = {0};
  Status status = csv_words_merge_all(comm, words, &dictionary, NULL);
  *few =
      dictionary.n <= CSV_CATEGORY_WORDS && (int64_t)dictionary.n * CSV_CATEGORY_SHARE <= n_global;
  dictionary_clear(&dictionary);
  return status;
}

static Status decide_all(const Comm *comm, const int64_t flags[FLAGS], const CsvWords *words,
                         int64_t n_global, ColumnType *type) {
  Status status = OK;
  bool few = false;
  if (flags[5])
    *type = COLUMN_REAL;
  else if (flags[0])
    *type = COLUMN_BOOLEAN;
  else if (flags[1])
    *type = COLUMN_INTEGER;
  else if (flags[2])
    *type = COLUMN_REAL;
  else if (flags[3])
    *type = COLUMN_DATE;
  else {
    if (flags[4]) TRY(categorical_all(comm, words, n_global, &few));
    *type = few ? COLUMN_CATEGORY : COLUMN_TEXT;
  }
done:
  return status;
}

Status csv_infer_all(const Comm *comm, const CsvRules *rules, CsvReader *reader, int64_t n_global,
                     CsvTarget *targets) {
  Status status = OK;
  int64_t n = rules->n_targets;
  Probe *probes = NULL;
  int64_t *flags = NULL;
  Status local = NEW(&probes, n);
  if (local == OK) local = NEW(&flags, n * FLAGS);
  AGREE(comm, local);
  for (int64_t i = 0; i < n; i++)
    probes[i] =
        (Probe){.boolean = 1, .integer = 1, .real = 1, .date = 1, .category = 1, .empty = 1};
  AGREE(comm, probe_rows(rules, reader, targets, probes));
  for (int64_t i = 0; i < n; i++) {
    const int64_t mine[FLAGS] = {probes[i].boolean, probes[i].integer,  probes[i].real,
                                 probes[i].date,    probes[i].category, probes[i].empty};
    memcpy(flags + i * FLAGS, mine, sizeof mine);
  }
  comm_min_all(comm, flags, n * FLAGS);
  for (int64_t i = 0; i < n; i++) {
    if (targets[i].type != COLUMN_TYPES) continue;
    TRY(decide_all(comm, flags + i * FLAGS, &probes[i].words, n_global, &targets[i].type));
  }
done:
  for (int64_t i = 0; probes && i < n; i++) csv_words_clear(&probes[i].words);
  memory_free(&probes);
  memory_free(&flags);
  return status;
}
