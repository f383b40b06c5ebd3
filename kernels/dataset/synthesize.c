/* Made-up tracks; see synthesize.h.
 *
 * Genre g owns rows ceil(g n / G) .. ceil((g + 1) n / G) - 1. A row is one of three kinds, told by
 * a number at its own address: a plain track; a release, which has artists, name and sound of a
 * plain row of its genre but its own id, date and popularity; a listing, which repeats all of
 * another row (no listing) but for the genre. The other row is found by trying random ones, which
 * are accepted with a power of a number of their own: few tracks are listed often. No chain is
 * longer than two, so a row is known from a few addresses.
 *
 * Sound: ten features and three factors behind them (intensity, groove, voice) are normal, a part
 * from the genre and a part from the track. A feature is a weighted sum of factors and its own
 * part, has variance 1, and is mapped to its unit by quantiles of the published tracks. That keeps
 * marginals whatever the correlations are. Drawing published rows with noise on them was rejected:
 * the program would have to carry data.
 *
 * Two passes: the first finds the rows that are repeated and the room of texts and lists, the
 * second fills columns, so that nothing is allocated twice. */
#include "synthesize.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "synthesize_words.h"

enum { /* the columns, in order */
       TRACK_ID,
       ARTISTS,
       TRACK_NAME,
       POPULARITY,
       DURATION_MS,
       EXPLICIT,
       DANCEABILITY,
       ENERGY,
       KEY,
       LOUDNESS,
       MODE,
       SPEECHINESS,
       ACOUSTICNESS,
       INSTRUMENTALNESS,
       LIVENESS,
       VALENCE,
       TEMPO,
       TIME_SIGNATURE,
       TRACK_GENRE,
       RELEASE,
       COLUMNS
};

static const SchemaColumn columns[COLUMNS] = {
    [TRACK_ID] = {"track_id", COLUMN_TEXT},
    [ARTISTS] = {"artists", COLUMN_LIST},
    [TRACK_NAME] = {"track_name", COLUMN_TEXT},
    [POPULARITY] = {"popularity", COLUMN_REAL},
    [DURATION_MS] = {"duration_ms", COLUMN_REAL},
    [EXPLICIT] = {"explicit", COLUMN_BOOLEAN},
    [DANCEABILITY] = {"danceability", COLUMN_REAL},
    [ENERGY] = {"energy", COLUMN_REAL},
    [KEY] = {"key", COLUMN_INTEGER},
    [LOUDNESS] = {"loudness", COLUMN_REAL},
    [MODE] = {"mode", COLUMN_INTEGER},
    [SPEECHINESS] = {"speechiness", COLUMN_REAL},
    [ACOUSTICNESS] = {"acousticness", COLUMN_REAL},
    [INSTRUMENTALNESS] = {"instrumentalness", COLUMN_REAL},
    [LIVENESS] = {"liveness", COLUMN_REAL},
    [VALENCE] = {"valence", COLUMN_REAL},
    [TEMPO] = {"tempo", COLUMN_REAL},
    [TIME_SIGNATURE] = {"time_signature", COLUMN_INTEGER},
    [TRACK_GENRE] = {"track_genre", COLUMN_CATEGORY},
    [RELEASE] = {"release", COLUMN_DATE},
};

enum { INTENSITY, GROOVE, VOICE, FACTORS };
enum { KNOTS = 9, FEATURES = 10 };
/* What the genres have a mean of: factors, the features' own parts, explicit words, popularity. */
enum { G_EXPLICIT = FACTORS + FEATURES, G_POPULARITY, G_MEANS };

/* Standard normal quantiles of 0, 1, 5, 25, 50, 75, 95, 99, 100 %; the ends are drawn in. */
static const double knot_at[KNOTS] = {-3.6, -2.326, -1.645, -0.6745, 0, 0.6745, 1.645, 2.326, 3.6};

enum {
  F_ENERGY,
  F_LOUDNESS,
  F_ACOUSTICNESS,
  F_DANCEABILITY,
  F_VALENCE,
  F_INSTRUMENTALNESS,
  F_SPEECHINESS,
  F_LIVENESS,
  F_TEMPO,
  F_DURATION
};

typedef struct Feature {
  int column;
  double weight[FACTORS];
  double genre; /* share of the variance of the feature's own part that is the genre's */
  double low;   /* values below are this */
  double steps; /* published values are multiples of 1 / steps */
} Feature;

static const Feature features[FEATURES] = {
    [F_ENERGY] = {ENERGY, {0.93, 0, 0}, 0.6, 0, 1e3},
    [F_LOUDNESS] = {LOUDNESS, {0.80, 0.12, 0.28}, 0.6, -60, 1e3},
    [F_ACOUSTICNESS] = {ACOUSTICNESS, {-0.79, 0, 0.05}, 0.6, 0, 1e6},
    [F_DANCEABILITY] = {DANCEABILITY, {0.08, 0.74, 0.10}, 0.6, 0, 1e3},
    [F_VALENCE] = {VALENCE, {0.20, 0.62, 0.25}, 0.3, 0, 1e3},
    [F_INSTRUMENTALNESS] = {INSTRUMENTALNESS, {-0.05, -0.10, -0.80}, 0.6, 0, 1e6},
    [F_SPEECHINESS] = {SPEECHINESS, {0.15, 0.15, 0.20}, 0.6, 0, 1e4},
    [F_LIVENESS] = {LIVENESS, {0.20, -0.15, 0}, 0.2, 0, 1e4},
    [F_TEMPO] = {TEMPO, {0.28, -0.05, 0}, 0.08, 0, 1e3},
    [F_DURATION] = {DURATION_MS, {0.05, -0.15, -0.10}, 0.2, 0, 1},
};

/* In the column's unit, at knot_at. A third of instrumentalness is exactly 0: the line through its
 * 4th and 5th knot meets 0 at the quantile of 34 %;
 * its upper knots are raised, since the published values crowd at both ends. */
static const double feature_value[FEATURES][KNOTS] = {
    [F_ENERGY] = {0.002, 0.0309, 0.154, 0.472, 0.685, 0.854, 0.969, 0.993, 1},
    [F_LOUDNESS] = {-40, -27.788, -18.067, -10.013, -7.004, -5.003, -2.974, -1.634, 1.5},
    [F_ACOUSTICNESS] = {0, 5e-6, 1e-4, 0.0169, 0.169, 0.598, 0.948, 0.992, 0.996},
    [F_DANCEABILITY] = {0.06, 0.134, 0.25, 0.456, 0.58, 0.695, 0.824, 0.901, 0.985},
    [F_VALENCE] = {0.01, 0.0346, 0.0708, 0.26, 0.464, 0.683, 0.911, 0.965, 0.99},
    [F_INSTRUMENTALNESS] = {-2.7e-5, -2.7e-5, -2.7e-5, -2.7e-5, 4.2e-5, 0.085, 0.935, 0.965, 1},
    [F_SPEECHINESS] = {0.022, 0.0254, 0.0282, 0.0359, 0.0489, 0.0845, 0.268, 0.507, 0.96},
    [F_LIVENESS] = {0.02, 0.0407, 0.0606, 0.098, 0.132, 0.273, 0.681, 0.946, 0.995},
    [F_TEMPO] = {40, 66.204, 77.347, 99.219, 122.017, 140.071, 175.07, 194.002, 230},
    [F_DURATION] = {30000, 64653, 116920, 174066, 212906, 261506, 387169, 531072, 1500000},
};

static const double factor_genre = 0.7; /* share of a factor's variance that is the genre's */

/* Popularity by the same knots; 14 % of the rows are at 0. */
static const double popularity_value[KNOTS] = {-22.5, -22.5, -22.5, 17, 35, 50, 69, 80, 99};

typedef struct World {
  int64_t rows, genres, artists;
  double duplicates;
  double (*mean)[G_MEANS]; /* genres; each column has mean 0 and variance 1 over genres */
  double own[FEATURES];    /* weight of a feature's own part */
  Stream kind, source, fame, cast, level, id, name, sound, remaster, taste, date;
} World;

/* Where a row's content stands. */
typedef struct Origin {
  int64_t track; /* the row whose id, popularity and date it has */
  int64_t song;  /* the row whose artists, name and sound it has */
} Origin;

enum { PLAIN, RELEASED, LISTED };
enum { ARTISTS_MOST = 4, TRIES = 256, ARTISTS_LIMIT = 1 << 24 };

/* ---- the world: what all rows share ---- */

static void world_streams(World *world, uint64_t seed) {
  world->kind = random_stream(seed, "synthesize/kind", 0);
  world->source = random_stream(seed, "synthesize/source", 0);
  world->fame = random_stream(seed, "synthesize/fame", 0);
  world->cast = random_stream(seed, "synthesize/cast", 0);
  world->level = random_stream(seed, "synthesize/level", 0);
  world->id = random_stream(seed, "synthesize/id", 0);
  world->name = random_stream(seed, "synthesize/name", 0);
  world->sound = random_stream(seed, "synthesize/sound", 0);
  world->remaster = random_stream(seed, "synthesize/remaster", 0);
  world->taste = random_stream(seed, "synthesize/taste", 0);
  world->date = random_stream(seed, "synthesize/date", 0);
}

/* Genres of a family are alike; then each mean is standardised, so that marginals over all rows do
 * not hang on the luck of few genres. */
static Status world_genres(World *world, uint64_t seed) {
  if (NEW(&world->mean, world->genres) != OK) return MEMORY;
  Stream genre = random_stream(seed, "synthesize/genre", 0);
  Stream family = random_stream(seed, "synthesize/family", 0);
  for (uint32_t m = 0; m < G_MEANS; m++) {
    double sum = 0, squares = 0, n = (double)world->genres;
    for (int64_t g = 0; g < world->genres; g++) {
      double x = 0.6 * random_normal(&family, (uint64_t)(g % WORDS_FAMILIES), m) +
                 0.8 * random_normal(&genre, (uint64_t)g, m);
      world->mean[g][m] = x;
      sum += x;
    }
    for (int64_t g = 0; g < world->genres; g++) {
      world->mean[g][m] -= sum / n;
      squares += world->mean[g][m] * world->mean[g][m];
    }
    double scale = squares > 0 ? sqrt(n / squares) : 0;
    for (int64_t g = 0; g < world->genres; g++) world->mean[g][m] *= scale;
  }
  return OK;
}

static Status world_init(World *world, const SynthesizeOptions *options, uint64_t seed) {
  int64_t rows = options->rows;
  *world = (World){.rows = rows, .duplicates = options->duplicates};
  world->genres = options->genres < rows ? options->genres : rows;
  world->artists = rows * 3 / 10 > world->genres ? rows * 3 / 10 : world->genres;
  if (world->artists > ARTISTS_LIMIT) world->artists = ARTISTS_LIMIT;
  for (int f = 0; f < FEATURES; f++) {
    const double *w = features[f].weight;
    double shared = w[INTENSITY] * w[INTENSITY] + w[GROOVE] * w[GROOVE] + w[VOICE] * w[VOICE];
    world->own[f] = sqrt(1 - shared);
  }
  world_streams(world, seed);
  return world_genres(world, seed);
}

/* The first of n things that belongs to genre g. */
static int64_t first_of(const World *world, int64_t g, int64_t n) {
  return (g * n + world->genres - 1) / world->genres;
}

static int64_t genre_of(const World *world, int64_t row) {
  return row * world->genres / world->rows;
}

/* ---- which row repeats which ---- */

static int kind_of(const World *world, int64_t row) {
  static const double released = 0.094; /* of the rows that are no listings */
  double u = random_uniform(&world->kind, (uint64_t)row, 0);
  if (u < world->duplicates) return LISTED;
  return u < world->duplicates + (1 - world->duplicates) * released ? RELEASED : PLAIN;
}

/* Another genre: three of four times one of the same family. */
static int64_t other_genre(const World *world, int64_t g, uint64_t row, uint32_t draw) {
  int64_t family = g % WORDS_FAMILIES;
  int64_t members = (world->genres - 1 - family) / WORDS_FAMILIES + 1;
  if (world->genres == 1) return g;
  if (members > 1 && random_uniform(&world->source, row, draw) < 0.75) {
    int64_t m = random_integer(&world->source, row, draw + 1, members - 1);
    return family + WORDS_FAMILIES * (m < g / WORDS_FAMILIES ? m : m + 1);
  }
  int64_t other = random_integer(&world->source, row, draw + 1, world->genres - 1);
  return other < g ? other : other + 1;
}

/* The row that `row` of this kind repeats; itself when none is found. */
static int64_t source_of(const World *world, int64_t row, int kind) {
  int64_t home = genre_of(world, row);
  uint64_t at = (uint64_t)row;
  for (uint32_t draw = 0; draw < 4 * TRIES; draw += 4) {
    int64_t g = kind == LISTED ? other_genre(world, home, at, draw) : home;
    int64_t begin = first_of(world, g, world->rows);
    int64_t n = first_of(world, g + 1, world->rows) - begin;
    int64_t other = begin + random_integer(&world->source, at, draw + 2, n);
    if (other == row || kind_of(world, other) >= kind) continue;
    double fame = random_uniform(&world->fame, (uint64_t)other, 0), square = fame * fame;
    double chance = square * square; /* the 4th power; the 16th for releases */
    if (kind == RELEASED) chance *= chance * chance * chance;
    if (random_uniform(&world->source, at, draw + 3) < chance) return other;
  }
  return row;
}

static Origin origin_of(const World *world, int64_t row) {
  Origin origin = {row, row};
  int kind = kind_of(world, row);
  if (kind == LISTED) {
    origin.track = source_of(world, row, LISTED);
    if (origin.track != row) kind = kind_of(world, origin.track);
  }
  origin.song = kind == RELEASED ? source_of(world, origin.track, RELEASED) : origin.track;
  return origin;
}

/* ---- artists ---- */

/* Artists of a song as places in the order of home genres; returns how many. Within a genre the
 * k-th artist of n has tracks in proportion to (k / n)^(-3/4). */
static int artists_of(const World *world, int64_t song, int64_t out[ARTISTS_MOST]) {
  uint64_t at = (uint64_t)song;
  double u = random_uniform(&world->cast, at, 0);
  int wanted = u < 0.748 ? 1 : u < 0.924 ? 2 : u < 0.976 ? 3 : 4, n = 0;
  for (uint32_t a = 0; a < (uint32_t)wanted; a++) {
    int64_t g = genre_of(world, song);
    if (random_uniform(&world->cast, at, 3 * a + 1) < (a == 0 ? 0.05 : 0.3))
      g = random_integer(&world->cast, at, 3 * a + 2, world->genres);
    int64_t begin = first_of(world, g, world->artists);
    int64_t count = first_of(world, g + 1, world->artists) - begin;
    double v = random_uniform(&world->cast, at, 3 * a + 3);
    int64_t artist = begin + (int64_t)((double)count * v * v * v * v);
    bool known = false;
    for (int k = 0; k < n; k++) known = known || out[k] == artist;
    if (!known) out[n++] = artist;
  }
  return n;
}

/* Dictionaries are in byte order; that shall tell nothing of the home genre. */
static int32_t artist_code(const World *world, int64_t artist) {
  return (int32_t)random_permuted(&world->level, artist, world->artists);
}

/* How popular a song's artists are: variance 1 for a lone artist. */
static double artists_level(const World *world, const int64_t *artists, int n) {
  double sum = 0;
  for (int a = 0; a < n; a++) sum += random_normal(&world->level, (uint64_t)artists[a], 0);
  return n > 0 ? sum / n : 0;
}

/* ---- sound, date, popularity ---- */

/* The line through values at knot_at, continued level at both ends. */
static double by_knots(const double value[KNOTS], double z) {
  if (z <= knot_at[0]) return value[0];
  int k = 1;
  while (k < KNOTS - 1 && z > knot_at[k]) k++;
  double t = (z - knot_at[k - 1]) / (knot_at[k] - knot_at[k - 1]);
  return value[k - 1] + (t < 1 ? t : 1) * (value[k] - value[k - 1]);
}

/* Standard normal features of a song. A remaster, half of the releases, sounds a little different.
 */
static void sound_of(const World *world, const Origin *origin, double z[FEATURES]) {
  uint64_t at = (uint64_t)origin->song, track = (uint64_t)origin->track;
  const double *mean = world->mean[genre_of(world, origin->song)];
  double factor[FACTORS];
  bool single = world->genres == 1; /* then a genre's part is 0 */
  for (uint32_t f = 0; f < FACTORS; f++) {
    double share = single ? 0 : factor_genre;
    factor[f] = sqrt(share) * mean[f] + sqrt(1 - share) * random_normal(&world->sound, at, f);
  }
  for (uint32_t f = 0; f < FEATURES; f++) {
    const double *w = features[f].weight;
    double share = single ? 0 : features[f].genre;
    double own = sqrt(share) * mean[FACTORS + f] +
                 sqrt(1 - share) * random_normal(&world->sound, at, FACTORS + f);
    z[f] = w[INTENSITY] * factor[INTENSITY] + w[GROOVE] * factor[GROOVE] +
           w[VOICE] * factor[VOICE] + world->own[f] * own;
  }
  if (at != track && random_uniform(&world->remaster, track, FEATURES) < 0.5)
    for (uint32_t f = 0; f < FEATURES; f++) z[f] += 0.1 * random_normal(&world->remaster, track, f);
}

/* Year and fraction: the published tracks' shares of decades, up to October 2023. */
static double year_of(double u) {
  static const double year[] = {1950, 1960, 1970, 1980, 1990, 2000, 2010, 2020, 2023.8};
  static const double below[] = {0, 0.0024, 0.0103, 0.0235, 0.0482, 0.1137, 0.2553, 0.6157, 1};
  int k = 1;
  while (k < 8 && u >= below[k]) k++;
  return year[k - 1] + (u - below[k - 1]) / (below[k] - below[k - 1]) * (year[k] - year[k - 1]);
}

static int32_t date_of(const World *world, int64_t track, double year_real) {
  static const int8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  double given = random_uniform(&world->date, (uint64_t)track, 1);
  int32_t year = (int32_t)year_real;
  double months = (year_real - year) * 12;
  int32_t month = (int32_t)months;
  int32_t day = (int32_t)((months - month) * days[month]) + 1;
  if (given < 0.003) return MISSING_DATE;
  if (given < 0.053) return year * 10000;
  if (given < 0.063) return year * 10000 + (month + 1) * 100;
  return year * 10000 + (month + 1) * 100 + day;
}

static double above(double z) { return z > 0 ? z : 0; }

/* What of popularity the sound explains: bent and mixed, as no straight line finds it. */
static double appeal(const double z[FEATURES]) {
  double dance = z[F_DANCEABILITY], duration = z[F_DURATION], energy = z[F_ENERGY];
  double loudness = z[F_LOUDNESS] < 1 ? z[F_LOUDNESS] : 1;
  return 0.16 * loudness - 0.30 * (above(z[F_INSTRUMENTALNESS]) - 0.4) -
         0.07 * (duration * duration - 1) - 0.12 * (above(z[F_LIVENESS]) - 0.4) + 0.10 * dance -
         0.10 * dance * energy;
}

static double popularity_of(const World *world, const Origin *origin, const double z[FEATURES],
                            double artists, double year) {
  double genre = world->mean[genre_of(world, origin->song)][G_POPULARITY];
  double taste = random_normal(&world->taste, (uint64_t)origin->track, 0);
  double level =
      0.53 * genre + 0.54 * artists + appeal(z) + 0.08 * (year - 2013) / 11 + 0.62 * taste;
  double popularity = rint(by_knots(popularity_value, level));
  return popularity > 0 ? popularity : 0;
}

/* A few listings were read on another day: their popularity is off by up to three. */
static double popularity_listed(const World *world, int64_t row, double popularity) {
  if (random_uniform(&world->taste, (uint64_t)row, 1) >= 0.04) return popularity;
  double moved = popularity + (double)random_integer(&world->taste, (uint64_t)row, 2, 7) - 3;
  return moved < 0 ? 0 : moved > 100 ? 100 : moved;
}

/* ---- rows into columns ---- */

typedef struct Making {
  World world;
  Origin *origin; /* this rank's rows */
  Column *column[COLUMNS];
  int64_t names_n, codes_n;
} Making;

/* First pass: origins, and the positions of lists and names. */
static void measure_row(Making *making, int64_t row, int64_t i) {
  int64_t artists[ARTISTS_MOST];
  char name[WORDS_NAME];
  const World *world = &making->world;
  making->origin[i] = origin_of(world, row);
  making->codes_n += artists_of(world, making->origin[i].song, artists);
  making->names_n += words_name(&world->name, making->origin[i].song, name);
}

static void fill_texts(Making *making, int64_t i, const int64_t *artists, int n) {
  const World *world = &making->world;
  const Origin *origin = &making->origin[i];
  Column *id = making->column[TRACK_ID], *name = making->column[TRACK_NAME];
  Column *list = making->column[ARTISTS];
  char words[WORDS_NAME];
  int64_t length = words_name(&world->name, origin->song, words);
  words_id(&world->id, origin->track, id->bytes + i * WORDS_ID);
  id->offset[i + 1] = (i + 1) * WORDS_ID;
  memcpy(name->bytes + name->offset[i], words, (size_t)length);
  name->offset[i + 1] = name->offset[i] + length;
  for (int a = 0; a < n; a++) list->code[list->offset[i] + a] = artist_code(world, artists[a]);
  list->offset[i + 1] = list->offset[i] + n;
}

/* Key, mode, beats in a bar and explicit words: shares of the published tracks. */
static void fill_whole(Making *making, int64_t i, const double z[FEATURES]) {
  static const double key_below[] = {0.1146, 0.2091, 0.3112, 0.3425, 0.4215, 0.5037,
                                     0.5732, 0.6894, 0.7540, 0.8532, 0.9186};
  const World *world = &making->world;
  uint64_t at = (uint64_t)making->origin[i].song;
  const double *mean = world->mean[genre_of(world, making->origin[i].song)];
  double u = random_uniform(&world->sound, at, 20);
  int64_t key = 0;
  while (key < 11 && u >= key_below[key]) key++;
  making->column[KEY]->integer[i] = key;
  making->column[MODE]->integer[i] = random_uniform(&world->sound, at, 21) < 0.6376;
  u = random_uniform(&world->sound, at, 22);
  making->column[TIME_SIGNATURE]->integer[i] = u < 0.895 ? 4 : u < 0.9756 ? 3 : u < 0.9915 ? 5 : 1;
  double words = 0.4 * z[F_SPEECHINESS] + 0.5 * mean[G_EXPLICIT] +
                 0.768 * random_normal(&world->sound, at, 23);
  making->column[EXPLICIT]->boolean[i] = words > 1.37;
}

/* A few tracks have no beat: the service gives 0 for all that hangs on it. */
static void fill_sound(Making *making, int64_t i, const double z[FEATURES]) {
  for (int f = 0; f < FEATURES; f++) {
    const Feature *feature = &features[f];
    double value = rint(by_knots(feature_value[f], z[f]) * feature->steps) / feature->steps;
    making->column[feature->column]->real[i] = value > feature->low ? value : feature->low;
  }
  uint64_t at = (uint64_t)making->origin[i].song;
  if (random_uniform(&making->world.sound, at, 24) >= 0.0014) return;
  making->column[TEMPO]->real[i] = 0;
  making->column[DANCEABILITY]->real[i] = 0;
  making->column[VALENCE]->real[i] = 0;
  making->column[TIME_SIGNATURE]->integer[i] = 0;
}

static void fill_row(Making *making, int64_t row, int64_t i) {
  const World *world = &making->world;
  const Origin *origin = &making->origin[i];
  int64_t artists[ARTISTS_MOST];
  double z[FEATURES];
  int n = artists_of(world, origin->song, artists);
  double year = year_of(random_uniform(&world->date, (uint64_t)origin->track, 0));
  sound_of(world, origin, z);
  fill_texts(making, i, artists, n);
  fill_whole(making, i, z);
  fill_sound(making, i, z);
  double popularity = popularity_of(world, origin, z, artists_level(world, artists, n), year);
  if (origin->track != row) popularity = popularity_listed(world, row, popularity);
  making->column[POPULARITY]->real[i] = popularity;
  making->column[RELEASE]->date[i] = date_of(world, origin->track, year);
  making->column[TRACK_GENRE]->code[i] = (int32_t)genre_of(world, row);
}

/* Call one of the passes on all rows of this rank. */
static Status pass(Making *making, const Rows *rows, WorkSink *sink,
                   void (*visit)(Making *making, int64_t row, int64_t i)) {
  for (int64_t i = 0; i < rows->n; i++) {
    if (i % rows->block == 0 && work_stopping(sink))
      return status_fail(STOPPED, "stopped on request while making up tracks; run again to go on");
    visit(making, rows->begin + i, i);
  }
  return OK;
}

static Status make_columns(Making *making, int64_t n) {
  Status status = OK;
  const int64_t items[COLUMNS] = {
      [TRACK_ID] = n * WORDS_ID, [TRACK_NAME] = making->names_n, [ARTISTS] = making->codes_n};
  for (int c = 0; c < COLUMNS; c++)
    TRY(column_new(&making->column[c], columns[c].name, columns[c].type, n, items[c]));
  TRY(words_genres(making->world.genres, &making->column[TRACK_GENRE]->dictionary));
  TRY(words_artists(&making->world.cast, making->world.artists,
                    &making->column[ARTISTS]->dictionary));
done:
  return status;
}

static Status make_rows(Making *making, WorkSink *sink, Table *out) {
  Status status = OK;
  TRY(NEW(&making->origin, out->rows.n));
  TRY(pass(making, &out->rows, sink, measure_row));
  TRY(make_columns(making, out->rows.n));
  TRY(pass(making, &out->rows, sink, fill_row));
  for (int c = 0; c < COLUMNS; c++) {
    Column *column = making->column[c];
    making->column[c] = NULL;
    TRY(table_add(out, column));
  }
done:
  return status;
}

static void count_rows(const Making *making, const Rows *rows, SynthesizeCounts *counts) {
  *counts = (SynthesizeCounts){.genres = making->world.genres, .artists = making->world.artists};
  for (int64_t i = 0; i < rows->n; i++) {
    const Origin *origin = &making->origin[i];
    if (origin->track != rows->begin + i)
      counts->listings++;
    else if (origin->song != origin->track)
      counts->releases++;
  }
}

Status synthesize_plan(Schema *out) {
  Status status = OK;
  for (int c = 0; c < COLUMNS; c++) TRY(schema_add(out, columns[c].name, columns[c].type));
done:
  return status;
}

Status synthesize_all(const Comm *comm, const SynthesizeOptions *options, uint64_t seed,
                      int64_t block, WorkSink *sink, Table *out, SynthesizeCounts *counts) {
  Status status = OK;
  Making making = {0};
  Rows rows = rows_share(comm, options->rows, block);
  Status local = table_init(out, &rows);
  if (local == OK) local = world_init(&making.world, options, seed);
  if (local == OK) local = make_rows(&making, sink, out);
  AGREE(comm, local);
  count_rows(&making, &rows, counts);
  comm_sum_all(comm, &counts->listings, 1);
  comm_sum_all(comm, &counts->releases, 1);
done:
  for (int c = 0; c < COLUMNS; c++) column_release(&making.column[c]);
  memory_free(&making.world.mean);
  memory_free(&making.origin);
  return status;
}
