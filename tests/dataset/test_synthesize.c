/* Made-up tracks: the same on any number of ranks (also started by mpirun), and like the published
 * ones in their distributions, repetitions and correlations.
 * `test_dataset_synthesize SEED` uses another seed; tolerances hold for about all of them. */
#include <stdlib.h>

#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "kernels/dataset/synthesize.h"
#include "kernels/numeric/hash.h"
#include "tests/check.h"

static uint64_t seed = 7;
static Comm world, self;

static SynthesizeOptions options_of(int64_t rows, int64_t genres, double duplicates) {
  return (SynthesizeOptions){.rows = rows, .genres = genres, .duplicates = duplicates};
}

/* Sum over the rows of all ranks of a hash of the row's number and values. */
static int64_t content_all(const Comm *comm, const Table *table) {
  int64_t sum = 0, capacity = 0;
  uint8_t *key = NULL;
  for (int64_t i = 0; i < table->rows.n; i++) {
    int64_t n = 0;
    for (int64_t c = 0; c < table->n_columns; c++)
      CHECK_OK(column_key(table->columns[c], i, false, &key, &n, &capacity));
    Hash hash = hash_bytes(key, (size_t)n, (Hash){{(uint64_t)table->row_id[i], 0}});
    sum += (int64_t)(hash.word[0] >> 24);
  }
  memory_free(&key);
  comm_sum_all(comm, &sum, 1);
  return sum;
}

static int64_t made_content_all(const Comm *comm, const SynthesizeOptions *options, int64_t block) {
  Table table = {0};
  SynthesizeCounts counts;
  CHECK_OK(synthesize_all(comm, options, seed, block, NULL, &table, &counts));
  CHECK_INTEGER(table.rows.n_global, options->rows);
  int64_t content = content_all(comm, &table);
  table_clear(&table);
  return content;
}

/* The first `size` ranks make the table, for every size; one rank alone is the reference. */
static void test_ranks(int64_t rows, int64_t genres, int64_t block) {
  SynthesizeOptions options = options_of(rows, genres, 0.3);
  int64_t want = made_content_all(&self, &options, ROWS_BLOCK_DEFAULT);
  for (int size = 1; size <= world.size; size++) {
    Comm part;
    comm_split_all(&world, world.rank < size, &part);
    CHECK_INTEGER(made_content_all(&part, &options, block), want);
    comm_clear_all(&part);
  }
  uint64_t kept = seed++;
  CHECK(made_content_all(&self, &options, block) != want);
  seed = kept;
}

/* ---- statistics of one table ---- */

static const double *reals(const Table *table, const char *name) {
  Column *column = table_find(table, name);
  CHECK(column && column->type == COLUMN_REAL);
  return column->real;
}

static double mean_of(const double *x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i];
  return sum / (double)n;
}

static double correlation(const Table *table, const char *a, const char *b) {
  const double *x = reals(table, a), *y = reals(table, b);
  int64_t n = table->rows.n;
  double mx = mean_of(x, n), my = mean_of(y, n), xx = 0, yy = 0, xy = 0;
  for (int64_t i = 0; i < n; i++) {
    xx += (x[i] - mx) * (x[i] - mx);
    yy += (y[i] - my) * (y[i] - my);
    xy += (x[i] - mx) * (y[i] - my);
  }
  return xy / sqrt(xx * yy);
}

static double deviation(const double *x, int64_t n) {
  double mean = mean_of(x, n), sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
  return sqrt(sum / (double)n);
}

static void check_within(const double *x, int64_t n, double low, double high) {
  int64_t bad = 0;
  for (int64_t i = 0; i < n; i++) bad += !(x[i] >= low && x[i] <= high);
  CHECK_INTEGER(bad, 0);
}

static void test_popularity(const Table *table) {
  const double *x = reals(table, "popularity");
  int64_t n = table->rows.n, zeros = 0, high = 0, broken = 0;
  for (int64_t i = 0; i < n; i++) {
    zeros += x[i] == 0;
    high += x[i] > 71;
    broken += x[i] != rint(x[i]);
  }
  check_within(x, n, 0, 100);
  CHECK_INTEGER(broken, 0);
  CHECK_REAL(mean_of(x, n), 33.2, 2);
  CHECK_REAL(deviation(x, n), 22.3, 1.5);
  CHECK_REAL((double)zeros / (double)n, 0.14, 0.025);
  CHECK_REAL((double)high / (double)n, 0.0375, 0.015);
}

static void test_sound(const Table *table) {
  static const struct {
    const char *name;
    double mean, mean_off, deviation, deviation_off, low, high;
  } published[] = {
      {"danceability", 0.567, 0.02, 0.174, 0.03, 0, 1},
      {"energy", 0.641, 0.02, 0.252, 0.03, 0, 1},
      {"loudness", -8.26, 0.7, 5.03, 1, -60, 5},
      {"speechiness", 0.085, 0.012, 0.106, 0.035, 0, 1},
      {"acousticness", 0.315, 0.03, 0.333, 0.03, 0, 1},
      {"instrumentalness", 0.156, 0.045, 0.31, 0.08, 0, 1},
      {"liveness", 0.214, 0.025, 0.19, 0.025, 0, 1},
      {"valence", 0.474, 0.03, 0.259, 0.025, 0, 1},
      {"tempo", 122.1, 1.5, 30.0, 1.5, 0, 250},
      {"duration_ms", 228029, 9000, 107297, 15000, 1, 2e6},
  };
  int64_t n = table->rows.n, silent = 0, still = 0;
  for (size_t f = 0; f < sizeof published / sizeof *published; f++) {
    const double *x = reals(table, published[f].name);
    CHECK_REAL(mean_of(x, n), published[f].mean, published[f].mean_off);
    CHECK_REAL(deviation(x, n), published[f].deviation, published[f].deviation_off);
    check_within(x, n, published[f].low, published[f].high);
  }
  const double *tempo = reals(table, "tempo"), *voice = reals(table, "instrumentalness");
  for (int64_t i = 0; i < n; i++) {
    silent += tempo[i] == 0;
    still += voice[i] == 0;
  }
  CHECK_REAL((double)silent / (double)n, 0.0014, 0.0008);
  CHECK_REAL((double)still / (double)n, 0.34, 0.05);
}

static void test_correlations(const Table *table) {
  CHECK_REAL(correlation(table, "energy", "loudness"), 0.76, 0.15);
  CHECK_REAL(correlation(table, "energy", "acousticness"), -0.73, 0.15);
  CHECK_REAL(correlation(table, "loudness", "acousticness"), -0.59, 0.15);
  CHECK_REAL(correlation(table, "danceability", "valence"), 0.48, 0.15);
  CHECK(correlation(table, "instrumentalness", "loudness") < -0.05);
  CHECK(correlation(table, "popularity", "instrumentalness") < -0.05);
}

static void test_whole(const Table *table) {
  const Column *key = table_find(table, "key"), *mode = table_find(table, "mode");
  const Column *beats = table_find(table, "time_signature"), *said = table_find(table, "explicit");
  double n = (double)table->rows.n, sums[4] = {0};
  for (int64_t i = 0; i < table->rows.n; i++) {
    CHECK(key->integer[i] >= 0 && key->integer[i] <= 11);
    sums[0] += (double)key->integer[i];
    sums[1] += (double)mode->integer[i];
    sums[2] += beats->integer[i] == 4;
    sums[3] += said->boolean[i];
  }
  CHECK_REAL(sums[0] / n, 5.31, 0.15);
  CHECK_REAL(sums[1] / n, 0.638, 0.02);
  CHECK_REAL(sums[2] / n, 0.893, 0.015);
  CHECK_REAL(sums[3] / n, 0.0855, 0.03);
}

static void test_dates(const Table *table) {
  const Column *release = table_find(table, "release");
  int64_t missing = 0, partial = 0, recent = 0, bad = 0;
  for (int64_t i = 0; i < table->rows.n; i++) {
    char text[16];
    int32_t date = release->date[i], again = 0;
    missing += column_missing(release, i);
    if (column_missing(release, i)) continue;
    date_text(date, text);
    bad += !date_parse(text, (int64_t)strlen(text), &again) || again != date || date < 19500000 ||
           date > 20231031;
    partial += date % 100 == 0;
    recent += date >= 20100000;
  }
  double n = (double)table->rows.n;
  CHECK_INTEGER(bad, 0);
  CHECK_REAL((double)missing / n, 0.003, 0.0015);
  CHECK_REAL((double)partial / n, 0.06, 0.01);
  CHECK_REAL((double)recent / n, 0.745, 0.03);
}

/* ---- dictionaries, genres, artists ---- */

static void check_dictionary(const Dictionary *dictionary) {
  int64_t wrong = 0;
  for (int32_t code = 0; code < dictionary->n; code++) {
    int64_t length = 0;
    const char *word = dictionary_word(dictionary, code, &length);
    wrong += length < 3 || dictionary_find(dictionary, word, length) != code;
  }
  CHECK_INTEGER(wrong, 0);
}

/* Share of the variance of popularity that means by genre explain. */
static double genre_share(const Table *table) {
  const Column *genre = table_find(table, "track_genre");
  const double *x = reals(table, "popularity");
  double *sum = NULL, *count = NULL, between = 0, mean = mean_of(x, table->rows.n);
  int64_t n = table->rows.n, most = 0, least = n;
  CHECK_OK(NEW(&sum, genre->dictionary.n));
  CHECK_OK(NEW(&count, genre->dictionary.n));
  for (int64_t i = 0; i < n; i++) {
    sum[genre->code[i]] += x[i] - mean;
    count[genre->code[i]]++;
  }
  for (int32_t g = 0; g < genre->dictionary.n; g++) {
    between += count[g] > 0 ? sum[g] * sum[g] / count[g] : 0;
    if ((int64_t)count[g] > most) most = (int64_t)count[g];
    if ((int64_t)count[g] < least) least = (int64_t)count[g];
  }
  CHECK(most - least <= 1);
  memory_free(&sum);
  memory_free(&count);
  return between / (double)n / (deviation(x, n) * deviation(x, n));
}

static void test_genres_and_artists(const Table *table) {
  const Column *genre = table_find(table, "track_genre"), *artists = table_find(table, "artists");
  int64_t *tracks = NULL, n = table->rows.n, lone = 0, alone = 0, seen = 0, most = 0;
  CHECK_INTEGER(genre->dictionary.n, 114);
  check_dictionary(&genre->dictionary);
  check_dictionary(&artists->dictionary);
  CHECK_REAL(genre_share(table), 0.24, 0.07);
  CHECK_OK(NEW(&tracks, artists->dictionary.n));
  for (int64_t i = 0; i < n; i++) {
    int64_t count = artists->offset[i + 1] - artists->offset[i];
    CHECK(count >= 1 && count <= 4);
    lone += count == 1;
    for (int64_t k = artists->offset[i]; k < artists->offset[i + 1]; k++) {
      tracks[artists->code[k]]++;
      for (int64_t l = artists->offset[i]; l < k; l++) CHECK(artists->code[l] != artists->code[k]);
    }
  }
  for (int32_t a = 0; a < artists->dictionary.n; a++) {
    seen += tracks[a] > 0;
    alone += tracks[a] == 1;
    if (tracks[a] > most) most = tracks[a];
  }
  CHECK_REAL((double)lone / (double)n, 0.75, 0.02);
  CHECK_REAL((double)seen / (double)n, 0.23, 0.04);
  CHECK(alone * 5 > seen && most > 100);
  memory_free(&tracks);
}

/* ---- repetitions ---- */

static const Column *sorted_by[2]; /* qsort has no room for an argument */

static int compare_rows(const void *a, const void *b) {
  int64_t i = *(const int64_t *)a, j = *(const int64_t *)b, n = 0, m = 0;
  for (int c = 0; c < 2 && sorted_by[c]; c++) {
    const Column *x = sorted_by[c];
    if (x->type == COLUMN_LIST) {
      n = x->offset[i + 1] - x->offset[i];
      m = x->offset[j + 1] - x->offset[j];
      if (n != m) return n < m ? -1 : 1;
      int order = memcmp(x->code + x->offset[i], x->code + x->offset[j], (size_t)n * 4);
      if (order != 0) return order;
      continue;
    }
    const char *s = column_text(x, i, &n), *t = column_text(x, j, &m);
    int order = memcmp(s, t, (size_t)(n < m ? n : m));
    if (order != 0 || n != m) return order != 0 ? order : n < m ? -1 : 1;
  }
  return 0;
}

static int64_t *sorted_rows(const Table *table, const char *first, const char *second) {
  int64_t *at = NULL;
  CHECK_OK(NEW(&at, table->rows.n));
  for (int64_t i = 0; i < table->rows.n; i++) at[i] = i;

  sorted_by[0] = table_find(table, first);
  sorted_by[1] = second ? table_find(table, second) : NULL;
  qsort(at, (size_t)table->rows.n, sizeof *at, compare_rows);
  return at;
}

static bool same_value(const Column *column, int64_t i, int64_t j) {
  uint8_t *key[2] = {NULL, NULL};
  int64_t n[2] = {0, 0}, capacity[2] = {0, 0};
  CHECK_OK(column_key(column, i, false, &key[0], &n[0], &capacity[0]));
  CHECK_OK(column_key(column, j, false, &key[1], &n[1], &capacity[1]));
  bool same = n[0] == n[1] && memcmp(key[0], key[1], (size_t)n[0]) == 0;
  memory_free(&key[0]);
  memory_free(&key[1]);
  return same || (column_missing(column, i) && column_missing(column, j));
}

/* Rows of one id differ in genre and, a few of them, in popularity; in nothing else. */
static void test_listings(const Table *table, const SynthesizeCounts *counts) {
  int64_t *at = sorted_rows(table, "track_id", NULL), surplus = 0, odd = 0, moved = 0, again = 0;
  for (int64_t k = 1; k < table->rows.n; k++) {
    if (compare_rows(&at[k - 1], &at[k]) != 0) continue;
    surplus++;
    for (int64_t c = 0; c < table->n_columns; c++) {
      const Column *column = table->columns[c];
      bool same = same_value(column, at[k - 1], at[k]);
      if (strcmp(column->name, "popularity") == 0)
        moved += !same;
      else if (strcmp(column->name, "track_genre") == 0)
        again += same;
      else
        odd += !same;
    }
  }
  CHECK_INTEGER(odd, 0);
  CHECK_INTEGER(surplus, counts->listings);
  CHECK_REAL((double)surplus / (double)table->rows.n, 0.2128, 0.01);
  CHECK(moved > 0 && moved * 10 < surplus && again * 10 < surplus);
  memory_free(&at);
}

/* Ids beyond the first of the same artists and name; a chance meeting of names is rare. */
static void test_releases(const Table *table, const SynthesizeCounts *counts) {
  int64_t *at = sorted_rows(table, "artists", "track_name"), songs = 0;
  int64_t ids = table->rows.n - counts->listings;
  for (int64_t k = 0; k < table->rows.n; k++)
    songs += k == 0 || compare_rows(&at[k - 1], &at[k]) != 0;
  CHECK_REAL((double)(ids - songs) / (double)counts->releases, 1, 0.02);
  CHECK_REAL((double)counts->releases / (double)ids, 0.094, 0.01);
  memory_free(&at);
}

static void test_statistics(void) {
  Table table = {0};
  Schema plan = {0};
  SynthesizeCounts counts;
  SynthesizeOptions options = options_of(114000, 114, 0.2128);
  CHECK_OK(synthesize_all(&self, &options, seed, ROWS_BLOCK_DEFAULT, NULL, &table, &counts));
  CHECK_OK(synthesize_plan(&plan));
  CHECK_INTEGER(plan.n, table.n_columns);
  for (int64_t c = 0; c < plan.n; c++) {
    CHECK_TEXT(table.columns[c]->name, plan.columns[c].name);
    CHECK_INTEGER(table.columns[c]->type, plan.columns[c].type);
  }
  test_popularity(&table);
  test_sound(&table);
  test_correlations(&table);
  test_whole(&table);
  test_dates(&table);
  test_genres_and_artists(&table);
  test_listings(&table, &counts);
  test_releases(&table, &counts);
  schema_clear(&plan);
  table_clear(&table);
}

/* ---- corners ---- */

static void test_small(void) {
  const int64_t genres[] = {1, 2, 19, 20, 114, 1000};
  for (int64_t rows = 1; rows < 40; rows = rows * 2 + 1) {
    for (int g = 0; g < 6; g++) {
      Table table = {0};
      SynthesizeCounts counts;
      SynthesizeOptions options = options_of(rows, genres[g], 0.5);
      CHECK_OK(synthesize_all(&world, &options, seed, 4, NULL, &table, &counts));
      CHECK_INTEGER(counts.genres, genres[g] < rows ? genres[g] : rows);
      CHECK(counts.listings < rows);
      check_dictionary(&table_find(&table, "track_genre")->dictionary);
      table_clear(&table);
    }
  }
  Table table = {0};
  SynthesizeCounts counts;
  SynthesizeOptions options = options_of(3000, 1000, 0);
  CHECK_OK(synthesize_all(&world, &options, seed, 4, NULL, &table, &counts));
  CHECK_INTEGER(counts.listings, 0);
  check_dictionary(&table_find(&table, "track_genre")->dictionary);
  table_clear(&table);
}

static bool stop_last(WorkSink *sink) {
  (void)sink;
  return world.rank == world.size - 1;
}

static void test_stop(void) {
  Table table = {0};
  SynthesizeCounts counts;
  WorkSink sink = {.stopping = stop_last};
  SynthesizeOptions options = options_of(5000, 10, 0.2);
  CHECK(synthesize_all(&world, &options, seed, 64, &sink, &table, &counts) == STOPPED);
  CHECK_MESSAGE("stopped on request");
  table_clear(&table);
}

/* Each allocation on the last rank fails once: all ranks say so, and nothing is left behind. */
static void test_faults(void) {
  SynthesizeOptions options = options_of(500, 10, 0.2);
  int64_t balance = memory_balance(), failed = 0, last = world.rank == world.size - 1;
  for (int64_t nth = 1; nth < 1000; nth++) {
    Table table = {0};
    SynthesizeCounts counts;
    fault_arm(FAULT_MEMORY, last ? nth : 0, false);
    Status status = synthesize_all(&world, &options, seed, 64, NULL, &table, &counts);
    fault_arm(FAULT_MEMORY, 0, false);
    table_clear(&table);
    CHECK_INTEGER(memory_balance(), balance);
    CHECK(status == OK || status == MEMORY);
    if (status == OK) break;
    failed++;
  }
  CHECK(failed > 30 && failed < 999);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  world = comm_world();
  self = comm_self();
  if (argc > 1) seed = strtoull(argv[1], NULL, 10);
  if (world.rank == 0) printf("seed %" PRIu64 "\n", seed);
  test_ranks(3000, 114, 64);
  test_ranks(2000, 7, 1024);
  test_ranks(5, 114, 4);
  if (world.rank == 0) test_statistics();
  test_small();
  test_stop();
  test_faults();
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("synthesize");
  MPI_Finalize();
  return result;
}
