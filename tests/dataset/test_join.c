/* Joins against two nested loops, on the ranks the test is started on: one and several keys, keys
 * of other types on the other side, lists as keys, missing and doubled keys, every type taken over.
 */
#include <stdlib.h>

#include "kernels/base/fault.h"
#include "kernels/dataset/join.h"
#include "rows.h"

enum { MOST = 120, MOST_KEYS = 2 };

static const uint64_t SEED = 90125;

typedef struct Case {
  int64_t left_n, right_n;
  Row left[MOST], right[MOST];
  int n_keys;
  const char *on[MOST_KEYS];    /* of the left table */
  const char *other[MOST_KEYS]; /* of the right table, names with "r_" before */
  bool inner;
  JoinDuplicates duplicates;
} Case;

static char taken[][16] = {"r_group", "r_genre", "r_tags", "r_number",
                           "r_flag",  "r_date",  "r_word", "r_whole"};
enum { TAKEN = sizeof taken / sizeof *taken };

/* The right table: names of its own, the genre as a text and the number as an integer too. */
static Table right_table(const Comm *comm, const Case *c) {
  Table table = rows_table(comm, c->right, c->right_n, 4);
  int64_t n = table.rows.n, words = 0;
  Column *word = NULL, *whole = NULL, *genre = table_find(&table, "genre");
  for (int64_t i = 0; i < n; i++) words += genre->code[i] >= 0;
  CHECK_OK(column_new(&word, "word", COLUMN_TEXT, n, words));
  CHECK_OK(column_new(&whole, "whole", COLUMN_INTEGER, n, 0));
  CHECK_OK(NEW(&word->missing, n));
  for (int64_t i = 0, at = 0; i < n; i++) {
    double number = table_find(&table, "number")->real[i];
    word->missing[i] = genre->code[i] < 0;
    if (genre->code[i] >= 0) word->bytes[at++] = (char)('a' + genre->code[i]);
    word->offset[i + 1] = at;
    whole->integer[i] = isnan(number) ? MISSING_INTEGER : (int64_t)number;
  }
  CHECK_OK(table_add(&table, word));
  CHECK_OK(table_add(&table, whole));
  for (int64_t j = 0; j < table.n_columns; j++) {
    char name[32];
    snprintf(name, sizeof name, "r_%s", table.columns[j]->name);
    memory_free(&table.columns[j]->name);
    CHECK_OK(memory_text(&table.columns[j]->name, name));
  }
  return table;
}

/* ---- the reference ---- */

static bool same_tags(const Row *a, const Row *b) {
  uint32_t sets[2] = {0, 0};
  for (int t = 0; t < a->tags; t++) sets[0] |= 1u << a->tag[t];
  for (int t = 0; t < b->tags; t++) sets[1] |= 1u << b->tag[t];
  return a->tags >= 0 && b->tags >= 0 && sets[0] == sets[1];
}

static bool same_part(const char *name, const Row *a, const Row *b) {
  if (strcmp(name, "genre") == 0) return a->genre >= 0 && a->genre == b->genre;
  if (strcmp(name, "tags") == 0) return same_tags(a, b);
  if (strcmp(name, "number") == 0) return a->number == b->number;
  if (strcmp(name, "date") == 0) return a->date != MISSING_DATE && a->date == b->date;
  if (strcmp(name, "flag") == 0) return a->flag != MISSING_BOOLEAN && a->flag == b->flag;
  return a->group == b->group;
}

static bool same_key(const Case *c, const Row *a, const Row *b) {
  for (int k = 0; k < c->n_keys; k++)
    if (!same_part(c->on[k], a, b)) return false;
  return true;
}

/* The right row of every left row, -1: none; what is counted; is a key doubled? */
static JoinCounts reference(const Case *c, int64_t *match, bool *doubled) {
  JoinCounts counts = {0};
  *doubled = false;
  for (int64_t i = 0; i < c->left_n; i++) {
    match[i] = -1;
    for (int64_t k = 0; k < c->right_n; k++) {
      if (!same_key(c, &c->left[i], &c->right[k])) continue;
      if (match[i] < 0 || c->duplicates == JOIN_LAST) match[i] = k;
    }
    counts.matched += match[i] >= 0;
    counts.unmatched += match[i] < 0;
  }
  for (int64_t k = 0; k < c->right_n; k++) {
    bool earlier = false, used = false;
    if (!same_key(c, &c->right[k], &c->right[k])) continue; /* a part is missing */
    for (int64_t m = 0; m < k; m++) earlier |= same_key(c, &c->right[m], &c->right[k]);
    for (int64_t i = 0; i < c->left_n; i++) used |= same_key(c, &c->left[i], &c->right[k]);
    counts.duplicates += earlier;
    counts.unused += !earlier && !used;
    *doubled |= earlier;
  }
  return counts;
}

/* ---- comparing ---- */

static bool same_value(const Column *a, int64_t i, const Column *b, int64_t k) {
  uint8_t *bytes[2] = {NULL, NULL};
  int64_t n[2] = {0, 0}, capacity[2] = {0, 0};
  if (column_missing(a, i) || k < 0 || column_missing(b, k))
    return column_missing(a, i) && (k < 0 || column_missing(b, k));
  CHECK_OK(column_key(a, i, false, &bytes[0], &n[0], &capacity[0]));
  CHECK_OK(column_key(b, k, false, &bytes[1], &n[1], &capacity[1]));
  bool same = n[0] == n[1] && memcmp(bytes[0], bytes[1], (size_t)n[0]) == 0;
  memory_free(&bytes[0]);
  memory_free(&bytes[1]);
  return same && a->type == b->type;
}

/* The joined rows of this rank are the kept left rows in order, with the right values behind. */
static void check_rows(const Case *c, const Table *out, const int64_t *match) {
  Comm self = comm_self();
  Table right = right_table(&self, c), left = rows_table(&self, c->left, c->left_n, 4);
  int64_t kept = 0;
  CHECK_INTEGER(out->n_columns, left.n_columns + TAKEN);
  for (int64_t i = 0; i < c->left_n; i++) {
    if (c->inner && match[i] < 0) continue;
    int64_t at = kept++ - out->rows.begin;
    if (at < 0 || at >= out->rows.n) continue;
    CHECK_INTEGER(out->row_id[at], left.row_id[i]);
    for (int64_t j = 0; j < left.n_columns; j++)
      CHECK(same_value(out->columns[j], at, left.columns[j], i));
    for (int64_t j = 0; j < TAKEN; j++) {
      const Column *column = out->columns[left.n_columns + j];
      CHECK_TEXT(column->name, taken[j]);
      CHECK(same_value(column, at, table_find(&right, taken[j]), match[i]));
    }
  }
  CHECK_INTEGER(out->rows.n_global, kept);
  table_clear(&right);
  table_clear(&left);
}

static JoinPlan plan_of(const Case *c, char *on[MOST_KEYS], char *other[MOST_KEYS],
                        char *columns[TAKEN]) {
  for (int k = 0; k < c->n_keys; k++) {
    on[k] = (char *)(uintptr_t)c->on[k];
    other[k] = (char *)(uintptr_t)c->other[k];
  }
  for (int j = 0; j < TAKEN; j++) columns[j] = taken[j];
  return (JoinPlan){.left_on = {c->n_keys, on},
                    .right_on = {c->n_keys, other},
                    .columns = {TAKEN, columns},
                    .inner = c->inner,
                    .duplicates = c->duplicates};
}

static void compare(const Comm *comm, const Case *c, int number) {
  static int64_t match[MOST];
  char *on[MOST_KEYS], *other[MOST_KEYS], *columns[TAKEN];
  bool doubled = false;
  int before = check_failures;
  JoinCounts want = reference(c, match, &doubled), got;
  JoinPlan plan = plan_of(c, on, other, columns);
  Table left = rows_table(comm, c->left, c->left_n, 4), right = right_table(comm, c), out = {0};
  bool refused = doubled && c->duplicates == JOIN_FAIL;
  Status status = join_all(comm, &left, &right, &plan, &out, &got);
  CHECK_INTEGER(status, refused ? INVALID : OK);
  if (status == OK) {
    CHECK_INTEGER(got.matched, want.matched);
    CHECK_INTEGER(got.unmatched, want.unmatched);
    CHECK_INTEGER(got.duplicates, want.duplicates);
    CHECK_INTEGER(got.unused, want.unused);
    check_rows(c, &out, match);
  }
  table_clear(&left);
  table_clear(&right);
  table_clear(&out);
  if (check_failures > before)
    fprintf(stderr, "case %d of seed %llu: %lld and %lld rows, key %s\n", number,
            (unsigned long long)SEED, (long long)c->left_n, (long long)c->right_n, c->on[0]);
}

static void random_case(Case *c, int number) {
  static const char *const keys[][2] = {
      {"genre", "r_genre"},   {"genre", "r_word"},   {"group", "r_group"}, {"tags", "r_tags"},
      {"number", "r_number"}, {"number", "r_whole"}, {"date", "r_date"},   {"flag", "r_flag"}};
  const int64_t sizes[] = {0, 1, 6, 30, MOST};
  Stream s = random_stream(SEED, "test/case", (uint64_t)number);
  c->left_n = sizes[random_integer(&s, 0, 0, 5)];
  c->right_n = sizes[random_integer(&s, 0, 1, 5)];
  int64_t groups = 1 + random_integer(&s, 0, 2, 500);
  int genres = 1 + (int)random_integer(&s, 0, 3, 25);
  rows_random(c->left, c->left_n, SEED + 2 * (uint64_t)number, groups, genres, 20);
  rows_random(c->right, c->right_n, SEED + 2 * (uint64_t)number + 1, groups, genres, 20);
  c->n_keys = 1 + (int)random_integer(&s, 0, 4, MOST_KEYS);
  for (int k = 0; k < c->n_keys; k++) {
    int64_t key = random_integer(&s, (uint64_t)k, 5, 8);
    c->on[k] = keys[key][0];
    c->other[k] = keys[key][1];
  }
  c->inner = random_integer(&s, 0, 6, 2);
  c->duplicates = (JoinDuplicates)random_integer(&s, 0, 7, 3);
}

/* The message names the doubled key's rows as the file counts them. */
static void test_message(const Comm *comm) {
  static Case c;
  char *on[MOST_KEYS], *other[MOST_KEYS], *columns[TAKEN];
  JoinCounts counts;
  c = (Case){.left_n = 30, .right_n = 30, .n_keys = 1, .on = {"group"}, .other = {"r_group"}};
  rows_random(c.left, 30, SEED, 1000, 5, 5);
  rows_random(c.right, 30, SEED, 1000, 5, 5);
  for (int64_t i = 0; i < 30; i++) c.right[i].group = i;
  c.right[22].group = c.right[9].group;
  c.right[29].group = c.right[11].group;
  JoinPlan plan = plan_of(&c, on, other, columns);
  Table left = rows_table(comm, c.left, 30, 4), right = right_table(comm, &c), out = {0};
  CHECK_INTEGER(join_all(comm, &left, &right, &plan, &out, &counts), INVALID);
  CHECK_MESSAGE(
      "the key \"r_group\" stands in several rows of the right table, first in rows 93 and "
      "223");
  table_clear(&out);
  on[0] = (char *)(uintptr_t) "grup";
  CHECK_INTEGER(join_all(comm, &left, &right, &plan, &out, &counts), INVALID);
  CHECK_MESSAGE("did you mean \"group\"");
  table_clear(&left);
  table_clear(&right);
  table_clear(&out);
}

static void test_faults(const Comm *comm) {
  static Case c;
  char *on[MOST_KEYS], *other[MOST_KEYS], *columns[TAKEN];
  c = (Case){.left_n = 20,
             .right_n = 20,
             .n_keys = 1,
             .on = {"number"},
             .other = {"r_number"},
             .inner = true,
             .duplicates = JOIN_FIRST};
  rows_random(c.left, 20, SEED, 100, 5, 5);
  rows_random(c.right, 20, SEED + 1, 100, 5, 5);
  JoinPlan plan = plan_of(&c, on, other, columns);
  Table left = rows_table(comm, c.left, 20, 4), right = right_table(comm, &c);
  int64_t balance = memory_balance();
  for (int rank = 0; rank < comm->size; rank++) {
    bool failed = true;
    for (int64_t nth = 1; failed && nth < 5000; nth++) {
      JoinCounts counts;
      Table out = {0};
      if (comm->rank == rank) fault_arm(FAULT_MEMORY, nth, false);
      Status status = join_all(comm, &left, &right, &plan, &out, &counts);
      fault_arm(FAULT_MEMORY, 0, false);
      failed = comm_any_all(comm, status != OK);
      CHECK(status == (failed ? MEMORY : OK));
      table_clear(&out);
      CHECK_INTEGER(memory_balance(), balance);
    }
    CHECK(!failed);
  }
  table_clear(&left);
  table_clear(&right);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  static Case c;
  for (int number = 0; number < 150; number++) {
    random_case(&c, number);
    compare(&world, &c, number);
  }
  test_message(&world);
  test_faults(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("join");
  MPI_Finalize();
  return failed;
}
