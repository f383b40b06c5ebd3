/* CSV into a table: what is done by whom and in which order; see csv.h.
 *
 *   csv_source   the bytes: opening, gzip, reading
 *   csv_header   rank 0 reads the first line; which fields are wanted
 *   csv_divide   pass 1: counts records, gives every rank the bytes of its own blocks of rows
 *   csv_scan     where records and fields end, in both passes
 *   csv_infer    types that the config leaves open (a pass of its own)
 *   csv_rows     is a record well-formed; the messages
 *   csv_values   pass 2: fields into columns
 *   csv_numbers  eight numbers of a record at once, ahead of that
 *   csv_words    words of categories and lists into dictionaries
 *
 * Ranks hold their rows in file order, and each stops at its first bad row; the agreed failure is
 * that of the lowest rank, which is the first of the whole file. With on_bad_row "skip" bad rows
 * are parsed as missing and filtered out at the end: their words never enter a dictionary. */
#include "csv.h"

#include "csv_divide.h"
#include "csv_header.h"
#include "csv_infer.h"
#include "csv_numbers.h"
#include "kernels/base/memory.h"

const char *const csv_on_bad_row_words[] = {"fail", "skip", NULL};

enum { LIMIT = 1 << 30 /* of line_limit and buffer: offsets in a piece have 32 bits */ };

/* Rows that were left out on this rank. */
typedef struct Skipped {
  uint8_t *keep; /* per row; NULL: all are kept */
  int64_t by[CSV_REASONS];
  int64_t n_examples;
  char examples[CSV_EXAMPLES][CSV_MESSAGE];
} Skipped;

typedef struct Reading {
  const Comm *comm;
  const CsvOptions *options;
  CsvDialect dialect;
  int64_t buffer;
  CsvSource source;
  CsvHeader header;
  CsvRules rules;
  CsvTarget *targets;
  char *made_names;
  int64_t *order; /* of targets: those whose values can be bad first, by field; then the others */
  CsvShare share;
  CsvBuilder *builders;
  CsvNumbers numbers;
  uint8_t *reason; /* of the present batch */
  int64_t reason_capacity;
  Skipped skipped;
} Reading;

/* ---- options and report ---- */

static Status check_byte(const char *option, const char *text, bool may_be_empty) {
  if (!text || (may_be_empty && !*text)) return OK;
  bool one = text[0] && !text[1];
  bool clear = one && !strchr("\n\r+-.0123456789", *text) && !((unsigned char)*text & 0x80);
  if (clear && !(*text >= 'A' && *text <= 'Z') && !(*text >= 'a' && *text <= 'z')) return OK;
  return status_fail(INVALID,
                     "%s: \"%s\" cannot be used; it has to be one character such as "
                     "\",\", \";\", \"|\", a tab or a quote: no letter, digit, sign, point or line "
                     "end",
                     option, text);
}

Status csv_check(const CsvOptions *options) {
  Status status = OK;
  if (!options->path || !*options->path) return status_fail(INVALID, "path: a file name is needed");
  TRY(check_byte("delimiter", options->delimiter, false));
  TRY(check_byte("quote", options->quote, true));
  CsvDialect dialect = csv_dialect(options);
  if (dialect.delimiter == dialect.quote)
    return status_fail(INVALID, "quote: \"%c\" is the delimiter too", dialect.quote);
  if (options->line_limit < 0 || options->line_limit > LIMIT)
    return status_fail(INVALID, "line_limit: %lld is not in 1 .. %d bytes",
                       (long long)options->line_limit, LIMIT);
  if ((options->buffer != 0 && options->buffer < 64) || options->buffer > LIMIT)
    return status_fail(INVALID, "buffer: %lld is not in 64 .. %d bytes", (long long)options->buffer,
                       LIMIT);
  for (int64_t i = 0; i < options->columns.n; i++) {
    ColumnType type;
    const char *separator;
    const CsvColumn *column = (const CsvColumn *)options->columns.items + i;
    TRY(csv_column_type(options->columns.names[i], column, &type, &separator));
  }
done:
  return status;
}

void csv_report_clear(CsvReport *report) {
  for (int64_t i = 0; i < report->n_examples; i++) memory_free(&report->examples[i]);
  for (int64_t i = 0; report->columns && i < report->n_columns; i++)
    memory_free(&report->columns[i].name);
  memory_free(&report->columns);
  *report = (CsvReport){0};
}

/* ---- up to the types ---- */

static void reading_clear_all(Reading *reading) {
  for (int64_t i = 0; reading->builders && i < reading->rules.n_targets; i++)
    csv_builder_clear(&reading->builders[i]);
  memory_free(&reading->builders);
  csv_numbers_clear(&reading->numbers);
  memory_free(&reading->skipped.keep);
  memory_free(&reading->reason);
  memory_free(&reading->order);
  memory_free(&reading->targets);
  memory_free(&reading->made_names);
  csv_header_clear(&reading->header);
  csv_source_close_all(&reading->source);
}

static Status reader_init(const Reading *reading, CsvReader *reader) {
  return csv_reader_init(reader, &reading->source, reading->dialect, reading->share.begin,
                         reading->share.end, reading->buffer, reading->rules.line_limit);
}

static Status infer_all(Reading *reading) {
  Status status = OK;
  CsvReader reader = {0};
  AGREE(reading->comm, reader_init(reading, &reader));
  TRY(csv_infer_all(reading->comm, &reading->rules, &reader, reading->share.rows.n_global,
                    reading->targets));
done:
  csv_reader_clear(&reader);
  return status;
}

/* Open, read the header, find the columns, share out the rows, infer what is left open. */
static Status prepare_all(const Comm *comm, const CsvOptions *options, int64_t block,
                          Reading *reading) {
  Status status = OK;
  *reading = (Reading){.comm = comm, .options = options, .dialect = csv_dialect(options)};
  reading->source = (CsvSource){.fd = -1};
  CsvRules *rules = &reading->rules;
  reading->buffer = options->buffer ? options->buffer : CSV_BUFFER_DEFAULT;
  rules->options = options;
  rules->line_limit = options->line_limit ? options->line_limit : CSV_LINE_DEFAULT;
  AGREE(comm, csv_check(options));
  TRY(csv_source_open_all(comm, options->path, &reading->source));
  reading->source.sink = options->sink;
  TRY(csv_header_read_all(comm, &reading->source, reading->dialect, options->header,
                          rules->line_limit, &reading->header));
  AGREE(comm, csv_targets_new(options, &reading->header, &reading->targets, &rules->n_targets,
                              &reading->made_names));
  rules->targets = reading->targets;
  rules->fields = reading->header.n;
  TRY(csv_divide_all(comm, &reading->source, reading->dialect, reading->header.begin, block,
                     reading->buffer, &reading->share));
  if (options->columns.n == 0) TRY(infer_all(reading));
done:
  return status;
}

Status csv_schema(const CsvOptions *options, Schema *out) {
  Status status = OK;
  Comm self = comm_self();
  Reading reading = {.source = {.fd = -1}};
  *out = (Schema){0};
  TRY(csv_check(options));
  if (options->columns.n == 0) {
    TRY(prepare_all(&self, options, ROWS_BLOCK_DEFAULT, &reading));
    for (int64_t i = 0; i < reading.rules.n_targets; i++)
      TRY(schema_add(out, reading.targets[i].name, reading.targets[i].type));
  }
  for (int64_t i = 0; i < options->columns.n; i++) {
    ColumnType type;
    const char *separator, *name = options->columns.names[i];
    TRY(csv_column_type(name, (const CsvColumn *)options->columns.items + i, &type, &separator));
    TRY(schema_add(out, name, type));
  }
done:
  reading_clear_all(&reading);
  return status;
}

/* ---- pass 2 ---- */

static bool can_be_bad(ColumnType type) {
  return type == COLUMN_REAL || type == COLUMN_INTEGER || type == COLUMN_BOOLEAN ||
         type == COLUMN_DATE;
}

/* Values that can be bad come first, so that no word of a bad row is entered; among them the first
 * field comes first, so that it is the one that is told. */
static void set_order(Reading *reading) {
  int64_t n = 0, *order = reading->order;
  for (int64_t i = 0; i < reading->rules.n_targets; i++) {
    if (!can_be_bad(reading->targets[i].type)) continue;
    int64_t at = n++;
    for (; at > 0 && reading->targets[order[at - 1]].field > reading->targets[i].field; at--)
      order[at] = order[at - 1];
    order[at] = i;
  }
  for (int64_t i = 0; i < reading->rules.n_targets; i++)
    if (!can_be_bad(reading->targets[i].type)) order[n++] = i;
}

static Status parse_init(Reading *reading, CsvReader *reader) {
  Status status = OK;
  int64_t n = reading->rules.n_targets;
  TRY(reader_init(reading, reader));
  TRY(NEW(&reading->order, n));
  TRY(NEW(&reading->builders, n));
  set_order(reading);
  for (int64_t i = 0; i < n; i++)
    TRY(csv_builder_init(&reading->builders[i], &reading->targets[i], &reading->options->missing,
                         reading->share.rows.n));
  TRY(csv_numbers_init(&reading->numbers, reading->builders, n, reading->rules.fields));
done:
  return status;
}

static Status keep_all(Reading *reading) {
  Status status = OK;
  int64_t n = reading->share.rows.n;
  if (reading->skipped.keep) return OK;
  TRY(NEW(&reading->skipped.keep, n));
  memset(reading->skipped.keep, 1, (size_t)n);
done:
  return status;
}

/* Fail with the first bad row of the batch, or leave all of them out. */
static Status judge(Reading *reading, const CsvBatch *batch, int64_t row) {
  Status status = OK;
  Skipped *skipped = &reading->skipped;
  for (int64_t k = 0; k < batch->n; k++) {
    CsvReason reason = (CsvReason)reading->reason[k];
    if (reason == CSV_GOOD) continue;
    char text[CSV_MESSAGE];
    bool fatal = reading->options->on_bad_row == CSV_FAIL || reason == CSV_LONG;
    if (fatal || skipped->n_examples < CSV_EXAMPLES)
      csv_rows_message(&reading->rules, batch, k, reason, text);
    if (fatal)
      return status_fail(FORMAT, "%s%s", text,
                         reason == CSV_LONG ? "; raise line_limit if it is meant to be"
                                            : " (on_bad_row \"skip\" leaves such rows out)");
    TRY(keep_all(reading));
    skipped->keep[row + k] = 0;
    skipped->by[reason]++;
    if (skipped->n_examples < CSV_EXAMPLES)
      memcpy(skipped->examples[skipped->n_examples++], text, sizeof text);
  }
done:
  return status;
}

static Status changed(const Reading *reading) {
  return status_fail(IO, "%s: changed while it was read; run again when it is complete",
                     reading->options->path);
}

static Status parse_batch(Reading *reading, const CsvBatch *batch, int64_t row) {
  Status status = OK;
  if (row + batch->n > reading->share.rows.n) return changed(reading);
  TRY(RESERVE(&reading->reason, &reading->reason_capacity, batch->n));
  csv_rows_check(&reading->rules, batch, reading->reason);
  TRY(csv_numbers_add(&reading->numbers, batch, row, reading->reason));
  for (int64_t i = 0; i < reading->rules.n_targets; i++) {
    CsvBuilder *builder = &reading->builders[reading->order[i]];
    TRY(csv_builder_add(builder, batch, row, reading->reason));
  }
  TRY(judge(reading, batch, row));
done:
  return status;
}

/* Progress in megabytes of this rank's share; whether to stop is asked where bytes are read. */
static void tell(const Reading *reading, const CsvReader *reader) {
  const int64_t megabyte = 1 << 20, begin = reading->share.begin.at;
  int64_t total = (reader->end - begin) / megabyte, done = (reader->at - begin) / megabyte;
  bool crossed = (reader->at - reader->batch.bytes_n - begin) / megabyte < done;
  if (crossed) work_tick(reading->options->sink, done, done, total, NULL);
}

/* All of this rank's rows. */
static Status parse(Reading *reading) {
  Status status = OK;
  CsvReader reader = {0};
  bool too_long = false;
  int64_t row = 0;
  TRY(parse_init(reading, &reader));
  for (;;) {
    TRY(csv_reader_next(&reader, &too_long));
    if (reader.batch.n == 0) break;
    TRY(parse_batch(reading, &reader.batch, row));
    row += reader.batch.n;
    tell(reading, &reader);
  }
  TRY(csv_reader_failure(&reader, too_long));
  if (row != reading->share.rows.n) status = changed(reading);
done:;
  Status still = csv_source_check(&reading->source); /* tells what made rows look wrong */
  if (still != OK) status = still;
  csv_reader_clear(&reader);
  return status;
}

/* ---- the result ---- */

static Status add_columns(Reading *reading, Table *table) {
  Status status = OK;
  TRY(table_init(table, &reading->share.rows));
  for (int64_t i = 0; i < reading->rules.n_targets; i++) {
    Column *column = reading->builders[i].column;
    reading->builders[i].column = NULL; /* the table takes it over, also when adding fails */
    TRY(table_add(table, column));
  }
done:
  return status;
}

static Status assemble_all(Reading *reading, bool skipping, Table *out) {
  Status status = OK;
  const Comm *comm = reading->comm;
  Table whole = {0};
  for (int64_t i = 0; i < reading->rules.n_targets; i++)
    TRY(csv_builder_finish_all(comm, &reading->builders[i]));
  AGREE(comm, add_columns(reading, skipping ? &whole : out));
  if (!skipping) goto done;
  AGREE(comm, keep_all(reading));
  TRY(table_filter_all(comm, &whole, reading->skipped.keep, out));
done:
  table_clear(&whole);
  return status;
}

static Status take_examples(CsvReport *report, const char *all, size_t bytes) {
  Status status = OK;
  for (size_t at = 0; at < bytes && report->n_examples < CSV_EXAMPLES; at += CSV_MESSAGE) {
    TRY(memory_text(&report->examples[report->n_examples], all + at));
    report->n_examples++;
  }
done:
  return status;
}

static Status report_columns(const Reading *reading, CsvReport *report) {
  Status status = OK;
  int64_t n = reading->rules.n_targets;
  TRY(NEW(&report->columns, n));
  report->n_columns = n;
  for (int64_t i = 0; i < n; i++) {
    const CsvTarget *target = &reading->targets[i];
    CsvReportColumn *column = &report->columns[i];
    column->type = target->type;
    column->absent = target->field < 0;
    TRY(memory_text(&column->name, target->name));
  }
done:
  return status;
}

/* Missing values of the table: counted while parsing unless rows were left out afterwards. */
static Status count_missing_all(const Reading *reading, bool skipping, const Table *table,
                                CsvReport *report) {
  Status status = OK;
  int64_t n = report->n_columns, *missing = NULL;
  AGREE(reading->comm, NEW(&missing, n));
  for (int64_t i = 0; i < n; i++) {
    missing[i] = reading->builders[i].missing;
    if (!skipping) continue;
    missing[i] = 0;
    const Column *column = table_find(table, report->columns[i].name);
    for (int64_t row = 0; row < column->n; row++) missing[i] += column_missing(column, row);
  }
  comm_sum_all(reading->comm, missing, n);
  for (int64_t i = 0; i < n; i++) report->columns[i].missing = missing[i];
done:
  memory_free(&missing);
  return status;
}

static Status report_all(const Reading *reading, int64_t skipped, const Table *table,
                         CsvReport *report) {
  Status status = OK;
  const Comm *comm = reading->comm;
  const Skipped *mine = &reading->skipped;
  char *all = NULL;
  size_t *offsets = NULL;
  AGREE(comm, report_columns(reading, report));
  report->rows = table->rows.n_global;
  report->skipped = skipped;
  memcpy(report->skipped_by, mine->by, sizeof mine->by);
  comm_sum_all(comm, report->skipped_by, CSV_REASONS);
  TRY(count_missing_all(reading, skipped > 0, table, report));
  if (skipped == 0) goto done;
  AGREE(comm, NEW(&offsets, comm->size + 1));
  TRY(comm_concatenate_all(comm, mine->examples, (size_t)mine->n_examples * CSV_MESSAGE,
                           (void **)&all, offsets));
  AGREE(comm, take_examples(report, all, offsets[comm->size]));
done:
  memory_free(&offsets);
  memory_free(&all);
  return status;
}

Status csv_read_all(const Comm *comm, const CsvOptions *options, int64_t block, Table *out,
                    CsvReport *report) {
  Status status = OK;
  Reading reading;
  CsvReport unwanted = {0};
  *out = (Table){0};
  if (report) *report = (CsvReport){0};
  TRY(prepare_all(comm, options, block, &reading));
  AGREE(comm, parse(&reading));
  int64_t skipped = 0;
  for (int r = 0; r < CSV_REASONS; r++) skipped += reading.skipped.by[r];
  skipped = comm_sum_one_all(comm, skipped);
  TRY(assemble_all(&reading, skipped > 0, out));
  TRY(report_all(&reading, skipped, out, report ? report : &unwanted));
done:
  csv_report_clear(&unwanted);
  reading_clear_all(&reading);
  return status;
}
