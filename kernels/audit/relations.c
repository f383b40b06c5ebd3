/* Relations between rows: columns that number ids, recordings, equal audio and artists. */
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/dataset/recordings.h"
#include "kernels/numeric/groups.h"
#include "parts.h"

const char *const relation_words[] = {"same_id", "same_recording", "same_audio", "same_artist"};

/* No file has columns of such names. */
static const char *const columns[] = {"\001same/id", "\001same/recording", "\001same/audio",
                                      "\001same/artist"};
static const char NAME[] = "\001artist";

const char *relation_column(const Audit *audit, Relation relation) {
  return audit->known[relation] ? columns[relation] : NULL;
}

/* The artist as a column of single values: of a list its first word. */
static Status artist_column(const Table *table, const char *name, Column **out) {
  Status status = OK;
  Column *source = NULL, *first = NULL;
  TRY(table_require(table, name, &source));
  if (source->type == COLUMN_LIST) {
    TRY(column_new(&first, NAME, COLUMN_CATEGORY, source->n, 0));
    TRY(dictionary_copy(&source->dictionary, &first->dictionary));
    for (int64_t i = 0; i < source->n; i++) {
      bool empty = column_missing(source, i) || source->offset[i] == source->offset[i + 1];
      first->code[i] = empty ? MISSING_CODE : source->code[source->offset[i]];
    }
  } else {
    int64_t *at = NULL;
    Status local = NEW(&at, source->n);
    for (int64_t i = 0; local == OK && i < source->n; i++) at[i] = i;
    if (local == OK) local = column_take(source, at, source->n, &first);
    memory_free(&at);
    TRY(local);
    memory_free(&first->name);
    TRY(memory_text(&first->name, NAME));
  }
  *out = first;
  first = NULL;
done:
  column_release(&first);
  return status;
}

static Status add_artist(Audit *audit) {
  Status status = OK;
  Column *artist = NULL;
  TRY(artist_column(&audit->table, audit->options->artist, &artist));
  TRY(table_add(&audit->table, artist));
done:
  return status;
}

/* Rows that are equal in any key belong together. */
static Status number_all(Audit *audit, const TextLists *keys, const char *name) {
  Status status = OK;
  Column *column = NULL;
  RecordingCounts counts;
  AGREE(audit->comm, column_new(&column, name, COLUMN_INTEGER, audit->table.rows.n, 0));
  TRY(recordings_find_all(audit->comm, &audit->table, keys, column->integer, &counts));
  Status local = table_add(&audit->table, column);
  column = NULL;
  AGREE(audit->comm, local);
done:
  column_release(&column);
  return status;
}

static Status number_by_all(Audit *audit, Relation relation, TextList key) {
  TextLists keys = {1, &key};
  audit->known[relation] = true;
  return number_all(audit, &keys, columns[relation]);
}

static TextList one(const char **name) { return (TextList){1, (char **)(uintptr_t)name}; }

Status relations_all(Audit *audit) {
  Status status = OK;
  const AuditOptions *o = audit->options;
  const char *group = o->spec->group, *artist = NAME;
  if (o->id) TRY(number_by_all(audit, SAME_ID, one((const char **)(uintptr_t)&o->id)));
  if (group) TRY(number_by_all(audit, SAME_RECORDING, one(&group)));
  if (o->audio.n > 0) TRY(number_by_all(audit, SAME_AUDIO, o->audio));
  if (!o->artist) goto done;
  AGREE(audit->comm, add_artist(audit));
  TRY(number_by_all(audit, SAME_ARTIST, one(&artist)));
done:
  return status;
}

static Status share_all(const Audit *audit, Relation relation, const uint8_t *role, double *share) {
  Status status = OK;
  int64_t n = audit->table.rows.n, counts[2] = {0}, *nearest = NULL;
  const Column *group = table_find(&audit->table, columns[relation]);
  AGREE(audit->comm, NEW(&nearest, n));
  for (int64_t i = 0; i < n; i++) nearest[i] = role[i] == ROLE_TRAIN ? 0 : 1;
  TRY(groups_extremes_all(audit->comm, group->integer, n, nearest, NULL));
  for (int64_t i = 0; i < n; i++) {
    if (role[i] != ROLE_VALIDATE) continue;
    counts[0]++;
    counts[1] += nearest[i] == 0;
  }
  comm_sum_all(audit->comm, counts, 2);
  *share = counts[0] > 0 ? (double)counts[1] / (double)counts[0] : NAN;
done:
  memory_free(&nearest);
  return status;
}

Status relations_shares_all(const Audit *audit, const uint8_t *role, double share[RELATIONS]) {
  Status status = OK;
  for (int r = 0; r < RELATIONS; r++) {
    share[r] = NAN;
    if (audit->known[r]) TRY(share_all(audit, (Relation)r, role, &share[r]));
  }
done:
  return status;
}
