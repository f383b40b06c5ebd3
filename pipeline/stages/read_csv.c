/* read_csv: a CSV file, read by all ranks, as a table.
 *
 * The reading itself is io/csv.h; here are the option rows of its struct and what the report is
 * told: rows, rows left out with their reasons and the first of them, missing values per column. */
#include <math.h>

#include "io/csv.h"
#include "kernels/base/memory.h"
#include "pipeline/stage.h"

static const Option column_rows[] = {
    OPTION_TEXT(
        CsvColumn, type, NULL,
        "real, integer, boolean, category, text, date (YYYY, YYYY-MM or YYYY-MM-DD), or list "
        "followed by what stands between its items, as \"list;\" or \"list, \"."),
    OPTION_TEXT(CsvColumn, from, "null",
                "Its name in the header, or its position from 1 when there is no header; null: the "
                "name it has here."),
    OPTION_BOOLEAN(CsvColumn, optional, "false",
                   "A file without this column gives missing values instead of an error."),
    OPTION_TEXT(CsvColumn, separator, "null",
                "Between the items of a list, when type is just \"list\"."),
    {0}};

static const Option rows[] = {
    OPTION_TEXT(CsvOptions, path, NULL, "The file, plain or gzip, UTF-8."),
    OPTION_MAP(CsvOptions, columns, "{}", column_rows, CsvColumn,
               "The wanted columns: name -> type, or name -> {type, from, optional, separator}. "
               "Others are not read. Empty: all columns, with types inferred from all rows."),
    OPTION_TEXT(CsvOptions, delimiter, "\",\"", "The character between fields."),
    OPTION_TEXT(CsvOptions, quote, "\"\\\"\"",
                "The character around fields that hold delimiters or line ends; \"\" for none."),
    OPTION_BOOLEAN(CsvOptions, header, "true", "The first line names the columns."),
    OPTION_TEXTS(CsvOptions, missing, "[]",
                 "Words that mean a missing value, such as NA; the empty field always does."),
    OPTION_WORD(
        CsvOptions, on_bad_row, "\"fail\"", csv_on_bad_row_words,
        "A malformed row, or a value that is not of its column's type: fail with its line, or "
        "skip the row, count it and show the first few."),
    OPTION_INTEGER(CsvOptions, line_limit, "16777216", 1, 1 << 30,
                   "Longest row in bytes; a longer one is an error, so that a quote that is never "
                   "closed does not fill the memory."),
    {0}};

static Status check(const void *options) { return csv_check(options); }

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  (void)inputs;
  return csv_schema(options, &output->schema);
}

static Status files(const void *options, TextList *paths) {
  const CsvOptions *o = options;
  Status status = OK;
  TRY(GROW(&paths->items, paths->n, paths->n + 1));
  paths->items[paths->n++] = o->path;
done:
  return status;
}

static Status report_columns(const CsvReport *report, Summary *summary) {
  Status status = OK;
  int64_t handle = -1;
  const char *const titles[] = {"column", "type", "missing", "share missing"};
  TRY(summary_table(summary, "columns", "Columns read", 4, titles, &handle));
  for (int64_t i = 0; i < report->n_columns; i++) {
    const CsvReportColumn *column = &report->columns[i];
    double share = report->rows > 0 ? (double)column->missing / (double)report->rows : NAN;
    Cell cells[] = {cell_text(column->name), cell_text(column_type_words[column->type]),
                    cell_integer(column->missing), cell_real(share)};
    TRY(summary_row(summary, handle, cells));
    if (column->absent)
      TRY(summary_note(summary, NOTE_INFO,
                       "The file has no column \"%s\": it is missing in every "
                       "row.",
                       column->name));
    else if (report->rows > 0 && column->missing == report->rows)
      TRY(summary_note(summary, NOTE_WARNING, "Column \"%s\" is missing in every row.",
                       column->name));
  }
done:
  return status;
}

static Status report_skipped(const CsvReport *report, Summary *summary) {
  Status status = OK;
  int64_t handle = -1;
  const char *const titles[] = {"reason", "rows"};
  if (report->skipped == 0) return OK;
  TRY(summary_table(summary, "skipped", "Rows left out", 2, titles, &handle));
  for (int r = 0; r < CSV_REASONS; r++) {
    if (report->skipped_by[r] == 0) continue;
    Cell cells[] = {cell_text(csv_reason_words[r]), cell_integer(report->skipped_by[r])};
    TRY(summary_row(summary, handle, cells));
  }
  for (int64_t i = 0; i < report->n_examples; i++)
    TRY(summary_note(summary, NOTE_WARNING, "Left out: %s.", report->examples[i]));
done:
  return status;
}

static Status describe(const CsvReport *report, Summary *summary) {
  Status status = OK;
  TRY(summary_metric(summary, "rows", "read", (double)report->rows, true, false));
  TRY(summary_metric(summary, "rows", "skipped", (double)report->skipped, false, false));
  if (report->rows == 0)
    TRY(summary_note(summary, NOTE_WARNING, "The file holds no rows beside its header."));
  TRY(report_columns(report, summary));
  TRY(report_skipped(report, summary));
done:
  return status;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  (void)inputs;
  Status status = OK;
  CsvReport report = {0};
  CsvOptions told = *(const CsvOptions *)options;
  told.sink = context->sink;
  TRY(csv_read_all(context->comm, &told, context->block, &output->table, &report));
  AGREE(context->comm, describe(&report, &output->summary));
done:
  csv_report_clear(&report);
  return status;
}

extern const StageKind read_csv_stage;
const StageKind read_csv_stage = {.kind = {.name = "read_csv",
                                           .help = "Reads a CSV file on all ranks.",
                                           .version = 1,
                                           .options_size = sizeof(CsvOptions),
                                           .options = rows,
                                           .check = check},
                                  .output = PORT_TABLE,
                                  .plan = plan,
                                  .files = files,
                                  .run_all = run_all};
