/* The store under trouble: every point of writing and reading made to fail on every rank, a full
 * disk, files cut off, changed and foreign. All ranks give one answer, nothing hangs, what was
 * there before is whole, and what is read is either right or refused.
 * Runs on any number of ranks: mpirun -n 5 test_io_store_fault. */
#define _GNU_SOURCE
#include <hdf5.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "tests/io/store_case.h"

enum { ROWS_OLD = 30, ROWS_NEW = 60, BLOCK = 4 };

static Comm world;
static char folder[256];
static char old_path[320], temporary[330], other[320];

/* All ranks hold the same status and message. */
static void check_agreed(Status status) {
  char mine[2048], first[2048];
  snprintf(mine, sizeof mine, "%s: %s", status_name(status), status_message());
  memcpy(first, mine, sizeof first);
  comm_broadcast_all(&world, 0, first, sizeof first);
  CHECK_TEXT(mine, first);
}

/* The artifact of ROWS_OLD rows is there, and no temporary file. */
static void check_old_whole(void) {
  StoreTexts texts;
  Fields fields;
  Case got = {0};
  CHECK_OK(store_read_all(&world, old_path, &texts, &fields, &got.rows));
  CHECK_INTEGER(got.rows.n_global, ROWS_OLD);
  CHECK_OK(case_visit(&got, &fields));
  case_compare(&got, &world);
  fields_clear(&fields);
  store_texts_clear(&texts);
  case_clear(&got);
  CHECK(!file_exists(temporary));
  comm_barrier_all(&world);
}

static Status write_new(void) {
  Case c;
  StoreTexts texts = case_texts();
  CHECK_OK(case_init(&c, &world, ROWS_NEW, BLOCK));
  fault_arm(FAULT_WRITE, 0, false);
  fault_arm(FAULT_MEMORY, 0, false);
  Status status = store_write_all(&world, old_path, &texts, &c.fields, &c.rows);
  case_clear(&c);
  return status;
}

static Status write_faulty(FaultKind kind, int rank, int64_t nth, bool all_after) {
  Case c;
  StoreTexts texts = case_texts();
  CHECK_OK(case_init(&c, &world, ROWS_NEW, BLOCK));
  fault_arm(kind, world.rank == rank ? nth : 0, all_after);
  Status status = store_write_all(&world, old_path, &texts, &c.fields, &c.rows);
  fault_arm(kind, 0, false);
  case_clear(&c);
  return status;
}

static Status read_faulty(FaultKind kind, int rank, int64_t nth, int64_t *passed) {
  StoreTexts texts;
  Fields fields;
  Rows rows;
  Hash hash;
  fault_arm(kind, world.rank == rank ? nth : 0, false);
  Status status = store_read_all(&world, old_path, &texts, &fields, &rows);
  if (status == OK && kind == FAULT_MEMORY) status = store_hash_all(&world, &fields, &rows, &hash);
  if (passed) *passed = fault_count(kind);
  fault_arm(kind, 0, false);
  fields_clear(&fields);
  store_texts_clear(&texts);
  return status;
}

static int64_t of_rank(int rank, int64_t value) {
  comm_broadcast_all(&world, rank, &value, sizeof value);
  return value;
}

static void test_write_faults(FaultKind kind, Status want) {
  CHECK_OK(write_new());
  int64_t points = fault_count(kind);
  CHECK_OK(case_write(&world, old_path, ROWS_OLD, BLOCK));
  for (int rank = 0; rank < world.size; rank++) {
    int64_t n = of_rank(rank, points);
    CHECK(n > 3);
    for (int64_t nth = 1; nth <= n; nth++) {
      Status status = write_faulty(kind, rank, nth, nth % 2 == 0);
      CHECK_INTEGER(status, want);
      check_agreed(status);
      if (kind == FAULT_WRITE) CHECK_MESSAGE(old_path);
      check_old_whole();
    }
  }
}

static void test_read_faults(FaultKind kind, Status want) {
  int64_t points = 0;
  CHECK_OK(read_faulty(kind, -1, 0, &points));
  for (int rank = 0; rank < world.size; rank++) {
    int64_t n = of_rank(rank, points);
    CHECK(n > 3);
    for (int64_t nth = 1; nth <= n; nth++) {
      Status status = read_faulty(kind, rank, nth, NULL);
      CHECK_INTEGER(status, want);
      check_agreed(status);
      if (kind == FAULT_READ) CHECK_MESSAGE(old_path);
    }
  }
  check_old_whole();
}

/* ---- a full disk ---- */

/* The limit of a file's size on one rank, or on all of them (rank -1), stands for a full disk. */
static void test_size_limit(int rank, int64_t bytes) {
  struct rlimit before, limit;
  getrlimit(RLIMIT_FSIZE, &before);
  limit = before;
  limit.rlim_cur = (rlim_t)bytes;
  if (rank < 0 || rank == world.rank) setrlimit(RLIMIT_FSIZE, &limit);
  Status status = write_new();
  setrlimit(RLIMIT_FSIZE, &before);
  CHECK_INTEGER(status, IO);
  CHECK_MESSAGE("cannot be written: File too large");
  check_agreed(status);
  check_old_whole();
}

static void test_full_disk(void) {
  int64_t mounted = 0;
  char path[320];
  snprintf(path, sizeof path, "%s/tiny", folder);
  if (world.rank == 0) {
    CHECK_OK(file_make_folder(path));
    mounted = mount("tmpfs", path, "tmpfs", 0, "size=200k") == 0;
  }
  comm_broadcast_all(&world, 0, &mounted, sizeof mounted);
  if (!mounted) {
    if (world.rank == 0) printf("skipped: a full disk (may not mount a file system here)\n");
    return;
  }
  strcat(path, "/a.h5");
  Status status = case_write(&world, path, ROWS_NEW, BLOCK);
  CHECK_INTEGER(status, IO);
  CHECK_MESSAGE("cannot be written: No space left on device");
  check_agreed(status);
  CHECK(!file_exists(path));
  comm_barrier_all(&world);
  *strrchr(path, '/') = 0;
  if (world.rank == 0) CHECK_INTEGER(umount(path), 0);
}

/* ---- damage ---- */

static void put_bytes(const char *path, const char *bytes, int64_t n) {
  if (world.rank == 0) {
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(bytes, 1, (size_t)n, file) == (size_t)n);
    if (file) fclose(file);
  }
  comm_barrier_all(&world);
}

/* Reading `other` gives FORMAT, or exactly the content of this hash. */
static void check_read(const Hash *hash, const char *key, int64_t *refused) {
  StoreTexts texts;
  Fields fields;
  Rows rows;
  Hash now = hash_zero();
  Status status = store_read_all(&world, other, &texts, &fields, &rows);
  check_agreed(status);
  if (status == OK) {
    CHECK_OK(store_hash_all(&world, &fields, &rows, &now));
    CHECK_INTEGER(hash_compare(&now, hash), 0);
    CHECK_TEXT(store_text(&texts, "key"), key);
  } else {
    CHECK_INTEGER(status, FORMAT);
    CHECK_MESSAGE(other);
    CHECK_MESSAGE("delete it or run with --force other");
    (*refused)++;
  }
  fields_clear(&fields);
  store_texts_clear(&texts);
  comm_barrier_all(&world);
}

/* A file of mostly metadata; the large arrays are left out. */
static Hash write_small(void) {
  Case c;
  Hash hash = hash_zero();
  StoreText item = {"key", "0123456789"};
  StoreTexts texts = {.n = 1, .items = &item};
  CHECK_OK(case_init(&c, &world, ROWS_NEW, BLOCK));
  for (int64_t i = 0; i < c.fields.n; i++) {
    Field *field = &c.fields.items[i];
    if (strcmp(field->name, "model/wide") == 0) field->shape[0] = 40;
    if (strcmp(field->name, "model/integer") == 0) field->shape[0] = 5000;
  }
  CHECK_OK(store_hash_all(&world, &c.fields, &c.rows, &hash));
  CHECK_OK(store_write_all(&world, other, &texts, &c.fields, &c.rows));
  case_clear(&c);
  return hash;
}

static void test_damage(uint64_t seed) {
  Hash hash = write_small();
  char *bytes = NULL;
  int64_t n = 0, cut = 0, flipped = 0, garbled = 0;
  CHECK_OK(file_read(other, &bytes, &n));
  comm_barrier_all(&world);
  for (int64_t i = 0; i < 60; i++) {
    put_bytes(other, bytes, (int64_t)(hash_mix(seed + (uint64_t)i) % (uint64_t)n));
    check_read(&hash, "0123456789", &cut);
  }
  CHECK_INTEGER(cut, 60);
  for (int64_t i = 0; i < 400; i++) {
    uint64_t random = hash_mix(seed * 31 + (uint64_t)i);
    int64_t at = (int64_t)(random % (uint64_t)n);
    bytes[at] ^= (char)(1 << (random >> 60) % 8);
    put_bytes(other, bytes, n);
    check_read(&hash, "0123456789", &flipped);
    bytes[at] ^= (char)(1 << (random >> 60) % 8);
  }
  char *copy = NULL;
  CHECK_OK(NEW(&copy, n));
  for (int64_t i = 0; i < 60; i++) {
    uint64_t random = hash_mix(seed * 37 + (uint64_t)i);
    int64_t at = (int64_t)(random % (uint64_t)n), length = 1 + (int64_t)(random >> 40) % 4096;
    if (length > n - at) length = n - at;
    memcpy(copy, bytes, (size_t)n);
    for (int64_t j = 0; j < length; j++) copy[at + j] = (char)case_value(random, j);
    put_bytes(other, copy, n);
    check_read(&hash, "0123456789", &garbled);
  }
  if (world.rank == 0)
    printf("%lld bytes: %lld of 400 flips and %lld of 60 garbled runs refused\n", (long long)n,
           (long long)flipped, (long long)garbled);
  CHECK(flipped > 40 && garbled > 20);
  memory_free(&copy);
  memory_free(&bytes);
}

/* ---- files of others ---- */

static void check_foreign(const char *part) {
  int64_t refused = 0;
  Hash hash = hash_zero();
  comm_barrier_all(&world);
  check_read(&hash, "", &refused);
  CHECK_INTEGER(refused, 1);
  CHECK_MESSAGE(part);
}

static void put_number(hid_t file, const char *name, int64_t value) {
  hid_t space = H5Screate(H5S_SCALAR);
  hid_t id = H5Acreate2(file, name, H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(id, H5T_NATIVE_INT64, &value);
  H5Aclose(id);
  H5Sclose(space);
}

static hid_t new_file(int64_t version) {
  hid_t file = H5Fcreate(other, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  if (version > 0) put_number(file, "segue_store_version", version);
  put_number(file, "n_global", -1);
  put_number(file, "block", 0);
  return file;
}

/* A data set that claims this shape and holds nothing. */
static void put_claim(hid_t file, hid_t type, hsize_t extent, hsize_t chunk) {
  hid_t space = H5Screate_simple(1, &extent, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
  if (chunk > 0) {
    H5Pset_chunk(list, 1, &chunk);
    H5Pset_shuffle(list);
    H5Pset_deflate(list, 1);
    H5Pset_fletcher32(list);
  }
  hid_t id = H5Dcreate2(file, "claim", type, space, H5P_DEFAULT, list, H5P_DEFAULT);
  CHECK(id >= 0);
  H5Dclose(id);
  H5Pclose(list);
  H5Sclose(space);
}

typedef enum Foreign {
  OF_SOMETHING_ELSE,
  OF_OTHER_VERSION,
  WITH_CONTIGUOUS,
  WITH_HUGE,
  WITH_BIG_ENDIAN,
  WITH_SOFT_LINK,
  WITH_CYCLE,
  WITH_DEAD_LINK,
  FOREIGN_KINDS
} Foreign;

static const char *const foreign_parts[FOREIGN_KINDS] = {"an HDF5 file of something else",
                                                         "store version 99",
                                                         "not laid out as",
                                                         "lacks a part",
                                                         "no type of ours",
                                                         "a link of a kind",
                                                         "too deep",
                                                         "link to nothing"};

static void make_foreign(Foreign kind) {
  hid_t file = new_file(kind == OF_SOMETHING_ELSE ? 0 : kind == OF_OTHER_VERSION ? 99 : 1);
  if (kind == WITH_CONTIGUOUS) put_claim(file, H5T_IEEE_F64LE, 100, 0);
  if (kind == WITH_HUGE) put_claim(file, H5T_IEEE_F64LE, (hsize_t)1 << 50, 1 << 20);
  if (kind == WITH_BIG_ENDIAN) put_claim(file, H5T_IEEE_F64BE, 100, 0);
  if (kind == WITH_SOFT_LINK) H5Lcreate_soft("/x", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
  if (kind == WITH_DEAD_LINK)
    H5Lcreate_external("other.h5", "nowhere", file, "dead", H5P_DEFAULT, H5P_DEFAULT);
  if (kind == WITH_CYCLE) H5Lcreate_hard(file, "/", file, "again", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
}

static void test_foreign(void) {
  static const char text[] = "track_id,artists\n1,somebody\n";
  put_bytes(other, text, sizeof text - 1);
  check_foreign("not an HDF5 file, cut off or damaged");
  put_bytes(other, text, 0);
  check_foreign("not an HDF5 file, cut off or damaged");
  for (int kind = 0; kind < FOREIGN_KINDS; kind++) {
    if (world.rank == 0) make_foreign((Foreign)kind);
    check_foreign(foreign_parts[kind]);
  }
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  world = comm_world();
  signal(SIGXFSZ, SIG_IGN);
  case_folder(&world, "store-fault", folder);
  snprintf(old_path, sizeof old_path, "%s/old.h5", folder);
  snprintf(temporary, sizeof temporary, "%s.tmp", old_path);
  snprintf(other, sizeof other, "%s/other.h5", folder);
  uint64_t seed = argc > 1 ? (uint64_t)strtoll(argv[1], NULL, 10) : (uint64_t)getpid();
  comm_broadcast_all(&world, 0, &seed, sizeof seed);
  if (world.rank == 0) printf("seed %llu\n", (unsigned long long)seed);
  test_write_faults(FAULT_WRITE, IO);
  test_write_faults(FAULT_MEMORY, MEMORY);
  test_read_faults(FAULT_READ, IO);
  test_read_faults(FAULT_MEMORY, MEMORY);
  for (int rank = -1; rank < world.size; rank++)
    if (world.size > 1 || rank < 0) test_size_limit(rank, 10000);
  test_size_limit(-1, 200000);
  test_full_disk();
  test_damage(seed);
  test_foreign();
  case_remove(&world, folder);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("store_fault");
  MPI_Finalize();
  return failed;
}
