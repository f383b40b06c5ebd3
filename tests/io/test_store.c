/* The store: what is written on some ranks is read on others, byte for byte, also over links;
 * equal hashes and equal files for any number of ranks; what cannot be stored is refused.
 * Runs on any number of ranks: mpirun -n 5 test_io_store. */
#define _GNU_SOURCE
#include <hdf5.h>

#include "tests/io/store_case.h"

static Comm world;
static char folder[256];

static const char *file_of(const char *name) {
  static char path[320];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

/* A communicator of the first `size` ranks; the others get one of their own and stay away. */
static bool first_ranks(int size, Comm *comm) {
  comm_split_all(&world, world.rank < size, comm);
  return world.rank < size;
}

static bool same_text(const char *a, const char *b) { return a && strcmp(a, b) == 0; }

static void read_and_compare(const Comm *comm, const char *path, const Hash *hash) {
  StoreTexts texts, wanted = case_texts();
  Fields fields;
  Case got = {0};
  Hash again;
  CHECK_OK(store_read_all(comm, path, &texts, &fields, &got.rows));
  CHECK_OK(store_hash_all(comm, &fields, &got.rows, &again));
  CHECK_INTEGER(hash_compare(&again, hash), 0);
  for (int64_t i = 0; i < wanted.n; i++)
    CHECK(same_text(store_text(&texts, wanted.items[i].name), wanted.items[i].text));
  CHECK_INTEGER(texts.n, wanted.n);
  CHECK(store_text(&texts, "absent") == NULL);
  const Field *field = fields_find(&fields, "columns/genres: all/codes");
  CHECK(field && field->origin && strcmp(field->origin, "a.h5:columns/genres: all/codes") == 0);
  CHECK_OK(case_visit(&got, &fields));
  case_compare(&got, comm);
  fields_clear(&fields);
  store_texts_clear(&texts);
  case_clear(&got);
}

static void test_round_trip(int64_t n_global, int64_t block) {
  Hash first = hash_zero(), file = hash_zero();
  for (int writers = 1; writers <= world.size; writers++) {
    Comm comm;
    char path[320];
    snprintf(path, sizeof path, "%s", file_of("a.h5"));
    if (first_ranks(writers, &comm)) {
      Case c;
      Hash hash;
      CHECK_OK(case_init(&c, &comm, n_global, block));
      CHECK_OK(store_hash_all(&comm, &c.fields, &c.rows, &hash));
      if (writers == 1) first = hash;
      case_clear(&c);
      CHECK_OK(case_write(&comm, path, n_global, block));
    }
    comm_clear_all(&comm);
    comm_broadcast_all(&world, 0, &first, sizeof first);
    Hash now;
    CHECK_OK(file_hash_all(&world, path, &now));
    if (writers == 1) file = now;
    CHECK_INTEGER(hash_compare(&now, &file), 0);
    for (int readers = 1; readers <= world.size; readers++) {
      if (first_ranks(readers, &comm)) read_and_compare(&comm, path, &first);
      comm_clear_all(&comm);
      comm_barrier_all(&world);
    }
  }
}

/* ---- links ---- */

/* b.h5 holds one column of its own and links to a.h5 for the rest; c.h5 is made of what was read
 * from b.h5 and links to a.h5 and b.h5. */
static Status write_linked(const char *from, const char *to, const char *own) {
  Status status = OK;
  StoreTexts texts = {0};
  Fields fields;
  Rows rows;
  TRY(store_read_all(&world, file_of(from), &texts, &fields, &rows));
  for (int64_t i = 0; i < fields.n; i++)
    if (own && strcmp(fields.items[i].name, own) == 0) memory_free(&fields.items[i].origin);
  char path[320];
  snprintf(path, sizeof path, "%s", file_of(to));
  TRY(store_write_all(&world, path, NULL, &fields, &rows));
done:
  fields_clear(&fields);
  store_texts_clear(&texts);
  return status;
}

static void test_links(void) {
  StoreTexts texts;
  Fields fields;
  Case got = {0};
  struct stat whole, linked;
  CHECK_OK(case_write(&world, file_of("a.h5"), 3000, 16));
  CHECK_OK(write_linked("a.h5", "b.h5", "columns/real"));
  CHECK_OK(write_linked("b.h5", "c.h5", NULL));
  CHECK_OK(store_read_all(&world, file_of("c.h5"), &texts, &fields, &got.rows));
  const Field *real = fields_find(&fields, "columns/real");
  const Field *bytes = fields_find(&fields, "columns/name/bytes");
  CHECK(real && real->origin && strcmp(real->origin, "b.h5:columns/real") == 0);
  CHECK(bytes && bytes->origin && strcmp(bytes->origin, "a.h5:columns/name/bytes") == 0);
  CHECK_OK(case_visit(&got, &fields));
  case_compare(&got, &world);
  case_clear(&got);
  fields_clear(&fields);
  store_texts_clear(&texts);
  stat(file_of("a.h5"), &whole);
  stat(file_of("c.h5"), &linked);
  CHECK(linked.st_size * 4 < whole.st_size);
  /* Over itself: nothing may become a link to itself. */
  CHECK_OK(write_linked("a.h5", "a.h5", NULL));
  CHECK_OK(write_linked("a.h5", "b.h5", NULL));
  comm_barrier_all(&world);
  if (world.rank == 0) unlink(file_of("a.h5"));
  comm_barrier_all(&world);
  CHECK_INTEGER(store_read_all(&world, file_of("b.h5"), &texts, &fields, &got.rows), IO);
  CHECK_MESSAGE("a.h5");
  CHECK_MESSAGE("b.h5");
  fields_clear(&fields);
  store_texts_clear(&texts);
}

/* ---- small things ---- */

static void test_bare(void) {
  StoreTexts texts = {0};
  Fields fields;
  Rows rows;
  char path[320];
  snprintf(path, sizeof path, "%s", file_of("bare.h5"));
  fields_init(&fields, FIELDS_OUT);
  CHECK_OK(store_write_all(&world, path, &texts, &fields, NULL));
  CHECK_OK(store_read_all(&world, path, &texts, &fields, &rows));
  CHECK_INTEGER(rows.n_global, -1);
  CHECK_INTEGER(fields.n, 0);
  CHECK_INTEGER(texts.n, 0);
  fields_clear(&fields);
  store_texts_clear(&texts);
  CHECK_OK(case_write(&world, path, 20, 4));
  CHECK_OK(store_read_texts_all(&world, path, &texts));
  CHECK_INTEGER(texts.n, 3);
  CHECK(same_text(store_text(&texts, "summary"), case_long_text));
  store_texts_clear(&texts);
  CHECK_INTEGER(store_read_texts_all(&world, file_of("absent.h5"), &texts), IO);
  CHECK_MESSAGE("absent.h5: cannot be read: No such file");
  store_texts_clear(&texts);
}

/* The first write fails with INVALID and this part of a message. */
static void check_refused(Case *c, const Rows *rows, const char *part) {
  char path[320];
  snprintf(path, sizeof path, "%s", file_of("refused.h5"));
  CHECK_INTEGER(store_write_all(&world, path, NULL, &c->fields, rows), INVALID);
  CHECK_MESSAGE(part);
  CHECK(!file_exists(path));
  comm_barrier_all(&world);
  CHECK(!file_exists(file_of("refused.h5.tmp")));
}

static void test_refused(void) {
  Case c;
  CHECK_OK(case_init(&c, &world, 40, 4));
  check_refused(&c, NULL, "its rows are not given");
  Rows other = c.rows;
  other.n++;
  check_refused(&c, &other, "items for");
  Field *last = &c.fields.items[c.fields.n - 1]; /* columns/name/bytes */
  if (world.rank == world.size - 1) last->shape[0]--;
  check_refused(&c, &c.rows, "its lengths sum to");
  if (world.rank == world.size - 1) last->shape[0]++;
  char *name = c.fields.items[0].name;
  char *const bad[] = {"texts/a", "a//b", "/a", "a/", "./a", "", "columns/real/x", "columns/real"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    c.fields.items[0].name = bad[i];
    check_refused(&c, &c.rows, i < 6 ? bad[i] : "columns/real");
  }
  c.fields.items[0].name = name;
  case_clear(&c);
}

static Hash hash_of(Fields *fields, const Rows *rows) {
  Hash hash = hash_zero();
  CHECK_OK(store_hash_all(&world, fields, rows, &hash));
  return hash;
}

static void test_hash(void) {
  Case c;
  CHECK_OK(case_init(&c, &world, 100, 4));
  Hash plain = hash_of(&c.fields, &c.rows), now;
  for (int64_t i = 0; i < c.rows.n; i++)
    if (isnan(c.real[i])) c.real[i] = -c.real[i];
  now = hash_of(&c.fields, &c.rows);
  CHECK_INTEGER(hash_compare(&now, &plain), 0);
  Field swap = c.fields.items[0]; /* the order of fields does not count */
  c.fields.items[0] = c.fields.items[9];
  c.fields.items[9] = swap;
  now = hash_of(&c.fields, &c.rows);
  CHECK_INTEGER(hash_compare(&now, &plain), 0);
  if (world.rank == world.size - 1) c.codes[0]++; /* one value on one rank does */
  now = hash_of(&c.fields, &c.rows);
  CHECK(hash_compare(&now, &plain) != 0);
  if (world.rank == world.size - 1) c.codes[0]--;
  char *name = c.fields.items[3].name;
  c.fields.items[3].name = "model/wider";
  now = hash_of(&c.fields, &c.rows);
  CHECK(hash_compare(&now, &plain) != 0);
  c.fields.items[3].name = name;
  int64_t *shape = NULL;
  for (int64_t i = 0; i < c.fields.n; i++)
    if (strcmp(c.fields.items[i].name, "model/wide") == 0) shape = c.fields.items[i].shape;
  shape[0] = 3, shape[1] = CASE_WIDE / 3;
  now = hash_of(&c.fields, &c.rows);
  CHECK(hash_compare(&now, &plain) != 0);
  case_clear(&c);
}

/* Another HDF5 program reads it: HDF5's own driver and filters give our values. */
static void test_foreign_reader(void) {
  char path[320];
  snprintf(path, sizeof path, "%s", file_of("a.h5"));
  CHECK_OK(case_write(&world, path, 30000, 1024));
  if (world.rank != 0) return;
  Comm self = comm_self();
  Case want;
  CHECK_OK(case_init(&want, &self, 30000, 1024));
  double *real = NULL;
  uint16_t *pairs = NULL;
  CHECK_OK(NEW(&real, 30000));
  CHECK_OK(NEW(&pairs, 180000));
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  hid_t id = H5Dopen2(file, "columns/real", H5P_DEFAULT);
  CHECK(H5Dread(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, real) >= 0);
  CHECK(H5Dget_storage_size(id) < 8 * 30000);
  H5Dclose(id);
  id = H5Dopen2(file, "columns/pairs", H5P_DEFAULT);
  CHECK(H5Dread(id, H5T_NATIVE_USHORT, H5S_ALL, H5S_ALL, H5P_DEFAULT, pairs) >= 0);
  H5Dclose(id);
  H5Fclose(file);
  CHECK(same_bytes(real, want.real, 8 * 30000));
  CHECK(same_bytes(pairs, want.pairs, 12 * 30000));
  memory_free(&real);
  memory_free(&pairs);
  case_clear(&want);
}

/* Numbers whose lower bytes are noise stand in the stream undeflated, in one stored block or in
 * several; HDF5's own filters and ours read them alike. */
static void test_noise(void) {
  enum { N = 60000 };
  static const char *const names[] = {"fraction", "wide", "whole", "count"};
  static const FieldType types[] = {FIELD_REAL, FIELD_REAL, FIELD_INTEGER, FIELD_INTEGER};
  char path[320];
  int64_t *values[4] = {NULL}, shapes[4][2] = {{N, 1}, {3, N / 3}, {N, 1}, {N, 1}};
  Fields fields, back;
  Rows rows;
  StoreTexts texts;
  snprintf(path, sizeof path, "%s", file_of("noise.h5"));
  fields_init(&fields, FIELDS_OUT);
  for (int f = 0; f < 4; f++) {
    CHECK_OK(NEW(&values[f], N));
    for (int64_t i = 0; i < N; i++) {
      uint64_t random = case_value(40 + (uint64_t)f, i);
      double real = (double)(random % 1000000) / 1000;
      int64_t whole = f == 3 ? i : (int64_t)(random & UINT32_MAX);
      memcpy(&values[f][i], f < 2 ? (void *)&real : (void *)&whole, 8);
    }
    CHECK_OK(fields_array(&fields, names[f], types[f], &values[f], 2, shapes[f]));
  }
  CHECK_OK(store_write_all(&world, path, NULL, &fields, NULL));
  CHECK_OK(store_read_all(&world, path, &texts, &back, &rows));
  for (int f = 0; f < 4; f++) {
    const Field *field = fields_find(&back, names[f]);
    CHECK(field && same_bytes(field->data, values[f], 8 * N));
  }
  int64_t *read = NULL;
  CHECK_OK(NEW(&read, N));
  hid_t file = world.rank == 0 ? H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT) : -1;
  for (int f = 0; world.rank == 0 && f < 4; f++) {
    hid_t id = H5Dopen2(file, names[f], H5P_DEFAULT);
    hid_t type = f < 2 ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64;
    CHECK(H5Dread(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, read) >= 0);
    CHECK(same_bytes(read, values[f], 8 * N));
    CHECK(H5Dget_storage_size(id) < 8 * N * 15 / 16);
    H5Dclose(id);
  }
  if (file >= 0) H5Fclose(file);
  memory_free(&read);
  store_texts_clear(&texts);
  fields_clear(&back);
  fields_clear(&fields);
  for (int f = 0; f < 4; f++) memory_free(&values[f]);
}

static void put_bytes(const char *path, const char *bytes, int64_t n) {
  FILE *file = fopen(path, "wb");
  CHECK(file && fwrite(bytes, 1, (size_t)n, file) == (size_t)n);
  if (file) fclose(file);
}

static void test_units(void) {
  Fields fields, out;
  Fields back;
  int64_t seven = 7, n = 3, got = 0;
  double values[3] = {1, NAN, -0.0}, *array = values;
  char path[340];
  snprintf(path, sizeof path, "%s.%d", file_of("unit"), world.rank);
  fields_init(&fields, FIELDS_OUT);
  CHECK_OK(fields_integer(&fields, "seven", &seven));
  CHECK_OK(fields_array(&fields, "values", FIELD_REAL, &array, 1, &n));
  CHECK_OK(store_write_unit(path, &fields));
  CHECK_OK(store_read_unit(path, &out));
  CHECK_OK(fields_integer(&out, "seven", &got));
  CHECK_INTEGER(got, 7);
  array = NULL;
  CHECK_OK(fields_array(&out, "values", FIELD_REAL, &array, 1, &n));
  CHECK(same_bytes(array, values, 24));
  memory_free(&array);
  fields_clear(&out);
  char *bytes = NULL;
  int64_t length = 0;
  CHECK_OK(file_read(path, &bytes, &length));
  for (int64_t at = 0; at < length; at++) { /* every single byte counts */
    bytes[at] ^= 4;
    put_bytes(path, bytes, length);
    CHECK_INTEGER(store_read_unit(path, &back), FORMAT);
    fields_clear(&back);
    bytes[at] ^= 4;
    put_bytes(path, bytes, at);
    CHECK_INTEGER(store_read_unit(path, &back), FORMAT);
    CHECK_MESSAGE(path);
    fields_clear(&back);
  }
  memory_free(&bytes);
  unlink(path);
  CHECK_INTEGER(store_read_unit(path, &back), IO);
  fields_clear(&back);
  fields_clear(&fields);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  world = comm_world();
  case_folder(&world, "store", folder);
  static const int64_t sizes[][2] = {{0, 4}, {1, 4}, {9, 4}, {333, 16}, {40000, 1024}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    test_round_trip(sizes[i][0], sizes[i][1]);
  test_links();
  test_bare();
  test_refused();
  test_hash();
  test_foreign_reader();
  test_noise();
  test_units();
  case_remove(&world, folder);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("store");
  MPI_Finalize();
  return failed;
}
