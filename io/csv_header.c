/* Header and wanted columns; see csv_header.h. */
#include "csv_header.h"

#include <stdio.h>

#include "csv_utf8.h"
#include "kernels/base/memory.h"
#include "kernels/base/names.h"
#include "real_parse.h"

enum { HEADER_BUFFER = 4096, LISTED = 30, MADE_NAME = 32 };

void csv_header_clear(CsvHeader *header) {
  for (int64_t i = 0; header->names && i < header->n; i++) memory_free(&header->names[i]);
  memory_free(&header->names);
  *header = (CsvHeader){0};
}

/* ---- reading it ---- */

/* Bytes of a byte order mark to step over. */
static Status skip_mark(const CsvSource *source, int64_t *at) {
  unsigned char bytes[3] = {0};
  int64_t n = source->bytes < 3 ? source->bytes : 3;
  *at = 0;
  Status status = csv_source_read(source, 0, n, (char *)bytes);
  if (status != OK) return status;
  bool utf16 = (bytes[0] == 0xff && bytes[1] == 0xfe) || (bytes[0] == 0xfe && bytes[1] == 0xff);
  if (utf16) return status_fail(FORMAT, "%s:1: is UTF-16 text; save it as UTF-8", source->path);
  if (n == 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) *at = 3;
  return OK;
}

/* Names of the first record as one NUL-terminated text after another. */
static Status header_names(const CsvSource *source, const CsvBatch *batch, char **names,
                           int64_t *names_n, int64_t stop, int64_t line) {
  Status status = OK;
  int64_t begin = csv_batch_begin(batch, 0, 0), used = 0;
  if (batch->n_stray > 0 && batch->stray[0] < stop)
    return status_fail(FORMAT,
                       "%s:%lld: text after a closing quote in the header; double the quotes "
                       "inside a quoted name",
                       source->path, (long long)csv_batch_line(batch, batch->stray[0]));
  if (utf8_find_bad(batch->bytes, begin, stop) < stop)
    return status_fail(FORMAT,
                       "%s:%lld: the header is not UTF-8 text; save the file as UTF-8 (a binary "
                       "file is no CSV)",
                       source->path, (long long)line);
  TRY(NEW(names, stop - begin + batch->count[0] + 1));
  for (int64_t f = 0; f < batch->count[0]; f++) {
    CsvField field = csv_batch_field(batch, 0, f, f + 1 == batch->count[0]);
    if (field.n > 0) memcpy(*names + used, field.text, (size_t)field.n);
    used += field.n + 1;
  }
  *names_n = used;
done:
  return status;
}

/* Rank 0's part: fills header but for the names, which go to *names. */
static Status read_first(const CsvSource *source, CsvDialect dialect, bool has_header,
                         int64_t line_limit, CsvHeader *header, char **names, int64_t *names_n) {
  Status status = OK;
  CsvReader reader = {0};
  CsvMark start = {0, 1};
  bool too_long = false;
  TRY(skip_mark(source, &start.at));
  TRY(csv_reader_init(&reader, source, dialect, start, source->size, HEADER_BUFFER, line_limit));
  TRY(csv_reader_next(&reader, &too_long));
  const CsvBatch *batch = &reader.batch;
  if (batch->n == 0) {
    status = csv_reader_failure(&reader, too_long);
    if (status == OK)
      status = status_fail(FORMAT,
                           "%s: is empty (nothing but blank lines); a CSV file with rows "
                           "is needed",
                           source->path);
    goto done;
  }
  int64_t stop = batch->ends[batch->first[0] + batch->count[0] - 1] + INT64_C(1);
  header->n = batch->count[0];
  header->line = csv_batch_line(batch, csv_batch_begin(batch, 0, 0));
  header->begin = start;
  if (!has_header) goto done;
  header->begin.at = reader.at - reader.filled + stop;
  header->begin.lines = csv_batch_line(batch, stop);
  TRY(header_names(source, batch, names, names_n, stop, header->line));
done:
  csv_reader_clear(&reader);
  return status;
}

static Status split_names(CsvHeader *header, const char *names) {
  Status status = OK;
  TRY(NEW(&header->names, header->n));
  for (int64_t i = 0; i < header->n; i++) {
    TRY(memory_text(&header->names[i], names));
    names += strlen(names) + 1;
  }
done:
  return status;
}

Status csv_header_read_all(const Comm *comm, const CsvSource *source, CsvDialect dialect,
                           bool has_header, int64_t line_limit, CsvHeader *header) {
  Status status = OK;
  char *names = NULL;
  int64_t names_n = 0;
  *header = (CsvHeader){0};
  AGREE(comm, comm->rank == 0
                  ? read_first(source, dialect, has_header, line_limit, header, &names, &names_n)
                  : OK);
  comm_broadcast_all(comm, 0, header, sizeof *header);
  comm_broadcast_all(comm, 0, &names_n, sizeof names_n);
  if (!has_header) goto done;
  AGREE(comm, comm->rank == 0 ? OK : NEW(&names, names_n));
  comm_broadcast_all(comm, 0, names, (size_t)names_n);
  AGREE(comm, split_names(header, names));
done:
  memory_free(&names);
  return status;
}

/* ---- what is wanted ---- */

CsvDialect csv_dialect(const CsvOptions *options) {
  return (CsvDialect){options->delimiter ? *options->delimiter : ',',
                      options->quote ? *options->quote : '"'};
}

Status csv_column_type(const char *name, const CsvColumn *column, ColumnType *type,
                       const char **separator) {
  const char *list = column_type_words[COLUMN_LIST], *word = column->type ? column->type : "";
  size_t n = strlen(list);
  *separator = NULL;
  for (int t = 0; t < COLUMN_TYPES; t++) {
    *type = (ColumnType)t;
    if (t != COLUMN_LIST && strcmp(word, column_type_words[t]) == 0) {
      if (!column->separator) return OK;
      return status_fail(INVALID,
                         "columns: \"%s\" has a separator, but its type is \"%s\"; only "
                         "a list has one",
                         name, word);
    }
  }
  if (strncmp(word, list, n) != 0) {
    char hint[160];
    names_hint(word, column_type_words, COLUMN_TYPES, hint);
    return status_fail(INVALID,
                       "columns: \"%s\": \"%s\" is not a type%s; allowed are \"real\", "
                       "\"integer\", \"boolean\", \"category\", \"text\", \"date\" and \"list;\" "
                       "(list, then what stands between its items)",
                       name, word, hint);
  }
  *type = COLUMN_LIST;
  *separator = word[n] ? word + n : column->separator;
  if (!*separator || !**separator)
    return status_fail(INVALID,
                       "columns: \"%s\" is a list without a separator; write \"list;\" "
                       "for items with \";\" between them",
                       name);
  if (word[n] && column->separator && strcmp(word + n, column->separator) != 0)
    return status_fail(INVALID, "columns: \"%s\" has two separators, \"%s\" and \"%s\"; keep one",
                       name, word + n, column->separator);
  return OK;
}

/* `; the header has "a", "b" ...` */
static void list_names(const CsvHeader *header, char *text, size_t room) {
  size_t used = 0;
  text[0] = 0;
  for (int64_t i = 0; i < header->n && used < room; i++) {
    const char *before = i == 0 ? "; the header has " : ", ";
    int n = i < LISTED
                ? snprintf(text + used, room - used, "%s\"%.60s\"", before, header->names[i])
                : snprintf(text + used, room - used, " and %lld more", (long long)(header->n - i));
    used += (size_t)n;
    if (i == LISTED) break;
  }
}

static Status find_by_name(const char *path, const CsvHeader *header, const char *name,
                           const char *from, bool optional, int64_t *field) {
  char hint[160], list[1400], renamed[160] = "";
  *field = -1;
  for (int64_t i = 0; i < header->n; i++) {
    if (strcmp(header->names[i], from) != 0) continue;
    if (*field >= 0)
      return status_fail(FORMAT,
                         "%s:%lld: column \"%s\" stands in the header twice (fields %lld "
                         "and %lld); rename one",
                         path, (long long)header->line, from, (long long)*field + 1,
                         (long long)i + 1);
    *field = i;
  }
  if (*field >= 0 || optional) return OK;
  if (strcmp(name, from) != 0) snprintf(renamed, sizeof renamed, " (for \"%.100s\")", name);
  names_hint(from, (const char *const *)header->names, header->n, hint);
  list_names(header, list, sizeof list);
  return status_fail(FORMAT, "%s:%lld: the header has no column \"%s\"%s%s%s", path,
                     (long long)header->line, from, renamed, hint, list);
}

static Status find_by_position(const char *path, const CsvHeader *header, const char *name,
                               const CsvColumn *column, int64_t *field) {
  int64_t position = 0;
  const char *from = column->from ? column->from : name;
  if (integer_parse(from, (int64_t)strlen(from), &position) != NUMBER_OK || position < 1)
    return status_fail(INVALID,
                       "columns: \"%s\": without a header \"from\" has to be the "
                       "column's position, from 1, not \"%s\"",
                       name, from);
  *field = position <= header->n ? position - 1 : -1;
  if (*field >= 0 || column->optional) return OK;
  return status_fail(FORMAT,
                     "%s:%lld: column \"%s\" is to come from position %lld, but the first "
                     "line has %lld fields",
                     path, (long long)header->line, name, (long long)position,
                     (long long)header->n);
}

static Status named_target(const CsvOptions *options, const CsvHeader *header, int64_t i,
                           CsvTarget *target) {
  const CsvColumn *column = (const CsvColumn *)options->columns.items + i;
  const char *name = options->columns.names[i];
  *target = (CsvTarget){.name = name};
  Status status = csv_column_type(name, column, &target->type, &target->separator);
  if (status != OK) return status;
  target->separator_n = target->separator ? (int64_t)strlen(target->separator) : 0;
  if (!header->names) return find_by_position(options->path, header, name, column, &target->field);
  return find_by_name(options->path, header, name, column->from ? column->from : name,
                      column->optional, &target->field);
}

/* Any field of the file; nameless ones are called column_1 by their position. */
static Status any_target(const CsvOptions *options, const CsvHeader *header, int64_t i, char *made,
                         CsvTarget *target) {
  bool named = header->names && header->names[i][0];
  *target = (CsvTarget){.name = named ? header->names[i] : made, .type = COLUMN_TYPES, .field = i};
  snprintf(made, MADE_NAME, "column_%lld", (long long)i + 1);
  int64_t field = -1;
  if (!header->names) return OK;
  return find_by_name(options->path, header, target->name, target->name, !named, &field);
}

Status csv_targets_new(const CsvOptions *options, const CsvHeader *header, CsvTarget **targets,
                       int64_t *n, char **made) {
  Status status = OK;
  bool all = options->columns.n == 0;
  *n = all ? header->n : options->columns.n;
  *targets = NULL;
  *made = NULL;
  TRY(NEW(targets, *n));
  if (all) TRY(NEW(made, *n * MADE_NAME));
  for (int64_t i = 0; i < *n; i++) {
    if (all)
      TRY(any_target(options, header, i, *made + i * MADE_NAME, *targets + i));
    else
      TRY(named_target(options, header, i, *targets + i));
    (*targets)[i].last = (*targets)[i].field + 1 == header->n;
  }
done:
  return status;
}
