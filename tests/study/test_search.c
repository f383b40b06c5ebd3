/* Searches: the same trials on any number of ranks and groups whatever fit ends first; taken up
 * after a stop; a longer study that keeps the shorter one's trials; halving by rank within a
 * bracket; lack of memory anywhere. The model is of the test's own: as good as its options say, and
 * it takes its time at random. */
#include "kernels/study/search.h"

#include <unistd.h>

#include "kernels/base/fault.h"
#include "kernels/numeric/elementary.h"
#include "tests/study/case.h"

enum { N = 120, FOLDS = 3, MOST = 48, W = 5, RECORDS = 1000 };

static const uint64_t SEED = 90210;

/* ---- a model ---- */

typedef struct ToyOptions {
  double rate;
  int64_t size;
  bool flip;
  double rounds;
} ToyOptions;

static int64_t fits;         /* of this rank */
static int64_t fail_at = -1; /* the fit of this rank that fails */
static bool dawdles;

static Status toy_check(const void *options) {
  const ToyOptions *o = options;
  if (o->size % 7 != 3) return OK;
  return status_fail(INVALID, "size: three more than a multiple of seven is not allowed");
}

static Status toy_fit_all(const Comm *comm, const TrainingData *data, const void *options,
                          WorkSink *sink, void **model, Summary *summary) {
  Status status = OK;
  const ToyOptions *o = options;
  double *value = NULL;
  (void)summary;
  if (dawdles) usleep((useconds_t)(rand() % 1000));
  status = NEW(&value, 1);
  *model = value;
  AGREE(comm, status);
  AGREE(comm, fits++ == fail_at ? status_fail(NUMERIC, "the toy broke") : OK);
  if (comm_any_all(comm, work_stopping(sink))) return status_fail(STOPPED, "stopped in a toy");
  double off = fabs(elementary_log(o->rate) + 3) + 0.1 * fabs((double)o->size - 12) +
               (o->flip ? 0.5 : 0) + (1 - o->rounds);
  *value = off + 1e-3 * (double)(data->x->rows.n_global % 10);
done:
  return status;
}

static Status toy_predict(const void *model, const Matrix *x, double *out) {
  for (int64_t i = 0; i < x->rows.n; i++) out[i] = *(const double *)model;
  return OK;
}

static Status toy_fields(void **model, Fields *fields) {
  (void)model;
  (void)fields;
  return OK;
}

static void toy_free(void **model) { memory_free(model); }

static const ModelKind toy = {
    .kind = {.name = "toy", .options_size = sizeof(ToyOptions), .check = toy_check},
    .regression = true,
    .fit_all = toy_fit_all,
    .predict = toy_predict,
    .fields = toy_fields,
    .free = toy_free};

/* ---- a search ---- */

typedef struct Case {
  CaseRecipe recipe;
  char *features[1];
  Table table;
  Folds folds;
  MeasureOptions measure;
} Case;

static char number[] = "number", tags[] = "tags";

typedef struct Made {
  Variant model;
  ToyOptions options;
} Made;

static Status make(const void *options, const RealList *choice, Spec *spec, void **memory) {
  const Case *c = options;
  Status status = memory_status(*memory = memory_get(1, sizeof(Made)));
  if (status != OK) return status;
  Made *made = *memory;
  bool second = choice->items[0] > 0; /* a group without flip, and another size */
  made->options = (ToyOptions){.rate = choice->items[1 + 2 * second],
                               .size = second ? 20 : (int64_t)choice->items[2],
                               .flip = second && choice->items[4] > 0,
                               .rounds = choice->n > W ? choice->items[W] : 1};
  made->model = (Variant){.kind = &toy.kind, .options = &made->options};
  *spec = (Spec){.target = number,
                 .features = {1, (char **)(uintptr_t)c->features},
                 .steps = &c->recipe.steps,
                 .model = &made->model};
  return OK;
}

static const Parameter items[] = {
    {.type = PARAMETER_REAL, .low = 1e-4, .high = 1, .log = true},
    {.type = PARAMETER_INTEGER, .low = 1, .high = 30},
    {.type = PARAMETER_REAL, .low = 1e-4, .high = 1, .log = true, .group = 1},
    {.type = PARAMETER_CHOICE, .choices = 2, .group = 1},
};
static const Space space = {2, W - 1, items};

static void case_init(Case *c, const Comm *comm) {
  static Row rows[N];
  rows_random(rows, N, SEED, 30, 6, 5);
  for (int i = 0; i < N; i++) rows[i].number = 0; /* so that the score is what the options say */
  case_recipe_init(&c->recipe, tags, 3);
  c->features[0] = tags;
  c->table = rows_table(comm, rows, N, 8);
  CHECK_OK(folds_init(&c->folds, &c->table.rows, FOLDS));
  for (int64_t f = 0; f < FOLDS; f++)
    for (int64_t i = 0; i < c->table.rows.n; i++)
      folds_role(&c->folds, f)[i] =
          rows[c->table.rows.begin + i].group % FOLDS == f ? ROLE_VALIDATE : ROLE_TRAIN;
  c->measure = measure_options_default(5);
}

static void case_clear(Case *c) {
  case_recipe_clear(&c->recipe);
  folds_clear(&c->folds);
  table_clear(&c->table);
}

static SearchInputs inputs(const Case *c, SamplerMethod method, int64_t trials, Spread spread) {
  return (SearchInputs){
      .folds = {.table = &c->table,
                .folds = &c->folds,
                .measure = &c->measure,
                .seed = 5,
                .spread = spread},
      .maker = make,
      .options = c,
      .sampler = {.space = &space, .method = method, .seed = SEED, .warm_up = 6, .grid_levels = 4},
      .rules = {.window = 3, .folds = FOLDS},
      .trials = trials,
      .score = 0};
}

static void check_same(const SearchResult *got, const SearchResult *want, int64_t n) {
  for (int64_t t = 0; t < n; t++) {
    const SearchTrial *a = &got->trials[t], *b = &want->trials[t];
    CHECK(memcmp(a->point, b->point, W * sizeof(double)) == 0);
    CHECK(memcmp(&a->score, &b->score, sizeof(double)) == 0);
    CHECK(memcmp(&a->deviation, &b->deviation, sizeof(double)) == 0);
    CHECK_INTEGER(a->rung, b->rung);
    CHECK_INTEGER(a->folds, b->folds);
    for (int k = 0; k < 3; k++) CHECK_REAL(a->mean[k], b->mean[k], 0);
  }
}

/* ---- a sink with a journal ---- */

typedef struct Journal {
  WorkSink base;
  int64_t n, written, stop_after; /* records of this rank; -1: never */
  int64_t numbers[RECORDS];
  Fields records[RECORDS];
} Journal;

static bool stopping(WorkSink *base) {
  Journal *j = (Journal *)base;
  return j->stop_after >= 0 && j->written >= j->stop_after;
}

static bool tick(WorkSink *base, int64_t unit, int64_t done, int64_t total, const Fields *fields) {
  (void)unit;
  CHECK(done >= 0 && done <= total && total == 100);
  CHECK(fields == NULL);
  return stopping(base);
}

static void keep(WorkSink *base, int64_t number_, const Fields *fields) {
  Journal *j = (Journal *)base;
  for (int64_t i = 0; i < j->n; i++) CHECK(j->numbers[i] != number_); /* written once */
  CHECK(j->n < RECORDS);
  j->numbers[j->n] = number_;
  CHECK_OK(fields_copy(fields, &j->records[j->n++]));
  j->written++;
}

static bool recall(WorkSink *base, int64_t number_, Fields *out) {
  Journal *j = (Journal *)base;
  for (int64_t i = 0; i < j->n; i++) {
    if (j->numbers[i] != number_) continue;
    CHECK_OK(fields_copy(&j->records[i], out));
    for (int64_t k = 0; k < out->n; k++) out->items[k].owned = true;
    return true;
  }
  return false;
}

static void journal_init(Journal *j) {
  *j =
      (Journal){.base = {.tick = tick, .stopping = stopping, .record = keep, .find_record = recall},
                .stop_after = -1};
}

/* All ranks' records on every rank, as from files. */
static void journal_join_all(const Comm *comm, Journal *j) {
  static Journal all;
  journal_init(&all);
  for (int rank = 0; rank < comm->size; rank++) {
    int64_t n = rank == comm->rank ? j->n : 0;
    comm_broadcast_all(comm, rank, &n, sizeof n);
    for (int64_t i = 0; i < n; i++) {
      uint8_t *bytes = NULL;
      int64_t size = 0, number_ = rank == comm->rank ? j->numbers[i] : 0;
      if (rank == comm->rank) CHECK_OK(fields_pack(&j->records[i], &bytes, &size));
      comm_broadcast_all(comm, rank, &size, sizeof size);
      comm_broadcast_all(comm, rank, &number_, sizeof number_);
      if (rank != comm->rank) CHECK_OK(NEW(&bytes, size));
      comm_broadcast_all(comm, rank, bytes, (size_t)size);
      bool there = false;
      for (int64_t k = 0; k < all.n; k++) there |= all.numbers[k] == number_;
      if (!there) {
        all.numbers[all.n] = number_;
        CHECK_OK(fields_unpack(bytes, size, &all.records[all.n++]));
      }
      memory_free(&bytes);
    }
  }
  for (int64_t i = 0; i < j->n; i++) fields_clear(&j->records[i]);
  *j = all;
}

static void journal_clear(Journal *j) {
  for (int64_t i = 0; i < j->n; i++) fields_clear(&j->records[i]);
}

/* ---- tests ---- */

static const struct {
  SamplerMethod method;
  int64_t bracket, trials;
  HalvingOn on;
} ways[] = {{SAMPLER_BAYES, 0, 20, 0},
            {SAMPLER_TPE, 0, 14, 0},
            {SAMPLER_RANDOM, 6, 12, HALVING_FOLDS},
            {SAMPLER_BAYES, 6, 18, HALVING_FOLDS},
            {SAMPLER_BAYES, 4, 12, HALVING_ROUNDS},
            {SAMPLER_GRID, 0, 10, 0}};

static SearchInputs way_inputs(const Case *c, size_t way, Spread spread) {
  SearchInputs in = inputs(c, ways[way].method, ways[way].trials, spread);
  in.rules.bracket = ways[way].bracket;
  in.rules.keep = 0.5;
  in.rules.on = ways[way].on;
  return in;
}

/* Halving: of each bracket as many are left as there are places, and none was dropped that was
 * better, after the first rung, than one that went on. */
static void check_halving(const SearchResult *result, size_t way) {
  int64_t size = ways[way].bracket;
  if (size < 2) return;
  for (int64_t b = 0; b < result->n / size; b++) {
    int64_t last = 0, first = 0;
    for (int64_t i = 0; i < size; i++) {
      const SearchTrial *trial = &result->trials[b * size + i];
      last += trial->rung == result->rungs - 1;
      first += trial->rung >= 0;
    }
    CHECK(last >= 1 && last < size && first > last);
  }
  CHECK_INTEGER(result->trials[result->best].rung, result->rungs - 1);
}

static void test_same_bits(const Comm *comm) {
  Case c, own;
  Comm self = comm_self();
  case_init(&c, comm);
  case_init(&own, &self);
  for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
    SearchResult alone;
    SearchInputs in = way_inputs(&own, way, SPREAD_AUTO);
    dawdles = false;
    CHECK_OK(search_run_all(&self, &in, NULL, &alone));
    check_halving(&alone, way);
    if (way == 0) CHECK(alone.trials[alone.best].score < 1.3);
    dawdles = true;
    for (int spread = 0; spread < 3; spread++) {
      SearchResult together;
      in = way_inputs(&c, way, (Spread)spread);
      CHECK_OK(search_run_all(comm, &in, NULL, &together));
      check_same(&together, &alone, alone.n);
      CHECK_INTEGER(together.best, alone.best);
      search_result_clear(&together);
    }
    search_result_clear(&alone);
  }
  case_clear(&c);
  case_clear(&own);
}

/* A study stopped again and again, each time with another spread, is the one that was not; half as
 * long again it keeps its trials, and fits only the new ones. */
static void test_resume(const Comm *comm) {
  static Journal journal;
  Case c;
  int stops = 0;
  case_init(&c, comm);
  for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
    SearchResult whole, result;
    SearchInputs in = way_inputs(&c, way, SPREAD_AUTO);
    CHECK_OK(search_run_all(comm, &in, NULL, &whole));
    journal_init(&journal);
    Status status = STOPPED;
    int turns = 0;
    for (; status == STOPPED && turns < 50; turns++) {
      in = way_inputs(&c, way, (Spread)(turns % 3));
      journal.written = 0;
      journal.stop_after = comm->rank == turns % comm->size ? 4 : -1;
      status = search_run_all(comm, &in, &journal.base, &result);
      if (status == STOPPED) search_result_clear(&result);
      journal_join_all(comm, &journal);
      journal.base.stopping = stopping;
    }
    CHECK_INTEGER(status, OK);
    stops += turns - 1;
    check_same(&result, &whole, whole.n);
    search_result_clear(&result);
    in.trials = ways[way].trials * 3 / 2;
    if (ways[way].bracket > 0) in.trials -= in.trials % ways[way].bracket;
    int64_t before = journal.n;
    fits = 0;
    journal.written = 0;
    journal.stop_after = -1;
    CHECK_OK(search_run_all(comm, &in, &journal.base, &result));
    check_same(&result, &whole, whole.n);
    journal_join_all(comm, &journal);
    int64_t most = (in.trials - whole.n) * FOLDS * 2; /* rounds: all folds twice */
    CHECK(comm_max_one_all(comm, fits) <= most);
    CHECK(journal.n > before);
    search_result_clear(&result);
    search_result_clear(&whole);
    journal_clear(&journal);
  }
  CHECK(stops > 3);
  case_clear(&c);
}

static void test_failures(const Comm *comm) {
  Case c;
  SearchResult result;
  case_init(&c, comm);
  for (int spread = 0; spread < 3; spread++) {
    SearchInputs in = inputs(&c, SAMPLER_BAYES, 12, (Spread)spread);
    fits = 0;
    fail_at = 2; /* of every rank */
    CHECK_INTEGER(search_run_all(comm, &in, NULL, &result), NUMERIC);
    CHECK_MESSAGE("the toy broke");
    CHECK_MESSAGE(", fold ");
    search_result_clear(&result);
    fits = comm->rank == comm->size - 1 ? 0 : 100; /* of the last */
    Status status = search_run_all(comm, &in, NULL, &result);
    bool last = comm->rank == comm->size - 1;
    CHECK(status == NUMERIC || (status == OK && comm->size > 1 && (!last || fits < 3)));
    search_result_clear(&result);
    fail_at = -1;
  }
  case_clear(&c);
}

static void test_memory(const Comm *comm) {
  Case c;
  case_init(&c, comm);
  SearchInputs in = inputs(&c, SAMPLER_BAYES, 8, SPREAD_AUTO);
  dawdles = false;
  for (int rank = 0; rank < comm->size; rank++) {
    bool hit = true;
    for (int64_t nth = 1; hit; nth += 1 + nth / 3) {
      SearchResult result;
      fault_arm(FAULT_MEMORY, comm->rank == rank ? nth : 0, false);
      Status status = search_run_all(comm, &in, NULL, &result);
      hit = comm_any_all(comm, comm->rank == rank && fault_count(FAULT_MEMORY) >= nth);
      fault_arm(FAULT_MEMORY, 0, false);
      CHECK_INTEGER(status, hit ? MEMORY : OK);
      search_result_clear(&result);
    }
  }
  case_clear(&c);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  srand((unsigned)world.rank + 1);
  test_same_bits(&world);
  test_resume(&world);
  test_failures(&world);
  test_memory(&world);
  CHECK_INTEGER(memory_balance(), 0);
  if (check_failures > 0) fprintf(stderr, "seed %llu\n", (unsigned long long)SEED);
  int failed = check_report("search");
  MPI_Finalize();
  return failed;
}
