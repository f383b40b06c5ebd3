/* Splits and folds against a naive reference on one rank: rows sorted, units of equal keys walked,
 * borders tried one by one. What has to hold whatever the method is checked apart: no group on both
 * sides, nothing trained on that is newer than what is validated on, every row validated once. */
#include <stdlib.h>

#include "kernels/dataset/division.h"
#include "rows.h"
#include "tests/allocations.h"

enum { MOST = 240, FOLDS = 12, NONE = 0, TRAIN = 1, VALIDATE = 2 };

static const uint64_t SEED = 4711;
static int possible_cases;

typedef struct Case {
  int64_t n, k; /* k = 0: a split */
  double share;
  Row rows[MOST];
  uint8_t where[MOST];
  Division division; /* where: of all rows */
} Case;

/* ---- the reference ---- */

typedef struct Item {
  int64_t row, stratum;
  double key;
} Item;

static int by_key(const void *a, const void *b) {
  const Item *x = a, *y = b;
  if (x->stratum != y->stratum) return x->stratum < y->stratum ? -1 : 1;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  return x->row < y->row ? -1 : 1;
}

static int by_number(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Tenths as NumPy cuts them. */
static int64_t tenth_of(const Case *c, double value) {
  double sorted[MOST];
  int64_t n = 0, tenth = 0;
  for (int64_t i = 0; i < c->n; i++)
    if (c->where[i] && !isnan(c->rows[i].number)) sorted[n++] = c->rows[i].number;
  qsort(sorted, (size_t)n, sizeof *sorted, by_number);
  for (int t = 1; t < 10; t++) {
    double position = t / 10.0 * (double)(n - 1);
    int64_t low = (int64_t)position, high = low + 1 < n ? low + 1 : low;
    double cut = sorted[low] + (sorted[high] - sorted[low]) * (position - (double)low);
    tenth += value > cut + 1e-9;
  }
  return tenth;
}

static int64_t own_stratum(const Case *c, int64_t i) {
  const Row *row = &c->rows[i];
  const char *by = c->division.date ? NULL : c->division.stratify;
  if (!by) return 0;
  if (strcmp(by, "genre") == 0) return row->genre < 0 ? ROWS_WORDS : row->genre;
  if (strcmp(by, "tags") == 0) return row->tags <= 0 ? ROWS_WORDS : row->tag[0];
  if (strcmp(by, "flag") == 0) return row->flag == MISSING_BOOLEAN ? 2 : row->flag;
  return isnan(row->number) ? 10 : tenth_of(c, row->number);
}

static double own_key(const Case *c, int64_t i) {
  Stream stream = random_stream(c->division.seed, "division", 0);
  const Row *row = &c->rows[i];
  if (!c->where[i]) return NAN;
  if (c->division.date) return row->date == MISSING_DATE ? NAN : (double)date_days(row->date);
  return random_uniform(&stream, (uint64_t)(c->division.group ? row->group : 10 * i + 3), 0);
}

static int64_t make_items(const Case *c, Item *items) {
  int64_t n = 0;
  for (int64_t i = 0; i < c->n; i++) {
    Item item = {.row = i, .key = own_key(c, i), .stratum = own_stratum(c, i)};
    if (isnan(item.key)) continue;
    for (int64_t k = 0; c->division.group && !c->division.date && k < c->n; k++) {
      if (!c->where[k] || c->rows[k].group != c->rows[i].group) continue;
      int64_t other = own_stratum(c, k);
      if (other < item.stratum) item.stratum = other;
    }
    items[n++] = item;
  }
  qsort(items, (size_t)n, sizeof *items, by_key);
  return n;
}

/* Rows wanted in the first p + 1 parts among items begin .. end - 1, dealt in one sequence. */
static int64_t wanted_rows(const Case *c, int64_t parts, int64_t begin, int64_t end, int64_t p) {
  int64_t wanted = 0;
  if (c->k == 0) {
    double share = c->division.date ? 1 - c->share : c->share;
    return (int64_t)(floor((double)end * share + 0.5) - floor((double)begin * share + 0.5));
  }
  for (int64_t j = begin; j < end; j++) wanted += j % parts <= p;
  return wanted;
}

/* The part of every item; false when one is empty. single: one item of each key counts. */
static bool reference_parts(const Case *c, const Item *items, int64_t n, int64_t parts,
                            int64_t *part) {
  int64_t strata = 0, sizes[FOLDS + 2] = {0};
  for (int64_t i = 0; i < n; i++) strata += i == 0 || items[i].stratum != items[i - 1].stratum;
  for (int64_t begin = 0, end; begin < n; begin = end) {
    for (end = begin; end < n && items[end].stratum == items[begin].stratum; end++) part[end] = 0;
    for (int64_t p = 0; p + 1 < parts; p++) {
      int64_t wanted = begin + wanted_rows(c, parts, begin, end, p), best = -1;
      /* borders from low to high: the first of the nearest wins */
      for (int64_t b = begin; b <= end; b++) {
        bool border = b == begin || b == end || items[b].key != items[b - 1].key;
        bool inside = b == wanted || strata > 1 || (b > begin && b < end);
        if (!border || !inside) continue;
        if (best < 0 || llabs(b - wanted) < llabs(best - wanted)) best = b;
      }
      if (best < 0) best = wanted == begin ? begin : end;
      for (int64_t i = best; i < end; i++) part[i] = p + 1;
    }
  }
  for (int64_t i = 0; i < n; i++) sizes[part[i]]++;
  for (int64_t p = 0; p < parts; p++)
    if (sizes[p] == 0) return false;
  return true;
}

static bool reference_cut(const Case *c, const Item *items, int64_t n, int64_t parts,
                          int64_t *part) {
  Item single[MOST] = {0};
  int64_t m = 0, own[MOST];
  if (reference_parts(c, items, n, parts, part)) return true;
  if (!c->division.group && !c->division.date) return false;
  for (int64_t i = 0; i < n; i++)
    if (i == 0 || items[i].key != items[i - 1].key || items[i].stratum != items[i - 1].stratum)
      single[m++] = items[i];
  if (!reference_parts(c, single, m, parts, own)) return false;
  m = -1;
  for (int64_t i = 0; i < n; i++) {
    m += i == 0 || items[i].key != items[i - 1].key || items[i].stratum != items[i - 1].stratum;
    part[i] = own[m];
  }
  return true;
}

/* Roles in time: the border is the first date of the part. */
static void reference_times(const Case *c, const Item *items, const int64_t *part, int64_t n,
                            int64_t fold, uint8_t *role) {
  int64_t first = 0;
  while (part[first] <= fold) first++;
  double from = items[first].key;
  for (int64_t i = 0; i < n; i++) {
    bool past = part[i] <= fold, before = part[i] == fold || c->division.window == WINDOW_EXPANDING;
    bool gap = items[i].key >= from - (double)c->division.gap_days;
    role[items[i].row] = part[i] == fold + 1 ? VALIDATE : past && before && !gap ? TRAIN : NONE;
  }
  for (int64_t i = 0; c->division.group && i < c->n; i++)
    for (int64_t k = 0; role[i] == TRAIN && k < c->n; k++)
      if (role[k] == VALIDATE && c->rows[k].group == c->rows[i].group) role[i] = NONE;
}

static bool reference(const Case *c, uint8_t *role) {
  Item items[MOST];
  int64_t part[MOST], folds = c->k ? c->k : 1;
  int64_t n = make_items(c, items);
  int64_t parts = c->k == 0 ? 2 : c->k + (c->division.date != NULL);
  memset(role, NONE, (size_t)(folds * c->n));
  if (n == 0 || !reference_cut(c, items, n, parts, part)) return false;
  for (int64_t f = 0; f < folds; f++) {
    uint8_t *own = role + f * c->n;
    bool seen[3] = {false, false, false};
    if (c->division.date)
      reference_times(c, items, part, n, f, own);
    else
      for (int64_t i = 0; i < n; i++) own[items[i].row] = part[i] == f ? VALIDATE : TRAIN;
    for (int64_t i = 0; i < c->n; i++) seen[own[i]] = true;
    if (!seen[TRAIN] || !seen[VALIDATE]) return false;
  }
  return true;
}

/* ---- what has to hold ---- */

static void check_fold(const Case *c, const uint8_t *role) {
  double newest = -INFINITY, oldest = INFINITY;
  for (int64_t i = 0; i < c->n; i++) {
    if (!c->where[i]) CHECK_INTEGER(role[i], NONE);
    for (int64_t k = 0; c->division.group && role[i] == TRAIN && k < c->n; k++)
      CHECK(role[k] != VALIDATE || c->rows[k].group != c->rows[i].group);
    if (!c->division.date || role[i] == NONE) continue;
    CHECK(c->rows[i].date != MISSING_DATE);
    double days = (double)date_days(c->rows[i].date);
    if (role[i] == TRAIN)
      newest = fmax(newest, days);
    else
      oldest = fmin(oldest, days);
  }
  if (c->division.date) CHECK(newest + (double)c->division.gap_days < oldest);
}

static void check_sizes(const Case *c, const uint8_t *role) {
  int64_t taking = 0, least = INT64_MAX, most = 0;
  if (c->division.group || c->division.date) return;
  for (int64_t i = 0; i < c->n; i++) taking += c->where[i];
  for (int64_t f = 0; f < (c->k ? c->k : 1); f++) {
    int64_t size = 0;
    for (int64_t i = 0; i < c->n; i++) size += role[f * c->n + i] == VALIDATE;
    least = size < least ? size : least;
    most = size > most ? size : most;
  }
  if (c->k == 0)
    CHECK_INTEGER(most, (int64_t)floor((double)taking * c->share + 0.5));
  else
    CHECK(most - least <= 1);
  for (int64_t i = 0; c->k && i < c->n; i++) {
    int64_t validated = 0;
    for (int64_t f = 0; f < c->k; f++) validated += role[f * c->n + i] == VALIDATE;
    CHECK_INTEGER(validated, c->where[i]);
  }
}

/* ---- running a case ---- */

static Status divide(const Comm *comm, const Case *c, const Table *table, uint8_t *role,
                     DivisionCounts *counts) {
  Division division = c->division;
  division.where = c->where + (table->rows.n > 0 ? table->rows.begin : 0);
  if (c->k == 0) return division_split_all(comm, table, &division, c->share, 0, role, counts);
  return division_folds_all(comm, table, &division, c->k, role, counts);
}

/* Roles of all rows, fold by fold, on every rank. */
static Status run(const Comm *comm, const Case *c, uint8_t *role) {
  Table table = rows_table(comm, c->rows, c->n, 4);
  int64_t folds = c->k ? c->k : 1, n = table.rows.n;
  uint8_t *mine = NULL;
  void *all = NULL;
  DivisionCounts counts;
  CHECK_OK(NEW(&mine, folds * n));
  Status status = divide(comm, c, &table, mine, &counts);
  for (int64_t f = 0; f < folds && status == OK; f++) {
    CHECK_OK(comm_concatenate_all(comm, mine + f * n, (size_t)n, &all, NULL));
    memcpy(role + f * c->n, all, (size_t)c->n);
    memory_free(&all);
  }
  table_clear(&table);
  memory_free(&mine);
  return status;
}

static void compare(const Comm *comm, const Case *c, int number) {
  static uint8_t got[FOLDS * MOST], alone[FOLDS * MOST], want[FOLDS * MOST];
  int64_t folds = c->k ? c->k : 1;
  Comm self = comm_self();
  int before = check_failures;
  bool possible = reference(c, want);
  Status status = run(comm, c, got), lonely = run(&self, c, alone);
  possible_cases += possible;
  CHECK_INTEGER(status, possible ? OK : INVALID);
  CHECK_INTEGER(lonely, status);
  for (int64_t i = 0; status == OK && i < folds * c->n; i++) {
    CHECK_INTEGER(got[i], want[i]);
    CHECK_INTEGER(alone[i], got[i]);
  }
  for (int64_t f = 0; f < folds && status == OK; f++) check_fold(c, got + f * c->n);
  if (status == OK) check_sizes(c, got);
  if (check_failures > before)
    fprintf(stderr,
            "case %d of seed %llu: n %lld, k %lld, share %g, group %s, stratify %s, date %s\n",
            number, (unsigned long long)SEED, (long long)c->n, (long long)c->k, c->share,
            c->division.group ? c->division.group : "-",
            c->division.stratify ? c->division.stratify : "-",
            c->division.date ? c->division.date : "-");
}

static void random_case(Case *c, int number) {
  Stream s = random_stream(SEED, "test/case", (uint64_t)number);
  const int64_t sizes[] = {2, 3, 7, 16, 50, MOST}, groups[] = {1, 3, 20, 500},
                gaps[] = {0, 0, 20, 400};
  const char *strata[] = {NULL, "genre", "tags", "flag", "number"};
  const int years[] = {1, 3, 20};
  c->n = sizes[random_integer(&s, 0, 0, 6)];
  c->k = random_integer(&s, 0, 1, 2) ? 0 : 2 + random_integer(&s, 0, 2, FOLDS - 2);
  c->share = 0.02 + 0.9 * random_uniform(&s, 0, 3);
  rows_random(c->rows, c->n, SEED + (uint64_t)number, groups[random_integer(&s, 0, 4, 4)],
              1 + (int)random_integer(&s, 0, 5, 25), years[random_integer(&s, 0, 6, 3)]);
  bool all = random_integer(&s, 0, 7, 2);
  for (int64_t i = 0; i < c->n; i++) c->where[i] = all || random_integer(&s, (uint64_t)i, 8, 4) > 0;
  c->division =
      (Division){.group = random_integer(&s, 0, 9, 2) ? "group" : NULL,
                 .stratify = strata[random_integer(&s, 0, 10, 5)],
                 .date = random_integer(&s, 0, 11, 3) == 0 ? "date" : NULL,
                 .gap_days = gaps[random_integer(&s, 0, 12, 4)],
                 .window = random_integer(&s, 0, 13, 2) ? WINDOW_ROLLING : WINDOW_EXPANDING,
                 .seed = SEED * 3 + (uint64_t)number};
}

/* ---- named cases ---- */

static void same_rows(Case *c, int64_t n) {
  *c = (Case){.n = n, .share = 0.25};
  rows_random(c->rows, n, SEED, 1000000, 3, 20);
  memset(c->where, 1, sizeof c->where);
}

static int64_t count(const uint8_t *role, int64_t n, uint8_t wanted) {
  int64_t found = 0;
  for (int64_t i = 0; i < n; i++) found += role[i] == wanted;
  return found;
}

/* A group that outweighs the share, and fewer groups than folds. */
static void test_few_groups(const Comm *comm) {
  static Case c;
  static uint8_t role[FOLDS * MOST];
  same_rows(&c, 100);
  c.division.group = "group";
  for (int64_t i = 0; i < 100; i++) c.rows[i].group = i < 50;
  CHECK_OK(run(comm, &c, role)); /* a quarter of two equal groups: one of them */
  CHECK_INTEGER(count(role, 100, VALIDATE), 50);
  c.k = 3;
  CHECK_INTEGER(run(comm, &c, role), INVALID);
  CHECK_MESSAGE("folds: 3 parts cannot be made of 2 groups");
  for (int64_t i = 0; i < 100; i++) c.rows[i].group = i < 96 ? 0 : i;
  c.k = 5; /* five groups, one of 96 rows: each is a fold */
  CHECK_OK(run(comm, &c, role));
  for (int64_t f = 0; f < 5; f++) CHECK(count(role + f * 100, 100, VALIDATE) >= 1);
  for (int64_t i = 0; i < 100; i++) c.rows[i].group = 8;
  c.k = 0;
  CHECK_INTEGER(run(comm, &c, role), INVALID);
  CHECK_MESSAGE("test: 2 parts cannot be made of 1 groups");
}

static void test_bad_columns(const Comm *comm) {
  static Case c;
  static uint8_t role[FOLDS * MOST];
  same_rows(&c, 40);
  c.division.group = "group";
  c.rows[17].group = MISSING_INTEGER;
  CHECK_INTEGER(run(comm, &c, role), INVALID);
  CHECK_MESSAGE("group: row 173 has no value in column \"group\"");
  c.where[17] = 0; /* who takes no part needs no group */
  CHECK_OK(run(comm, &c, role));
  c.division.group = "genre";
  CHECK_INTEGER(run(comm, &c, role), INVALID);
  CHECK_MESSAGE("group: column \"genre\" is a category");
  c.division.group = "grup";
  CHECK_INTEGER(run(comm, &c, role), INVALID);
  CHECK_MESSAGE("did you mean \"group\"");
  c.division = (Division){.date = "tags"};
  CHECK_INTEGER(run(comm, &c, role), INVALID);
  CHECK_MESSAGE("date: column \"tags\" is a list");
}

/* Many strata of one row each fill the parts they are asked to fill. */
static void test_small_strata(const Comm *comm) {
  static Case c;
  static uint8_t role[FOLDS * MOST];
  same_rows(&c, 26);
  c.division.stratify = "genre";
  for (int64_t i = 0; i < 26; i++) c.rows[i].genre = (int)i;
  c.share = 0.5;
  CHECK_OK(run(comm, &c, role));
  CHECK_INTEGER(count(role, 26, VALIDATE), 13);
  c.k = 5;
  CHECK_OK(run(comm, &c, role));
  for (int64_t f = 0; f < 5; f++) CHECK_INTEGER(count(role + f * 26, 26, VALIDATE), f == 0 ? 6 : 5);
}

/* Numbers that are no usable time, and one date for most rows. */
static void test_times(const Comm *comm) {
  static Case c;
  static uint8_t role[FOLDS * MOST];
  same_rows(&c, 60);
  c.division.date = "number";
  for (int64_t i = 0; i < 60; i++) c.rows[i].number = i < 50 ? 2000 : 2000 + (double)(i % 3);
  c.rows[0].number = INFINITY;
  c.rows[1].number = -INFINITY;
  c.rows[2].number = NAN;
  c.k = 2;
  CHECK_OK(run(comm, &c, role)); /* three dates for three parts */
  CHECK(count(role, 60, VALIDATE) > 0);
  for (int64_t i = 0; i < 3; i++) CHECK_INTEGER(role[i], NONE);
  c.k = 3;
  CHECK_INTEGER(run(comm, &c, role), INVALID);
  CHECK_MESSAGE("folds: 4 parts cannot be made of 3 different dates");
}

static void test_cut_date(const Comm *comm) {
  static Case c;
  same_rows(&c, 80);
  for (int64_t i = 0; i < 80; i++) c.rows[i].date = 20000101 + 10000 * (int32_t)(i % 20);
  c.rows[5].date = MISSING_DATE;
  Table table = rows_table(comm, c.rows, c.n, 4);
  uint8_t *role = NULL;
  DivisionCounts counts;
  Division division = {.date = "date", .gap_days = 365};
  CHECK_OK(NEW(&role, table.rows.n));
  CHECK_OK(division_split_all(comm, &table, &division, NAN, date_days(20150101), role, &counts));
  CHECK_INTEGER(counts.undated, 1);
  CHECK_INTEGER(counts.gap, 4); /* 2014-01-01 is within 365 days */
  for (int64_t i = 0; i < table.rows.n; i++) {
    int64_t row = table.rows.begin + i, year = row % 20;
    CHECK_INTEGER(role[i], row == 5 || year == 14 ? NONE : year >= 15 ? VALIDATE : TRAIN);
  }
  CHECK_INTEGER(
      division_split_all(comm, &table, &division, NAN, date_days(19900101), role, &counts),
      INVALID);
  CHECK_MESSAGE("the split has 0 training and 79 validation rows");
  table_clear(&table);
  memory_free(&role);
}

/* Folds that validate on decades, and on what lies between given days: years 1975 to 2014. */
static void test_periods(const Comm *comm) {
  static Case c;
  static const double days[] = {10957, 12784}; /* 2000-01-01, 2005-01-01 */
  same_rows(&c, 80);
  for (int64_t i = 0; i < 80; i++) c.rows[i].date = 19750615 + 10000 * (int32_t)(i % 40);
  Table table = rows_table(comm, c.rows, c.n, 4);
  uint8_t *role = NULL;
  DivisionCounts counts;
  Division division = {.date = "date", .period = PERIOD_DECADE, .window = WINDOW_ROLLING};
  CHECK_OK(NEW(&role, 5 * table.rows.n));
  CHECK_OK(division_folds_all(comm, &table, &division, 3, role, &counts));
  for (int64_t f = 0; f < 3; f++) {
    int64_t from = 1990 + 10 * f; /* the last decade is that of 2014 */
    for (int64_t i = 0; i < table.rows.n; i++) {
      int64_t year = 1975 + (table.rows.begin + i) % 40;
      bool trains = year < from && (f == 0 || year >= from - 10);
      CHECK_INTEGER(role[f * table.rows.n + i], year >= from && year < from + 10 ? VALIDATE
                                                : trains                         ? TRAIN
                                                                                 : NONE);
    }
  }
  division = (Division){.date = "date", .cuts = days};
  CHECK_OK(division_folds_all(comm, &table, &division, 2, role, &counts));
  for (int64_t i = 0; i < table.rows.n; i++) {
    int64_t year = 1975 + (table.rows.begin + i) % 40;
    CHECK_INTEGER(role[i], year < 2000 ? TRAIN : year < 2005 ? VALIDATE : NONE);
    CHECK_INTEGER(role[table.rows.n + i], year < 2005 ? TRAIN : VALIDATE);
  }
  division = (Division){.date = "date", .period = PERIOD_DECADE};
  CHECK_INTEGER(division_folds_all(comm, &table, &division, 5, role, &counts), INVALID);
  CHECK_MESSAGE("fold 1 has 0 training and 10 validation rows");
  table_clear(&table);
  memory_free(&role);
}

static void test_straddling(const Comm *comm) {
  Rows rows = rows_share(comm, 20, 4);
  int64_t group[20], found = -1;
  uint8_t role[20];
  for (int64_t i = 0; i < rows.n; i++) {
    int64_t row = rows.begin + i;
    group[i] = row % 10;
    role[i] = row < 10 ? TRAIN : VALIDATE;
    if (row % 10 > 2) role[i] = row % 10 == 7 && row < 10 ? NONE : TRAIN;
  }
  CHECK_OK(division_straddling_all(comm, group, role, rows.n, &found));
  CHECK_INTEGER(found, 3);
}

typedef struct Dividing {
  const Case *c;
  const Table *table;
} Dividing;

static Status divide_once(const Comm *comm, void *context) {
  static uint8_t role[FOLDS * MOST];
  const Dividing *d = context;
  DivisionCounts counts;
  return divide(comm, d->c, d->table, role, &counts);
}

static void test_faults(const Comm *comm) {
  static Case c;
  same_rows(&c, 30);
  c.division = (Division){.group = "group", .date = "date"};
  c.k = 3;
  Table table = rows_table(comm, c.rows, c.n, 4);
  allocations_fail(comm, divide_once, &(Dividing){&c, &table});
  table_clear(&table);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  static Case c;
  for (int number = 0; number < 400; number++) {
    random_case(&c, number);
    compare(&world, &c, number);
  }
  CHECK(possible_cases > 150); /* the others are refused */
  test_few_groups(&world);
  test_bad_columns(&world);
  test_small_strata(&world);
  test_times(&world);
  test_cut_date(&world);
  test_periods(&world);
  test_straddling(&world);
  test_faults(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("division");
  MPI_Finalize();
  return failed;
}
