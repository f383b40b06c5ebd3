/* Records of a study on disk; see journal.h. */
#include "journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"
#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"

typedef struct Head {
  uint64_t magic;
  int64_t number, bytes;
  uint64_t checksum; /* of the number and the data */
} Head;

static const uint64_t MAGIC = UINT64_C(0x314c4a5545474553); /* "SEGUEJL1" */
static const int64_t BYTES_MOST = INT64_C(1) << 30;

static uint64_t checksum_of(int64_t number, const uint8_t *data, int64_t bytes) {
  Hash seed = {{(uint64_t)number, (uint64_t)bytes}};
  return hash_bytes(data, (size_t)bytes, seed).word[0];
}

void journal_init(Journal *journal, const char *folder, int rank) {
  *journal = (Journal){.rank = rank, .file = -1};
  snprintf(journal->folder, sizeof journal->folder, "%s", folder);
}

void journal_clear(Journal *journal) {
  if (journal->file >= 0) close(journal->file);
  journal->file = -1;
  for (int64_t i = 0; i < journal->n; i++) memory_free(&journal->records[i].data);
  memory_free(&journal->records);
  journal->n = journal->capacity = 0;
}

/* The next whole record of an open file; false at the end, or where the rest is torn. */
static bool read_record(FILE *file, Head *head, uint8_t **data) {
  *data = NULL;
  if (fread(head, sizeof *head, 1, file) != 1 || head->magic != MAGIC) return false;
  if (head->bytes < 0 || head->bytes > BYTES_MOST || NEW_RAW(data, head->bytes) != OK) return false;
  bool whole = fread(*data, 1, (size_t)head->bytes, file) == (size_t)head->bytes &&
               checksum_of(head->number, *data, head->bytes) == head->checksum;
  if (!whole) memory_free(data);
  return whole;
}

/* ---- reading ---- */

static void keep(Journal *journal, const Head *head, uint8_t *data) {
  if (RESERVE(&journal->records, &journal->capacity, journal->n + 1) != OK) {
    memory_free(&data);
    return;
  }
  journal->records[journal->n++] = (JournalRecord){head->number, head->bytes, data};
}

static void load_file(Journal *journal, const char *name) {
  char path[PATH_MAX + 300];
  Head head;
  uint8_t *data = NULL;
  snprintf(path, sizeof path, "%s/%s", journal->folder, name);
  FILE *file = fopen(path, "rb");
  while (file && read_record(file, &head, &data)) keep(journal, &head, data);
  if (file) fclose(file);
}

static void load(Journal *journal) {
  DIR *folder = opendir(journal->folder);
  journal->loaded = true;
  for (struct dirent *entry = NULL; folder && (entry = readdir(folder));) {
    const char *dot = strrchr(entry->d_name, '.');
    if (dot && strcmp(dot, ".journal") == 0) load_file(journal, entry->d_name);
  }
  if (folder) closedir(folder);
}

bool journal_find(Journal *journal, int64_t number, Fields *out) {
  if (!journal->loaded) load(journal);
  for (int64_t i = 0; i < journal->n; i++) {
    const JournalRecord *record = &journal->records[i];
    if (record->number != number) continue;
    if (fields_unpack(record->data, record->bytes, out) == OK) return true;
    fields_clear(out);
  }
  return false;
}

/* ---- appending ---- */

static Status refused(const char *path) {
  return status_fail(IO, "%s: cannot be written: %s", path, strerror(errno));
}

/* Open this rank's file behind its last whole record. */
static Status open_own(Journal *journal) {
  Status status = OK;
  char path[PATH_MAX + 32];
  Head head;
  uint8_t *data = NULL;
  long whole = 0;
  TRY(file_make_folder(journal->folder));
  snprintf(path, sizeof path, "%s/%d.journal", journal->folder, journal->rank);
  FILE *file = fopen(path, "rb");
  while (file && read_record(file, &head, &data)) {
    memory_free(&data);
    whole = ftell(file);
  }
  if (file) fclose(file);
  journal->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (journal->file < 0 || ftruncate(journal->file, whole) != 0) status = refused(path);
done:
  return status;
}

Status journal_append(Journal *journal, int64_t number, const Fields *fields) {
  Status status = OK;
  uint8_t *packed = NULL, *record = NULL;
  Head head = {.magic = MAGIC, .number = number};
  if (journal->file < 0) TRY(open_own(journal));
  TRY(fields_pack(fields, &packed, &head.bytes));
  head.checksum = checksum_of(number, packed, head.bytes);
  TRY(NEW_RAW(&record, (int64_t)sizeof head + head.bytes));
  memcpy(record, &head, sizeof head);
  memcpy(record + sizeof head, packed, (size_t)head.bytes);
  size_t n = sizeof head + (size_t)head.bytes;
  if (fault_hit(FAULT_WRITE) || write(journal->file, record, n) != (ssize_t)n)
    status = refused(journal->folder);
  fault_hit(FAULT_KILL);
done:
  memory_free(&packed);
  memory_free(&record);
  return status;
}
